//! Places for parameters in a text that is not a query yet: `{TimeRange:start}` of a workbook, `{{user}}` of a plugin, `{table}` of a
//! notebook, `$<condition>$`. What will stand there is not known, so it is read as a name that nothing is known of.

use super::{Symbol, Token, TokenKind};

/// A placeholder is short; what runs on is something else in braces.
const LONGEST: usize = 200;

/// How far back the bracket before a brace is looked for.
const BACK: usize = 400;

/// The length of the placeholder at the start of the text; `None` where none begins. A name stands in it, and perhaps a format behind
/// a colon.
pub fn placeholder(text: &str) -> Option<usize> {
    if let Some(inner) = text.strip_prefix("$<") {
        let close = inner.bytes().take(LONGEST).position(|b| !(b.is_ascii_alphanumeric() || b == b'_'))?;
        return inner[close..].starts_with(">$").then_some(close + 4);
    }
    let inner = text.strip_prefix('{')?;
    let (inner, braces) = inner.strip_prefix('{').map_or((inner, 1), |inner| (inner, 2));
    let close = inner.bytes().take(LONGEST).position(|b| matches!(b, b'}' | b'\n' | b'\r'))?;
    let closes = inner[close..].bytes().take(braces).filter(|b| *b == b'}').count() == braces;
    let body = &inner[..close];
    // `{ T }` is the body of a function.
    let body = if braces == 2 { body.trim() } else { body };
    let (name, format) = body.split_once(':').unwrap_or((body, ""));
    let named = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-'));
    let formatted = !format.contains(['"', '{', '|', ';']);
    (closes && named && formatted).then_some(close + 2 * braces)
}

/// Does a name or a literal hold a placeholder?
pub fn is_template(text: &str) -> bool {
    text.match_indices(['{', '$']).any(|(at, _)| placeholder(&text[at..]).is_some())
}

/// Would a brace behind these tokens open the body of a function: `= (x: long) {T}`, `view () {T}`?
pub fn opens_body(tokens: &[Token], text: &str) -> bool {
    let mut before = tokens.iter().rev().filter(|t| !t.kind.is_trivia()).take(BACK).peekable();
    if before.peek().is_none_or(|t| t.kind != TokenKind::Symbol(Symbol::CloseParen)) {
        return false;
    }
    let mut open = 0_usize;
    for token in before.by_ref() {
        match token.kind {
            TokenKind::Symbol(Symbol::CloseParen) => open += 1,
            TokenKind::Symbol(Symbol::OpenParen) if open == 1 => break,
            TokenKind::Symbol(Symbol::OpenParen) => open -= 1,
            _ => {}
        }
    }
    before.next().is_some_and(|t| t.kind == TokenKind::Symbol(Symbol::Assign) || t.range.of(text) == "view")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::lexer::{lex, lex_template};

    fn names(text: &str) -> Vec<&str> {
        let named = |t: &Token| t.kind == TokenKind::Name;
        lex_template(text).iter().filter(|t| named(t)).map(|t| t.range.of(text)).collect()
    }

    #[test]
    fn a_place_for_a_parameter_is_a_name_or_part_of_one() {
        assert_eq!(names("{TimeRange:start} + {{month}}"), ["{TimeRange:start}", "{{month}}"]);
        assert_eq!(names("Sign{Kind}Logs_CL {a}{b} {n}d 1{unit}"), ["Sign{Kind}Logs_CL", "{a}{b}", "{n}d", "1{unit}"]);
        assert_eq!(names("datetime({t:start}) dynamic([{ids}])"), ["datetime({t:start})", "dynamic([{ids}])"]);
        assert_eq!(names("{Time:$.a[0]}.{b} $<condition>$"), ["{Time:$.a[0]}", "{b}", "$<condition>$"]);
    }

    #[test]
    fn braces_that_are_part_of_the_language_stay() {
        for text in [
            "let f = () {T};",
            "let f = view (a: (*)) {T};",
            "dynamic({\"a\":1})",
            "{ T }",
            "{T | take 1}",
            "{}",
            "{T\n}",
        ] {
            assert_eq!(lex_template(text), lex(text), "{text}");
        }
    }

    #[test]
    fn where_single_braces_are_placeholders_doubled_ones_are_braces() {
        let kinds =
            |text: &str| lex_template(text).iter().map(|t| t.kind).filter(|k| !k.is_trivia()).collect::<Vec<_>>();
        assert_eq!(kinds("let f = () {{\nT | where {x}\n}};"), kinds("let f = () {\nT | where x\n};"));
        assert_eq!(lex_template("() { () { T }}"), lex("() { () { T }}"));
    }

    #[test]
    fn a_query_has_no_places_for_parameters() {
        assert!(lex("{x}").iter().any(|t| t.kind == TokenKind::Symbol(Symbol::OpenBrace)));
    }
}
