//! Colours and what is left of them on lesser terminals.

use ratatui::style::Color;

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, dim, underline and reverse only.
    Mono,
    Ansi16,
    Indexed256,
    True,
}

impl Depth {
    /// From the environment, as `lookup` reads it: `NO_COLOR`, `COLORTERM`, `TERM`. OpenSSH does not hand `COLORTERM` on,
    /// so 256 colours are the common case on a jump host.
    pub fn detect(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, test: fn(&str) -> bool| lookup(name).is_some_and(|value| test(&value));
        if is("NO_COLOR", |v| !v.is_empty()) || is("TERM", |v| v == "dumb" || v.ends_with("-m") || v == "vt100") {
            Self::Mono
        } else if is("COLORTERM", |v| v == "truecolor" || v == "24bit") {
            Self::True
        } else if is("TERM", |v| v.contains("256color") || v.contains("kitty") || v.contains("alacritty")) {
            Self::Indexed256
        } else {
            Self::Ansi16
        }
    }
}

const NAMES: [(&str, Color); 17] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// The red, green and blue of the sixteen, in the order of `NAMES` without `default`, as xterm has them.
const SIXTEEN: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// Reads `#rrggbb`, an ANSI name, or a number of the 256.
pub fn parse(text: &str) -> Result<Color, String> {
    let hex = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    if text.starts_with('#')
        && text.len() == 7
        && let (Some(r), Some(g), Some(b)) = (hex(1), hex(3), hex(5))
    {
        return Ok(Color::Rgb(r, g, b));
    }
    let named = NAMES.iter().find(|(name, _)| *name == text).map(|(_, colour)| *colour);
    named
        .or_else(|| text.parse().ok().map(Color::Indexed))
        .ok_or_else(|| format!("'{text}' is no colour: #rrggbb, 0 to 255, or a name such as bright-blue"))
}

/// The nearest colour at a depth; `None` where there is none.
pub fn reduce(colour: Color, depth: Depth) -> Option<Color> {
    match (colour, depth) {
        (_, Depth::Mono) => None,
        (Color::Rgb(r, g, b), Depth::Indexed256) => Some(Color::Indexed(nearest_256((r, g, b)))),
        (Color::Rgb(r, g, b), Depth::Ansi16) => Some(nearest_16((r, g, b))),
        (Color::Indexed(n), Depth::Ansi16) => Some(nearest_16(rgb_of(n))),
        (colour, _) => Some(colour),
    }
}

const fn level(n: u8) -> u8 {
    if n == 0 { 0 } else { 55 + 40 * n }
}

/// What a number of the 256 looks like.
fn rgb_of(n: u8) -> (u8, u8, u8) {
    match n {
        0..16 => SIXTEEN[usize::from(n)],
        16..232 => (level((n - 16) / 36), level((n - 16) / 6 % 6), level((n - 16) % 6)),
        _ => (8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232)),
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    // The eye weighs green most, blue least.
    2 * square(a.0, b.0) + 4 * square(a.1, b.1) + 3 * square(a.2, b.2)
}

/// The first sixteen are left out: people repaint them.
fn nearest_256(rgb: (u8, u8, u8)) -> u8 {
    (16..=255).min_by_key(|n| distance(rgb, rgb_of(*n))).unwrap_or(7)
}

fn nearest_16(rgb: (u8, u8, u8)) -> Color {
    let nearest = (0..16).min_by_key(|n| distance(rgb, SIXTEEN[*n])).unwrap_or(7);
    NAMES[nearest + 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_follows_the_environment() {
        let detect = |pairs: &[(&str, &str)]| {
            Depth::detect(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(detect(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Depth::True);
        assert_eq!(detect(&[("TERM", "xterm-256color")]), Depth::Indexed256);
        assert_eq!(detect(&[("TERM", "xterm")]), Depth::Ansi16);
        assert_eq!(detect(&[("TERM", "dumb")]), Depth::Mono);
        assert_eq!(detect(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Depth::Mono);
        assert_eq!(detect(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]), Depth::Indexed256);
    }

    #[test]
    fn colours_become_their_nearest_neighbours() {
        assert_eq!(reduce(Color::Rgb(255, 0, 0), Depth::Indexed256), Some(Color::Indexed(196)));
        assert_eq!(reduce(Color::Rgb(238, 238, 238), Depth::Indexed256), Some(Color::Indexed(255)));
        assert_eq!(reduce(Color::Rgb(250, 10, 10), Depth::Ansi16), Some(Color::LightRed));
        assert_eq!(reduce(Color::Reset, Depth::Ansi16), Some(Color::Reset));
        assert_eq!(reduce(Color::Red, Depth::Mono), None);
    }
}
