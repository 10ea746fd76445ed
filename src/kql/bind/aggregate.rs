//! `summarize`, `distinct`, `count`: keys first, aggregates after, and what is computed from them on top.

use std::sync::Arc;

use super::call::is_call;
use super::expression::reads;
use super::name::{Names, percent, schema_of};
use super::scope::{Aggregating, Row, Table};
use super::{Binder, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, Function, Gives, aggregates};
use crate::kql::plan::{Aggregate, Expr, ExprKind as Bound, Op, Rel};
use crate::kql::syntax::{self, Call, ExprKind, NamedExpr};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// Aggregates that give several columns: each under its own name.
const SEVERAL: &[&str] = &["arg_max", "arg_min", "argmax", "argmin", "take_any", "any", "percentiles", "percentilesw"];

impl Binder<'_> {
    pub(super) fn summarize(
        &mut self,
        input: &Table,
        aggregates: &[NamedExpr],
        by: &[NamedExpr],
        place: TextRange,
    ) -> Table {
        let mut row = self.row(input, "summarize");
        let mut names = Names::default();
        let (mut key_names, mut keys) = (Vec::new(), Vec::new());
        // `by n = row_number()` counts the rows as they come, before they are grouped.
        row.windows = Some(Vec::new());
        for key in by {
            let expr = self.expr(&key.value, &mut row);
            let expr = if expr.ty == Type::Dynamic && !is_poison(&expr) {
                self.dynamic_key(expr, &key.value, place)
            } else {
                expr
            };
            let name = self.column_name(key, &mut names);
            key_names.push(name);
            keys.push(expr);
        }
        let below = Self::windows(input, &mut row);
        row.aggregating = Aggregating::Outside;
        row.keys = keys.len();
        let mut columns: Vec<Expr> = keys.iter().enumerate().map(|(n, k)| Expr::column(n, k.ty)).collect();
        let mut column_names = key_names.clone();
        for aggregate in aggregates {
            if let Some(call) = is_call(&aggregate.value, SEVERAL) {
                let given =
                    self.several(call, &aggregate.names, &key_names, &mut names, &mut row, aggregate.value.range);
                for (name, expr) in given {
                    column_names.push(name);
                    columns.push(expr);
                }
                continue;
            }
            let expr = self.expr(&aggregate.value, &mut row);
            if !is_poison(&expr) && !reads(&expr) && !self.is_pending() {
                let text = self.snippet(aggregate.value.range);
                self.report(
                    Diagnostic::error("KQL130", aggregate.value.range, format!("{text} is not an aggregate"))
                        .with_help("put it behind `by`, or in an `extend` after"),
                );
            }
            column_names.push(self.column_name(aggregate, &mut names));
            columns.push(expr);
        }
        if columns.is_empty() {
            if !aggregates.is_empty() {
                return self.unknown_table();
            }
            self.error("KQL139", place, "`summarize` needs an aggregate, or columns behind `by`");
            return self.unknown_table();
        }
        let mut table = self.aggregated(&below, keys, row.aggregates, &column_names, columns, place);
        // `arg_max(t, *)` brings columns along that are not known.
        let takes_all = |call: &Call| call.arguments.iter().any(|a| matches!(a.value.inner().kind, ExprKind::Star));
        table.open |= input.open && aggregates.iter().any(|a| is_call(&a.value, SEVERAL).is_some_and(takes_all));
        table
    }

    /// A dynamic value is no group key; Kusto refuses it.
    fn dynamic_key(&mut self, expr: Expr, value: &syntax::Expr, _place: TextRange) -> Expr {
        if self.poisoned {
            return expr;
        }
        let text = self.snippet(value.range);
        self.wrong(
            Diagnostic::error("KQL140", value.range, format!("{text} is dynamic: rows cannot be grouped by it"))
                .with_help(format!("group by its text: tostring({})", text.trim_matches('`'))),
        )
    }

    /// The node, and a projection on top where columns are more than the aggregates themselves.
    pub(super) fn aggregated(
        &mut self,
        input: &Table,
        keys: Vec<Expr>,
        aggregates: Vec<Aggregate>,
        names: &[Arc<str>],
        columns: Vec<Expr>,
        place: TextRange,
    ) -> Table {
        let width = keys.len() + aggregates.len();
        let plain = columns.len() == width && columns.iter().enumerate().all(|(n, c)| c.kind == Bound::Column(n));
        let schema = schema_of(names, &columns);
        let own = if plain {
            schema.clone()
        } else {
            let types = keys.iter().map(|k| k.ty).chain(aggregates.iter().map(|a| a.ty));
            types.enumerate().map(|(n, ty)| Column::new(format!("{n}"), ty)).collect()
        };
        let rel = Rel::new(Op::Aggregate { input: Arc::clone(&input.rel), keys, aggregates }, own);
        let table = input.with(rel).serialized(false);
        let table = if plain {
            table
        } else {
            table.with(Rel::new(Op::Project { input: Arc::clone(&table.rel), columns }, schema))
        };
        let mut table = self.node(table, place);
        // Whatever lay below, these are all the columns now.
        table.open = table.schema().is_empty();
        table
    }

    pub(super) fn distinct(&mut self, input: &Table, columns: &[NamedExpr], place: TextRange) -> Table {
        let mut row = self.row(input, "distinct");
        let mut names = Names::default();
        let (mut key_names, mut keys) = (Vec::new(), Vec::new());
        for column in columns {
            if matches!(column.value.kind, ExprKind::Star) {
                for (n, c) in input.schema().iter().enumerate() {
                    key_names.push(names.free(&c.name));
                    keys.push(Expr::column(n, c.ty));
                }
                continue;
            }
            let expr = self.expr(&column.value, &mut row);
            let expr = if expr.ty == Type::Dynamic && !is_poison(&expr) {
                self.dynamic_key(expr, &column.value, place)
            } else {
                expr
            };
            key_names.push(self.column_name(column, &mut names));
            keys.push(expr);
        }
        let schema = schema_of(&key_names, &keys);
        let rel = Rel::new(Op::Aggregate { input: Arc::clone(&input.rel), keys, aggregates: Vec::new() }, schema);
        let mut table = self.node(input.with(rel).serialized(false), place);
        table.open = input.open && columns.iter().any(|c| matches!(c.value.kind, ExprKind::Star));
        table
    }

    pub(super) fn count_rows(&mut self, input: &Table, name: &str, place: TextRange) -> Table {
        let aggregate = Aggregate { function: &aggregates::COUNT, args: Vec::new(), ty: Type::Long };
        let schema = Schema(vec![Column::new(name, Type::Long)]);
        let rel = Rel::new(
            Op::Aggregate { input: Arc::clone(&input.rel), keys: Vec::new(), aggregates: vec![aggregate] },
            schema,
        );
        let mut table = self.node(input.with(rel).serialized(false), place);
        table.open = false;
        table
    }

    /// An aggregate's call in a `summarize`: a column of the node below what is computed from it.
    #[inline(never)]
    pub(super) fn aggregate_call(
        &mut self,
        function: &'static Function,
        call: &Call,
        place: TextRange,
        row: &mut Row,
    ) -> Expr {
        if row.aggregating == Aggregating::Inside {
            let message = format!("`{}` stands inside another aggregate", function.name);
            return self.wrong(
                Diagnostic::error("KQL141", place, message)
                    .with_help("aggregate twice: … | summarize a = … by … | summarize …"),
            );
        }
        let mut places = Vec::with_capacity(call.arguments.len());
        let mut args = Vec::with_capacity(call.arguments.len());
        row.aggregating = Aggregating::Inside;
        for argument in &call.arguments {
            if matches!(argument.value.kind, ExprKind::Star) && function == &aggregates::COUNT {
                continue;
            }
            places.push(argument.value.range);
            args.push(self.expr(&argument.value, row));
        }
        row.aggregating = Aggregating::Outside;
        // Inside an expression the one value is meant: the second argument of `arg_max`, the first of the others.
        self.add_aggregate(function, args, &places, place, row)
    }

    /// Converts the arguments and adds the aggregate to the node, once if it stands there already.
    fn add_aggregate(
        &mut self,
        function: &'static Function,
        args: Vec<Expr>,
        places: &[TextRange],
        place: TextRange,
        row: &mut Row,
    ) -> Expr {
        if !self.check_count(function, args.len(), place) {
            return self.poison();
        }
        let mut args = self.take_args(function, args, places);
        if args.iter().any(is_poison) {
            return self.poison();
        }
        match function.name {
            // Old form of count(predicate): every row counts.
            "count" => args.clear(),
            "sum" | "sumif" | "avg" | "avgif" | "percentile" | "percentiles" | "percentilew"
                if args[0].ty == Type::Int =>
            {
                args[0] = self.cast(args[0].clone(), Type::Long);
            }
            "sum" | "sumif" if args[0].ty == Type::DateTime => {
                let message = "`sum` takes numbers and timespans, not datetime";
                return self.wrong(Diagnostic::error("KQL120", places.first().copied().unwrap_or(place), message));
            }
            // Of times too: their ticks.
            "stdev" | "stdevif" | "stdevp" | "variance" | "varianceif" | "variancep" | "variancepif" => {
                args[0] = self.cast(args[0].clone(), Type::Real);
            }
            // Kusto estimates them as reals.
            "percentile" | "percentilew" if args[0].ty == Type::Decimal => {
                args[0] = self.cast(args[0].clone(), Type::Real);
            }
            _ => {}
        }
        if let Some((at, what, most)) = range_of(function.name) {
            let given = match args.get(at).and_then(Expr::as_literal) {
                Some(Value::Long(n)) => Some(*n as f64),
                Some(Value::Real(x)) => Some(*x),
                _ => None,
            };
            if given.is_some_and(|x| !(0.0..=most).contains(&x)) {
                let place = places.get(at).copied().unwrap_or(place);
                return self.wrong(Diagnostic::error("KQL187", place, format!("{what} lies between 0 and {most}")));
            }
        }
        let ty = match function.gives {
            Gives::Type(ty) => ty,
            Gives::Argument(n) => args.get(usize::from(n)).or(args.first()).map_or(Type::Dynamic, |a| a.ty),
            // The mean of whole numbers is real; of anything else it is of their type, as a sum is.
            _ if function.name.starts_with("avg") && args[0].ty == Type::Long => Type::Real,
            _ => args[0].ty,
        };
        let aggregate = Aggregate { function, args, ty };
        let at = row.aggregates.iter().position(|a| *a == aggregate).unwrap_or_else(|| {
            row.aggregates.push(aggregate);
            row.aggregates.len() - 1
        });
        Expr::column(row.keys + at, ty)
    }

    /// The columns of `arg_max(v, a, *)`, `take_any(*)`, `percentiles(v, 5, 95)`. `given` names the first ones.
    fn several(
        &mut self,
        call: &Call,
        given: &[syntax::Name],
        keys: &[Arc<str>],
        names: &mut Names,
        row: &mut Row,
        place: TextRange,
    ) -> Vec<(Arc<str>, Expr)> {
        let Some(function) = functions::aggregate(&call.name.text) else { return Vec::new() };
        let Some(first) = call.arguments.first() else {
            self.check_count(function, 0, place);
            return Vec::new();
        };
        let any_star = call.arguments.iter().any(|a| matches!(a.value.kind, ExprKind::Star));
        let mut columns: Vec<(Option<String>, Expr)> = Vec::new();
        match function.name {
            "percentiles" | "percentilesw" => {
                // The value, and its weight where it has one, go with each percent.
                let shared = if function.name == "percentilesw" { 2 } else { 1 };
                let single = if shared == 2 { &aggregates::PERCENTILEW } else { &aggregates::PERCENTILE };
                let base = self.name_of(&first.value).unwrap_or_default();
                let (head, percents) = call.arguments.split_at(shared.min(call.arguments.len()));
                for argument in percents {
                    let of_one: Vec<_> = head.iter().chain([argument]).collect();
                    let args = of_one.iter().map(|a| self.inside(&a.value, row)).collect();
                    let places: Vec<_> = of_one.iter().map(|a| a.value.range).collect();
                    let expr = self.add_aggregate(single, args, &places, place, row);
                    columns.push((Some(format!("percentile_{base}_{}", percent(&argument.value))), expr));
                }
                if columns.is_empty() {
                    self.check_count(function, 1, place);
                }
            }
            "take_any" => {
                let mut shown = Vec::new();
                for (n, argument) in call.arguments.iter().enumerate() {
                    for (name, value) in self.argument_columns(argument, keys, &shown, row) {
                        if repeats(any_star, &mut shown, keys, name.as_deref(), &value) {
                            continue;
                        }
                        let expr = self.add_aggregate(function, vec![value], &[argument.value.range], place, row);
                        // One value of the old `any` is named after it, several are not.
                        let star = matches!(argument.value.kind, ExprKind::Star);
                        let old = &*call.name.text == "any" && call.arguments.len() == 1 && !star;
                        let prefix = if old { "any_" } else { "" };
                        let unnamed = || if old { prefix.to_owned() } else { format!("any_arg{n}") };
                        columns.push((Some(name.map_or_else(unnamed, |name| format!("{prefix}{name}"))), expr));
                    }
                }
            }
            _ => {
                let by = self.inside(&first.value, row);
                let by_name = first.name.as_ref().map(|n| n.text.to_string()).or_else(|| self.name_of(&first.value));
                let mut shown: Vec<Bound> = vec![by.kind.clone()];
                let prefix = if function.name == "arg_max" { "max_" } else { "min_" };
                let expr =
                    self.add_aggregate(function, vec![by.clone(), by.clone()], &[first.value.range; 2], place, row);
                columns.push((by_name.clone().or_else(|| Some(prefix.to_owned())), expr));
                let primary = by_name.clone().unwrap_or_default();
                for (n, argument) in call.arguments.iter().enumerate().skip(1) {
                    for (name, value) in self.argument_columns(argument, keys, &shown, row) {
                        if repeats(any_star, &mut shown, keys, name.as_deref(), &value) {
                            continue;
                        }
                        let places = [first.value.range, argument.value.range];
                        let expr = self.add_aggregate(function, vec![by.clone(), value], &places, place, row);
                        let name = name.unwrap_or_else(|| format!("{prefix}{primary}_arg{n}"));
                        columns.push((Some(name), expr));
                    }
                }
            }
        }
        let mut given = given.iter();
        columns
            .into_iter()
            .map(|(own, expr)| {
                let name = match (given.next(), own) {
                    (Some(name), _) => names.free(&name.text),
                    (None, Some(own)) => names.free(&own),
                    (None, None) => names.unnamed(),
                };
                (name, expr)
            })
            .collect()
    }

    fn inside(&mut self, e: &syntax::Expr, row: &mut Row) -> Expr {
        row.aggregating = Aggregating::Inside;
        let expr = self.expr(e, row);
        row.aggregating = Aggregating::Outside;
        expr
    }

    /// An argument that may be `*`: every column that is neither a key nor shown.
    fn argument_columns(
        &mut self,
        argument: &syntax::Argument,
        keys: &[Arc<str>],
        shown: &[Bound],
        row: &mut Row,
    ) -> Vec<(Option<String>, Expr)> {
        let e = &argument.value;
        if !matches!(e.kind, ExprKind::Star) {
            let name = argument.name.as_ref().map(|n| n.text.to_string()).or_else(|| self.name_of(e));
            return vec![(name, self.inside(e, row))];
        }
        let schema = row.schema().clone();
        schema
            .iter()
            .enumerate()
            .filter(|(n, c)| !keys.contains(&c.name) && !shown.contains(&Bound::Column(*n)))
            .map(|(n, c)| (Some(c.name.to_string()), Expr::column(n, c.ty)))
            .collect()
    }

    /// The name of a result column: as written, by rule, or `Column1`.
    pub(super) fn column_name(&mut self, column: &NamedExpr, names: &mut Names) -> Arc<str> {
        match column.names.first() {
            Some(name) => {
                if names.has(&name.text) && !self.is_lenient() {
                    self.report(
                        Diagnostic::error("KQL142", name.range, format!("a column is called `{}` already", name.text))
                            .with_help("give it another name"),
                    );
                }
                names.free(&name.text)
            }
            None => match self.name_of(&column.value) {
                // A column that stands twice is a mistake; a name by rule gets a number.
                Some(name) if names.has(&name) && column.value.as_name().is_some() && !self.is_lenient() => {
                    self.report(
                        Diagnostic::error("KQL142", column.range, format!("the column `{name}` stands twice"))
                            .with_help(format!("remove one, or give it another name: {name}2 = {name}")),
                    );
                    names.free(&name)
                }
                Some(name) => names.free(&name),
                None => names.unnamed(),
            },
        }
    }

    /// A constant count of rows.
    pub(super) fn row_count(&mut self, e: &syntax::Expr, what: &'static str) -> u64 {
        match self.constant(e, what) {
            Some(Value::Long(n)) => u64::try_from(n).unwrap_or(0),
            Some(Value::Int(n)) => u64::try_from(n).unwrap_or(0),
            Some(Value::Null(_)) | None => 0,
            Some(other) => {
                self.error("KQL120", e.range, format!("{what} is a whole number, not {}", other.ty()));
                0
            }
        }
    }
}

/// With `*` among the arguments, a column that stands already, or is a key, does not stand again.
fn repeats(any_star: bool, shown: &mut Vec<Bound>, keys: &[Arc<str>], name: Option<&str>, value: &Expr) -> bool {
    if !any_star || !matches!(value.kind, Bound::Column(_)) {
        return false;
    }
    let again = shown.contains(&value.kind) || keys.iter().any(|k| Some(&**k) == name);
    if !again {
        shown.push(value.kind.clone());
    }
    again
}

/// An argument that is a number from 0 up: where it stands, what it is, and the most it may be.
fn range_of(aggregate: &str) -> Option<(usize, &'static str, f64)> {
    Some(match aggregate {
        "percentile" => (1, "a percentile", 100.0),
        "percentilew" => (2, "a percentile", 100.0),
        "dcount" | "hll" => (1, "the accuracy", 4.0),
        "dcountif" | "hll_if" => (2, "the accuracy", 4.0),
        _ => return None,
    })
}
