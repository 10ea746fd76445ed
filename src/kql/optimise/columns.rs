//! Only what is read is computed. A demand for a path inside a dynamic column goes down beside the column's own, so that a scan can give the
//! path from where it is stored, and need not read the column at all.

use std::collections::HashMap;
use std::sync::Arc;

use super::limits::inputs_mapped;
use super::{body, expand, is_volatile, map, reads, renamed, size, substituted, walk};
use crate::kql::functions::conversions::TOSTRING;
use crate::kql::plan::{Aggregate, Expr, ExprKind, JoinKind, Op, Rel, ScanColumn, SortKey, Step, TopLevel, WindowCall};
use crate::kql::types::{Column, Schema, Type};

mod capture;
mod sequence;

/// What is read of a node: a column, or a path inside one, as text or as a dynamic value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Demand {
    pub column: usize,
    pub path: Option<(Vec<Step>, bool)>,
}

impl Demand {
    pub fn column(column: usize) -> Self {
        Self { column, path: None }
    }
}

/// Where each demand, or the column that it is inside of, stands in the pruned node.
pub(super) type Positions = HashMap<Demand, usize>;

/// The demands in order, each once.
#[derive(Debug, Default)]
pub(super) struct Demands(pub Vec<Demand>);

impl Demands {
    pub fn add(&mut self, demand: Demand) {
        if !self.0.contains(&demand) {
            self.0.push(demand);
        }
    }

    pub fn of<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Self {
        let mut demands = Self::default();
        exprs.into_iter().for_each(|e| demands.read(e));
        demands
    }

    fn read(&mut self, expr: &Expr) {
        walk(expr, &mut |e| {
            if let Some(demand) = path_of(e) {
                self.add(demand);
                false
            } else {
                if let ExprKind::Column(n) = e.kind {
                    self.add(Demand::column(n));
                }
                true
            }
        });
    }

    /// The demands without paths.
    pub fn whole(&self) -> Self {
        let mut demands = Self::default();
        self.0.iter().for_each(|d| demands.add(Demand::column(d.column)));
        demands
    }
}

/// `column.path` or `tostring(column.path)`.
fn path_of(expr: &Expr) -> Option<Demand> {
    let (expr, text) = match &expr.kind {
        ExprKind::Call { function, args } if **function == TOSTRING => (args.first()?, true),
        _ => (expr, false),
    };
    match &expr.kind {
        ExprKind::Path { base, steps } => match base.kind {
            ExprKind::Column(column) => Some(Demand { column, path: Some((steps.clone(), text)) }),
            _ => None,
        },
        _ => None,
    }
}

/// The expression over a pruned input.
fn moved(expr: &Expr, positions: &Positions) -> Expr {
    map(expr, &mut |e| {
        if let Some(demand) = path_of(e)
            && let Some(at) = positions.get(&demand)
        {
            return Some(Expr::column(*at, e.ty));
        }
        match e.kind {
            ExprKind::Column(n) => positions.get(&Demand::column(n)).map(|at| Expr::column(*at, e.ty)),
            _ => None,
        }
    })
}

pub(super) fn moved_all(exprs: &[Expr], positions: &Positions) -> Vec<Expr> {
    exprs.iter().map(|e| moved(e, positions)).collect()
}

/// The plan with the same columns, those below cut to what is read.
pub(super) fn pruned(rel: &Arc<Rel>) -> Arc<Rel> {
    let demands = Demands((0..rel.schema.len()).map(Demand::column).collect());
    let (inner, positions) = prune(rel, &demands);
    exactly(inner, &demands, &positions, &rel.schema)
}

/// The node's demanded columns, in the demands' order and with these names.
pub(super) fn exactly(rel: Arc<Rel>, demands: &Demands, positions: &Positions, schema: &Schema) -> Arc<Rel> {
    let at: Vec<usize> = demands.0.iter().filter_map(|d| positions.get(d).copied()).collect();
    let same = at.len() == rel.schema.len() && at.iter().enumerate().all(|(n, at)| n == *at);
    if same {
        return renamed(rel, schema);
    }
    let columns = at.iter().map(|at| Expr::column(*at, rel.schema.0[*at].ty)).collect();
    Rel::new(Op::Project { input: rel, columns }, schema.clone())
}

