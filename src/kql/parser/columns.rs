//! Operators that choose, make, order and group columns.

use super::Parser;
use crate::kql::diagnostic::{Diagnostic, code};
use crate::kql::lexer::{Symbol, TokenKind};
use crate::kql::syntax::{
    Argument, Call, ColumnDecl, ColumnPattern, EvaluateSchema, Expr, ExprKind, ForkBranch, Name, NamedExpr, Nulls,
    OperatorKind, Order, Property, Rename, ReorderColumn, SortKey, TopNestedLevel,
};
use crate::kql::value::Value;

impl Parser<'_> {
    /// `hint.x = value` and the options named, each `name = value`.
    pub(super) fn properties(&mut self, names: &[&str]) -> Vec<Property> {
        let mut properties = Vec::new();
        loop {
            let hint = self.word().starts_with("hint") && self.symbol_at(1, Symbol::Dot);
            if hint || self.symbol_at(1, Symbol::Assign) && names.contains(&self.word()) {
                properties.push(self.property());
            } else {
                return properties;
            }
        }
    }

    /// `(name = value, …)`
    pub(super) fn bracketed_properties(&mut self) -> Vec<Property> {
        let open = self.start();
        if !self.expect(Symbol::OpenParen, "(") {
            return Vec::new();
        }
        let mut properties: Vec<Property> = Vec::new();
        while !self.at_symbol(Symbol::CloseParen) && self.peek().kind != TokenKind::End {
            let before = self.at;
            // `ycolumns = a, b` is two values of one name.
            let again = properties.last().map(|p| p.name.clone()).filter(|_| !self.property_follows());
            if let Some(name) = again {
                let start = self.start();
                let value = self.property_value();
                properties.push(Property { name, value, range: self.since(start) });
            } else {
                properties.push(self.property());
            }
            self.take(Symbol::Comma);
            if self.at == before {
                break;
            }
        }
        self.close(Symbol::CloseParen, open);
        properties
    }

    fn property_follows(&self) -> bool {
        self.at_assignment() || self.symbol_at(1, Symbol::Dot)
    }

    fn property(&mut self) -> Property {
        let start = self.start();
        let mut name = self.name("an option's name");
        while self.at_symbol(Symbol::Dot) {
            self.at += 1;
            let rest = self.name("an option's name");
            name = Name::new(format!("{}.{}", name.text, rest.text), self.since(start));
        }
        self.expect(Symbol::Assign, "=");
        let value = self.property_value();
        Property { name, value, range: self.since(start) }
    }

    /// A value or a bare word; a bracket behind the word is not its own: `kind=inner (T)`.
    fn property_value(&mut self) -> Expr {
        if self.at_name() { self.path_of_names() } else { self.unary() }
    }

    /// `a`, `a*`, `*_b`, `['a b']`
    pub(super) fn column_pattern(&mut self) -> ColumnPattern {
        if self.at_quoted_name() {
            let name = self.name("a column's name");
            return ColumnPattern { text: name.text, wildcard: false, range: name.range };
        }
        let start = self.start();
        let length = self.pattern_length();
        if length == 0 {
            let name = self.name("a column's name");
            return ColumnPattern { text: name.text, wildcard: false, range: name.range };
        }
        self.at += length;
        let range = self.since(start);
        let text = self.text_of(range);
        ColumnPattern { text: text.into(), wildcard: text.contains('*'), range }
    }

    /// How many tokens, without space between them, make a name with wildcards here.
    pub(super) fn pattern_length(&self) -> usize {
        let mut length = 0;
        let mut end = self.peek().range.start;
        loop {
            let token = self.peek_at(length);
            let part = match token.kind {
                TokenKind::Name | TokenKind::Symbol(Symbol::Star) => true,
                TokenKind::Long => length > 0,
                _ => false,
            };
            if !part || token.range.start != end {
                return length;
            }
            end = token.range.end;
            length += 1;
        }
    }

    pub(super) fn rename(&mut self) -> Rename {
        let new = self.name("the new name");
        if !self.take(Symbol::Assign) {
            self.missing("`=`", Some("`project-rename new = old`"));
            return Rename { old: new.clone(), new };
        }
        Rename { new, old: self.name("the old name") }
    }

    pub(super) fn reorder_column(&mut self) -> ReorderColumn {
        ReorderColumn { pattern: self.column_pattern(), order: self.order() }
    }

    fn order(&mut self) -> Option<Order> {
        let order = match self.word() {
            "asc" => Order::Asc,
            "desc" => Order::Desc,
            "granny-asc" => Order::GrannyAsc,
            "granny-desc" => Order::GrannyDesc,
            word if word.eq_ignore_ascii_case("asc") || word.eq_ignore_ascii_case("desc") => {
                let lower = word.to_ascii_lowercase();
                let message = format!("`{word}` is not KQL");
                let range = self.peek().range;
                self.say(Diagnostic::error(code::FOREIGN, range, message).with_help(format!("write `{lower}`")));
                if lower == "asc" { Order::Asc } else { Order::Desc }
            }
            _ => return None,
        };
        self.at += 1;
        Some(order)
    }

    pub(super) fn sort_key(&mut self) -> SortKey {
        let start = self.start();
        let expr = self.expression();
        let order = self.order();
        let nulls = if self.take_word("nulls") {
            self.choice("where nulls stand", &[("first", Nulls::First), ("last", Nulls::Last)])
        } else {
            None
        };
        SortKey { expr, order, nulls, range: self.since(start) }
    }

    pub(super) fn sort(&mut self) -> OperatorKind {
        let hints = self.properties(&[]);
        self.keyword("by", "`sort by column desc`");
        OperatorKind::Sort { hints, keys: self.list(Self::sort_key) }
    }

    pub(super) fn top(&mut self) -> OperatorKind {
        let hints = self.properties(&[]);
        let count = self.expression();
        let keys = if self.keyword("by", "`top 10 by column desc`; for any ten rows `take 10`") {
            self.list(Self::sort_key)
        } else {
            Vec::new()
        };
        OperatorKind::Top { hints, count, keys }
    }

    pub(super) fn top_nested(&mut self) -> Vec<TopNestedLevel> {
        let mut levels = vec![self.top_nested_level()];
        while self.take(Symbol::Comma) {
            self.keyword("top-nested", "`top-nested 3 of a by count(), top-nested 2 of b by count()`");
            levels.push(self.top_nested_level());
        }
        levels
    }

    fn top_nested_level(&mut self) -> TopNestedLevel {
        let count = if self.at_word("of") { None } else { Some(self.expression()) };
        let example = "`top-nested 3 of column by count()`";
        self.keyword("of", example);
        let of = self.named_expression();
        let others = if self.at_word("with") && self.word_at(1) == "others" {
            self.at += 2;
            self.expect(Symbol::Assign, "=");
            Some(self.expression())
        } else {
            None
        };
        self.keyword("by", example);
        let by = self.named_expression();
        TopNestedLevel { count, of, others, by, order: self.order() }
    }

    pub(super) fn top_hitters(&mut self) -> OperatorKind {
        let count = self.expression();
        self.keyword("of", "`top-hitters 10 of column`");
        let of = self.expression();
        let by = if self.take_word("by") { Some(self.expression()) } else { None };
        OperatorKind::TopHitters { count, of, by }
    }

    pub(super) fn summarize(&mut self) -> OperatorKind {
        let hints = self.properties(&[]);
        let mut aggregates = Vec::new();
        if !self.at_boundary() && !self.at_by() {
            loop {
                aggregates.push(self.named_expression());
                if !self.take(Symbol::Comma) {
                    break;
                }
                if self.at_by() {
                    self.missing("an aggregate", Some("remove the comma before `by`"));
                    break;
                }
            }
        }
        let by = if self.at_by() {
            self.at += 1;
            self.named_expressions()
        } else {
            self.say_forgotten_by();
            Vec::new()
        };
        if aggregates.is_empty() && by.is_empty() {
            self.missing("an aggregate", Some("`summarize count() by column`"));
        }
        OperatorKind::Summarize { hints, aggregates, by }
    }

    /// The word `by`, not a name `by = …`.
    fn at_by(&self) -> bool {
        self.at_word("by") && !self.symbol_at(1, Symbol::Assign)
    }

    /// `summarize count() user`, `… BY user`, `… group by user`
    fn say_forgotten_by(&mut self) {
        let name = self.peek();
        if name.kind != TokenKind::Name || self.gap() != name.range {
            return;
        }
        let message = format!("`by` should stand before {}", self.found());
        let help = "write `summarize aggregates by columns`";
        self.say(Diagnostic::error(code::MISSING, name.range, message).with_help(help));
        self.skip_operator();
    }

    /// `plugin(…) : (a: long, *)`
    pub(super) fn evaluate(&mut self) -> OperatorKind {
        let hints = self.properties(&[]);
        let name = self.name("a plugin's name");
        let arguments = if self.at_symbol(Symbol::OpenParen) {
            self.arguments()
        } else {
            self.missing("`(`", Some("`evaluate bag_unpack(column)`"));
            Vec::<Argument>::new()
        };
        let schema = self.take(Symbol::Colon).then(|| self.evaluate_schema());
        OperatorKind::Evaluate { hints, call: Call { name, arguments }, schema }
    }

    /// `(*, a: long)`
    pub(super) fn evaluate_schema(&mut self) -> EvaluateSchema {
        let open = self.start();
        let mut star = false;
        let mut columns: Vec<ColumnDecl> = Vec::new();
        if self.expect(Symbol::OpenParen, "(") {
            let items = self.bracketed(Symbol::CloseParen, open, |p| {
                if p.take(Symbol::Star) { None } else { Some(p.column_decl()) }
            });
            star = items.iter().any(Option::is_none);
            columns = items.into_iter().flatten().collect();
        }
        EvaluateSchema { columns, star }
    }

    pub(super) fn invoke_target(&mut self) -> Expr {
        let target = self.postfix();
        if !matches!(target.kind, ExprKind::Call(_) | ExprKind::Path { .. } | ExprKind::Error) {
            self.missing("a function with its brackets", Some("`invoke f(argument)`"));
        }
        target
    }

    /// `kind with (title = "…")`, `kind title = "…"`
    pub(super) fn render(&mut self) -> OperatorKind {
        let kind = self.name("a chart's kind");
        let mut properties = Vec::new();
        if self.take_word("with") {
            properties = self.bracketed_properties();
        } else {
            while self.at_assignment() {
                properties.push(self.property());
                self.take(Symbol::Comma);
            }
        }
        OperatorKind::Render { kind, properties }
    }

    pub(super) fn facet(&mut self) -> OperatorKind {
        self.keyword("by", "`facet by column with (take 10)`");
        let by = self.list(Self::expression);
        let with = self.take_word("with").then(|| self.bracketed_body());
        OperatorKind::Facet { by, with }
    }

    pub(super) fn fork(&mut self) -> OperatorKind {
        let mut branches = Vec::new();
        loop {
            let name = self.at_assignment().then(|| {
                let name = self.name("a branch's name");
                self.at += 1;
                name
            });
            if name.is_none() && !self.at_symbol(Symbol::OpenParen) {
                break;
            }
            branches.push(ForkBranch { name, body: self.bracketed_body() });
            self.take(Symbol::Comma);
        }
        if branches.is_empty() {
            self.missing("`(`", Some("`fork (where a | count) (summarize count() by b)`"));
        }
        OperatorKind::Fork { branches }
    }

    /// `( operators )`
    pub(super) fn bracketed_body(&mut self) -> Expr {
        let open = self.start();
        if !self.expect(Symbol::OpenParen, "(") {
            return Expr::new(ExprKind::Error, self.since(open));
        }
        let body = self.body_pipeline();
        self.close(Symbol::CloseParen, open);
        body
    }

    pub(super) fn partition(&mut self) -> OperatorKind {
        let hints = self.properties(&[]);
        self.keyword("by", "`partition by column (top 1 by t)`");
        let by = self.path_of_names();
        let open = self.start();
        if self.take(Symbol::OpenBrace) {
            let body = self.pipeline();
            self.close(Symbol::CloseBrace, open);
            return OperatorKind::Partition { hints, by, body, braces: true };
        }
        // An old form names the scope: `in (…)`.
        self.take_word("in");
        OperatorKind::Partition { hints, by, body: self.bracketed_body(), braces: false }
    }

    /// `a`, `a.b`: never a call, whose bracket would be something else's.
    fn path_of_names(&mut self) -> Expr {
        let start = self.start();
        let name = self.name("a column's name");
        let base = Expr::new(ExprKind::Name(name), self.since(start));
        let mut steps = Vec::new();
        while self.at_symbol(Symbol::Dot) {
            let at = self.start();
            self.at += 1;
            let kind = crate::kql::syntax::PathStepKind::Member(self.name("a property's name"));
            steps.push(crate::kql::syntax::PathStep { kind, range: self.since(at) });
        }
        if steps.is_empty() {
            base
        } else {
            Expr::new(ExprKind::Path { base: Box::new(base), steps }, self.since(start))
        }
    }

    /// `by x with threshold = 0.1, characters = "…"`
    pub(super) fn reduce(&mut self) -> OperatorKind {
        let mut properties = self.properties(&["kind"]);
        self.keyword("by", "`reduce by column`");
        let by: NamedExpr = self.named_expression();
        if self.take_word("with") {
            while self.at_assignment() {
                properties.push(self.property());
                self.take(Symbol::Comma);
            }
        }
        OperatorKind::Reduce { by, properties }
    }

    /// Whether a property says yes.
    pub(super) fn is_true(value: &Expr) -> bool {
        match &value.kind {
            ExprKind::Literal(Value::Bool(value)) => *value,
            ExprKind::Literal(Value::Long(value)) => *value != 0,
            // A bare word of a property is a name.
            ExprKind::Name(name) => name.text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }
}
