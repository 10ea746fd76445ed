//! What a name under the cursor is, and which argument of which function is being written.

use crate::kql::diagnostic::TextRange;
use crate::kql::functions::{self, Function};
use crate::kql::lexer::{Symbol, TokenKind, lex};

/// What to say about the word at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Help {
    pub range: TextRange,
    pub function: &'static Function,
}

/// The call that a place is in.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    pub function: &'static Function,
    /// Which argument is being written, from 0.
    pub argument: usize,
}

fn function(name: &str) -> Option<&'static Function> {
    functions::scalar(name).or_else(|| functions::aggregate(name))
}

/// The function whose name stands at an offset.
pub fn help_at(text: &str, offset: usize) -> Option<Help> {
    let tokens = lex(text);
    let at = tokens.iter().position(|t| {
        t.kind == TokenKind::Name && (t.range.start as usize) <= offset && offset <= t.range.end as usize
    })?;
    let called = tokens[at + 1..]
        .iter()
        .find(|t| !t.kind.is_trivia())
        .is_some_and(|t| t.kind == TokenKind::Symbol(Symbol::OpenParen));
    let range = tokens[at].range;
    let word = range.of(text);
    let function = if called { function(word) } else { functions::operator(word) }?;
    Some(Help { range, function })
}

/// The innermost call around an offset.
pub fn signature_at(text: &str, offset: usize) -> Option<Signature> {
    let before = text.get(..offset)?;
    let tokens: Vec<_> = lex(before).into_iter().filter(|t| !t.kind.is_trivia()).collect();
    let (mut closed, mut argument) = (0_usize, 0);
    for at in (1..tokens.len()).rev() {
        let TokenKind::Symbol(symbol) = tokens[at].kind else { continue };
        match symbol {
            Symbol::CloseParen | Symbol::CloseBracket | Symbol::CloseBrace => closed += 1,
            Symbol::OpenParen | Symbol::OpenBracket | Symbol::OpenBrace if closed > 0 => closed -= 1,
            Symbol::OpenParen => {
                if tokens[at - 1].kind == TokenKind::Name
                    && let Some(function) = function(tokens[at - 1].range.of(text))
                {
                    return Some(Signature { function, argument });
                }
                argument = 0;
            }
            Symbol::Comma if closed == 0 => argument += 1,
            Symbol::Pipe | Symbol::Semicolon if closed == 0 => return None,
            _ => {}
        }
    }
    None
}
