//! Operators that choose rows, columns or a way to be shown: `sample`, `sample-distinct`, `top-hitters`, `project-by-names`, `consume`, `as`, `render`.

use std::sync::Arc;

use super::name::Names;
use super::scope::{Binding, Table};
use super::{Binder, fold, is_poison};
use crate::base::suggest::nearest;
use crate::event::json;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, aggregates, operators};
use crate::kql::plan::{Aggregate, Expr, Op, Rel, Render, SortKey};
use crate::kql::syntax::{self, ColumnPattern, ExprKind, Name, Property};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// What `render` can be asked for, by Kusto's list.
const CHARTS: &[&str] = &[
    "3Dchart",
    "anomalychart",
    "areachart",
    "barchart",
    "card",
    "columnchart",
    "graph",
    "ladderchart",
    "linechart",
    "list",
    "piechart",
    "pivotchart",
    "plotly",
    "sankey",
    "scatterchart",
    "stackedareachart",
    "table",
    "timechart",
    "timeline",
    "timepivot",
    "treemap",
];

/// What a chart can be told.
const PROPERTIES: &[&str] = &[
    "accumulate",
    "anomalycolumns",
    "by",
    "isQuerySorted",
    "kind",
    "legend",
    "series",
    "title",
    "xaxis",
    "xcolumn",
    "xmax",
    "xmin",
    "xtitle",
    "yaxis",
    "ycolumns",
    "ymax",
    "ymin",
    "ysplit",
    "ytitle",
];

