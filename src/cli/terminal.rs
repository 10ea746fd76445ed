//! What `--color`, `--ascii` and `--plain` mean for what is drawn.

use super::args::{Color, Global};
use crate::console::theme::Depth;

/// The colours to use, `var` reading the environment.
pub fn depth(global: &Global, var: impl Fn(&str) -> Option<String>) -> Depth {
    match global.color {
        _ if global.plain => Depth::Mono,
        Color::Never => Depth::Mono,
        Color::Sixteen => Depth::Ansi16,
        Color::TwoFiftySix => Depth::Indexed256,
        Color::True => Depth::True,
        Color::Auto => Depth::detect(var),
    }
}

/// Can the console draw here, and be typed into?
pub fn is_there() -> bool {
    use std::io::IsTerminal as _;
    std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}
