//! `parse` and its kin: a capture that nobody reads is not made, and a `parse` without one is no step at all.

use super::{Arc, Demand, Demands, Op, Positions, Rel, Schema, moved, prune};

#[inline(never)]
pub(super) fn capture(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Capture { input, text, capture, columns, matching } = &rel.op else {
        return (Arc::clone(rel), Positions::new());
    };
    let width = input.schema.len();
    let wanted: Vec<usize> = (0..columns.len()).filter(|n| demands.0.iter().any(|d| d.column == width + n)).collect();
    let made = *matching || !wanted.is_empty();
    let mut below = if made { Demands::of([text]) } else { Demands::default() };
    demands.0.iter().filter(|d| d.column < width).for_each(|d| below.add(d.clone()));
    let (input, mut positions) = prune(input, &below);
    if !made {
        return (input, positions);
    }
    let mut schema = input.schema.0.clone();
    let text = moved(text, &positions);
    for n in &wanted {
        positions.insert(Demand::column(width + n), schema.len());
        schema.push(rel.schema.0[width + n].clone());
    }
    let columns = wanted.iter().map(|n| columns[*n]).collect();
    let op = Op::Capture { input, text, capture: Arc::clone(capture), columns, matching: *matching };
    (Rel::new(op, Schema(schema)), positions)
}
