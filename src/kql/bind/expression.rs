//! Scalar expressions. One small function a kind of node: the recursion must stay shallow in bytes.

use std::sync::Arc;

use super::scope::{Aggregating, Binding, Row, Value as Found};
use super::{Binder, is_poison};
use crate::base::time::DAY;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, operators};
use crate::kql::plan::{Expr, ExprKind as Bound};
use crate::kql::syntax::{self, BinaryOp, ExprKind, Name, UnaryOp};
use crate::kql::types::Type;
use crate::kql::value::Value;

impl Binder<'_> {
    /// A scalar expression over a row.
    pub(super) fn expr(&mut self, e: &syntax::Expr, row: &mut Row) -> Expr {
        // Lists of literals may be long, and cost nothing.
        if let ExprKind::Literal(value) = &e.kind {
            return Expr::literal(value.clone());
        }
        if !self.enter(e.range) {
            return self.poison();
        }
        let bound = match &e.kind {
            ExprKind::Hidden(text) => Expr::literal(Value::String(Arc::clone(text))),
            ExprKind::Today(ticks) => {
                let now = self.context.now.0;
                Expr::literal(Value::DateTime(now - now.rem_euclid(DAY) + ticks))
            }
            ExprKind::Name(name) => self.name(name, row),
            ExprKind::Paren(inner) => self.expr(inner, row),
            ExprKind::Call(call) => self.call_expr(call, e.range, row),
            ExprKind::Path { base, steps } => self.path(base, steps, row, e.range),
            ExprKind::Unary { op, operand } => self.unary(*op, operand, row, e.range),
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right, row, e.range),
            ExprKind::And(terms) => self.all_of(terms, row, true),
            ExprKind::Or(terms) => self.all_of(terms, row, false),
            ExprKind::In { op, operand, list } => self.membership(*op, operand, list, row, e.range),
            ExprKind::Between { operand, low, high, negated } => {
                self.between(operand, low, high, *negated, row, e.range)
            }
            ExprKind::Error => self.poison(),
            _ => self.not_scalar(e),
        };
        self.leave();
        bound
    }

    #[inline(never)]
    fn not_scalar(&mut self, e: &syntax::Expr) -> Expr {
        let (what, help) = match &e.kind {
            ExprKind::Pipe { .. }
            | ExprKind::Print(_)
            | ExprKind::Range(_)
            | ExprKind::DataTable { .. }
            | ExprKind::ExternalData { .. } => {
                ("a table cannot stand where a value is wanted", Some("one value of it is toscalar(…)"))
            }
            ExprKind::Star => ("`*` cannot stand here", None),
            ExprKind::Wildcard(_) => ("a name with `*` cannot stand here", None),
            ExprKind::TypeOf(_) => ("`typeof` cannot stand here", None),
            _ => ("this cannot stand where a value is wanted", None),
        };
        let mut diagnostic = Diagnostic::error("KQL127", e.range, what);
        if let Some(help) = help {
            diagnostic = diagnostic.with_help(help);
        }
        self.wrong(diagnostic)
    }

    /// A column, else a name of a `let`.
    #[inline(never)]
    fn name(&mut self, name: &Name, row: &mut Row) -> Expr {
        let column = if row.hidden == 0 { row.schema().position(&name.text) } else { None };
        if let Some(position) = column {
            return self.column_at(position, name, row);
        }
        let at = self.names.iter().rposition(|(n, _)| *n == name.text);
        match at.map(|at| &self.names[at].1) {
            Some(Binding::Scalar { expr, row: of }) => {
                if *of != 0 && *of != row.id {
                    let message = format!("`{}` hangs on a row of another table", name.text);
                    return self.wrong(
                        Diagnostic::error("KQL128", name.range, message)
                            .with_help("only constants can be used inside another query; join the tables instead"),
                    );
                }
                let expr = expr.clone();
                if !self.charge(size(&expr), name.range) {
                    return self.poison();
                }
                expr
            }
            Some(Binding::Table(_)) => self.wrong(
                Diagnostic::error("KQL127", name.range, format!("`{}` is a table, not a value", name.text))
                    .with_help(format!("one value of it is toscalar({})", name.text)),
            ),
            Some(Binding::Function(_)) => match self.bare_function(name, row) {
                Some(Found::Scalar(expr)) => expr,
                Some(Found::Table(_)) => self.wrong(
                    Diagnostic::error("KQL127", name.range, format!("`{}` gives a table, not a value", name.text))
                        .with_help(format!("one value of it is toscalar({})", name.text)),
                ),
                None => self.wrong(
                    Diagnostic::error("KQL127", name.range, format!("`{}` is a function", name.text))
                        .with_help(format!("call it: {}(…)", name.text)),
                ),
            },
            Some(Binding::Error) => self.poison(),
            None if row.table.open => self.poison(),
            None => {
                let schema = if row.hidden == 0 { row.schema().clone() } else { crate::kql::Schema::default() };
                self.unknown_column(name, &schema)
            }
        }
    }

    /// A column and nothing else, by name.
    pub(super) fn column(&mut self, name: &Name, row: &mut Row) -> Expr {
        match row.schema().position(&name.text) {
            Some(position) => self.column_at(position, name, row),
            None if row.table.open => self.poison(),
            None => {
                let schema = row.schema().clone();
                self.unknown_column(name, &schema)
            }
        }
    }

    fn column_at(&mut self, position: usize, name: &Name, row: &Row) -> Expr {
        if row.aggregating == Aggregating::Outside {
            return self.wrong(
                Diagnostic::error("KQL130", name.range, format!("`{}` stands outside an aggregate", name.text))
                    .with_help(format!("take one value of it, take_any({0}), or group by it: by {0}", name.text)),
            );
        }
        Expr::column(position, row.schema().0[position].ty)
    }

    #[inline(never)]
    fn unary(&mut self, op: UnaryOp, operand: &syntax::Expr, row: &mut Row, place: TextRange) -> Expr {
        let operand = self.expr(operand, row);
        if op == UnaryOp::Plus { operand } else { self.negative(operand, place) }
    }

    #[inline(never)]
    fn binary(
        &mut self,
        op: BinaryOp,
        left: &syntax::Expr,
        right: &syntax::Expr,
        row: &mut Row,
        place: TextRange,
    ) -> Expr {
        let (left_place, right_place) = (left.range, right.range);
        // `* has "x"` of a table that may have any column.
        if matches!(left.kind, ExprKind::Star) && row.table.open {
            self.expr(right, row);
            return self.poison();
        }
        let left = self.expr(left, row);
        let right = self.expr(right, row);
        match op {
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => {
                self.arithmetic(op, left, right, place)
            }
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                self.compare(op, left, right, place)
            }
            op => self.text_operator(op, (left, left_place), (right, right_place)),
        }
    }

    /// `==` and its kin, both sides made one type.
    pub(super) fn compare(&mut self, op: BinaryOp, left: Expr, right: Expr, place: TextRange) -> Expr {
        if !matches!(op, BinaryOp::Eq | BinaryOp::Ne) && !self.check_order(op, &left, &right, place) {
            return self.poison();
        }
        let Some((left, right)) = self.comparable(left, right, place) else { return self.poison() };
        let function = match op {
            BinaryOp::Eq => &operators::EQUAL,
            BinaryOp::Ne => &operators::NOT_EQUAL,
            BinaryOp::Lt => &operators::LESS,
            BinaryOp::Le => &operators::LESS_EQUAL,
            BinaryOp::Gt => &operators::GREATER,
            _ => &operators::GREATER_EQUAL,
        };
        self.call(function, vec![left, right], Type::Bool)
    }

    /// `has`, `contains`, `=~`, `matches regex`, …: texts on both sides.
    fn text_operator(&mut self, op: BinaryOp, left: (Expr, TextRange), right: (Expr, TextRange)) -> Expr {
        let Some(function) = functions::operator(op.name()) else {
            return self.wrong(Diagnostic::error("KQL129", left.1.to(right.1), "`:` stands only in `search`"));
        };
        let text = self.text_operand(left.0, left.1, "the text");
        let what = self.text_operand(right.0, right.1, "the text to look for");
        if op == BinaryOp::MatchesRegex {
            self.check_regex(&what, right.1, false);
        }
        self.call(function, vec![text, what], Type::Bool)
    }

    /// Says what is wrong with a constant regular expression, which may have to capture something.
    pub(super) fn check_regex(&mut self, pattern: &Expr, place: TextRange, wants_group: bool) {
        let Some(Value::String(text)) = pattern.as_literal() else { return };
        match regex::RegexBuilder::new(text).size_limit(1 << 22).build() {
            Ok(regex) if wants_group && regex.captures_len() == 1 => self.report(
                Diagnostic::error("KQL131", place, "the regular expression captures nothing")
                    .with_help(format!("put what is wanted in brackets: \"({text})\"")),
            ),
            Ok(_) => {}
            Err(error) => {
                // The last line names the fault, those before draw the pattern.
                let message = error.to_string();
                let fault = message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.report(Diagnostic::error("KQL131", place, format!("not a regular expression: {fault}")).with_help(
                    "look-around and back-references are not part of it; write the pattern as @\"…\" to keep backslashes",
                ));
            }
        }
    }

    #[inline(never)]
    fn all_of(&mut self, terms: &[syntax::Expr], row: &mut Row, and: bool) -> Expr {
        let mut bound = Vec::with_capacity(terms.len());
        for term in terms {
            // Between `and` and `or` a dynamic value is taken for a bool; nothing else is.
            let expr = self.expr(term, row);
            let expr = if expr.ty == Type::Dynamic {
                self.implicit(expr, Type::Bool, term.range, "a condition")
            } else {
                self.condition(expr, term.range)
            };
            match expr.kind {
                // One level, however it was bracketed.
                Bound::And(inner) if and => bound.extend(inner),
                Bound::Or(inner) if !and => bound.extend(inner),
                kind => bound.push(Expr { kind, ty: expr.ty }),
            }
        }
        if bound.iter().any(is_poison) {
            return self.poison();
        }
        // A parameter that was not given leaves `true or …` behind, which would keep a scan from seeing the other terms.
        let is = |e: &Expr, value: bool| matches!(e.as_literal(), Some(Value::Bool(b)) if *b == value);
        if bound.iter().any(|e| is(e, !and)) {
            return Expr::literal(Value::Bool(!and));
        }
        bound.retain(|e| !is(e, and));
        match bound.len() {
            0 => Expr::literal(Value::Bool(and)),
            1 => bound.swap_remove(0),
            _ => Expr { kind: if and { Bound::And(bound) } else { Bound::Or(bound) }, ty: Type::Bool },
        }
    }

    /// A condition.
    pub(super) fn predicate(&mut self, e: &syntax::Expr, row: &mut Row) -> Expr {
        let expr = self.expr(e, row);
        if expr.ty == Type::Bool || is_poison(&expr) { expr } else { self.condition(expr, e.range) }
    }

    #[inline(never)]
    fn between(
        &mut self,
        operand: &syntax::Expr,
        low: &syntax::Expr,
        high: &syntax::Expr,
        negated: bool,
        row: &mut Row,
        place: TextRange,
    ) -> Expr {
        let mut value = self.expr(operand, row);
        let from = self.expr(low, row);
        let mut to = self.expr(high, row);
        if is_poison(&value) || is_poison(&from) || is_poison(&to) {
            return self.poison();
        }
        // `between (t .. 1h)` is from t to t + 1h.
        if from.ty == Type::DateTime && to.ty == Type::TimeSpan {
            to = self.arithmetic(BinaryOp::Add, from.clone(), to, high.range);
        }
        let ordered =
            self.check_order(BinaryOp::Ge, &value, &from, place) && self.check_order(BinaryOp::Le, &value, &to, place);
        if !ordered {
            return self.poison();
        }
        if value.ty == Type::Dynamic {
            value = self.cast(value, from.ty);
        }
        let inside = if size(&value) <= 3 {
            // Two comparisons, so that a scan can prune by each.
            let from = self.compare(BinaryOp::Ge, value.clone(), from, place);
            let to = self.compare(BinaryOp::Le, value, to, place);
            if is_poison(&from) || is_poison(&to) {
                return self.poison();
            }
            Expr { kind: Bound::And(vec![from, to]), ty: Type::Bool }
        } else {
            let places = [operand.range, low.range, high.range];
            let (args, _) = self.common(vec![value, from, to], &places, "the value and the bounds of `between`");
            self.call(&operators::BETWEEN, args, Type::Bool)
        };
        if negated { self.negation(inside) } else { inside }
    }

    /// Not.
    pub(super) fn negation(&mut self, expr: Expr) -> Expr {
        match functions::scalar("not") {
            Some(function) if !is_poison(&expr) => self.call(function, vec![expr], Type::Bool),
            _ => self.poison(),
        }
    }

    /// A literal; or what may become one: poison, data to be fetched, and without an evaluator every call of constants.
    pub(super) fn is_constant(&mut self, expr: &Expr) -> bool {
        let literal = expr.as_literal().is_some() || is_poison(expr) || self.is_pending();
        let unevaluated = !literal && self.context.evaluate.is_none() && !reads(expr);
        // What hangs on it cannot be judged.
        self.poisoned |= unevaluated;
        literal || unevaluated
    }

    /// A constant of the query: folded, or poison and diagnosed. While data is still to be fetched, a null.
    pub(super) fn constant(&mut self, e: &syntax::Expr, what: &'static str) -> Option<Value> {
        let mut row = self.no_row(what);
        let expr = self.expr(e, &mut row);
        if let Some(value) = expr.as_literal() {
            return Some(value.clone());
        }
        if let Some(value) = self.context.evaluate.filter(|_| !is_poison(&expr)).and_then(|f| f(&expr)) {
            return Some(value);
        }
        if !self.is_constant(&expr) {
            self.report(
                Diagnostic::error("KQL132", e.range, format!("{what} must be a constant"))
                    .with_help("a value of a table is made one by toscalar(…)"),
            );
        }
        None
    }
}

/// Nodes of an expression.
pub(super) fn size(expr: &Expr) -> usize {
    1 + match &expr.kind {
        Bound::Column(_) | Bound::Literal(_) => 0,
        Bound::Call { args, .. } | Bound::And(args) | Bound::Or(args) => args.iter().map(size).sum(),
        Bound::Path { base, .. } => size(base),
        Bound::In { value, .. } => size(value),
    }
}

/// The deepest nesting of an expression.
pub(super) fn height(expr: &Expr) -> usize {
    1 + match &expr.kind {
        Bound::Column(_) | Bound::Literal(_) => 0,
        Bound::Call { args, .. } | Bound::And(args) | Bound::Or(args) => args.iter().map(height).max().unwrap_or(0),
        Bound::Path { base, .. } => height(base),
        Bound::In { value, .. } => height(value),
    }
}

/// Does the expression read a column?
pub(super) fn reads(expr: &Expr) -> bool {
    match &expr.kind {
        Bound::Column(_) => true,
        Bound::Literal(_) => false,
        Bound::Call { args, .. } | Bound::And(args) | Bound::Or(args) => args.iter().any(reads),
        Bound::Path { base, .. } => reads(base),
        Bound::In { value, .. } => reads(value),
    }
}
