//! A tree becomes KQL text that reads back as the same tree. Queries that the program makes (pivots, filters) are built as trees and
//! written here; a value gets into the text through the literal printer alone.

mod name;
mod operator;
mod strength;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use super::literal::{print_literal, print_string};
use super::syntax::{
    Argument, BinaryOp, Binding, Call, ColumnDecl, Expr, ExprKind, Function, NamedExpr, Parameter, ParameterType,
    PathStepKind, Pattern, Property, Query, Statement, StatementKind, UnaryOp,
};

pub use name::{name_of, print_name};
use strength::{Strength, is_negative, strength};

/// The text of a query, a statement a line.
pub fn print(query: &Query) -> String {
    let mut printer = Printer { out: String::new() };
    for (i, statement) in query.statements.iter().enumerate() {
        if i > 0 {
            printer.out.push_str(";\n");
        }
        printer.statement(statement);
    }
    printer.out
}

/// The text of an expression.
pub fn print_expr(expr: &Expr) -> String {
    let mut printer = Printer { out: String::new() };
    printer.expr(expr);
    printer.out
}

struct Printer {
    out: String,
}

impl Printer {
    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Let { name, value } => {
                self.text("let ");
                self.name(name);
                self.text(" = ");
                self.expr(value);
            }
            StatementKind::Parameters(parameters) => {
                self.text("declare query_parameters");
                self.parameters(parameters);
            }
            StatementKind::Pattern(pattern) => self.pattern(pattern),
            StatementKind::Set { name, value } => {
                self.text("set ");
                self.name(name);
                if let Some(value) = value {
                    self.text(" = ");
                    self.expr(value);
                }
            }
            StatementKind::Alias { name, target } => {
                self.text("alias database ");
                self.name(name);
                self.text(" = ");
                self.expr(target);
            }
            StatementKind::Restrict { targets } => {
                self.text("restrict access to (");
                self.exprs(targets);
                self.text(")");
            }
            StatementKind::Expr(expr) => self.expr(expr),
            StatementKind::Error => {}
        }
    }

    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut print: impl FnMut(&mut Self, T)) {
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.text(", ");
            }
            print(self, item);
        }
    }

    fn exprs<'a>(&mut self, exprs: impl IntoIterator<Item = &'a Expr>) {
        self.list(exprs, Self::expr);
    }

    fn parameters(&mut self, parameters: &[Parameter]) {
        self.text("(");
        self.list(parameters, Self::parameter);
        self.text(")");
    }

    fn parameter(&mut self, parameter: &Parameter) {
        self.name(&parameter.name);
        self.text(": ");
        match &parameter.ty {
            ParameterType::Scalar(ty) => self.text(ty.name()),
            ParameterType::Table(columns) => self.decls(columns),
            ParameterType::AnyTable => self.text("(*)"),
        }
        if let Some(default) = &parameter.default {
            self.text(" = ");
            self.expr(default);
        }
    }

    /// `(name: type, …)`
    fn decls(&mut self, columns: &[ColumnDecl]) {
        self.text("(");
        self.list(columns, Self::decl);
        self.text(")");
    }

    fn decl(&mut self, column: &ColumnDecl) {
        self.name(&column.name);
        let _ = write!(self.out, ": {}", column.ty);
    }

    fn pattern(&mut self, pattern: &Pattern) {
        self.text("declare pattern ");
        self.name(&pattern.name);
        if pattern.parameters.is_empty() && pattern.cases.is_empty() {
            return;
        }
        self.text(" = ");
        self.parameters(&pattern.parameters);
        if let Some(path) = &pattern.path {
            self.text("[");
            self.parameter(path);
            self.text("]");
        }
        self.text(" { ");
        for case in &pattern.cases {
            self.text("(");
            self.exprs(&case.arguments);
            self.text(")");
            if let Some(path) = &case.path {
                self.text(".[");
                self.expr(path);
                self.text("]");
            }
            self.text(" = ");
            self.body(&case.body);
            self.text("; ");
        }
        self.text("}");
    }

    /// `{ statements }`
    fn body(&mut self, statements: &[Statement]) {
        self.text("{ ");
        for (i, statement) in statements.iter().enumerate() {
            if i > 0 {
                self.text("; ");
            }
            self.statement(statement);
        }
        self.text(" }");
    }

    fn function(&mut self, function: &Function) {
        if function.view {
            self.text("view ");
        }
        self.parameters(&function.parameters);
        self.text(" ");
        self.body(&function.body);
    }

    fn properties(&mut self, properties: &[Property]) {
        self.list(properties, |p, property| {
            // An option's name has dots of its own.
            if property.name.quoted {
                p.name(&property.name);
            } else {
                p.text(&property.name.text);
            }
            p.text(" = ");
            p.operand(&property.value);
        });
    }

    fn named(&mut self, column: &NamedExpr) {
        match column.names.as_slice() {
            [] => {}
            [name] => {
                self.name(name);
                self.text(" = ");
            }
            names => {
                self.text("(");
                self.list(names, Self::name);
                self.text(") = ");
            }
        }
        self.expr(&column.value);
    }

    fn named_list<'a>(&mut self, columns: impl IntoIterator<Item = &'a NamedExpr>) {
        self.list(columns, Self::named);
    }

    fn call(&mut self, call: &Call) {
        self.name(&call.name);
        self.text("(");
        self.list(&call.arguments, |p, Argument { name, value }| {
            if let Some(name) = name {
                p.name(name);
                p.text(" = ");
            }
            p.expr(value);
        });
        self.text(")");
    }

    /// An expression that may be a part of another: in brackets if it would fall apart.
    fn part(&mut self, expr: &Expr, least: Strength) {
        if strength(expr) >= least {
            self.expr(expr);
        } else {
            self.text("(");
            self.expr(expr);
            self.text(")");
        }
    }

    /// An operand of the tightest operators.
    fn operand(&mut self, expr: &Expr) {
        self.part(expr, Strength::Unary);
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(value) => self.text(&print_literal(value)),
            ExprKind::Today(ticks) => {
                let _ = write!(self.out, "datetime({})", super::literal::print_timespan(*ticks));
            }
            ExprKind::Hidden(text) => {
                self.text("h");
                self.text(&print_string(text));
            }
            ExprKind::Name(name) => self.name(name),
            ExprKind::Wildcard(name) => self.loose_name(&name.text, '*'),
            ExprKind::Star => self.text("*"),
            ExprKind::Call(call) => self.call(call),
            ExprKind::Path { base, steps } => {
                self.part(base, Strength::Primary);
                for step in steps {
                    match &step.kind {
                        PathStepKind::Member(name) if !name.quoted && name.text.contains('*') => {
                            self.text(".");
                            self.loose_name(&name.text, '*');
                        }
                        PathStepKind::Member(name) => {
                            self.text(".");
                            self.name(name);
                        }
                        PathStepKind::Index(index) => {
                            self.text("[");
                            self.expr(index);
                            self.text("]");
                        }
                        PathStepKind::Call(call) => {
                            self.text(".");
                            self.call(call);
                        }
                    }
                }
            }
            ExprKind::Unary { op, operand } => {
                self.text(if *op == UnaryOp::Minus { "-" } else { "+" });
                // Two signs side by side stay two.
                if matches!(operand.kind, ExprKind::Unary { .. }) || is_negative(operand) {
                    self.text(" ");
                }
                self.operand(operand);
            }
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right),
            ExprKind::And(terms) => self.chain(terms, " and ", Strength::Binary(Binding::Equality)),
            ExprKind::Or(terms) => self.chain(terms, " or ", Strength::And),
            ExprKind::In { op, operand, list } => {
                self.part(operand, Strength::Binary(Binding::Equality));
                let _ = write!(self.out, " {} (", op.name());
                self.exprs(list);
                self.text(")");
            }
            ExprKind::Between { operand, low, high, negated } => {
                self.part(operand, Strength::Binary(Binding::Equality));
                self.text(if *negated { " !between (" } else { " between (" });
                self.part(low, Strength::Binary(Binding::Equality));
                self.text(" .. ");
                self.part(high, Strength::Binary(Binding::Equality));
                self.text(")");
            }
            ExprKind::Paren(inner) => {
                self.text("(");
                self.expr(inner);
                self.text(")");
            }
            ExprKind::Pipe { source, operators } => {
                if let Some(source) = source {
                    self.part(source, Strength::Source);
                }
                for (i, operator) in operators.iter().enumerate() {
                    if source.is_some() || i > 0 {
                        self.text(" | ");
                    }
                    self.operator(&operator.kind);
                }
            }
            ExprKind::Print(columns) => {
                self.text("print ");
                self.named_list(columns);
            }
            ExprKind::Range(range) => {
                self.text("range ");
                self.name(&range.column);
                for (word, part) in [(" from ", &range.from), (" to ", &range.to), (" step ", &range.step)] {
                    self.text(word);
                    self.expr(part);
                }
            }
            ExprKind::DataTable { columns, values } => {
                self.text("datatable");
                self.decls(columns);
                self.text(" [");
                self.exprs(values);
                self.text("]");
            }
            ExprKind::ExternalData { columns, uris, properties } => {
                self.text("externaldata");
                self.decls(columns);
                self.text(" [");
                self.exprs(uris);
                self.text("]");
                if !properties.is_empty() {
                    self.text(" with (");
                    self.properties(properties);
                    self.text(")");
                }
            }
            ExprKind::Function(function) => self.function(function),
            ExprKind::TypeOf(ty) => {
                let _ = write!(self.out, "typeof({ty})");
            }
            ExprKind::TypeOfTable(schema) => {
                self.text("typeof");
                self.evaluate_schema(schema);
            }
            ExprKind::Error => {}
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let binding = op.binding();
        self.part(left, Strength::Binary(binding));
        if op == BinaryOp::Search {
            self.text(": ");
        } else {
            let _ = write!(self.out, " {} ", op.name());
        }
        let tighter = match binding {
            Binding::Equality => Strength::Binary(Binding::Relational),
            Binding::Relational => Strength::Binary(Binding::Additive),
            Binding::Additive => Strength::Binary(Binding::Multiplicative),
            Binding::Multiplicative => Strength::Binary(Binding::Text),
            Binding::Text => Strength::Unary,
        };
        self.part(right, tighter);
    }

    fn chain(&mut self, terms: &[Expr], word: &str, least: Strength) {
        for (i, term) in terms.iter().enumerate() {
            if i > 0 {
                self.text(word);
            }
            self.part(term, least);
        }
    }
}
