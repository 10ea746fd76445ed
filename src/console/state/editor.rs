//! The query being written: its text, its cursor, what is wrong with it. The widget library's text area keeps the text and undoes; how
//! it looks is the pane's.

use tui_textarea::{CursorMove, TextArea};

use crate::base::shown::Shown;
use crate::kql::Diagnostic;
use crate::kql::highlight::{Highlight, highlight};

/// Bytes that a query may have here; a longer paste is refused whole, so that nothing is cut unseen.
pub const LIMIT: usize = 256 * 1024;
/// Queries remembered for going back to.
const HISTORY: usize = 100;

#[derive(Clone, Debug)]
pub struct Editor {
    area: TextArea<'static>,
    /// The text as one, kept beside the lines: highlighting and diagnostics speak of its bytes.
    text: String,
    pub highlights: Vec<Highlight>,
    pub diagnostics: Vec<Diagnostic>,
    /// Counts changes, so that an answer about an older text is known as such.
    pub version: u64,
    /// The first line in view.
    pub top: usize,
    /// The first column in view.
    pub left: usize,
    history: Vec<String>,
    /// Where in the history the text is from; its length when it is new.
    at: usize,
}

impl Default for Editor {
    fn default() -> Self {
        let mut editor = Self {
            area: TextArea::default(),
            text: String::new(),
            highlights: Vec::new(),
            diagnostics: Vec::new(),
            version: 0,
            top: 0,
            left: 0,
            history: Vec::new(),
            at: 0,
        };
        editor.area.set_max_histories(500);
        editor
    }
}

impl Editor {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Line and column of the cursor, from 0; the column counts characters.
    pub fn cursor(&self) -> (usize, usize) {
        self.area.cursor()
    }

    /// The byte of the text at the cursor.
    pub fn offset(&self) -> usize {
        let (line, column) = self.cursor();
        let before: usize = self.lines().iter().take(line).map(|line| line.len() + 1).sum();
        let inside = self.lines().get(line).map_or(0, |line| line.chars().take(column).map(char::len_utf8).sum());
        before + inside
    }

    /// Replaces the text; the old one can be had again by undo.
    pub fn set(&mut self, text: &str) {
        self.area.select_all();
        self.area.cut();
        self.area.insert_str(text.trim_end());
        self.area.move_cursor(CursorMove::Jump(0, 0));
        (self.top, self.left) = (0, 0);
        self.changed();
    }

    /// Replaces bytes of the text, as a completion does, and leaves the cursor behind what came in.
    pub fn replace(&mut self, range: std::ops::Range<usize>, with: &str) {
        let Some(old) = self.text.get(range.clone()) else { return };
        let (line, column) = self.place(range.start);
        let count = old.chars().count();
        self.area.cancel_selection();
        self.area.move_cursor(CursorMove::Jump(line as u16, column as u16));
        self.area.delete_str(count);
        self.area.insert_str(with);
        self.changed();
    }

