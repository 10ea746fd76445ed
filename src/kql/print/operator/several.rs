//! Operators that read several tables.

use std::fmt::Write as _;

use crate::kql::parser::JOIN_KINDS;
use crate::kql::print::Printer;
use crate::kql::syntax::{Expr, Find, FindColumn, Join, Name, Search, Union, UnionKind};

impl Printer {
    pub(super) fn join(&mut self, word: &str, join: &Join) {
        self.text(word);
        if let Some((name, _)) = join.kind.and_then(|kind| JOIN_KINDS.iter().find(|(_, k)| *k == kind)) {
            let _ = write!(self.out, "kind={name} ");
        }
        self.hints(&join.hints);
        self.operand(&join.right);
        self.text(" on ");
        self.exprs(&join.on);
    }

    pub(super) fn union(&mut self, union: &Union) {
        self.text("union ");
        match union.kind {
            None => {}
            Some(UnionKind::Inner) => self.text("kind=inner "),
            Some(UnionKind::Outer) => self.text("kind=outer "),
        }
        self.source_column(union.source_column.as_ref());
        if union.fuzzy {
            self.text("isfuzzy=true ");
        }
        self.hints(&union.hints);
        self.list(&union.tables, Self::operand);
    }

    fn source_column(&mut self, name: Option<&Name>) {
        if let Some(name) = name {
            self.text("withsource=");
            self.name(name);
            self.text(" ");
        }
    }

    /// `in (a, b) `
    fn in_tables(&mut self, tables: &[Expr]) {
        if !tables.is_empty() {
            self.text("in (");
            self.list(tables, Self::operand);
            self.text(") ");
        }
    }

    pub(super) fn find(&mut self, find: &Find) {
        self.text("find ");
        self.source_column(find.source_column.as_ref());
        self.hints(&find.hints);
        self.in_tables(&find.tables);
        self.word_expr("where ", &find.predicate);
        if let Some(columns) = &find.project {
            self.text(" project ");
            self.list(columns, |p, column| match column {
                FindColumn::Column { name, ty } => {
                    p.name(name);
                    if let Some(ty) = ty {
                        let _ = write!(p.out, ": {ty}");
                    }
                }
                FindColumn::Pack => p.text("pack(*)"),
            });
        }
        if !find.project_away.is_empty() {
            self.text(" project-away ");
            self.list(&find.project_away, Self::column_pattern);
        }
    }

    pub(super) fn search(&mut self, search: &Search) {
        self.text("search ");
        if search.case_sensitive {
            self.text("kind=case_sensitive ");
        }
        self.hints(&search.hints);
        self.in_tables(&search.tables);
        self.expr(&search.predicate);
    }
}
