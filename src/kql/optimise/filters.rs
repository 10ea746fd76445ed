//! Conditions go down: through what keeps rows apart, into both sides of a union, to the side of a join that they speak of, into the scan.
//! They stop at what looks at several rows: windows, limits, aggregates (but for conditions on the keys).

use std::sync::Arc;

use super::limits::inputs_mapped;
use super::{body, expand, is_volatile, reads, size, substituted, walk};
use crate::kql::plan::{Expr, ExprKind, JoinKind, Op, Rel};
use crate::kql::types::Type;

/// A condition over an expression of this size or more is evaluated where the expression is, not twice, unless it only chooses among columns.
const CHEAP: usize = 8;
/// The same where it does: rows that fall early are worth more than looking at a few codes twice.
const CHEAP_CHOICE: usize = 64;
/// A condition that has grown past this stays above.
const LARGEST: usize = 200;

/// The plan under `terms`, conditions over its columns that all must hold.
pub(super) fn pushed(rel: &Arc<Rel>, terms: Vec<Expr>) -> Arc<Rel> {
    match &rel.op {
        Op::Filter { input, predicate } => {
            let mut all = Vec::with_capacity(terms.len() + 1);
            conjuncts(predicate, &mut all);
            all.extend(terms);
            pushed(input, all)
        }
        Op::Scan { table, columns, filter } => {
            let mut filter = filter.clone();
            filter.extend(terms);
            let op = Op::Scan { table: Arc::clone(table), columns: columns.clone(), filter };
            Rel::new(op, rel.schema.clone())
        }
        Op::Project { .. } => through_project(rel, terms),
        Op::Sort { input, keys, limit: None } => {
            let op = Op::Sort { input: pushed(input, terms), keys: keys.clone(), limit: None };
            Rel::new(op, rel.schema.clone())
        }
        Op::Serialize { input } => Rel::new(Op::Serialize { input: pushed(input, terms) }, rel.schema.clone()),
        Op::Union { inputs } => {
            let inputs = inputs.iter().map(|input| pushed(input, terms.clone())).collect();
            Rel::new(Op::Union { inputs }, rel.schema.clone())
        }
        Op::Aggregate { .. } => through_keys(rel, terms),
        Op::Join { .. } => to_sides(rel, terms),
        Op::Expand { .. } => expand::pushed(rel, terms),
        Op::Capture { .. } => through_capture(rel, terms),
        Op::Apply { .. } => body::pushed(rel, terms),
        _ => kept(inputs_mapped(rel, &mut |input| pushed(input, Vec::new())), terms),
    }
}

/// The terms of a condition, in their order.
fn conjuncts(predicate: &Expr, terms: &mut Vec<Expr>) {
    match &predicate.kind {
        ExprKind::And(parts) => terms.extend(parts.iter().cloned()),
        _ => terms.push(predicate.clone()),
    }
}

/// The terms as one filter on top.
pub(super) fn kept(rel: Arc<Rel>, mut terms: Vec<Expr>) -> Arc<Rel> {
    let predicate = match terms.len() {
        0 => return rel,
        1 => terms.remove(0),
        _ => Expr { kind: ExprKind::And(terms), ty: Type::Bool },
    };
    let schema = rel.schema.clone();
    Rel::new(Op::Filter { input: rel, predicate }, schema)
}

#[inline(never)]
fn through_project(rel: &Arc<Rel>, terms: Vec<Expr>) -> Arc<Rel> {
    let Op::Project { input, columns } = &rel.op else { return kept(Arc::clone(rel), terms) };
    let may_pass = |term: &Expr| {
        let read = reads(term);
        let dear = read.iter().filter_map(|n| columns.get(*n)).filter(|c| size(c) >= CHEAP);
        read.iter().all(|n| {
            let cheap = |c: &Expr| size(c) < CHEAP || (size(c) < CHEAP_CHOICE && only_chooses(c));
            columns.get(*n).is_some_and(|c| cheap(c) && !is_volatile(c))
        }) && size(term) + dear.map(size).sum::<usize>() < LARGEST
    };
    let (pass, stay): (Vec<_>, Vec<_>) = terms.into_iter().partition(may_pass);
    let pass = pass.iter().map(|term| substituted(term, columns)).collect();
    let op = Op::Project { input: pushed(input, pass), columns: columns.clone() };
    kept(Rel::new(op, rel.schema.clone()), stay)
}

