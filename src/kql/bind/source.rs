//! Tables: where rows come from, and the operators that follow one another.

use std::sync::Arc;

use super::call::is_call;
use super::scope::{Binding, Row, Table, Value as Found};
use super::{Binder, is_poison};
use crate::base::suggest::nearest;
use crate::kql::catalog::watchlist;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::operators;
use crate::kql::plan::{Expr, ExprKind as Bound, Op, Rel, ScanColumn};
use crate::kql::syntax::{self, Call, ExprKind, Name, Operator, OperatorKind, PathStepKind};
use crate::kql::types::{Schema, Type};
use crate::kql::value::Value;

/// What leads to tables of another place; all of them mean the tables here.
const PLACES: &[&str] = &["cluster", "database", "workspace", "app", "resource"];

/// The column that `--timespan` bounds.
const TIME: &str = "TimeGenerated";

impl Binder<'_> {
    /// A table.
    pub(super) fn table(&mut self, e: &syntax::Expr) -> Table {
        let mut row = self.no_row("a table");
        match self.value(e, &mut row) {
            Found::Table(table) => table,
            Found::Scalar(expr) => {
                if !is_poison(&expr) {
                    let text = self.snippet(e.range);
                    self.report(
                        Diagnostic::error("KQL114", e.range, format!("{text} is a value; a table is wanted here"))
                            .with_help("a table of one value is print …"),
                    );
                }
                self.unknown_table()
            }
        }
    }

    /// A scalar or a table: which it is only names and functions know.
    pub(super) fn value(&mut self, e: &syntax::Expr, row: &mut Row) -> Found {
        if !self.enter(e.range) {
            let table = self.unknown_table();
            return Found::Table(table);
        }
        let found = self.value_inside(e, row);
        self.leave();
        found
    }

    #[inline(never)]
    fn value_inside(&mut self, e: &syntax::Expr, row: &mut Row) -> Found {
        if !self.patterns.is_empty()
            && let Some(table) = self.pattern_call(e)
        {
            return Found::Table(table);
        }
        match &e.kind {
            ExprKind::Paren(inner) => self.value(inner, row),
            ExprKind::Pipe { source, operators } => Found::Table(self.pipe(source.as_deref(), operators)),
            ExprKind::Print(columns) => Found::Table(self.print(columns)),
            ExprKind::Range(range) => Found::Table(self.range(range, e.range)),
            ExprKind::DataTable { columns, values } => Found::Table(self.datatable(columns, values, e.range)),
            ExprKind::ExternalData { columns, uris, properties } => {
                Found::Table(self.external(columns, uris, properties, e.range))
            }
            ExprKind::Name(name) if self.is_table_name(name, row) => {
                let own = if self.is_seen(&name.text) { self.bare_function(name, row) } else { None };
                own.unwrap_or_else(|| Found::Table(self.table_named(name)))
            }
            ExprKind::Call(call) => match self.own_function(call, e.range, row) {
                Some(found) => found,
                None => match self.table_call(call, e.range) {
                    Some(table) => Found::Table(table),
                    None => match self.saved_function(call, e.range, row) {
                        Some(found) => found,
                        None => Found::Scalar(self.expr(e, row)),
                    },
                },
            },
            ExprKind::Path { base, steps } => match steps.last().map(|s| &s.kind) {
                // `database("x").T`, `workspace("x").T`: the table alone counts here.
                Some(PathStepKind::Member(name))
                    if is_call(base, PLACES).is_some()
                        || base.as_name().is_some_and(|n| self.aliases.contains(&n.text)) =>
                {
                    Found::Table(self.table_named(name))
                }
                // `database("x").table("T")`, `database("x").f(…)`
                Some(PathStepKind::Call(call)) if is_call(base, PLACES).is_some() => {
                    let found = match self.table_call(call, e.range) {
                        Some(table) => Some(Found::Table(table)),
                        None => self.saved_function(call, e.range, row),
                    };
                    match found {
                        Some(found) => found,
                        None => Found::Table(self.table_named(&call.name)),
                    }
                }
                Some(_) if is_call(base, &["arg"]).is_some() => {
                    self.elsewhere("arg", "in Azure Resource Graph, of the tenant's resources", base.range);
                    Found::Table(self.unknown_table())
                }
                _ => Found::Scalar(self.expr(e, row)),
            },
            ExprKind::Error => {
                let table = self.unknown_table();
                Found::Table(table)
            }
            _ => Found::Scalar(self.expr(e, row)),
        }
    }

    /// Does a bare name mean a table? A column or a scalar of that name comes first.
    pub(super) fn is_table_name(&self, name: &Name, row: &Row) -> bool {
        if row.hidden == 0 && row.schema().position(&name.text).is_some() {
            return false;
        }
        match self.names.iter().rev().find(|(n, _)| *n == name.text) {
            Some((_, Binding::Table(_))) => true,
            Some((_, Binding::Function(f))) => f.function.parameters.is_empty(),
            Some(_) => false,
            // In a row a name that is not known is a column that was meant; elsewhere a table.
            None => {
                row.id == 0
                    || self.context.catalog.table(&name.text).is_some()
                    || self.context.catalog.view(&name.text).is_some()
            }
        }
    }

    pub(super) fn table_named(&mut self, name: &Name) -> Table {
        if !self.is_seen(&name.text) {
            return self.unseen(&name.text, name.range);
        }
        if let Some((_, binding)) = self.names.iter().rev().find(|(n, _)| *n == name.text) {
            match binding {
                Binding::Table(table) => return table.clone(),
                Binding::Error => return self.unknown_table(),
                _ => {
                    let mut row = self.no_row("a table");
                    return match self.bare_function(name, &mut row) {
                        Some(Found::Table(table)) => table,
                        _ => self.not_a_table(name),
                    };
                }
            }
        }
        if let Some(schema) = self.context.catalog.table(&name.text) {
            return self.scan(&name.text, &schema);
        }
        if let Some(table) = self.view_named(name) {
            return table;
        }
        if self.context.catalog.is_open() {
            return self.unknown_table();
        }
        let known = self.context.catalog.names();
        let lets = self.names.iter().filter(|(_, b)| matches!(b, Binding::Table(_))).map(|(n, _)| &**n);
        let near = nearest(&name.text, known.iter().map(String::as_str).chain(lets)).map(str::to_owned);
        let mut diagnostic = Diagnostic::error("KQL113", name.range, format!("no table is called `{}`", name.text));
        if let Some(near) = near {
            diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic);
        self.unknown_table()
    }

    fn not_a_table(&mut self, name: &Name) -> Table {
        self.error("KQL114", name.range, format!("`{}` is a value; a table is wanted here", name.text));
        self.unknown_table()
    }

    /// Every column of a stored table, within the request's time span and window.
    fn scan(&mut self, name: &Arc<str>, schema: &Schema) -> Table {
        let columns = schema.iter().map(|c| ScanColumn::Column(Arc::clone(&c.name))).collect();
        let rel = Rel::new(Op::Scan { table: Arc::clone(name), columns, filter: Vec::new() }, schema.clone());
        let mut table = Table::new(rel);
        for (column, bounds) in [(TIME, self.context.timespan), ("timestamp", self.context.window)] {
            let position = schema.iter().position(|c| &*c.name == column && c.ty == Type::DateTime);
            let (Some((from, to)), Some(position)) = (bounds, position) else { continue };
            let bound = |function, ticks: crate::base::time::Ticks| {
                let args = vec![Expr::column(position, Type::DateTime), Expr::literal(Value::DateTime(ticks.0))];
                Expr::call(function, args, Type::Bool)
            };
            let terms = vec![bound(&operators::GREATER_EQUAL, from), bound(&operators::LESS, to)];
            let predicate = Expr { kind: Bound::And(terms), ty: Type::Bool };
            table = table.with(Rel::new(Op::Filter { input: Arc::clone(&table.rel), predicate }, schema.clone()));
        }
        table.name = Some(Arc::clone(name));
        table
    }

    /// The table, run once however often it is read. What a sub-pipeline makes of its own rows is not shared: it differs from group to group.
    pub(super) fn shared(&mut self, table: Table) -> Table {
        if table.open || table.rel.reads_given() {
            return table;
        }
        let schema = table.schema().clone();
        self.shared.push(Arc::clone(&table.rel));
        let mut shared = Table::new(Rel::new(Op::Shared(self.shared.len() - 1), schema));
        shared.serialized = table.serialized;
        shared
    }

    /// Something that runs in a service of its own.
    fn elsewhere(&mut self, name: &str, place: &str, range: TextRange) {
        if !self.context.catalog.is_open() {
            self.report(
                Diagnostic::error(
                    "KQL136",
                    range,
                    format!("`{name}` does not run in the local engine: it runs {place}"),
                )
                .with_help("import what it gives as a table of its own: vaultscope import --table NAME FILE"),
            );
        }
    }

    /// Calls that give tables and are part of the language.
    fn table_call(&mut self, call: &Call, place: TextRange) -> Option<Table> {
        let first = call.arguments.first().map(|a| &a.value);
        match &*call.name.text {
            "materialize" => {
                let table = if let Some(e) = first {
                    self.table(e)
                } else {
                    self.error("KQL112", place, "`materialize` takes one table");
                    self.unknown_table()
                };
                Some(self.shared(table))
            }
            "table" => {
                let name = first.and_then(|e| self.constant(e, "a table's name"));
                Some(match name {
                    Some(Value::String(text)) => {
                        let range = first.map_or(place, |e| e.range);
                        self.table_named(&Name { text, quoted: true, range })
                    }
                    _ => self.unknown_table(),
                })
            }
            "view" => first.map(|e| self.table(e)),
            // Without an argument: the names of the lists.
            "_GetWatchlistAlias" if call.arguments.is_empty() => Some(self.table_named(&call.name)),
            "_GetWatchlist" | "_GetWatchlistAlias" => {
                let name = first.and_then(|e| self.constant(e, "a watch-list's name"));
                Some(match name {
                    Some(Value::String(text)) => self.watchlist(&text, place),
                    _ => self.unknown_table(),
                })
            }
            _ => None,
        }
    }

    /// A watch-list is a table of the catalogue; one that is not there is empty.
    fn watchlist(&mut self, name: &str, place: TextRange) -> Table {
        let full: Arc<str> = watchlist::table(name).into();
        if let Some(schema) = self.context.catalog.table(&full) {
            return self.scan(&full, &schema);
        }
        if self.context.catalog.is_open() {
            return self.unknown_table();
        }
        let folder = self.context.catalog.watchlists().unwrap_or_else(|| "the watch-list folder".to_owned());
        self.report(
            Diagnostic::warning("KQL148", place, format!("there is no watch-list `{name}`: it counts as empty"))
                .with_help(format!("put its rows into {folder}/{name}.csv, with a column {}", watchlist::SEARCH_KEY)),
        );
        Table::new(Rel::new(Op::Values { rows: Arc::new(Vec::new()) }, watchlist::empty()))
    }

    #[inline(never)]
    fn pipe(&mut self, source: Option<&syntax::Expr>, operators: &[Operator]) -> Table {
        let mut operators = operators;
        let mut table = match (source, operators.split_first()) {
            (Some(source), _) => self.table(source),
            (None, Some((Operator { kind: OperatorKind::Union(union), word, .. }, rest))) => {
                operators = rest;
                self.union(None, union, *word)
            }
            (None, Some((Operator { kind: OperatorKind::Evaluate { call, schema, .. }, word, .. }, rest))) => {
                operators = rest;
                self.evaluate(None, call, schema.as_ref(), *word)
            }
            (None, Some((Operator { kind: OperatorKind::Search(search), word, .. }, rest))) => {
                operators = rest;
                self.search(None, search, *word)
            }
            (None, Some((Operator { kind: OperatorKind::Find(find), word, .. }, rest))) => {
                operators = rest;
                self.find(None, find, *word)
            }
            // A product with one table does not name it.
            (None, Some(_)) if self.context.catalog.is_open() => self.unknown_table(),
            (None, Some((first, rest))) => {
                operators = rest;
                self.not_yet(first);
                self.unknown_table()
            }
            (None, None) => self.unknown_table(),
        };
        if let Some(source) = source {
            self.note(&table, source.range, true);
        }
        for operator in operators {
            self.note(&table, operator.range, false);
            table = self.operator(&table, operator);
            self.note(&table, operator.range, true);
        }
        table
    }

    /// One operator over its input.
    #[inline(never)]
    pub(super) fn operator(&mut self, input: &Table, operator: &Operator) -> Table {
        let place = operator.word;
        match &operator.kind {
            _ if !input.results.is_empty() => self.after_results(place),
            OperatorKind::Where { predicate } => self.filter(input, predicate, place),
            OperatorKind::Extend { columns } => self.extend(input, columns, "extend", place),
            OperatorKind::Project { columns } => self.project(input, columns, place),
            OperatorKind::ProjectAway { columns } => self.project_by_pattern(input, columns, false, place),
            OperatorKind::ProjectKeep { columns } => self.project_by_pattern(input, columns, true, place),
            OperatorKind::ProjectRename { columns } => self.project_rename(input, columns, place),
            OperatorKind::ProjectReorder { columns } => self.project_reorder(input, columns, place),
            OperatorKind::Summarize { aggregates, by, .. } => self.summarize(input, aggregates, by, place),
            OperatorKind::MakeSeries(series) => self.make_series(input, series, place),
            OperatorKind::Distinct { columns, .. } => self.distinct(input, columns, place),
            OperatorKind::Sort { keys, .. } => self.sort(input, keys, None, "sort", place),
            OperatorKind::Top { count, keys, .. } => {
                let count = self.row_count(count, "the number of rows of `top`");
                self.sort(input, keys, Some(count), "top", place)
            }
            OperatorKind::Take { count } => {
                let count = self.row_count(count, "the number of rows of `take`");
                self.take(input, count, place)
            }
            OperatorKind::Count { name } => self.count_rows(input, name.as_ref().map_or("Count", |n| &n.text), place),
            OperatorKind::Join(join) => self.join(input, join, false, place),
            OperatorKind::Lookup(join) => self.join(input, join, true, place),
            OperatorKind::Union(union) => self.union(Some(input), union, place),
            OperatorKind::Serialize { columns } => self.serialize(input, columns, place),
            OperatorKind::GetSchema => self.getschema(input, place),
            OperatorKind::As { name, hints } => self.named(input, name, hints),
            OperatorKind::MvExpand(expand) => self.mv_expand(input, expand, place),
            OperatorKind::Evaluate { call, schema, .. } => self.evaluate(Some(input), call, schema.as_ref(), place),
            OperatorKind::Scan(scan) => self.scan_steps(input, scan, place),
            OperatorKind::Search(search) => self.search(Some(input), search, place),
            OperatorKind::Find(find) => self.find(Some(input), find, place),
            OperatorKind::Reduce { by, properties } => self.reduce(input, by, properties, place),
            OperatorKind::Parse(parse) => self.parse(input, parse, place),
            OperatorKind::ParseKv { input: text, columns, properties } => {
                self.parse_kv(input, text, columns, properties, place)
            }
            OperatorKind::MvApply(apply) => self.mv_apply(input, apply, place),
            OperatorKind::Partition { by, body, braces, .. } => self.partition(input, by, body, *braces, place),
            OperatorKind::TopNested { levels } => self.top_nested(input, levels, place),
            OperatorKind::Fork { branches } => self.fork(input, branches, place),
            OperatorKind::Facet { by, with } => self.facet(input, by, with.as_ref(), place),
            OperatorKind::Sample { count } => self.sample(input, count, place),
            OperatorKind::SampleDistinct { count, of } => self.sample_distinct(input, count, of, place),
            OperatorKind::TopHitters { count, of, by } => self.top_hitters(input, count, of, by.as_ref(), place),
            OperatorKind::ProjectByNames { columns } => self.project_by_names(input, columns, place),
            OperatorKind::Consume { .. } => self.consume(input, place),
            OperatorKind::Invoke { function } => self.invoke(input, function, place),
            OperatorKind::Render { kind, properties } => self.render(input, kind, properties),
            OperatorKind::ExecuteAndCache | OperatorKind::AssertSchema { .. } => input.clone(),
            OperatorKind::Error => self.unknown_table(),
            OperatorKind::Unsupported { .. } => {
                self.not_yet(operator);
                self.unknown_table()
            }
        }
    }

    /// Legal KQL that the binder does not know yet: said once a place, and what follows is still looked at.
    fn not_yet(&mut self, operator: &Operator) {
        if matches!(operator.kind, OperatorKind::Error) || self.context.catalog.is_open() {
            self.poisoned = true;
            return;
        }
        let text = self.snippet(operator.word);
        let text = if text == "this" { "an operator".to_owned() } else { text };
        self.report(
            Diagnostic::error("KQL149", operator.word, format!("{text} does not run here yet"))
                .with_help("send the query to a workspace: --engine NAME"),
        );
    }
}
