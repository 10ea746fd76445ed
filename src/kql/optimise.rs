//! A plan that gives the same rows for less: filters at the scans, only the columns that are read, paths read from where they are stored.
//!
//! Pure: plan in, plan out. Every rewrite keeps the answer; what it may change is the order of rows where none was asked for.

use std::sync::Arc;

use super::plan::{Expr, ExprKind, Output, Plan, Rel};
use super::types::Schema;

mod body;
mod columns;
mod expand;
mod filters;
mod limits;
mod repeated;

/// Rewrites a whole plan. Names and types of the results are unchanged.
pub fn optimise(plan: Plan) -> Plan {
    Plan {
        outputs: plan.outputs.into_iter().map(|o| Output { rel: rewritten(&o.rel), ..o }).collect(),
        shared: plan.shared.iter().map(rewritten).collect(),
    }
}

fn rewritten(rel: &Arc<Rel>) -> Arc<Rel> {
    let lowered = limits::lowered(rel);
    let pushed = filters::pushed(&lowered, Vec::new());
    // Nodes that go take their names with them; those of the result are its caller's.
    repeated::once(&renamed(columns::pruned(&pushed), &rel.schema))
}

/// The node under these names.
fn renamed(rel: Arc<Rel>, schema: &Schema) -> Arc<Rel> {
    if rel.schema == *schema { rel } else { Rel::new(rel.op.clone(), schema.clone()) }
}

/// An expression with its sub-expressions rewritten, and then itself. `rewrite` answers `None` to leave a node as it is.
fn map(expr: &Expr, rewrite: &mut dyn FnMut(&Expr) -> Option<Expr>) -> Expr {
    if let Some(expr) = rewrite(expr) {
        return expr;
    }
    let mut all = |args: &[Expr]| -> Vec<Expr> { args.iter().map(|a| map(a, &mut *rewrite)).collect() };
    let kind = match &expr.kind {
        ExprKind::Column(_) | ExprKind::Literal(_) => return expr.clone(),
        ExprKind::Call { function, args } => ExprKind::Call { function, args: all(args) },
        ExprKind::And(terms) => ExprKind::And(all(terms)),
        ExprKind::Or(terms) => ExprKind::Or(all(terms)),
        ExprKind::Path { base, steps } => match map(base, rewrite) {
            // A path inside a path is one path.
            Expr { kind: ExprKind::Path { base, steps: first }, .. } => {
                ExprKind::Path { base, steps: first.iter().chain(steps).cloned().collect() }
            }
            base => ExprKind::Path { base: Box::new(base), steps: steps.clone() },
        },
        ExprKind::In { value, set, negated, fold_case } => ExprKind::In {
            value: Box::new(map(value, rewrite)),
            set: Arc::clone(set),
            negated: *negated,
            fold_case: *fold_case,
        },
    };
    Expr { kind, ty: expr.ty }
}

/// Looks at every node of an expression; `look` answers false to leave out what is below one.
fn walk(expr: &Expr, look: &mut dyn FnMut(&Expr) -> bool) {
    if !look(expr) {
        return;
    }
    match &expr.kind {
        ExprKind::Column(_) | ExprKind::Literal(_) => {}
        ExprKind::Call { args, .. } | ExprKind::And(args) | ExprKind::Or(args) => {
            for arg in args {
                walk(arg, look);
            }
        }
        ExprKind::Path { base, .. } => walk(base, look),
        ExprKind::In { value, .. } => walk(value, look),
    }
}

/// The expression over what the columns are made of.
fn substituted(expr: &Expr, columns: &[Expr]) -> Expr {
    map(expr, &mut |e| match e.kind {
        ExprKind::Column(n) => columns.get(n).cloned(),
        _ => None,
    })
}

fn size(expr: &Expr) -> usize {
    let mut nodes = 0;
    walk(expr, &mut |_| {
        nodes += 1;
        true
    });
    nodes
}

/// Does it give another value each time?
fn is_volatile(expr: &Expr) -> bool {
    let mut volatile = false;
    walk(expr, &mut |e| {
        volatile |= matches!(&e.kind, ExprKind::Call { function, .. } if function.is_volatile());
        !volatile
    });
    volatile
}

/// The columns that an expression reads.
fn reads(expr: &Expr) -> Vec<usize> {
    let mut columns = Vec::new();
    walk(expr, &mut |e| {
        if let ExprKind::Column(n) = e.kind {
            columns.push(n);
        }
        true
    });
    columns
}

#[cfg(test)]
mod tests;
