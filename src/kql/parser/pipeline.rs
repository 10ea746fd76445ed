//! Pipelines: what they begin with, and which operator stands behind a pipe.

use super::Parser;
use crate::base::suggest::nearest;
use crate::kql::diagnostic::{Diagnostic, TextRange, code};
use crate::kql::lexer::{Symbol, TokenKind};
use crate::kql::syntax::{Expr, ExprKind, Operator, OperatorKind, RangeSource};

/// Every operator that may stand behind a pipe, old spellings last.
pub const OPERATORS: &[&str] = &[
    "as",
    "assert-schema",
    "consume",
    "count",
    "distinct",
    "evaluate",
    "execute_and_cache",
    "extend",
    "facet",
    "find",
    "fork",
    "getschema",
    "invoke",
    "join",
    "lookup",
    "make-series",
    "mv-apply",
    "mv-expand",
    "order",
    "parse",
    "parse-kv",
    "parse-where",
    "partition",
    "project",
    "project-away",
    "project-by-names",
    "project-keep",
    "project-rename",
    "project-reorder",
    "reduce",
    "render",
    "sample",
    "sample-distinct",
    "scan",
    "search",
    "serialize",
    "sort",
    "summarize",
    "take",
    "top",
    "top-hitters",
    "top-nested",
    "union",
    "where",
    "filter",
    "limit",
    "mvapply",
    "mvexpand",
];

/// Operators of Kusto that this language does not have.
const UNSUPPORTED: &[&str] = &[
    "graph-mark-components",
    "graph-match",
    "graph-merge",
    "graph-shortest-paths",
    "graph-to-table",
    "graph-where-edges",
    "graph-where-nodes",
    "macro-expand",
    "make-graph",
];