impl Binder<'_> {
    /// Some rows, each as likely as another: the first ones by a random number.
    pub(super) fn sample(&mut self, input: &Table, count: &syntax::Expr, place: TextRange) -> Table {
        let count = self.row_count(count, "the number of rows of `sample`");
        let Some(random) = functions::scalar("rand") else { return self.take(input, count, place) };
        let width = input.schema().len();
        let mut columns = own_columns(input);
        columns.push(Expr::call(random, Vec::new(), Type::Real));
        let mut wide = input.schema().0.clone();
        wide.push(Column::new("$random", Type::Real));
        let numbered = Rel::new(Op::Project { input: Arc::clone(&input.rel), columns }, Schema(wide.clone()));
        let keys = vec![SortKey { expr: Expr::column(width, Type::Real), descending: false, nulls_first: true }];
        let chosen = Rel::new(Op::Sort { input: numbered, keys, limit: Some(count) }, Schema(wide));
        let rel = Rel::new(Op::Project { input: chosen, columns: own_columns(input) }, input.schema().clone());
        let mut table = input.with(rel).serialized(false);
        table.depth += 2;
        self.node(table, place)
    }

    /// Some of the values of a column, each once.
    pub(super) fn sample_distinct(
        &mut self,
        input: &Table,
        count: &syntax::Expr,
        of: &syntax::Expr,
        place: TextRange,
    ) -> Table {
        let count = self.row_count(count, "the number of values of `sample-distinct`");
        let column = syntax::NamedExpr { names: Vec::new(), value: of.clone(), range: of.range };
        let distinct = self.distinct(input, &[column], place);
        self.take(&distinct, count, place)
    }

    /// The values with the most rows, or the largest sum. Exact here.
    pub(super) fn top_hitters(
        &mut self,
        input: &Table,
        count: &syntax::Expr,
        of: &syntax::Expr,
        by: Option<&syntax::Expr>,
        place: TextRange,
    ) -> Table {
        let count = self.row_count(count, "the number of values of `top-hitters`");
        let mut row = self.row(input, "top-hitters");
        let key = self.expr(of, &mut row);
        let named = self.name_of(of);
        let (aggregate, name) = match by {
            None => {
                let name = format!("approximate_count_{}", named.as_deref().unwrap_or_default());
                (Aggregate { function: &aggregates::COUNT, args: Vec::new(), ty: Type::Long }, name)
            }
            Some(by) => {
                let weight = self.expr(by, &mut row);
                let weight = match weight.ty {
                    Type::Int => self.cast(weight, Type::Long),
                    Type::Long | Type::Real | Type::Decimal | Type::TimeSpan => weight,
                    _ if is_poison(&weight) => weight,
                    Type::Dynamic => self.cast(weight, Type::Real),
                    ty => {
                        let message =
                            format!("`top-hitters … by` sums a number, and {} is {ty}", self.snippet(by.range));
                        self.wrong(Diagnostic::error("KQL120", by.range, message))
                    }
                };
                let ty = if is_poison(&weight) { Type::Long } else { weight.ty };
                let name = format!("approximate_sum_{}", self.name_of(by).unwrap_or_default());
                (Aggregate { function: &aggregates::SUM, args: vec![weight], ty }, name)
            }
        };
        let mut names = Names::default();
        let key_name = match named {
            Some(named) => names.free(&named),
            None => names.unnamed(),
        };
        let schema =
            Schema(vec![Column { name: key_name, ty: key.ty }, Column { name: names.free(&name), ty: aggregate.ty }]);
        let keys = vec![SortKey { expr: Expr::column(1, aggregate.ty), descending: true, nulls_first: false }];
        let op = Op::Aggregate { input: Arc::clone(&input.rel), keys: vec![key], aggregates: vec![aggregate] };
        let summed = input.with(Rel::new(op, schema.clone()));
        let op = Op::Sort { input: Arc::clone(&summed.rel), keys, limit: Some(count) };
        let mut table = self.node(summed.with(Rel::new(op, schema)).serialized(true), place);
        table.open = false;
        table
    }

    /// Columns by text: names, patterns, arrays of them. What is not there is left out.
    pub(super) fn project_by_names(&mut self, input: &Table, columns: &[syntax::Expr], place: TextRange) -> Table {
        let mut positions: Vec<usize> = Vec::new();
        for e in columns {
            for text in self.column_texts(input, e) {
                let pattern = ColumnPattern { wildcard: text.contains('*'), text, range: e.range };
                let matching = (0..input.schema().len()).filter(|n| pattern.matches(&input.schema().0[*n].name));
                let new: Vec<_> = matching.filter(|n| !positions.contains(n)).collect();
                positions.extend(new);
            }
        }
        let columns = positions.iter().map(|n| Expr::column(*n, input.schema().0[*n].ty)).collect();
        let schema = positions.iter().map(|n| input.schema().0[*n].clone()).collect();
        let op = Op::Project { input: Arc::clone(&input.rel), columns };
        let table = input.with(Rel::new(op, schema));
        self.node(table, place)
    }

    /// The texts that one argument of `project-by-names` stands for.
    fn column_texts(&mut self, input: &Table, e: &syntax::Expr) -> Vec<Arc<str>> {
        match &e.inner().kind {
            ExprKind::Wildcard(name) => return vec![Arc::clone(&name.text)],
            ExprKind::Name(name) if input.schema().position(&name.text).is_some() => {
                return vec![Arc::clone(&name.text)];
            }
            ExprKind::Name(name) if input.open && !self.names.iter().any(|(n, _)| *n == name.text) => {
                return Vec::new();
            }
            ExprKind::Call(call) if &*call.name.text == "column_names_of" => {
                if let [argument] = call.arguments.as_slice() {
                    let table = self.table(&argument.value);
                    return table.schema().iter().map(|c| Arc::clone(&c.name)).collect();
                }
            }
            _ => {}
        }
        match self.constant(e, "a column's name") {
            Some(Value::String(text)) => vec![text],
            Some(Value::Dynamic(list)) => match json::elements(&list) {
                Some(elements) => elements.into_iter().filter_map(json::string).map(|t| Arc::from(&*t)).collect(),
                None => json::string(&list).map(|t| Arc::from(&*t)).into_iter().collect(),
            },
            None | Some(Value::Null(_)) => Vec::new(),
            Some(other) => {
                self.report(
                    Diagnostic::error("KQL120", e.range, format!("a column's name is text, not {}", other.ty()))
                        .with_help("project-by-names \"name\", \"pattern*\", dynamic([\"a\", \"b\"])"),
                );
                Vec::new()
            }
        }
    }

    /// The input is run to its end, and none of it is given.
    pub(super) fn consume(&mut self, input: &Table, place: TextRange) -> Table {
        // A condition on the count of all rows is judged when they are through, however clever the plan becomes.
        let counted = self.count_rows(input, "Count", place);
        let none = vec![Expr::column(0, Type::Long), Expr::literal(Value::Long(0))];
        let predicate = Expr::call(&operators::LESS, none, Type::Bool);
        let op = Op::Filter { input: Arc::clone(&counted.rel), predicate };
        let empty = counted.with(Rel::new(op, counted.schema().clone()));
        let columns = input.schema().iter().map(|c| Expr::literal(Value::null(c.ty))).collect();
        let op = Op::Project { input: Arc::clone(&empty.rel), columns };
        let mut table = self.node(empty.with(Rel::new(op, input.schema().clone())), place);
        table.open = input.open;
        table
    }

    /// `as name`: the table goes on, and later parts of the query can read it.
    pub(super) fn named(&mut self, input: &Table, name: &Name, hints: &[Property]) -> Table {
        let hinted = |h: &Property| {
            &*h.name.text == "hint.materialized"
                && match (&h.value.kind, h.value.as_literal()) {
                    (ExprKind::Name(word), _) => word.text.eq_ignore_ascii_case("true"),
                    (_, Some(Value::Bool(b))) => *b,
                    _ => false,
                }
        };
        let mut named = input.clone();
        if hints.iter().any(hinted) {
            let shared = self.shared(input.clone());
            named.rel = shared.rel;
        }
        named.name = Some(Arc::clone(&name.text));
        self.names.push((Arc::clone(&name.text), Binding::Table(named.clone())));
        named
    }

    pub(super) fn render(&mut self, input: &Table, kind: &Name, properties: &[Property]) -> Table {
        let known = |list: &[&str], word: &str| list.iter().any(|k| k.eq_ignore_ascii_case(word));
        // A placeholder may stand for either.
        let judged = !self.is_lenient();
        if judged && !known(CHARTS, &kind.text) {
            let near = nearest(&kind.text, CHARTS.iter().copied()).unwrap_or("timechart, barchart, piechart or table");
            self.report(
                Diagnostic::error("KQL163", kind.range, format!("no chart is called `{}`", kind.text))
                    .with_help(format!("did you mean {near}?")),
            );
        }
        for property in properties {
            if judged && !known(PROPERTIES, &property.name.text) {
                let near = nearest(&property.name.text, PROPERTIES.iter().copied());
                let help = near.map_or_else(
                    || format!("it can be told {}", PROPERTIES.join(", ")),
                    |n| format!("did you mean `{n}`?"),
                );
                let message = format!("a chart has no `{}`", property.name.text);
                self.report(Diagnostic::error("KQL163", property.name.range, message).with_help(help));
            }
        }
        let text = |e: &syntax::Expr| match (&e.kind, e.as_literal()) {
            (ExprKind::Name(name), _) => name.text.to_string(),
            (_, Some(Value::String(text))) => text.to_string(),
            (_, Some(value)) => match fold::convert(value, Type::String) {
                Some(Value::String(text)) => text.to_string(),
                _ => String::new(),
            },
            _ => e.range.of(self.text).to_owned(),
        };
        let properties = properties.iter().map(|p| (Arc::clone(&p.name.text), text(&p.value).into())).collect();
        let mut rendered = input.clone();
        rendered.render = Some(Render { kind: Arc::clone(&kind.text), properties });
        rendered
    }
}

/// A table's columns as they are.
fn own_columns(table: &Table) -> Vec<Expr> {
    table.schema().iter().enumerate().map(|(n, c)| Expr::column(n, c.ty)).collect()
}
