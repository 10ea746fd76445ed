//! What a name may stand for, and what an expression may see.

use std::rc::Rc;
use std::sync::Arc;

use crate::kql::plan::{Aggregate, Expr, Rel, Render, WindowCall};
use crate::kql::syntax;
use crate::kql::types::Schema;

/// A bound table: the plan so far, and what of it only the binder needs to know.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub rel: Arc<Rel>,
    /// Nodes on the longest way down: plans are walked recursively, so it is bounded.
    pub depth: usize,
    /// Rows have an order, so window functions may be used.
    pub serialized: bool,
    /// It may have columns beyond its schema: what lies below is not known.
    pub open: bool,
    pub render: Option<Render>,
    /// The table's own name while it is nothing but that table: `withsource` shows it.
    pub name: Option<Arc<str>>,
    /// Further results of a plugin that gives several, while nothing follows it.
    pub more: Vec<Table>,
    /// Of `fork` and `facet`: the result tables by name, which stand in this one's place.
    pub results: Vec<(Arc<str>, Table)>,
}

impl Table {
    pub fn new(rel: Arc<Rel>) -> Self {
        Self {
            rel,
            depth: 1,
            serialized: false,
            open: false,
            render: None,
            name: None,
            more: Vec::new(),
            results: Vec::new(),
        }
    }

    pub fn schema(&self) -> &Schema {
        &self.rel.schema
    }

    /// This table with another node on top; what the operator does to order is the caller's to say.
    pub fn with(&self, rel: Arc<Rel>) -> Self {
        Self {
            rel,
            depth: self.depth + 1,
            serialized: self.serialized,
            open: self.open,
            render: self.render.clone(),
            name: None,
            more: Vec::new(),
            results: Vec::new(),
        }
    }

    pub fn serialized(mut self, serialized: bool) -> Self {
        self.serialized = serialized;
        self
    }
}

/// What a `let`, a parameter or `as` names.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// `row` is the row whose columns the expression reads; 0 when it reads none.
    Scalar {
        expr: Expr,
        row: u32,
    },
    Table(Table),
    Function(Rc<Closure>),
    /// Was wrong, and has been diagnosed.
    Error,
}

/// A function and what it sees: the first `visible` names.
#[derive(Debug)]
pub(super) struct Closure {
    pub name: Arc<str>,
    pub function: syntax::Function,
    pub visible: usize,
    /// The text of the catalogue that it stands in, which is not the query's: diagnostics point at the call.
    pub saved: Option<Arc<str>>,
}

/// An argument, a statement's value: the grammar does not tell scalars from tables.
pub(super) enum Value {
    Scalar(Expr),
    Table(Table),
}

/// `$left` or `$right`, in the `on` of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "$left",
            Self::Right => "$right",
        }
    }
}

/// Where aggregates may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregating {
    /// Not in a `summarize`.
    No,
    /// In a `summarize`, outside any aggregate: only aggregates and constants.
    Outside,
    /// In an aggregate's arguments: the input's columns.
    Inside,
}

/// The row that an expression is evaluated on, and the calls that its expressions have collected for nodes below.
pub(super) struct Row {
    /// Unlike any other row's; 0 is no row.
    pub id: u32,
    pub table: Table,
    pub side: Option<Side>,
    /// Inside a function's body its parameters are seen, the caller's columns are not.
    pub hidden: u32,
    pub aggregating: Aggregating,
    /// Group keys before the aggregates in the node that collects them.
    pub keys: usize,
    pub aggregates: Vec<Aggregate>,
    /// Window calls by the `Window` node that they need; `None` where they may not stand.
    pub windows: Option<Vec<Vec<WindowCall>>>,
    /// The operator, for messages.
    pub operator: &'static str,
}

impl Row {
    /// The columns that may be read by name.
    pub fn schema(&self) -> &Schema {
        self.table.schema()
    }
}
