//! Keys and values that stored columns never have, as far as the catalogue knows: `session.ip_address` where the key is `ip`, `category == "Success"`
//! where it is `success`.
//!
//! Names are followed by name alone: a column that the query makes itself is left in peace, and `session1` is the `session` of a join's right side.

use super::names::Names;
use super::{code, warning};
use crate::base::suggest::nearest;
use crate::kql::catalog::Catalog;
use crate::kql::diagnostic::Diagnostic;
use crate::kql::syntax::{BinaryOp, Expr, ExprKind, InOp, Node, PathStepKind, Query, walk};
use crate::kql::value::Value;

/// The shortest value whose neighbours are mistakes rather than other codes.
const SHORTEST: usize = 8;

pub fn check(query: &Query, text: &str, names: &Names<'_>, catalog: &dyn Catalog, findings: &mut Vec<Diagnostic>) {
    if names.tables.is_empty() {
        return;
    }
    walk(query, &mut |node| {
        let Node::Expr(e) = node else { return };
        match &e.kind {
            ExprKind::Path { base, steps } => {
                let Some(column) = column(base, names) else { return };
                let keys = catalog.keys(column);
                let (Some(first), false) = (steps.first(), keys.is_empty()) else { return };
                let (key, range) = match &first.kind {
                    PathStepKind::Member(name) => (&*name.text, name.range),
                    PathStepKind::Index(Expr { kind: ExprKind::Literal(Value::String(key)), range }) => {
                        (&**key, *range)
                    }
                    _ => return,
                };
                if !keys.contains(&key) {
                    findings.push(warning(
                        code::KEY,
                        range,
                        format!("no event has `{key}` in `{column}`: this is always null"),
                        format!("`{column}` has {}", keys.join(", ")),
                    ));
                }
            }
            ExprKind::Binary { op: BinaryOp::Eq | BinaryOp::Ne, left, right } => {
                for (side, other) in [(left, right), (right, left)] {
                    compared(side, other, text, names, catalog, findings);
                }
            }
            ExprKind::In { op: InOp::In | InOp::NotIn, operand, list } => {
                for item in list {
                    compared(operand, item, text, names, catalog, findings);
                }
            }
            _ => {}
        }
    });
}

/// The stored column that a name means.
fn column<'e>(e: &'e Expr, names: &Names<'_>) -> Option<&'e str> {
    let name = &*e.inner().as_name()?.text;
    if names.made.contains(name) {
        return None;
    }
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (!names.made.contains(stem)).then_some(stem)
}

fn compared(
    side: &Expr,
    other: &Expr,
    text: &str,
    names: &Names<'_>,
    catalog: &dyn Catalog,
    findings: &mut Vec<Diagnostic>,
) {
    let (Some(column), Some(Value::String(value))) = (column(side, names), other.inner().as_literal()) else { return };
    let values = catalog.values(column);
    if value.is_empty() || values.is_empty() || values.contains(&&**value) {
        return;
    }
    // New values come with the service, so only what looks like a known one is doubted, and short codes look much alike.
    let meant = values.iter().copied().find(|known| known.eq_ignore_ascii_case(value));
    let near = || (value.len() >= SHORTEST).then(|| nearest(value, values.iter().copied())).flatten();
    let Some(meant) = meant.or_else(near) else { return };
    findings.push(warning(
        code::VALUE,
        other.range,
        format!("{} is no value of `{column}` that is known", other.range.of(text)),
        format!("did you mean `{meant}`?"),
    ));
}
