//! The relational core against SQLite: pipelines over small tables, written side by side as KQL and as SQL that spells Kusto's rules about null,
//! whole numbers and text out (`oracle::expression`). A seed gives the same pipeline every time; `VAULTSCOPE_SOAK=30` runs
//! thirty times as many.

mod expression;
mod pipeline;
mod several;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::base::time::Ticks;
use crate::engine::local::column::value_at;
use crate::engine::local::{Local, Options};
use crate::engine::{QueryEngine as _, Request};
use crate::kql::Value;
use expression::Kind;
use pipeline::{Pipeline, Stage};

const CASES: u64 = 200;

/// How many times the usual number of cases to run.
pub fn soak() -> u64 {
    std::env::var("VAULTSCOPE_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Minus zero is zero.
fn real(value: f64) -> String {
    format!("{:?}", if value == 0.0 { 0.0 } else { value })
}

/// The rows that the engine gives, in its order, a line a row.
fn ours(engine: &Local, stage: &Stage) -> Result<Vec<String>, String> {
    let answer = engine.run(&Request::new(stage.kql.clone(), Ticks(0))).map_err(|e| format!("{e}: {e:?}"))?;
    let table = &answer.tables[0];
    let columns: Vec<String> = table.schema.iter().map(|c| format!("{}: {}", c.name, c.ty)).collect();
    let want: Vec<String> = stage.columns.iter().map(|c| format!("{}: {}", c.name, c.kind.name())).collect();
    if columns != want {
        return Err(format!("columns are {columns:?}, expected {want:?}"));
    }
    let mut rows = Vec::new();
    for batch in &table.batches {
        for row in 0..batch.num_rows() {
            let cells = table.schema.iter().zip(batch.columns());
            let cells: Vec<String> = cells
                .map(|(column, array)| match value_at(array, row, column.ty).unwrap() {
                    Value::Null(_) => "∅".into(),
                    Value::Bool(value) => value.to_string(),
                    Value::Long(value) | Value::DateTime(value) => value.to_string(),
                    Value::Real(value) => real(value),
                    Value::String(text) => format!("{text:?}"),
                    other => format!("{other:?}"),
                })
                .collect();
            rows.push(cells.join(" "));
        }
    }
    Ok(rows)
}

/// The rows that SQLite gives.
fn theirs(sqlite: &Connection, stage: &Stage) -> Result<Vec<String>, String> {
    let mut statement = sqlite.prepare(&stage.sql).map_err(|e| e.to_string())?;
    let mut rows = statement.query([]).map_err(|e| e.to_string())?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next().map_err(|e| e.to_string())? {
        let cells: Result<Vec<String>, String> = (0..stage.columns.len())
            .map(|at| match (stage.columns[at].kind, row.get_ref(at).map_err(|e| e.to_string())?) {
                (Kind::Text, ValueRef::Null) => Err(format!("{} is null", stage.columns[at].name)),
                (_, ValueRef::Null) => Ok("∅".into()),
                (Kind::Bool, ValueRef::Integer(value)) => Ok((value != 0).to_string()),
                (Kind::Long | Kind::Time, ValueRef::Integer(value)) => Ok(value.to_string()),
                (Kind::Real, ValueRef::Real(value)) => Ok(real(value)),
                (Kind::Real, ValueRef::Text(b"NaN")) => Ok("NaN".into()),
                (Kind::Text, ValueRef::Text(text)) => Ok(format!("{:?}", String::from_utf8_lossy(text))),
                (kind, value) => Err(format!("{} is {value:?}, not {kind:?}", stage.columns[at].name)),
            })
            .collect();
        lines.push(cells?.join(" "));
    }
    Ok(lines)
}

/// What differs after a stage, if anything does.
fn difference(engine: &Local, sqlite: &Connection, stage: &Stage) -> Option<String> {
    let (ours, theirs) = (ours(engine, stage), theirs(sqlite, stage));
    let same = match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) if stage.ordered => ours == theirs,
        (Ok(ours), Ok(theirs)) => {
            let [mut ours, mut theirs] = [ours.clone(), theirs.clone()];
            ours.sort();
            theirs.sort();
            ours == theirs
        }
        _ => false,
    };
    (!same).then(|| format!("{}\n\n{}\n\nengine: {ours:#?}\nSQLite: {theirs:#?}", stage.kql, stage.sql))
}

#[test]
fn the_relational_core_answers_as_sqlite_does_under_kustos_rules() {
    let engine = Local::without_store(Options { workers: 2, unoptimised: false });
    let sqlite = Connection::open_in_memory().unwrap();
    let only = std::env::var("VAULTSCOPE_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = only.map_or(0..CASES * soak(), |seed| seed..seed + 1);
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for seed in seeds {
        let pipeline = Pipeline::generate(seed);
        let last = pipeline.stages.last().unwrap();
        rows += theirs(&sqlite, last).map_or(0, |rows| rows.len());
        if difference(&engine, &sqlite, last).is_some() {
            // The first stage that differs tells most.
            let first = pipeline.stages.iter().find_map(|stage| difference(&engine, &sqlite, stage));
            wrong.push(format!("VAULTSCOPE_SEED={seed}\n{}", first.unwrap_or_default()));
        }
    }
    let shown = wrong.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} pipelines differ\n{shown}", wrong.len());
    assert!(only.is_some() || rows > 200, "the pipelines give too few rows to say anything");
}

#[test]
fn a_list_of_a_constant_is_as_long_as_its_rows() {
    let text = "range x from 1 to 3 step 1 | summarize all = make_list(2), two = make_list(7, 2)";
    super::ask::gives(text, &["all:dynamic, two:dynamic", "[2,2,2]|[7,7]"]);
}

#[test]
fn what_is_beyond_one_end_is_not_between_whatever_the_other_end_is() {
    let text = "datatable(low: long, high: long)[long(null), 0, 9, long(null), long(null), 9] | project inside = 5 between (low .. high), outside = 5 !between (low .. high)";
    super::ask::gives(text, &["inside:bool, outside:bool", "false|true", "false|true", "∅|∅"]);
}
