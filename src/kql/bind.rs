//! Names and types: the tree becomes a typed plan, or diagnostics that name the place and the fix.
//!
//! Some queries cannot be bound without data: `toscalar(…)` is a constant of the query, `x in (subquery)` a set of constants. Then `bind`
//! answers `Bound::Needs`; the caller runs those plans, puts the answers into `Known` and binds again, until there is a plan.
//! Binding is deterministic, so a need has the same key each time.
//!
//! What is wrong does not hide what else is wrong: an expression that could not be bound is *poison*, which takes part in everything and is
//! never diagnosed twice; a table that is not known has any column.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::catalog::Catalog;
use super::diagnostic::{Diagnostic, Severity, TextRange};
use super::functions::Function;
use super::plan::{Expr, ExprKind, Op, Output, Plan, Rel};
use super::syntax;
use super::types::{Schema, Type};
use super::value::Value;
use crate::base::time::Ticks;

mod aggregate;
mod argument;
mod arithmetic;
mod bin_auto;
mod body;
mod call;
mod columns;
mod convert;
mod evaluate;
mod expand;
mod expression;
mod external;
mod find;
mod fold;
mod geography;
mod join;
mod membership;
mod name;
mod needs;
mod nested;
mod parse;
mod path;
mod pattern;
mod pick;
mod rows;
mod scan;
mod scope;
mod search;
mod series;
mod several;
mod source;
mod special;
mod statement;
mod union;
mod view;

pub use needs::{Answer, Known, Need, What};

use scope::{Aggregating, Binding, Row, Table};

/// Evaluates an expression without columns; `None` where it cannot. The engine's evaluator, where there is one.
pub type Evaluate<'a> = &'a dyn Fn(&Expr) -> Option<Value>;

/// What the binder may use.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub catalog: &'a dyn Catalog,
    pub now: Ticks,
    /// Values of `declare query_parameters`.
    pub parameters: &'a [(String, Value)],
    /// Bounds `TimeGenerated` of every table that has it: from (inclusive), to (exclusive).
    pub timespan: Option<(Ticks, Ticks)>,
    /// The same for `timestamp`, the time of the event.
    pub window: Option<(Ticks, Ticks)>,
    /// What has been run for this query so far.
    pub known: &'a Known,
    pub evaluate: Option<Evaluate<'a>>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("now", &self.now).field("timespan", &self.timespan).finish_non_exhaustive()
    }
}

/// What became of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    Plan(Plan),
    /// To be run first, each on its own; then bind again.
    Needs(Vec<Need>),
    /// A diagnostic says why; or the query speaks of tables that are not known here, and that is allowed.
    Invalid,
}

/// What binding gave: findings in the order of their places, and a plan if none is an error.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub bound: Bound,
    pub diagnostics: Vec<Diagnostic>,
}

/// Binds a query. `text` is what `query` was parsed from.
pub fn bind(query: &syntax::Query, text: &str, context: &Context<'_>) -> Outcome {
    let mut binder = Binder::new(text, context);
    binder.query(query);
    binder.finish()
}

/// The columns that an expression at a place in the text may read: of the operator's input there, or of what the last operator before it
/// gives. `None` where no pipeline has begun.
pub fn schema_at(query: &syntax::Query, text: &str, offset: usize, catalog: &dyn Catalog) -> Option<Schema> {
    let known = Known::default();
    let context = Context {
        catalog,
        now: Ticks::default(),
        parameters: &[],
        timespan: None,
        window: None,
        known: &known,
        evaluate: None,
    };
    let mut binder = Binder::new(text, &context);
    binder.probe = Some((u32::try_from(offset).ok()?, None));
    binder.query(query);
    binder.probe?.1
}

/// Nodes that a plan may have on top of each other, expressions that may nest, and expressions in all. Text that passes the parser can still grow beyond
/// any bound through functions that call functions.
const MOST_NODES: usize = 250;
const MOST_LEVELS: usize = 300;
const MOST_EXPRESSIONS: usize = 250_000;

/// The position of a column that is not there: reading it is poison.
const POISON: usize = usize::MAX;

