//! Operators over plans built by hand; and what asks whole queries (`ask`).

pub mod ask;
mod functions;
pub mod kept;
mod search;
mod several;

mod examples;
mod generated;
mod named;
mod oracle;

use std::sync::{Arc, OnceLock};

use super::column::{Result, value_at};
use super::control::Control;
use super::exec::Execution;
use super::pipeline::{Runner, Source};
use super::scan::Tables;
use crate::base::time::Ticks;
use crate::engine::{QueryError, Request};
use crate::kql::functions::{aggregate, operator, scalar};
use crate::kql::plan::{Aggregate, JoinKind, Op, ScanColumn, SortKey, WindowCall};
use crate::kql::{Column, Expr, Plan, Rel, Schema, Type, Value};

struct NoTables;

impl Tables for NoTables {
    fn scan(&self, table: &str, _: &[ScanColumn], _: &Schema, _: &[Expr], _: &Arc<Control>) -> Result<Arc<dyn Source>> {
        Err(QueryError::Runtime(format!("no table {table}")))
    }
}

fn schema(columns: &[(&str, Type)]) -> Schema {
    columns.iter().map(|(name, ty)| Column::new(*name, *ty)).collect()
}

fn table(columns: &[(&str, Type)], rows: Vec<Vec<Value>>) -> Arc<Rel> {
    Rel::new(Op::Values { rows: Arc::new(rows) }, schema(columns))
}

fn run_with(rel: &Arc<Rel>, request: &Request) -> Result<Vec<Vec<Value>>> {
    let plan = Plan { outputs: Vec::new(), shared: Vec::new() };
    let runner = Runner { pool: Arc::new(OnceLock::new()), workers: 2, control: Control::new(request) };
    let execution = Execution::new(runner, &NoTables, &plan);
    let mut rows = Vec::new();
    for batch in execution.rows(rel, None)? {
        assert_eq!(batch.columns.len(), rel.schema.len());
        for row in 0..batch.rows {
            let cells = batch.columns.iter().zip(&rel.schema).map(|(c, s)| value_at(c, row, s.ty));
            rows.push(cells.collect::<Result<Vec<_>>>()?);
        }
    }
    Ok(rows)
}

fn run(rel: &Arc<Rel>) -> Vec<Vec<Value>> {
    run_with(rel, &Request::new("", Ticks(0))).unwrap()
}

fn s(text: &str) -> Value {
    Value::string(text)
}

fn n(n: i64) -> Value {
    Value::Long(n)
}

const NO: Value = Value::Null(Type::Long);

fn range(to: i64) -> Arc<Rel> {
    Rel::new(Op::Range { from: n(1), to: n(to), step: n(1) }, schema(&[("x", Type::Long)]))
}

fn call(name: &str, args: Vec<Expr>, ty: Type) -> Expr {
    Expr::call(operator(name).or_else(|| scalar(name)).unwrap(), args, ty)
}

fn x() -> Expr {
    Expr::column(0, Type::Long)
}

fn agg(name: &str, args: Vec<Expr>, ty: Type) -> Aggregate {
    Aggregate { function: aggregate(name).unwrap(), args, ty }
}

fn sorted(input: Arc<Rel>, column: usize, descending: bool, limit: Option<u64>) -> Arc<Rel> {
    let ty = input.schema.0[column].ty;
    let keys = vec![SortKey { expr: Expr::column(column, ty), descending, nulls_first: !descending }];
    let schema = input.schema.clone();
    Rel::new(Op::Sort { input, keys, limit }, schema)
}

