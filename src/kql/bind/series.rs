//! `make-series`: an aggregation by the keys and the bins of an axis, and on top of it the node that makes arrays of the bins.

use std::sync::Arc;

use super::expression::reads;
use super::name::Names;
use super::scope::{Aggregating, Row, Table};
use super::{Binder, fold, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, operators};
use crate::kql::plan::{Expr, ExprKind as Bound, Op, Rel, Series};
use crate::kql::syntax::{self, MakeSeries, SeriesRange};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// From (inclusive), to (exclusive) and step, in the axis's type; `None` where there is none, or it is still to be fetched.
struct Bounds {
    from: Option<Value>,
    to: Option<Value>,
    step: Option<Value>,
}

impl Binder<'_> {
    pub(super) fn make_series(&mut self, input: &Table, series: &MakeSeries, place: TextRange) -> Table {
        let mut row = self.row(input, "make-series");
        let mut names = Names::default();
        let (mut column_names, mut keys) = (Vec::new(), Vec::new());
        for key in &series.by {
            keys.push(self.expr(&key.value, &mut row));
            column_names.push(self.column_name(key, &mut names));
        }
        let (axis, bounds) = self.axis(series, &mut row);
        let ty = axis.ty;
        // Rows outside the bounds are in no bin.
        let mut terms = Vec::new();
        let bound = |function, value: &Value| {
            Expr::call(function, vec![axis.clone(), Expr::literal(value.clone())], Type::Bool)
        };
        terms.extend(bounds.from.as_ref().map(|v| bound(&operators::GREATER_EQUAL, v)));
        terms.extend(bounds.to.as_ref().map(|v| bound(&operators::LESS, v)));
        let mut below = input.clone();
        if let (Some(first), false) = (terms.first().cloned(), is_poison(&axis)) {
            let predicate = if terms.len() == 1 { first } else { Expr { kind: Bound::And(terms), ty: Type::Bool } };
            let schema = input.schema().clone();
            below = below.with(Rel::new(Op::Filter { input: Arc::clone(&input.rel), predicate }, schema));
        }
        let bin = self.series_bin(axis, &bounds, matches!(series.range, SeriesRange::In { .. }));
        keys.push(bin);

        row.aggregating = Aggregating::Outside;
        row.keys = keys.len();
        let mut columns: Vec<Expr> = keys.iter().enumerate().map(|(n, k)| Expr::column(n, k.ty)).collect();
        let (mut defaults, mut aggregate_names) = (Vec::new(), Vec::new());
        for aggregate in &series.aggregates {
            let value = &aggregate.expr.value;
            let expr = self.expr(value, &mut row);
            if !is_poison(&expr) && !reads(&expr) && !self.is_pending() {
                let text = self.snippet(value.range);
                self.report(
                    Diagnostic::error("KQL130", value.range, format!("{text} is not an aggregate"))
                        .with_help("a series is made of aggregates, for example count() or avg(x)"),
                );
            }
            defaults.push(self.series_default(aggregate.default.as_ref(), expr.ty));
            aggregate_names.push(self.column_name(&aggregate.expr, &mut names));
            columns.push(expr);
        }
        let axis_name = self.column_name(&series.axis, &mut names);
        column_names.extend(aggregate_names);
        column_names.push(axis_name);

        // What lies below is named by position: only the arrays on top are seen.
        let inner: Vec<Arc<str>> = (0..columns.len()).map(|n| format!("{n}").into()).collect();
        let schema = series_schema(&column_names, &columns, series.by.len());
        let below = self.aggregated(&below, keys, row.aggregates, &inner, columns, place);
        let step = bounds.step.unwrap_or(Value::Null(ty));
        let series = Series {
            keys: series.by.len(),
            from: bounds.from,
            to: bounds.to,
            step,
            defaults,
            nonempty: series.nonempty,
        };
        let rel = Rel::new(Op::MakeSeries { input: Arc::clone(&below.rel), series }, schema);
        let mut table = self.node(below.with(rel), place);
        table.open = false;
        table
    }

    /// The axis, converted where it must be, and the bounds of the series in its type.
    fn axis(&mut self, series: &MakeSeries, row: &mut Row) -> (Expr, Bounds) {
        let axis = self.expr(&series.axis.value, row);
        let inclusive = matches!(series.range, SeriesRange::In { .. });
        let (from, to, step) = match &series.range {
            SeriesRange::FromTo { from, to, step } => (from.as_ref(), to.as_ref(), step),
            SeriesRange::In { start, stop, step } => (Some(start), Some(stop), step),
        };
        let step_value = self.constant(step, "the step of `make-series`");
        let from_value = from.and_then(|e| self.constant(e, "the start of `make-series`").map(|v| (v, e.range)));
        let to_value = to.and_then(|e| self.constant(e, "the end of `make-series`").map(|v| (v, e.range)));
        let nothing = Bounds { from: None, to: None, step: None };
        let Some(step_value) = step_value else { return (axis, nothing) };
        // Bins are counted in 64 bits, whatever the column's numbers are.
        let axis = match axis.ty {
            Type::Int => self.cast(axis, Type::Long),
            Type::Decimal => self.cast(axis, Type::Real),
            _ => axis,
        };
        let places = [series.axis.value.range, step.range];
        let Some((mut args, ty)) = self.bin_types(vec![axis, Expr::literal(step_value)], &places) else {
            return (self.poison(), nothing);
        };
        let (Some(step_expr), Some(axis)) = (args.pop(), args.pop()) else { return (self.poison(), nothing) };
        let step_value = step_expr.as_literal().filter(|v| !v.is_null()).cloned();
        if let Some(value) = &step_value
            && !is_positive(value)
        {
            self.report(
                Diagnostic::error("KQL150", step.range, "the step of a series must be more than 0")
                    .with_help("give the distance of two bins, for example 1h"),
            );
        } else if step_value.is_none() && !self.is_pending() {
            self.error("KQL150", step.range, "the step of a series cannot be null");
        }
        let mut bound = |value: Option<(Value, TextRange)>, what: &str| {
            let (value, range) = value?;
            let expr = self.implicit(Expr::literal(value), ty, range, what);
            expr.as_literal().filter(|v| !v.is_null()).cloned()
        };
        let (mut from, mut to) =
            (bound(from_value, "the start of the series"), bound(to_value, "the end of the series"));
        if inclusive && let Some(step) = &step_value {
            from = from.and_then(|v| floor(&v, step));
            to = to.and_then(|v| floor(&v, step)).and_then(|v| plus(&v, step));
        }
        (axis, Bounds { from, to, step: step_value })
    }

    /// The bin of a row: counted from the start where there is one.
    fn series_bin(&mut self, axis: Expr, bounds: &Bounds, aligned: bool) -> Expr {
        let (Some(step), false) = (&bounds.step, is_poison(&axis)) else { return self.pending_bin(axis) };
        let ty = axis.ty;
        let mut args = vec![axis, Expr::literal(step.clone())];
        let name = match &bounds.from {
            Some(from) if !aligned => {
                args.push(Expr::literal(from.clone()));
                "bin_at"
            }
            _ => "bin",
        };
        match functions::scalar(name) {
            Some(function) => self.call(function, args, ty),
            None => self.poison(),
        }
    }

    /// The axis itself while its step is being fetched.
    fn pending_bin(&mut self, axis: Expr) -> Expr {
        if self.is_pending() { axis } else { self.poison() }
    }

    /// What stands for a bin without rows: as written, else 0 of the aggregate's type.
    fn series_default(&mut self, written: Option<&syntax::Expr>, ty: Type) -> Value {
        let Some(written) = written else {
            return match ty {
                Type::Int => Value::Int(0),
                Type::Long => Value::Long(0),
                Type::Real => Value::Real(0.0),
                Type::Decimal => Value::Decimal(0, 0),
                Type::TimeSpan => Value::TimeSpan(0),
                ty => Value::null(ty),
            };
        };
        let Some(value) = self.constant(written, "the default of a series") else { return Value::null(ty) };
        if value.is_null() || ty == Type::Dynamic {
            return if value.is_null() { Value::null(ty) } else { value };
        }
        match (value.ty(), ty) {
            (own, ty) if own == ty => value,
            // A finer default than the aggregate stays as it is: arrays hold any number.
            (Type::Real | Type::Decimal, Type::Int | Type::Long) => value,
            (own, ty) if own.is_numeric() && ty.is_numeric() => fold::convert(&value, ty).unwrap_or(value),
            _ => {
                let what = "the default of the series";
                let expr = self.implicit(Expr::literal(value), ty, written.range, what);
                expr.as_literal().cloned().unwrap_or(Value::null(ty))
            }
        }
    }
}

