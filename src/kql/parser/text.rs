//! Operators that look through text: `parse`, `parse-kv`, `search`, `find`.

use super::Parser;
use crate::kql::diagnostic::{Diagnostic, code};
use crate::kql::lexer::{Symbol, TokenKind};
use crate::kql::syntax::{
    ColumnPattern, Expr, ExprKind, Find, FindColumn, OperatorKind, Parse, ParseKind, ParsePart, Property, Search,
};
use crate::kql::types::Type;
use crate::kql::value::Value;

impl Parser<'_> {
    pub(super) fn parse_operator(&mut self, only_matching: bool) -> OperatorKind {
        let (mut kind, mut flags) = (None, None);
        for property in self.properties(&["kind", "flags"]) {
            match (&*property.name.text, property.value.as_name()) {
                ("kind", name) => kind = self.parse_kind(&property, name.map_or("", |name| &*name.text)),
                ("flags", Some(name)) => flags = Some(name.text.clone()),
                _ => {}
            }
        }
        let input = self.expression();
        let mut pattern = Vec::new();
        if self.keyword("with", "`parse column with * \"text\" name: type *`") {
            while !self.at_boundary() {
                match self.parse_part() {
                    Some(part) => pattern.push(part),
                    None => break,
                }
            }
            if pattern.is_empty() {
                self.missing("a pattern", Some("strings, `*` for anything, and names to capture"));
            }
        }
        OperatorKind::Parse(Box::new(Parse { only_matching, kind, flags, input, pattern }))
    }

    fn parse_kind(&mut self, property: &Property, word: &str) -> Option<ParseKind> {
        match word {
            "simple" => Some(ParseKind::Simple),
            "regex" => Some(ParseKind::Regex),
            "relaxed" => Some(ParseKind::Relaxed),
            _ => {
                let message = format!("`{}` is no kind of parse", self.text_of(property.value.range));
                let diagnostic = Diagnostic::error(code::UNKNOWN_OPTION, property.value.range, message);
                self.diagnostics.push(diagnostic.with_help("it is simple, relaxed or regex"));
                None
            }
        }
    }

    fn parse_part(&mut self) -> Option<ParsePart> {
        match self.peek().kind {
            TokenKind::Symbol(Symbol::Star) => {
                self.at += 1;
                Some(ParsePart::Skip)
            }
            TokenKind::String | TokenKind::Hidden => match self.strings() {
                ExprKind::Literal(Value::String(text)) | ExprKind::Hidden(text) => Some(ParsePart::Text(text)),
                _ => Some(ParsePart::Skip),
            },
            TokenKind::Name | TokenKind::Symbol(Symbol::OpenBracket) if self.at_name() => {
                let name = self.name("a name");
                let ty = self.take(Symbol::Colon).then(|| self.type_name());
                Some(ParsePart::Column { name, ty })
            }
            _ => {
                self.missing("a string, `*` or a name", None);
                None
            }
        }
    }

    /// `parse-kv x as (a: string, b: long) with (pair_delimiter = ";")`
    pub(super) fn parse_kv(&mut self) -> OperatorKind {
        let input = self.expression();
        let columns =
            if self.keyword("as", "`parse-kv column as (key: string)`") { self.column_decls() } else { Vec::new() };
        let properties = if self.take_word("with") { self.bracketed_properties() } else { Vec::new() };
        OperatorKind::ParseKv { input, columns, properties }
    }

    /// `search kind = case_sensitive in (tables) predicate`
    pub(super) fn search(&mut self) -> OperatorKind {
        let mut search = Search {
            case_sensitive: false,
            hints: Vec::new(),
            tables: Vec::new(),
            predicate: Expr::new(ExprKind::Error, self.peek().range),
        };
        for property in self.properties(&["kind"]) {
            if &*property.name.text == "kind" {
                search.case_sensitive = self.text_of(property.value.range) == "case_sensitive";
            } else {
                search.hints.push(property);
            }
        }
        search.tables = self.in_tables();
        search.predicate = self.search_predicate();
        OperatorKind::Search(Box::new(search))
    }

    /// `in (a, b*)`
    fn in_tables(&mut self) -> Vec<Expr> {
        if !(self.at_word("in") && self.symbol_at(1, Symbol::OpenParen)) {
            return Vec::new();
        }
        self.at += 1;
        let open = self.start();
        self.at += 1;
        self.bracketed(Symbol::CloseParen, open, Self::table_item)
    }

    fn search_predicate(&mut self) -> Expr {
        let searching = std::mem::replace(&mut self.in_search, true);
        let predicate = self.expression();
        self.in_search = searching;
        predicate
    }

    pub(super) fn find(&mut self) -> OperatorKind {
        let mut find = Find {
            source_column: None,
            hints: Vec::new(),
            tables: Vec::new(),
            predicate: Expr::new(ExprKind::Error, self.peek().range),
            project: None,
            project_away: Vec::new(),
        };
        for property in self.properties(&["withsource", "with_source", "datascope"]) {
            match &*property.name.text {
                "withsource" | "with_source" => find.source_column = self.source_column(&property),
                _ => find.hints.push(property),
            }
        }
        find.tables = self.in_tables();
        self.take_word("where");
        find.predicate = self.search_predicate();
        if self.take_word("project") {
            find.project = Some(self.list(Self::find_column));
        } else {
            self.take_word("project-smart");
        }
        if self.take_word("project-away") {
            find.project_away =
                self.list(Self::column_pattern).into_iter().filter(|p: &ColumnPattern| !p.text.is_empty()).collect();
        }
        OperatorKind::Find(Box::new(find))
    }

    fn find_column(&mut self) -> FindColumn {
        if matches!(self.word(), "pack" | "pack_all") && self.symbol_at(1, Symbol::OpenParen) {
            self.at += 1;
            let open = self.start();
            self.at += 1;
            self.take(Symbol::Star);
            self.close(Symbol::CloseParen, open);
            return FindColumn::Pack;
        }
        let name = self.name("a column's name");
        let ty: Option<Type> = self.take(Symbol::Colon).then(|| self.type_name());
        FindColumn::Column { name, ty }
    }
}
