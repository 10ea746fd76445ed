//! A plan that reads less: filters move down to the scans, columns that nobody looks at are not read, and a path inside a dynamic column is asked of the scan,
//! which may have it stored. The answer is the same.

use std::sync::Arc;

use super::functions::scalar;
use super::scan::events::columns_of;
use crate::kql::functions::conversions::TOSTRING;
use crate::kql::plan::{Aggregate, JoinKind, Op, Output, ScanColumn, SortKey, Step, WindowCall};
use crate::kql::{Column, Expr, ExprKind, Plan, Rel, Schema, Type, Value};

/// Nodes of an expression that may be computed twice so that a filter can move below it.
const CHEAP: usize = 64;

/// The whole plan.
pub fn optimise(plan: &Plan) -> Plan {
    let better = |rel: &Arc<Rel>| prune_all(&push(rel, Vec::new()));
    Plan {
        outputs: plan
            .outputs
            .iter()
            .map(|o| Output { name: Arc::clone(&o.name), rel: better(&o.rel), render: o.render.clone() })
            .collect(),
        shared: plan.shared.iter().map(better).collect(),
    }
}

/// The same node over changed inputs.
fn over(rel: &Rel, change: &mut dyn FnMut(&Arc<Rel>) -> Arc<Rel>) -> Arc<Rel> {
    let mut op = rel.op.clone();
    match &mut op {
        Op::Scan { .. } | Op::Values { .. } | Op::Range { .. } | Op::Shared(_) => {}
        Op::Filter { input, .. }
        | Op::Project { input, .. }
        | Op::Aggregate { input, .. }
        | Op::Sort { input, .. }
        | Op::Take { input, .. }
        | Op::Serialize { input }
        | Op::Window { input, .. } => *input = change(input),
        Op::Join { left, right, .. } => {
            *left = change(left);
            *right = change(right);
        }
        Op::Union { inputs } => inputs.iter_mut().for_each(|input| *input = change(input)),
    }
    Rel::new(op, rel.schema.clone())
}

/// The expression with other expressions in place of its columns.
fn substitute(expr: &Expr, column: &dyn Fn(usize, Type) -> Expr) -> Expr {
    let all = |list: &[Expr]| list.iter().map(|e| substitute(e, column)).collect::<Vec<_>>();
    let kind = match &expr.kind {
        ExprKind::Column(at) => return column(*at, expr.ty),
        ExprKind::Literal(_) => return expr.clone(),
        ExprKind::Call { function, args } => ExprKind::Call { function, args: all(args) },
        ExprKind::And(list) => ExprKind::And(all(list)),
        ExprKind::Or(list) => ExprKind::Or(all(list)),
        ExprKind::Path { base, steps } => {
            ExprKind::Path { base: Box::new(substitute(base, column)), steps: steps.clone() }
        }
        ExprKind::In { value, set, negated, fold_case } => ExprKind::In {
            value: Box::new(substitute(value, column)),
            set: Arc::clone(set),
            negated: *negated,
            fold_case: *fold_case,
        },
    };
    Expr { kind, ty: expr.ty }
}

/// Nodes of an expression, and whether it gives the same for the same row.
fn weigh(expr: &Expr) -> (usize, bool) {
    let sum = |list: &[Expr]| list.iter().map(weigh).fold((1, true), |(n, p), (m, q)| (n + m, p && q));
    match &expr.kind {
        ExprKind::Column(_) | ExprKind::Literal(_) => (1, true),
        ExprKind::Call { function, args } => {
            let (n, pure) = sum(args);
            (n, pure && scalar(function.name).is_some_and(|f| !f.per_row))
        }
        ExprKind::And(list) | ExprKind::Or(list) => sum(list),
        ExprKind::Path { base, .. } => weigh(base),
        ExprKind::In { value, .. } => weigh(value),
    }
}

fn is_movable(expr: &Expr) -> bool {
    matches!(weigh(expr), (n, true) if n <= CHEAP)
}

fn conjuncts(predicate: &Expr) -> Vec<Expr> {
    match &predicate.kind {
        ExprKind::And(list) => list.iter().flat_map(conjuncts).collect(),
        ExprKind::Literal(Value::Bool(true)) => Vec::new(),
        _ => vec![predicate.clone()],
    }
}

