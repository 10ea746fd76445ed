//! Plugins and an operator that find what is common: `basket`, `autocluster`, `diffpatterns`, `diffpatterns_text`, `reduce`.

use std::sync::Arc;

use super::super::name::Names;
use super::super::scope::Table;
use super::super::{Binder, is_poison};
use super::Arguments;
use super::rows::every;
use crate::kql::diagnostic::TextRange;
use crate::kql::plan::{Expr, Mining, Patterns, Plugin};
use crate::kql::syntax::{ExprKind, NamedExpr, Property};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

impl Binder<'_> {
    /// `basket(threshold, weight, dimensions, wildcard, …)`
    pub(super) fn basket(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Table> {
        let threshold = self.share_argument(arguments, 0, 0.05, 0.015..=1.0);
        let most = self.most_argument(arguments, 2, 5);
        let mining = Mining::Basket { threshold: threshold?, most: most? };
        self.patterns(input, arguments, Some(1), 3, mining, None)
    }

    /// `autocluster(size_weight, weight, seeds, wildcard, …)`
    pub(super) fn autocluster(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Table> {
        let size_weight = self.share_argument(arguments, 0, 0.5, 0.0..=1.0)?;
        self.constant_argument(arguments, 2, Type::Long, Value::Long(25))?;
        self.patterns(input, arguments, Some(1), 3, Mining::Cluster { size_weight }, None)
    }

    /// `diffpatterns(split, a, b, weight, threshold, dimensions, wildcard, …)`
    pub(super) fn diffpatterns(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Table> {
        let mut row = self.row(input, "evaluate");
        let split = self.column_argument(arguments.get(0)?, arguments, &mut row);
        let a = self.split_value(arguments, 1);
        let b = self.split_value(arguments, 2);
        let threshold = self.share_argument(arguments, 4, 0.05, 0.015..=1.0);
        let most = self.most_argument(arguments, 5, usize::MAX);
        let mining = Mining::Difference { a: a?, b: b?, threshold: threshold?, most: most? };
        self.patterns(input, arguments, Some(3), 6, mining, Some(split?))
    }

    /// A value of the split column as its text, whatever it is written as.
    fn split_value(&mut self, arguments: &Arguments<'_>, n: usize) -> Option<Arc<str>> {
        match self.constant_argument(arguments, n, Type::String, Value::string(""))? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    fn share_argument(
        &mut self,
        arguments: &Arguments<'_>,
        n: usize,
        default: f64,
        within: std::ops::RangeInclusive<f64>,
    ) -> Option<f64> {
        let Value::Real(share) = self.constant_argument(arguments, n, Type::Real, Value::Real(default))? else {
            return None;
        };
        if !within.contains(&share) {
            let what = arguments.function.parameter(n).map_or("", |p| p.name);
            let place = arguments.get(n).map_or(arguments.place, |e| e.range);
            self.error("KQL187", place, format!("`{what}` lies between {} and {}", within.start(), within.end()));
            return None;
        }
        Some(share)
    }

    /// A number of columns or words, at least one.
    fn most_argument(&mut self, arguments: &Arguments<'_>, n: usize, default: usize) -> Option<usize> {
        let Some(e) = arguments.get(n) else { return Some(default) };
        let Value::Long(most) = self.constant_argument(arguments, n, Type::Long, Value::Long(1))? else { return None };
        let most = usize::try_from(most).ok().filter(|n| *n > 0);
        if most.is_none() {
            let what = arguments.function.parameter(n).map_or("", |p| p.name);
            self.error("KQL187", e.range, format!("`{what}` must be more than 0"));
        }
        most
    }

    /// `reduce kind=source by text with threshold=0.1, characters="-_"`
    pub(in super::super) fn reduce(
        &mut self,
        input: &Table,
        by: &NamedExpr,
        properties: &[Property],
        place: TextRange,
    ) -> Table {
        let mut row = self.row(input, "reduce");
        let text = self.expr(&by.value, &mut row);
        let (mut threshold, mut separators, mut keep_rows) = (0.1, None, false);
        for property in properties {
            match &*property.name.text {
                "kind" => {
                    keep_rows = matches!(&property.value.kind, ExprKind::Name(n) if &*n.text == "source");
                    if !keep_rows {
                        let message = "the only kind of `reduce` is source";
                        self.error("KQL184", property.value.range, message);
                    }
                }
                "threshold" => {
                    let value = self.constant(&property.value, "threshold");
                    let real = value.map(|v| self.cast(Expr::literal(v), Type::Real));
                    match real.as_ref().and_then(Expr::as_literal) {
                        Some(Value::Real(share)) if (0.0..=1.0).contains(share) => threshold = *share,
                        _ if self.is_pending() => {}
                        _ => self.error("KQL187", property.value.range, "`threshold` lies between 0 and 1"),
                    }
                }
                "characters" => {
                    if let Some(Value::String(list)) = self.constant(&property.value, "characters") {
                        separators = Some(list);
                    }
                }
                // Hints.
                _ => {}
            }
        }
        if is_poison(&text) || (keep_rows && input.open) {
            return self.unknown_table();
        }
        let text = self.cast(text, Type::String);
        let (columns, schema) = if keep_rows {
            let mut names = Names::of(input.schema());
            let pattern = Column { name: names.free("Pattern"), ty: Type::String };
            let schema = input.schema().iter().cloned().chain([pattern]).collect();
            (every(input).into_iter().chain([text]).collect(), schema)
        } else {
            let schema = Schema(vec![
                Column::new("Pattern", Type::String),
                Column::new("Count", Type::Long),
                Column::new("Representative", Type::String),
            ]);
            (vec![text], schema)
        };
        let plugin = Plugin::Reduce { threshold, separators, keep_rows };
        let table = Self::plugin_over(input, columns, plugin, schema);
        self.node(table.serialized(false), place)
    }

    fn patterns(
        &mut self,
        input: &Table,
        arguments: &Arguments<'_>,
        weight_at: Option<usize>,
        wildcards_from: usize,
        mining: Mining,
        split: Option<usize>,
    ) -> Option<Table> {
        if input.open {
            return None;
        }
        let mut row = self.row(input, "evaluate");
        let weight = match weight_at.and_then(|n| arguments.get(n)) {
            None => None,
            Some(e) => {
                let at = self.column_argument(e, arguments, &mut row)?;
                let ty = input.schema().0[at].ty;
                if !ty.is_numeric() {
                    self.error("KQL120", e.range, format!("a weight is a number, not {ty}"));
                    return None;
                }
                Some(at)
            }
        };
        let mut wildcards = Vec::new();
        for e in arguments.rest(wildcards_from) {
            wildcards.push(self.constant(e, "a wildcard")?);
        }
        let kept: Vec<usize> =
            (0..input.schema().len()).filter(|at| Some(*at) != weight && Some(*at) != split).collect();
        let source = input.schema();
        let mut columns: Vec<Expr> = kept.iter().map(|at| Expr::column(*at, source.0[*at].ty)).collect();
        columns.extend(weight.map(|at| Expr::column(at, source.0[at].ty)));
        if let Some(at) = split {
            let value = Expr::column(at, source.0[at].ty);
            columns.push(self.cast(value, Type::String));
        }
        let counts: &[(&str, Type)] = if split.is_some() {
            &[
                ("CountA", Type::Long),
                ("CountB", Type::Long),
                ("PercentA", Type::Real),
                ("PercentB", Type::Real),
                ("PercentDiffAB", Type::Real),
            ]
        } else {
            &[("Count", Type::Long), ("Percent", Type::Real)]
        };
        let mut schema = vec![Column::new("SegmentId", Type::Long)];
        schema.extend(counts.iter().map(|(name, ty)| Column::new(*name, *ty)));
        schema.extend(kept.iter().map(|at| source.0[*at].clone()));
        let plugin = Plugin::Patterns(Patterns { mining, weighted: weight.is_some(), wildcards });
        Some(Self::plugin_over(input, columns, plugin, Schema(schema)))
    }

    /// `diffpatterns_text(text, condition, least tokens, threshold, most tokens)`
    pub(super) fn diffpatterns_text(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Table> {
        let mut row = self.row(input, "evaluate");
        let text = self.column_argument(arguments.get(0)?, arguments, &mut row)?;
        let text = self.cast(Expr::column(text, input.schema().0[text].ty), Type::String);
        let condition = self.predicate(arguments.get(1)?, &mut row);
        if is_poison(&condition) {
            return None;
        }
        let least = self.most_argument(arguments, 2, 1)?;
        let threshold = self.share_argument(arguments, 3, 0.05, 0.015..=1.0)?;
        let most = self.most_argument(arguments, 4, 20)?;
        let schema = Schema(vec![
            Column::new("Count_of_True", Type::Long),
            Column::new("Count_of_False", Type::Long),
            Column::new("Percent_of_True", Type::Real),
            Column::new("Percent_of_False", Type::Real),
            Column::new("Pattern", Type::String),
        ]);
        Some(Self::plugin_over(input, vec![text, condition], Plugin::DifferentTexts { least, threshold, most }, schema))
    }
}
