//! Looking through every column, and through several tables: `search`, `where * has …`.

use std::sync::Arc;

use super::scope::{Binding, Row, Table};
use super::{Binder, is_poison};
use crate::kql::diagnostic::{Diagnostic, Severity, TextRange};
use crate::kql::plan::{Expr, ExprKind as Bound, Op, Rel};
use crate::kql::syntax::{self, BinaryOp, ExprKind, InOp, Name, Search};
use crate::kql::types::{Column, Type};
use crate::kql::value::Value;

/// The column that says which table a row is of.
const TABLE: &str = "$table";

/// How a predicate speaks of all columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// `where`: only by `*`.
    Stars,
    /// `search`, `find`: a text alone is a term to look for.
    Terms,
    /// `search kind=case_sensitive`: terms and operators regard case.
    TermsInCase,
}

impl Binder<'_> {
    pub(super) fn search(&mut self, input: Option<&Table>, search: &Search, place: TextRange) -> Table {
        if input.is_some() && !search.tables.is_empty() {
            self.report(
                Diagnostic::error(
                    "KQL162",
                    place,
                    "`search in (…)` begins a query: here it looks in what comes before it",
                )
                .with_help("leave out `in (…)`, or unite the tables first: union A, B | search …"),
            );
        }
        let over = if search.case_sensitive { Over::TermsInCase } else { Over::Terms };
        let mut tables = match input {
            Some(input) => vec![input.clone()],
            None => self.tables_of(&search.tables, place),
        };
        let filtered = self.filtered(&tables, &search.predicate, over, "search");
        if let ([table], Some(input)) = (filtered.as_slice(), input)
            && input.schema().position(TABLE).is_some()
        {
            // A search in what a search found.
            return table.clone();
        }
        tables = filtered;
        for (n, table) in tables.iter_mut().enumerate() {
            table.name.get_or_insert_with(|| format!("search_arg{n}").into());
        }
        if tables.is_empty() {
            return self.unknown_table();
        }
        self.union_of(&tables, Some(&Name::new(TABLE, place)), false, place)
    }

    /// The tables of a list; every table that there is where the list is empty.
    pub(super) fn tables_of(&mut self, list: &[syntax::Expr], place: TextRange) -> Vec<Table> {
        let mut tables = Vec::new();
        if !list.is_empty() {
            for e in list {
                self.union_argument(e, false, &mut tables);
            }
            return tables;
        }
        let catalog = self.context.catalog;
        let mut names: Vec<Arc<str>> =
            catalog.names().into_iter().filter(|n| catalog.table(n).is_some()).map(Arc::from).collect();
        let own = |tables: bool| {
            self.names.iter().filter_map(move |(n, b)| match b {
                Binding::Function(f) if f.function.view && !tables => Some(Arc::clone(n)),
                Binding::Table(_) if tables => Some(Arc::clone(n)),
                _ => None,
            })
        };
        names.extend(own(false));
        if names.is_empty() {
            // Without a store what the query itself names is all that there is.
            names.extend(own(true));
        }
        names.retain(|n| self.is_seen(n));
        for text in names {
            tables.push(self.table_named(&Name { text, quoted: true, range: place }));
        }
        if catalog.is_open() {
            tables.push(self.unknown_table());
        } else if tables.is_empty() {
            self.report(
                Diagnostic::error("KQL162", place, "there is no table to look in")
                    .with_help("say where: T | search …, or search in (T) …"),
            );
            tables.push(self.unknown_table());
        }
        tables
    }

    /// The rows of each table for which the predicate holds. A column that only others have is null, or "", in a table.
    pub(super) fn filtered(
        &mut self,
        tables: &[Table],
        predicate: &syntax::Expr,
        over: Over,
        operator: &'static str,
    ) -> Vec<Table> {
        let mut all: Vec<&Column> = Vec::new();
        for column in tables.iter().flat_map(Table::schema) {
            if !all.iter().any(|c| c.name == column.name) {
                all.push(column);
            }
        }
        let mut faults: Option<Vec<Diagnostic>> = None;
        let mut holds = false;
        let mut filtered = Vec::with_capacity(tables.len());
        for table in tables {
            let (names, said, poisoned) = (self.names.len(), self.diagnostics.len(), self.poisoned);
            if !table.open {
                for column in all.iter().filter(|c| table.schema().position(&c.name).is_none()) {
                    let expr = Expr::literal(Value::null(column.ty));
                    self.names.push((Arc::clone(&column.name), Binding::Scalar { expr, row: 0 }));
                }
            }
            let mut row = self.row(table, operator);
            let mut predicate = self.over_columns(predicate, &mut row, over);
            self.names.truncate(names);
            if self.is_faulty(said) {
                // It cannot be asked of this table: of another it may.
                let own = self.diagnostics.split_off(said);
                faults.get_or_insert(own);
                self.poisoned = poisoned;
                predicate = Expr::literal(Value::Bool(false));
            } else {
                holds = true;
            }
            if is_poison(&predicate) || predicate.as_literal() == Some(&Value::Bool(true)) {
                filtered.push(table.clone());
                continue;
            }
            let schema = table.schema().clone();
            let mut kept = table.with(Rel::new(Op::Filter { input: Arc::clone(&table.rel), predicate }, schema));
            kept.name.clone_from(&table.name);
            filtered.push(kept);
        }
        if !holds {
            faults.into_iter().flatten().for_each(|fault| self.report(fault));
        }
        filtered
    }

    /// Has an error been said since there were so many findings?
    fn is_faulty(&self, said: usize) -> bool {
        self.diagnostics.get(said..).is_some_and(|new| new.iter().any(|d| d.severity == Severity::Error))
    }

    /// A predicate that may speak of all columns at once.
    pub(super) fn over_columns(&mut self, e: &syntax::Expr, row: &mut Row, over: Over) -> Expr {
        if !self.enter(e.range) {
            return self.poison();
        }
        let bound = self.over_columns_inside(e, row, over);
        self.leave();
        bound
    }

    #[inline(never)]
    fn over_columns_inside(&mut self, e: &syntax::Expr, row: &mut Row, over: Over) -> Expr {
        let terms = over != Over::Stars;
        match &e.kind {
            ExprKind::Paren(inner) => self.over_columns(inner, row, over),
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                let and = matches!(e.kind, ExprKind::And(_));
                let parts = parts.iter().map(|p| self.over_columns(p, row, over)).collect();
                self.chain(parts, and)
            }
            ExprKind::Call(call) if &*call.name.text == "not" && call.arguments.len() == 1 => {
                let inner = self.over_columns(&call.arguments[0].value, row, over);
                if is_poison(&inner) { inner } else { self.negation(inner) }
            }
            ExprKind::Star if terms => Expr::literal(Value::Bool(true)),
            ExprKind::Literal(Value::String(text)) | ExprKind::Hidden(text) if terms => {
                let (op, text) = term(text, over == Over::TermsInCase);
                let what = syntax::Expr::new(ExprKind::Literal(Value::String(text)), e.range);
                self.any_column(e, row, false, &|column| binary(op, column, &what))
            }
            ExprKind::Binary { op, left, right } => {
                let op = if over == Over::TermsInCase { in_case(*op) } else { *op };
                let (op, right) = match (op, &right.inner().kind) {
                    (BinaryOp::Search, ExprKind::Literal(Value::String(text))) => {
                        let (op, text) = term(text, over == Over::TermsInCase);
                        (op, syntax::Expr::new(ExprKind::Literal(Value::String(text)), right.range))
                    }
                    _ => (op, (**right).clone()),
                };
                if matches!(left.inner().kind, ExprKind::Star) {
                    return self.any_column(e, row, op.name().starts_with('!'), &|column| binary(op, column, &right));
                }
                let whole = ExprKind::Binary { op, left: left.clone(), right: Box::new(right) };
                self.predicate(&syntax::Expr::new(whole, e.range), row)
            }
            ExprKind::In { op, operand, list } => {
                let op = match (op, over) {
                    (InOp::InFold, Over::TermsInCase) => InOp::In,
                    (InOp::NotInFold, Over::TermsInCase) => InOp::NotIn,
                    (op, _) => *op,
                };
                let with = |operand: syntax::Expr| {
                    syntax::Expr::new(ExprKind::In { op, operand: Box::new(operand), list: list.clone() }, e.range)
                };
                if matches!(operand.inner().kind, ExprKind::Star) {
                    return self.any_column(e, row, op.is_negated(), &with);
                }
                self.predicate(&with((**operand).clone()), row)
            }
            ExprKind::Between { operand, low, high, negated } if matches!(operand.inner().kind, ExprKind::Star) => {
                let (low, high, negated) = (low.clone(), high.clone(), *negated);
                self.any_column(e, row, negated, &|column| {
                    let operand = Box::new(column);
                    let kind = ExprKind::Between { operand, low: low.clone(), high: high.clone(), negated };
                    syntax::Expr::new(kind, e.range)
                })
            }
            _ => self.predicate(e, row),
        }
    }

    /// The condition for any column that it can be asked of; a negated one must hold for all of them.
    fn any_column(
        &mut self,
        e: &syntax::Expr,
        row: &mut Row,
        negated: bool,
        with: &dyn Fn(syntax::Expr) -> syntax::Expr,
    ) -> Expr {
        let columns = row.schema().0.clone();
        let mut parts = Vec::with_capacity(columns.len());
        let mut faults = None;
        for column in columns.iter().filter(|c| &*c.name != TABLE) {
            let name = Name { text: Arc::clone(&column.name), quoted: true, range: e.range };
            let asked = with(syntax::Expr::new(ExprKind::Name(name), e.range));
            if !may_hold(column.ty, &asked) {
                continue;
            }
            let (said, poisoned) = (self.diagnostics.len(), self.poisoned);
            let asks_all = std::mem::replace(&mut self.asks_all, true);
            let part = self.predicate(&asked, row);
            self.asks_all = asks_all;
            if self.is_faulty(said) {
                // A column of a type that this cannot be asked of.
                let own = self.diagnostics.split_off(said);
                faults.get_or_insert(own);
                self.poisoned = poisoned;
            } else if !is_poison(&part) {
                parts.push(part);
            }
        }
        if row.table.open {
            return self.poison();
        }
        match faults {
            Some(faults) if parts.is_empty() => {
                for fault in faults {
                    self.report(fault);
                }
                self.poison()
            }
            _ => self.chain(parts, negated),
        }
    }

    fn chain(&mut self, mut parts: Vec<Expr>, and: bool) -> Expr {
        if parts.iter().any(is_poison) {
            return self.poison();
        }
        match parts.len() {
            0 => Expr::literal(Value::Bool(and)),
            1 => parts.remove(0),
            _ => {
                let mut flat = Vec::with_capacity(parts.len());
                for part in parts {
                    match part.kind {
                        Bound::And(inner) if and => flat.extend(inner),
                        Bound::Or(inner) if !and => flat.extend(inner),
                        kind => flat.push(Expr { kind, ty: part.ty }),
                    }
                }
                Expr { kind: if and { Bound::And(flat) } else { Bound::Or(flat) }, ty: Type::Bool }
            }
        }
    }
}

