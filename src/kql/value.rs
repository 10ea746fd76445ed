//! A scalar constant: of a literal, a folded expression, a parameter, one cell of a result.

use std::sync::Arc;

use super::types::Type;

/// A scalar with its KQL type. `String` has no null: KQL's strings don't.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null of any type but string; `dynamic(null)` too.
    Null(Type),
    Bool(bool),
    Int(i32),
    Long(i64),
    Real(f64),
    /// Unscaled digits and how many of them stand behind the point.
    Decimal(i128, u8),
    String(Arc<str>),
    /// 100 ns ticks since 0001-01-01.
    DateTime(i64),
    /// 100 ns ticks.
    TimeSpan(i64),
    /// Lower-case text with dashes.
    Guid(Arc<str>),
    /// JSON text, compact; never `null`, which is `Null(Dynamic)`.
    Dynamic(Arc<str>),
}

impl Value {
    pub fn ty(&self) -> Type {
        match self {
            Self::Null(ty) => *ty,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Long(_) => Type::Long,
            Self::Real(_) => Type::Real,
            Self::Decimal(..) => Type::Decimal,
            Self::String(_) => Type::String,
            Self::DateTime(_) => Type::DateTime,
            Self::TimeSpan(_) => Type::TimeSpan,
            Self::Guid(_) => Type::Guid,
            Self::Dynamic(_) => Type::Dynamic,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }

    /// The null of a type; "" for string, which has none.
    pub fn null(ty: Type) -> Self {
        if ty == Type::String { Self::String("".into()) } else { Self::Null(ty) }
    }

    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }
}
