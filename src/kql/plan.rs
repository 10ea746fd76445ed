//! The typed plan: what to compute, not how. It knows nothing of the executor, so another engine may be set beside it.
//!
//! Contracts between the binder (which builds plans) and an engine (which runs them):
//! - Columns are positions in the input's schema. Names and types live here, never in a batch.
//! - Every implicit conversion stands in the plan as a call (`tolong`, `todouble`, `tostring`, …). Both sides of `== != < <= > >=` and of the
//!   arithmetic operators have one type, but for: datetime ± timespan, datetime − datetime, timespan × real, timespan ÷ real, timespan ÷ timespan.
//!   A dynamic compared with a scalar is converted to the scalar's type first.
//! - `and`/`or` chains are flat (`And`, `Or`), so depth does not grow with their length.
//! - Everything constant is folded where folding needs no data: `now()`, `ago(1d)`, `datetime(…)` are literals.
//! - Window functions (`prev`, `row_number`, …) stand only in `Op::Window`.

mod capture;
mod explain;
mod external;
mod plugin;
mod sequence;

use std::sync::Arc;

use super::functions::Function;
use super::types::{Schema, Type};
use super::value::Value;

pub use capture::{Capture, CaptureRule, Pairs, PatternPart, Separated, shape};
pub use external::{Address, External, ExternalFormat};
pub use plugin::{Bins, Lookup, Metric, Mining, Neighbours, Patterns, Plugin, Step as BinStep};
pub use sequence::{Sequence, SequenceStep, StepOutput};

/// A whole query: its results in order, and the parts that several of them share.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub outputs: Vec<Output>,
    /// `materialize(…)`: each runs once. A later one may use earlier ones.
    pub shared: Vec<Arc<Rel>>,
}

/// One result table.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub name: Arc<str>,
    pub rel: Arc<Rel>,
    pub render: Option<Render>,
}

/// `render`: how the result wants to be seen. The rows are unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Render {
    /// `timechart`, `barchart`, `piechart`, `table`, …
    pub kind: Arc<str>,
    /// `with (name = value)`, in order.
    pub properties: Vec<(Arc<str>, Arc<str>)>,
}

/// A relational node and the schema of what it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Rel {
    pub op: Op,
    pub schema: Schema,
}

