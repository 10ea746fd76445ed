//! `ingestion_time()`: the arrival of the row that a scan gave, carried up to where it is asked for. Rows of no table have none: null.

use std::sync::Arc;

use crate::kql::plan::{Op, Output, ScanColumn};
use crate::kql::{Column, Expr, ExprKind, Plan, Rel, Schema, Type};

const FUNCTION: &str = "ingestion_time";
/// The column of a scan that holds it. No table has a column of this name, for none can be written so.
pub const ARRIVED: &str = "\u{1}arrived";

/// The plan with arrivals in place of the calls.
pub fn resolved(plan: Plan) -> Plan {
    let outputs = plan.outputs.into_iter();
    Plan {
        outputs: outputs.map(|o| Output { rel: resolve(&o.rel), ..o }).collect(),
        shared: plan.shared.iter().map(resolve).collect(),
    }
}

fn asks(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call { function, args } => function.name == FUNCTION || args.iter().any(asks),
        ExprKind::And(list) | ExprKind::Or(list) => list.iter().any(asks),
        ExprKind::Path { base, .. } => asks(base),
        ExprKind::In { value, .. } => asks(value),
        ExprKind::Column(_) | ExprKind::Literal(_) => false,
    }
}

/// The expression with a column in place of the call.
fn replaced(expr: &Expr, at: usize) -> Expr {
    let all = |list: &[Expr]| list.iter().map(|e| replaced(e, at)).collect::<Vec<_>>();
    let kind = match &expr.kind {
        ExprKind::Call { function, .. } if function.name == FUNCTION => return Expr::column(at, Type::DateTime),
        ExprKind::Call { function, args } => ExprKind::Call { function, args: all(args) },
        ExprKind::And(list) => ExprKind::And(all(list)),
        ExprKind::Or(list) => ExprKind::Or(all(list)),
        ExprKind::Path { base, steps } => ExprKind::Path { base: Box::new(replaced(base, at)), steps: steps.clone() },
        ExprKind::In { value, set, negated, fold_case } => ExprKind::In {
            value: Box::new(replaced(value, at)),
            set: Arc::clone(set),
            negated: *negated,
            fold_case: *fold_case,
        },
        other @ (ExprKind::Column(_) | ExprKind::Literal(_)) => other.clone(),
    };
    Expr { kind, ty: expr.ty }
}

fn resolve(rel: &Arc<Rel>) -> Arc<Rel> {
    let mut op = rel.op.clone();
    match &mut op {
        Op::Scan { .. } | Op::Values { .. } | Op::Range { .. } | Op::Given | Op::Shared(_) => return Arc::clone(rel),
        Op::Filter { input, predicate } => {
            *input = resolve(input);
            if asks(predicate)
                && let Some((carrying, at)) = carry(input)
            {
                let predicate = replaced(predicate, at);
                let schema = carrying.schema.clone();
                return first(&Rel::new(Op::Filter { input: carrying, predicate }, schema), &rel.schema);
            }
        }
        Op::Project { input, columns } => {
            *input = resolve(input);
            if columns.iter().any(asks)
                && let Some((carrying, at)) = carry(input)
            {
                *input = carrying;
                for c in columns {
                    *c = replaced(c, at);
                }
            }
        }
        Op::Aggregate { input, keys, aggregates } => {
            *input = resolve(input);
            let wanted = keys.iter().chain(aggregates.iter().flat_map(|a| &a.args)).any(asks);
            if wanted && let Some((carrying, at)) = carry(input) {
                *input = carrying;
                keys.iter_mut()
                    .chain(aggregates.iter_mut().flat_map(|a| &mut a.args))
                    .for_each(|e| *e = replaced(e, at));
            }
        }
        Op::Sort { input, keys, .. } => {
            *input = resolve(input);
            if keys.iter().any(|k| asks(&k.expr))
                && let Some((carrying, at)) = carry(input)
            {
                let schema = carrying.schema.clone();
                *input = carrying;
                for k in keys {
                    k.expr = replaced(&k.expr, at);
                }
                return first(&Rel::new(op, schema), &rel.schema);
            }
        }
        Op::Take { input, .. }
        | Op::Serialize { input }
        | Op::Window { input, .. }
        | Op::Expand { input, .. }
        | Op::Capture { input, .. }
        | Op::MakeSeries { input, .. }
        | Op::Apply { input, .. }
        | Op::Partition { input, .. }
        | Op::TopNested { input, .. }
        | Op::Sequence { input, .. } => {
            *input = resolve(input);
        }
        Op::Join { left, right, .. } => {
            *left = resolve(left);
            *right = resolve(right);
        }
        Op::Union { inputs } | Op::Plugin { inputs, .. } => inputs.iter_mut().for_each(|i| *i = resolve(i)),
    }
    Rel::new(op, rel.schema.clone())
}

/// The node with the arrival as one more column, the last; `None` where rows have none.
fn carry(rel: &Arc<Rel>) -> Option<(Arc<Rel>, usize)> {
    let at = rel.schema.len();
    let mut op = rel.op.clone();
    match &mut op {
        Op::Scan { columns, .. } => columns.push(ScanColumn::Column(ARRIVED.into())),
        Op::Project { input, columns } => {
            let (carrying, below) = carry(input)?;
            *input = carrying;
            columns.push(Expr::column(below, Type::DateTime));
        }
        Op::Filter { input, .. } | Op::Sort { input, .. } | Op::Take { input, .. } | Op::Serialize { input } => {
            *input = carry(input)?.0;
        }
        Op::Capture { input, .. } => {
            // The arrival stands behind the input's columns, before the captures: it goes to the end.
            let (carrying, arrived) = carry(input)?;
            *input = carrying;
            let mut columns = rel.schema.0.clone();
            columns.insert(arrived, Column::new(ARRIVED, Type::DateTime));
            let mut order: Vec<usize> = (0..columns.len()).filter(|n| *n != arrived).collect();
            order.push(arrived);
            let schema = order.iter().map(|n| columns[*n].clone()).collect::<Schema>();
            let exprs = order.iter().map(|n| Expr::column(*n, columns[*n].ty)).collect();
            let carrying = Rel::new(op, Schema(columns));
            return Some((Rel::new(Op::Project { input: carrying, columns: exprs }, schema), at));
        }
        _ => return None,
    }
    let schema: Schema = rel.schema.iter().cloned().chain([Column::new(ARRIVED, Type::DateTime)]).collect();
    Some((Rel::new(op, schema), at))
}

/// The first columns of a node: those that are asked for.
fn first(rel: &Arc<Rel>, schema: &Schema) -> Arc<Rel> {
    let columns = schema.iter().enumerate().map(|(at, c)| Expr::column(at, c.ty)).collect();
    Rel::new(Op::Project { input: Arc::clone(rel), columns }, schema.clone())
}