fn filtered(input: Arc<Rel>, mut all: Vec<Expr>) -> Arc<Rel> {
    let predicate = match all.len() {
        0 => return input,
        1 => all.remove(0),
        _ => Expr { kind: ExprKind::And(all), ty: Type::Bool },
    };
    let schema = input.schema.clone();
    Rel::new(Op::Filter { input, predicate }, schema)
}

/// Moves conjuncts over a node's output as far down as they go.
fn push(rel: &Arc<Rel>, wanted: Vec<Expr>) -> Arc<Rel> {
    match &rel.op {
        Op::Filter { input, predicate } => {
            let mut all = conjuncts(predicate);
            all.extend(wanted);
            push(input, all)
        }
        Op::Scan { table, columns, filter } => {
            let mut all = filter.clone();
            all.extend(wanted);
            Rel::new(Op::Scan { table: Arc::clone(table), columns: columns.clone(), filter: all }, rel.schema.clone())
        }
        Op::Project { input, columns } => {
            let through = |e: &Expr| substitute(e, &|at, _| columns[at].clone());
            let (down, stay): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|e| is_movable(&through(e)));
            let input = push(input, down.iter().map(through).collect());
            filtered(Rel::new(Op::Project { input, columns: columns.clone() }, rel.schema.clone()), stay)
        }
        Op::Aggregate { input, keys, aggregates } => {
            let through = |e: &Expr| substitute(e, &|at, ty| keys.get(at).cloned().unwrap_or(Expr::column(at, ty)));
            let (down, stay): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|e| {
                let mut used = Vec::new();
                columns_of(e, &mut used);
                !used.is_empty() && used.iter().all(|at| *at < keys.len()) && is_movable(&through(e))
            });
            let input = push(input, down.iter().map(through).collect());
            let op = Op::Aggregate { input, keys: keys.clone(), aggregates: aggregates.clone() };
            filtered(Rel::new(op, rel.schema.clone()), stay)
        }
        Op::Union { inputs } => {
            let inputs = inputs.iter().map(|i| push(i, wanted.clone())).collect();
            Rel::new(Op::Union { inputs }, rel.schema.clone())
        }
        Op::Sort { input, limit: None, .. } | Op::Serialize { input } => {
            let input = push(input, wanted);
            over(rel, &mut |_| Arc::clone(&input))
        }
        Op::Join { left, right, kind, keys } => {
            use JoinKind::{Inner, InnerUnique, LeftAnti, LeftOuter, LeftSemi, RightAnti, RightOuter, RightSemi};
            let width = left.schema.len();
            // Where the columns of a conjunct stand, and whether that side may lose rows before the join.
            let left_may = matches!(kind, Inner | LeftOuter | LeftSemi | LeftAnti);
            let right_may = matches!(kind, Inner | InnerUnique | RightOuter | RightSemi | RightAnti);
            let only_right = matches!(kind, RightSemi | RightAnti);
            let (mut to_left, mut to_right, mut stay) = (Vec::new(), Vec::new(), Vec::new());
            for e in wanted {
                let mut used = Vec::new();
                columns_of(&e, &mut used);
                let from = if only_right { 0 } else { width };
                if left_may && !used.is_empty() && used.iter().all(|at| *at < width) && is_movable(&e) {
                    to_left.push(e);
                } else if right_may && !used.is_empty() && used.iter().all(|at| *at >= from) && is_movable(&e) {
                    to_right.push(substitute(&e, &|at, ty| Expr::column(at - from, ty)));
                } else {
                    stay.push(e);
                }
            }
            let op =
                Op::Join { left: push(left, to_left), right: push(right, to_right), kind: *kind, keys: keys.clone() };
            filtered(Rel::new(op, rel.schema.clone()), stay)
        }
        _ => filtered(over(rel, &mut |input| push(input, Vec::new())), wanted),
    }
}

/// What is wanted of a node: a column, or a path in one, as text or as a dynamic value.
#[derive(Clone, Debug, PartialEq)]
enum Need {
    Column(usize),
    Path { column: usize, steps: Vec<Step>, text: bool },
}

impl Need {
    fn column(&self) -> usize {
        match self {
            Self::Column(at) | Self::Path { column: at, .. } => *at,
        }
    }

    /// The same of another column.
    fn of(&self, column: usize) -> Self {
        match self {
            Self::Column(_) => Self::Column(column),
            Self::Path { steps, text, .. } => Self::Path { column, steps: steps.clone(), text: *text },
        }
    }

