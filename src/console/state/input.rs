//! One line of typed text.

use crossterm::event::{KeyCode, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

use crate::base::shown::Shown;
use crate::console::keymap::Key;

/// Bytes of one line; a longer paste is cut.
const LIMIT: usize = 4 * 1024;

/// Text and a cursor, which is a byte offset at a grapheme's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    cursor: usize,
}

impl Input {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor.
    pub fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Takes a key. True when it was a key of the line's.
    pub fn key(&mut self, key: Key) -> bool {
        let control = key.modifiers == KeyModifiers::CONTROL;
        match (key.typed(), key.code) {
            (Some(c), _) => self.paste(c.encode_utf8(&mut [0; 4])),
            (_, KeyCode::Backspace) => self.remove(self.left()..self.cursor),
            (_, KeyCode::Delete) => self.remove(self.cursor..self.right()),
            (_, KeyCode::Left) => self.cursor = self.left(),
            (_, KeyCode::Right) => self.cursor = self.right(),
            (_, KeyCode::Home) => self.cursor = 0,
            (_, KeyCode::End) => self.cursor = self.text.len(),
            (_, KeyCode::Char('a')) if control => self.cursor = 0,
            (_, KeyCode::Char('e')) if control => self.cursor = self.text.len(),
            (_, KeyCode::Char('u')) if control => self.remove(0..self.cursor),
            (_, KeyCode::Char('k')) if control => self.remove(self.cursor..self.text.len()),
            (_, KeyCode::Char('w')) if control => self.remove(self.word()..self.cursor),
            _ => return false,
        }
        true
    }

    /// Inserts text from outside: line breaks and tabs become blanks, what cannot be seen becomes a mark.
    pub fn paste(&mut self, text: &str) {
        let room = LIMIT.saturating_sub(self.text.len());
        let text: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
        let end = (0..=text.len().min(room)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        // A mark of combination alone is fine here: it lands on the letter before it.
        let shown = if text.len() <= 4 && !text.chars().any(char::is_control) {
            text[..end].to_owned()
        } else {
            Shown::new(&text[..end]).into_string()
        };
        self.text.insert_str(self.cursor, &shown);
        self.cursor += shown.len();
    }

    fn remove(&mut self, range: std::ops::Range<usize>) {
        self.cursor = range.start;
        self.text.replace_range(range, "");
    }

    fn left(&self) -> usize {
        self.before().grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.cursor, |g| self.cursor + g.len())
    }

    fn word(&self) -> usize {
        let trimmed = self.before().trim_end();
        trimmed.rfind(' ').map_or(0, |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` stands for the cursor.
    fn after(text: &str, keys: &[&str]) -> String {
        let (before, rest) = text.split_once('|').unwrap();
        let mut input = Input { text: format!("{before}{rest}"), cursor: before.len() };
        for key in keys {
            input.key(key.parse().unwrap());
        }
        format!("{}|{}", input.before(), &input.text[input.cursor..])
    }

    #[test]
    fn keys_edit_the_line() {
        for (text, keys, want) in [
            ("al|ce", &["i"][..], "ali|ce"),
            ("ali|ce", &["backspace"], "al|ce"),
            ("ali|ce", &["delete"], "ali|e"),
            ("ae\u{301}|", &["backspace"], "a|"),
            ("one two |", &["ctrl-w"], "one |"),
            ("one two|", &["ctrl-u"], "|"),
            ("one| two", &["ctrl-k"], "one|"),
            ("one|", &["home", "delete", "end", "!"], "ne!|"),
        ] {
            assert_eq!(after(text, keys), want, "{text} {keys:?}");
        }
    }

    #[test]
    fn a_paste_stays_one_line_and_shows_what_is_hidden_in_it() {
        let mut input = Input::new("");
        input.paste("a\nb\u{1b}[31m\u{202e}c");
        assert!(!input.text().chars().any(char::is_control), "{:?}", input.text());
        assert!(!input.text().contains('\u{202e}'));
        input.paste(&"x".repeat(10_000));
        assert!(input.text().len() <= LIMIT + 64);
    }
}
