//! The tree of a query: what was written, with its place. Nothing is looked up and nothing rewritten here; aliases of operators
//! (`filter`, `order`, `limit`, `mvexpand`) are one node, parentheses stay.
//!
//! Two trees are equal when they say the same, wherever it stands: `==` ignores ranges. What could not be read is an `Error` node, and
//! a diagnostic stands for it; the binder says nothing more about it.

mod operator;
mod walk;

use std::sync::Arc;

use super::diagnostic::TextRange;
use super::types::Type;
use super::value::Value;

pub use operator::*;
pub use walk::{NameRole, Node, walk, walk_expr};

/// Statements in order. Those that are expressions give the results.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub struct Statement {
    pub kind: StatementKind,
    pub range: TextRange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `let name = value`: a scalar, a table or a function (`ExprKind::Function`).
    Let { name: Name, value: Expr },
    /// `declare query_parameters(a: string = "x", …)`
    Parameters(Vec<Parameter>),
    /// `declare pattern name = (a: string)[p: string] { ("x").["y"] = { … }; … }`
    Pattern(Box<Pattern>),
    /// `set name = value;` or `set name;`
    Set { name: Name, value: Option<Expr> },
    /// `alias database name = cluster("c").database("d")`
    Alias { name: Name, target: Expr },
    /// `restrict access to (a, b)`
    Restrict { targets: Vec<Expr> },
    /// A query: its rows are a result.
    Expr(Expr),
    /// Could not be read.
    Error,
}

/// A name as it is meant: `['a b']` is `a b`, quoted.
#[derive(Clone, Debug)]
pub struct Name {
    pub text: Arc<str>,
    /// Written `['…']`: never a keyword, never a wildcard.
    pub quoted: bool,
    pub range: TextRange,
}

/// A parameter of a function or of the query.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: Name,
    pub ty: ParameterType,
    pub default: Option<Expr>,
    pub range: TextRange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ParameterType {
    Scalar(Type),
    /// `T: (a: long, b: string)`: a table with at least these columns.
    Table(Vec<ColumnDecl>),
    /// `T: (*)`: any table.
    AnyTable,
}

/// `name: type`
#[derive(Clone, Debug)]
pub struct ColumnDecl {
    pub name: Name,
    pub ty: Type,
    pub range: TextRange,
}

/// A function: `(a: long, b: long = 2) { statements }`, `view () { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub view: bool,
    pub parameters: Vec<Parameter>,
    /// The last statement is the value.
    pub body: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    pub path: Option<Parameter>,
    pub cases: Vec<PatternCase>,
}

/// `("x").["y"] = { body }`
#[derive(Clone, Debug, PartialEq)]
pub struct PatternCase {
    pub arguments: Vec<Expr>,
    pub path: Option<Expr>,
    pub body: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub range: TextRange,
}