    /// The expression that computes it from the column's own expression.
    fn expr(&self, base: Expr) -> Expr {
        match self {
            Self::Column(_) => base,
            Self::Path { steps, text, .. } => {
                let path =
                    Expr { kind: ExprKind::Path { base: Box::new(base), steps: steps.clone() }, ty: Type::Dynamic };
                if *text { Expr::call(&TOSTRING, vec![path], Type::String) } else { path }
            }
        }
    }
}

#[derive(Default)]
struct Needs(Vec<Need>);

impl Needs {
    fn add(&mut self, need: Need) -> usize {
        self.0.iter().position(|n| *n == need).unwrap_or_else(|| {
            self.0.push(need);
            self.0.len() - 1
        })
    }

    /// The expression over needs instead of columns.
    fn rewrite(&mut self, expr: &Expr) -> Expr {
        if let ExprKind::Call { function, args } = &expr.kind
            && **function == TOSTRING
            && let [arg] = args.as_slice()
            && let Some((column, steps)) = path_of(arg)
        {
            return Expr::column(self.add(Need::Path { column, steps, text: true }), Type::String);
        }
        if let Some((column, steps)) = path_of(expr) {
            return Expr::column(self.add(Need::Path { column, steps, text: false }), Type::Dynamic);
        }
        let mut all = |list: &[Expr]| list.iter().map(|e| self.rewrite(e)).collect::<Vec<_>>();
        let kind = match &expr.kind {
            ExprKind::Column(at) => return Expr::column(self.add(Need::Column(*at)), expr.ty),
            ExprKind::Literal(_) => return expr.clone(),
            ExprKind::Call { function, args } => ExprKind::Call { function, args: all(args) },
            ExprKind::And(list) => ExprKind::And(all(list)),
            ExprKind::Or(list) => ExprKind::Or(all(list)),
            ExprKind::Path { base, steps } => {
                ExprKind::Path { base: Box::new(self.rewrite(base)), steps: steps.clone() }
            }
            ExprKind::In { value, set, negated, fold_case } => ExprKind::In {
                value: Box::new(self.rewrite(value)),
                set: Arc::clone(set),
                negated: *negated,
                fold_case: *fold_case,
            },
        };
        Expr { kind, ty: expr.ty }
    }

    fn rewrite_all(&mut self, exprs: &[Expr]) -> Vec<Expr> {
        exprs.iter().map(|e| self.rewrite(e)).collect()
    }
}

/// A path straight into a column.
fn path_of(expr: &Expr) -> Option<(usize, Vec<Step>)> {
    let ExprKind::Path { base, steps } = &expr.kind else { return None };
    if let ExprKind::Column(at) = base.kind {
        return Some((at, steps.clone()));
    }
    let (at, mut all) = path_of(base)?;
    all.extend(steps.iter().cloned());
    Some((at, all))
}

/// The expression over places instead of needs.
fn placed(expr: &Expr, places: &[usize]) -> Expr {
    substitute(expr, &|at, ty| Expr::column(places[at], ty))
}

fn placed_all(exprs: &[Expr], places: &[usize]) -> Vec<Expr> {
    exprs.iter().map(|e| placed(e, places)).collect()
}

/// The node with exactly these columns, in this order.
fn exactly(rel: Arc<Rel>, places: &[usize], schema: &Schema) -> Arc<Rel> {
    if rel.schema.len() == places.len() && places.iter().enumerate().all(|(n, at)| n == *at) {
        return rel;
    }
    let columns = places.iter().zip(schema).map(|(at, c)| Expr::column(*at, c.ty)).collect();
    Rel::new(Op::Project { input: rel, columns }, schema.clone())
}

/// A node that gives all its columns and reads no others.
fn prune_all(rel: &Arc<Rel>) -> Arc<Rel> {
    let needs: Vec<Need> = (0..rel.schema.len()).map(Need::Column).collect();
    let (pruned, places) = prune(rel, &needs);
    exactly(pruned, &places, &rel.schema)
}

/// The schema of what is needed.
fn schema_of(rel: &Rel, needs: &[Need]) -> Schema {
    let column = |need: &Need| {
        let column = &rel.schema.0[need.column()];
        match need {
            Need::Column(_) => column.clone(),
            Need::Path { text, .. } => {
                Column::new(Arc::clone(&column.name), if *text { Type::String } else { Type::Dynamic })
            }
        }
    };
    needs.iter().map(column).collect()
}

