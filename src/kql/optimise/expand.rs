//! `mv-expand`: conditions on what is only repeated are judged before; columns that nobody reads are not repeated.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::columns::{Demand, Demands, Positions, inner_demands, moved_all, prune, shown};
use super::{filters, map, reads};
use crate::kql::plan::{Expansion, Expr, ExprKind, Op, Rel};
use crate::kql::types::{Column, Schema, Type};

/// The node under conditions: those on repeated columns stand below it.
#[inline(never)]
pub(super) fn pushed(rel: &Arc<Rel>, terms: Vec<Expr>) -> Arc<Rel> {
    let Op::Expand { input, expansion } = &rel.op else { return filters::kept(Arc::clone(rel), terms) };
    let (pass, stay): (Vec<_>, Vec<_>) =
        terms.into_iter().partition(|term| reads(term).iter().all(|n| *n < expansion.kept.len()));
    let pass = pass.iter().map(|term| below(term, &expansion.kept)).collect();
    let op = Op::Expand { input: filters::pushed(input, pass), expansion: expansion.clone() };
    filters::kept(Rel::new(op, rel.schema.clone()), stay)
}

/// An expression over repeated columns, over the input.
pub(super) fn below(expr: &Expr, kept: &[usize]) -> Expr {
    map(expr, &mut |e| match e.kind {
        ExprKind::Column(n) => kept.get(n).map(|at| Expr::column(*at, e.ty)),
        _ => None,
    })
}

/// The node that repeats what is demanded. A path inside a repeated column is read below, once a row of the input.
#[inline(never)]
pub(super) fn pruned(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Expand { input, expansion } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let width = expansion.kept.len();
    let mut whole = Demands::default();
    for demand in demands.0.iter().filter(|d| d.column < width) {
        whole.add(Demand { column: expansion.kept[demand.column], path: demand.path.clone() });
    }
    let (input, at) = prune(input, &inner_demands(&whole, Demands::of(&expansion.lists)));
    let (kept, mut schema, mut positions) = self::repeated(rel, demands, &expansion.kept, &at);
    let index = expansion.index && demands.0.iter().any(|d| d.column == width + expansion.lists.len());
    for n in 0..expansion.lists.len() + usize::from(index) {
        positions.insert(Demand::column(width + n), schema.len());
        schema.push(rel.schema.0[width + n].clone());
    }
    let lists = moved_all(&expansion.lists, &at);
    let expansion = Expansion { kept, lists, index, ..expansion.clone() };
    (Rel::new(Op::Expand { input, expansion }, Schema(schema)), positions)
}

/// The columns of the input that a node repeats, first in its own: where the demanded ones stand in the pruned input, and what they are.
pub(super) fn repeated(
    rel: &Rel,
    demands: &Demands,
    kept: &[usize],
    at: &Positions,
) -> (Vec<usize>, Vec<Column>, Positions) {
    let (mut repeated, mut schema, mut positions) = (Vec::new(), Vec::new(), Positions::new());
    for demand in demands.0.iter().filter(|d| d.column < kept.len()) {
        let own = kept[demand.column];
        let name = &rel.schema.0[demand.column].name;
        // The path where it is given apart; else its column.
        let path = demand.path.as_ref().and_then(|(steps, text)| {
            let found = at.get(&Demand { column: own, path: demand.path.clone() })?;
            let ty = if *text { Type::String } else { Type::Dynamic };
            Some((demand.clone(), *found, Column::new(shown(name, steps), ty)))
        });
        let whole = || {
            let found = at.get(&Demand::column(own))?;
            Some((Demand::column(demand.column), *found, rel.schema.0[demand.column].clone()))
        };
        let Some((demand, found, column)) = path.or_else(whole) else { continue };
        if let Entry::Vacant(entry) = positions.entry(demand) {
            entry.insert(repeated.len());
            repeated.push(found);
            schema.push(column);
        }
    }
    (repeated, schema, positions)
}
