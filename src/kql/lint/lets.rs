//! A `let` that nothing uses: left over, or a name that was misspelt where it was meant.

use super::names::Names;
use super::{code, warning};
use crate::kql::diagnostic::Diagnostic;
use crate::kql::syntax::{Node, Query, Statement, StatementKind, walk};

pub fn check(query: &Query, names: &Names<'_>, findings: &mut Vec<Diagnostic>) {
    // A text of lets alone is a library.
    if !query.statements.iter().any(|statement| matches!(statement.kind, StatementKind::Expr(_))) {
        return;
    }
    walk(query, &mut |node| {
        let Node::Statement(Statement { kind: StatementKind::Let { name, .. }, .. }) = node else { return };
        let text = &*name.text;
        let used = names.used.contains(text) || names.prefixes.iter().any(|prefix| text.starts_with(prefix));
        if !used && !text.starts_with('_') {
            findings.push(warning(
                code::UNUSED_LET,
                name.range,
                format!("nothing uses `{text}`"),
                "remove the let, or use its name where it was meant",
            ));
        }
    });
}