impl Parser<'_> {
    /// A source and the operators behind it; an expression where there are none.
    pub(super) fn pipeline(&mut self) -> Expr {
        let start = self.start();
        let tallest = std::mem::take(&mut self.height);
        if !self.open() {
            self.height = tallest;
            return Expr::new(ExprKind::Error, self.since(start));
        }
        let expr = if self.at_leading_operator() {
            let operator = self.operator();
            self.operators_from(None, vec![operator], start)
        } else {
            let source = self.source();
            self.operators(Some(source))
        };
        self.shut(tallest);
        expr
    }

    /// The body of `mv-apply`, `fork`, `facet` or `partition`, in whose brackets it stands: operators without a source, or a whole
    /// pipeline.
    pub(super) fn body_pipeline(&mut self) -> Expr {
        let operator = OPERATORS.contains(&self.word()) && !self.symbol_at(1, Symbol::Pipe) || self.is_bare_operator();
        if !operator {
            return self.pipeline();
        }
        let start = self.start();
        let tallest = std::mem::take(&mut self.height);
        if !self.open() {
            self.height = tallest;
            return Expr::new(ExprKind::Error, self.since(start));
        }
        let first = self.operator();
        let expr = self.operators_from(None, vec![first], start);
        self.shut(tallest);
        expr
    }

    /// Operators that need nothing behind their word.
    fn is_bare_operator(&self) -> bool {
        matches!(self.word(), "count" | "getschema" | "consume" | "serialize" | "project" | "execute_and_cache")
    }

    /// Operators that begin a pipeline of their own.
    fn at_leading_operator(&self) -> bool {
        let next = self.peek_at(1);
        let ends = matches!(
            next.kind,
            TokenKind::End
                | TokenKind::Symbol(
                    Symbol::Pipe
                        | Symbol::CloseParen
                        | Symbol::Comma
                        | Symbol::Semicolon
                        | Symbol::Assign
                        | Symbol::Dot
                        | Symbol::Operator
                )
        );
        match self.word() {
            "union" | "search" | "find" => !ends,
            "evaluate" => next.kind == TokenKind::Name,
            _ => false,
        }
    }

    /// `print`, `range`, or an expression.
    fn source(&mut self) -> Expr {
        let start = self.start();
        let next = self.peek_at(1);
        let is_name = matches!(
            next.kind,
            TokenKind::Symbol(
                Symbol::CloseParen | Symbol::Comma | Symbol::Assign | Symbol::Dot | Symbol::Operator | Symbol::Pipe
            )
        );
        let kind = match self.word() {
            "print" if !is_name => {
                self.at += 1;
                ExprKind::Print(self.named_expressions())
            }
            "range" if next.kind == TokenKind::Name || self.symbol_at(1, Symbol::OpenBracket) => self.range_source(),
            _ => return self.chain(false),
        };
        Expr::new(kind, self.since(start))
    }

    /// `range x from a to b step c`
    fn range_source(&mut self) -> ExprKind {
        self.at += 1;
        let help = "`range x from 1 to 10 step 1`";
        let column = self.name("a column's name");
        let mut part = |word: &str| {
            if !self.take_word(word) {
                self.missing(&format!("`{word}`"), Some(help));
                let range = self.since(self.start());
                return Expr::new(ExprKind::Error, range);
            }
            self.expression()
        };
        let (from, to, step) = (part("from"), part("to"), part("step"));
        ExprKind::Range(Box::new(RangeSource { column, from, to, step }))
    }

    /// `datatable(columns) [values]`
    pub(super) fn data_table(&mut self) -> ExprKind {
        self.at += 1;
        let columns = self.column_decls();
        let open = self.start();
        let values = if self.expect(Symbol::OpenBracket, "[") {
            self.bracketed(Symbol::CloseBracket, open, Self::expression)
        } else {
            Vec::new()
        };
        ExprKind::DataTable { columns, values }
    }

    /// `externaldata(columns) [uris] with (properties)`
    pub(super) fn external_data(&mut self) -> ExprKind {
        self.at += 1;
        let columns = self.column_decls();
        let open = self.start();
        let uris = if self.expect(Symbol::OpenBracket, "[") {
            self.bracketed(Symbol::CloseBracket, open, Self::expression)
        } else {
            Vec::new()
        };
        let properties = if self.at_word("with") && self.symbol_at(1, Symbol::OpenParen) {
            self.at += 1;
            self.bracketed_properties()
        } else {
            Vec::new()
        };
        ExprKind::ExternalData { columns, uris, properties }
    }

    /// The operators behind a source, each after its pipe.
    pub(super) fn operators(&mut self, source: Option<Expr>) -> Expr {
        let start = source.as_ref().map_or(self.start(), |source| source.range.start as usize);
        self.operators_from(source, Vec::new(), start)
    }

    pub(super) fn operators_from(&mut self, source: Option<Expr>, mut operators: Vec<Operator>, start: usize) -> Expr {
        loop {
            if self.take(Symbol::Pipe) {
                operators.push(self.operator());
                continue;
            }
            // A forgotten pipe: `T where x`.
            let begins = OPERATORS.contains(&self.word())
                && !self.symbol_at(1, Symbol::OpenParen)
                && !self.at_boundary_after_word();
            if begins && !self.at_assignment() && self.at > 0 && source.is_some() {
                let message = format!("a pipe is missing before `{}`", self.word());
                let help = format!("write `| {}`", self.word());
                self.diagnostics.push(Diagnostic::error(code::MISSING, self.peek().range, message).with_help(help));
                operators.push(self.operator());
                continue;
            }
            break;
        }
        match (source, operators.is_empty()) {
            (Some(source), true) => source,
            (source, _) => {
                let source = source.map(Box::new);
                Expr::new(ExprKind::Pipe { source, operators }, self.since(start))
            }
        }
    }

    /// The word is the last thing of its operator, so it is rather a name.
    fn at_boundary_after_word(&self) -> bool {
        let next = self.peek_at(1).kind;
        matches!(
            next,
            TokenKind::End
                | TokenKind::Symbol(
                    Symbol::Pipe
                        | Symbol::Semicolon
                        | Symbol::CloseParen
                        | Symbol::CloseBracket
                        | Symbol::CloseBrace
                        | Symbol::Comma
                )
        )
    }

    /// One operator, from its word to its end.
    pub(super) fn operator(&mut self) -> Operator {
        let start = self.start();
        let word = self.peek().range;
        let errors = self.last_error;
        let searching = std::mem::replace(&mut self.in_search, false);
        let kind = self.operator_kind();
        self.in_search = searching;
        while self.take_placeholder() {}
        if !self.at_boundary() {
            let next_begins = OPERATORS.contains(&self.word()) && !self.symbol_at(1, Symbol::OpenParen);
            if self.last_error == errors && !next_begins && !self.starts_statement() {
                self.unexpected();
            }
            if !next_begins && !self.starts_statement() {
                self.skip_operator();
            }
        }
        Operator { kind, word, range: self.since(start) }
    }

    /// A name on a new line where only an operator could go on: the statement before it lacks its semicolon.
    fn starts_statement(&self) -> bool {
        self.depth <= 1 && self.gap() != self.peek().range && self.peek().kind == TokenKind::Name
    }

    /// Something stands where an operator should have ended.
    pub(super) fn unexpected(&mut self) {
        let token = self.peek();
        if matches!(token.kind, TokenKind::Wrong(_)) {
            self.missing("", None);
            return;
        }
        let help = match token.kind {
            TokenKind::Name if self.word().eq_ignore_ascii_case("as") => {
                Some("a column's name stands before its value: `name = value`")
            }
            TokenKind::Name if matches!(self.word(), "by" | "on") => Some("what stands before it must be complete"),
            TokenKind::Name | TokenKind::Long | TokenKind::String | TokenKind::TimeSpan | TokenKind::Real => {
                Some("an operator or a comma may be missing before it")
            }
            _ => None,
        };
        let mut diagnostic =
            Diagnostic::error(code::UNEXPECTED, token.range, format!("{} should not stand here", self.found()));
        diagnostic.help = help.map(Into::into);
        self.say(diagnostic);
    }

    fn operator_kind(&mut self) -> OperatorKind {
        let token = self.peek();
        let mut word = self.word();
        if word.is_empty() {
            self.missing("an operator", Some("`where`, `extend`, `project`, `summarize`, `take`, …"));
            return OperatorKind::Error;
        }
        if self.take_placeholder() {
            self.skip_operator();
            return OperatorKind::Error;
        }
        if !OPERATORS.contains(&word) && !UNSUPPORTED.contains(&word) {
            let lower = word.to_ascii_lowercase();
            let meant = OPERATORS.iter().find(|name| **name == lower || name.replace('-', "") == lower);
            let near = meant.copied().or_else(|| nearest(word, OPERATORS.iter().copied()));
            self.unknown_operator(word, token.range, near);
            match meant {
                // What follows reads as it would, so that its own mistakes are shown too.
                Some(name) => word = name,
                None => match near {
                    Some(name) if !matches!(name, "as" | "scan" | "find" | "top" | "take" | "fork") => word = name,
                    _ => {
                        self.at += 1;
                        self.skip_operator();
                        return OperatorKind::Error;
                    }
                },
            }
        }
        self.at += 1;
        self.operator_of(word, token.range)
    }

    fn unknown_operator(&mut self, word: &str, range: TextRange, near: Option<&str>) {
        let foreign = match word.to_ascii_lowercase().as_str() {
            "select" => Some("project"),
            "group" | "groupby" | "stats" => Some("summarize … by …"),
            "having" => Some("where"),
            "head" => Some("take"),
            "tail" => Some("top … by … asc"),
            "uniq" | "unique" | "dedup" => Some("distinct"),
            "rename" => Some("project-rename"),
            "drop" | "fields" => Some("project-away"),
            "eval" | "let" | "print" => Some("extend"),
            "append" => Some("union"),
            _ => None,
        };
        let mut diagnostic = Diagnostic::error(code::UNKNOWN_OPERATOR, range, format!("there is no operator `{word}`"));
        diagnostic.help = foreign
            .map(|name| format!("write `{name}`"))
            .or_else(|| near.map(|name| format!("did you mean `{name}`?")));
        self.say(diagnostic);
        // What follows is judged by itself.
        self.last_error = None;
    }

    fn operator_of(&mut self, word: &str, range: TextRange) -> OperatorKind {
        match word {
            "where" | "filter" => OperatorKind::Where { predicate: self.expression() },
            "extend" => OperatorKind::Extend { columns: self.named_expressions() },
            "project" => OperatorKind::Project {
                columns: if self.at_boundary() { Vec::new() } else { self.named_expressions() },
            },
            "project-away" => OperatorKind::ProjectAway { columns: self.list(Self::column_pattern) },
            "project-keep" => OperatorKind::ProjectKeep { columns: self.list(Self::column_pattern) },
            "project-rename" => OperatorKind::ProjectRename { columns: self.list(Self::rename) },
            "project-reorder" => OperatorKind::ProjectReorder { columns: self.list(Self::reorder_column) },
            "project-by-names" => OperatorKind::ProjectByNames { columns: self.list(Self::table_item) },
            "summarize" => self.summarize(),
            "distinct" => OperatorKind::Distinct { hints: self.properties(&[]), columns: self.named_expressions() },
            "sort" | "order" => self.sort(),
            "top" => self.top(),
            "top-nested" => OperatorKind::TopNested { levels: self.top_nested() },
            "top-hitters" => self.top_hitters(),
            "take" | "limit" => OperatorKind::Take { count: self.expression() },
            "count" => {
                let name = self.take_word("as").then(|| self.name("a name"));
                OperatorKind::Count { name }
            }
            "join" => self.join(false),
            "lookup" => self.join(true),
            "union" => self.union(),
            "find" => self.find(),
            "search" => self.search(),
            "parse" => self.parse_operator(false),
            "parse-where" => self.parse_operator(true),
            "parse-kv" => self.parse_kv(),
            "mv-expand" => self.mv_expand(false),
            "mvexpand" => self.mv_expand(true),
            "mv-apply" | "mvapply" => self.mv_apply(),
            "make-series" => self.make_series(),
            "serialize" => OperatorKind::Serialize {
                columns: if self.at_boundary() { Vec::new() } else { self.named_expressions() },
            },
            "scan" => self.scan(),
            "partition" => self.partition(),
            "evaluate" => self.evaluate(),
            "invoke" => OperatorKind::Invoke { function: self.invoke_target() },
            "as" => OperatorKind::As { hints: self.properties(&[]), name: self.name("a name") },
            "render" => self.render(),
            "facet" => self.facet(),
            "fork" => self.fork(),
            "consume" => OperatorKind::Consume { properties: self.properties(&["decodeblocks"]) },
            "getschema" => OperatorKind::GetSchema,
            "sample" => OperatorKind::Sample { count: self.expression() },
            "sample-distinct" => {
                let count = self.expression();
                self.keyword("of", "`sample-distinct 10 of column`");
                OperatorKind::SampleDistinct { count, of: self.expression() }
            }
            "reduce" => self.reduce(),
            "assert-schema" => OperatorKind::AssertSchema { columns: self.column_decls() },
            "execute_and_cache" => OperatorKind::ExecuteAndCache,
            _ => {
                let name = crate::kql::syntax::Name::new(self.text_of(range), range);
                self.skip_operator();
                OperatorKind::Unsupported { name }
            }
        }
    }

    /// A word that must stand here.
    pub(super) fn keyword(&mut self, word: &str, example: &str) -> bool {
        let found = self.take_word(word);
        if !found {
            self.missing(&format!("`{word}`"), Some(example));
        }
        found
    }
}