/// The keys as they are; each aggregate an array; the axis last, an array too.
fn series_schema(names: &[Arc<str>], columns: &[Expr], keys: usize) -> Schema {
    let types = columns[..keys].iter().map(|c| c.ty).chain(std::iter::repeat(Type::Dynamic));
    names.iter().zip(types).map(|(name, ty)| Column { name: Arc::clone(name), ty }).collect()
}

fn is_positive(value: &Value) -> bool {
    match value {
        Value::Long(n) | Value::TimeSpan(n) => *n > 0,
        Value::Int(n) => *n > 0,
        Value::Real(x) => *x > 0.0 && x.is_finite(),
        _ => false,
    }
}

/// The bin of a constant.
fn floor(value: &Value, step: &Value) -> Option<Value> {
    let whole = |value: i64, step: i64| (step > 0).then(|| value.saturating_sub(value.rem_euclid(step)));
    Some(match (value, step) {
        (Value::DateTime(v), Value::TimeSpan(s)) => Value::DateTime(whole(*v, *s)?),
        (Value::TimeSpan(v), Value::TimeSpan(s)) => Value::TimeSpan(whole(*v, *s)?),
        (Value::Long(v), Value::Long(s)) => Value::Long(whole(*v, *s)?),
        (Value::Real(v), Value::Real(s)) => Value::Real((v / s).floor() * s),
        _ => return None,
    })
}

fn plus(value: &Value, step: &Value) -> Option<Value> {
    Some(match (value, step) {
        (Value::DateTime(v), Value::TimeSpan(s)) => Value::DateTime(v.checked_add(*s)?),
        (Value::TimeSpan(v), Value::TimeSpan(s)) => Value::TimeSpan(v.checked_add(*s)?),
        (Value::Long(v), Value::Long(s)) => Value::Long(v.checked_add(*s)?),
        (Value::Real(v), Value::Real(s)) => Value::Real(v + s),
        _ => return None,
    })
}
