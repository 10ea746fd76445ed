//! `contains` looks at every character of every value; `has` looks for whole words, which is what a word is mostly meant as.

use super::{code, warning};
use crate::kql::diagnostic::Diagnostic;
use crate::kql::syntax::{BinaryOp, Expr, ExprKind, Node, Query, walk};
use crate::kql::value::Value;

/// Shorter ones are rather parts of words.
const SHORTEST: usize = 4;

pub fn check(query: &Query, findings: &mut Vec<Diagnostic>) {
    walk(query, &mut |node| {
        let Node::Expr(Expr { kind: ExprKind::Binary { op, right, .. }, .. }) = node else { return };
        let serves = match op {
            BinaryOp::Contains => BinaryOp::Has,
            BinaryOp::NotContains => BinaryOp::NotHas,
            BinaryOp::ContainsCs => BinaryOp::HasCs,
            BinaryOp::NotContainsCs => BinaryOp::NotHasCs,
            _ => return,
        };
        let Some(Value::String(text)) = right.inner().as_literal() else { return };
        if text.len() >= SHORTEST && text.chars().all(char::is_alphanumeric) {
            findings.push(warning(
                code::CONTAINS,
                right.range,
                format!("`{}` reads every character to find `{text}` also inside of words", op.name()),
                format!("`{}` finds it as a whole word, and faster", serves.name()),
            ));
        }
    });
}