/// A capture gives a row for a row, or none: conditions on the input's columns hold before it.
#[inline(never)]
fn through_capture(rel: &Arc<Rel>, terms: Vec<Expr>) -> Arc<Rel> {
    let Op::Capture { input, .. } = &rel.op else { return kept(Arc::clone(rel), terms) };
    let width = input.schema.len();
    let (pass, stay): (Vec<_>, Vec<_>) = terms.into_iter().partition(|term| reads(term).iter().all(|n| *n < width));
    let mut pass = Some(pass);
    kept(inputs_mapped(rel, &mut |input| pushed(input, pass.take().unwrap_or_default())), stay)
}

/// Only columns, paths in them, and what picks one of them: `coalesce`, `case`, comparisons with constants.
fn only_chooses(expr: &Expr) -> bool {
    const CHOOSING: &[&str] = &[
        "coalesce",
        "case",
        "iff",
        "iif",
        "tostring",
        "==",
        "!=",
        "isempty",
        "isnotempty",
        "isnull",
        "isnotnull",
        "not",
    ];
    let mut only = true;
    walk(expr, &mut |e| {
        only &= match &e.kind {
            ExprKind::Call { function, .. } => CHOOSING.contains(&function.name),
            // Inside a column the scan may have it stored; inside anything else it has to be parsed.
            ExprKind::Path { base, .. } => matches!(base.kind, ExprKind::Column(_)),
            _ => true,
        };
        only
    });
    only
}

#[inline(never)]
fn through_keys(rel: &Arc<Rel>, terms: Vec<Expr>) -> Arc<Rel> {
    let Op::Aggregate { input, keys, aggregates } = &rel.op else { return kept(Arc::clone(rel), terms) };
    // Without keys there is one row even of no input: nothing may be taken from below.
    let may_pass =
        |term: &Expr| !keys.is_empty() && reads(term).iter().all(|n| keys.get(*n).is_some_and(|k| !is_volatile(k)));
    let (pass, stay): (Vec<_>, Vec<_>) = terms.into_iter().partition(may_pass);
    let pass = pass.iter().map(|term| substituted(term, keys)).collect();
    let op = Op::Aggregate { input: pushed(input, pass), keys: keys.clone(), aggregates: aggregates.clone() };
    kept(Rel::new(op, rel.schema.clone()), stay)
}

#[inline(never)]
fn to_sides(rel: &Arc<Rel>, terms: Vec<Expr>) -> Arc<Rel> {
    let Op::Join { left, right, kind, keys } = &rel.op else { return kept(Arc::clone(rel), terms) };
    // The side whose rows come out as they are. Of `innerunique` it is the right one: which of the left rows stands for its key is decided
    // before the condition.
    let (to_left, to_right) = match kind {
        JoinKind::Inner => (true, true),
        JoinKind::LeftOuter | JoinKind::LeftSemi | JoinKind::LeftAnti => (true, false),
        JoinKind::RightOuter | JoinKind::RightSemi | JoinKind::RightAnti | JoinKind::InnerUnique => (false, true),
        JoinKind::FullOuter => (false, false),
    };
    let one_sided = matches!(kind, JoinKind::RightSemi | JoinKind::RightAnti);
    let width = if one_sided { 0 } else { left.schema.len() };
    let (mut lefts, mut rights, mut stay) = (Vec::new(), Vec::new(), Vec::new());
    for term in terms {
        let columns = reads(&term);
        if to_left && columns.iter().all(|n| *n < width) {
            lefts.push(term);
        } else if to_right && columns.iter().all(|n| *n >= width) {
            rights.push(super::map(&term, &mut |e| match e.kind {
                ExprKind::Column(n) => Some(Expr::column(n - width, e.ty)),
                _ => None,
            }));
        } else {
            stay.push(term);
        }
    }
    let op = Op::Join { left: pushed(left, lefts), right: pushed(right, rights), kind: *kind, keys: keys.clone() };
    kept(Rel::new(op, rel.schema.clone()), stay)
}