struct Binder<'a> {
    context: &'a Context<'a>,
    text: &'a str,
    diagnostics: Vec<Diagnostic>,
    needs: Vec<Need>,
    shared: Vec<Arc<Rel>>,
    outputs: Vec<Output>,
    /// Innermost last.
    names: Vec<(Arc<str>, Binding)>,
    /// Functions being bound.
    calls: Vec<Arc<str>>,
    views: HashMap<Arc<str>, Option<Rc<syntax::Query>>>,
    patterns: Vec<(Arc<str>, Rc<pattern::Declared>)>,
    /// Names of databases.
    aliases: Vec<Arc<str>>,
    restriction: Option<pattern::Restriction>,
    /// The saved function or view that is being bound, and where it was named.
    inside: Option<(Arc<str>, TextRange)>,
    /// The saved function or view whose text is being bound.
    reading: Option<Arc<str>>,
    rows: u32,
    levels: usize,
    expressions: usize,
    /// A condition on all columns at once is being bound: each is read as text where text is looked for.
    asks_all: bool,
    /// Something is not known; what depends on it cannot be judged.
    poisoned: bool,
    /// What `set` says of `bin_auto`: the size of a bin, and a point at which one begins.
    bin_auto: [Option<Value>; 2],
    /// A constant was asked of the rows that a sub-pipeline is given: it differs from group to group.
    asked_given: bool,
    /// A place in the text whose columns are asked for, and what they are so far.
    probe: Option<(u32, Option<Schema>)>,
}

impl<'a> Binder<'a> {
    fn new(text: &'a str, context: &'a Context<'a>) -> Self {
        Self {
            context,
            text,
            diagnostics: Vec::new(),
            needs: Vec::new(),
            shared: Vec::new(),
            outputs: Vec::new(),
            names: Vec::new(),
            calls: Vec::new(),
            views: HashMap::new(),
            patterns: Vec::new(),
            aliases: Vec::new(),
            restriction: None,
            inside: None,
            reading: None,
            rows: 0,
            levels: 0,
            expressions: 0,
            asks_all: false,
            poisoned: false,
            bin_auto: [None, None],
            asked_given: false,
            probe: None,
        }
    }

    fn finish(mut self) -> Outcome {
        self.diagnostics.sort_by_key(|d| (d.range.start, d.range.end, d.code));
        let wrong = self.diagnostics.iter().any(|d| d.severity == Severity::Error);
        let bound = if wrong {
            Bound::Invalid
        } else if !self.needs.is_empty() {
            // A need is noted only while all is known so far; what is not known since may hang on its answer.
            Bound::Needs(self.needs)
        } else if self.poisoned {
            Bound::Invalid
        } else {
            Bound::Plan(Plan { outputs: self.outputs, shared: self.shared })
        };
        Outcome { bound, diagnostics: self.diagnostics }
    }

    /// Notes a table's columns when the place that is asked for lies in the range, or after it.
    fn note(&mut self, table: &Table, range: TextRange, after: bool) {
        if self.inside.is_none()
            && let Some((offset, found)) = &mut self.probe
            && (if after { *offset > range.end } else { (range.start..=range.end).contains(offset) })
        {
            *found = Some(table.schema().clone());
        }
    }

