//! Operators with a sub-pipeline: `mv-apply`, `partition`, `fork`, `facet`.

use std::sync::Arc;

use super::needs::{Answer, What};
use super::scope::{Binding, Table};
use super::{Binder, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{aggregates, operators};
use crate::kql::plan::{Aggregate, Expr, ExprKind as Bound, Op, Rel};
use crate::kql::syntax::{self, ExprKind, ForkBranch, MvApply, OperatorKind};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// Keys that `partition` may have where its body is put in place once for each.
const MOST_PARTITIONS: usize = 64;

impl Binder<'_> {
    /// A body over a table: operators without a source, or a pipeline of its own.
    fn body_over(&mut self, given: &Table, body: &syntax::Expr) -> Table {
        let visible = self.names.len();
        let table = match &body.inner().kind {
            ExprKind::Pipe { source: None, operators } => {
                if !self.enter(body.range) {
                    return self.unknown_table();
                }
                let mut table = given.clone();
                for operator in operators {
                    self.note(&table, operator.range, false);
                    table = self.operator(&table, operator);
                    self.note(&table, operator.range, true);
                }
                self.leave();
                table
            }
            _ => self.table(body),
        };
        // What `as` named inside is not seen outside.
        self.names.truncate(visible);
        if table.results.is_empty() {
            return table;
        }
        self.report(
            Diagnostic::error("KQL164", body.range, "a sub-pipeline gives one table; `fork` and `facet` give several")
                .with_help("put `fork` at the end of the query"),
        );
        self.unknown_table()
    }

    /// The rows that a body is given.
    fn given(input: &Table, schema: Schema) -> Table {
        let mut given = input.with(Rel::new(Op::Given, schema));
        given.render = None;
        given
    }

    pub(super) fn mv_apply(&mut self, input: &Table, apply: &MvApply, place: TextRange) -> Table {
        let mut lists = self.lists(input, &apply.columns, apply.index.as_ref(), "mv-apply", place);
        lists.expansion.limit = apply.limit.as_ref().map(|limit| self.row_count(limit, "the limit of `mv-apply`"));
        if let Some(id) = &apply.id {
            let _ = self.constant(id, "the id of `mv-apply`");
        }
        let given = Self::given(input, lists.given(&input.rel));
        let op = Op::Project { input: Arc::clone(&given.rel), columns: lists.exprs };
        let given = given.with(Rel::new(op, Schema(lists.columns))).serialized(true);
        let asked = std::mem::take(&mut self.asked_given);
        let body = self.body_over(&given, &apply.body);
        if std::mem::replace(&mut self.asked_given, asked) {
            self.report(
                Diagnostic::error(
                    "KQL165",
                    apply.body.range,
                    "`toscalar` cannot look at the rows that `mv-apply` gives",
                )
                .with_help("summarize by the row instead, or use array functions on the list"),
            );
        }
        // A column that is expanded under its own name is the body's alone.
        let expanded = |name: &str| {
            let bare = |c: &&syntax::ExpandColumn| c.expr.names.is_empty();
            apply.columns.iter().filter(bare).any(|c| c.expr.value.as_name().is_some_and(|n| &*n.text == name))
        };
        let mut columns: Vec<(Column, From)> = Vec::new();
        let mut kept = Vec::new();
        for (n, column) in input.schema().iter().enumerate() {
            if expanded(&column.name) {
                continue;
            }
            match body.schema().position(&column.name) {
                // What the body gives takes the place of the row's own.
                Some(at) => columns.push((body.schema().0[at].clone(), From::Body(at))),
                None => {
                    columns.push((column.clone(), From::Row(kept.len())));
                    kept.push(n);
                }
            }
        }
        for (at, column) in body.schema().iter().enumerate() {
            if !columns.iter().any(|(_, from)| *from == From::Body(at)) {
                columns.push((column.clone(), From::Body(at)));
            }
        }
        let exprs = columns.iter().map(|(column, from)| match from {
            From::Row(at) => Expr::column(*at, column.ty),
            From::Body(at) => Expr::column(kept.len() + at, column.ty),
        });
        let exprs: Vec<_> = exprs.collect();
        let own = kept.iter().map(|n| input.schema().0[*n].clone()).chain(body.schema().iter().cloned()).collect();
        let op =
            Op::Apply { input: Arc::clone(&input.rel), expansion: lists.expansion, kept, body: Arc::clone(&body.rel) };
        let mut applied = input.with(Rel::new(op, own));
        applied.depth = applied.depth.max(body.depth + 1);
        applied.open |= body.open;
        let schema = columns.into_iter().map(|(c, _)| c).collect();
        let op = Op::Project { input: Arc::clone(&applied.rel), columns: exprs };
        self.node(applied.with(Rel::new(op, schema)), place)
    }

    pub(super) fn partition(
        &mut self,
        input: &Table,
        by: &syntax::Expr,
        body: &syntax::Expr,
        braces: bool,
        place: TextRange,
    ) -> Table {
        let mut row = self.row(input, "partition");
        let key = self.expr(by, &mut row);
        if key.ty == Type::Dynamic && !is_poison(&key) && !self.poisoned {
            let text = self.snippet(by.range);
            let _ = self.wrong(
                Diagnostic::error("KQL140", by.range, format!("{text} is dynamic: rows cannot be grouped by it"))
                    .with_help(format!("group by its text: extend k = tostring({})", text.trim_matches('`'))),
            );
        }
        let own_source = braces || !matches!(&body.inner().kind, ExprKind::Pipe { source: None, .. });
        if !own_source {
            // Bound once for all groups, unless it asks for a constant of its own rows.
            let (said, poisoned) = (self.diagnostics.len(), self.poisoned);
            let asked = std::mem::take(&mut self.asked_given);
            let given = Self::given(input, input.schema().clone());
            let bound = self.body_over(&given, body);
            if !std::mem::replace(&mut self.asked_given, asked) {
                let op = Op::Partition {
                    input: Arc::clone(&input.rel),
                    keys: vec![key.clone()],
                    body: Arc::clone(&bound.rel),
                };
                let mut table = input.with(Rel::new(op, bound.schema().clone())).serialized(false);
                table.depth = table.depth.max(bound.depth + 1);
                table.open = bound.open;
                table.render = bound.render;
                return self.node(table, place);
            }
            self.diagnostics.truncate(said);
            self.poisoned = poisoned;
        }
        self.partition_by_value(input, by, &key, body, place)
    }

    /// The body once for each key: over its rows, or over a table of its own in which the key's name is the key.
    fn partition_by_value(
        &mut self,
        input: &Table,
        by: &syntax::Expr,
        key: &Expr,
        body: &syntax::Expr,
        place: TextRange,
    ) -> Table {
        let ty = key.ty;
        let keys = if is_poison(key) {
            None
        } else {
            let schema = Schema(vec![Column::new("key", ty)]);
            let op = Op::Aggregate { input: Arc::clone(&input.rel), keys: vec![key.clone()], aggregates: Vec::new() };
            self.answer(&input.with(Rel::new(op, schema)), What::Column)
        };
        let values = match keys {
            Some(Answer::Column(values)) => values,
            Some(Answer::Cell(value)) => vec![value],
            // Not known yet: the body is bound for what can be said of it.
            None => vec![Value::null(ty)],
        };
        if values.len() > MOST_PARTITIONS {
            self.report(
                Diagnostic::error(
                    "KQL166",
                    by.range,
                    format!(
                        "{} has {} values; this form of `partition` takes {MOST_PARTITIONS}",
                        self.snippet(by.range),
                        values.len()
                    ),
                )
                .with_help("use operators over the partition alone, in (…) and without toscalar: they take any number"),
            );
            return self.unknown_table();
        }
        let mut tables = Vec::with_capacity(values.len());
        for value in values {
            let part = self.part(input, key, &value);
            let visible = self.names.len();
            if let Some(name) = by.as_name() {
                let binding = Binding::Scalar { expr: Expr::literal(value), row: 0 };
                self.names.push((Arc::clone(&name.text), binding));
            }
            tables.push(self.body_over(&part, body));
            self.names.truncate(visible);
        }
        match tables.as_slice() {
            [] => {
                // No rows: the columns are those that the body would give.
                let none = self.part(input, key, &Value::null(ty));
                self.body_over(&none, body)
            }
            [one] => one.clone().serialized(false),
            several => self.union_of(several, None, false, place),
        }
    }

    /// The rows of one key.
    fn part(&mut self, input: &Table, key: &Expr, value: &Value) -> Table {
        if is_poison(key) {
            return input.clone();
        }
        let predicate = if value.is_null() {
            match crate::kql::functions::scalar("isnull") {
                Some(function) => Expr::call(function, vec![key.clone()], Type::Bool),
                None => self.poison(),
            }
        } else {
            Expr::call(&operators::EQUAL, vec![key.clone(), Expr::literal(value.clone())], Type::Bool)
        };
        let op = Op::Filter { input: Arc::clone(&input.rel), predicate };
        input.with(Rel::new(op, input.schema().clone()))
    }

    pub(super) fn fork(&mut self, input: &Table, branches: &[ForkBranch], place: TextRange) -> Table {
        let input = self.read_again(input);
        let mut results = Vec::with_capacity(branches.len());
        for (n, branch) in branches.iter().enumerate() {
            let table = self.body_over(&input, &branch.body);
            let name = match (&branch.name, named_at_end(&branch.body)) {
                (Some(name), _) | (None, Some(name)) => Arc::clone(&name.text),
                (None, None) if n == 0 => "Results".into(),
                (None, None) => format!("Results_{}", n + 1).into(),
            };
            results.push((name, table));
        }
        self.results(&input, results, place)
    }

    pub(super) fn facet(
        &mut self,
        input: &Table,
        by: &[syntax::Expr],
        with: Option<&syntax::Expr>,
        place: TextRange,
    ) -> Table {
        let input = self.read_again(input);
        let mut results = Vec::with_capacity(by.len() + 1);
        if let Some(with) = with {
            results.push(("PrimaryResult".into(), self.body_over(&input, with)));
        }
        for (n, column) in by.iter().enumerate() {
            let mut row = self.row(&input, "facet");
            let key = self.expr(column, &mut row);
            if !matches!(key.kind, Bound::Column(_)) {
                let text = self.snippet(column.range);
                let _ = self.wrong(
                    Diagnostic::error(
                        "KQL127",
                        column.range,
                        format!("`facet` counts the values of columns; {text} is none"),
                    )
                    .with_help("compute the column first: … | extend x = … | facet by x"),
                );
            }
            let name = self.name_of(column).unwrap_or_default();
            let schema = Schema(vec![
                Column { name: name.as_str().into(), ty: key.ty },
                Column::new(format!("count_{name}"), Type::Long),
            ]);
            let count = Aggregate { function: &aggregates::COUNT, args: Vec::new(), ty: Type::Long };
            let op = Op::Aggregate { input: Arc::clone(&input.rel), keys: vec![key], aggregates: vec![count] };
            let table = input.with(Rel::new(op, schema)).serialized(false);
            let title = if n == 0 { "Facet".into() } else { format!("Facet_{}", n + 1).into() };
            results.push((title, self.node(table, place)));
        }
        self.results(&input, results, place)
    }

    /// Several tables in the place of one.
    fn results(&mut self, input: &Table, results: Vec<(Arc<str>, Table)>, place: TextRange) -> Table {
        let mut table = results.first().map_or_else(|| input.clone(), |(_, table)| table.clone());
        table.results = results;
        self.node(table, place)
    }

    /// The input as several branches read it: each on its own, so that each can read less; but once for all where reading twice could give other rows.
    fn read_again(&mut self, input: &Table) -> Table {
        if is_steady(&input.rel) {
            return input.clone();
        }
        let mut shared = input.clone();
        shared.rel = self.shared(input.clone()).rel;
        shared
    }

    /// An operator behind `fork` or `facet`.
    pub(super) fn after_results(&mut self, place: TextRange) -> Table {
        self.report(
            Diagnostic::error("KQL164", place, "nothing can follow `fork` and `facet`: they give several tables")
                .with_help("put the operator into each branch, or before"),
        );
        self.unknown_table()
    }
}