/// The node with what is needed and little else, and where each need stands in it.
fn prune(rel: &Arc<Rel>, needs: &[Need]) -> (Arc<Rel>, Vec<usize>) {
    match &rel.op {
        Op::Scan { table, columns, filter } => scan(rel, table, columns, filter, needs),
        Op::Filter { input, predicate } => {
            let mut below = Needs(needs.to_vec());
            let predicate = below.rewrite(predicate);
            let (input, places) = prune(input, &below.0);
            let predicate = placed(&predicate, &places);
            let schema = input.schema.clone();
            (Rel::new(Op::Filter { input, predicate }, schema), places[..needs.len()].to_vec())
        }
        Op::Project { input, columns } => {
            let mut below = Needs::default();
            let exprs: Vec<Expr> = needs.iter().map(|n| below.rewrite(&n.expr(columns[n.column()].clone()))).collect();
            let (input, places) = prune(input, &below.0);
            let op = Op::Project { input, columns: placed_all(&exprs, &places) };
            (Rel::new(op, schema_of(rel, needs)), (0..needs.len()).collect())
        }
        Op::Aggregate { input, keys, aggregates } => {
            let mut kept: Vec<usize> = needs.iter().filter_map(|n| n.column().checked_sub(keys.len())).collect();
            kept.sort_unstable();
            kept.dedup();
            let mut below = Needs::default();
            let keys = below.rewrite_all(keys);
            let calls: Vec<Vec<Expr>> = kept.iter().map(|k| below.rewrite_all(&aggregates[*k].args)).collect();
            let (input, places) = prune(input, &below.0);
            let aggregates = kept
                .iter()
                .zip(calls)
                .map(|(k, args)| Aggregate { args: placed_all(&args, &places), ..aggregates[*k].clone() })
                .collect();
            let columns = (0..keys.len()).chain(kept.iter().map(|k| k + keys.len()));
            let schema: Schema = columns.map(|c| rel.schema.0[c].clone()).collect();
            let width = keys.len();
            let node = Rel::new(Op::Aggregate { input, keys: placed_all(&keys, &places), aggregates }, schema);
            let place = |at: usize| {
                if at < width { at } else { width + kept.iter().position(|k| k + width == at).unwrap_or(0) }
            };
            with_paths(rel, node, needs, place)
        }
        Op::Join { left, right, kind, keys } => {
            let width = left.schema.len();
            let only_right = matches!(kind, JoinKind::RightSemi | JoinKind::RightAnti);
            let (mut l, mut r) = (Needs::default(), Needs::default());
            let sides: Vec<(bool, usize)> = needs
                .iter()
                .map(|n| match n.column() {
                    at if only_right => (true, r.add(n.of(at))),
                    at if at < width => (false, l.add(n.of(at))),
                    at => (true, r.add(n.of(at - width))),
                })
                .collect();
            let keys: Vec<(Expr, Expr)> = keys.iter().map(|(a, b)| (l.rewrite(a), r.rewrite(b))).collect();
            let ((left, lp), (right, rp)) = (prune(left, &l.0), prune(right, &r.0));
            let keys = keys.iter().map(|(a, b)| (placed(a, &lp), placed(b, &rp))).collect();
            let only_left = matches!(kind, JoinKind::LeftSemi | JoinKind::LeftAnti);
            let schema: Schema = match (only_left, only_right) {
                (true, _) => left.schema.clone(),
                (_, true) => right.schema.clone(),
                _ => left.schema.iter().chain(&right.schema).cloned().collect(),
            };
            let first = if only_right { 0 } else { left.schema.len() };
            let places = sides.iter().map(|(is_right, n)| if *is_right { first + rp[*n] } else { lp[*n] }).collect();
            (Rel::new(Op::Join { left, right, kind: *kind, keys }, schema), places)
        }
        Op::Union { inputs } => {
            let schema = schema_of(rel, needs);
            let inputs = inputs
                .iter()
                .map(|i| {
                    let (input, places) = prune(i, needs);
                    exactly(input, &places, &schema)
                })
                .collect();
            (Rel::new(Op::Union { inputs }, schema), (0..needs.len()).collect())
        }
        Op::Sort { input, keys, limit } => {
            let mut below = Needs(needs.to_vec());
            let exprs: Vec<Expr> = keys.iter().map(|k| below.rewrite(&k.expr)).collect();
            let (input, places) = prune(input, &below.0);
            let keys =
                keys.iter().zip(exprs).map(|(k, e)| SortKey { expr: placed(&e, &places), ..k.clone() }).collect();
            let schema = input.schema.clone();
            (Rel::new(Op::Sort { input, keys, limit: *limit }, schema), places[..needs.len()].to_vec())
        }
        Op::Take { input, count } => {
            let (input, places) = prune(input, needs);
            let schema = input.schema.clone();
            (Rel::new(Op::Take { input, count: *count }, schema), places)
        }
        Op::Serialize { input } => {
            let (input, places) = prune(input, needs);
            let schema = input.schema.clone();
            (Rel::new(Op::Serialize { input }, schema), places)
        }
        Op::Window { input, calls } => {
            let width = input.schema.len();
            let mut kept: Vec<usize> = needs.iter().filter_map(|n| n.column().checked_sub(width)).collect();
            kept.sort_unstable();
            kept.dedup();
            let mut below = Needs::default();
            let own: Vec<usize> =
                needs.iter().filter(|n| n.column() < width).map(|n| below.add(Need::Column(n.column()))).collect();
            let exprs: Vec<Vec<Expr>> = kept.iter().map(|k| below.rewrite_all(&calls[*k].args)).collect();
            let (input, places) = prune(input, &below.0);
            let calls: Vec<WindowCall> = kept
                .iter()
                .zip(exprs)
                .map(|(k, args)| WindowCall { args: placed_all(&args, &places), ..calls[*k].clone() })
                .collect();
            let columns = kept.iter().map(|k| rel.schema.0[k + width].clone());
            let schema: Schema = input.schema.iter().cloned().chain(columns).collect();
            let (first, mut own) = (input.schema.len(), own.into_iter());
            let at: Vec<usize> = needs
                .iter()
                .map(|n| match n.column().checked_sub(width) {
                    None => own.next().map_or(0, |o| places[o]),
                    Some(k) => first + kept.iter().position(|x| *x == k).unwrap_or(0),
                })
                .collect();
            let node = Rel::new(Op::Window { input, calls }, schema);
            let by_column = |column: usize| needs.iter().position(|n| n.column() == column).map_or(0, |n| at[n]);
            with_paths(rel, node, needs, by_column)
        }
        Op::Values { .. } | Op::Range { .. } | Op::Shared(_) => with_paths(rel, Arc::clone(rel), needs, |at| at),
    }
}

