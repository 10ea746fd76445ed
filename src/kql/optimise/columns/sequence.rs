//! `scan`: the input gives what the steps and those above read.

use super::{Arc, Demand, Demands, Expr, ExprKind, Op, Positions, Rel, Schema, map, moved_all, prune, reads};
use crate::kql::plan::{Sequence, SequenceStep};

#[inline(never)]
pub(super) fn sequence(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Sequence { input, sequence } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let (width, declared) = (input.schema.len(), sequence.declared.len());
    let mut below = Demands::of(&sequence.partition).whole();
    let exprs =
        sequence.steps.iter().flat_map(|s| std::iter::once(&s.condition).chain(s.assignments.iter().map(|(_, e)| e)));
    for column in exprs.flat_map(reads) {
        match place(column, width, declared) {
            Place::Row(n) | Place::Step(_, n) if n < width => below.add(Demand::column(n)),
            _ => {}
        }
    }
    demands.0.iter().filter(|d| d.column < width).for_each(|d| below.add(Demand::column(d.column)));
    let (input, mut positions) = prune(input, &below);
    let given = input.schema.len();
    let at = |n: usize| positions.get(&Demand::column(n)).copied().unwrap_or(n);
    let moved = |expr: &Expr| {
        map(expr, &mut |e| match e.kind {
            ExprKind::Column(column) => {
                let column = match place(column, width, declared) {
                    Place::Row(n) => at(n),
                    Place::Step(j, n) => {
                        given + j * (given + declared) + if n < width { at(n) } else { n - width + given }
                    }
                };
                Some(Expr::column(column, e.ty))
            }
            _ => None,
        })
    };
    let steps = sequence.steps.iter().map(|step| SequenceStep {
        name: Arc::clone(&step.name),
        condition: moved(&step.condition),
        assignments: step.assignments.iter().map(|(n, e)| (*n, moved(e))).collect(),
        output: step.output,
    });
    let sequence = Sequence {
        partition: moved_all(&sequence.partition, &positions),
        declared: sequence.declared.clone(),
        steps: steps.collect(),
        match_id: sequence.match_id,
    };
    let mut schema = input.schema.0.clone();
    for (n, column) in rel.schema.0.iter().enumerate().skip(width) {
        positions.insert(Demand::column(n), schema.len());
        schema.push(column.clone());
    }
    (Rel::new(Op::Sequence { input, sequence: Arc::new(sequence) }, Schema(schema)), positions)
}

/// Whose column an expression of a step reads.
enum Place {
    Row(usize),
    Step(usize, usize),
}

fn place(column: usize, width: usize, declared: usize) -> Place {
    match column.checked_sub(width) {
        None => Place::Row(column),
        Some(beyond) => Place::Step(beyond / (width + declared).max(1), beyond % (width + declared).max(1)),
    }
}
