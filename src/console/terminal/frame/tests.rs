//! A terminal emulator is the judge: the old screen and the bytes must give the new screen.

use ratatui::layout::{Position, Rect, Size};
use ratatui::style::{Color, Modifier, Style};

use super::*;
use crate::console::terminal::scroll::Scroll;

struct Screen {
    frames: Frames,
    terminal: vt100::Parser,
}

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        let terminal = vt100::Parser::new(height.try_into().unwrap(), width.try_into().unwrap(), 0);
        Self { frames: Frames::new(Size::new(width, height)), terminal }
    }

    /// Draws, lets the emulator read it, compares every cell. Answers the bytes it took.
    fn draw(&mut self, paint: impl FnOnce(&mut Buffer)) -> usize {
        let mut bytes = Vec::new();
        let count = self
            .frames
            .draw(&mut bytes, |buf| {
                paint(buf);
                None
            })
            .unwrap();
        assert_eq!(count, bytes.len());
        self.terminal.process(&bytes);
        self.compare(&String::from_utf8_lossy(&bytes));
        count
    }

    fn compare(&self, bytes: &str) {
        let want = self.frames.shown();
        let mut covered = 0;
        for y in 0..want.area.height {
            for x in 0..want.area.width {
                // The second half of a wide character has no content of its own.
                if x > 0 && covered > 0 {
                    covered -= 1;
                    continue;
                }
                let (cell, got) = (&want[(x, y)], self.terminal.screen().cell(y, x).unwrap());
                covered = super::super::pen::width(cell).saturating_sub(1);
                let symbol = if got.contents().is_empty() { " " } else { got.contents() };
                assert_eq!(symbol, cell.symbol(), "at {x},{y} after {bytes:?}");
                assert_eq!(got.bgcolor(), colour(cell.bg), "ground at {x},{y} after {bytes:?}");
                assert_eq!(got.inverse(), cell.modifier.contains(Modifier::REVERSED), "at {x},{y} after {bytes:?}");
                if cell.symbol() != " " {
                    assert_eq!(got.fgcolor(), colour(cell.fg), "at {x},{y} after {bytes:?}");
                    assert_eq!(got.bold(), cell.modifier.contains(Modifier::BOLD), "at {x},{y} after {bytes:?}");
                    assert_eq!(got.underline(), cell.modifier.contains(Modifier::UNDERLINED), "at {x},{y}");
                }
            }
        }
    }
}

fn colour(colour: Color) -> vt100::Color {
    match colour {
        Color::Indexed(n) => vt100::Color::Idx(n),
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        Color::Red => vt100::Color::Idx(1),
        Color::LightBlue => vt100::Color::Idx(12),
        _ => vt100::Color::Default,
    }
}

const WORDS: [&str; 10] = ["a", "sign-in", "日本語", "e\u{301}", "│", "▄", "é", "203.0.113.7", "  ", "🙂"];

fn style(random: &mut fastrand::Rng) -> Style {
    let colours = [Color::Reset, Color::Indexed(117), Color::Rgb(1, 2, 3), Color::Red, Color::LightBlue];
    let mut style = Style::new().fg(random.choice(colours).unwrap());
    if random.u8(..6) == 0 {
        style = style.bg(random.choice(colours).unwrap());
    }
    for modifier in [Modifier::BOLD, Modifier::UNDERLINED, Modifier::REVERSED] {
        if random.u8(..8) == 0 {
            style = style.add_modifier(modifier);
        }
    }
    style
}

fn scribble(buf: &mut Buffer, random: &mut fastrand::Rng) {
    let (x, y) = (random.u16(..buf.area.width), random.u16(..buf.area.height));
    let text: String = (0..random.usize(1..5)).map(|_| *random.choice(&WORDS).unwrap()).collect();
    let style = style(random);
    buf.set_string(x, y, text, style);
}