/// An expression: a scalar, or a table. The grammar does not tell them apart; the binder does.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Any literal. Adjacent strings are one.
    Literal(Value),
    /// `datetime(8:00)`: this time of day, today. Ticks since midnight.
    Today(i64),
    /// `h"…"`: a string that is not written to logs.
    Hidden(Arc<str>),
    /// A column, a table, a let; `$left`, `$right`, `$table` too.
    Name(Name),
    /// `Sign*`: tables of a `union`, `find` or `search`.
    Wildcard(Name),
    /// `*`: an argument (`arg_max(t, *)`), a column list (`distinct *`), a search column.
    Star,
    /// `f(a, b = 1)`
    Call(Call),
    /// `base.a["b"][0].f(x)`: flat, however long.
    Path {
        base: Box<Expr>,
        steps: Vec<PathStep>,
    },
    /// `-x`, `+x`
    Unary {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// At least two terms, flat.
    And(Vec<Expr>),
    /// At least two terms, flat.
    Or(Vec<Expr>),
    /// `x in (…)`, `x has_any (…)`: the list is expressions, or one table.
    In {
        op: InOp,
        operand: Box<Expr>,
        list: Vec<Expr>,
    },
    /// `x between (low .. high)`
    Between {
        operand: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    /// `(x)`
    Paren(Box<Expr>),
    /// `source | operator | …`, at least one operator. Without a source it is an operator that begins a query (`union`, `search`, `find`,
    /// `evaluate`), or the body of `mv-apply`, `fork`, `facet`, `partition`: its input is the enclosing operator's.
    Pipe {
        source: Option<Box<Expr>>,
        operators: Vec<Operator>,
    },
    /// `print a = 1, 2`
    Print(Vec<NamedExpr>),
    /// `range x from 1 to 9 step 2`
    Range(Box<RangeSource>),
    /// `datatable(a: long) [1, 2]`: values row by row.
    DataTable {
        columns: Vec<ColumnDecl>,
        values: Vec<Expr>,
    },
    /// `externaldata(a: string) ["https://…"] with (format = "csv")`
    ExternalData {
        columns: Vec<ColumnDecl>,
        uris: Vec<Expr>,
        properties: Vec<Property>,
    },
    /// A function value: only as the value of a `let`.
    Function(Box<Function>),
    /// `typeof(long)`
    TypeOf(Type),
    /// `typeof(*, a: long)`: the columns that a script gives.
    TypeOfTable(Box<EvaluateSchema>),
    /// Could not be read.
    Error,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RangeSource {
    pub column: Name,
    pub from: Expr,
    pub to: Expr,
    pub step: Expr,
}

/// `name(arguments)`
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub name: Name,
    pub arguments: Vec<Argument>,
}

/// An argument, `name = value` or a value alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    pub name: Option<Name>,
    pub value: Expr,
}

#[derive(Clone, Debug)]
pub struct PathStep {
    pub kind: PathStepKind,
    pub range: TextRange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PathStepKind {
    /// `.name`, `.['name']`
    Member(Name),
    /// `["name"]`, `[0]`, `[-1]`, `[expr]`
    Index(Expr),
    /// `.name(…)`: `cluster("c").database("d")`
    Call(Call),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Minus,
    Plus,
}

/// Operators between two expressions, in the order of the words that name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// `=~`
    EqFold,
    /// `!~`
    NeFold,
    Has,
    NotHas,
    HasCs,
    NotHasCs,
    HasPrefix,
    NotHasPrefix,
    HasPrefixCs,
    NotHasPrefixCs,
    HasSuffix,
    NotHasSuffix,
    HasSuffixCs,
    NotHasSuffixCs,
    Contains,
    NotContains,
    ContainsCs,
    NotContainsCs,
    StartsWith,
    NotStartsWith,
    StartsWithCs,
    NotStartsWithCs,
    EndsWith,
    NotEndsWith,
    EndsWithCs,
    NotEndsWithCs,
    MatchesRegex,
    /// `column : "text"`, in `search` only.
    Search,
}

/// How tightly binary operators bind; `or` is 1 and `and` is 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    Equality = 3,
    Relational,
    Additive,
    Multiplicative,
    /// Operators on text bind tightest: `a has "b" and …`, `a =~ "b"`.
    Text,
}