/// A relational operator. Row order means something only after `Sort` or `Serialize` and the row-preserving operators above them.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Rows of a stored or registered table. Columns come out in the order of `columns`; `filter` are conjuncts over that output, which
    /// the scan may use to prune and must apply.
    Scan {
        table: Arc<str>,
        columns: Vec<ScanColumn>,
        filter: Vec<Expr>,
    },
    /// Constant rows: `datatable`, `print`.
    Values {
        rows: Arc<Vec<Vec<Value>>>,
    },
    /// `range`: from, from + step, … ≤ to; one column.
    Range {
        from: Value,
        to: Value,
        step: Value,
    },
    Filter {
        input: Arc<Rel>,
        predicate: Expr,
    },
    /// `extend`, `project`, `project-away`, …: one expression a column of the output.
    Project {
        input: Arc<Rel>,
        columns: Vec<Expr>,
    },
    /// `summarize`, `distinct`, `count`: keys first, then aggregates. Without keys: one row, also of no input.
    Aggregate {
        input: Arc<Rel>,
        keys: Vec<Expr>,
        aggregates: Vec<Aggregate>,
    },
    /// `make-series`: the bins of each key as arrays, over an aggregation by the keys and the bin.
    MakeSeries {
        input: Arc<Rel>,
        series: Series,
    },
    /// Left columns, then right columns; only one side's for semi and anti kinds. Null keys match null keys.
    Join {
        left: Arc<Rel>,
        right: Arc<Rel>,
        kind: JoinKind,
        keys: Vec<(Expr, Expr)>,
    },
    /// Inputs have this node's schema already (the binder puts a `Project` under each).
    Union {
        inputs: Vec<Arc<Rel>>,
    },
    /// `sort`, and `top` with a limit. Stable.
    Sort {
        input: Arc<Rel>,
        keys: Vec<SortKey>,
        limit: Option<u64>,
    },
    /// `take`: any rows; the first ones where the input is ordered.
    Take {
        input: Arc<Rel>,
        count: u64,
    },
    /// Fixes the row order as it comes.
    Serialize {
        input: Arc<Rel>,
    },
    /// The input's columns, then one a call, computed in row order over the ordered input.
    Window {
        input: Arc<Rel>,
        calls: Vec<WindowCall>,
    },
    /// `mv-expand`: the columns that are kept, the elements, then with `index` their positions (long).
    Expand {
        input: Arc<Rel>,
        expansion: Expansion,
    },
    /// A plugin of `evaluate`, or an operator like one, over all rows of its inputs: it reads their columns by position.
    Plugin {
        plugin: Box<Plugin>,
        inputs: Vec<Arc<Rel>>,
    },
    /// `parse`, `parse-where`, `parse-kv`: the input's columns, then the captures of `text` that `columns` names (rising). With `matching`
    /// only rows whose text matches.
    Capture {
        input: Arc<Rel>,
        text: Expr,
        capture: Arc<Capture>,
        columns: Vec<usize>,
        matching: bool,
    },
    /// `scan`, over ordered rows: the input's columns, the declared ones, and with `match_id` the number of the sequence.
    Sequence {
        input: Arc<Rel>,
        sequence: Arc<Sequence>,
    },
    /// `mv-apply`: each row is expanded, and `body` runs over the rows that came of it, its `Given`. Gives the row's columns `kept`, then what
    /// the body gives. A row that expands to nothing gives nothing.
    Apply {
        input: Arc<Rel>,
        expansion: Expansion,
        kept: Vec<usize>,
        body: Arc<Rel>,
    },
    /// `partition`: `body` runs over the rows of each group, its `Given`. Null is a key like any other.
    Partition {
        input: Arc<Rel>,
        keys: Vec<Expr>,
        body: Arc<Rel>,
    },
    /// `top-nested`: a key and a value a level.
    TopNested {
        input: Arc<Rel>,
        levels: Vec<TopLevel>,
    },
    /// The rows that the operator around the body gives it: the leaf of a body.
    Given,
    /// `Plan::shared[n]`.
    Shared(usize),
}

/// Rows out of the elements of lists: for each row of the input as many as its longest list has, shorter lists padded with null. Null is one
/// null row, an empty list no row, anything else but a list or a bag is its own one element.
#[derive(Clone, Debug, PartialEq)]
pub struct Expansion {
    /// Columns of the input that are repeated beside the elements, by position.
    pub kept: Vec<usize>,
    /// Dynamic expressions over the input; the elements are dynamic.
    pub lists: Vec<Expr>,
    /// The members of a bag are `[key, value]`, not bags of one property.
    pub pairs: bool,
    /// Counts the elements of a row from 0.
    pub index: bool,
    /// The most rows for one of the input.
    pub limit: Option<u64>,
}

/// How arrays are made of bins. The input has the keys, then the bin (long, real, datetime or timespan), then a column an array. The
/// output: the keys, the arrays, and last the array of the bins themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub keys: usize,
    /// The first bin; `None` is the first that each key has rows in.
    pub from: Option<Value>,
    /// Bins are below it; `None` is after the last that each key has rows in.
    pub to: Option<Value>,
    /// Between two bins; more than 0.
    pub step: Value,
    /// What stands where a bin has no rows, one an array.
    pub defaults: Vec<Value>,
    /// Without keys one row comes out even of no input.
    pub nonempty: bool,
}

/// A level of `top-nested`: within each key of the level before, the keys whose values are largest, or smallest.
#[derive(Clone, Debug, PartialEq)]
pub struct TopLevel {
    pub key: Expr,
    /// Every key where it is not said.
    pub count: Option<u64>,
    /// The key of one more row, for all that did not make it to the top.
    pub others: Option<Value>,
    pub aggregates: Vec<Aggregate>,
    /// What is compared, and given: an expression over the aggregates.
    pub value: Expr,
    pub descending: bool,
}