fn binary(op: BinaryOp, left: syntax::Expr, right: &syntax::Expr) -> syntax::Expr {
    let range = left.range;
    syntax::Expr::new(ExprKind::Binary { op, left: Box::new(left), right: Box::new(right.clone()) }, range)
}

/// Does a predicate speak of all columns by `*`?
pub(super) fn has_star(e: &syntax::Expr) -> bool {
    match &e.kind {
        ExprKind::Paren(inner) => has_star(inner),
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.iter().any(has_star),
        ExprKind::Call(call) if &*call.name.text == "not" => call.arguments.iter().any(|a| has_star(&a.value)),
        ExprKind::Binary { left: operand, .. } | ExprKind::In { operand, .. } | ExprKind::Between { operand, .. } => {
            matches!(operand.inner().kind, ExprKind::Star)
        }
        _ => false,
    }
}

/// The operator that a term asks for, by the stars in it, and its text: `has`, `err*` `hasprefix`, `*err` `hassuffix`, `*err*` `contains`, and
/// with stars inside a regular expression.
fn term(text: &str, case: bool) -> (BinaryOp, Arc<str>) {
    let (start, end) = (text.starts_with('*'), text.len() > 1 && text.ends_with('*'));
    let bare = &text[usize::from(start)..text.len() - usize::from(end)];
    if bare.contains('*') {
        let inside: Vec<String> = bare.split('*').map(regex::escape).collect();
        let (open, close) = (if start { "" } else { r"\b" }, if end { "" } else { r"\b" });
        let fold = if case { "" } else { "(?i)" };
        return (BinaryOp::MatchesRegex, format!("{fold}{open}{}{close}", inside.join(".*")).into());
    }
    let op = match (start, end) {
        (false, false) => BinaryOp::Has,
        (false, true) => BinaryOp::HasPrefix,
        (true, false) => BinaryOp::HasSuffix,
        (true, true) => BinaryOp::Contains,
    };
    (if case { in_case(op) } else { op }, bare.into())
}

/// The operator that regards case.
fn in_case(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::EqFold => BinaryOp::Eq,
        BinaryOp::NeFold => BinaryOp::Ne,
        op => BinaryOp::from_text(&format!("{}_cs", op.name())).unwrap_or(op),
    }
}

/// May a column of this type, as text, hold what a text operator looks for? Numbers and times need not be written out to look for letters.
fn may_hold(ty: Type, asked: &syntax::Expr) -> bool {
    let ExprKind::Binary { op, right, .. } = &asked.kind else { return true };
    let ExprKind::Literal(Value::String(text)) = &right.kind else { return true };
    let compares =
        matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge);
    if compares || *op == BinaryOp::MatchesRegex {
        return true;
    }
    let of = match ty {
        Type::String | Type::Dynamic | Type::Guid => return true,
        Type::Bool => "truefals",
        Type::Int | Type::Long => "-0123456789",
        Type::Real | Type::Decimal => "-+.0123456789einfatyn",
        Type::DateTime => "-:.0123456789tz",
        Type::TimeSpan => "-:.0123456789",
    };
    text.chars().all(|c| of.contains(c.to_ascii_lowercase()))
}