#[test]
fn the_old_screen_and_the_bytes_give_the_new_screen() {
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (width, height) = (random.u16(8..60), random.u16(4..24));
        let mut screen = Screen::new(width, height);
        let mut content = Buffer::empty(Rect::new(0, 0, width, height));
        for _ in 0..25 {
            match random.u8(..8) {
                0 => content.reset(),
                1 | 2 => {
                    let top = random.u16(..height - 2);
                    let bottom = random.u16(top + 2..=height);
                    let by = random.i16(1..(bottom - top) as i16) * if random.bool() { 1 } else { -1 };
                    scroll::apply(&mut content, Scroll { top, bottom, by });
                    scribble(&mut content, &mut random);
                }
                _ => (0..random.usize(..12)).for_each(|_| scribble(&mut content, &mut random)),
            }
            let next = content.clone();
            screen.draw(|buf| buf.content.clone_from(&next.content));
        }
    }
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let mut screen = Screen::new(40, 10);
    let paint = |buf: &mut Buffer| {
        buf.set_string(3, 3, "still", Style::new().fg(Color::Red));
    };
    assert!(screen.draw(paint) > 0);
    assert_eq!(screen.draw(paint), 0);
    // Not even when a blank has another foreground.
    assert_eq!(
        screen.draw(|buf| {
            paint(buf);
            buf.set_style(Rect::new(0, 7, 40, 1), Style::new().fg(Color::Red));
        }),
        0
    );
}

#[test]
fn rows_that_move_are_moved_by_the_terminal() {
    let mut screen = Screen::new(100, 30);
    let row = |n: usize| format!("{n:>6} {}", "some text that fills the row well enough to matter ".repeat(2));
    let paint = |from: usize| {
        move |buf: &mut Buffer| {
            buf.set_string(0, 0, "header", Style::new());
            for y in 0..28 {
                buf.set_string(0, 1 + y as u16, &row(from + y)[..100], Style::new().fg(Color::Indexed(117)));
            }
            buf.set_string(0, 29, "footer", Style::new());
        }
    };
    let whole = screen.draw(paint(0));
    let up = screen.draw(paint(1));
    let down = screen.draw(paint(0));
    let three = screen.draw(paint(3));
    assert!(up < 180 && down < 180 && three < 420, "{up} {down} {three} of {whole}");
}

#[test]
fn a_resize_writes_everything_again() {
    let mut screen = Screen::new(40, 10);
    screen.draw(|buf| buf.set_string(0, 9, "below", Style::new()));
    screen.frames.invalidate(Size::new(20, 5));
    screen.terminal.screen_mut().set_size(5.try_into().unwrap(), 20.try_into().unwrap());
    screen.draw(|buf| buf.set_string(0, 4, "here", Style::new()));
}

#[test]
fn the_cursor_is_shown_where_text_is_typed_and_hidden_elsewhere() {
    let mut screen = Screen::new(20, 3);
    let mut draw = |at: Option<Position>| {
        let mut bytes = Vec::new();
        screen.frames.draw(&mut bytes, |_| at).unwrap();
        screen.terminal.process(&bytes);
        (!screen.terminal.screen().hide_cursor(), screen.terminal.screen().cursor_position(), bytes.len())
    };
    assert!(!draw(None).0);
    let (shown, place, _) = draw(Some(Position::new(4, 1)));
    assert!(shown && place == (1, 4));
    assert_eq!(draw(Some(Position::new(4, 1))).2, 0);
    assert!(!draw(None).0);
}

#[test]
fn a_control_character_in_a_cell_does_not_leave() {
    let mut screen = Screen::new(20, 3);
    let mut bytes = Vec::new();
    let paint = |buf: &mut Buffer| {
        #[expect(clippy::disallowed_methods, reason = "to get past the filters on the way here")]
        buf[(0, 0)].set_symbol("\u{9b}31m");
        None
    };
    screen.frames.draw(&mut bytes, paint).unwrap();
    assert!(!String::from_utf8(bytes).unwrap().contains('\u{9b}'));
}
