#![allow(clippy::format_collect, clippy::missing_panics_doc)] // tests read better so
use super::*;
use crate::kql::parser::parse;
use crate::kql::types::Column;

mod names;
mod needs;
mod plans;
mod refused;
mod wrong;

/// Two small tables, a view and a function.
pub(super) struct House;

pub(super) fn schema(columns: &[(&str, Type)]) -> Schema {
    columns.iter().map(|(name, ty)| Column::new(*name, *ty)).collect()
}

impl Catalog for House {
    fn table(&self, name: &str) -> Option<Schema> {
        use Type::{DateTime, Dynamic, Int, Long, Real, String};
        Some(match name {
            "Events" => schema(&[
                ("TimeGenerated", DateTime),
                ("action", String),
                ("user", Dynamic),
                ("size", Long),
                ("code", Int),
                ("ratio", Real),
            ]),
            "Users" => schema(&[("name", String), ("size", String), ("since", DateTime)]),
            _ => return None,
        })
    }

    fn view(&self, name: &str) -> Option<&str> {
        Some(match name {
            "Grants" => "Events | where action == 'grant' | project TimeGenerated, who = tostring(user.email)",
            "Since" => "(start: datetime, least: long = 3) { Events | where TimeGenerated >= start and size >= least }",
            "Loop" => "Loop | take 1",
            "Faulty" => "Events | where nothing == 1",
            _ => return None,
        })
    }

    fn names(&self) -> Vec<String> {
        ["Events", "Users", "Grants"].map(String::from).to_vec()
    }
}

/// `check --open-schema`.
pub(super) struct Open;

impl Catalog for Open {
    fn table(&self, _: &str) -> Option<Schema> {
        None
    }
    fn view(&self, _: &str) -> Option<&str> {
        None
    }
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
    fn is_open(&self) -> bool {
        true
    }
}

/// 2026-01-02T03:04:05Z.
pub(super) fn now() -> Ticks {
    Ticks::parse_rfc3339("2026-01-02T03:04:05Z").unwrap()
}

pub(super) fn bound_with(text: &str, known: &Known) -> Outcome {
    let parsed = parse(text);
    assert_eq!(parsed.diagnostics, [], "{text}");
    let context =
        Context { catalog: &House, now: now(), parameters: &[], timespan: None, window: None, known, evaluate: None };
    bind(&parsed.query, text, &context)
}

pub(super) fn bound(text: &str) -> Outcome {
    bound_with(text, &Known::default())
}

pub(super) fn plan(text: &str) -> Plan {
    let outcome = bound(text);
    match outcome.bound {
        Bound::Plan(plan) => plan,
        other => panic!("{text}\n{other:?}\n{:#?}", outcome.diagnostics),
    }
}

/// `name:type, …` of the only result.
pub(super) fn columns(text: &str) -> String {
    let plan = plan(text);
    let columns: Vec<_> = plan.outputs[0].rel.schema.iter().map(|c| format!("{}:{}", c.name, c.ty)).collect();
    columns.join(", ")
}
