//! Floor 2: the Kusto query language. No I/O and no data.
//!
//! Text becomes tokens (`lexer`), tokens a tree with places (`parser`, `syntax`), the tree a typed plan (`bind`, `plan`). What is wrong becomes
//! `Diagnostic`s, several a query. Binding may need data (`toscalar`, `in (subquery)`, `bag_unpack`): then `bind` answers what it
//! needs, the engine runs that part, and binding starts again knowing more.

pub mod bind;
pub mod catalog;
pub mod complete;
pub mod diagnostic;
pub mod format;
pub mod functions;
pub mod hidden;
pub mod highlight;
pub mod lexer;
pub mod lint;
pub mod literal;
pub mod operators;
pub mod optimise;
pub mod parser;
pub mod plan;
pub mod print;
pub mod reference;
pub mod rename;
pub mod report;
pub mod syntax;
pub mod types;
pub mod value;

pub use catalog::Catalog;
pub use diagnostic::{Diagnostic, Severity, TextRange};
pub use plan::{Expr, ExprKind, Plan, Rel};
pub use types::{Column, Schema, Type};
pub use value::Value;

#[cfg(test)]
mod tests;
