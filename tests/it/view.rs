//! The normalised view binds over Sentinel's table alone, as a remote engine has it, and over the store's, with the same columns.

use vaultscope::base::time::Ticks;
use vaultscope::engine::local::scan::columns::{EVENTS, STORED_EVENTS, schema};
use vaultscope::event::normalised::{COLUMNS, KQL};
use vaultscope::kql::bind::{Bound, Context, Known, bind};
use vaultscope::kql::catalog::Catalog;
use vaultscope::kql::{Schema, Type, parser};

/// The event table, with the columns of another name's.
struct As(&'static str);

impl Catalog for As {
    fn table(&self, name: &str) -> Option<Schema> {
        (name == EVENTS).then(|| schema(self.0).unwrap().clone())
    }

    fn view(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<String> {
        vec![EVENTS.into()]
    }
}

fn columns(table: &'static str) -> Vec<(String, Type)> {
    let parsed = parser::parse(KQL);
    assert_eq!(parsed.diagnostics, []);
    let known = Known::default();
    let context = Context {
        catalog: &As(table),
        now: Ticks(0),
        parameters: &[],
        timespan: None,
        window: None,
        known: &known,
        evaluate: None,
    };
    let outcome = bind(&parsed.query, KQL, &context);
    assert_eq!(outcome.diagnostics, []);
    match outcome.bound {
        Bound::Plan(plan) => plan.outputs[0].rel.schema.0.iter().map(|c| (c.name.to_string(), c.ty)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_normalised_view_has_the_same_columns_over_both_tables() {
    let stored = columns(STORED_EVENTS);
    assert_eq!(stored.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), COLUMNS);
    assert_eq!(stored, columns(EVENTS));
    for (name, ty) in stored {
        let want = match name.as_str() {
            "TimeGenerated" | "timestamp" | "arrived" => Type::DateTime,
            "late" => Type::TimeSpan,
            "latitude" | "longitude" => Type::Real,
            _ => Type::String,
        };
        assert_eq!(ty, want, "{name}");
    }
}
