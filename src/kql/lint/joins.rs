//! `join` without `kind` is innerunique, which surprises whoever knows another language: of left rows with one key only one is joined.

use super::{code, warning};
use crate::kql::diagnostic::Diagnostic;
use crate::kql::syntax::{Node, OperatorKind, Query, walk};

pub fn check(query: &Query, findings: &mut Vec<Diagnostic>) {
    walk(query, &mut |node| {
        if let Node::Operator(operator) = node
            && let OperatorKind::Join(join) = &operator.kind
            && join.kind.is_none()
        {
            findings.push(warning(
                code::JOIN_KIND,
                operator.word,
                "a join without a kind keeps one row of each key of the left side",
                "write `join kind=inner` for every pair, or `join kind=innerunique` where one row a key is meant",
            ));
        }
    });
}
