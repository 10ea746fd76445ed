//! What each stretch of a query's text is, for colouring it: from the tokens, and from the tree where the same word may be several
//! things. Fast enough to run at every key.

#[cfg(test)]
mod tests;

use super::diagnostic::TextRange;
use super::lexer::{Symbol, Token, TokenKind};
use super::parser::{Parsed, parse};
use super::syntax::{BinaryOp, InOp, NameRole, Node, walk};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HighlightClass {
    /// A word of the language: `where`, `by`, `let`, `asc`, a type's name.
    Keyword,
    /// What stands between operands: `==`, `has`, `and`, `in~`.
    Operator,
    Function,
    /// A column, a table, a let.
    Name,
    String,
    Number,
    Comment,
    /// Brackets, commas, pipes, semicolons.
    Punctuation,
    /// The name of an option or an argument: `kind`, `hint.strategy`, `title`.
    Parameter,
    /// No token of the language: an open string, a stray character.
    Error,
}

/// A stretch of text and what it is. White space is in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Highlight {
    pub range: TextRange,
    pub class: HighlightClass,
}

/// The stretches of a text, in order, without overlap.
pub fn highlight(text: &str) -> Vec<Highlight> {
    highlight_parsed(text, &parse(text))
}

/// As `highlight`, of a text that has been read already.
pub fn highlight_parsed(text: &str, parsed: &Parsed) -> Vec<Highlight> {
    let names = named_ranges(parsed);
    let mut names = names.iter().peekable();
    let mut highlights: Vec<Highlight> = Vec::with_capacity(parsed.tokens.len());
    for token in &parsed.tokens {
        while names.next_if(|(range, _)| range.end <= token.range.start).is_some() {}
        let named = names.peek().filter(|(range, _)| range.start <= token.range.start).map(|(_, class)| *class);
        if let Some(class) = class_of(text, *token, named) {
            highlights.push(Highlight { range: token.range, class });
        }
    }
    highlights
}

/// The names that the tree knows, by place.
fn named_ranges(parsed: &Parsed) -> Vec<(TextRange, HighlightClass)> {
    let mut names = Vec::new();
    walk(&parsed.query, &mut |node| match node {
        Node::Name(name, role) => {
            let class = match role {
                NameRole::Function => HighlightClass::Function,
                NameRole::Option => HighlightClass::Parameter,
                NameRole::Use | NameRole::Definition | NameRole::Member => HighlightClass::Name,
            };
            names.push((name.range, class));
        }
        Node::Pattern(pattern) => names.push((pattern.range, HighlightClass::Name)),
        _ => {}
    });
    names.retain(|(range, _)| range.start < range.end);
    names.sort_unstable_by_key(|(range, _)| *range);
    names
}

fn class_of(text: &str, token: Token, named: Option<HighlightClass>) -> Option<HighlightClass> {
    use HighlightClass as Class;
    Some(match token.kind {
        TokenKind::Space | TokenKind::End => return None,
        TokenKind::Comment => Class::Comment,
        TokenKind::Wrong(_) => Class::Error,
        // The parts of `['a b']`, of `a*` and of `hint.strategy`.
        _ if named.is_some() => named?,
        TokenKind::String | TokenKind::Hidden => Class::String,
        TokenKind::Long | TokenKind::Real | TokenKind::TimeSpan | TokenKind::Typed(_) => Class::Number,
        TokenKind::Name => match token.range.of(text) {
            "true" | "false" => Class::Number,
            "and" | "or" | "between" | "matches" | "regex" => Class::Operator,
            word if BinaryOp::from_text(word).is_some() || InOp::from_text(word).is_some() => Class::Operator,
            _ => Class::Keyword,
        },
        TokenKind::Symbol(symbol) => match symbol {
            Symbol::Assign
            | Symbol::Plus
            | Symbol::Minus
            | Symbol::Star
            | Symbol::Slash
            | Symbol::Percent
            | Symbol::Operator
            | Symbol::DotDot
            | Symbol::Arrow
            | Symbol::Feed => Class::Operator,
            _ => Class::Punctuation,
        },
    })
}