/// Where each need stands in a node that has whole columns; paths are computed on top.
fn with_paths(rel: &Rel, node: Arc<Rel>, needs: &[Need], place: impl Fn(usize) -> usize) -> (Arc<Rel>, Vec<usize>) {
    if needs.iter().all(|n| matches!(n, Need::Column(_))) {
        return (node, needs.iter().map(|n| place(n.column())).collect());
    }
    let columns = needs.iter().map(|n| n.expr(Expr::column(place(n.column()), rel.schema.0[n.column()].ty))).collect();
    (Rel::new(Op::Project { input: node, columns }, schema_of(rel, needs)), (0..needs.len()).collect())
}

fn scan(
    rel: &Rel,
    table: &Arc<str>,
    columns: &[ScanColumn],
    filter: &[Expr],
    needs: &[Need],
) -> (Arc<Rel>, Vec<usize>) {
    let mut all = Needs(Vec::new());
    let places: Vec<usize> = needs.iter().map(|n| all.add(n.clone())).collect();
    let filter = all.rewrite_all(filter);
    let of = |need: &Need| match (need, &columns[need.column()]) {
        (Need::Column(_), column) => column.clone(),
        (Need::Path { steps, text, .. }, ScanColumn::Column(name)) => {
            ScanColumn::Path { column: Arc::clone(name), steps: steps.clone(), text: *text }
        }
        (Need::Path { steps, text, .. }, ScanColumn::Path { column, steps: first, .. }) => ScanColumn::Path {
            column: Arc::clone(column),
            steps: first.iter().chain(steps).cloned().collect(),
            text: *text,
        },
    };
    let columns = all.0.iter().map(of).collect();
    let schema = schema_of(rel, &all.0);
    (Rel::new(Op::Scan { table: Arc::clone(table), columns, filter }, schema), places)
}
