//! Expressions: what stands between operands.

use super::{DEPTH, Parser};
use crate::kql::diagnostic::{Diagnostic, TextRange, code};
use crate::kql::lexer::{Symbol, TokenKind, Wrong};
use crate::kql::syntax::{BinaryOp, Binding, Expr, ExprKind, InOp, NamedExpr};

/// What may stand between two operands, and how many tokens it has.
#[derive(Clone, Copy)]
enum Infix {
    Binary(BinaryOp),
    In(InOp),
    Between {
        negated: bool,
    },
    /// A placeholder: an operator, or the rest of a condition.
    Placeholder {
        operand: bool,
    },
}

impl Infix {
    fn binding(self) -> Binding {
        match self {
            Self::Binary(op) => op.binding(),
            Self::In(_) | Self::Between { .. } | Self::Placeholder { .. } => Binding::Equality,
        }
    }
}

fn tighter(binding: Binding) -> Option<Binding> {
    match binding {
        Binding::Equality => Some(Binding::Relational),
        Binding::Relational => Some(Binding::Additive),
        Binding::Additive => Some(Binding::Multiplicative),
        Binding::Multiplicative => Some(Binding::Text),
        Binding::Text => None,
    }
}

impl Parser<'_> {
    /// An expression without pipes of its own.
    pub(super) fn expression(&mut self) -> Expr {
        let start = self.start();
        let tallest = std::mem::take(&mut self.height);
        if !self.open() {
            self.height = tallest;
            return Expr::new(ExprKind::Error, self.since(start));
        }
        let expr = self.chain(false);
        self.shut(tallest);
        expr
    }

    /// `a or b or c` as one node, and inside it `a and b and c`.
    pub(super) fn chain(&mut self, and: bool) -> Expr {
        let start = self.start();
        let first = if and { self.binary(Binding::Equality) } else { self.chain(true) };
        if !self.at_logic(and) {
            return first;
        }
        let mut terms = vec![first];
        while self.at_logic(and) {
            self.say_foreign_logic(if and { "and" } else { "or" });
            self.at += 1;
            terms.push(if and { self.binary(Binding::Equality) } else { self.chain(true) });
        }
        let kind = if and { ExprKind::And(terms) } else { ExprKind::Or(terms) };
        Expr::new(kind, self.since(start))
    }

    /// `and`, `AND`, `&&`
    fn at_logic(&self, and: bool) -> bool {
        let token = self.peek();
        match token.kind {
            TokenKind::Name => self.text_of(token.range).eq_ignore_ascii_case(if and { "and" } else { "or" }),
            TokenKind::Wrong(Wrong::Logic) => self.text_of(token.range) == if and { "&&" } else { "||" },
            _ => false,
        }
    }

    fn say_foreign_logic(&mut self, word: &str) {
        let token = self.peek();
        let text = self.text_of(token.range);
        if text != word {
            let message = format!("`{text}` is not KQL");
            self.say(Diagnostic::error(code::FOREIGN, token.range, message).with_help(format!("write `{word}`")));
        }
    }

    /// Operands and the operators between them that bind at least as tightly as `least`.
    pub(super) fn binary(&mut self, least: Binding) -> Expr {
        let start = self.start();
        let tallest = std::mem::take(&mut self.height);
        let mut left = self.unary();
        while let Some((infix, length)) = self.infix() {
            if infix.binding() < least {
                break;
            }
            if self.depth + self.height >= DEPTH {
                let message = format!("more than {DEPTH} operators in a row");
                let help = "name a part with `let`, or use strcat() or array_sum() for long rows";
                self.say(Diagnostic::error(code::TOO_DEEP, self.peek().range, message).with_help(help));
                self.skip_operator();
                break;
            }
            self.at += length;
            let kind = self.right_side(infix, left);
            left = Expr::new(kind, self.since(start));
            self.height += 1;
        }
        self.height = self.height.max(tallest);
        left
    }

    fn right_side(&mut self, infix: Infix, left: Expr) -> ExprKind {
        let left = Box::new(left);
        match infix {
            Infix::Binary(op) => {
                let right = self.right_operand(op);
                ExprKind::Binary { op, left, right: Box::new(right) }
            }
            Infix::In(op) => ExprKind::In { op, operand: left, list: self.in_list(op) },
            Infix::Between { negated } => self.between(left, negated),
            Infix::Placeholder { operand } => {
                if operand {
                    self.right_operand(BinaryOp::Eq);
                }
                ExprKind::Error
            }
        }
    }

    fn right_operand(&mut self, op: BinaryOp) -> Expr {
        let Some(least) = tighter(op.binding()) else { return self.unary() };
        let start = self.start();
        let tallest = std::mem::take(&mut self.height);
        if !self.open() {
            self.height = tallest;
            return Expr::new(ExprKind::Error, self.since(start));
        }
        let right = self.binary(least);
        self.shut(tallest);
        right
    }

    /// The operator that stands here, and its length in tokens.
    fn infix(&mut self) -> Option<(Infix, usize)> {
        let token = self.peek();
        let text = self.text_of(token.range);
        let binary = |op| Some((Infix::Binary(op), 1));
        match token.kind {
            TokenKind::Symbol(Symbol::Plus) => binary(BinaryOp::Add),
            TokenKind::Symbol(Symbol::Minus) => binary(BinaryOp::Sub),
            TokenKind::Symbol(Symbol::Star) => binary(BinaryOp::Mul),
            TokenKind::Symbol(Symbol::Slash) => binary(BinaryOp::Div),
            TokenKind::Symbol(Symbol::Percent) => binary(BinaryOp::Mod),
            TokenKind::Symbol(Symbol::Colon) if self.in_search => binary(BinaryOp::Search),
            TokenKind::Symbol(Symbol::Assign) => {
                let help =
                    "to compare write `==`; a name stands before `=` at the start of a column, and is a name alone";
                self.say(Diagnostic::error(code::FOREIGN, token.range, "`=` compares nothing").with_help(help));
                binary(BinaryOp::Eq)
            }
            TokenKind::Symbol(Symbol::Operator) if text == "!between" => Some((Infix::Between { negated: true }, 1)),
            TokenKind::Symbol(Symbol::Operator) => match InOp::from_text(text) {
                Some(op) => Some((Infix::In(op), 1)),
                None => BinaryOp::from_text(text).and_then(binary),
            },
            TokenKind::Name => self.infix_word(text, token.range),
            _ => None,
        }
    }

    fn infix_word(&mut self, word: &str, range: TextRange) -> Option<(Infix, usize)> {
        if self.at_placeholder() {
            return Some((Infix::Placeholder { operand: self.placeholder_is_operator() }, 1));
        }
        match word {
            "between" => return Some((Infix::Between { negated: false }, 1)),
            "matches" => {
                let regex = self.word_at(1) == "regex";
                if !regex {
                    let help = "write `matches regex @\"…\"`";
                    self.say(
                        Diagnostic::error(code::MISSING, range, "`regex` should stand after `matches`").with_help(help),
                    );
                }
                return Some((Infix::Binary(BinaryOp::MatchesRegex), if regex { 2 } else { 1 }));
            }
            "not" if matches!(self.word_at(1), "in" | "has" | "contains" | "between" | "startswith" | "endswith") => {
                let after = self.word_at(1);
                self.say_foreign(range, "`not` stands before a bracket only", &format!("write `!{after}`"));
                let infix = match after {
                    "in" => Infix::In(InOp::NotIn),
                    "between" => Infix::Between { negated: true },
                    other => Infix::Binary(BinaryOp::from_text(&format!("!{other}"))?),
                };
                return Some((infix, 2));
            }
            "is" | "IS"
                if self.word_at(1).eq_ignore_ascii_case("null") || self.word_at(2).eq_ignore_ascii_case("null") =>
            {
                let help = "write isnull(x), isnotnull(x); for strings isempty(x), isnotempty(x)";
                self.say_foreign(range, "`is null` is SQL", help);
                // `is [not] null` becomes `== null`, said already.
                return Some((
                    Infix::Binary(BinaryOp::Eq),
                    if self.word_at(1).eq_ignore_ascii_case("not") { 2 } else { 1 },
                ));
            }
            _ => {}
        }
        if let Some(op) = InOp::from_text(word) {
            return Some((Infix::In(op), 1));
        }
        if let Some(op) = BinaryOp::from_text(word) {
            return Some((Infix::Binary(op), 1));
        }
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "like" | "ilike" | "rlike" | "notlike" => {
                let help = "write contains, startswith, endswith, has, or matches regex";
                // Kusto reads it still, though no page of its documentation says so. Text that is only checked may have it.
                let kusto = matches!(word, "like" | "notlike") && self.templates;
                if kusto {
                    return Some((Infix::Placeholder { operand: true }, 1));
                }
                self.say_foreign(range, &format!("`{word}` is SQL"), help);
                Some((Infix::Binary(BinaryOp::Contains), 1))
            }
            _ if lower == word => None,
            "in" => {
                self.say_foreign(range, &format!("`{word}` is not KQL"), "write `in`");
                Some((Infix::In(InOp::In), 1))
            }
            "between" => {
                self.say_foreign(range, &format!("`{word}` is not KQL"), "write `between (low .. high)`");
                Some((Infix::Between { negated: false }, 1))
            }
            _ => {
                let op = BinaryOp::from_text(&lower)?;
                self.say_foreign(range, &format!("`{word}` is not KQL"), &format!("write `{}`", op.name()));
                Some((Infix::Binary(op), 1))
            }
        }
    }

    fn say_foreign(&mut self, range: TextRange, message: &str, help: &str) {
        self.say(Diagnostic::error(code::FOREIGN, range, message).with_help(help));
    }

    /// `(a, b)` or `(table | …)` behind `in` and its kin.
    fn in_list(&mut self, op: InOp) -> Vec<Expr> {
        let open = self.start();
        if self.take(Symbol::OpenParen) {
            return self.bracketed(Symbol::CloseParen, open, Self::pipeline);
        }
        if self.at_placeholder() {
            return vec![self.unary()];
        }
        let help = format!("write `{} (…)`", op.name());
        self.missing("`(`", Some(&help));
        if self.at_boundary() { Vec::new() } else { vec![self.unary()] }
    }

    fn between(&mut self, operand: Box<Expr>, negated: bool) -> ExprKind {
        let help = "write `between (low .. high)`";
        let open = self.start();
        let bracket = self.take(Symbol::OpenParen);
        if !bracket {
            if self.take_placeholder() {
                return ExprKind::Error;
            }
            self.missing("`(`", Some(help));
        }
        let low = self.between_bound();
        if self.after_placeholder() && self.at_symbol(Symbol::CloseParen) {
            self.at += 1;
            return ExprKind::Error;
        }
        if !self.take(Symbol::DotDot) {
            if bracket {
                self.missing("`..`", Some(help));
            }
            // SQL says `between a and b`, others `between (a, b)`.
            if self.at_logic(true) || self.at_symbol(Symbol::Comma) {
                self.at += 1;
            }
        }
        let high = self.between_bound();
        if bracket {
            self.close(Symbol::CloseParen, open);
        }
        ExprKind::Between { operand, low: Box::new(low), high: Box::new(high), negated }
    }

    fn between_bound(&mut self) -> Expr {
        let start = self.start();
        let tallest = std::mem::take(&mut self.height);
        if !self.open() {
            self.height = tallest;
            return Expr::new(ExprKind::Error, self.since(start));
        }
        let bound = self.binary(Binding::Equality);
        self.shut(tallest);
        bound
    }

    /// `e`, `x = e`, `(a, b) = e`
    pub(super) fn named_expression(&mut self) -> NamedExpr {
        self.named(Self::expression)
    }

    /// Names and `=` if there are any, then what `value` reads.
    pub(super) fn named(&mut self, value: impl FnOnce(&mut Self) -> Expr) -> NamedExpr {
        let start = self.start();
        let mut names = Vec::new();
        if self.at_assignment() {
            names.push(self.name("a name"));
            self.at += 1;
        } else if self.at_tuple() {
            self.at += 1;
            names = self.list(|p| p.name("a name"));
            self.at += 2;
        }
        let value = value(self);
        NamedExpr { names, value, range: self.since(start) }
    }

    /// `(a, b) =`
    fn at_tuple(&self) -> bool {
        if !self.at_symbol(Symbol::OpenParen) {
            return false;
        }
        let mut ahead = 1;
        loop {
            let quoted = self.symbol_at(ahead, Symbol::OpenBracket)
                && self.peek_at(ahead + 1).kind == TokenKind::String
                && self.symbol_at(ahead + 2, Symbol::CloseBracket);
            match self.peek_at(ahead).kind {
                TokenKind::Name => ahead += 1,
                _ if quoted => ahead += 3,
                _ => return false,
            }
            if self.symbol_at(ahead, Symbol::CloseParen) {
                return self.symbol_at(ahead + 1, Symbol::Assign);
            }
            if !self.symbol_at(ahead, Symbol::Comma) {
                return false;
            }
            ahead += 1;
        }
    }

    pub(super) fn named_expressions(&mut self) -> Vec<NamedExpr> {
        self.list(Self::named_expression)
    }
}
