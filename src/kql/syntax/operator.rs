//! Tabular operators and what stands in them.

use std::sync::Arc;

use super::{Call, ColumnDecl, Expr, Name};
use crate::kql::diagnostic::TextRange;
use crate::kql::plan::JoinKind;
use crate::kql::types::Type;

/// `e`, `x = e`, `(a, b) = e`
#[derive(Clone, Debug)]
pub struct NamedExpr {
    /// None: the column gets its name by rule. Several: one for each column that the value gives.
    pub names: Vec<Name>,
    pub value: Expr,
    pub range: TextRange,
}

/// `name = value` that tells how, not what: `hint.strategy = shuffle`, `bagexpansion = array`, `title = "x"`. A bare word is a `Name`.
#[derive(Clone, Debug)]
pub struct Property {
    /// Dots included: `hint.shufflekey`.
    pub name: Name,
    pub value: Expr,
    pub range: TextRange,
}

/// A column by name or wildcard: `a`, `a*`, `*_b`, `*`.
#[derive(Clone, Debug)]
pub struct ColumnPattern {
    pub text: Arc<str>,
    /// `*` in the text stands for any characters.
    pub wildcard: bool,
    pub range: TextRange,
}

#[derive(Clone, Debug)]
pub struct SortKey {
    pub expr: Expr,
    /// As written; without it descending.
    pub order: Option<Order>,
    /// As written; without it first when ascending, last when descending.
    pub nulls: Option<Nulls>,
    pub range: TextRange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Asc,
    Desc,
    /// `granny-asc`, in `project-reorder`: numbers inside names count as numbers.
    GrannyAsc,
    GrannyDesc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    First,
    Last,
}

/// One step of a pipeline, from its word to its end.
#[derive(Clone, Debug)]
pub struct Operator {
    pub kind: OperatorKind,
    /// The operator's word alone.
    pub word: TextRange,
    pub range: TextRange,
}

/// The operators. `hints` are read and may be ignored.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorKind {
    /// `where`, `filter`
    Where {
        predicate: Expr,
    },
    Extend {
        columns: Vec<NamedExpr>,
    },
    Project {
        columns: Vec<NamedExpr>,
    },
    ProjectAway {
        columns: Vec<ColumnPattern>,
    },
    ProjectKeep {
        columns: Vec<ColumnPattern>,
    },
    ProjectRename {
        columns: Vec<Rename>,
    },
    ProjectReorder {
        columns: Vec<ReorderColumn>,
    },
    /// `project-by-names`: names, wildcards, dynamic arrays of names.
    ProjectByNames {
        columns: Vec<Expr>,
    },
    Summarize {
        hints: Vec<Property>,
        aggregates: Vec<NamedExpr>,
        by: Vec<NamedExpr>,
    },
    /// Columns, or one `Star`.
    Distinct {
        hints: Vec<Property>,
        columns: Vec<NamedExpr>,
    },
    /// `sort by`, `order by`
    Sort {
        hints: Vec<Property>,
        keys: Vec<SortKey>,
    },
    Top {
        hints: Vec<Property>,
        count: Expr,
        keys: Vec<SortKey>,
    },
    TopNested {
        levels: Vec<TopNestedLevel>,
    },
    /// `top-hitters 5 of x by weight`
    TopHitters {
        count: Expr,
        of: Expr,
        by: Option<Expr>,
    },
    /// `take`, `limit`
    Take {
        count: Expr,
    },
    /// `count`, `count as name`
    Count {
        name: Option<Name>,
    },
    Join(Box<Join>),
    /// `lookup`: `Join` with kinds inner and leftouter.
    Lookup(Box<Join>),
    Union(Union),
    Find(Box<Find>),
    Search(Box<Search>),
    /// `parse`, `parse-where`
    Parse(Box<Parse>),
    ParseKv {
        input: Expr,
        columns: Vec<ColumnDecl>,
        properties: Vec<Property>,
    },
    /// `mv-expand`, `mvexpand`
    MvExpand(MvExpand),
    MvApply(Box<MvApply>),
    MakeSeries(Box<MakeSeries>),
    Serialize {
        columns: Vec<NamedExpr>,
    },
    Scan(Box<Scan>),
    /// `partition by column (body)`, `partition by column { body }`
    Partition {
        hints: Vec<Property>,
        by: Expr,
        body: Expr,
        braces: bool,
    },
    /// `evaluate plugin(…) : (a: long, *)`
    Evaluate {
        hints: Vec<Property>,
        call: Call,
        schema: Option<EvaluateSchema>,
    },
    /// `invoke f(…)`: a `Call`, or a `Path` that ends in one.
    Invoke {
        function: Expr,
    },
    As {
        hints: Vec<Property>,
        name: Name,
    },
    /// `render kind with (…)`; old properties without `with` are the same.
    Render {
        kind: Name,
        properties: Vec<Property>,
    },
    /// `facet by a, b with (body)`
    Facet {
        by: Vec<Expr>,
        with: Option<Expr>,
    },
    Fork {
        branches: Vec<ForkBranch>,
    },
    Consume {
        properties: Vec<Property>,
    },
    GetSchema,
    Sample {
        count: Expr,
    },
    SampleDistinct {
        count: Expr,
        of: Expr,
    },
    /// `reduce by x with threshold = 0.1, characters = "…"`
    Reduce {
        by: NamedExpr,
        properties: Vec<Property>,
    },
    AssertSchema {
        columns: Vec<ColumnDecl>,
    },
    ExecuteAndCache,
    /// An operator of Kusto that is not part of this language (`make-graph` and its kin, `macro-expand`): read over, diagnosed by the binder.
    Unsupported {
        name: Name,
    },
    /// Could not be read; diagnosed.
    Error,
}

