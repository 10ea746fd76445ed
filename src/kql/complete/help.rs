//! What a word under the cursor is, and which argument of which function is being written.

use std::ops::Range;

use crate::kql::catalog::Catalog;
use crate::kql::diagnostic::TextRange;
use crate::kql::functions::{self, Function};
use crate::kql::lexer::{Symbol, TokenKind, lex};
use crate::kql::parser::parse;
use crate::kql::reference::Entry;
use crate::kql::syntax::{self, ExprKind, ParameterType, StatementKind};

/// What to say about the word at a place.
#[derive(Clone, Copy, Debug)]
pub struct Help {
    pub range: TextRange,
    pub entry: Entry,
}

/// The call that a place is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `strcat(value, value, …)`
    pub form: String,
    /// Where in `form` the parameter stands that is being written; empty behind the last.
    pub parameter: Range<usize>,
    /// One sentence, or "".
    pub summary: &'static str,
}

fn function(name: &str) -> Option<&'static Function> {
    functions::scalar(name).or_else(|| functions::aggregate(name)).or_else(|| functions::plugin(name))
}

/// The function or operator whose name stands at an offset.
pub fn help_at(text: &str, offset: usize) -> Option<Help> {
    let tokens: Vec<_> = lex(text).into_iter().filter(|t| !t.kind.is_trivia()).collect();
    let at = tokens.iter().position(|t| {
        t.kind == TokenKind::Name && (t.range.start as usize) <= offset && offset <= t.range.end as usize
    })?;
    let is = |at: usize, symbol| tokens.get(at).is_some_and(|t| t.kind == TokenKind::Symbol(symbol));
    let range = tokens[at].range;
    let word = range.of(text);
    let begins = at == 0 || is(at - 1, Symbol::Pipe) || is(at - 1, Symbol::OpenParen) || is(at - 1, Symbol::Semicolon);
    let called = is(at + 1, Symbol::OpenParen);
    let entry = Entry::find(word).into_iter().find(|entry| match entry {
        Entry::Operator(_) => begins,
        Entry::Function(function) => called != (function.kind == functions::FunctionKind::Operator),
    })?;
    Some(Help { range, entry })
}

/// The innermost call around an offset: of a function of the language, of the query, or saved.
pub fn signature_at(text: &str, offset: usize, catalog: &dyn Catalog) -> Option<Signature> {
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
                    && let Some(found) = signature(tokens[at - 1].range.of(text), argument, text, catalog)
                {
                    return Some(found);
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

fn signature(name: &str, argument: usize, text: &str, catalog: &dyn Catalog) -> Option<Signature> {
    if let Some(of) = of_query(name, text) {
        return Some(form(name, &parameters(&of), argument, false, ""));
    }
    if let Some(found) = function(name) {
        let parameters: Vec<String> = found
            .parameters
            .iter()
            .map(|p| {
                let dots = if p.repeats { ", …" } else { "" };
                if p.optional { format!("[{}{dots}]", p.name) } else { format!("{}{dots}", p.name) }
            })
            .collect();
        let repeats = found.parameters.last().is_some_and(|last| last.repeats);
        return Some(form(found.name, &parameters, argument, repeats, found.summary));
    }
    // A view or saved function is kept as the value of a let.
    let saved = format!("let _ = {};", catalog.view(name)?);
    let of = of_query("_", &saved)?;
    Some(form(name, &parameters(&of), argument, false, ""))
}

/// A function that the query makes.
fn of_query(name: &str, text: &str) -> Option<syntax::Function> {
    parse(text).query.statements.into_iter().rev().find_map(|statement| match statement.kind {
        StatementKind::Let { name: of, value } if &*of.text == name => match value.kind {
            ExprKind::Function(function) => Some(*function),
            _ => None,
        },
        _ => None,
    })
}

fn parameters(function: &syntax::Function) -> Vec<String> {
    let parameter = |p: &syntax::Parameter| {
        let ty = match &p.ty {
            ParameterType::Scalar(ty) => ty.name(),
            ParameterType::Table(_) | ParameterType::AnyTable => "table",
        };
        let written = format!("{}: {ty}", p.name.text);
        if p.default.is_some() { format!("[{written}]") } else { written }
    };
    function.parameters.iter().map(parameter).collect()
}

fn form(name: &str, parameters: &[String], argument: usize, repeats: bool, summary: &'static str) -> Signature {
    let mut form = format!("{name}(");
    let at = if repeats { argument.min(parameters.len().saturating_sub(1)) } else { argument };
    let mut place = 0..0;
    for (n, parameter) in parameters.iter().enumerate() {
        if n > 0 {
            form.push_str(", ");
        }
        if n == at {
            place = form.len()..form.len() + parameter.len();
        }
        form.push_str(parameter);
    }
    form.push(')');
    Signature { form, parameter: place, summary }
}
