//! `a or b and c` is `a or (b and c)`. Whoever wrote it may have meant `(a or b) and c`, and so may whoever reads it.

use super::{code, warning};
use crate::kql::diagnostic::Diagnostic;
use crate::kql::syntax::{Expr, ExprKind, Node, Query, walk};

pub fn check(query: &Query, findings: &mut Vec<Diagnostic>) {
    walk(query, &mut |node| {
        let Node::Expr(Expr { kind: ExprKind::Or(terms), .. }) = node else { return };
        // Of several one finding is enough.
        if let Some(term) = terms.iter().find(|term| matches!(term.kind, ExprKind::And(_))) {
            findings.push(warning(
                code::BRACKETS,
                term.range,
                "`and` binds before `or` here",
                "say which is meant with brackets: `(a or b) and c`, or `a or (b and c)`",
            ));
        }
    });
}
