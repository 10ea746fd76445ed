//! `scan`: steps over rows in order.

use std::sync::Arc;

use super::scope::{Binding, Row, Table};
use super::{Binder, fold};
use crate::base::suggest::nearest;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Expr, Op, Rel, Sequence, SequenceStep, StepOutput};
use crate::kql::syntax::{self, Name, PathStep, PathStepKind, Scan, ScanOutput};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

impl Binder<'_> {
    pub(super) fn scan_steps(&mut self, input: &Table, scan: &Scan, place: TextRange) -> Table {
        let sorted;
        let mut input = input;
        if !scan.order.is_empty() {
            sorted = self.sort(input, &scan.order, None, "scan", place);
            input = &sorted;
        }
        if !input.serialized && !input.open {
            self.report(
                Diagnostic::error("KQL138", place, "`scan` needs rows in an order")
                    .with_help("put `| sort by …` or `| serialize` before"),
            );
        }
        let mut row = self.row(input, "scan");
        let partition: Vec<Expr> = scan.partition.iter().map(|e| self.expr(e, &mut row)).collect();
        let (declared, columns) = self.scan_columns(input, scan);
        let names = self.names.len();
        for (column, default) in columns.iter().zip(&declared) {
            let expr = Expr::literal(default.clone());
            self.names.push((Arc::clone(&column.name), Binding::Scalar { expr, row: 0 }));
        }
        let mut known = input.schema().0.clone();
        let mut steps: Vec<SequenceStep> = Vec::with_capacity(scan.steps.len());
        for step in &scan.steps {
            if steps.iter().any(|s| s.name == step.name.text) {
                let message = format!("two steps are called `{}`", step.name.text);
                self.error("KQL166", step.name.range, message);
            }
            if step.optional {
                self.report(
                    Diagnostic::error("KQL166", step.name.range, "an optional step does not run here")
                        .with_help("what it does is not documented: write two scans, or a step with `output=none`"),
                );
            }
            // What a step remembers is read under a name that no query can write.
            let remembered = input.schema().iter().chain(&columns);
            known.extend(remembered.map(|c| Column::new(hidden(&step.name.text, &c.name), c.ty)));
            let rel = Rel::new(Op::Values { rows: Arc::new(Vec::new()) }, Schema(known.clone()));
            let mut seen = Table::new(rel);
            seen.open = input.open;
            let mut row = self.row(&seen, "scan");
            let condition = self.predicate(&step.condition, &mut row);
            let assignments = self.assignments(step, &columns, &mut row);
            let output = match step.output {
                None | Some(ScanOutput::All) => StepOutput::All,
                Some(ScanOutput::Last) => StepOutput::Last,
                Some(ScanOutput::None) => StepOutput::None,
            };
            steps.push(SequenceStep { name: Arc::clone(&step.name.text), condition, assignments, output });
        }
        self.names.truncate(names);
        let mut schema = input.schema().0.clone();
        schema.extend(columns);
        if let Some(name) = &scan.match_id {
            if schema.iter().any(|c| c.name == name.text) {
                self.error("KQL142", name.range, format!("a column is called `{}` already", name.text));
            }
            schema.push(Column { name: Arc::clone(&name.text), ty: Type::Long });
        }
        let sequence = Arc::new(Sequence { partition, declared, steps, match_id: scan.match_id.is_some() });
        let rel = Rel::new(Op::Sequence { input: Arc::clone(&input.rel), sequence }, Schema(schema));
        self.node(input.with(rel), place)
    }

    /// The declared columns and their defaults.
    fn scan_columns(&mut self, input: &Table, scan: &Scan) -> (Vec<Value>, Vec<Column>) {
        let (mut declared, mut columns) = (Vec::new(), Vec::<Column>::new());
        for variable in &scan.declare {
            let name = &variable.name;
            if columns.iter().chain(input.schema()).any(|c| c.name == name.text) {
                self.report(
                    Diagnostic::error("KQL142", name.range, format!("a column is called `{}` already", name.text))
                        .with_help("declare it under another name"),
                );
            }
            let default = variable.default.as_ref().and_then(|e| {
                let value = self.constant(e, "the default of a declared column")?;
                let converted = fold::convert(&value, variable.ty);
                if converted.is_none() {
                    let message = format!("the default of `{}` is {}, not {}", name.text, value.ty(), variable.ty);
                    self.error("KQL120", e.range, message);
                }
                converted
            });
            declared.push(default.unwrap_or_else(|| Value::null(variable.ty)));
            columns.push(Column { name: Arc::clone(&name.text), ty: variable.ty });
        }
        (declared, columns)
    }

    fn assignments(&mut self, step: &syntax::ScanStep, columns: &[Column], row: &mut Row) -> Vec<(usize, Expr)> {
        let mut assignments: Vec<(usize, Expr)> = Vec::with_capacity(step.assignments.len());
        for (name, value) in &step.assignments {
            let expr = self.expr(value, row);
            let Some(at) = columns.iter().position(|c| c.name == name.text) else {
                let help = match nearest(&name.text, columns.iter().map(|c| &*c.name)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("declare it: scan declare ({}: {}) with (…)", name.text, expr.ty),
                };
                self.report(
                    Diagnostic::error("KQL166", name.range, format!("`{}` is not declared", name.text)).with_help(help),
                );
                continue;
            };
            if assignments.iter().any(|(n, _)| *n == at) {
                let message = format!("`{}` is written twice in one step", name.text);
                self.error("KQL142", name.range, message);
                continue;
            }
            let expr = self.implicit(expr, columns[at].ty, value.range, &format!("`{}`", name.text));
            assignments.push((at, expr));
        }
        assignments
    }

    /// `step.column` in a `scan`, and the steps of the path behind it.
    pub(super) fn remembered<'p>(
        &mut self,
        step: &Name,
        steps: &'p [PathStep],
        row: &Row,
    ) -> Option<(Expr, &'p [PathStep])> {
        let (PathStep { kind: PathStepKind::Member(column), .. }, rest) = steps.split_first()? else { return None };
        let prefix = hidden(&step.text, "");
        let schema = row.schema();
        if !schema.iter().any(|c| c.name.starts_with(&prefix)) {
            return None;
        }
        let expr = match schema.position(&hidden(&step.text, &column.text)) {
            Some(at) => Expr::column(at, schema.0[at].ty),
            None if row.table.open => self.poison(),
            None => {
                let own = |c: &Column| c.name.strip_prefix(&prefix).map(|name| Column::new(name, c.ty));
                let columns = schema.iter().filter_map(own).collect();
                self.unknown_column(column, &columns)
            }
        };
        Some((expr, rest))
    }
}

/// No name in a text can hold a control character.
fn hidden(step: &str, column: &str) -> String {
    format!("\u{1}{step}.{column}")
}