/// A node that gives at least what is demanded. A path that cannot be given apart is left to whoever asked: then the whole column is there.
pub(super) fn prune(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    match &rel.op {
        Op::Scan { .. } => scan(rel, demands),
        Op::Filter { .. } | Op::Sort { .. } | Op::Take { .. } | Op::Serialize { .. } => same_rows(rel, demands),
        Op::Project { .. } => project(rel, demands),
        Op::Aggregate { .. } => aggregate(rel, demands),
        Op::MakeSeries { .. } => make_series(rel),
        Op::Join { .. } => join(rel, demands),
        Op::Union { .. } => union(rel, demands),
        Op::Window { .. } => window(rel, demands),
        Op::Expand { .. } => expand::pruned(rel, demands),
        Op::Apply { .. } => body::pruned_apply(rel, demands),
        Op::Partition { .. } => body::pruned_partition(rel, demands),
        Op::TopNested { .. } => top_nested(rel),
        Op::Given => body::given(rel, demands),
        // A plugin reads whole columns of its inputs by position.
        Op::Plugin { .. } => as_is(inputs_mapped(rel, &mut pruned)),
        Op::Capture { .. } => capture::capture(rel, demands),
        Op::Sequence { .. } => sequence::sequence(rel, demands),
        Op::Values { .. } | Op::Range { .. } | Op::Shared(_) => as_is(Arc::clone(rel)),
    }
}

/// A node that gives all of its columns, whatever is read of them.
fn as_is(rel: Arc<Rel>) -> (Arc<Rel>, Positions) {
    let positions = (0..rel.schema.len()).map(|n| (Demand::column(n), n)).collect();
    (rel, positions)
}

/// Adds a demand's fallback: the whole column, where its path is not given apart.
pub(super) fn inner_demands(demands: &Demands, own: Demands) -> Demands {
    let mut all = Demands(demands.0.clone());
    own.0.into_iter().for_each(|d| all.add(d));
    all
}

#[inline(never)]
fn scan(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Scan { table, columns, filter } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let demands = inner_demands(demands, Demands::of(filter));
    let mut positions = Positions::new();
    let (mut scanned, mut schema) = (Vec::new(), Vec::new());
    for demand in demands.0 {
        let Some(own) = columns.get(demand.column) else { continue };
        let declared = &rel.schema.0[demand.column];
        let (column, declared) = match (&demand.path, own) {
            (Some((steps, text)), ScanColumn::Column(name)) => {
                let ty = if *text { Type::String } else { Type::Dynamic };
                let column = ScanColumn::Path { column: Arc::clone(name), steps: steps.clone(), text: *text };
                (column, Column::new(shown(name, steps), ty))
            }
            // A path inside a path that the plan has already: the whole of it is given.
            (Some(_), _) => {
                let whole = Demand::column(demand.column);
                if let std::collections::hash_map::Entry::Vacant(entry) = positions.entry(whole) {
                    entry.insert(scanned.len());
                    scanned.push(own.clone());
                    schema.push(declared.clone());
                }
                continue;
            }
            (None, own) => (own.clone(), declared.clone()),
        };
        if positions.contains_key(&demand) {
            continue;
        }
        positions.insert(demand, scanned.len());
        scanned.push(column);
        schema.push(declared);
    }
    let filter = moved_all(filter, &positions);
    (Rel::new(Op::Scan { table: Arc::clone(table), columns: scanned, filter }, Schema(schema)), positions)
}

pub(super) fn shown(column: &str, steps: &[Step]) -> String {
    let mut name = column.to_owned();
    for step in steps {
        match step {
            Step::Key(key) => {
                name.push('.');
                name.push_str(key);
            }
            Step::Index(n) => name.extend(["[", &n.to_string(), "]"]),
        }
    }
    name
}

/// Nodes whose rows are rows of their input.
#[inline(never)]
fn same_rows(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let (input, own) = match &rel.op {
        Op::Filter { input, predicate } => (input, Demands::of([predicate])),
        Op::Sort { input, keys, .. } => (input, Demands::of(keys.iter().map(|k| &k.expr))),
        Op::Take { input, .. } | Op::Serialize { input } => (input, Demands::default()),
        _ => return (Arc::clone(rel), Positions::new()),
    };
    let (input, positions) = prune(input, &inner_demands(demands, own));
    let schema = input.schema.clone();
    let op = match &rel.op {
        Op::Filter { predicate, .. } => Op::Filter { input, predicate: moved(predicate, &positions) },
        Op::Sort { keys, limit, .. } => {
            let keys = keys.iter().map(|k| SortKey { expr: moved(&k.expr, &positions), ..*k }).collect();
            Op::Sort { input, keys, limit: *limit }
        }
        Op::Take { count, .. } => Op::Take { input, count: *count },
        _ => Op::Serialize { input },
    };
    (Rel::new(op, schema), positions)
}

