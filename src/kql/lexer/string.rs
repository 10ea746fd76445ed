//! Strings in all their forms, and quotes that make none.

use super::{Lexer, TokenKind, Wrong};

impl Lexer<'_> {
    pub(super) fn hidden(&mut self, prefix: usize) -> TokenKind {
        self.at += prefix;
        match self.string() {
            TokenKind::String => TokenKind::Hidden,
            other => other,
        }
    }

    /// The cursor stands on the opening quote, or on the `@` before it.
    pub(super) fn string(&mut self) -> TokenKind {
        for fence in ["```", "~~~"] {
            if let Some(body) = self.rest().strip_prefix(fence) {
                let end = body.find(fence);
                self.at += end.map_or(body.len(), |end| end + 3) + 3;
                return if end.is_some() { TokenKind::String } else { TokenKind::Wrong(Wrong::OpenString) };
            }
        }
        let verbatim = self.peek() == Some('@');
        self.at += usize::from(verbatim);
        let Some(quote) = self.peek() else { return TokenKind::Wrong(Wrong::OpenString) };
        self.at += 1;
        let mut chars = self.rest().char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == '\\' && !verbatim {
                // A backslash before the end of a line escapes nothing.
                chars.next_if(|(_, c)| *c != '\n' && *c != '\r');
            } else if c == quote {
                if verbatim && chars.next_if(|(_, c)| *c == quote).is_some() {
                    continue;
                }
                self.at += at + 1;
                return TokenKind::String;
            } else if c == '\n' || c == '\r' {
                self.at += at;
                return TokenKind::Wrong(Wrong::OpenString);
            }
        }
        self.at = self.text.len();
        TokenKind::Wrong(Wrong::OpenString)
    }

    /// From a typographic quote to the next on the same line.
    pub(super) fn smart_quotes(&mut self) -> TokenKind {
        let rest = self.rest();
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let line = rest[first..].find('\n').map_or(rest.len(), |end| first + end);
        let close = |c| matches!(c, '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}');
        let end = rest[first..line].find(close).map_or(first, |at| first + at + 3);
        self.wrong(Wrong::SmartQuotes, end)
    }
}