    /// Line and column of a byte of the text.
    pub fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count(), before[start..].chars().count())
    }

    /// Moves the cursor to a byte of the text.
    pub fn jump(&mut self, offset: usize) {
        let (line, column) = self.place(offset);
        self.area.move_cursor(CursorMove::Jump(line as u16, column as u16));
    }

    /// Takes a key of the text area's; true when the text changed.
    pub fn key(&mut self, key: impl Into<tui_textarea::Input>) -> bool {
        let changed = self.area.input(key);
        if changed {
            self.changed();
        }
        changed
    }

    /// Inserts text from outside. It is text and runs nothing; what cannot be seen becomes a mark. False when it is too long.
    pub fn paste(&mut self, text: &str) -> bool {
        if self.text.len() + text.len() > LIMIT {
            return false;
        }
        let lines: Vec<String> = text
            .replace("\r\n", "\n")
            .split(['\n', '\r'])
            .map(|line| Shown::with_limit(&line.replace('\t', "    "), LIMIT).into_string())
            .collect();
        self.area.insert_str(lines.join("\n"));
        self.changed();
        true
    }

    pub fn undo(&mut self) -> bool {
        let done = self.area.undo();
        self.changed();
        done
    }

    pub fn redo(&mut self) -> bool {
        let done = self.area.redo();
        self.changed();
        done
    }

    /// Remembers the text as one that was run.
    pub fn remember(&mut self) {
        if self.history.last() != Some(&self.text) && !self.text.trim().is_empty() {
            self.history.push(self.text.clone());
            if self.history.len() > HISTORY {
                self.history.remove(0);
            }
        }
        self.at = self.history.len();
    }

    /// The query run before (-1) or after (1) the one in view; false where there is none.
    pub fn recall(&mut self, by: isize) -> bool {
        let Some(to) = self.at.checked_add_signed(by).filter(|to| *to < self.history.len()) else { return false };
        self.at = to;
        let text = self.history[to].clone();
        self.set(&text);
        true
    }

    /// The diagnostic at the cursor, else on its line.
    pub fn problem(&self) -> Option<&Diagnostic> {
        let at = self.offset();
        let (line, _) = self.cursor();
        let touches = |d: &&Diagnostic| d.range.start as usize <= at && at <= d.range.end as usize;
        self.diagnostics
            .iter()
            .find(touches)
            .or_else(|| self.diagnostics.iter().find(|d| self.place(d.range.start as usize).0 == line))
    }

    /// Keeps the cursor in view.
    pub fn scroll(&mut self, height: usize, width: usize) {
        let (line, column) = self.cursor();
        let (height, width) = (height.max(1), width.max(8));
        self.top = self.top.clamp(line.saturating_sub(height - 1), line);
        self.left = if column < self.left + 4 {
            column.saturating_sub(8).min(self.left)
        } else {
            self.left.max(column.saturating_sub(width - 4))
        };
    }

    fn changed(&mut self) {
        self.text = self.area.lines().join("\n");
        self.version += 1;
        self.highlights = highlight(&self.text);
        // Until the new text is checked, what the parser sees at once.
        self.diagnostics = crate::kql::parser::parse(&self.text).diagnostics;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        for c in text.chars() {
            editor.key(crossterm::event::KeyEvent::from(crossterm::event::KeyCode::Char(c)));
        }
        editor
    }

    #[test]
    fn offsets_and_places_agree_over_lines_and_letters_of_several_bytes() {
        let mut editor = Editor::default();
        editor.set("print a\n| extend ü = 'é'\n| take 1");
        for offset in editor.text().char_indices().map(|(at, _)| at).collect::<Vec<_>>() {
            editor.jump(offset);
            assert_eq!(editor.offset(), offset);
        }
    }

    #[test]
    fn a_paste_is_text_and_what_hides_in_it_is_seen() {
        let mut editor = typed("ab");
        assert!(editor.paste("\u{1b}[31mx\u{202e}\r\ny\tz"));
        assert!(editor.text().chars().all(|c| c == '\n' || !c.is_control()), "{:?}", editor.text());
        assert!(!editor.text().contains('\u{202e}'));
        assert_eq!(editor.lines().len(), 2);
        assert!(!editor.paste(&"x".repeat(LIMIT)), "too long a text is refused whole");
        assert!(editor.undo() && editor.text() == "ab");
    }

    #[test]
    fn what_was_run_can_be_had_again() {
        let mut editor = typed("first");
        editor.remember();
        editor.set("second");
        editor.remember();
        editor.set("third");
        assert!(editor.recall(-1) && editor.text() == "second");
        assert!(editor.recall(-1) && editor.text() == "first");
        assert!(!editor.recall(-1));
        assert!(editor.recall(1) && editor.text() == "second");
    }

    #[test]
    fn a_mistake_is_known_as_soon_as_it_is_typed() {
        let editor = typed("print 1 | wher x");
        assert!(!editor.diagnostics.is_empty());
    }
}