#[test]
fn a_summarize_over_many_morsels_merges_its_workers() {
    let key = call("%", vec![x(), Expr::literal(n(3))], Type::Long);
    let rel = Rel::new(
        Op::Aggregate {
            input: range(200_000),
            keys: vec![key],
            aggregates: vec![
                agg("count", vec![], Type::Long),
                agg("sum", vec![x()], Type::Long),
                agg("dcount", vec![x()], Type::Long),
                agg("max", vec![x()], Type::Long),
                agg("arg_min", vec![x(), x()], Type::Long),
                agg("percentile", vec![x(), Expr::literal(Value::Real(50.0))], Type::Long),
            ],
        },
        schema(&[
            ("k", Type::Long),
            ("c", Type::Long),
            ("s", Type::Long),
            ("d", Type::Long),
            ("m", Type::Long),
            ("a", Type::Long),
            ("p", Type::Long),
        ]),
    );
    let rows = run(&sorted(rel, 0, false, None));
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0], [n(0), n(66_666), n(6_666_633_333), n(66_666), n(199_998), n(3), n(99_999)].to_vec());
    assert_eq!(rows[1][1..], [n(66_667), n(6_666_700_000), n(66_667), n(199_999), n(1), n(100_000)]);
}

#[test]
fn a_summarize_of_nothing_without_keys_gives_one_row() {
    let rel = Rel::new(
        Op::Aggregate {
            input: range(0),
            keys: vec![],
            aggregates: vec![
                agg("count", vec![], Type::Long),
                agg("sum", vec![x()], Type::Long),
                agg("max", vec![x()], Type::Long),
                agg("make_list", vec![x()], Type::Dynamic),
            ],
        },
        schema(&[("c", Type::Long), ("s", Type::Long), ("m", Type::Long), ("l", Type::Dynamic)]),
    );
    assert_eq!(run(&rel), [[n(0), n(0), NO, Value::Dynamic("[]".into())]]);
}

#[test]
fn top_is_the_head_of_the_sort_and_both_are_stable() {
    let key = call("%", vec![x(), Expr::literal(n(7))], Type::Long);
    let input = Rel::new(
        Op::Project { input: range(150_000), columns: vec![key, x()] },
        schema(&[("k", Type::Long), ("x", Type::Long)]),
    );
    let all = run(&sorted(Arc::clone(&input), 0, true, None));
    let head = run(&sorted(input, 0, true, Some(10)));
    assert_eq!(head, all[..10]);
    assert_eq!(head[0], [n(6), n(6)]);
    assert_eq!(head[9], [n(6), n(69)]);
}

#[test]
fn nulls_and_nan_stand_at_the_end_that_kusto_puts_them() {
    let real = Value::Real;
    let rows = vec![vec![real(1.0)], vec![Value::Null(Type::Real)], vec![real(f64::NAN)], vec![real(-0.5)]];
    let names = |rel: &Arc<Rel>| -> Vec<String> { run(rel).iter().map(|r| format!("{:?}", r[0])).collect() };
    let t = table(&[("r", Type::Real)], rows);
    assert_eq!(names(&sorted(Arc::clone(&t), 0, false, None)), ["Null(Real)", "Real(NaN)", "Real(-0.5)", "Real(1.0)"]);
    assert_eq!(names(&sorted(t, 0, true, None)), ["Real(1.0)", "Real(-0.5)", "Real(NaN)", "Null(Real)"]);
}

#[test]
fn take_stops_early_and_gives_the_first_rows() {
    let rel = Rel::new(Op::Take { input: range(400_000), count: 3 }, schema(&[("x", Type::Long)]));
    assert_eq!(run(&rel), [[n(1)], [n(2)], [n(3)]]);
}

fn joined(kind: JoinKind) -> Vec<Vec<Value>> {
    let columns: &[(&str, Type)] = &[("k", Type::Long), ("v", Type::String)];
    let left = table(columns, vec![vec![n(1), s("a")], vec![n(1), s("b")], vec![NO, s("c")], vec![n(4), s("d")]]);
    let right = table(columns, vec![vec![n(1), s("x")], vec![NO, s("y")], vec![n(9), s("z")]]);
    let out: Vec<(&str, Type)> = match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti | JoinKind::RightSemi | JoinKind::RightAnti => columns.to_vec(),
        _ => [columns, columns].concat(),
    };
    let op = Op::Join { left, right, kind, keys: vec![(x(), x())] };
    let mut rows = run(&Rel::new(op, schema(&out)));
    rows.sort_by_key(|r| format!("{r:?}"));
    rows
}

