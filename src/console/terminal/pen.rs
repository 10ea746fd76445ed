//! The pen: cells into terminal bytes, as few as will do.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// Modifiers that show on a blank cell.
const VISIBLE_ON_BLANK: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT);

/// Columns a cell takes on the terminal.
pub fn width(cell: &Cell) -> usize {
    let symbol = cell.symbol();
    if symbol.len() == 1 { 1 } else { symbol.width() }
}

/// Does the cell show nothing but its background?
pub fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && !cell.modifier.intersects(VISIBLE_ON_BLANK)
}

/// Do both cells look the same? The foreground of a blank does not count.
pub fn looks_same(a: &Cell, b: &Cell) -> bool {
    a == b || (is_blank(a) && is_blank(b) && a.bg == b.bg)
}

/// Symbols that every terminal draws one column wide. After any other one that is not ASCII the cursor is moved to where it should be, so that a
/// terminal of another opinion cannot shift the rest of the row.
fn surely_one_column(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => c.is_ascii() || ('\u{2500}'..='\u{259f}').contains(&c),
        _ => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Look = Look { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

/// Writes cells at places. The look is plain and the place unknown at the start of a frame.
#[derive(Debug)]
pub struct Pen {
    out: Vec<u8>,
    look: Look,
    at: Option<(u16, u16)>,
    columns: u16,
}

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} on {:?} {:?}", self.fg, self.bg, self.modifier)
    }
}

impl Pen {
    /// A pen for rows of `columns` cells that appends to `out`.
    pub fn new(out: Vec<u8>, columns: u16) -> Self {
        Self { out, look: PLAIN, at: None, columns }
    }

