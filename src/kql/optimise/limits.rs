//! `take` goes below projections, and makes a `sort` under it a top.

use std::sync::Arc;

use crate::kql::plan::{Op, Rel};

/// The plan with limits as low as they may stand.
pub(super) fn lowered(rel: &Arc<Rel>) -> Arc<Rel> {
    if let Op::Take { input, count } = &rel.op {
        let input = lowered(input);
        return taken(&input, *count);
    }
    inputs_mapped(rel, &mut lowered)
}

/// The first rows of a plan.
fn taken(rel: &Arc<Rel>, count: u64) -> Arc<Rel> {
    match &rel.op {
        Op::Project { input, columns } => {
            let op = Op::Project { input: taken(input, count), columns: columns.clone() };
            Rel::new(op, rel.schema.clone())
        }
        Op::Capture { input, text, capture, columns, matching: false } => {
            let op = Op::Capture {
                input: taken(input, count),
                text: text.clone(),
                capture: Arc::clone(capture),
                columns: columns.clone(),
                matching: false,
            };
            Rel::new(op, rel.schema.clone())
        }
        Op::Take { input, count: other } => taken(input, count.min(*other)),
        Op::Sort { input, keys, limit } => {
            let limit = Some(limit.map_or(count, |l| l.min(count)));
            Rel::new(Op::Sort { input: Arc::clone(input), keys: keys.clone(), limit }, rel.schema.clone())
        }
        _ => Rel::new(Op::Take { input: Arc::clone(rel), count }, rel.schema.clone()),
    }
}

/// The node over rewritten inputs; the node itself where none changed.
pub(super) fn inputs_mapped(rel: &Arc<Rel>, rewrite: &mut dyn FnMut(&Arc<Rel>) -> Arc<Rel>) -> Arc<Rel> {
    let op = match &rel.op {
        Op::Scan { .. } | Op::Values { .. } | Op::Range { .. } | Op::Given | Op::Shared(_) => return Arc::clone(rel),
        Op::Filter { input, predicate } => Op::Filter { input: rewrite(input), predicate: predicate.clone() },
        Op::Project { input, columns } => Op::Project { input: rewrite(input), columns: columns.clone() },
        Op::Aggregate { input, keys, aggregates } => {
            Op::Aggregate { input: rewrite(input), keys: keys.clone(), aggregates: aggregates.clone() }
        }
        Op::MakeSeries { input, series } => Op::MakeSeries { input: rewrite(input), series: series.clone() },
        Op::Join { left, right, kind, keys } => {
            Op::Join { left: rewrite(left), right: rewrite(right), kind: *kind, keys: keys.clone() }
        }
        Op::Union { inputs } => Op::Union { inputs: inputs.iter().map(rewrite).collect() },
        Op::Sort { input, keys, limit } => Op::Sort { input: rewrite(input), keys: keys.clone(), limit: *limit },
        Op::Take { input, count } => Op::Take { input: rewrite(input), count: *count },
        Op::Serialize { input } => Op::Serialize { input: rewrite(input) },
        Op::Plugin { plugin, inputs } => {
            Op::Plugin { plugin: plugin.clone(), inputs: inputs.iter().map(rewrite).collect() }
        }
        Op::Window { input, calls } => Op::Window { input: rewrite(input), calls: calls.clone() },
        Op::Expand { input, expansion } => Op::Expand { input: rewrite(input), expansion: expansion.clone() },
        Op::Sequence { input, sequence } => Op::Sequence { input: rewrite(input), sequence: Arc::clone(sequence) },
        Op::Capture { input, text, capture, columns, matching } => Op::Capture {
            input: rewrite(input),
            text: text.clone(),
            capture: Arc::clone(capture),
            columns: columns.clone(),
            matching: *matching,
        },
        Op::Apply { input, expansion, kept, body } => {
            let (expansion, kept) = (expansion.clone(), kept.clone());
            Op::Apply { input: rewrite(input), expansion, kept, body: rewrite(body) }
        }
        Op::TopNested { input, levels } => Op::TopNested { input: rewrite(input), levels: levels.clone() },
        Op::Partition { input, keys, body } => {
            Op::Partition { input: rewrite(input), keys: keys.clone(), body: rewrite(body) }
        }
    };
    Rel::new(op, rel.schema.clone())
}
