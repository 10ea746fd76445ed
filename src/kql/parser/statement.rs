//! Statements: `let`, `declare`, `set`, `alias`, `restrict`, and queries.

use super::Parser;
use crate::kql::diagnostic::{Diagnostic, TextRange, code};
use crate::kql::lexer::{Symbol, TokenKind};
use crate::kql::syntax::{
    ColumnDecl, Expr, ExprKind, Function, Parameter, ParameterType, Pattern, PatternCase, Query, Statement,
    StatementKind,
};
use crate::kql::types::Type;

impl Parser<'_> {
    pub(super) fn query(&mut self) -> Query {
        if self.at_symbol(Symbol::Dot) {
            let range = TextRange { start: self.peek().range.start, end: self.text.len() as u32 };
            let message = "this is a management command; only queries run here";
            self.say(
                Diagnostic::error(code::COMMAND, range, message)
                    .with_help("begin with a table: `OnePasswordEvents | take 10`"),
            );
            let statement = Statement { kind: StatementKind::Error, range };
            self.at = self.tokens.len() - 1;
            return Query { statements: vec![statement] };
        }
        let statements = self.statements(false);
        if statements.is_empty() {
            let message = "the query is empty";
            self.say(
                Diagnostic::error(code::EMPTY, self.peek().range, message)
                    .with_help("begin with a table: `OnePasswordEvents | take 10`"),
            );
        }
        Query { statements }
    }

    /// Statements up to the end of the text, or in a function's body up to its brace.
    fn statements(&mut self, in_body: bool) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            while self.take(Symbol::Semicolon) {}
            if self.peek().kind == TokenKind::End || in_body && self.at_symbol(Symbol::CloseBrace) {
                return statements;
            }
            let before = self.at;
            let statement = self.statement();
            statements.push(statement);
            if self.at_symbol(Symbol::Semicolon) || self.peek().kind == TokenKind::End {
                continue;
            }
            if in_body && matches!(self.peek().kind, TokenKind::Symbol(Symbol::CloseBrace)) {
                continue;
            }
            self.after_statement(&mut statements, before, in_body);
        }
    }

    /// A statement ended where no statement may end.
    fn after_statement(&mut self, statements: &mut [Statement], before: usize, in_body: bool) {
        let token = self.peek();
        let closer =
            matches!(token.kind, TokenKind::Symbol(Symbol::CloseParen | Symbol::CloseBracket | Symbol::CloseBrace));
        // A placeholder may stand for several statements, their semicolons too.
        if self.at > before && !closer && (self.after_placeholder() || self.at_placeholder()) {
            return;
        }
        if closer {
            if in_body && !self.at_symbol(Symbol::CloseBrace) {
                // The enclosing bracket is another; the body says that its brace is missing.
                self.missing("`}`", None);
            } else {
                let message = format!("{} closes nothing", self.found());
                self.say(
                    Diagnostic::error(code::BRACKET, token.range, message)
                        .with_help("remove it, or open the bracket that it closes"),
                );
            }
            self.at += 1;
            // What follows belongs to the same pipeline, so that its mistakes are shown too.
            if self.at_symbol(Symbol::Pipe)
                && let Some(Statement {
                    kind: StatementKind::Expr(expr) | StatementKind::Let { value: expr, .. }, ..
                }) = statements.last_mut()
            {
                let source = std::mem::replace(expr, Expr::new(ExprKind::Error, expr.range));
                *expr = self.operators(Some(source));
            }
            return;
        }
        let starts_line = self.gap() != token.range;
        if starts_line && self.at > before && matches!(token.kind, TokenKind::Name) {
            let message = "`;` is missing between two statements";
            self.say(
                Diagnostic::error(code::MISSING, self.gap(), message)
                    .with_help("end each statement but the last with `;`"),
            );
            return;
        }
        if self.last_error != Some(self.at) {
            self.unexpected();
        }
        self.skip(|kind| matches!(kind, TokenKind::Symbol(Symbol::Semicolon)));
        if self.at == before {
            self.at += 1;
        }
    }

    fn statement(&mut self) -> Statement {
        let start = self.start();
        let ahead = self.word_at(1);
        let kind = match self.word() {
            "let" if !ahead.is_empty() || self.symbol_at(1, Symbol::OpenBracket) => self.let_statement(),
            "declare" if ahead == "query_parameters" => {
                self.at += 2;
                StatementKind::Parameters(self.parameters())
            }
            "declare" if ahead == "pattern" => self.pattern(),
            "declare" => {
                self.at += 1;
                let help = "`declare query_parameters(name: type = value)`";
                self.missing("`query_parameters` or `pattern`", Some(help));
                self.skip(|kind| kind == TokenKind::Symbol(Symbol::Semicolon));
                StatementKind::Error
            }
            "set" if !ahead.is_empty() => self.set(),
            "alias" if ahead == "database" => {
                self.at += 2;
                let name = self.name("a name");
                self.expect(Symbol::Assign, "=");
                StatementKind::Alias { name, target: self.expression() }
            }
            "restrict" if ahead == "access" => self.restrict(),
            word if word.eq_ignore_ascii_case("select") && self.looks_like_sql() => self.sql(),
            _ if self.at_operator_without_table() => StatementKind::Expr(self.pipeline_without_table()),
            _ => StatementKind::Expr(self.pipeline()),
        };
        Statement { kind, range: self.since(start) }
    }

    fn let_statement(&mut self) -> StatementKind {
        self.at += 1;
        let name = self.name("a name");
        if !self.take(Symbol::Assign) {
            self.missing("`=`", Some("`let name = value;`"));
            self.skip(|kind| kind == TokenKind::Symbol(Symbol::Semicolon));
            return StatementKind::Error;
        }
        if self.at_function() {
            let start = self.start();
            let function = self.function();
            return StatementKind::Let {
                name,
                value: Expr::new(ExprKind::Function(Box::new(function)), self.since(start)),
            };
        }
        StatementKind::Let { name, value: self.pipeline() }
    }

    /// `view (`, `() {`, `(name:`
    fn at_function(&self) -> bool {
        if self.at_word("view") && self.symbol_at(1, Symbol::OpenParen) {
            return true;
        }
        let quoted = self.symbol_at(1, Symbol::OpenBracket) && self.symbol_at(4, Symbol::Colon);
        self.at_symbol(Symbol::OpenParen)
            && (self.symbol_at(1, Symbol::CloseParen) && self.symbol_at(2, Symbol::OpenBrace)
                || self.peek_at(1).kind == TokenKind::Name && self.symbol_at(2, Symbol::Colon)
                || quoted)
    }

    fn function(&mut self) -> Function {
        let view = self.take_word("view");
        let parameters = self.parameters();
        Function { view, parameters, body: self.body() }
    }

    /// `{ statements }`
    fn body(&mut self) -> Vec<Statement> {
        let open = self.start();
        if !self.expect(Symbol::OpenBrace, "{") {
            return Vec::new();
        }
        let tallest = std::mem::take(&mut self.height);
        if !self.open() {
            self.skip(|kind| kind == TokenKind::Symbol(Symbol::CloseBrace));
            self.take(Symbol::CloseBrace);
            self.height = self.height.max(tallest);
            return Vec::new();
        }
        let statements = self.statements(true);
        if statements.is_empty() {
            let message = "the function gives nothing: its body is empty";
            self.say(Diagnostic::error(code::EMPTY, self.peek().range, message));
        }
        self.shut(tallest);
        self.close(Symbol::CloseBrace, open);
        statements
    }

    /// `(name: type = default, …)`
    pub(super) fn parameters(&mut self) -> Vec<Parameter> {
        let open = self.start();
        if !self.expect(Symbol::OpenParen, "(") {
            return Vec::new();
        }
        self.bracketed(Symbol::CloseParen, open, Self::parameter)
    }

    fn parameter(&mut self) -> Parameter {
        let start = self.start();
        let name = self.name("a parameter's name");
        if !self.take(Symbol::Colon) {
            self.missing("`:` and a type", Some("`name: string`, or `T: (*)` for a table"));
        }
        let ty = self.parameter_type();
        let default = if self.take(Symbol::Assign) { Some(self.expression()) } else { None };
        Parameter { name, ty, default, range: self.since(start) }
    }

    fn parameter_type(&mut self) -> ParameterType {
        let open = self.start();
        if !self.take(Symbol::OpenParen) {
            return ParameterType::Scalar(self.type_name());
        }
        if self.take(Symbol::Star) {
            self.close(Symbol::CloseParen, open);
            return ParameterType::AnyTable;
        }
        ParameterType::Table(self.bracketed(Symbol::CloseParen, open, Self::column_decl))
    }

    /// `(name: type, …)`
    pub(super) fn column_decls(&mut self) -> Vec<ColumnDecl> {
        let open = self.start();
        if !self.expect(Symbol::OpenParen, "(") {
            return Vec::new();
        }
        self.bracketed(Symbol::CloseParen, open, Self::column_decl)
    }

    pub(super) fn column_decl(&mut self) -> ColumnDecl {
        let start = self.start();
        let name = self.name("a column's name");
        let ty = if self.take(Symbol::Colon) {
            self.type_name()
        } else {
            self.missing("`:` and a type", Some("`name: string`"));
            Type::String
        };
        ColumnDecl { name, ty, range: self.since(start) }
    }

    /// A type's name; string stands in for an unknown one.
    pub(super) fn type_name(&mut self) -> Type {
        if let Some(ty) = Type::from_name(self.word()) {
            self.at += 1;
            return ty;
        }
        if self.take_placeholder() {
            return Type::Dynamic;
        }
        let names = Type::ALL.map(|ty| (ty.name(), ty));
        self.choice("a type", &names).unwrap_or(Type::String)
    }

    fn pattern(&mut self) -> StatementKind {
        self.at += 2;
        let name = self.name("the pattern's name");
        if !self.take(Symbol::Assign) {
            return StatementKind::Pattern(Box::new(Pattern {
                name,
                parameters: Vec::new(),
                path: None,
                cases: Vec::new(),
            }));
        }
        let parameters = self.parameters();
        let open = self.start();
        let path = self.take(Symbol::OpenBracket).then(|| {
            let parameter = self.parameter();
            self.close(Symbol::CloseBracket, open);
            parameter
        });
        let open = self.start();
        let mut cases = Vec::new();
        if self.expect(Symbol::OpenBrace, "{") {
            while self.at_symbol(Symbol::OpenParen) {
                cases.push(self.pattern_case());
                while self.take(Symbol::Semicolon) {}
            }
            self.close(Symbol::CloseBrace, open);
        }
        StatementKind::Pattern(Box::new(Pattern { name, parameters, path, cases }))
    }

    /// `("x").["y"] = { body }`
    fn pattern_case(&mut self) -> PatternCase {
        let open = self.start();
        self.at += 1;
        let arguments = self.bracketed(Symbol::CloseParen, open, Self::expression);
        let path = self.take(Symbol::Dot).then(|| {
            let open = self.start();
            let bracket = self.take(Symbol::OpenBracket);
            let path = self.expression();
            if bracket {
                self.close(Symbol::CloseBracket, open);
            }
            path
        });
        self.expect(Symbol::Assign, "=");
        PatternCase { arguments, path, body: self.body() }
    }

    fn set(&mut self) -> StatementKind {
        self.at += 1;
        let name = self.name("an option's name");
        let value = if self.take(Symbol::Assign) { Some(self.expression()) } else { None };
        StatementKind::Set { name, value }
    }

    fn restrict(&mut self) -> StatementKind {
        self.at += 2;
        if !self.take_word("to") {
            self.missing("`to`", Some("`restrict access to (table, …)`"));
        }
        let open = self.start();
        let targets = if self.expect(Symbol::OpenParen, "(") {
            self.bracketed(Symbol::CloseParen, open, Self::table_item)
        } else {
            Vec::new()
        };
        StatementKind::Restrict { targets }
    }

    /// `select` and, on the way to the end of the statement, `from`.
    fn looks_like_sql(&self) -> bool {
        let ahead = self.tokens[self.at..].iter().take(60);
        let mut words =
            ahead.take_while(|t| t.kind != TokenKind::Symbol(Symbol::Semicolon)).filter(|t| t.kind == TokenKind::Name);
        words.any(|t| self.text_of(t.range).eq_ignore_ascii_case("from"))
    }

    fn sql(&mut self) -> StatementKind {
        let token = self.next();
        let help = "a query is a table and steps behind pipes: `Table | where column == 1 | project column | take 10`";
        self.diagnostics.push(Diagnostic::error(code::FOREIGN, token.range, "this is SQL").with_help(help));
        self.skip(|kind| kind == TokenKind::Symbol(Symbol::Semicolon));
        StatementKind::Error
    }
}
