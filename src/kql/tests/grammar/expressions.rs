//! Expressions. A part that would fall apart stands in brackets, as the parser would give it.

use super::{Grammar, NOWHERE, expr};
use crate::base::time::{DAY, MINUTE};
use crate::kql::syntax::*;
use crate::kql::value::Value;

/// How well an expression holds together, loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    Pipe,
    Source,
    Or,
    And,
    Binary(Binding),
    Sign,
    Whole,
}

fn holds(of: &Expr) -> Holds {
    match &of.kind {
        ExprKind::Pipe { .. } => Holds::Pipe,
        ExprKind::Print(_) | ExprKind::Range(_) => Holds::Source,
        ExprKind::Or(_) => Holds::Or,
        ExprKind::And(_) => Holds::And,
        ExprKind::Binary { op, .. } => Holds::Binary(op.binding()),
        ExprKind::In { .. } | ExprKind::Between { .. } => Holds::Binary(Binding::Equality),
        ExprKind::Unary { .. } => Holds::Sign,
        // A number with its minus.
        ExprKind::Literal(Value::Long(n) | Value::TimeSpan(n)) if *n < 0 => Holds::Sign,
        ExprKind::Literal(Value::Real(n)) if *n < 0.0 => Holds::Sign,
        _ => Holds::Whole,
    }
}

/// The expression, in brackets if it holds less well than it must.
pub fn held(inner: Expr, least: Holds) -> Expr {
    if holds(&inner) >= least { inner } else { expr(ExprKind::Paren(Box::new(inner))) }
}

const EQUALITY: Holds = Holds::Binary(Binding::Equality);

impl Grammar {
    pub fn literal(&mut self) -> Value {
        match self.rng.u8(..16) {
            0 => Value::null(self.ty()),
            1 => Value::Bool(self.rng.bool()),
            2 => Value::Int(self.rng.i32(..)),
            3 => Value::Long(self.rng.i64(..)),
            4 => Value::Long(self.rng.i64(-3..100)),
            5 => Value::Real(self.pick(&[0.5, -1.25, 1e300, 2.0, 1e-7, f64::INFINITY, f64::NEG_INFINITY])),
            6 => Value::Decimal(self.rng.i128(-1_000_000..1_000_000), self.rng.u8(..4)),
            7 => Value::DateTime(self.rng.i64(0..=crate::base::time::MAX)),
            8 => Value::TimeSpan(self.rng.i64(..)),
            9 => Value::TimeSpan(self.rng.i64(-500..500) * MINUTE),
            10 => Value::Guid("74be27de-1e4e-49d9-b579-fe0b331d3642".into()),
            11 => Value::Dynamic(self.pick(&["[1,2.5,\"x\"]", "{\"a\":{\"b\":[]}}", "\"text\"", "true"]).into()),
            _ => Value::string(self.pick(&[
                "",
                "a",
                "it's",
                "say \"hi\"",
                "C:\\temp\\*",
                "line\nbreak",
                "// no comment",
                "{x}",
                "é\u{200b}",
            ])),
        }
    }

    /// What needs no brackets.
    fn leaf(&mut self) -> Expr {
        expr(match self.rng.u8(..16) {
            0..=5 => ExprKind::Literal(self.literal()),
            6 => ExprKind::Today(self.rng.i64(0..DAY)),
            7 => ExprKind::Hidden(self.pick(&["", "key=1", "a\"b"]).into()),
            8 => ExprKind::TypeOf(self.ty()),
            9 => {
                let schema = EvaluateSchema { columns: self.some(1, 2, Self::decl), star: self.rng.bool() };
                ExprKind::TypeOfTable(Box::new(schema))
            }
            _ => ExprKind::Name(self.name()),
        })
    }

    /// A value: no pipe of its own outside of brackets.
    pub fn scalar(&mut self) -> Expr {
        if self.room == 0 || self.one_in(3) {
            return self.leaf();
        }
        self.room -= 1;
        match self.rng.u8(..16) {
            0..=3 => self.comparison(false),
            4 | 5 => {
                let terms = self.some(2, 3, |g| held(g.scalar(), EQUALITY));
                expr(ExprKind::And(terms))
            }
            6 => {
                let terms = self.some(2, 3, |g| held(g.scalar(), Holds::And));
                expr(ExprKind::Or(terms))
            }
            7 => {
                let operand = Box::new(held(self.scalar(), EQUALITY));
                let list = if self.one_in(3) { vec![self.pipeline()] } else { self.some(1, 3, Self::scalar) };
                expr(ExprKind::In { op: self.pick(&InOp::ALL).0, operand, list })
            }
            8 => {
                let [operand, low, high] = [(); 3].map(|()| Box::new(held(self.scalar(), EQUALITY)));
                expr(ExprKind::Between { operand, low, high, negated: self.rng.bool() })
            }
            9 => self.sign(),
            10 | 11 => expr(ExprKind::Call(self.call())),
            12 | 13 => self.path(),
            14 => {
                let inner = self.pipeline();
                expr(ExprKind::Paren(Box::new(inner)))
            }
            _ => self.leaf(),
        }
    }