/// A column that a scan gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ScanColumn {
    /// A column of the table by its KQL name.
    Column(Arc<str>),
    /// A path inside a dynamic column, which the engine may have stored or may read without building a tree. With `text` the type is string
    /// and the value is `tostring` of the path; without it the value is dynamic.
    Path { column: Arc<str>, steps: Vec<Step>, text: bool },
}

/// One step of a dynamic path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Key(Arc<str>),
    /// Negative counts from the end.
    Index(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// The default: the left side is made unique by key first.
    InnerUnique,
    Inner,
    LeftOuter,
    RightOuter,
    FullOuter,
    LeftSemi,
    RightSemi,
    LeftAnti,
    RightAnti,
}

/// One aggregate of a `summarize`: `arg_max(t, *)` is expanded by the binder into one call per column that it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub function: &'static Function,
    pub args: Vec<Expr>,
    pub ty: Type,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    pub expr: Expr,
    pub descending: bool,
    pub nulls_first: bool,
}

/// A window function over ordered rows. Arguments are expressions over the input.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowCall {
    pub function: &'static Function,
    pub args: Vec<Expr>,
    pub ty: Type,
}

/// A scalar expression over one input row.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub ty: Type,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A column of the input, by position.
    Column(usize),
    Literal(Value),
    /// A scalar function or an operator (`+`, `==`, `has`, `=~`, `not`, …), all in one registry.
    Call {
        function: &'static Function,
        args: Vec<Expr>,
    },
    /// At least two. Null is neither true nor false.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    /// A path inside a dynamic value. Missing gives null.
    Path {
        base: Box<Expr>,
        steps: Vec<Step>,
    },
    /// `value in (…)`: constants only; a subquery's rows have been fetched when the plan is whole.
    In {
        value: Box<Expr>,
        set: Arc<Vec<Value>>,
        negated: bool,
        fold_case: bool,
    },
}

impl Expr {
    pub fn column(position: usize, ty: Type) -> Self {
        Self { kind: ExprKind::Column(position), ty }
    }

    pub fn literal(value: Value) -> Self {
        Self { ty: value.ty(), kind: ExprKind::Literal(value) }
    }

    pub fn call(function: &'static Function, args: Vec<Self>, ty: Type) -> Self {
        Self { kind: ExprKind::Call { function, args }, ty }
    }

    /// The constant, if this is one.
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            _ => None,
        }
    }
}

impl Rel {
    pub fn new(op: Op, schema: Schema) -> Arc<Self> {
        Arc::new(Self { op, schema })
    }

    /// The nodes right below; a body is not among them.
    pub fn inputs(&self) -> Vec<&Arc<Self>> {
        match &self.op {
            Op::Scan { .. } | Op::Values { .. } | Op::Range { .. } | Op::Given | Op::Shared(_) => Vec::new(),
            Op::Filter { input, .. }
            | Op::Project { input, .. }
            | Op::Aggregate { input, .. }
            | Op::Sort { input, .. }
            | Op::Take { input, .. }
            | Op::Serialize { input }
            | Op::Window { input, .. }
            | Op::Expand { input, .. }
            | Op::Apply { input, .. }
            | Op::Partition { input, .. }
            | Op::TopNested { input, .. }
            | Op::Sequence { input, .. }
            | Op::Capture { input, .. }
            | Op::MakeSeries { input, .. } => vec![input],
            Op::Join { left, right, .. } => vec![left, right],
            Op::Union { inputs } | Op::Plugin { inputs, .. } => inputs.iter().collect(),
        }
    }

    /// Does it hang on the rows of an operator around it?
    pub fn reads_given(&self) -> bool {
        matches!(self.op, Op::Given) || self.inputs().iter().any(|input| input.reads_given())
    }
}