/// A projection over projections, as one, while nothing is computed twice.
fn fused(input: &Arc<Rel>, columns: &[Expr]) -> (Arc<Rel>, Vec<Expr>) {
    let (mut input, mut columns) = (Arc::clone(input), columns.to_vec());
    while let Op::Project { input: below, columns: inner } = &input.op {
        let mut uses = vec![0_usize; inner.len()];
        columns.iter().flat_map(reads).for_each(|n| {
            if let Some(uses) = uses.get_mut(n) {
                *uses += 1;
            }
        });
        let once = inner.iter().zip(&uses).all(|(c, uses)| *uses <= 1 || (size(c) <= 3 && !is_volatile(c)));
        let small = columns.iter().map(size).max().unwrap_or(0) + inner.iter().map(size).max().unwrap_or(0) < 200;
        if !once || !small {
            break;
        }
        columns = columns.iter().map(|c| substituted(c, inner)).collect();
        let below = Arc::clone(below);
        input = below;
    }
    (input, columns)
}

#[inline(never)]
fn project(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Project { input, columns } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let (input, columns) = fused(input, columns);
    if demands.0.is_empty() {
        // Only the number of rows is wanted.
        return (prune(&input, demands).0, Positions::new());
    }
    // A path inside a column that only passes through is the input's path.
    let (mut given, mut names, mut exprs) = (Vec::new(), Vec::new(), Vec::new());
    for demand in &demands.0 {
        let Some(column) = columns.get(demand.column) else { continue };
        let name = &rel.schema.0[demand.column].name;
        let expr = match &demand.path {
            None => Some((demand.clone(), column.clone(), Arc::clone(name))),
            Some((steps, text)) => inside(column, steps, *text).map(|e| (demand.clone(), e, shown(name, steps).into())),
        };
        let (demand, expr, name) =
            expr.unwrap_or_else(|| (Demand::column(demand.column), column.clone(), Arc::clone(name)));
        if !given.contains(&demand) {
            given.push(demand);
            names.push(name);
            exprs.push(expr);
        }
    }
    let (input, positions) = prune(&input, &Demands::of(&exprs));
    let exprs = moved_all(&exprs, &positions);
    let schema = names.into_iter().zip(&exprs).map(|(name, e)| Column { name, ty: e.ty }).collect();
    let positions = given.into_iter().enumerate().map(|(n, d)| (d, n)).collect();
    let nothing =
        exprs.len() == input.schema.len() && exprs.iter().enumerate().all(|(n, e)| e.kind == ExprKind::Column(n));
    let rel = if nothing { renamed(input, &schema) } else { Rel::new(Op::Project { input, columns: exprs }, schema) };
    (rel, positions)
}

/// The path inside what a column is made of, if that is a column or a path itself.
fn inside(column: &Expr, steps: &[Step], text: bool) -> Option<Expr> {
    let path = match &column.kind {
        ExprKind::Column(_) => ExprKind::Path { base: Box::new(column.clone()), steps: steps.to_vec() },
        ExprKind::Path { base, steps: first } => {
            ExprKind::Path { base: base.clone(), steps: first.iter().chain(steps).cloned().collect() }
        }
        _ => return None,
    };
    let path = Expr { kind: path, ty: Type::Dynamic };
    Some(if text { Expr::call(&TOSTRING, vec![path], Type::String) } else { path })
}

#[inline(never)]
fn aggregate(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Aggregate { input, keys, aggregates } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let demands = demands.whole();
    let mut kept: Vec<usize> =
        (0..aggregates.len()).filter(|n| demands.0.contains(&Demand::column(keys.len() + n))).collect();
    // A node without keys and aggregates would be no row's: one stays.
    if kept.is_empty() && keys.is_empty() && !aggregates.is_empty() {
        kept.push(0);
    }
    let own = Demands::of(keys.iter().chain(kept.iter().flat_map(|n| &aggregates[*n].args)));
    let (input, inner) = prune(input, &own);
    let mut positions: Positions = (0..keys.len()).map(|n| (Demand::column(n), n)).collect();
    let mut schema = rel.schema.0[..keys.len()].to_vec();
    let mut moved_aggregates = Vec::with_capacity(kept.len());
    for n in kept {
        positions.insert(Demand::column(keys.len() + n), schema.len());
        schema.push(rel.schema.0[keys.len() + n].clone());
        let Aggregate { function, args, ty } = &aggregates[n];
        moved_aggregates.push(Aggregate { function, args: moved_all(args, &inner), ty: *ty });
    }
    let op = Op::Aggregate { input, keys: moved_all(keys, &inner), aggregates: moved_aggregates };
    (Rel::new(op, Schema(schema)), positions)
}

/// Arrays are made of all columns: the input gives each.
#[inline(never)]
fn make_series(rel: &Arc<Rel>) -> (Arc<Rel>, Positions) {
    let Op::MakeSeries { input, series } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let op = Op::MakeSeries { input: pruned(input), series: series.clone() };
    let positions = (0..rel.schema.len()).map(|n| (Demand::column(n), n)).collect();
    (Rel::new(op, rel.schema.clone()), positions)
}

