//! Tables whose rows stand in the query itself: `print`, `range`, `datatable`.

use std::sync::Arc;

use super::expression::reads;
use super::name::{Names, schema_of};
use super::scope::Table;
use super::{Binder, fold, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Op, Rel};
use crate::kql::syntax::{self, ColumnDecl, NamedExpr, RangeSource};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

impl Binder<'_> {
    pub(super) fn print(&mut self, columns: &[NamedExpr]) -> Table {
        let unit = Table::new(Rel::new(Op::Values { rows: Arc::new(vec![Vec::new()]) }, Schema::default()));
        let mut row = self.row(&unit, "print");
        let mut free = Names::default();
        let (mut names, mut exprs) = (Vec::new(), Vec::new());
        for (n, column) in columns.iter().enumerate() {
            for (name, own, expr) in self.column_items(column, false, &mut row) {
                names.push(match (name, own) {
                    (Some(_), _) if column.names.len() == 1 => self.column_name(column, &mut free),
                    (Some(name), _) => free.free(&name.text),
                    (None, Some(own)) => free.free(&own),
                    (None, None) => free.free(&format!("print_{n}")),
                });
                exprs.push(expr);
            }
        }
        let schema = schema_of(&names, &exprs);
        let constants: Option<Vec<Value>> = exprs.iter().map(|e| e.as_literal().cloned()).collect();
        match constants {
            Some(values) => Table::new(Rel::new(Op::Values { rows: Arc::new(vec![values]) }, schema)),
            None => unit.with(Rel::new(Op::Project { input: Arc::clone(&unit.rel), columns: exprs }, schema)),
        }
    }

    pub(super) fn range(&mut self, range: &RangeSource, place: TextRange) -> Table {
        let from = self.constant(&range.from, "the start of a range");
        let to = self.constant(&range.to, "the end of a range");
        let step = self.constant(&range.step, "the step of a range");
        let (Some(from), Some(to), Some(step)) = (from, to, step) else { return Self::pending_range(range) };
        let ty = match (from.ty(), to.ty()) {
            (Type::Int, Type::Int) => Some(Type::Long),
            (a, b) if a == b => Some(a),
            (a, b) => super::convert::wider(a, b),
        };
        let ty = match (ty, step.ty()) {
            (Some(ty @ (Type::DateTime | Type::TimeSpan)), Type::TimeSpan) => Some((ty, Type::TimeSpan)),
            (Some(ty), step) => {
                super::convert::wider(ty, step).map(|w| if w == Type::Int { (Type::Long, Type::Long) } else { (w, w) })
            }
            _ => None,
        };
        let Some((ty, step_ty)) = ty else {
            let message = format!("no range goes from {} to {} by {}", from.ty(), to.ty(), step.ty());
            self.report(
                Diagnostic::error("KQL150", place, message).with_help("numbers by a number, times by a timespan"),
            );
            return self.unknown_table();
        };
        let (Some(from), Some(to), Some(step)) =
            (fold::convert(&from, ty), fold::convert(&to, ty), fold::convert(&step, step_ty))
        else {
            return Self::pending_range(range);
        };
        let zero = match &step {
            Value::Long(n) | Value::TimeSpan(n) => *n == 0,
            Value::Real(x) => *x == 0.0,
            _ => false,
        };
        if zero {
            self.report(Diagnostic::error("KQL150", range.step.range, "the step of a range cannot be 0"));
            return self.unknown_table();
        }
        let schema = Schema(vec![Column { name: Arc::clone(&range.column.text), ty }]);
        Table::new(Rel::new(Op::Range { from, to, step }, schema)).serialized(true)
    }

    /// A range whose bounds are still to be fetched, or are wrong.
    fn pending_range(range: &RangeSource) -> Table {
        let schema = Schema(vec![Column { name: Arc::clone(&range.column.text), ty: Type::Long }]);
        Table::new(Rel::new(Op::Values { rows: Arc::new(Vec::new()) }, schema)).serialized(true)
    }

    pub(super) fn datatable(&mut self, columns: &[ColumnDecl], values: &[syntax::Expr], place: TextRange) -> Table {
        let schema: Schema = columns.iter().map(|c| Column { name: Arc::clone(&c.name.text), ty: c.ty }).collect();
        let width = schema.len();
        for (n, column) in columns.iter().enumerate() {
            if columns[..n].iter().any(|c| c.name.text == column.name.text) {
                let message = format!("a column is called `{}` already", column.name.text);
                self.report(Diagnostic::error("KQL142", column.range, message).with_help("give it another name"));
            }
        }
        if width == 0 || !values.len().is_multiple_of(width) {
            let message = format!("{} values do not fill rows of {width} columns", values.len());
            self.error("KQL151", place, message);
        }
        let mut cells = Vec::with_capacity(values.len());
        let mut row = self.no_row("datatable");
        for (n, e) in values.iter().enumerate() {
            let ty = schema.0.get(n % width.max(1)).map_or(Type::Dynamic, |c| c.ty);
            // Literals need no more than a look; a table may hold very many.
            if let Some(value) = e.as_literal().and_then(|v| fold::convert(v, ty)) {
                cells.push(value);
                continue;
            }
            let expr = self.expr(e, &mut row);
            let value = self.cast(expr, ty);
            let value = match value.as_literal() {
                Some(value) => Some(value.clone()),
                None if is_poison(&value) || reads(&value) => None,
                None => self.context.evaluate.and_then(|f| f(&value)),
            };
            cells.push(if let Some(value) = value {
                value
            } else {
                if !self.is_pending() {
                    self.error("KQL132", e.range, format!("a cell must be a constant of type {ty}"));
                }
                Value::null(ty)
            });
        }
        let rows = cells.chunks_exact(width.max(1)).map(<[Value]>::to_vec).collect();
        Table::new(Rel::new(Op::Values { rows: Arc::new(rows) }, schema))
    }
}
