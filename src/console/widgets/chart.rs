//! Stacked columns of eighths of a row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::{number, put};
use crate::console::theme::Theme;

const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Where the parts of a column end, in eighths of a row; what is not nothing is at least seen.
pub fn tops(parts: &[u64; 3], most: u64, full: u64) -> [u64; 3] {
    let mut sum = 0;
    parts.map(|part| {
        sum += part;
        (sum * full).div_ceil(most.max(1)).min(full)
    })
}

/// One stacked column, in eighths of a row; without colours in whole rows, a shade a part.
pub fn column(theme: &Theme, area: Rect, tops: &[u64; 3], styles: &[Style; 3], ground: Style, buf: &mut Buffer) {
    let x = area.x;
    let shades = if theme.ascii { ["#", "=", "."] } else { ["█", "▓", "░"] };
    for row in 0..u64::from(area.height) {
        let y = area.bottom() - 1 - row as u16;
        let bottom = row * 8;
        let Some(part) = tops.iter().position(|top| *top > bottom) else {
            put(buf, x, y, 1, " ", ground);
            continue;
        };
        if theme.mono || theme.ascii {
            let middle = tops.iter().position(|top| *top > bottom + 3);
            let (glyph, style) = match middle.or((row == 0).then_some(part)) {
                Some(part) => (shades[part], ground.patch(Style { bg: None, ..styles[part] })),
                None => (" ", ground),
            };
            put(buf, x, y, 1, glyph, style);
            continue;
        }
        let filled = (tops[part] - bottom).min(8);
        let mut style = Style { bg: ground.bg, ..styles[part] };
        // A part that begins within the cell is its ground, when it reaches the cell's top.
        let next = tops.iter().position(|top| *top >= bottom + 8);
        let (filled, glyph_style) = match next {
            Some(next) if filled < 8 => {
                style.bg = styles[next].fg;
                (filled, style)
            }
            // The column ends in this cell: one part gives it its colour.
            _ if filled < 8 => (tops[2] - bottom, style),
            _ => (8, style),
        };
        put(buf, x, y, 1, EIGHTHS[filled.min(8) as usize], glyph_style);
    }
}

/// The next round number: the scale then stays while the newest column grows, and so does what stands on the screen.
pub fn round_up(n: u64) -> u64 {
    if n == 0 {
        return 0;
    }
    let power = 10_u64.pow(n.ilog10());
    let steps = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100];
    steps.into_iter().map(|step| (step * power).div_ceil(10)).find(|round| *round >= n).unwrap_or(n)
}

/// A count in six columns.
pub fn compact(n: u64) -> String {
    match n {
        0..1_000_000 => number(n).replace(',', if n < 100_000 { "," } else { "" }),
        1_000_000..1_000_000_000 => format!("{:.1}M", n as f64 / 1e6),
        _ => format!("{:.1}G", n as f64 / 1e9),
    }
}
