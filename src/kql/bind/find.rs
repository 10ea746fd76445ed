//! `find`: the rows of several tables for which a predicate holds, with the columns that matter and the rest in a bag.

use std::sync::Arc;

use super::Binder;
use super::name::Names;
use super::scope::Table;
use super::search::Over;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions;
use crate::kql::plan::{Expr, Op, Rel};
use crate::kql::syntax::{self, ColumnPattern, ExprKind, Find, FindColumn, Name, NameRole, Node};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// The bag of what has no column of its own.
const PACK: &str = "pack_";

/// A column of the result: whose it is in a table, and what it becomes.
struct Wanted {
    source: Arc<str>,
    /// The type that a table's column must have; `None`: it is converted.
    exact: Option<Type>,
    name: Arc<str>,
    ty: Type,
}

impl Binder<'_> {
    pub(super) fn find(&mut self, input: Option<&Table>, find: &Find, place: TextRange) -> Table {
        if input.is_some() {
            self.report(
                Diagnostic::error("KQL162", place, "`find` begins a query: it looks in the tables that it names")
                    .with_help("in what comes before it look with `search` or `where`"),
            );
        }
        let tables = self.tables_of(&find.tables, place);
        let mut filtered = self.filtered(&tables, &find.predicate, Over::Terms, "find");
        for (n, table) in filtered.iter_mut().enumerate() {
            table.name.get_or_insert_with(|| format!("find_arg{n}").into());
        }
        // A table that has none of the columns that the predicate speaks of is left out.
        let named = names_in(&find.predicate);
        if filtered.len() > 1 && !speaks_of_all(&find.predicate) {
            let read = |t: &Table| t.open || named.iter().any(|n| t.schema().position(n).is_some());
            if filtered.iter().any(read) {
                filtered.retain(read);
            }
        }
        let (wanted, pack) = match &find.project {
            None => smart(&filtered, &named),
            Some(columns) => self.projected_find(&filtered, columns),
        };
        let source = find.source_column.as_ref().map_or("source_".into(), |n| Arc::clone(&n.text));
        self.found(&filtered, &source, wanted, pack, find, place)
    }

    /// `project a, b: string, pack_all()`.
    fn projected_find(&mut self, tables: &[Table], columns: &[FindColumn]) -> (Vec<Wanted>, bool) {
        let (mut wanted, mut pack) = (Vec::new(), false);
        for column in columns {
            let FindColumn::Column { name, ty } = column else {
                pack = true;
                continue;
            };
            let types = types_of(tables, &name.text);
            let given = match (types.as_slice(), ty) {
                (_, Some(ty)) => *ty,
                ([one], None) => *one,
                ([], None) if tables.iter().any(|t| t.open) => Type::Dynamic,
                ([], None) => {
                    let schema = tables.iter().flat_map(|t| t.schema().iter().cloned()).collect();
                    self.unknown_column(name, &schema);
                    continue;
                }
                ([first, ..], None) => {
                    let message = format!("`{}` has another type in another table", name.text);
                    self.report(
                        Diagnostic::error("KQL163", name.range, message)
                            .with_help(format!("say which: project {}: {first}", name.text)),
                    );
                    continue;
                }
            };
            wanted.push(Wanted {
                source: Arc::clone(&name.text),
                exact: None,
                name: Arc::clone(&name.text),
                ty: given,
            });
        }
        (wanted, pack)
    }

    /// One table of the rows found: the source, the columns, the bag.
    fn found(
        &mut self,
        tables: &[Table],
        source: &Arc<str>,
        mut wanted: Vec<Wanted>,
        mut pack: bool,
        find: &Find,
        place: TextRange,
    ) -> Table {
        // The bag holds what is not shown otherwise, also of a column that is taken away again.
        let shown: Vec<Arc<str>> = wanted.iter().map(|w| Arc::clone(&w.source)).collect();
        let away = |name: &str| find.project_away.iter().any(|p: &ColumnPattern| p.matches(name));
        wanted.retain(|w| !away(&w.name));
        pack &= find.project.is_some() || !away(PACK);
        let mut names = Names::default();
        let mut schema = vec![Column { name: names.free(source), ty: Type::String }];
        schema.extend(wanted.iter().map(|w| Column { name: names.free(&w.name), ty: w.ty }));
        if pack {
            schema.push(Column { name: names.free(PACK), ty: Type::Dynamic });
        }
        let schema = Schema(schema);
        let mut inputs = Vec::with_capacity(tables.len());
        for table in tables {
            let mut exprs = vec![Expr::literal(Value::String(table.name.clone().unwrap_or_else(|| "".into())))];
            for column in &wanted {
                let at = table.schema().position(&column.source);
                exprs.push(match at.map(|at| Expr::column(at, table.schema().0[at].ty)) {
                    Some(e) if column.exact.is_none_or(|ty| ty == e.ty) => self.cast(e, column.ty),
                    _ => Expr::literal(Value::null(column.ty)),
                });
            }
            if pack {
                exprs.push(self.packed(table, &shown));
            }
            inputs.push(Rel::new(Op::Project { input: Arc::clone(&table.rel), columns: exprs }, schema.clone()));
        }
        let mut found = Table::new(Rel::new(Op::Union { inputs }, schema));
        found.depth = tables.iter().map(|t| t.depth).max().unwrap_or(0) + 2;
        found.open = tables.iter().any(|t| t.open) && find.project.is_none();
        self.node(found, place)
    }

    /// A bag of a table's other columns.
    fn packed(&mut self, table: &Table, shown: &[Arc<str>]) -> Expr {
        let mut args = Vec::new();
        for (n, column) in table.schema().iter().enumerate().filter(|(_, c)| !shown.contains(&c.name)) {
            args.push(Expr::literal(Value::String(Arc::clone(&column.name))));
            args.push(Expr::column(n, column.ty));
        }
        match functions::scalar("bag_pack") {
            Some(pack) if !args.is_empty() => self.call(pack, args, Type::Dynamic),
            _ => Expr::literal(Value::Dynamic("{}".into())),
        }
    }
}

