//! A stored table that is read from its beginning: slow here, and costly where reading is paid for.

use std::collections::HashSet;

use super::names::{Names, Pipe};
use super::time::COLUMNS;
use super::{code, warning};
use crate::kql::catalog::Catalog;
use crate::kql::diagnostic::Diagnostic;
use crate::kql::syntax::{Expr, ExprKind, Name, NameRole, Node, OperatorKind, walk_expr};

pub fn check(names: &Names<'_>, catalog: &dyn Catalog, findings: &mut Vec<Diagnostic>) {
    let timed = |name: &str| {
        names.tables.contains(name) && catalog.table(name).is_none_or(|schema| schema.position(COLUMNS[0]).is_some())
    };
    // Sources of pipelines whose conditions speak of time; a let among them bounds what it stands for.
    let (mut bounded, mut free) = (HashSet::new(), Vec::new());
    for pipe in &names.pipes {
        let sources = sources(*pipe);
        if pipe.conditions().any(speaks_of_time) {
            bounded.extend(sources.iter().map(|name| &*name.text));
            continue;
        }
        free.extend(sources);
    }
    let of_let = |name: &Name| {
        let inside = |value: &Expr| value.range.start <= name.range.start && name.range.end <= value.range.end;
        names.lets.iter().find(|(_, value)| inside(value)).map(|(of, _)| *of)
    };
    let mut told = HashSet::new();
    for name in free {
        if timed(&name.text) && of_let(name).is_none_or(|of| !bounded.contains(of)) && told.insert(&*name.text) {
            findings.push(warning(
                code::NO_TIME_BOUND,
                name.range,
                format!("every row of `{}` is read: no condition speaks of time", name.text),
                "begin with `| where TimeGenerated > ago(1d)`, or run it with --timespan",
            ));
        }
    }
}

/// The tables that a pipeline begins with: one, or those of a union.
fn sources(pipe: Pipe<'_>) -> Vec<&Name> {
    let mut sources: Vec<&Name> = pipe.source.and_then(|source| source.inner().as_name()).into_iter().collect();
    for operator in pipe.operators {
        if let OperatorKind::Union(union) = &operator.kind {
            sources.extend(union.tables.iter().filter_map(|table| table.inner().as_name()));
        }
    }
    sources
}

fn speaks_of_time(condition: &Expr) -> bool {
    let mut found = false;
    walk_expr(condition, &mut |node| {
        found |= match node {
            Node::Name(name, NameRole::Use) => COLUMNS.contains(&&*name.text),
            Node::Expr(Expr { kind: ExprKind::Call(call), .. }) => &*call.name.text == "ingestion_time",
            _ => false,
        };
    });
    found
}
