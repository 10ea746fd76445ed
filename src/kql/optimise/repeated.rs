//! What costs much is computed once: a call that stands in several columns of a projection becomes a column of one below.

use std::sync::Arc;

use super::limits::inputs_mapped;
use super::{map, walk};
use crate::kql::plan::{Expr, ExprKind, Op, Rel};
use crate::kql::types::Column;

/// The plan with repeated calls taken apart.
pub(super) fn once(rel: &Arc<Rel>) -> Arc<Rel> {
    let rel = inputs_mapped(rel, &mut once);
    let Op::Project { input, columns } = &rel.op else { return rel };
    let repeated = repeated(columns);
    if repeated.is_empty() {
        return rel;
    }
    // Below: the calls, then the columns that are read beside them.
    let mut below = repeated.clone();
    let above = columns
        .iter()
        .map(|column| {
            map(column, &mut |e| {
                let place = below.iter().position(|b| b == e);
                match (place, &e.kind) {
                    (Some(at), _) => Some(Expr::column(at, e.ty)),
                    (None, ExprKind::Column(_)) => {
                        below.push(e.clone());
                        Some(Expr::column(below.len() - 1, e.ty))
                    }
                    _ => None,
                }
            })
        })
        .collect();
    let schema = below.iter().enumerate().map(|(n, e)| Column::new(format!("${n}"), e.ty)).collect();
    let below = Rel::new(Op::Project { input: Arc::clone(input), columns: below }, schema);
    Rel::new(Op::Project { input: below, columns: above }, rel.schema.clone())
}

/// Calls that cost much and stand there more than once; what is inside of one is not looked at.
fn repeated(columns: &[Expr]) -> Vec<Expr> {
    let mut seen: Vec<(Expr, usize)> = Vec::new();
    for column in columns {
        walk(column, &mut |e| {
            let costly = matches!(&e.kind, ExprKind::Call { function, .. } if function.name.starts_with("series_"));
            if costly {
                match seen.iter_mut().find(|(call, _)| call == e) {
                    Some((_, times)) => *times += 1,
                    None => seen.push((e.clone(), 1)),
                }
            }
            !costly
        });
    }
    seen.into_iter().filter(|(_, times)| *times > 1).map(|(call, _)| call).collect()
}
