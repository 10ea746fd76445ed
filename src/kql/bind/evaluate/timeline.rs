//! Plugins over a timeline: an id, a time, the ends and the width of bins, and dimensions that each stand for themselves.

use std::sync::Arc;

use super::super::Binder;
use super::super::name::percent;
use super::super::scope::{Row, Table};
use super::Arguments;
use crate::kql::diagnostic::Diagnostic;
use crate::kql::plan::{BinStep as Step, Bins, Expr, Metric, Op, Plugin, Rel};
use crate::kql::syntax;
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// The columns that a plugin reads, and the type of its times.
pub(super) struct Timeline {
    /// What the plugin reads: the id and the time, or the index and the value; then the dimensions.
    columns: Vec<Expr>,
    time: Column,
    dimensions: Vec<Column>,
}

impl Binder<'_> {
    #[inline(never)]
    pub(super) fn activity(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Table> {
        let mut row = self.row(input, "evaluate");
        let (constants, dimensions, known) = self.split(input, arguments, &mut row)?;
        let line = self.timeline(input, arguments, (0, 1), &dimensions, &mut row)?;
        let unit = line.time.ty;
        let name = arguments.function.name;
        // Where the ends may be left out, the constants are that many fewer.
        let (ends, rest) = match (name, constants.len()) {
            ("activity_engagement", 2) | ("activity_metrics", 1) => (None, constants.as_slice()),
            _ => (Some((constants.first(), constants.get(1))), constants.get(2..).unwrap_or_default()),
        };
        let wanted: &[&str] = match name {
            "activity_counts_metrics" | "activity_metrics" => &["Window"],
            "new_activity_metrics" => &["Window", "Cohort"],
            "sliding_window_counts" => &["LookbackWindow", "Bin"],
            "activity_engagement" => &["InnerActivityWindow", "OuterActivityWindow"],
            "session_count" => &["Bin", "LookBackWindow"],
            _ => &["LookbackWindow", "Period", "ActivePeriodsCount", "Bin"],
        };
        let least = if name == "new_activity_metrics" { 1 } else { wanted.len() };
        if rest.len() < least || rest.len() > wanted.len() {
            let message =
                format!("`{name}` takes the constants Start, End, {} before its dimensions", wanted.join(", "));
            let help = arguments.function.signature();
            self.report(Diagnostic::error("KQL112", arguments.place, message).with_help(help));
            return None;
        }
        let (start, end) = match ends {
            None => (None, None),
            Some((start, end)) => {
                let start = self.moment(start?, unit, "Start");
                let end = self.moment(end?, unit, "End");
                (Some(start?), Some(end?))
            }
        };
        let (step, metric) = match name {
            "activity_counts_metrics" => (self.step(rest[0], unit)?, Metric::Counts),
            "activity_metrics" => (self.step(rest[0], unit)?, Metric::Changes),
            "new_activity_metrics" => {
                let step = self.step(rest[0], unit)?;
                let cohort = match rest.get(1) {
                    Some(e) => Some(self.moment(e, unit, "Cohort")?),
                    None => None,
                };
                (step, Metric::NewUsers { cohort })
            }
            "sliding_window_counts" => {
                let window = self.span(rest[0], unit, "LookbackWindow");
                let step = self.step(rest[1], unit);
                (step?, Metric::Sliding { window: window? })
            }
            "activity_engagement" => {
                let step = self.step(rest[0], unit);
                let window = self.span(rest[1], unit, "OuterActivityWindow");
                (step?, Metric::Engagement { window: window? })
            }
            "session_count" => {
                let step = self.step(rest[0], unit);
                let gap = self.span(rest[1], unit, "LookBackWindow");
                (step?, Metric::Sessions { gap: gap? })
            }
            _ => {
                let lookback = self.span(rest[0], unit, "LookbackWindow");
                let period = self.span(rest[1], unit, "Period");
                let least = self.span(rest[2], Type::Long, "ActivePeriodsCount");
                let step = self.step(rest[3], unit);
                (step?, Metric::ActiveUsers { lookback: lookback?, period: period?, least: least? })
            }
        };
        let schema = activity_schema(&line, &metric);
        let plugin = Plugin::Activity { metric, bins: Bins { start, end, step } };
        let mut table = Self::plugin_over(input, line.columns, plugin, schema);
        if let Some(known) = known {
            table = Self::with_known(&table, &known)?;
        }
        Some(table)
    }

    /// The ids of the lookback as a second input.
    fn with_known(table: &Table, known: &Table) -> Option<Table> {
        let Op::Plugin { plugin, inputs } = &table.rel.op else { return None };
        let inputs = inputs.iter().cloned().chain([Arc::clone(&known.rel)]).collect();
        let rel = Rel::new(Op::Plugin { plugin: plugin.clone(), inputs }, table.schema().clone());
        let mut table = Table { rel, ..table.clone() };
        table.depth = table.depth.max(known.depth + 1);
        Some(table)
    }

    pub(super) fn rolling_percentile(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Table> {
        let mut row = self.row(input, "evaluate");
        let dimensions: Vec<_> = arguments.rest(5).collect();
        let line = self.timeline(input, arguments, (2, 0), &dimensions, &mut row)?;
        let value = self.column_argument(arguments.get(0)?, arguments, &mut row)?;
        let value = input.schema().0[value].clone();
        if !(value.ty.is_numeric() || matches!(value.ty, Type::DateTime | Type::TimeSpan)) {
            let message = format!("`rolling_percentile` takes numbers and times, but `{}` is {}", value.name, value.ty);
            self.error("KQL120", arguments.get(0)?.range, message);
            return None;
        }
        let Value::Real(at) = self.constant_argument(arguments, 1, Type::Real, Value::Real(50.0))? else { return None };
        let bin = self.span(arguments.get(3)?, line.time.ty, "BinSize");
        let bins = self.span(arguments.get(4)?, Type::Long, "BinsPerWindow");
        let (bin, bins) = (bin?, bins?);
        if !(0.0..=100.0).contains(&at) {
            self.error("KQL187", arguments.get(1)?.range, "a percentile lies between 0 and 100");
            return None;
        }
        let name = format!("rolling_{bins}_percentile_{}_{}", value.name, percent(arguments.get(1)?));
        let mut schema = vec![line.time];
        schema.extend(line.dimensions);
        schema.push(Column::new(name, value.ty));
        Some(Self::plugin_over(
            input,
            line.columns,
            Plugin::RollingPercentile { percent: at, bin, bins },
            Schema(schema),
        ))
    }

    /// The arguments behind the first two: constants, then columns, then with `new_activity_metrics` a table of ids.
    #[allow(clippy::type_complexity)] // three lists of arguments
    fn split<'c>(
        &mut self,
        input: &Table,
        arguments: &Arguments<'c>,
        row: &mut Row,
    ) -> Option<(Vec<&'c syntax::Expr>, Vec<&'c syntax::Expr>, Option<Table>)> {
        let rest: Vec<_> = arguments.rest(2).collect();
        let is_column =
            |e: &syntax::Expr| e.inner().as_name().is_some_and(|n| input.schema().position(&n.text).is_some());
        let constants = rest.iter().position(|e| is_column(e)).unwrap_or(rest.len());
        let (mut constants, mut dimensions) = (rest[..constants].to_vec(), rest[constants..].to_vec());
        let mut known = None;
        if arguments.function.name == "new_activity_metrics" {
            let last = if dimensions.is_empty() { &mut constants } else { &mut dimensions };
            if let Some(e) = last.last().copied().filter(|e| self.is_table(e, row)) {
                last.pop();
                known = Some(self.ids(e, input, arguments, row)?);
            }
        }
        Some((constants, dimensions, known))
    }

    /// Does an argument name a table, or compute one?
    fn is_table(&self, e: &syntax::Expr, row: &Row) -> bool {
        match &e.inner().kind {
            syntax::ExprKind::Pipe { .. } | syntax::ExprKind::DataTable { .. } => true,
            syntax::ExprKind::Name(name) => self.is_table_name(name, row),
            _ => false,
        }
    }

    /// The ids of a lookback: its column of the id's name, else its first.
    fn ids(&mut self, e: &syntax::Expr, input: &Table, arguments: &Arguments<'_>, row: &mut Row) -> Option<Table> {
        let table = self.table(e);
        let id = self.column_argument(arguments.get(0)?, arguments, row)?;
        let id = &input.schema().0[id];
        let same = |c: &Column| c.ty == id.ty;
        let columns = table.schema();
        let at = columns.iter().position(|c| c.name == id.name && same(c)).or_else(|| columns.iter().position(same));
        if at.is_none() && !table.open {
            let message = format!("the lookback has no column of ids: none of type {}", id.ty);
            self.error("KQL121", e.range, message);
        }
        Some(Self::projected_onto(&table, vec![Expr::column(at?, id.ty)]))
    }

    /// The columns at two arguments' places, the second one a time, and the dimensions. The time stands second in what the plugin reads,
    /// but for an index, which stands first.
    fn timeline(
        &mut self,
        input: &Table,
        arguments: &Arguments<'_>,
        (first, second): (usize, usize),
        dimensions: &[&syntax::Expr],
        row: &mut Row,
    ) -> Option<Timeline> {
        let time_at = first.max(second);
        let mut columns = Vec::new();
        let mut time = None;
        for n in [first, second] {
            let e = arguments.get(n)?;
            let at = self.column_argument(e, arguments, row)?;
            let column = input.schema().0[at].clone();
            let mut expr = Expr::column(at, column.ty);
            if n == time_at {
                let ty = if column.ty == Type::Int { Type::Long } else { column.ty };
                if !matches!(ty, Type::Long | Type::DateTime | Type::TimeSpan) {
                    let message =
                        format!("`{}` takes a timeline, but `{}` is {ty}", arguments.function.name, column.name);
                    let help = "a timeline is datetime, timespan or long";
                    self.report(Diagnostic::error("KQL120", e.range, message).with_help(help));
                    return None;
                }
                expr = self.cast(expr, ty);
                time = Some(Column { name: column.name, ty });
            } else if column.ty == Type::Dynamic {
                self.dynamic_argument(e, &column, arguments);
                return None;
            }
            columns.push(expr);
        }
        let mut slices = Vec::new();
        for e in dimensions {
            let at = self.column_argument(e, arguments, row)?;
            let column = input.schema().0[at].clone();
            if column.ty == Type::Dynamic {
                self.dynamic_argument(e, &column, arguments);
                return None;
            }
            columns.push(Expr::column(at, column.ty));
            slices.push(column);
        }
        Some(Timeline { columns, time: time?, dimensions: slices })
    }

    fn dynamic_argument(&mut self, e: &syntax::Expr, column: &Column, arguments: &Arguments<'_>) {
        let message = format!("`{}` cannot count by `{}`: it is dynamic", arguments.function.name, column.name);
        let help = format!("make a text of it first: | extend {0} = tostring({0})", column.name);
        self.report(Diagnostic::error("KQL140", e.range, message).with_help(help));
    }

    /// A time of a timeline.
    pub(super) fn moment(&mut self, e: &syntax::Expr, unit: Type, what: &'static str) -> Option<i64> {
        let value = self.constant(e, what)?;
        if value.is_null() {
            return None;
        }
        let converted = self.implicit(Expr::literal(value), unit, e.range, &format!("`{what}`"));
        whole(converted.as_literal()?)
    }

    /// A length on a timeline, more than nothing.
    pub(super) fn span(&mut self, e: &syntax::Expr, unit: Type, what: &'static str) -> Option<i64> {
        let unit = if unit == Type::DateTime { Type::TimeSpan } else { unit };
        let length = self.moment(e, unit, what)?;
        if length <= 0 {
            let message = format!("`{what}` must be more than 0");
            self.error("KQL187", e.range, message);
            return None;
        }
        Some(length)
    }

    /// The width of a bin: a length, or a part of the calendar.
    pub(super) fn step(&mut self, e: &syntax::Expr, unit: Type) -> Option<Step> {
        if unit == Type::DateTime
            && let Some(Value::String(word)) = e.inner().as_literal()
        {
            let step = match &*word.to_ascii_lowercase() {
                "week" => Some(Step::Week),
                "month" => Some(Step::Month),
                "year" => Some(Step::Year),
                _ => None,
            };
            if step.is_none() {
                let message = format!("\"{word}\" is no width of a bin");
                let help = "a timespan, or one of: week, month, year";
                self.report(Diagnostic::error("KQL184", e.range, message).with_help(help));
            }
            return step;
        }
        self.span(e, unit, "the step").map(Step::Fixed)
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Long(n) | Value::DateTime(n) | Value::TimeSpan(n) => Some(*n),
        Value::Int(n) => Some(i64::from(*n)),
        _ => None,
    }
}