impl BinaryOp {
    /// Every operator and its name, which is the name of its function in the registry.
    pub const ALL: [(Self, &'static str); 39] = [
        (Self::Add, "+"),
        (Self::Sub, "-"),
        (Self::Mul, "*"),
        (Self::Div, "/"),
        (Self::Mod, "%"),
        (Self::Eq, "=="),
        (Self::Ne, "!="),
        (Self::Lt, "<"),
        (Self::Le, "<="),
        (Self::Gt, ">"),
        (Self::Ge, ">="),
        (Self::EqFold, "=~"),
        (Self::NeFold, "!~"),
        (Self::Has, "has"),
        (Self::NotHas, "!has"),
        (Self::HasCs, "has_cs"),
        (Self::NotHasCs, "!has_cs"),
        (Self::HasPrefix, "hasprefix"),
        (Self::NotHasPrefix, "!hasprefix"),
        (Self::HasPrefixCs, "hasprefix_cs"),
        (Self::NotHasPrefixCs, "!hasprefix_cs"),
        (Self::HasSuffix, "hassuffix"),
        (Self::NotHasSuffix, "!hassuffix"),
        (Self::HasSuffixCs, "hassuffix_cs"),
        (Self::NotHasSuffixCs, "!hassuffix_cs"),
        (Self::Contains, "contains"),
        (Self::NotContains, "!contains"),
        (Self::ContainsCs, "contains_cs"),
        (Self::NotContainsCs, "!contains_cs"),
        (Self::StartsWith, "startswith"),
        (Self::NotStartsWith, "!startswith"),
        (Self::StartsWithCs, "startswith_cs"),
        (Self::NotStartsWithCs, "!startswith_cs"),
        (Self::EndsWith, "endswith"),
        (Self::NotEndsWith, "!endswith"),
        (Self::EndsWithCs, "endswith_cs"),
        (Self::NotEndsWithCs, "!endswith_cs"),
        (Self::MatchesRegex, "matches regex"),
        (Self::Search, ":"),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The operator of a symbol or word, old spellings (`<>`, `notcontains`, `containscs`) included.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = match text {
            "<>" => "!=",
            "notcontains" => "!contains",
            "containscs" => "contains_cs",
            "notcontainscs" | "!containscs" => "!contains_cs",
            "nothas" => "!has",
            "startswithcs" => "startswith_cs",
            "!startswithcs" => "!startswith_cs",
            "endswithcs" => "endswith_cs",
            "!endswithcs" => "!endswith_cs",
            text => text,
        };
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(op, _)| *op)
    }

    pub fn binding(self) -> Binding {
        match self {
            Self::Mul | Self::Div | Self::Mod => Binding::Multiplicative,
            Self::Add | Self::Sub => Binding::Additive,
            Self::Lt | Self::Le | Self::Gt | Self::Ge => Binding::Relational,
            Self::Eq | Self::Ne => Binding::Equality,
            _ => Binding::Text,
        }
    }
}

/// Operators with a list on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InOp {
    In,
    NotIn,
    InFold,
    NotInFold,
    HasAny,
    HasAll,
}

impl InOp {
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::In, "in"),
        (Self::NotIn, "!in"),
        (Self::InFold, "in~"),
        (Self::NotInFold, "!in~"),
        (Self::HasAny, "has_any"),
        (Self::HasAll, "has_all"),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(op, _)| *op)
    }

    pub fn is_negated(self) -> bool {
        matches!(self, Self::NotIn | Self::NotInFold)
    }
}

impl Name {
    /// A name at a place, not quoted.
    pub fn new(text: impl Into<Arc<str>>, range: TextRange) -> Self {
        Self { text: text.into(), quoted: false, range }
    }
}

impl Expr {
    pub fn new(kind: ExprKind, range: TextRange) -> Self {
        Self { kind, range }
    }

    /// The expression inside any parentheses.
    pub fn inner(&self) -> &Self {
        let mut expr = self;
        while let ExprKind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }

    /// The name, if the expression is one.
    pub fn as_name(&self) -> Option<&Name> {
        match &self.kind {
            ExprKind::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The literal's value, if the expression is one.
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            _ => None,
        }
    }
}

/// Places are no part of what a tree says.
macro_rules! equal_but_for_place {
    ($($node:ident { $($field:ident),* })*) => {$(
        impl PartialEq for $node {
            fn eq(&self, other: &Self) -> bool {
                $(self.$field == other.$field)&&*
            }
        }
    )*};
}

equal_but_for_place! {
    Statement { kind }
    Name { text, quoted }
    Parameter { name, ty, default }
    ColumnDecl { name, ty }
    Expr { kind }
    PathStep { kind }
    NamedExpr { names, value }
    Property { name, value }
    Operator { kind }
    SortKey { expr, order, nulls }
    ColumnPattern { text, wildcard }
}
