//! Operands: literals, names, calls, paths, brackets.

use super::Parser;
use crate::kql::diagnostic::{Diagnostic, TextRange, code};
use crate::kql::lexer::{Symbol, Token, TokenKind};
use crate::kql::literal::{self, Literal};
use crate::kql::syntax::{Argument, Call, Expr, ExprKind, Name, PathStep, PathStepKind, UnaryOp};
use crate::kql::types::Type;
use crate::kql::value::Value;

impl Parser<'_> {
    /// An operand with its signs. A minus before a number is part of the number.
    pub(super) fn unary(&mut self) -> Expr {
        let start = self.start();
        let op = match self.peek().kind {
            TokenKind::Symbol(Symbol::Minus) => UnaryOp::Minus,
            TokenKind::Symbol(Symbol::Plus) => UnaryOp::Plus,
            _ => return self.postfix(),
        };
        self.at += 1;
        if op == UnaryOp::Minus
            && let Some(value) = self.negative_number()
        {
            return Expr::new(ExprKind::Literal(value), self.since(start));
        }
        let tallest = std::mem::take(&mut self.height);
        if !self.open() {
            self.height = tallest;
            return Expr::new(ExprKind::Error, self.since(start));
        }
        let operand = Box::new(self.unary());
        self.shut(tallest);
        Expr::new(ExprKind::Unary { op, operand }, self.since(start))
    }

    /// The number behind a minus, negative.
    fn negative_number(&mut self) -> Option<Value> {
        let token = self.peek();
        let text = self.text_of(token.range);
        if self.symbol_at(1, Symbol::Dot) || self.symbol_at(1, Symbol::OpenBracket) {
            return None;
        }
        let value = match token.kind {
            // Read with its sign: the least long has no positive twin.
            TokenKind::Long => Value::Long(literal::parse_long(&format!("-{text}")).ok()?),
            TokenKind::Real => Value::Real(-literal::parse_real(text).ok()?),
            TokenKind::TimeSpan => Value::TimeSpan(literal::parse_timespan(&format!("-{text}"))?),
            _ => return None,
        };
        // A zero has no sign to keep: taken in, a minus more or less before it would read the same.
        if matches!(value, Value::Long(0) | Value::TimeSpan(0)) {
            return None;
        }
        self.at += 1;
        Some(value)
    }

    /// An operand and the path behind it.
    pub(super) fn postfix(&mut self) -> Expr {
        let start = self.start();
        let base = self.primary();
        let mut steps = Vec::new();
        loop {
            let at = self.start();
            let kind = if self.take(Symbol::Dot) {
                self.member()
            } else if self.at_symbol(Symbol::OpenBracket) && may_be_indexed(&base) {
                self.at += 1;
                let index = self.expression();
                self.close(Symbol::CloseBracket, at);
                PathStepKind::Index(index)
            } else {
                break;
            };
            steps.push(PathStep { kind, range: self.since(at) });
        }
        if steps.is_empty() {
            return base;
        }
        self.height += 1;
        Expr::new(ExprKind::Path { base: Box::new(base), steps }, self.since(start))
    }

    /// What stands behind a dot.
    fn member(&mut self) -> PathStepKind {
        if self.at_symbol(Symbol::Star) {
            let start = self.start();
            self.at += self.pattern_length();
            let range = self.since(start);
            return PathStepKind::Member(Name::new(self.text_of(range), range));
        }
        let name = self.name("a property's name");
        if !name.quoted && !name.text.is_empty() && self.at_symbol(Symbol::OpenParen) {
            return PathStepKind::Call(Call { name, arguments: self.arguments() });
        }
        PathStepKind::Member(name)
    }

    fn primary(&mut self) -> Expr {
        let token = self.peek();
        let start = self.start();
        let text = self.text_of(token.range);
        let kind = match token.kind {
            TokenKind::String | TokenKind::Hidden => self.strings(),
            TokenKind::Long => self.number(token, |text| literal::parse_long(text).map(Value::Long)),
            TokenKind::Real => self.number(token, |text| literal::parse_real(text).map(Value::Real)),
            TokenKind::TimeSpan => self.number(token, |text| literal::parse_unit_timespan(text).map(Value::TimeSpan)),
            TokenKind::Typed(ty) => {
                self.at += 1;
                match literal::parse_typed(ty, text) {
                    Ok(Literal::Value(value)) => ExprKind::Literal(value),
                    Ok(Literal::Today(ticks)) => ExprKind::Today(ticks),
                    Err(error) => {
                        self.say_literal(token, error);
                        ExprKind::Error
                    }
                }
            }
            TokenKind::Symbol(Symbol::Star) => {
                self.at += 1;
                ExprKind::Star
            }
            TokenKind::Symbol(Symbol::OpenParen) => {
                self.at += 1;
                let inner = self.pipeline();
                self.close(Symbol::CloseParen, start);
                ExprKind::Paren(Box::new(inner))
            }
            TokenKind::Symbol(Symbol::OpenBracket) if self.at_quoted_name() => self.name_or_call(),
            TokenKind::Symbol(Symbol::OpenBracket) => self.bare_array(start),
            TokenKind::Symbol(Symbol::OpenBrace) if self.symbol_at(2, Symbol::CloseBrace) => {
                self.at += 3;
                let range = self.since(start);
                let message = format!("`{}` is a place for a workbook's or rule's parameter", self.text_of(range));
                self.say(
                    Diagnostic::error(code::UNEXPECTED, range, message)
                        .with_help("put the value there, or a `let` of that name before the query"),
                );
                ExprKind::Error
            }
            TokenKind::Name => self.word_operand(token),
            TokenKind::Wrong(_) => {
                self.missing("an expression", None);
                self.at += 1;
                ExprKind::Error
            }
            _ => {
                self.missing("an expression", None);
                ExprKind::Error
            }
        };
        Expr::new(kind, self.since(start))
    }

    fn word_operand(&mut self, token: Token) -> ExprKind {
        match self.text_of(token.range) {
            "true" | "True" | "TRUE" => self.literal(Value::Bool(true)),
            "false" | "False" | "FALSE" => self.literal(Value::Bool(false)),
            "typeof" if self.at_columns(1) => {
                self.at += 1;
                ExprKind::TypeOfTable(Box::new(self.evaluate_schema()))
            }
            "typeof" if self.symbol_at(1, Symbol::OpenParen) => ExprKind::TypeOf(self.type_of()),
            "datatable" if self.symbol_at(1, Symbol::OpenParen) => self.data_table(),
            "externaldata" | "external_data" if self.symbol_at(1, Symbol::OpenParen) => self.external_data(),
            "and" | "or" if !self.symbol_at(1, Symbol::Assign) => {
                self.missing("an expression", None);
                ExprKind::Error
            }
            word => match foreign_unit(word) {
                Some(help) => {
                    let message = format!("`{word}` is not a timespan");
                    self.say(Diagnostic::error(code::LITERAL, token.range, message).with_help(help));
                    self.at += 1;
                    ExprKind::Error
                }
                None => self.name_or_call(),
            },
        }
    }

    /// `(*`, `(name:`, `(['name']:` at so many tokens from here.
    fn at_columns(&self, ahead: usize) -> bool {
        let quoted = self.symbol_at(ahead + 1, Symbol::OpenBracket) && self.symbol_at(ahead + 4, Symbol::Colon);
        self.symbol_at(ahead + 1, Symbol::Star) || self.symbol_at(ahead + 2, Symbol::Colon) || quoted
    }

    fn literal(&mut self, value: Value) -> ExprKind {
        self.at += 1;
        ExprKind::Literal(value)
    }

    fn number(&mut self, token: Token, read: impl FnOnce(&str) -> Result<Value, literal::LiteralError>) -> ExprKind {
        self.at += 1;
        match read(self.text_of(token.range)) {
            Ok(value) => ExprKind::Literal(value),
            Err(error) => {
                self.say_literal(token, error);
                ExprKind::Error
            }
        }
    }

    /// One string or several that stand side by side.
    pub(super) fn strings(&mut self) -> ExprKind {
        let mut text = String::new();
        let (mut hidden, mut wrong) = (false, false);
        while matches!(self.peek().kind, TokenKind::String | TokenKind::Hidden) {
            let token = self.next();
            hidden |= token.kind == TokenKind::Hidden;
            match literal::parse_string(self.text_of(token.range)) {
                Ok(part) => text.push_str(&part),
                Err(error) => {
                    self.say_literal(token, error);
                    wrong = true;
                }
            }
        }
        match (wrong, hidden) {
            (true, _) => ExprKind::Error,
            (_, true) => ExprKind::Hidden(text.into()),
            _ => ExprKind::Literal(Value::string(text)),
        }
    }

    fn name_or_call(&mut self) -> ExprKind {
        let name = self.name("a name");
        if self.at_symbol(Symbol::OpenParen) {
            return ExprKind::Call(Call { name, arguments: self.arguments() });
        }
        ExprKind::Name(name)
    }

    /// `(a, b = 1, T | where x)`
    pub(super) fn arguments(&mut self) -> Vec<Argument> {
        let open = self.start();
        self.at += 1;
        let mut arguments = Vec::new();
        while !self.at_symbol(Symbol::CloseParen) && self.peek().kind != TokenKind::End {
            let name = self.at_assignment().then(|| {
                let name = self.name("a name");
                self.at += 1;
                name
            });
            arguments.push(Argument { name, value: self.pipeline() });
            if !self.take(Symbol::Comma) {
                break;
            }
            if self.at_symbol(Symbol::CloseParen) {
                self.missing("an argument", Some("remove the comma, or write what is missing"));
            }
        }
        self.close(Symbol::CloseParen, open);
        arguments
    }

    /// `typeof(type)`
    pub(super) fn type_of(&mut self) -> Type {
        if !self.take_word("typeof") {
            let help = "write `typeof(long)`";
            self.missing("`typeof`", Some(help));
            return if self.at_name() { self.type_name() } else { Type::Dynamic };
        }
        let open = self.start();
        if !self.expect(Symbol::OpenParen, "(") {
            return Type::Dynamic;
        }
        let ty = self.type_name();
        self.close(Symbol::CloseParen, open);
        ty
    }

    /// `[1, 2]` without `dynamic`.
    fn bare_array(&mut self, start: usize) -> ExprKind {
        let message = "an array stands in `dynamic(…)`";
        let help = "write `dynamic([1, 2])`, or `pack_array(a, b)` with columns";
        let range = TextRange::new(start, start + 1);
        self.say(Diagnostic::error(code::UNEXPECTED, range, message).with_help(help));
        self.at += 1;
        self.skip(|kind| matches!(kind, TokenKind::Symbol(Symbol::CloseBracket | Symbol::Pipe | Symbol::Semicolon)));
        self.take(Symbol::CloseBracket);
        ExprKind::Error
    }
}

/// A bracket behind a name, call or another bracket is an index.
fn may_be_indexed(base: &Expr) -> bool {
    use ExprKind::{Call, Literal, Name, Paren, Today};
    matches!(base.kind, Name(_) | Call(_) | Paren(_) | Literal(_) | Today(_))
}

/// Units that other languages have: what to write for `5w`, `10us`, `1mo`.
fn foreign_unit(word: &str) -> Option<String> {
    let split = word.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = word.split_at(split);
    if number.is_empty() {
        return None;
    }
    match unit {
        "w" | "week" | "weeks" => Some(format!("write {}d", number.parse::<u64>().ok()?.checked_mul(7)?)),
        "us" => Some(format!("write {number}microsecond")),
        "ns" => Some("a tick, 100 nanoseconds, is the finest: write 1tick".into()),
        "mo" | "month" | "months" | "y" | "year" | "years" => {
            Some("months and years differ in length: use datetime_add('month', -1, now())".into())
        }
        _ => None,
    }
}
