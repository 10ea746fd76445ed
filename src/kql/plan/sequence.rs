//! What `scan` does: steps that rows match one after another, and what each step remembers.

use std::sync::Arc;

use super::Expr;
use crate::kql::value::Value;

/// The steps of a `scan`. Expressions read, of an input of `n` columns and `d` declared ones: the row, columns `0..n`; and column `c` (of the
/// `n + d`) of what step `j` remembers, column `n + j * (n + d) + c`. A step that remembers nothing has nulls, and the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// Rows of other values have sequences of their own. Over the input alone.
    pub partition: Vec<Expr>,
    /// The defaults of the declared columns, which come after the input's.
    pub declared: Vec<Value>,
    pub steps: Vec<SequenceStep>,
    /// A last column, long: which sequence a row is of, from 0.
    pub match_id: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SequenceStep {
    pub name: Arc<str>,
    pub condition: Expr,
    /// Declared columns, by number, and what they become.
    pub assignments: Vec<(usize, Expr)>,
    pub output: StepOutput,
}

/// Which of the rows that match a step come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutput {
    All,
    /// The last of those that match one after another within a sequence.
    Last,
    None,
}