/// The timeline, the dimensions, and what is counted.
fn activity_schema(line: &Timeline, metric: &Metric) -> Schema {
    let (counts, ratios): (&[&str], &[&str]) = match metric {
        Metric::Counts => (&["count", "dcount", "new_dcount", "aggregated_dcount"], &[]),
        Metric::Sliding { .. } => (&["Count", "Dcount"], &[]),
        Metric::Engagement { .. } => (&["dcount_activities_inner", "dcount_activities_outer"], &["activity_ratio"]),
        Metric::Changes => (&["dcount_values", "dcount_newvalues"], &["retention_rate", "churn_rate"]),
        Metric::NewUsers { .. } => {
            (&["dcount_new_values", "dcount_retained_values", "dcount_churn_values"], &["retention_rate", "churn_rate"])
        }
        Metric::ActiveUsers { .. } => (&["dcount"], &[]),
        Metric::Sessions { .. } => (&["count_sessions"], &[]),
    };
    let mut columns = if matches!(metric, Metric::NewUsers { .. }) {
        ["from", "to"].map(|end| Column::new(format!("{end}_{}", line.time.name), line.time.ty)).to_vec()
    } else {
        vec![line.time.clone()]
    };
    columns.extend(line.dimensions.iter().cloned());
    columns.extend(counts.iter().map(|name| Column::new(*name, Type::Long)));
    columns.extend(ratios.iter().map(|name| Column::new(*name, Type::Real)));
    Schema(columns)
}
