//! `union`: columns of all tables by name and type.

use std::sync::Arc;

use super::Binder;
use super::name::Names;
use super::scope::{Binding, Table};
use crate::kql::diagnostic::{Diagnostic, Severity, TextRange};
use crate::kql::plan::{Expr, Op, Rel};
use crate::kql::syntax::{self, ColumnPattern, ExprKind, PathStepKind, Union, UnionKind};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

impl Binder<'_> {
    pub(super) fn union(&mut self, input: Option<&Table>, union: &Union, place: TextRange) -> Table {
        let mut tables: Vec<Table> = input.into_iter().cloned().collect();
        for e in &union.tables {
            self.union_argument(e, union.fuzzy, &mut tables);
        }
        if tables.is_empty() {
            self.report(
                Diagnostic::error("KQL146", place, "none of the tables of this `union` is known")
                    .with_help("`isfuzzy=true` needs at least one"),
            );
            return self.unknown_table();
        }
        self.union_of(&tables, union.source_column.as_ref(), union.kind == Some(UnionKind::Inner), place)
    }

    pub(super) fn union_argument(&mut self, e: &syntax::Expr, fuzzy: bool, tables: &mut Vec<Table>) {
        if let Some(name) = wildcard(e) {
            let pattern = ColumnPattern { text: Arc::clone(&name.text), wildcard: true, range: name.range };
            let own: Vec<_> = self
                .names
                .iter()
                .filter(|(n, b)| {
                    pattern.matches(n)
                        && (matches!(b, Binding::Table(_)) || matches!(b, Binding::Function(f) if f.function.view))
                })
                .map(|(n, _)| Arc::clone(n))
                .collect();
            // A wildcard means tables; the views are the same rows once more, and count where there is no table.
            let catalog = self.context.catalog;
            let mut known: Vec<String> = catalog.names().into_iter().filter(|n| pattern.matches(n)).collect();
            if known.iter().any(|n| catalog.table(n).is_some()) {
                known.retain(|n| catalog.table(n).is_some());
            }
            let mut found = false;
            for n in known.iter().map(|n| Arc::from(n.as_str())).chain(own) {
                if !self.is_seen(&n) {
                    continue;
                }
                found = true;
                let table = self.table_named(&syntax::Name { text: n, quoted: true, range: name.range });
                tables.push(table);
            }
            if !found && self.context.catalog.is_open() {
                tables.push(self.unknown_table());
            } else if !found && !fuzzy {
                self.error("KQL113", name.range, format!("no table matches `{}`", name.text));
            }
            return;
        }
        if !fuzzy {
            let table = self.table(e);
            tables.push(table);
            return;
        }
        // A table that is not known is left out, and what was said of it with it.
        let (said, poisoned) = (self.diagnostics.len(), self.poisoned);
        let table = self.table(e);
        if self.diagnostics[said..].iter().any(|d| d.code == "KQL113") {
            self.diagnostics.truncate(said);
            self.poisoned = poisoned;
            let text = self.snippet(e.range);
            let mut note = Diagnostic::warning(
                "KQL147",
                e.range,
                format!("{text} is left out: it speaks of a table that is not known here"),
            );
            note.severity = Severity::Hint;
            self.report(note);
            return;
        }
        tables.push(table);
    }

    pub(super) fn union_of(
        &mut self,
        tables: &[Table],
        source: Option<&syntax::Name>,
        inner: bool,
        place: TextRange,
    ) -> Table {
        // (name, type) in order of appearance, and the name that the column has in the result.
        let mut columns: Vec<(Arc<str>, Type)> = Vec::new();
        for table in tables {
            for c in table.schema() {
                if !columns.iter().any(|(n, ty)| *n == c.name && *ty == c.ty) {
                    columns.push((Arc::clone(&c.name), c.ty));
                }
            }
        }
        if inner {
            columns
                .retain(|(name, ty)| tables.iter().all(|t| t.schema().iter().any(|c| c.name == *name && c.ty == *ty)));
        }
        let mut names = Names::default();
        let mut schema = Vec::with_capacity(columns.len() + 1);
        if let Some(source) = source {
            schema.push(Column { name: names.free(&source.text), ty: Type::String });
        }
        // Columns that keep their names come first to them: `x_long` that is a column's own name makes `x` of type long `x_long1`.
        let clash = |(name, ty): &(Arc<str>, Type)| columns.iter().any(|(n, other)| n == name && other != ty);
        let mut given: Vec<_> = columns.iter().map(|c| if clash(c) { None } else { Some(names.free(&c.0)) }).collect();
        for ((name, ty), given) in columns.iter().zip(&mut given) {
            let name = given.take().unwrap_or_else(|| names.free(&format!("{name}_{ty}")));
            schema.push(Column { name, ty: *ty });
        }
        let schema = Schema(schema);
        let mut inputs = Vec::with_capacity(tables.len());
        for (n, table) in tables.iter().enumerate() {
            let mut exprs = Vec::with_capacity(schema.len());
            if source.is_some() {
                let name = table.name.clone().unwrap_or_else(|| format!("union_arg{n}").into());
                exprs.push(Expr::literal(Value::String(name)));
            }
            for (name, ty) in &columns {
                let at = table.schema().iter().position(|c| c.name == *name && c.ty == *ty);
                exprs.push(at.map_or_else(|| Expr::literal(Value::null(*ty)), |at| Expr::column(at, *ty)));
            }
            inputs.push(Rel::new(Op::Project { input: Arc::clone(&table.rel), columns: exprs }, schema.clone()));
        }
        let mut table = Table::new(Rel::new(Op::Union { inputs }, schema));
        table.depth = tables.iter().map(|t| t.depth).max().unwrap_or(0) + 2;
        table.open = tables.iter().any(|t| t.open);
        table.serialized = table.open;
        self.node(table, place)
    }
}

/// The pattern of names that an argument is: `Sign*`, `database("d").Sign*`. The database does not count here.
fn wildcard(e: &syntax::Expr) -> Option<&syntax::Name> {
    match &e.inner().kind {
        ExprKind::Wildcard(name) => Some(name),
        ExprKind::Path { steps, .. } => match &steps.last()?.kind {
            PathStepKind::Member(name) if !name.quoted && name.text.contains('*') => Some(name),
            _ => None,
        },
        _ => None,
    }
}
