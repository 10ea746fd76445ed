//! `h"…"`: text that a query needs and a log must not keep, such as the signature in an address.

use super::diagnostic::TextRange;
use super::lexer::{Token, TokenKind, Wrong, lex};

/// What stands in the place of hidden text. Itself a hidden string, so that what was logged can still be read as KQL.
const MARK: &str = "h\"…\"";

/// A query without its hidden strings. Strings side by side are one string, hidden when any of them is.
pub fn without_hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let tokens = lex(text);
    let strings = tokens.iter().filter(|token| !token.kind.is_trivia()).collect::<Vec<_>>();
    for run in strings.chunk_by(|a, b| is_string(a) && is_string(b)) {
        if !run.iter().any(|token| is_hidden(token, text)) {
            continue;
        }
        let place = run.iter().fold(run[0].range, |place, token| TextRange::to(place, token.range));
        out.push_str(text.get(at..place.start as usize).unwrap_or_default());
        out.push_str(MARK);
        at = place.end as usize;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

fn is_string(token: &Token) -> bool {
    matches!(token.kind, TokenKind::String | TokenKind::Hidden | TokenKind::Wrong(Wrong::OpenString))
}

fn is_hidden(token: &Token, text: &str) -> bool {
    token.kind == TokenKind::Hidden
        // Left open by mistake, it was to be hidden all the same.
        || token.kind == TokenKind::Wrong(Wrong::OpenString) && token.range.of(text).starts_with(['h', 'H'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_strings_are_left_out_and_everything_else_stays() {
        for (text, want) in [
            ("print h'SECRET', 'a' // h", "print h\"…\", 'a' // h"),
            ("T | where a == H@\"SECRET\"", "T | where a == h\"…\""),
            ("print 'SECRET' h'SECRET' \"SECRET\"", "print h\"…\""),
            ("print 'a', 'b'", "print 'a', 'b'"),
            ("print h'SECRET", "print h\"…\""),
            ("", ""),
        ] {
            assert_eq!(without_hidden(text), want, "{text}");
        }
    }
}
