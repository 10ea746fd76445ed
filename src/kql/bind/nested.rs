//! `top-nested`: levels of keys, each with what its keys are compared by.

use std::sync::Arc;

use super::name::Names;
use super::scope::{Aggregating, Table};
use super::{Binder, fold, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Op, Rel, TopLevel};
use crate::kql::syntax::{Order, TopNestedLevel};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

impl Binder<'_> {
    pub(super) fn top_nested(&mut self, input: &Table, levels: &[TopNestedLevel], place: TextRange) -> Table {
        let mut names = Names::default();
        let (mut columns, mut bound) = (Vec::with_capacity(levels.len() * 2), Vec::with_capacity(levels.len()));
        for level in levels {
            let count = level.count.as_ref().map(|c| self.row_count(c, "the number of keys of `top-nested`"));
            let mut row = self.row(input, "top-nested");
            let key = self.expr(&level.of.value, &mut row);
            if key.ty == Type::Dynamic && !is_poison(&key) && !self.poisoned {
                let text = self.snippet(level.of.value.range);
                self.report(
                    Diagnostic::error(
                        "KQL140",
                        level.of.range,
                        format!("{text} is dynamic: rows cannot be grouped by it"),
                    )
                    .with_help(format!("take its text: tostring({})", text.trim_matches('`'))),
                );
            }
            let key_name = self.column_name(&level.of, &mut names);
            let others = level.others.as_ref().and_then(|others| {
                let value = self.constant(others, "the key of the others")?;
                let converted = fold::convert(&value, key.ty)
                    .filter(|_| value.is_null() || value.ty() == key.ty || value.ty().is_numeric());
                if converted.is_none() && !is_poison(&key) && !self.is_pending() {
                    let message = format!("the key of the others is {}, the keys are {}", value.ty(), key.ty);
                    self.report(
                        Diagnostic::error("KQL120", others.range, message)
                            .with_help(format!("give it as {0}, or make the keys text", key.ty)),
                    );
                }
                converted.or_else(|| Some(Value::null(key.ty)))
            });
            row.aggregating = Aggregating::Outside;
            let value = self.expr(&level.by.value, &mut row);
            if !is_poison(&value) && !super::expression::reads(&value) && !self.is_pending() {
                let text = self.snippet(level.by.value.range);
                self.report(
                    Diagnostic::error("KQL130", level.by.range, format!("{text} is not an aggregate"))
                        .with_help("compare keys by sum(…), count(), max(…) and their like"),
                );
            }
            let value_name = match level.by.names.first() {
                Some(name) => names.free(&name.text),
                None => names.free(&format!("aggregated_{key_name}")),
            };
            columns.push(Column { name: key_name, ty: key.ty });
            columns.push(Column { name: value_name, ty: value.ty });
            let descending = !matches!(level.order, Some(Order::Asc | Order::GrannyAsc));
            bound.push(TopLevel { key, count, others, aggregates: row.aggregates, value, descending });
        }
        let op = Op::TopNested { input: Arc::clone(&input.rel), levels: bound };
        let mut table = self.node(input.with(Rel::new(op, Schema(columns))).serialized(true), place);
        table.open = false;
        table
    }
}
