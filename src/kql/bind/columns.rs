//! Operators that work row by row or put rows in order: `where`, `extend`, `project` and its kin, `serialize`, `sort`, `top`, `take`.

use std::sync::Arc;

use super::name::{Names, schema_of};
use super::scope::{Row, Table};
use super::{Binder, is_poison};
use crate::base::suggest::nearest;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Expr, Op, Rel, SortKey};
use crate::kql::syntax::{self, ColumnPattern, ExprKind, NamedExpr, Nulls, Order, Rename, ReorderColumn};
use crate::kql::types::{Column, Schema, Type};

impl Binder<'_> {
    pub(super) fn filter(&mut self, input: &Table, predicate: &syntax::Expr, place: TextRange) -> Table {
        let mut row = self.row(input, "where");
        row.windows = Some(Vec::new());
        let predicate = if super::search::has_star(predicate) {
            self.over_columns(predicate, &mut row, super::search::Over::Stars)
        } else {
            self.predicate(predicate, &mut row)
        };
        if is_poison(&predicate) {
            return input.clone();
        }
        let below = Self::windows(input, &mut row);
        let schema = below.schema().clone();
        let rel = Rel::new(Op::Filter { input: Arc::clone(&below.rel), predicate }, schema);
        let filtered = below.with(rel);
        // Window columns are gone above.
        let filtered = Self::only(filtered, input.schema().len());
        self.node(filtered, place)
    }

    /// The input, or the `Window` nodes over it that the row's expressions need.
    pub(super) fn windows(input: &Table, row: &mut Row) -> Table {
        let mut table = input.clone();
        for calls in row.windows.take().unwrap_or_default() {
            let mut columns = table.schema().0.clone();
            for call in &calls {
                columns.push(Column::new(format!("${}", columns.len()), call.ty));
            }
            let rel = Rel::new(Op::Window { input: Arc::clone(&table.rel), calls }, Schema(columns));
            table = table.with(rel);
        }
        table
    }

    /// The first columns of a table.
    fn only(table: Table, width: usize) -> Table {
        if table.schema().len() == width {
            return table;
        }
        let schema = Schema(table.schema().0[..width].to_vec());
        let columns = schema.iter().enumerate().map(|(n, c)| Expr::column(n, c.ty)).collect();
        table.with(Rel::new(Op::Project { input: Arc::clone(&table.rel), columns }, schema))
    }

    fn projected(&mut self, below: &Table, names: &[Arc<str>], columns: Vec<Expr>, place: TextRange) -> Table {
        let schema = schema_of(names, &columns);
        let rel = Rel::new(Op::Project { input: Arc::clone(&below.rel), columns }, schema);
        self.node(below.with(rel), place)
    }

    pub(super) fn extend(
        &mut self,
        input: &Table,
        extended: &[NamedExpr],
        operator: &'static str,
        place: TextRange,
    ) -> Table {
        let mut row = self.row(input, operator);
        row.windows = Some(Vec::new());
        let mut names: Vec<Arc<str>> = input.schema().iter().map(|c| Arc::clone(&c.name)).collect();
        let mut columns: Vec<Expr> = input.schema().iter().enumerate().map(|(n, c)| Expr::column(n, c.ty)).collect();
        let mut free = Names::of(input.schema());
        let mut written: Vec<Arc<str>> = Vec::new();
        for column in extended {
            if matches!(column.value.kind, ExprKind::Star) && column.names.is_empty() {
                continue;
            }
            for (name, own, expr) in self.column_items(column, false, &mut row) {
                let Some(name) = name else {
                    // A column on its own changes nothing; anything else gets a name by rule, and takes the place of a column of that name.
                    if let Some(own) = own {
                        Self::put(&mut names, &mut columns, &mut free, &own.into(), expr);
                    } else {
                        names.push(free.unnamed());
                        columns.push(expr);
                    }
                    continue;
                };
                if written.contains(&name.text) {
                    self.report(
                        Diagnostic::error(
                            "KQL142",
                            name.range,
                            format!("`{}` is written twice in one `{operator}`", name.text),
                        )
                        .with_help("use two: | extend … | extend …"),
                    );
                    continue;
                }
                written.push(Arc::clone(&name.text));
                Self::put(&mut names, &mut columns, &mut free, &name.text, expr);
            }
        }
        let below = Self::windows(input, &mut row);
        self.projected(&below, &names, columns, place)
    }

    /// A column keeps its place when it is written again.
    fn put(names: &mut Vec<Arc<str>>, columns: &mut Vec<Expr>, free: &mut Names, name: &Arc<str>, expr: Expr) {
        if let Some(at) = names.iter().position(|n| n == name) {
            columns[at] = expr;
        } else {
            free.take(name);
            names.push(Arc::clone(name));
            columns.push(expr);
        }
    }

    pub(super) fn project(&mut self, input: &Table, projected: &[NamedExpr], place: TextRange) -> Table {
        let mut row = self.row(input, "project");
        row.windows = Some(Vec::new());
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        let mut free = Names::default();
        for column in projected {
            if matches!(column.value.kind, ExprKind::Star) {
                for (n, c) in input.schema().iter().enumerate() {
                    names.push(free.free(&c.name));
                    columns.push(Expr::column(n, c.ty));
                }
                continue;
            }
            let rest = column.names.len() > 1;
            for (name, own, expr) in self.column_items(column, rest, &mut row) {
                names.push(match (name, own) {
                    (Some(_), _) if !rest => self.column_name(column, &mut free),
                    (Some(name), _) => free.free(&name.text),
                    (None, Some(_)) if column.value.as_name().is_some() => self.column_name(column, &mut free),
                    (None, Some(own)) => free.free(&own),
                    (None, None) => free.unnamed(),
                });
                columns.push(expr);
            }
        }
        let below = Self::windows(input, &mut row);
        let mut table = self.projected(&below, &names, columns, place);
        table.open = false;
        table
    }

    /// `project-away` and `project-keep`.
    pub(super) fn project_by_pattern(
        &mut self,
        input: &Table,
        patterns: &[ColumnPattern],
        keep: bool,
        place: TextRange,
    ) -> Table {
        self.check_patterns(input, patterns.iter());
        let kept = |name: &str| patterns.iter().any(|p| p.matches(name)) == keep;
        let positions: Vec<_> = (0..input.schema().len()).filter(|n| kept(&input.schema().0[*n].name)).collect();
        let mut table = self.chosen(input, &positions, place);
        table.open = input.open;
        table
    }

    fn check_patterns<'p>(&mut self, input: &Table, patterns: impl Iterator<Item = &'p ColumnPattern>) {
        for pattern in patterns {
            if pattern.wildcard || input.open || input.schema().position(&pattern.text).is_some() {
                continue;
            }
            let near = nearest(&pattern.text, input.schema().iter().map(|c| &*c.name)).map(str::to_owned);
            let mut diagnostic =
                Diagnostic::error("KQL110", pattern.range, format!("no column is called `{}`", pattern.text));
            if let Some(near) = near {
                diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
            }
            self.report(diagnostic);
        }
    }

    /// Columns of the input by position.
    fn chosen(&mut self, input: &Table, positions: &[usize], place: TextRange) -> Table {
        let names: Vec<_> = positions.iter().map(|n| Arc::clone(&input.schema().0[*n].name)).collect();
        let columns = positions.iter().map(|n| Expr::column(*n, input.schema().0[*n].ty)).collect();
        self.projected(input, &names, columns, place)
    }

    pub(super) fn project_rename(&mut self, input: &Table, renames: &[Rename], place: TextRange) -> Table {
        let mut names: Vec<Arc<str>> = input.schema().iter().map(|c| Arc::clone(&c.name)).collect();
        for rename in renames {
            match input.schema().position(&rename.old.text) {
                Some(at) => names[at] = Arc::clone(&rename.new.text),
                None if input.open => {}
                None => {
                    let schema = input.schema().clone();
                    self.unknown_column(&rename.old, &schema);
                }
            }
        }
        for rename in renames {
            if names.iter().filter(|n| **n == rename.new.text).count() > 1 {
                let message = format!("a column is called `{}` already", rename.new.text);
                self.report(Diagnostic::error("KQL142", rename.new.range, message).with_help("project it away first"));
            }
        }
        let columns = input.schema().iter().enumerate().map(|(n, c)| Expr::column(n, c.ty)).collect();
        self.projected(input, &names, columns, place)
    }

    pub(super) fn project_reorder(&mut self, input: &Table, wanted: &[ReorderColumn], place: TextRange) -> Table {
        self.check_patterns(input, wanted.iter().map(|w| &w.pattern));
        let mut positions: Vec<usize> = Vec::new();
        for column in wanted {
            let mut matching: Vec<usize> = (0..input.schema().len())
                .filter(|n| !positions.contains(n) && column.pattern.matches(&input.schema().0[*n].name))
                .collect();
            let name = |n: &usize| &input.schema().0[*n].name;
            match column.order {
                Some(Order::Asc | Order::GrannyAsc) => matching.sort_by(|a, b| name(a).cmp(name(b))),
                Some(Order::Desc | Order::GrannyDesc) => matching.sort_by(|a, b| name(b).cmp(name(a))),
                None => {}
            }
            positions.extend(matching);
        }
        let rest: Vec<_> = (0..input.schema().len()).filter(|n| !positions.contains(n)).collect();
        positions.extend(rest);
        self.chosen(input, &positions, place)
    }

    pub(super) fn serialize(&mut self, input: &Table, columns: &[NamedExpr], place: TextRange) -> Table {
        let rel = Rel::new(Op::Serialize { input: Arc::clone(&input.rel) }, input.schema().clone());
        let table = self.node(input.with(rel).serialized(true), place);
        if columns.is_empty() { table } else { self.extend(&table, columns, "serialize", place) }
    }

    pub(super) fn sort(
        &mut self,
        input: &Table,
        keys: &[syntax::SortKey],
        limit: Option<u64>,
        operator: &'static str,
        place: TextRange,
    ) -> Table {
        let mut row = self.row(input, operator);
        let mut bound = Vec::with_capacity(keys.len());
        for key in keys {
            let expr = self.expr(&key.expr, &mut row);
            if is_poison(&expr) {
                continue;
            }
            if expr.ty == Type::Dynamic && !self.poisoned {
                let text = self.snippet(key.expr.range);
                self.report(
                    Diagnostic::error(
                        "KQL140",
                        key.expr.range,
                        format!("{text} is dynamic: rows cannot be sorted by it"),
                    )
                    .with_help(format!(
                        "sort by its text, tostring({0}), or its number, tolong({0})",
                        text.trim_matches('`')
                    )),
                );
                continue;
            }
            let descending = !matches!(key.order, Some(Order::Asc | Order::GrannyAsc));
            let nulls_first = key.nulls.map_or(!descending, |n| n == Nulls::First);
            bound.push(SortKey { expr, descending, nulls_first });
        }
        let rel = Rel::new(Op::Sort { input: Arc::clone(&input.rel), keys: bound, limit }, input.schema().clone());
        self.node(input.with(rel).serialized(true), place)
    }

    pub(super) fn take(&mut self, input: &Table, count: u64, place: TextRange) -> Table {
        let rel = Rel::new(Op::Take { input: Arc::clone(&input.rel), count }, input.schema().clone());
        self.node(input.with(rel), place)
    }

    /// `getschema`: the columns as rows.
    pub(super) fn getschema(&mut self, input: &Table, place: TextRange) -> Table {
        use crate::kql::value::Value;
        let rows = input.schema().iter().enumerate().map(|(n, c)| {
            vec![
                Value::String(Arc::clone(&c.name)),
                Value::Long(n as i64),
                Value::string(c.ty.clr_name()),
                Value::string(c.ty.name()),
            ]
        });
        let schema = Schema(vec![
            Column::new("ColumnName", Type::String),
            Column::new("ColumnOrdinal", Type::Long),
            Column::new("DataType", Type::String),
            Column::new("ColumnType", Type::String),
        ]);
        let mut table = Table::new(Rel::new(Op::Values { rows: Arc::new(rows.collect()) }, schema));
        table.open = false;
        self.node(table, place)
    }
}