/// `new = old`
#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    pub new: Name,
    pub old: Name,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReorderColumn {
    pub pattern: ColumnPattern,
    pub order: Option<Order>,
}

/// `top-nested 3 of x with others = "rest" by sum(y) desc`
#[derive(Clone, Debug, PartialEq)]
pub struct TopNestedLevel {
    pub count: Option<Expr>,
    pub of: NamedExpr,
    pub others: Option<Expr>,
    pub by: NamedExpr,
    pub order: Option<Order>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// None: not written, which is `innerunique` for join and `leftouter` for lookup.
    pub kind: Option<JoinKind>,
    pub hints: Vec<Property>,
    pub right: Expr,
    /// Each a `Name`, or `$left.a == $right.b`, or an `And` of such.
    pub on: Vec<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Union {
    /// None: not written, which is outer.
    pub kind: Option<UnionKind>,
    /// `withsource = name`
    pub source_column: Option<Name>,
    pub fuzzy: bool,
    pub hints: Vec<Property>,
    /// Names, wildcards, calls, parenthesised pipelines.
    pub tables: Vec<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnionKind {
    Inner,
    Outer,
}

/// `find withsource = s in (tables) where predicate project a, b: string, pack(*)`
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    pub source_column: Option<Name>,
    pub hints: Vec<Property>,
    /// Empty: every table.
    pub tables: Vec<Expr>,
    pub predicate: Expr,
    /// None: not written. `project-smart` is the same as nothing.
    pub project: Option<Vec<FindColumn>>,
    pub project_away: Vec<ColumnPattern>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FindColumn {
    Column {
        name: Name,
        ty: Option<Type>,
    },
    /// `pack(*)`, `pack_all()`: the other columns as one bag.
    Pack,
}

/// `search kind = case_sensitive in (tables) predicate`. A string alone is a term anywhere; `column: "x"` is `BinaryOp::Search`.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    pub case_sensitive: bool,
    pub hints: Vec<Property>,
    /// Empty: the input, or every table.
    pub tables: Vec<Expr>,
    pub predicate: Expr,
}

/// `parse kind = simple flags = U x with * "text" name: type *`
#[derive(Clone, Debug, PartialEq)]
pub struct Parse {
    /// `parse-where`: rows that do not match are dropped.
    pub only_matching: bool,
    pub kind: Option<ParseKind>,
    pub flags: Option<Arc<str>>,
    pub input: Expr,
    pub pattern: Vec<ParsePart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseKind {
    Simple,
    Regex,
    Relaxed,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ParsePart {
    /// `*`: anything, thrown away.
    Skip,
    /// A string literal, or in a regex its text.
    Text(Arc<str>),
    Column {
        name: Name,
        ty: Option<Type>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct MvExpand {
    pub hints: Vec<Property>,
    pub bag: Option<BagExpansion>,
    /// `with_itemindex = name`
    pub index: Option<Name>,
    pub columns: Vec<ExpandColumn>,
    /// `limit n`
    pub limit: Option<Expr>,
    /// Written `mvexpand`, which has a row limit of its own.
    pub old: bool,
}

/// `bagexpansion = array` or `kind = array`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BagExpansion {
    Bag,
    Array,
}

/// `x = e to typeof(long)`
#[derive(Clone, Debug, PartialEq)]
pub struct ExpandColumn {
    pub expr: NamedExpr,
    pub to: Option<Type>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MvApply {
    pub hints: Vec<Property>,
    pub index: Option<Name>,
    pub columns: Vec<ExpandColumn>,
    pub limit: Option<Expr>,
    /// `id guid`
    pub id: Option<Expr>,
    /// `on (body)`: a `Pipe` without a source.
    pub body: Expr,
}

/// `make-series kind = nonempty a = avg(x) default = 0 on t from a to b step s by k`
#[derive(Clone, Debug, PartialEq)]
pub struct MakeSeries {
    /// `kind = nonempty`
    pub nonempty: bool,
    pub hints: Vec<Property>,
    pub aggregates: Vec<SeriesAggregate>,
    pub axis: NamedExpr,
    pub range: SeriesRange,
    pub by: Vec<NamedExpr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SeriesAggregate {
    pub expr: NamedExpr,
    pub default: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SeriesRange {
    /// `from a to b step s`: `to` is exclusive, bins count from `from`.
    FromTo { from: Option<Expr>, to: Option<Expr>, step: Expr },
    /// `in range(a, b, s)`: the stop is inclusive, bins are `bin`'s.
    In { start: Expr, stop: Expr, step: Expr },
}

/// `scan with_match_id = m partition by k order by t declare (s: long = 0) with (step a: cond => x = e; …)`
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    pub hints: Vec<Property>,
    pub match_id: Option<Name>,
    pub partition: Vec<Expr>,
    pub order: Vec<SortKey>,
    pub declare: Vec<ScanVariable>,
    pub steps: Vec<ScanStep>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ScanVariable {
    pub name: Name,
    pub ty: Type,
    pub default: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ScanStep {
    pub name: Name,
    pub optional: bool,
    pub output: Option<ScanOutput>,
    pub condition: Expr,
    /// `name = value`
    pub assignments: Vec<(Name, Expr)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOutput {
    All,
    Last,
    None,
}

/// `: (a: long, *)`
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluateSchema {
    pub columns: Vec<ColumnDecl>,
    /// `*`: the input's columns come too.
    pub star: bool,
}

/// `name = (body)`
#[derive(Clone, Debug, PartialEq)]
pub struct ForkBranch {
    pub name: Option<Name>,
    pub body: Expr,
}

impl ColumnPattern {
    /// Does a column's name match? Case counts.
    pub fn matches(&self, name: &str) -> bool {
        if !self.wildcard {
            return &*self.text == name;
        }
        let mut parts = self.text.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let mut parts = parts.peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.is_empty()
    }
}
