//! Comparisons that come out the same for every row: with null, and of text in one case with text in the other.

use super::{code, hint, warning};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::syntax::{BinaryOp, Expr, ExprKind, InOp, Node, Query, walk};
use crate::kql::value::Value;

pub fn check(query: &Query, findings: &mut Vec<Diagnostic>) {
    walk(query, &mut |node| {
        let Node::Expr(e) = node else { return };
        match &e.kind {
            ExprKind::Binary { op, left, right } => {
                if let Some(found) = with_null(*op, left, right, e.range) {
                    findings.push(found);
                    return;
                }
                let literal = |of: &Expr| match of.inner().as_literal() {
                    Some(Value::String(text)) => Some(std::sync::Arc::clone(text)),
                    _ => None,
                };
                for (called, other) in [(left, right), (right, left)] {
                    if let (Some(fold), Some(text)) = (folded(called), literal(other)) {
                        findings.extend(fold.compared(*op, &text, other.range));
                    }
                }
            }
            ExprKind::In { op: op @ (InOp::In | InOp::NotIn), operand, list } => {
                let Some(fold) = folded(operand) else { return };
                for item in list {
                    if let Some(Value::String(text)) = item.inner().as_literal()
                        && !fold.keeps(text)
                    {
                        findings.push(fold.never(op.name(), text, item.range));
                    }
                }
            }
            _ => {}
        }
    });
}

fn with_null(op: BinaryOp, left: &Expr, right: &Expr, range: TextRange) -> Option<Diagnostic> {
    let is_null = |e: &Expr| matches!(e.inner().as_literal(), Some(Value::Null(_)));
    let instead = match op {
        BinaryOp::Eq => "isnull(x)",
        BinaryOp::Ne => "isnotnull(x)",
        _ => return None,
    };
    (is_null(left) || is_null(right)).then(|| {
        let always = if op == BinaryOp::Eq { "false" } else { "true" };
        warning(
            code::NULL,
            range,
            format!("a value compared with null by `{}` is always {always}", op.name()),
            format!("ask `{instead}`, or `isempty(x)` of text"),
        )
    })
}

/// What a call makes of letters.
#[derive(Clone, Copy, Debug)]
enum Fold {
    Lower,
    Upper,
}

fn folded(e: &Expr) -> Option<Fold> {
    let ExprKind::Call(call) = &e.inner().kind else { return None };
    match &*call.name.text {
        "tolower" => Some(Fold::Lower),
        "toupper" => Some(Fold::Upper),
        _ => None,
    }
}

impl Fold {
    fn name(self) -> &'static str {
        match self {
            Self::Lower => "tolower",
            Self::Upper => "toupper",
        }
    }

    /// Can the call give such text?
    fn keeps(self, text: &str) -> bool {
        match self {
            Self::Lower => !text.chars().any(char::is_uppercase),
            Self::Upper => !text.chars().any(char::is_lowercase),
        }
    }

    fn compared(self, op: BinaryOp, text: &str, range: TextRange) -> Option<Diagnostic> {
        let folds = match op {
            BinaryOp::Eq => Some("=~"),
            BinaryOp::Ne => Some("!~"),
            BinaryOp::HasCs | BinaryOp::ContainsCs | BinaryOp::StartsWithCs | BinaryOp::EndsWithCs => None,
            _ => return None,
        };
        if !self.keeps(text) {
            return Some(self.never(op.name(), text, range));
        }
        folds.map(|fold| {
            hint(
                code::FOLD,
                range,
                format!("`{}` of every row only to compare it", self.name()),
                format!("`x {fold} \"…\"` compares without case, and can use what is known of the column"),
            )
        })
    }

    fn never(self, op: &str, text: &str, range: TextRange) -> Diagnostic {
        warning(
            code::CASE,
            range,
            format!("`{}` never gives `{text}`: this part of `{op}` is the same for every row", self.name()),
            "write the text in the case of the call, or compare without case: `=~`, `in~`",
        )
    }
}