/// `project-smart`: the columns that all tables have, then those that the predicate names; a bag where a table has more.
fn smart(tables: &[Table], named: &[Arc<str>]) -> (Vec<Wanted>, bool) {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut add = |name: &Arc<str>, ty: Type, several: bool| {
        if !wanted.iter().any(|w| w.source == *name && w.ty == ty) {
            let shown = if several { format!("{name}_{ty}").into() } else { Arc::clone(name) };
            wanted.push(Wanted { source: Arc::clone(name), exact: Some(ty), name: shown, ty });
        }
    };
    for column in tables.first().into_iter().flat_map(Table::schema) {
        if tables.iter().all(|t| t.schema().iter().any(|c| c == column)) {
            add(&column.name, column.ty, false);
        }
    }
    for name in named {
        let types = types_of(tables, name);
        for ty in &types {
            add(name, *ty, types.len() > 1);
        }
    }
    let more = tables.iter().any(|t| t.schema().iter().any(|c| !wanted.iter().any(|w| w.source == c.name)));
    (wanted, more)
}

/// The types that a column has in the tables, in order of appearance.
fn types_of(tables: &[Table], name: &str) -> Vec<Type> {
    let mut types = Vec::new();
    for column in tables.iter().flat_map(Table::schema).filter(|c| &*c.name == name) {
        if !types.contains(&column.ty) {
            types.push(column.ty);
        }
    }
    types
}

/// The names that a predicate uses.
fn names_in(predicate: &syntax::Expr) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    syntax::walk_expr(predicate, &mut |node| {
        if let Node::Name(Name { text, .. }, NameRole::Use) = node
            && !names.contains(text)
        {
            names.push(Arc::clone(text));
        }
    });
    names
}

/// Does a predicate look into every column: by `*`, or by a text alone?
fn speaks_of_all(e: &syntax::Expr) -> bool {
    match &e.kind {
        ExprKind::Paren(inner) => speaks_of_all(inner),
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.iter().any(speaks_of_all),
        ExprKind::Call(call) if &*call.name.text == "not" => call.arguments.iter().any(|a| speaks_of_all(&a.value)),
        ExprKind::Star | ExprKind::Literal(Value::String(_)) | ExprKind::Hidden(_) => true,
        _ => super::search::has_star(e),
    }
}
