//! Plugins over sequences of events: `sequence_detect`, `funnel_sequence`, `funnel_sequence_completion`.

use std::sync::Arc;

use super::super::scope::Table;
use super::super::{Binder, is_poison};
use super::Arguments;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Bins, Expr, Neighbours, Plugin};
use crate::kql::syntax::{Call, ExprKind};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

impl Binder<'_> {
    /// `sequence_detect(time, gap, span, step = condition, …, dimension, …)`
    #[inline(never)]
    pub(super) fn sequence_detect(&mut self, input: &Table, call: &Call, arguments: &Arguments<'_>) -> Option<Table> {
        let mut row = self.row(input, "evaluate");
        let time = self.column_argument(arguments.get(0)?, arguments, &mut row)?;
        let time = input.schema().0[time].clone();
        if !matches!(time.ty, Type::Long | Type::DateTime | Type::TimeSpan) {
            let message = format!("`sequence_detect` takes a timeline, but `{}` is {}", time.name, time.ty);
            let help = "a timeline is datetime, timespan or long";
            self.report(Diagnostic::error("KQL120", arguments.get(0)?.range, message).with_help(help));
            return None;
        }
        let gap = self.span(arguments.get(1)?, time.ty, "MaxSequenceStepWindow");
        let span = self.span(arguments.get(2)?, time.ty, "MaxSequenceSpan");
        let (mut steps, mut names) = (Vec::new(), Vec::new());
        let (mut dimensions, mut slices) = (Vec::new(), Vec::new());
        let mut known = true;
        for argument in call.arguments.iter().skip(3) {
            let e = &argument.value;
            let expr = self.expr(e, &mut row);
            if is_poison(&expr) {
                known = false;
                continue;
            }
            let plain = matches!(e.inner().kind, ExprKind::Name(_)) && argument.name.is_none();
            let own = argument.name.as_ref().map(|n| n.text.to_string()).or_else(|| self.name_of(e));
            if expr.ty == Type::Bool && !plain {
                names.push(own.unwrap_or_else(|| format!("Expr{}", names.len() + 1)));
                steps.push(expr);
            } else if expr.ty == Type::Dynamic {
                let text = self.snippet(e.range);
                let message = format!("{text} is dynamic: sequences cannot be told apart by it");
                let help = format!("make a text of it: tostring({})", text.trim_matches('`'));
                self.report(Diagnostic::error("KQL140", e.range, message).with_help(help));
                known = false;
            } else {
                slices.push(Column::new(own.unwrap_or_else(|| format!("Dim{}", slices.len() + 1)), expr.ty));
                dimensions.push(expr);
            }
        }
        if steps.is_empty() && known {
            let message = "`sequence_detect` needs the conditions of its steps";
            let help = "sequence_detect(Time, 10m, 1h, first = (a == 'x'), then = (a == 'y'), Dimension)";
            self.report(Diagnostic::error("KQL112", arguments.place, message).with_help(help));
            return None;
        }
        let (gap, span) = (gap?, span?);
        if !known {
            return None;
        }
        let mut schema = slices;
        schema.extend(names.iter().map(|n| Column::new(format!("{n}_{}", time.name), time.ty)));
        let length = if time.ty == Type::DateTime { Type::TimeSpan } else { time.ty };
        schema.push(Column::new("Duration", length));
        let plugin = Plugin::SequenceDetect { steps: steps.len(), gap, span };
        let at = input.schema().position(&time.name)?;
        let columns = [Expr::column(at, time.ty)].into_iter().chain(steps).chain(dimensions).collect();
        Some(Self::plugin_over(input, columns, plugin, Schema(schema)))
    }

    /// `funnel_sequence(…)`: with both neighbours, and as further results with one of them.
    pub(super) fn funnels(&mut self, input: &Table, arguments: &Arguments<'_>, place: TextRange) -> Table {
        let input = self.share(input);
        let mut tables = [Neighbours::Both, Neighbours::Before, Neighbours::After].into_iter().map(|shows| {
            let table = self.funnel(&input, arguments, shows)?;
            Some(self.node(table.serialized(false), place))
        });
        let Some(mut first) = tables.next().flatten() else { return self.unknown_table() };
        first.more = tables.flatten().collect();
        first
    }

    /// `funnel_sequence(id, time, start, end, gap, step, state, sequence)`
    fn funnel(&mut self, input: &Table, arguments: &Arguments<'_>, shows: Neighbours) -> Option<Table> {
        let (columns, [_, time, state]) = self.journey(input, arguments, 6)?;
        let start = self.moment(arguments.get(2)?, time.ty, "Start");
        let end = self.moment(arguments.get(3)?, time.ty, "End");
        let gap = self.span(arguments.get(4)?, time.ty, "MaxSequenceStepWindow");
        let step = self.step(arguments.get(5)?, time.ty);
        let sequence = self.texts_argument(arguments, 7)?;
        let bins = Bins { start: Some(start?), end: Some(end?), step: step? };
        let mut schema = vec![time];
        if shows != Neighbours::After {
            schema.push(Column::new("prev", state.ty));
        }
        if shows != Neighbours::Before {
            schema.push(Column::new("next", state.ty));
        }
        schema.extend([Column::new("dcount", Type::Long), Column::new("samples", Type::Dynamic)]);
        let plugin = Plugin::Funnel { bins, gap: gap?, sequence, shows };
        Some(Self::plugin_over(input, columns, plugin, Schema(schema)))
    }

    /// `funnel_sequence_completion(id, time, start, end, step, state, sequence, periods)`
    pub(super) fn funnel_completion(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Table> {
        let (columns, [_, time, state]) = self.journey(input, arguments, 5)?;
        let start = self.moment(arguments.get(2)?, time.ty, "Start");
        let end = self.moment(arguments.get(3)?, time.ty, "End");
        let step = self.step(arguments.get(4)?, time.ty);
        let sequence = self.texts_argument(arguments, 6);
        let length = if time.ty == Type::DateTime { Type::TimeSpan } else { time.ty };
        let periods = self.periods(arguments, 7, length)?;
        let bins = Bins { start: Some(start?), end: Some(end?), step: step? };
        let schema = Schema(vec![time, state, Column::new("Period", length), Column::new("dcount", Type::Long)]);
        let plugin = Plugin::FunnelCompletion { bins, sequence: sequence?, periods: periods.into() };
        Some(Self::plugin_over(input, columns, plugin, schema))
    }

    /// The id, the time and the state, which is a text.
    fn journey(&mut self, input: &Table, arguments: &Arguments<'_>, state: usize) -> Option<(Vec<Expr>, [Column; 3])> {
        let mut row = self.row(input, "evaluate");
        let id = self.column_argument(arguments.get(0)?, arguments, &mut row);
        let time = self.column_argument(arguments.get(1)?, arguments, &mut row);
        let state_at = self.column_argument(arguments.get(state)?, arguments, &mut row);
        let source = input.schema();
        let (id, time, state_at) = (id?, time?, state_at?);
        let [id_column, time_column, mut state_column] = [id, time, state_at].map(|n| source.0[n].clone());
        for (n, column, fits) in [
            (0, &id_column, id_column.ty != Type::Dynamic),
            (1, &time_column, matches!(time_column.ty, Type::Long | Type::DateTime | Type::TimeSpan)),
            (state, &state_column, state_column.ty != Type::Dynamic),
        ] {
            if !fits {
                let what = arguments.function.parameter(n).map_or("", |p| p.name);
                let message = format!("`{what}` of `{}` cannot be {}", arguments.function.name, column.ty);
                self.error("KQL120", arguments.get(n)?.range, message);
                return None;
            }
        }
        let state_expr = self.cast(Expr::column(state_at, state_column.ty), Type::String);
        state_column.ty = Type::String;
        let columns = vec![Expr::column(id, id_column.ty), Expr::column(time, time_column.ty), state_expr];
        Some((columns, [id_column, time_column, state_column]))
    }

    /// A constant array as texts, at least one.
    fn texts_argument(&mut self, arguments: &Arguments<'_>, n: usize) -> Option<Arc<[Arc<str>]>> {
        let e = arguments.get(n)?;
        let value = self.constant(e, "the sequence")?;
        let texts: Vec<Arc<str>> = match &value {
            Value::Dynamic(json) => elements(json),
            _ => Vec::new(),
        };
        if texts.is_empty() {
            if !(value.is_null() && self.is_pending()) {
                let message = "a sequence is an array of states";
                self.report(Diagnostic::error("KQL120", e.range, message).with_help("dynamic(['first', 'second'])"));
            }
            return None;
        }
        Some(texts.into())
    }

    /// A constant array of lengths.
    fn periods(&mut self, arguments: &Arguments<'_>, n: usize, ty: Type) -> Option<Vec<i64>> {
        let e = arguments.get(n)?;
        let value = self.constant(e, "the periods")?;
        let texts = match &value {
            Value::Dynamic(json) => elements(json),
            _ => Vec::new(),
        };
        let lengths: Option<Vec<i64>> = texts
            .iter()
            .map(
                |text| {
                    if ty == Type::TimeSpan { crate::kql::literal::parse_timespan(text) } else { text.parse().ok() }
                },
            )
            .collect();
        match lengths {
            Some(lengths) if !lengths.is_empty() => Some(lengths),
            _ => {
                if !(value.is_null() && self.is_pending()) {
                    let message = format!("the periods are an array of {ty}");
                    self.report(Diagnostic::error("KQL120", e.range, message).with_help("dynamic([1h, 4h, 1d])"));
                }
                None
            }
        }
    }
}

/// The elements of a JSON array as texts.
fn elements(json: &str) -> Vec<Arc<str>> {
    let values: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text.into(),
        other => other.to_string().into(),
    };
    values.into_iter().map(text).collect()
}