    /// Keeps a finding; one of a saved function stands at the place that called it.
    fn report(&mut self, mut diagnostic: Diagnostic) {
        // What only another engine can run is no fault of a query that is not meant for this one.
        if matches!(diagnostic.code, "KQL136" | "KQL149") && self.is_lenient() {
            self.poisoned = true;
            return;
        }
        if let Some((name, range)) = &self.inside {
            let place = self.reading.as_ref().and_then(|reading| self.place_in_file(reading, diagnostic.range));
            diagnostic.range = *range;
            diagnostic.message = match place {
                Some(place) => format!("in {name} ({place}): {}", diagnostic.message),
                None => format!("in {name}: {}", diagnostic.message),
            };
        }
        // A function's body is bound once a call, its findings are said once.
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    fn error(&mut self, code: &'static str, range: TextRange, message: impl Into<String>) {
        self.report(Diagnostic::error(code, range, message));
    }

    /// Reports, and stands for the expression that is not there.
    fn wrong(&mut self, diagnostic: Diagnostic) -> Expr {
        self.report(diagnostic);
        self.poison()
    }

    /// An expression that cannot be evaluated and of which nothing more is said.
    fn poison(&mut self) -> Expr {
        self.poisoned = true;
        Expr::column(POISON, Type::Dynamic)
    }

    /// The query's text at a place, short enough for a message.
    fn snippet(&self, range: TextRange) -> String {
        let text = if self.inside.is_some() { "" } else { range.of(self.text) };
        let mut short: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if short.chars().count() > 40 {
            short = short.chars().take(39).chain(['…']).collect();
        }
        if short.is_empty() { "this".into() } else { format!("`{short}`") }
    }

    /// A row over a table's columns.
    fn row(&mut self, table: &Table, operator: &'static str) -> Row {
        self.rows += 1;
        Row {
            id: self.rows,
            table: table.clone(),
            side: None,
            hidden: 0,
            aggregating: Aggregating::No,
            keys: 0,
            aggregates: Vec::new(),
            windows: None,
            operator,
        }
    }

    /// No row: constants only.
    fn no_row(&mut self, operator: &'static str) -> Row {
        let unit = Rel::new(Op::Values { rows: Arc::new(Vec::new()) }, Schema::default());
        let mut row = self.row(&Table::new(unit), operator);
        row.id = 0;
        row
    }

    /// One more level of nesting; false, and diagnosed, when there are too many or the whole is too large.
    fn enter(&mut self, range: TextRange) -> bool {
        if self.levels >= MOST_LEVELS {
            self.report(
                Diagnostic::error("KQL101", range, "this is nested too deeply")
                    .with_help("give parts of it a name with `let`, and call fewer functions inside each other"),
            );
            return false;
        }
        if !self.charge(1, range) {
            return false;
        }
        self.levels += 1;
        true
    }

    fn leave(&mut self) {
        self.levels -= 1;
    }

    /// Accounts for the expressions that a plan holds; false, and diagnosed, when they are too many.
    fn charge(&mut self, expressions: usize, range: TextRange) -> bool {
        let fits = self.expressions <= MOST_EXPRESSIONS;
        self.expressions = self.expressions.saturating_add(expressions);
        if fits && self.expressions > MOST_EXPRESSIONS {
            self.report(
                Diagnostic::error("KQL102", range, "the query grows too large when its functions are put in place")
                    .with_help("use `materialize` or `toscalar` for what is used many times"),
            );
        }
        self.expressions <= MOST_EXPRESSIONS
    }

    /// Puts a node on a table, unless the plan is too deep already.
    fn node(&mut self, table: Table, place: TextRange) -> Table {
        if table.depth > MOST_NODES {
            self.report(
                Diagnostic::error("KQL103", place, format!("more than {MOST_NODES} operators follow one another"))
                    .with_help("join steps of the same kind: one `extend` takes many columns"),
            );
            return self.unknown_table();
        }
        table
    }

    /// A table of which nothing is known.
    fn unknown_table(&mut self) -> Table {
        self.poisoned = true;
        let mut table = Table::new(Rel::new(Op::Values { rows: Arc::new(Vec::new()) }, Schema::default()));
        table.open = true;
        // Nothing that hangs on order should be said of it.
        table.serialized = true;
        table
    }

    /// A call, folded where its arguments are constants.
    fn call(&mut self, function: &'static Function, args: Vec<Expr>, ty: Type) -> Expr {
        let expr = Expr::call(function, args, ty);
        self.folded(expr)
    }

    /// The constant that an expression comes to, or the expression.
    fn folded(&self, expr: Expr) -> Expr {
        let ExprKind::Call { function, args } = &expr.kind else { return expr };
        if function.is_volatile() || !args.iter().all(|a| a.as_literal().is_some()) {
            return expr;
        }
        let value = fold::call(function.name, args, expr.ty).or_else(|| self.context.evaluate.and_then(|f| f(&expr)));
        match value {
            Some(value) if value.ty() == expr.ty => Expr::literal(value),
            _ => expr,
        }
    }
}

/// Poison itself: of no type and diagnosed already.
fn is_poison(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Column(POISON))
}

#[cfg(test)]
mod tests;
