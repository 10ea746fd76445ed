//! Which expressions need brackets inside others.

use crate::kql::syntax::{Binding, Expr, ExprKind};
use crate::kql::value::Value;

/// How well an expression holds together when it becomes part of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// A pipeline; commas and words behind it would become its own.
    Pipe,
    /// `print`, `range`: what a pipe may follow.
    Source,
    Or,
    And,
    Binary(Binding),
    Unary,
    Primary,
}

pub(super) fn strength(expr: &Expr) -> Strength {
    match &expr.kind {
        ExprKind::Pipe { .. } => Strength::Pipe,
        ExprKind::Print(_) | ExprKind::Range(_) | ExprKind::Function(_) => Strength::Source,
        ExprKind::Or(_) => Strength::Or,
        ExprKind::And(_) => Strength::And,
        ExprKind::Binary { op, .. } => Strength::Binary(op.binding()),
        ExprKind::In { .. } | ExprKind::Between { .. } => Strength::Binary(Binding::Equality),
        ExprKind::Unary { .. } => Strength::Unary,
        ExprKind::Literal(_) if is_negative(expr) => Strength::Unary,
        _ => Strength::Primary,
    }
}

/// Is it written with a minus in front?
pub(super) fn is_negative(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(Value::Real(value)) => value.is_sign_negative() && value.is_finite(),
        ExprKind::Literal(Value::Long(value) | Value::TimeSpan(value)) => *value < 0,
        _ => false,
    }
}