#[test]
fn joins_of_every_kind_match_null_with_null() {
    let inner = vec![vec![n(1), s("a"), n(1), s("x")], vec![n(1), s("b"), n(1), s("x")], vec![NO, s("c"), NO, s("y")]];
    assert_eq!(joined(JoinKind::Inner), inner);
    assert_eq!(joined(JoinKind::InnerUnique), [inner[0].clone(), inner[2].clone()]);
    let lonely_left = vec![n(4), s("d"), NO, s("")];
    let lonely_right = vec![NO, s(""), n(9), s("z")];
    let outer = |more: &[Vec<Value>]| {
        let mut all = [inner.clone(), more.to_vec()].concat();
        all.sort_by_key(|r| format!("{r:?}"));
        all
    };
    assert_eq!(joined(JoinKind::LeftOuter), outer(std::slice::from_ref(&lonely_left)));
    assert_eq!(joined(JoinKind::RightOuter), outer(std::slice::from_ref(&lonely_right)));
    assert_eq!(joined(JoinKind::FullOuter), outer(&[lonely_left, lonely_right]));
    assert_eq!(joined(JoinKind::LeftSemi), [vec![n(1), s("a")], vec![n(1), s("b")], vec![NO, s("c")]]);
    assert_eq!(joined(JoinKind::LeftAnti), [vec![n(4), s("d")]]);
    assert_eq!(joined(JoinKind::RightSemi), [vec![n(1), s("x")], vec![NO, s("y")]]);
    assert_eq!(joined(JoinKind::RightAnti), [vec![n(9), s("z")]]);
}

#[test]
fn window_functions_follow_the_order() {
    let window = |name: &str, args: Vec<Expr>, ty| WindowCall { function: scalar(name).unwrap(), args, ty };
    let rel = Rel::new(
        Op::Window {
            input: sorted(range(4), 0, true, None),
            calls: vec![
                window("prev", vec![x()], Type::Long),
                window("row_number", vec![], Type::Long),
                window("row_cumsum", vec![x()], Type::Long),
            ],
        },
        schema(&[("x", Type::Long), ("p", Type::Long), ("n", Type::Long), ("c", Type::Long)]),
    );
    assert_eq!(
        run(&rel),
        [[n(4), NO, n(1), n(4)], [n(3), n(4), n(2), n(7)], [n(2), n(3), n(3), n(9)], [n(1), n(2), n(4), n(10)]]
    );
}

#[test]
fn equality_with_one_null_is_false_and_inequality_true() {
    let row = |name: &str, a: Value, b: Value| {
        let rel = Rel::new(
            Op::Project {
                input: table(&[("a", Type::Long), ("b", Type::Long)], vec![vec![a, b]]),
                columns: vec![call(name, vec![x(), Expr::column(1, Type::Long)], Type::Bool)],
            },
            schema(&[("r", Type::Bool)]),
        );
        run(&rel)[0][0].clone()
    };
    assert_eq!(row("==", n(1), NO), Value::Bool(false));
    assert_eq!(row("!=", NO, n(1)), Value::Bool(true));
    assert_eq!(row("==", NO, NO), Value::Null(Type::Bool));
    assert_eq!(row("<", n(1), NO), Value::Null(Type::Bool));
}

#[test]
fn limits_end_a_query_with_their_own_error() {
    let mut request = Request::new("", Ticks(0));
    request.limits.memory = 1 << 20;
    let rel = Rel::new(Op::Serialize { input: range(1_000_000) }, schema(&[("x", Type::Long)]));
    assert!(matches!(run_with(&rel, &request), Err(QueryError::Memory { .. })));
    let request = Request::new("", Ticks(0));
    request.cancel.cancel();
    assert!(matches!(run_with(&rel, &request), Err(QueryError::Cancelled)));
}
