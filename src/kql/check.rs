//! A query looked at without running it: what is wrong, and what it would give.

use super::bind::{Bound, Context, Known, bind};
use super::catalog::Catalog;
use super::diagnostic::{Diagnostic, Severity};
use super::parser::parse;
use super::types::Schema;
use crate::base::time::Ticks;

/// What is wrong or doubtful, in the order of the places. Where the text cannot be read, its meaning is not judged.
pub fn check(text: &str, catalog: &dyn Catalog, now: Ticks) -> Vec<Diagnostic> {
    let parsed = parse(text);
    if parsed.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return parsed.diagnostics;
    }
    let outcome = bind(&parsed.query, text, &context(catalog, now, &Known::default()));
    let mut all = parsed.diagnostics;
    all.extend(outcome.diagnostics);
    all.sort_by_key(|d| d.range);
    all
}

/// The columns of the last result; `None` where the text is wrong, or where only data can tell.
pub fn schema_of(text: &str, catalog: &dyn Catalog, now: Ticks) -> Option<Schema> {
    let parsed = parse(text);
    match bind(&parsed.query, text, &context(catalog, now, &Known::default())).bound {
        Bound::Plan(plan) => plan.outputs.last().map(|output| output.rel.schema.clone()),
        Bound::Needs(_) | Bound::Invalid => None,
    }
}

fn context<'a>(catalog: &'a dyn Catalog, now: Ticks, known: &'a Known) -> Context<'a> {
    Context { catalog, now, parameters: &[], timespan: None, known, evaluate: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::catalog::Empty;

    #[test]
    fn a_text_that_cannot_be_read_is_judged_no_further() {
        let found = check("print 1 | wher x", &Empty, Ticks(0));
        assert!(found.iter().any(|d| d.severity == Severity::Error));
        assert_eq!(check("print x = 1 | where x > 0", &Empty, Ticks(0)), []);
    }

    #[test]
    fn the_columns_are_those_of_the_last_result() {
        let schema = schema_of("print a = 1, b = 'x'", &Empty, Ticks(0)).unwrap();
        assert_eq!(schema.iter().map(|c| &*c.name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(schema_of("print 1 |", &Empty, Ticks(0)), None);
    }
}
