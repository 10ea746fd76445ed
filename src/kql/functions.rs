//! The one registry of functions: names, parameters, result types and names, documentation, where each runs. It feeds the binder,
//! completion, hover, `vaultscope docs` and the reference page; the engine holds one implementation for each that runs locally.

use std::fmt;

use super::types::Type;

/// What a function is, and so where it may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// A scalar function.
    Scalar,
    /// An operator with a symbol or word between its operands (`+`, `has`, `=~`), or before one (`-`, `not`).
    Operator,
    /// Only in `summarize` and its kin.
    Aggregate,
    /// Needs serialized input.
    Window,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Exactly this type, or what converts to it implicitly.
    Type(Type),
    /// Any type.
    Any,
    /// int, long, real, decimal; dynamic is refused.
    Number,
    /// Numbers, datetime, timespan.
    Summable,
    /// Anything with an order: all but dynamic.
    Ordered,
    /// A bool expression.
    Predicate,
    /// The same type as the first argument that says so.
    Common,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    pub takes: Takes,
    pub optional: bool,
    /// The last parameter may repeat.
    pub repeats: bool,
    /// Must be a constant.
    pub constant: bool,
}

/// The type of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    Type(Type),
    /// The type of the n-th argument.
    Argument(u8),
    /// The common type of the arguments that take `Common`.
    Common,
    /// The wider of two numbers; int with int gives long.
    Wider,
    /// Decided by the binder, function by function (`bin`, `-` on datetimes, …).
    Special,
}

/// How an unnamed result column is called (Kusto's ResultNameKind).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultName {
    /// No name of its own: `Column1`, `print_0`.
    None,
    /// The name of the first argument if it has one.
    FirstArgument,
    /// The function's prefix and the first argument's name: `sum_x`; `sum_` where it has none.
    Prefix(&'static str),
    /// Always this.
    Fixed(&'static str),
}

/// A function of the language.
pub struct Function {
    pub name: &'static str,
    pub kind: FunctionKind,
    pub parameters: &'static [Parameter],
    pub gives: Gives,
    pub result_name: ResultName,
    /// One sentence, shown in completion and hover.
    pub summary: &'static str,
    /// A query that shows it.
    pub example: &'static str,
}

/// Functions are the registry's: one name and kind, one function.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
