//! `+ - * / %`, the sign, `bin` and `bin_at`: which types go together, and what they give.

use super::convert::wider;
use super::{Binder, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{Function, operators};
use crate::kql::plan::Expr;
use crate::kql::syntax::BinaryOp;
use crate::kql::types::Type::{self, DateTime, Dynamic, Real, TimeSpan};

impl Binder<'_> {
    /// An arithmetic operator over bound operands.
    pub(super) fn arithmetic(&mut self, op: BinaryOp, left: Expr, right: Expr, place: TextRange) -> Expr {
        if is_poison(&left) || is_poison(&right) {
            return self.poison();
        }
        let function: &'static Function = match op {
            BinaryOp::Add => &operators::ADD,
            BinaryOp::Sub => &operators::SUBTRACT,
            BinaryOp::Mul => &operators::MULTIPLY,
            BinaryOp::Div => &operators::DIVIDE,
            _ => &operators::MODULO,
        };
        // A dynamic operand is taken for what the other one is.
        let (left, right) = match (left.ty, right.ty) {
            (Dynamic, other) if other != Dynamic => {
                let ty = if other == TimeSpan && op == BinaryOp::Mul { Real } else { other };
                (self.cast(left, ty), right)
            }
            (other, Dynamic) if other != Dynamic => {
                let ty = match (other, op) {
                    (TimeSpan, BinaryOp::Mul) => Real,
                    (DateTime, BinaryOp::Add) => TimeSpan,
                    _ => other,
                };
                let right = self.cast(right, ty);
                (left, right)
            }
            _ => (left, right),
        };
        let (left, right, ty) = match (left.ty, op, right.ty) {
            (DateTime, BinaryOp::Sub, DateTime)
            | (TimeSpan, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mod, TimeSpan) => (left, right, TimeSpan),
            (DateTime, BinaryOp::Add | BinaryOp::Sub, TimeSpan) => (left, right, DateTime),
            (TimeSpan, BinaryOp::Add, DateTime) => (right, left, DateTime),
            (TimeSpan, BinaryOp::Div, TimeSpan) => (left, right, Real),
            (TimeSpan, BinaryOp::Mul | BinaryOp::Div, n) if n.is_numeric() => (left, self.cast(right, Real), TimeSpan),
            (n, BinaryOp::Mul, TimeSpan) if n.is_numeric() => {
                let number = self.cast(left, Real);
                (right, number, TimeSpan)
            }
            (a, _, b) => match wider(a, b) {
                Some(ty) => {
                    // int with int gives long.
                    let ty = if ty == Type::Int { Type::Long } else { ty };
                    (self.cast(left, ty), self.cast(right, ty), ty)
                }
                None => return self.no_arithmetic(op, a, b, place),
            },
        };
        self.call(function, vec![left, right], ty)
    }

    fn no_arithmetic(&mut self, op: BinaryOp, a: Type, b: Type, place: TextRange) -> Expr {
        if self.poisoned && (a == Type::Dynamic || b == Type::Dynamic) {
            return self.poison();
        }
        let help = match (a, b) {
            (Type::String, _) | (_, Type::String) if op == BinaryOp::Add => {
                "texts are joined with strcat(a, b)".to_owned()
            }
            (Type::Dynamic, Type::Dynamic) => "say what they are: tolong(…), todouble(…), todatetime(…)".to_owned(),
            (Type::String, _) | (_, Type::String) => "convert the text: tolong(…) or todouble(…)".to_owned(),
            _ => "convert one side".to_owned(),
        };
        self.wrong(
            Diagnostic::error("KQL123", place, format!("`{}` does not take {a} and {b}", op.name())).with_help(help),
        )
    }

    /// `-x`; a plus sign changes nothing.
    pub(super) fn negative(&mut self, operand: Expr, place: TextRange) -> Expr {
        if is_poison(&operand) {
            return operand;
        }
        let operand = if operand.ty == Type::Dynamic { self.cast(operand, Type::Real) } else { operand };
        if operand.ty.is_numeric() || operand.ty == Type::TimeSpan {
            let ty = operand.ty;
            return self.call(&operators::NEGATE, vec![operand], ty);
        }
        let message = format!("{} has no sign", operand.ty);
        self.wrong(Diagnostic::error("KQL123", place, message))
    }

    /// The arguments of `bin` and `bin_at`, and what they give.
    pub(super) fn bin_types(&mut self, mut args: Vec<Expr>, places: &[TextRange]) -> Option<(Vec<Expr>, Type)> {
        if args.iter().any(is_poison) {
            return None;
        }
        let size = args.get(1)?.ty;
        if args[0].ty == Dynamic {
            let ty = if size == TimeSpan { DateTime } else { size };
            args[0] = self.cast(args[0].clone(), ty);
        }
        let value = args[0].ty;
        let ty = match (value, size) {
            (DateTime | TimeSpan, TimeSpan) => value,
            // A bare number of days.
            (DateTime | TimeSpan, Type::Long | Type::Int) if value == DateTime => {
                return self.no_bin(value, size, places);
            }
            _ => match wider(value, size) {
                Some(ty) => ty,
                None => return self.no_bin(value, size, places),
            },
        };
        if ty.is_numeric() {
            args = args.into_iter().map(|a| self.cast(a, ty)).collect();
        } else if let Some(fixed) = args.get(2).filter(|fixed| fixed.ty != ty) {
            let place = places.get(2).copied().unwrap_or_default();
            args[2] = self.implicit(fixed.clone(), ty, place, "the fixed point");
        }
        Some((args, ty))
    }

    fn no_bin<T>(&mut self, value: Type, size: Type, places: &[TextRange]) -> Option<T> {
        let place = places.get(1).copied().unwrap_or_default();
        let help = match value {
            Type::DateTime | Type::TimeSpan => "give a timespan, for example 1h or 1d",
            Type::String => "convert the text: todatetime(…) or tolong(…)",
            _ => "give a size of the value's type",
        };
        self.report(Diagnostic::error("KQL124", place, format!("{value} cannot be rounded to {size}")).with_help(help));
        None
    }
}