    /// Two operands; in `search` also `column: value`.
    fn comparison(&mut self, search: bool) -> Expr {
        let op = self.pick(&BinaryOp::ALL).0;
        let op = if op == BinaryOp::Search && !search { BinaryOp::Eq } else { op };
        let right = match op.binding() {
            Binding::Equality => Holds::Binary(Binding::Relational),
            Binding::Relational => Holds::Binary(Binding::Additive),
            Binding::Additive => Holds::Binary(Binding::Multiplicative),
            Binding::Multiplicative => Holds::Binary(Binding::Text),
            Binding::Text => Holds::Sign,
        };
        let left = if search && self.one_in(3) {
            expr(ExprKind::Star)
        } else {
            held(self.scalar(), Holds::Binary(op.binding()))
        };
        let right = held(self.scalar(), right);
        expr(ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) })
    }

    /// The predicate of `search` and `find`.
    pub fn search_predicate(&mut self) -> Expr {
        match self.rng.u8(..4) {
            0 => expr(ExprKind::Literal(Value::string(self.pick(&["ann", "a b", ""])))),
            1 => {
                let terms = self.some(2, 3, |g| held(g.comparison(true), EQUALITY));
                expr(ExprKind::And(terms))
            }
            _ => self.comparison(true),
        }
    }

    /// A sign before what is no number: a minus before a number is the number's.
    fn sign(&mut self) -> Expr {
        let operand = match self.rng.u8(..4) {
            0 => self.path(),
            1 => self.sign(),
            2 => expr(ExprKind::Call(self.call())),
            _ => expr(ExprKind::Name(self.name())),
        };
        let op = self.pick(&[UnaryOp::Minus, UnaryOp::Plus]);
        expr(ExprKind::Unary { op, operand: Box::new(operand) })
    }

    pub fn call(&mut self) -> Call {
        let name = if self.one_in(8) { self.name() } else { self.plain() };
        // A pipeline would take the commas behind it.
        let arguments = if self.one_in(4) {
            vec![Argument { name: self.maybe(Self::name), value: self.pipeline() }]
        } else {
            self.some(0, 3, |g| Argument {
                name: if g.one_in(4) { Some(g.name()) } else { None },
                value: if g.one_in(6) { expr(ExprKind::Star) } else { g.scalar() },
            })
        };
        Call { name, arguments }
    }

    fn step(&mut self) -> PathStep {
        let kind = match self.rng.u8(..4) {
            0 => PathStepKind::Index(self.scalar()),
            1 => PathStepKind::Call(Call { name: self.plain(), ..self.call() }),
            _ => PathStepKind::Member(self.name()),
        };
        PathStep { kind, range: NOWHERE }
    }

    fn path(&mut self) -> Expr {
        self.room = self.room.saturating_sub(1);
        let base = match self.rng.u8(..4) {
            0 => ExprKind::Call(self.call()),
            1 => ExprKind::Paren(Box::new(self.scalar())),
            _ => ExprKind::Name(self.name()),
        };
        let steps = self.some(1, 3, Self::step);
        expr(ExprKind::Path { base: Box::new(expr(base)), steps })
    }

    /// `f(…)`, `a.f(…)`
    pub fn invoked(&mut self) -> Expr {
        let call = self.call();
        if self.rng.bool() {
            return expr(ExprKind::Call(call));
        }
        let mut steps = self.some(0, 1, Self::step);
        steps.push(PathStep { kind: PathStepKind::Call(Call { name: self.plain(), ..call }), range: NOWHERE });
        let base = Box::new(expr(ExprKind::Name(self.plain())));
        expr(ExprKind::Path { base, steps })
    }

    /// `a`, `a.b`
    pub fn path_of_names(&mut self) -> Expr {
        let base = expr(ExprKind::Name(self.name()));
        if self.rng.bool() {
            return base;
        }
        let steps = self.some(1, 2, |g| PathStep { kind: PathStepKind::Member(g.name()), range: NOWHERE });
        expr(ExprKind::Path { base: Box::new(base), steps })
    }

    pub fn named(&mut self) -> NamedExpr {
        let names = if self.one_in(6) { self.some(2, 3, Self::name) } else { self.some(0, 1, Self::name) };
        NamedExpr { names, value: self.scalar(), range: NOWHERE }
    }

    pub fn named_list(&mut self) -> Vec<NamedExpr> {
        self.some(1, 3, Self::named)
    }

    fn wildcard(&mut self) -> Name {
        Name::new(self.pick(&["*", "A*", "*_b", "a*b9"]), NOWHERE)
    }

    /// A table as `union`, `join` and their kin read one.
    pub fn table_item(&mut self) -> Expr {
        match self.rng.u8(..8) {
            0 => expr(ExprKind::Wildcard(self.wildcard())),
            1 => {
                let database = expr(ExprKind::Literal(Value::string("d")));
                let call = Call {
                    name: Name::new("database", NOWHERE),
                    arguments: vec![Argument { name: None, value: database }],
                };
                let member = PathStep { kind: PathStepKind::Member(self.wildcard()), range: NOWHERE };
                expr(ExprKind::Path { base: Box::new(expr(ExprKind::Call(call))), steps: vec![member] })
            }
            2 => self.path(),
            3 | 4 => {
                let inner = self.pipeline();
                expr(ExprKind::Paren(Box::new(inner)))
            }
            5 => self.data_table(),
            _ => expr(ExprKind::Name(self.name())),
        }
    }

    fn data_table(&mut self) -> Expr {
        let columns = self.some(1, 2, Self::decl);
        expr(if self.rng.bool() {
            ExprKind::DataTable { columns, values: self.some(0, 4, Self::scalar) }
        } else {
            ExprKind::ExternalData { columns, uris: self.some(1, 2, Self::scalar), properties: self.properties(2) }
        })
    }

    fn source(&mut self) -> Expr {
        match self.rng.u8(..8) {
            0 => expr(ExprKind::Print(self.named_list())),
            1 => {
                let [from, to, step] = [(); 3].map(|()| self.scalar());
                expr(ExprKind::Range(Box::new(RangeSource { column: self.name(), from, to, step })))
            }
            2 => self.data_table(),
            3 => self.scalar(),
            _ => expr(ExprKind::Name(self.name())),
        }
    }

    /// Any expression, tables too.
    pub fn pipeline(&mut self) -> Expr {
        if self.room == 0 {
            return self.leaf();
        }
        self.room -= 1;
        if self.one_in(6) {
            let mut operators = vec![self.leading_operator()];
            operators.extend(self.some(0, 2, Self::operator));
            return expr(ExprKind::Pipe { source: None, operators });
        }
        let source = self.source();
        let operators = self.some(0, 3, Self::operator);
        if operators.is_empty() { source } else { expr(ExprKind::Pipe { source: Some(Box::new(source)), operators }) }
    }

    /// What stands in the brackets of `mv-apply`, `fork`, `facet`, `partition`.
    pub fn body_pipeline(&mut self) -> Expr {
        if self.one_in(4) {
            return self.pipeline();
        }
        let mut operators = self.some(1, 2, Self::operator);
        // A name that is no operator here would be a table.
        if matches!(operators[0].kind, OperatorKind::Unsupported { .. }) {
            operators[0].kind = OperatorKind::GetSchema;
        }
        expr(ExprKind::Pipe { source: None, operators })
    }

    /// The value of an option in a list: anything but `true`, which is read as a name.
    pub fn properties(&mut self, most: usize) -> Vec<Property> {
        self.some(0, most, |g| {
            let value = match g.rng.u8(..3) {
                0 => g.path_of_names(),
                _ => match g.literal() {
                    Value::Bool(_) => expr(ExprKind::Name(Name::new("true", NOWHERE))),
                    value => expr(ExprKind::Literal(value)),
                },
            };
            Property { name: g.plain(), value, range: NOWHERE }
        })
    }

    /// `hint.x = name`: what follows it must not become part of its value.
    pub fn hints(&mut self) -> Vec<Property> {
        if !self.one_in(4) {
            return Vec::new();
        }
        self.some(1, 2, |g| Property {
            name: Name::new(g.pick(&["hint.strategy", "hint.remote", "hint.a.b"]), NOWHERE),
            value: expr(ExprKind::Name(Name::new(g.pick(&["shuffle", "left", "true"]), NOWHERE))),
            range: NOWHERE,
        })
    }
}