#[inline(never)]
fn join(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Join { left, right, kind, keys } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let left_out = !matches!(kind, JoinKind::RightSemi | JoinKind::RightAnti);
    let right_out = !matches!(kind, JoinKind::LeftSemi | JoinKind::LeftAnti);
    let width = if left_out { left.schema.len() } else { 0 };
    // Rows of the other side may be missing: a path's text would be null there, where the text of a null is "".
    let demands = demands.whole();
    let (mut lefts, mut rights) = (Demands::default(), Demands::default());
    for demand in &demands.0 {
        if demand.column < width {
            lefts.add(demand.clone());
        } else {
            rights.add(Demand { column: demand.column - width, path: demand.path.clone() });
        }
    }
    let (lefts, rights) = (
        inner_demands(&lefts, Demands::of(keys.iter().map(|(l, _)| l))),
        inner_demands(&rights, Demands::of(keys.iter().map(|(_, r)| r))),
    );
    let (left, left_at) = prune(left, &lefts);
    let (right, right_at) = prune(right, &rights);
    let keys = keys.iter().map(|(l, r)| (moved(l, &left_at), moved(r, &right_at))).collect();
    let mut positions = Positions::new();
    let mut schema = Vec::new();
    if left_out {
        schema.extend(left.schema.0.iter().cloned());
        positions.extend(left_at);
    }
    if right_out {
        let before = schema.len();
        schema.extend(right.schema.0.iter().cloned());
        positions
            .extend(right_at.into_iter().map(|(d, n)| (Demand { column: d.column + width, path: d.path }, n + before)));
    }
    // The node's own names, `k1` where both sides have `k`.
    for (demand, at) in &positions {
        if demand.path.is_none()
            && let Some(column) = rel.schema.0.get(demand.column)
        {
            schema[*at] = column.clone();
        }
    }
    // What the keys alone read must not be taken for something demanded.
    positions.retain(|d, _| d.path.is_none());
    (Rel::new(Op::Join { left, right, kind: *kind, keys }, Schema(schema)), positions)
}

/// Every level gives its columns: which rows there are hangs on all of them.
#[inline(never)]
fn top_nested(rel: &Arc<Rel>) -> (Arc<Rel>, Positions) {
    let Op::TopNested { input, levels } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let own = levels.iter().flat_map(|l| l.aggregates.iter().flat_map(|a| &a.args).chain([&l.key]));
    let (input, at) = prune(input, &Demands::of(own));
    let levels = levels.iter().map(|level| {
        let aggregates = level.aggregates.iter();
        let aggregates = aggregates.map(|a| Aggregate { args: moved_all(&a.args, &at), ..a.clone() }).collect();
        TopLevel { key: moved(&level.key, &at), aggregates, ..level.clone() }
    });
    let op = Op::TopNested { input, levels: levels.collect() };
    (Rel::new(op, rel.schema.clone()), (0..rel.schema.len()).map(|n| (Demand::column(n), n)).collect())
}

#[inline(never)]
fn union(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Union { inputs } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let demands = demands.whole();
    let schema: Schema = demands.0.iter().map(|d| rel.schema.0[d.column].clone()).collect();
    let inputs = inputs
        .iter()
        .map(|input| {
            let (pruned, positions) = prune(input, &demands);
            exactly(pruned, &demands, &positions, &schema)
        })
        .collect();
    let positions = demands.0.into_iter().enumerate().map(|(n, d)| (d, n)).collect();
    (Rel::new(Op::Union { inputs }, schema), positions)
}

#[inline(never)]
fn window(rel: &Arc<Rel>, demands: &Demands) -> (Arc<Rel>, Positions) {
    let Op::Window { input, calls } = &rel.op else { return (Arc::clone(rel), Positions::new()) };
    let width = input.schema.len();
    let mut below = Demands::of(calls.iter().flat_map(|c| &c.args));
    for demand in &demands.0 {
        if demand.column < width {
            below.add(demand.clone());
        }
    }
    let (input, mut positions) = prune(input, &below);
    let calls: Vec<_> = calls
        .iter()
        .map(|WindowCall { function, args, ty }| WindowCall { function, args: moved_all(args, &positions), ty: *ty })
        .collect();
    let mut schema = input.schema.0.clone();
    for n in 0..calls.len() {
        positions.insert(Demand::column(width + n), schema.len());
        schema.push(rel.schema.0[width + n].clone());
    }
    (Rel::new(Op::Window { input, calls }, Schema(schema)), positions)
}
