//! Operators over several tables: `join`, `lookup`, `union`.

use super::{Parser, is_template};
use crate::base::suggest::nearest;
use crate::kql::diagnostic::{Diagnostic, code};
use crate::kql::lexer::{Symbol, TokenKind};
use crate::kql::plan::JoinKind;
use crate::kql::syntax::{Expr, ExprKind, Join, Name, OperatorKind, PathStepKind, Property, Union, UnionKind};

/// The kinds of a join, as written; the first of each is its name.
pub const JOIN_KINDS: &[(&str, JoinKind)] = &[
    ("innerunique", JoinKind::InnerUnique),
    ("inner", JoinKind::Inner),
    ("leftouter", JoinKind::LeftOuter),
    ("rightouter", JoinKind::RightOuter),
    ("fullouter", JoinKind::FullOuter),
    ("leftsemi", JoinKind::LeftSemi),
    ("rightsemi", JoinKind::RightSemi),
    ("leftanti", JoinKind::LeftAnti),
    ("rightanti", JoinKind::RightAnti),
    ("anti", JoinKind::LeftAnti),
    ("leftantisemi", JoinKind::LeftAnti),
    ("rightantisemi", JoinKind::RightAnti),
];

impl Parser<'_> {
    pub(super) fn join(&mut self, lookup: bool) -> OperatorKind {
        let mut hints = self.properties(&["kind"]);
        let written = hints.iter().position(|p| &*p.name.text == "kind").map(|at| hints.remove(at));
        let kind = written.and_then(|property| self.join_kind(&property, lookup));
        let right = self.table_item();
        let example = if lookup { "`lookup T on key`" } else { "`join kind=inner (T | …) on key`" };
        let on = if self.keyword("on", example) { self.list(Self::expression) } else { Vec::new() };
        let join = Box::new(Join { kind, hints, right, on });
        if lookup { OperatorKind::Lookup(join) } else { OperatorKind::Join(join) }
    }

    fn join_kind(&mut self, property: &Property, lookup: bool) -> Option<JoinKind> {
        let word = property.value.as_name().map_or("", |name| &*name.text);
        if self.templates && is_template(word) {
            return None;
        }
        let known =
            JOIN_KINDS.iter().filter(|(_, kind)| !lookup || matches!(kind, JoinKind::Inner | JoinKind::LeftOuter));
        if let Some((_, kind)) = known.clone().find(|(name, _)| *name == word) {
            return Some(*kind);
        }
        let what = if lookup { "lookup" } else { "join" };
        let help = match word.to_ascii_lowercase().as_str() {
            "left" => "did you mean `leftouter`?".into(),
            "right" => "did you mean `rightouter`?".into(),
            "full" | "outer" => "did you mean `fullouter`?".into(),
            word => match nearest(word, known.clone().map(|(name, _)| *name)) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("it is one of {}", known.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")),
            },
        };
        let shown = self.text_of(property.value.range);
        let message = format!("`{shown}` is no kind of {what}");
        self.diagnostics.push(Diagnostic::error(code::UNKNOWN_OPTION, property.value.range, message).with_help(help));
        None
    }

    pub(super) fn union(&mut self) -> OperatorKind {
        let mut union = Union { kind: None, source_column: None, fuzzy: false, hints: Vec::new(), tables: Vec::new() };
        for property in self.properties(&["kind", "withsource", "with_source", "isfuzzy"]) {
            match &*property.name.text {
                "kind" => union.kind = self.union_kind(&property),
                "withsource" | "with_source" => union.source_column = self.source_column(&property),
                "isfuzzy" => union.fuzzy = Self::is_true(&property.value),
                _ => union.hints.push(property),
            }
        }
        union.tables = self.list(Self::table_item);
        OperatorKind::Union(union)
    }

    fn union_kind(&mut self, property: &Property) -> Option<UnionKind> {
        match property.value.as_name().map_or("", |name| &*name.text) {
            "inner" => Some(UnionKind::Inner),
            "outer" => Some(UnionKind::Outer),
            word if self.templates && is_template(word) => None,
            _ => {
                let message = format!("`{}` is no kind of union", self.text_of(property.value.range));
                let diagnostic = Diagnostic::error(code::UNKNOWN_OPTION, property.value.range, message);
                self.diagnostics
                    .push(diagnostic.with_help("it is inner (columns that all have) or outer (every column)"));
                None
            }
        }
    }

    /// The name behind `withsource =`, bare or as a string.
    pub(super) fn source_column(&mut self, property: &Property) -> Option<Name> {
        match &property.value.kind {
            ExprKind::Name(name) => Some(name.clone()),
            ExprKind::Literal(crate::kql::value::Value::String(text)) => {
                Some(Name::new(text.clone(), property.value.range))
            }
            _ => {
                let message = "a column's name should stand here";
                self.diagnostics.push(Diagnostic::error(code::MISSING, property.value.range, message));
                None
            }
        }
    }

    /// A table: a name, perhaps with wildcards, a call, a path, a pipeline in brackets.
    pub(super) fn table_item(&mut self) -> Expr {
        let start = self.start();
        let length = self.pattern_length();
        let wild = (0..length).any(|ahead| self.symbol_at(ahead, Symbol::Star));
        if wild {
            self.at += length;
            let range = self.since(start);
            let name = Name::new(self.text_of(range), range);
            return Expr::new(ExprKind::Wildcard(name), range);
        }
        if self.peek().kind == TokenKind::Name
            && matches!(self.word(), "print" | "range" | "union")
            && !self.at_boundary()
        {
            // A source that belongs into brackets is read all the same where it is clear.
            let next = self.peek_at(1).kind;
            if next == TokenKind::Name && self.word() != "union" {
                return self.pipeline();
            }
        }
        let mut table = self.postfix();
        self.wildcard_member(&mut table);
        table
    }

    /// `database("d").Sign*`: the wildcard belongs to the last name.
    fn wildcard_member(&mut self, table: &mut Expr) {
        let adjacent = self.at_symbol(Symbol::Star) && self.peek().range.start == table.range.end;
        if let ExprKind::Path { steps, .. } = &mut table.kind
            && let Some(PathStepKind::Member(name)) = steps.last_mut().map(|step| &mut step.kind)
            && adjacent
        {
            self.at += self.pattern_length();
            table.range = self.since(table.range.start as usize);
            name.range.end = table.range.end;
            name.text = self.text_of(name.range).into();
        }
    }
}
