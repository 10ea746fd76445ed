//! What is legal, and most likely not what was meant. Three of the eighteen rules that ship for 1Password in Sentinel go wrong in these ways: a
//! baseline that contains the window it is compared with, a key that no event has.
//!
//! Codes 200–299. A rule is a file with one function: it looks at the tree and, for names, at the catalogue; it needs no plan, so it also speaks of
//! queries that do not bind. What may be meant gets a hint, what can hardly be meant a warning; nothing here is an error.

mod baseline;
mod bounds;
mod brackets;
mod case;
mod columns;
mod joins;
mod lets;
mod names;
mod terms;
mod time;

#[cfg(test)]
mod tests;

use super::catalog::Catalog;
use super::diagnostic::{Diagnostic, Severity, TextRange};
use super::syntax::Query;
use names::Names;

/// The linter's codes.
pub mod code {
    /// A `let` that nothing uses.
    pub const UNUSED_LET: &str = "KQL200";
    /// `join` without `kind`: one row of each key of the left side.
    pub const JOIN_KIND: &str = "KQL201";
    /// `contains` where whole words are looked for.
    pub const CONTAINS: &str = "KQL202";
    /// `and` and `or` side by side without brackets.
    pub const BRACKETS: &str = "KQL203";
    /// A stored table is read from its beginning.
    pub const NO_TIME_BOUND: &str = "KQL204";
    /// A comparison with null.
    pub const NULL: &str = "KQL205";
    /// Text of one case compared with text of the other.
    pub const CASE: &str = "KQL206";
    /// A value that the column never has.
    pub const VALUE: &str = "KQL207";
    /// A key that no event has.
    pub const KEY: &str = "KQL208";
    /// A baseline that contains what is compared with it.
    pub const BASELINE: &str = "KQL209";
    /// `tolower(x) == "…"`, which `=~` says better.
    pub const FOLD: &str = "KQL210";
}

/// Looks a query over; findings in the order of their places.
pub fn lint(query: &Query, text: &str, catalog: &dyn Catalog) -> Vec<Diagnostic> {
    let names = Names::of(query, catalog);
    let mut findings = Vec::new();
    lets::check(query, &names, &mut findings);
    joins::check(query, &mut findings);
    terms::check(query, &mut findings);
    brackets::check(query, &mut findings);
    bounds::check(&names, catalog, &mut findings);
    case::check(query, &mut findings);
    columns::check(query, text, &names, catalog, &mut findings);
    baseline::check(&names, &mut findings);
    findings.sort_by_key(|found| (found.range, found.code));
    findings
}

fn warning(code: &'static str, range: TextRange, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(code, range, message).with_help(help)
}

fn hint(code: &'static str, range: TextRange, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic { severity: Severity::Hint, ..warning(code, range, message, help) }
}
