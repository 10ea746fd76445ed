//! The reference's examples are queries that run.

use crate::base::time::Ticks;
use crate::engine::local::{Local, Options};
use crate::engine::{QueryEngine as _, QueryError, Request};
use crate::kql::reference::chapters;
use crate::store::{Reader, Writer};

#[test]
fn every_example_of_the_reference_runs_over_an_empty_store() {
    let dir = tempfile::tempdir().unwrap();
    drop(Writer::open(dir.path()).unwrap());
    let engine = Local::new(Reader::open(dir.path()).unwrap(), Options { workers: 2, unoptimised: false });
    let now = Ticks::parse_rfc3339("2026-01-02T03:04:05Z").unwrap();
    let mut wrong = Vec::new();
    for (chapter, entries) in chapters() {
        for entry in entries {
            let (name, example) = (entry.name(), entry.example());
            match engine.run(&Request::new(example, now)) {
                // A minus and an index have names of their own.
                Ok(_) if example.contains(name) || matches!(name, "negate" | "[]") => {}
                // Its files are the reader's own.
                Err(QueryError::Runtime(_)) if name == "externaldata" => {}
                Ok(_) => wrong.push(format!("{chapter}, {name} is not in its example: {example}")),
                Err(error) => wrong.push(format!("{chapter}, {name}: {example}\n    {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