    /// Back to the plain look; the bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.plain();
        self.out
    }

    /// Writes one row's cells where they differ. `was` and `cells` are of one length.
    pub fn row(&mut self, y: u16, was: &[Cell], cells: &[Cell]) {
        let Some(first) = (0..cells.len()).find(|x| !looks_same(&was[*x], &cells[*x])) else { return };
        // A half-overwritten wide character is drawn differently from terminal to terminal: such a row is written whole.
        let wide = was.iter().chain(cells).any(|cell| width(cell) != 1);
        let end = cells.iter().rposition(|cell| !is_blank(cell) || cell.bg != Color::Reset).map_or(0, |last| last + 1);
        let mut x = if wide { 0 } else { first };
        while x < cells.len() {
            if !wide && looks_same(&was[x], &cells[x]) {
                x += 1;
                continue;
            }
            if x >= end && cells.len() - x > 3 {
                self.move_to(x as u16, y, cells);
                self.background(Color::Reset);
                self.out.extend_from_slice(b"\x1b[K");
                return;
            }
            self.move_to(x as u16, y, cells);
            self.put(&cells[x]);
            x += width(&cells[x]).max(1);
        }
    }

    /// Moves the rows `top..bottom` up by `by` (down when negative); blank rows come in at the other end.
    pub fn scroll(&mut self, top: u16, bottom: u16, by: i16) {
        self.plain();
        let (count, verb) = (by.unsigned_abs(), if by > 0 { 'S' } else { 'T' });
        self.write(format_args!("\x1b[{};{}r\x1b[{count}{verb}\x1b[r", top + 1, bottom));
        self.at = None;
    }

    /// Raw bytes of our own, for modes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.at = None;
    }

    /// Puts the cursor at a place, whatever is there.
    pub fn place(&mut self, x: u16, y: u16) {
        self.write(format_args!("\x1b[{};{}H", y + 1, x + 1));
        self.at = Some((x, y));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        use std::io::Write;
        // Writing to a vector cannot fail.
        let _ = self.out.write_fmt(text);
    }

    fn move_to(&mut self, x: u16, y: u16, cells: &[Cell]) {
        match self.at {
            Some(at) if at == (x, y) => return,
            Some((from, row)) if row == y && from < x => {
                let gap = &cells[usize::from(from)..usize::from(x)];
                // Three letters cost less than a move.
                if gap.len() <= 3 && gap.iter().all(|cell| cell.symbol().len() == 1 && self.would_be_free(cell)) {
                    for cell in gap {
                        self.out.extend_from_slice(cell.symbol().as_bytes());
                    }
                } else {
                    match x - from {
                        1 => self.out.extend_from_slice(b"\x1b[C"),
                        n => self.write(format_args!("\x1b[{n}C")),
                    }
                }
            }
            _ => self.write(format_args!("\x1b[{};{}H", y + 1, x + 1)),
        }
        self.at = Some((x, y));
    }

    /// Could the cell be written without a change of look?
    fn would_be_free(&self, cell: &Cell) -> bool {
        if is_blank(cell) && !self.look.modifier.intersects(VISIBLE_ON_BLANK) {
            return cell.bg == self.look.bg;
        }
        self.look == Look { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    fn put(&mut self, cell: &Cell) {
        if !self.would_be_free(cell) {
            self.style(cell);
        }
        let symbol = cell.symbol();
        // The last line of defence: nothing that could be read as a command leaves through a cell.
        if symbol.chars().any(char::is_control) {
            self.out.push(b'?');
        } else {
            self.out.extend_from_slice(symbol.as_bytes());
        }
        let columns = self.columns;
        self.at = self.at.map(|(x, y)| (x + width(cell).max(1) as u16, y));
        if !surely_one_column(symbol) || self.at.is_some_and(|(x, _)| x >= columns) {
            self.at = None;
        }
    }

    fn style(&mut self, cell: &Cell) {
        let mut codes = String::new();
        let want = Look { fg: cell.fg, bg: cell.bg, modifier: cell.modifier };
        // Most modifiers can only be taken back one by one, and terminals disagree on how: a reset is short and sure.
        if !want.modifier.contains(self.look.modifier) {
            codes.push('0');
            self.look = PLAIN;
        }
        for (modifier, code) in [
            (Modifier::BOLD, "1"),
            (Modifier::DIM, "2"),
            (Modifier::ITALIC, "3"),
            (Modifier::UNDERLINED, "4"),
            (Modifier::REVERSED, "7"),
            (Modifier::CROSSED_OUT, "9"),
        ] {
            if want.modifier.contains(modifier) && !self.look.modifier.contains(modifier) {
                separate(&mut codes, code);
            }
        }
        if want.fg != self.look.fg {
            separate(&mut codes, &colour(want.fg, 30));
        }
        if want.bg != self.look.bg {
            separate(&mut codes, &colour(want.bg, 40));
        }
        self.look = want;
        let codes = if codes == "0" { "" } else { &codes };
        self.write(format_args!("\x1b[{codes}m"));
    }

    fn background(&mut self, bg: Color) {
        if self.look.bg != bg || self.look.modifier.intersects(VISIBLE_ON_BLANK) {
            let mut cell = Cell::EMPTY;
            cell.bg = bg;
            self.style(&cell);
        }
    }

    fn plain(&mut self) {
        if self.look != PLAIN {
            self.out.extend_from_slice(b"\x1b[m");
            self.look = PLAIN;
        }
    }
}

fn separate(codes: &mut String, code: &str) {
    if !codes.is_empty() {
        codes.push(';');
    }
    codes.push_str(code);
}

/// The SGR code of a colour: `base` is 30 for the foreground, 40 for the background.
fn colour(colour: Color, base: u8) -> String {
    let basic = match colour {
        Color::Reset => return (base + 9).to_string(),
        Color::Indexed(n) => return format!("{};5;{n}", base + 8),
        Color::Rgb(r, g, b) => return format!("{};2;{r};{g};{b}", base + 8),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 60,
        Color::LightRed => 61,
        Color::LightGreen => 62,
        Color::LightYellow => 63,
        Color::LightBlue => 64,
        Color::LightMagenta => 65,
        Color::LightCyan => 66,
        Color::White => 67,
    };
    (base + basic).to_string()
}
