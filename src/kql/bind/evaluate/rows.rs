//! Plugins that give rows or cells of their input: `narrow`, `rows_near`, `schema_merge`.

use super::super::scope::Table;
use super::super::{Binder, is_poison};
use super::Arguments;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Expr, Plugin};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

impl Binder<'_> {
    pub(super) fn narrow(input: &Table) -> Option<Table> {
        if input.open {
            return None;
        }
        let schema = Schema(vec![
            Column::new("Row", Type::Long),
            Column::new("Column", Type::String),
            Column::new("Value", Type::String),
        ]);
        let names = input.schema().iter().map(|c| c.name.clone()).collect();
        Some(Self::plugin_over(input, every(input), Plugin::Narrow { names }, schema))
    }

    pub(super) fn rows_near(&mut self, input: &Table, arguments: &Arguments<'_>, place: TextRange) -> Option<Table> {
        if !input.serialized {
            let message = "`rows_near` needs rows in an order";
            let help = "sort them first: | sort by … asc | evaluate rows_near(…)";
            self.report(Diagnostic::error("KQL138", place, message).with_help(help));
            return None;
        }
        let mut row = self.row(input, "evaluate");
        let condition = self.predicate(arguments.get(0)?, &mut row);
        let before = self.count_argument(arguments, 1, None);
        let after = self.count_argument(arguments, 2, before);
        let (Some(before), Some(after), false) = (before, after, is_poison(&condition)) else { return None };
        let mut columns = every(input);
        columns.push(condition);
        let mut near = Self::plugin_over(input, columns, Plugin::RowsNear { before, after }, input.schema().clone());
        near.open = input.open;
        Some(near)
    }

    /// The first rows, and beside them the number of all.
    pub(super) fn preview(&mut self, input: &Table, arguments: &Arguments<'_>, place: TextRange) -> Table {
        let Some(count) = self.count_argument(arguments, 0, None) else { return self.unknown_table() };
        let input = self.share(input);
        let mut first = self.take(&input, count, place);
        let all = self.count_rows(&input, "Count", place);
        first.results = vec![("PrimaryResult".into(), first.clone()), ("Table_1".into(), all)];
        first
    }

    /// A number of rows; the default where none is given.
    fn count_argument(&mut self, arguments: &Arguments<'_>, n: usize, default: Option<u64>) -> Option<u64> {
        let Some(e) = arguments.get(n) else { return default };
        let Value::Long(count) = self.constant_argument(arguments, n, Type::Long, Value::Long(0))? else { return None };
        let count = u64::try_from(count).ok();
        if count.is_none() {
            self.error("KQL187", e.range, "a number of rows cannot be negative");
        }
        count
    }

    pub(super) fn schema_merge(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Table> {
        let Value::Bool(keep_order) = self.constant_argument(arguments, 0, Type::Bool, Value::Bool(true))? else {
            return None;
        };
        let mut columns = Vec::new();
        for (name, ty) in [("ColumnName", Type::String), ("ColumnOrdinal", Type::Long), ("ColumnType", Type::String)] {
            let Some(at) = input.schema().position(name) else {
                if !input.open {
                    let message = format!("`schema_merge` takes what `getschema` gives, and there is no `{name}`");
                    let help = "union (A | getschema), (B | getschema) | evaluate schema_merge()";
                    self.report(Diagnostic::error("KQL110", arguments.place, message).with_help(help));
                }
                return None;
            };
            let column = Expr::column(at, input.schema().0[at].ty);
            columns.push(self.cast(column, ty));
        }
        let schema = Schema(vec![
            Column::new("ColumnName", Type::String),
            Column::new("ColumnOrdinal", Type::Int),
            Column::new("DataType", Type::String),
            Column::new("ColumnType", Type::String),
        ]);
        Some(Self::plugin_over(input, columns, Plugin::SchemaMerge { keep_order }, schema))
    }
}

/// Every column of a table.
pub(super) fn every(input: &Table) -> Vec<Expr> {
    input.schema().iter().enumerate().map(|(n, c)| Expr::column(n, c.ty)).collect()
}
