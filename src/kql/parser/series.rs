//! Operators over arrays, time and sequences of rows: `mv-expand`, `mv-apply`, `make-series`, `scan`.

use super::Parser;
use crate::kql::lexer::{Symbol, TokenKind};
use crate::kql::syntax::{
    BagExpansion, Binding, ExpandColumn, Expr, ExprKind, MakeSeries, MvApply, MvExpand, Name, OperatorKind, Property,
    Scan, ScanOutput, ScanStep, ScanVariable, SeriesAggregate, SeriesRange,
};

/// The options of `mv-expand` and `mv-apply`.
struct ExpandOptions {
    hints: Vec<Property>,
    bag: Option<BagExpansion>,
    index: Option<Name>,
}

impl Parser<'_> {
    fn expand_options(&mut self) -> ExpandOptions {
        let mut options = ExpandOptions { hints: Vec::new(), bag: None, index: None };
        for property in self.properties(&["bagexpansion", "kind", "with_itemindex"]) {
            match &*property.name.text {
                "bagexpansion" | "kind" => {
                    options.bag = match property.value.as_name().map_or("", |name| &*name.text) {
                        "array" => Some(BagExpansion::Array),
                        "bag" => Some(BagExpansion::Bag),
                        _ => {
                            let message = format!("`{}` is no way to expand a bag", self.text_of(property.value.range));
                            let range = property.value.range;
                            let diagnostic = crate::kql::Diagnostic::error(
                                crate::kql::diagnostic::code::UNKNOWN_OPTION,
                                range,
                                message,
                            );
                            self.diagnostics.push(diagnostic.with_help("it is bag or array"));
                            None
                        }
                    }
                }
                "with_itemindex" => options.index = self.source_column(&property),
                _ => options.hints.push(property),
            }
        }
        options
    }

    fn expand_columns(&mut self) -> (Vec<ExpandColumn>, Option<Expr>) {
        let columns = self.list(|p| {
            let expr = p.named_expression();
            let to = p.take_word("to").then(|| p.type_of());
            ExpandColumn { expr, to }
        });
        let limit = if self.take_word("limit") { Some(self.expression()) } else { None };
        (columns, limit)
    }

    pub(super) fn mv_expand(&mut self, old: bool) -> OperatorKind {
        let ExpandOptions { hints, bag, index } = self.expand_options();
        let (columns, limit) = self.expand_columns();
        OperatorKind::MvExpand(MvExpand { hints, bag, index, columns, limit, old })
    }

    pub(super) fn mv_apply(&mut self) -> OperatorKind {
        let ExpandOptions { hints, index, .. } = self.expand_options();
        let (columns, limit) = if self.at_word("on") { (Vec::new(), None) } else { self.expand_columns() };
        let id = if self.take_word("id") { Some(self.expression()) } else { None };
        let body = if self.keyword("on", "`mv-apply x = array on (where x > 1)`") {
            self.bracketed_body()
        } else {
            Expr::new(ExprKind::Error, self.peek().range)
        };
        OperatorKind::MvApply(Box::new(MvApply { hints, index, columns, limit, id, body }))
    }

    pub(super) fn make_series(&mut self) -> OperatorKind {
        let mut hints = self.properties(&["kind"]);
        let nonempty = hints.iter().position(|p| &*p.name.text == "kind").map(|at| hints.remove(at));
        let nonempty = nonempty.is_some_and(|p| p.value.as_name().is_some_and(|name| &*name.text == "nonempty"));
        let aggregates = self.list(|p| {
            let expr = p.named_expression();
            let default = if p.at_word("default") && p.symbol_at(1, Symbol::Assign) {
                p.at += 2;
                Some(p.expression())
            } else {
                None
            };
            SeriesAggregate { expr, default }
        });
        let example = "`make-series count() on timestamp from ago(7d) to now() step 1h by column`";
        self.keyword("on", example);
        // `in range(…)` follows, so the axis is no `in` comparison.
        let axis = self.named(|p| p.binary(Binding::Relational));
        let range = if self.at_word("in") && self.word_at(1) == "range" {
            self.at += 2;
            self.series_in_range()
        } else {
            let mut part = |word: &str| if self.take_word(word) { Some(self.expression()) } else { None };
            let (from, to) = (part("from"), part("to"));
            let step = if self.keyword("step", example) {
                self.expression()
            } else {
                Expr::new(ExprKind::Error, self.peek().range)
            };
            SeriesRange::FromTo { from, to, step }
        };
        let by = if self.take_word("by") { self.named_expressions() } else { Vec::new() };
        OperatorKind::MakeSeries(Box::new(MakeSeries { nonempty, hints, aggregates, axis, range, by }))
    }

    /// `(start, stop, step)` behind `in range`
    fn series_in_range(&mut self) -> SeriesRange {
        let open = self.start();
        let mut items = Vec::new();
        if self.expect(Symbol::OpenParen, "(") {
            items = self.bracketed(Symbol::CloseParen, open, Self::expression);
        }
        let range = self.since(open);
        if items.len() != 3 {
            self.missing("`range(start, stop, step)`", None);
        }
        let mut items = items.into_iter();
        let mut next = || items.next().unwrap_or_else(|| Expr::new(ExprKind::Error, range));
        SeriesRange::In { start: next(), stop: next(), step: next() }
    }

    pub(super) fn scan(&mut self) -> OperatorKind {
        let mut hints = self.properties(&["with_match_id", "kind"]);
        let match_id = hints.iter().position(|p| &*p.name.text == "with_match_id").map(|at| hints.remove(at));
        let match_id = match_id.and_then(|property| self.source_column(&property));
        let mut partition = Vec::new();
        if self.at_word("partition") && self.word_at(1) == "by" {
            self.at += 2;
            partition = self.list(Self::expression);
        }
        let mut order = Vec::new();
        if matches!(self.word(), "order" | "sort") && self.word_at(1) == "by" {
            self.at += 2;
            order = self.list(Self::sort_key);
        }
        let mut declare = Vec::new();
        if self.take_word("declare") {
            let open = self.start();
            if self.expect(Symbol::OpenParen, "(") {
                declare = self.bracketed(Symbol::CloseParen, open, Self::scan_variable);
            }
        }
        self.keyword("with", "`scan declare (sum: long = 0) with (step s: true => sum = x + s.sum;)`");
        let open = self.start();
        let mut steps = Vec::new();
        if self.expect(Symbol::OpenParen, "(") {
            while self.at_word("step") {
                steps.push(self.scan_step());
                while self.take(Symbol::Semicolon) {}
            }
            if steps.is_empty() {
                self.missing("`step`", Some("`step name: condition => column = value;`"));
            }
            self.close(Symbol::CloseParen, open);
        }
        OperatorKind::Scan(Box::new(Scan { hints, match_id, partition, order, declare, steps }))
    }

    fn scan_variable(&mut self) -> ScanVariable {
        let decl = self.column_decl();
        let default = if self.take(Symbol::Assign) { Some(self.expression()) } else { None };
        ScanVariable { name: decl.name, ty: decl.ty, default }
    }

    fn scan_step(&mut self) -> ScanStep {
        self.at += 1;
        let name = self.name("a step's name");
        let optional = self.take_word("optional");
        let output = if self.at_word("output") && self.symbol_at(1, Symbol::Assign) {
            self.at += 2;
            self.choice(
                "an output",
                &[("all", ScanOutput::All), ("last", ScanOutput::Last), ("none", ScanOutput::None)],
            )
        } else {
            None
        };
        self.expect(Symbol::Colon, ":");
        let condition = self.expression();
        let assignments = if self.take(Symbol::Arrow) { self.list(Self::scan_assignment) } else { Vec::new() };
        if !matches!(self.peek().kind, TokenKind::Symbol(Symbol::Semicolon)) {
            self.missing("`;`", Some("each step ends with `;`"));
            self.skip(|kind| kind == TokenKind::Symbol(Symbol::Semicolon));
        }
        ScanStep { name, optional, output, condition, assignments }
    }

    fn scan_assignment(&mut self) -> (Name, Expr) {
        let name = self.name("a column's name");
        self.expect(Symbol::Assign, "=");
        (name, self.expression())
    }
}
