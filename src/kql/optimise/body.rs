//! Sub-pipelines of `mv-apply` and `partition`: of the rows that they are given only the columns that they read are made.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::columns::{Demand, Demands, Positions, inner_demands, moved_all, prune};
use super::expand::{below, repeated};
use super::limits::inputs_mapped;
use super::{filters, map, reads};
use crate::kql::plan::{Expansion, Expr, ExprKind, Op, Rel};
use crate::kql::types::Schema;

/// An `mv-apply` under conditions: those on the row's own columns stand below it.
#[inline(never)]
pub(super) fn pushed(rel: &Arc<Rel>, terms: Vec<Expr>) -> Arc<Rel> {
    let Op::Apply { input, expansion, kept, body } = &rel.op else { return filters::kept(Arc::clone(rel), terms) };
    let (pass, stay): (Vec<_>, Vec<_>) = terms.into_iter().partition(|t| reads(t).iter().all(|n| *n < kept.len()));
    let pass = pass.iter().map(|term| below(term, kept)).collect();
    let op = Op::Apply {
        input: filters::pushed(input, pass),
        expansion: expansion.clone(),
        kept: kept.clone(),
        body: filters::pushed(body, Vec::new()),
    };
    filters::kept(Rel::new(op, rel.schema.clone()), stay)
}

/// What is read of the given rows stands right above them, for `used` to find.
pub(super) fn given(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let demands = demands.whole();
    let columns = demands.0.iter().map(|d| Expr::column(d.column, rel.schema.0[d.column].ty)).collect();
    let schema = demands.0.iter().map(|d| rel.schema.0[d.column].clone()).collect();
    let positions = demands.0.into_iter().enumerate().map(|(n, d)| (d, n)).collect();
    (Rel::new(Op::Project { input: Arc::clone(rel), columns }, schema), positions)
}

/// The columns of the given rows that a body reads.
fn used(rel: &Rel, columns: &mut BTreeSet<usize>) {
    for input in rel.inputs() {
        match (&input.op, &rel.op) {
            (Op::Given, Op::Project { columns: exprs, .. }) => columns.extend(exprs.iter().flat_map(reads)),
            (Op::Given, _) => columns.extend(0..input.schema.len()),
            _ => used(input, columns),
        }
    }
    if matches!(rel.op, Op::Given) {
        columns.extend(0..rel.schema.len());
    }
}

/// The body over given rows of this schema, whose columns went to other places.
fn narrowed(rel: &Arc<Rel>, places: &HashMap<usize, usize>, schema: &Schema) -> Arc<Rel> {
    if let Op::Project { input, columns } = &rel.op
        && matches!(input.op, Op::Given)
    {
        let columns = columns.iter().map(|c| placed(c, places)).collect();
        let op = Op::Project { input: Rel::new(Op::Given, schema.clone()), columns };
        return Rel::new(op, rel.schema.clone());
    }
    if matches!(rel.op, Op::Given) {
        return Rel::new(Op::Given, schema.clone());
    }
    // A body inside has given rows of its own.
    let mut mapped = inputs_mapped(rel, &mut |input| narrowed(input, places, schema));
    if let (Op::Apply { body: own, .. } | Op::Partition { body: own, .. }, op) =
        (&rel.op, &mut Arc::make_mut(&mut mapped).op)
        && let Op::Apply { body, .. } | Op::Partition { body, .. } = op
    {
        *body = Arc::clone(own);
    }
    mapped
}

fn placed(expr: &Expr, places: &HashMap<usize, usize>) -> Expr {
    map(expr, &mut |e| match e.kind {
        ExprKind::Column(n) => places.get(&n).map(|at| Expr::column(*at, e.ty)),
        _ => None,
    })
}

/// The body with what is demanded of it, in that order, and the columns that it reads of its rows.
fn pruned_body(body: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, BTreeSet<usize>) {
    let schema = demands.0.iter().map(|d| body.schema.0[d.column].clone()).collect();
    let (pruned, positions) = prune(body, demands);
    let pruned = super::columns::exactly(pruned, demands, &positions, &schema);
    let mut columns = BTreeSet::new();
    used(&pruned, &mut columns);
    (pruned, columns)
}

#[inline(never)]
pub(super) fn pruned_apply(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Apply { input, expansion, kept, body } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let width = kept.len();
    let mut of_body = Demands::default();
    for demand in demands.0.iter().filter(|d| d.column >= width) {
        of_body.add(Demand::column(demand.column - width));
    }
    let (body, columns) = pruned_body(body, &of_body);
    let repeats = expansion.kept.len();
    let read: Vec<usize> = columns.iter().copied().filter(|n| *n < repeats).collect();
    let mut own = Demands::of(&expansion.lists);
    for n in &read {
        own.add(Demand::column(expansion.kept[*n]));
    }
    let mut of_row = Demands::default();
    for demand in demands.0.iter().filter(|d| d.column < width) {
        of_row.add(Demand { column: kept[demand.column], path: demand.path.clone() });
    }
    let (input, at) = prune(input, &inner_demands(&of_row, own));
    // What the body is given now: the columns that it reads, the elements, their index.
    let index = expansion.index && columns.contains(&(repeats + expansion.lists.len()));
    let mut places: HashMap<usize, usize> = read.iter().enumerate().map(|(to, from)| (*from, to)).collect();
    let mut given: Vec<_> = Vec::new();
    let mut repeat = Vec::new();
    for n in &read {
        let Some(found) = at.get(&Demand::column(expansion.kept[*n])) else { continue };
        repeat.push(*found);
        given.push(input.schema.0[*found].clone());
    }
    let names = given_schema(&body);
    for n in 0..expansion.lists.len() + usize::from(index) {
        places.insert(repeats + n, given.len());
        given.extend(names.as_ref().and_then(|s| s.0.get(repeats + n)).cloned());
    }
    let body = narrowed(&body, &places, &Schema(given));
    let (kept, mut schema, mut positions) = repeated(rel, demands, kept, &at);
    for (n, demand) in of_body.0.iter().enumerate() {
        positions.insert(Demand::column(width + demand.column), schema.len());
        schema.push(body.schema.0[n].clone());
    }
    let lists = moved_all(&expansion.lists, &at);
    let expansion = Expansion { kept: repeat, lists, index, ..expansion.clone() };
    (Rel::new(Op::Apply { input, expansion, kept, body }, Schema(schema)), positions)
}

/// What a body is given.
fn given_schema(body: &Rel) -> Option<Schema> {
    if matches!(body.op, Op::Given) {
        return Some(body.schema.clone());
    }
    body.inputs().iter().find_map(|input| given_schema(input))
}

#[inline(never)]
pub(super) fn pruned_partition(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Partition { input, keys, body } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let demands = demands.whole();
    let (body, columns) = pruned_body(body, &demands);
    let mut own = Demands::of(keys);
    for n in &columns {
        own.add(Demand::column(*n));
    }
    let (input, at) = prune(input, &own);
    let places = columns.iter().filter_map(|n| Some((*n, *at.get(&Demand::column(*n))?))).collect();
    let body = narrowed(&body, &places, &input.schema);
    let schema = body.schema.clone();
    let op = Op::Partition { input, keys: moved_all(keys, &at), body };
    let positions = demands.0.into_iter().enumerate().map(|(n, d)| (d, n)).collect();
    (Rel::new(op, schema), positions)
}
