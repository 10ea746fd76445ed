//! `pivot`: rows are aggregated by the other columns and by the pivot column's text; a node spreads what comes out over columns.

use std::sync::Arc;

use super::super::expression::reads;
use super::super::name::Names;
use super::super::needs::{Answer, What};
use super::super::scope::{Aggregating, Table};
use super::super::{Binder, is_poison};
use super::Arguments;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::aggregates;
use crate::kql::plan::{Aggregate, Expr, ExprKind as Bound, Op, Plugin, Rel};
use crate::kql::syntax::{self, EvaluateSchema};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// The aggregates that Kusto lets stand in the cells.
const AGGREGATES: &[&str] = &[
    "avg",
    "count",
    "dcount",
    "make_bag",
    "make_list",
    "make_set",
    "max",
    "min",
    "stdev",
    "sum",
    "take_any",
    "variance",
];

/// Columns that a pivot may give: what hangs on data has an end.
const MOST: usize = 10_000;

impl Binder<'_> {
    pub(super) fn pivot(
        &mut self,
        input: &Table,
        arguments: &Arguments<'_>,
        schema: Option<&EvaluateSchema>,
        place: TextRange,
    ) -> Table {
        let mut row = self.row(input, "evaluate");
        let Some(pivot) = arguments.get(0).and_then(|e| self.column_argument(e, arguments, &mut row)) else {
            return self.open_table(Vec::new());
        };
        let Some(aggregate) = self.cells(input, arguments) else { return self.open_table(Vec::new()) };
        let mut keys = Vec::new();
        for e in arguments.rest(2) {
            let Some(at) = self.column_argument(e, arguments, &mut row) else { return self.open_table(Vec::new()) };
            if !keys.contains(&at) {
                keys.push(at);
            }
        }
        if arguments.given.len() <= 2 {
            let counted = |at: usize| aggregate.args.iter().any(|a| reads(a) && a.kind == Bound::Column(at));
            keys = (0..input.schema().len()).filter(|at| *at != pivot && !counted(*at)).collect();
        }
        let column = input.schema().0[pivot].clone();
        if column.ty == Type::Dynamic {
            let place = arguments.get(0).map_or(place, |e| e.range);
            let message = format!("`{}` is dynamic: its values are no names of columns", column.name);
            let help = format!("make texts of them first: | extend {0} = tostring({0})", column.name);
            self.report(Diagnostic::error("KQL140", place, message).with_help(help));
            return self.open_table(Vec::new());
        }
        let name = self.cast(Expr::column(pivot, column.ty), Type::String);
        let by: Vec<Column> = keys.iter().map(|at| input.schema().0[*at].clone()).collect();
        let names = match schema {
            Some(schema) => {
                let declared = schema.columns.iter().map(|c| &c.name.text);
                declared.filter(|n| by.iter().all(|c| c.name != **n)).cloned().collect()
            }
            None => match self.names_of(input, name.clone()) {
                Some(names) => names,
                None => return self.open_table(by),
            },
        };
        if names.len() > MOST {
            let message = format!("`{}` has {} values: that many columns are too many", column.name, names.len());
            let help = "keep the values that matter first: | where … in (…)";
            self.report(Diagnostic::error("KQL186", arguments.place, message).with_help(help));
            return self.unknown_table();
        }
        let table = Self::pivoted(input, &keys, name, aggregate, names);
        let table = self.node(table.serialized(false), place);
        match schema {
            Some(schema) => self.declared(&table, schema, place),
            None => table,
        }
    }

    /// What stands in the cells: `count()` unless an aggregate is given.
    fn cells(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Aggregate> {
        let Some(e) = arguments.get(1) else {
            return Some(Aggregate { function: &aggregates::COUNT, args: Vec::new(), ty: Type::Long });
        };
        let mut row = self.row(input, "evaluate");
        row.aggregating = Aggregating::Outside;
        if !matches!(e.inner().kind, syntax::ExprKind::Call(_)) {
            let text = self.snippet(e.range);
            let message = format!("the second argument of `pivot` is an aggregate, not {text}");
            let help = "pivot(column, count(), others…)";
            self.report(Diagnostic::error("KQL183", e.range, message).with_help(help));
            return None;
        }
        let expr = self.expr(e, &mut row);
        if is_poison(&expr) {
            return None;
        }
        let mut found = row.aggregates;
        match (found.pop(), expr.kind) {
            (Some(aggregate), Bound::Column(0))
                if found.is_empty() && AGGREGATES.contains(&aggregate.function.name) =>
            {
                Some(aggregate)
            }
            _ if self.is_pending() => None,
            _ => {
                let text = self.snippet(e.range);
                let message = format!("{text} cannot stand in the cells of `pivot`");
                let help = format!("one of: {}", AGGREGATES.join(", "));
                self.report(Diagnostic::error("KQL183", e.range, message).with_help(help));
                None
            }
        }
    }

    /// The distinct values of the pivot column as texts, in order; `None` until they are known.
    fn names_of(&mut self, input: &Table, name: Expr) -> Option<Vec<Arc<str>>> {
        let op = Op::Aggregate { input: Arc::clone(&input.rel), keys: vec![name], aggregates: Vec::new() };
        let mut distinct = input.with(Rel::new(op, Schema(vec![Column::new("name", Type::String)])));
        distinct.open = input.open;
        let Answer::Column(values) = self.answer(&distinct, What::Column)? else { return None };
        let text = |v: Value| if let Value::String(text) = v { Some(text) } else { None };
        let mut names: Vec<Arc<str>> = values.into_iter().filter_map(text).collect();
        names.sort();
        Some(names)
    }

    fn pivoted(input: &Table, keys: &[usize], name: Expr, aggregate: Aggregate, names: Vec<Arc<str>>) -> Table {
        let source = input.schema();
        let ty = aggregate.ty;
        let empty = empty(&aggregate);
        let mut by: Vec<Expr> = keys.iter().map(|at| Expr::column(*at, source.0[*at].ty)).collect();
        by.push(name);
        let mut columns: Vec<Column> = keys.iter().map(|at| source.0[*at].clone()).collect();
        let mut free = Names::of(&Schema(columns.clone()));
        let long = columns.iter().cloned().chain([Column::new("$name", Type::String), Column::new("$value", ty)]);
        let op = Op::Aggregate { input: Arc::clone(&input.rel), keys: by, aggregates: vec![aggregate] };
        let grouped = input.with(Rel::new(op, long.collect()));
        for name in &names {
            let name = if name.is_empty() { free.unnamed() } else { free.free(name) };
            columns.push(Column { name, ty });
        }
        let plugin = Box::new(Plugin::Pivot { names: names.into(), empty });
        let rel = Rel::new(Op::Plugin { plugin, inputs: vec![Arc::clone(&grouped.rel)] }, Schema(columns));
        let mut table = grouped.with(rel);
        table.open = false;
        table
    }
}

/// What an aggregate of no rows is.
fn empty(aggregate: &Aggregate) -> Value {
    match (aggregate.function.name, aggregate.ty) {
        ("make_list" | "make_set", _) => Value::Dynamic("[]".into()),
        ("make_bag", _) => Value::Dynamic("{}".into()),
        ("count" | "dcount" | "sum", Type::Long) => Value::Long(0),
        ("sum", Type::Real) => Value::Real(0.0),
        ("sum", Type::TimeSpan) => Value::TimeSpan(0),
        ("sum", Type::Decimal) => Value::Decimal(0, 0),
        ("avg" | "stdev" | "variance", Type::Real) => Value::Real(f64::NAN),
        (_, ty) => Value::null(ty),
    }
}
