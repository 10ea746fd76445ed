//! What is laid over the panes and takes the keys: a prompt, the palette, help.

use super::input::Input;
use crate::console::action::Context;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Typing the tail's filter; `before` comes back when it is given up.
    Filter {
        input: Input,
        before: String,
    },
    /// Typing another name for what stands at the editor's cursor.
    Rename {
        input: Input,
    },
    Palette {
        input: Input,
        selected: usize,
    },
    Help {
        input: Input,
        scroll: usize,
    },
}

impl Layer {
    pub const fn context(&self) -> Context {
        match self {
            Self::Filter { .. } | Self::Rename { .. } => Context::Prompt,
            Self::Palette { .. } => Context::Palette,
            Self::Help { .. } => Context::Help,
        }
    }

    pub const fn input(&mut self) -> &mut Input {
        match self {
            Self::Filter { input, .. }
            | Self::Rename { input }
            | Self::Palette { input, .. }
            | Self::Help { input, .. } => input,
        }
    }
}