/// Whose column one of `mv-apply`'s is.
#[derive(PartialEq)]
enum From {
    Row(usize),
    Body(usize),
}

/// The name that the last operator of a body gives: `… | as name`.
fn named_at_end(body: &syntax::Expr) -> Option<&syntax::Name> {
    match &body.inner().kind {
        ExprKind::Pipe { operators, .. } => match operators.last().map(|o| &o.kind) {
            Some(OperatorKind::As { name, .. }) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Does running it twice give the same rows?
fn is_steady(rel: &Rel) -> bool {
    fn steady(expr: &Expr) -> bool {
        match &expr.kind {
            Bound::Column(_) | Bound::Literal(_) => true,
            Bound::Call { function, args } => !function.is_volatile() && args.iter().all(steady),
            Bound::And(args) | Bound::Or(args) => args.iter().all(steady),
            Bound::Path { base, .. } => steady(base),
            Bound::In { value, .. } => steady(value),
        }
    }
    let own = match &rel.op {
        Op::Take { .. } | Op::Sort { limit: Some(_), .. } => false,
        Op::Filter { predicate, .. } => steady(predicate),
        Op::Project { columns, .. } => columns.iter().all(steady),
        _ => true,
    };
    own && rel.inputs().iter().all(|input| is_steady(input))
}
