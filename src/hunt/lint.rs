//! What is wrong with a query or a hunt, without running it: the text is read and bound, its front matter held against it.

use crate::base::time::Ticks;
use crate::kql::bind::{self, Bound, Context, Known, What};
use crate::kql::{self, Catalog, Diagnostic, Plan, Schema, Severity, TextRange, Value, parser};

use super::front_matter;
use super::{Hunt, HuntError, Origin};

/// Rounds of binding: each answers one sub-query.
const MOST_ROUNDS: usize = 200;

/// A text, read.
#[derive(Clone, Debug)]
pub struct Read {
    /// By place.
    pub diagnostics: Vec<Diagnostic>,
    /// What would run, if nothing is wrong.
    pub plan: Option<Plan>,
}

/// Reads a text without looking its names up. Places for parameters may stand in it.
pub fn syntax(text: &str) -> Read {
    Read { diagnostics: parser::parse_template(text).diagnostics, plan: None }
}

/// Reads and binds a text. Sub-queries that binding would have to run are taken to give nothing.
pub fn bind(text: &str, catalog: &dyn Catalog, now: Ticks) -> Read {
    let parsed = if catalog.is_open() { parser::parse_template(text) } else { parser::parse(text) };
    let mut known = Known::default();
    for _ in 0..MOST_ROUNDS {
        let context =
            Context { catalog, now, parameters: &[], timespan: None, window: None, known: &known, evaluate: None };
        let outcome = bind::bind(&parsed.query, text, &context);
        match outcome.bound {
            Bound::Needs(needs) => {
                for need in needs {
                    known.put(need.key.clone(), nothing(&need));
                }
            }
            bound => {
                let mut diagnostics = parsed.diagnostics;
                // Half a tree would look wrong in ways that it is not.
                if diagnostics.iter().all(|found| found.severity < Severity::Error) {
                    let doubts = kql::lint::lint(&parsed.query, text, catalog);
                    // A hunt has a window of its own.
                    let is_hunt = front_matter::is_there(text);
                    diagnostics
                        .extend(doubts.into_iter().filter(|d| !is_hunt || d.code != kql::lint::code::NO_TIME_BOUND));
                }
                diagnostics.extend(outcome.diagnostics);
                diagnostics.sort_by_key(|found| found.range);
                let plan = match bound {
                    Bound::Plan(plan) => Some(plan),
                    _ => None,
                };
                return Read { diagnostics, plan };
            }
        }
    }
    Read { diagnostics: parsed.diagnostics, plan: None }
}

fn nothing(need: &bind::Need) -> bind::Answer {
    match need.what {
        What::Column => bind::Answer::Column(Vec::new()),
        What::Cell => {
            let first = need.plan.outputs.first().and_then(|output| output.rel.schema.0.first());
            bind::Answer::Cell(first.map_or(Value::Null(crate::kql::Type::Dynamic), |column| Value::null(column.ty)))
        }
    }
}

/// Of a text with front matter: what is wrong there, and entities that are no columns of the answer.
pub fn front_matter(text: &str, plan: Option<&Plan>) -> Vec<Diagnostic> {
    if !front_matter::is_there(text) {
        return Vec::new();
    }
    match Hunt::parse(text, Origin::BuiltIn("")) {
        Err(error) => vec![diagnostic(text, error)],
        Ok(hunt) => match plan.and_then(|plan| plan.outputs.last()) {
            Some(answer) => entities(&hunt, &answer.rel.schema),
            None => Vec::new(),
        },
    }
}

fn entities(hunt: &Hunt, schema: &Schema) -> Vec<Diagnostic> {
    let missing = hunt.about.entities.keys().filter(|column| schema.position(column).is_none());
    missing
        .map(|column| {
            let message = format!("the entity `{column}` is no column of the answer");
            let columns: Vec<&str> = schema.iter().map(|column| &*column.name).collect();
            let found = Diagnostic::error("HUNT002", place_of(&hunt.text, column), message);
            found.with_help(format!("the answer has: {}", columns.join(", ")))
        })
        .collect()
}

fn diagnostic(text: &str, error: HuntError) -> Diagnostic {
    let (line, column) = error.place.unwrap_or((1, 1));
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    let at = rest.char_indices().nth(column - 1).map_or(rest.len(), |(at, _)| at);
    let end = rest.find('\n').unwrap_or(rest.len()).max(at);
    let found = Diagnostic::error("HUNT001", TextRange::new(start + at, start + end), error.message);
    match error.help {
        Some(help) => found.with_help(help),
        None => found,
    }
}

/// Where the front matter names a column.
fn place_of(text: &str, column: &str) -> TextRange {
    let front: usize = text.split_inclusive('\n').take_while(|line| line.starts_with("//")).map(str::len).sum();
    let entities = text[..front].find("entities").unwrap_or(0);
    let at = text[entities..front].find(column).map_or(0, |at| entities + at);
    TextRange::new(at, at + column.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::catalog::Empty;

    const HUNT: &str =
        "// id = \"h\"\n// name = \"H\"\n// severity = \"Low\"\n// entities = { who = \"user\" }\nprint who = 1\n";

    fn codes(text: &str) -> Vec<&'static str> {
        let read = bind(text, &Empty, Ticks::default());
        front_matter(text, read.plan.as_ref()).iter().map(|found| found.code).collect()
    }

    #[test]
    fn a_hunt_is_held_to_its_front_matter() {
        assert_eq!(codes(HUNT), [""; 0]);
        assert_eq!(codes("print 1 // no hunt"), [""; 0]);
        assert_eq!(codes(&HUNT.replace("who = 1", "whom = 1")), ["HUNT002"]);
        let wrong = HUNT.replace("severity", "severety");
        let found = &front_matter(&wrong, None)[0];
        assert_eq!((found.code, found.line_column(&wrong)), ("HUNT001", (3, 4)));
    }

    #[test]
    fn the_shipped_hunts_do_nothing_that_the_linter_doubts() {
        for hunt in &crate::hunt::Pack::built_in() {
            let parsed = parser::parse(&hunt.text);
            let doubts = kql::lint::lint(&parsed.query, &hunt.text, &crate::engine::local::tables::StoreCatalog);
            let doubts: Vec<_> = doubts.iter().filter(|d| d.code != kql::lint::code::NO_TIME_BOUND).collect();
            assert!(doubts.is_empty(), "{}: {doubts:#?}", hunt.id());
        }
    }

    #[test]
    fn sub_queries_need_no_data_to_be_bound() {
        let text =
            "let n = toscalar(print 3); let s = datatable(a: string)['x']; print a = 'x' | where a in (s) and n > 1";
        let read = bind(text, &Empty, Ticks::default());
        assert!(read.plan.is_some(), "{:?}", read.diagnostics);
    }
}
