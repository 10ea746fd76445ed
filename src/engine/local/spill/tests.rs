//! Queries with little memory give what they give with much.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray as _, Int64Array};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use super::{Parting, Spool};
use crate::base::time::Ticks;
use crate::engine::format::cell;
use crate::engine::local::batch::Batch;
use crate::engine::local::control::Control;
use crate::engine::local::pipeline::Runner;
use crate::engine::local::surroundings::Surroundings;
use crate::engine::local::{Local, Options};
use crate::engine::{Answer, QueryEngine as _, QueryError, Request};
use crate::kql::{Column, Schema, Type};

fn run(folder: &Path, text: &str, memory: u64, workers: usize) -> Result<Answer, QueryError> {
    let mut request = Request::new(text, Ticks(0));
    request.limits.memory = memory;
    request.limits.rows = u64::from(u32::MAX);
    let surroundings = Surroundings { data: Some(folder.to_owned()), ..Surroundings::default() };
    Local::without_store(Options { workers, ..Options::default() }).among(surroundings).run(&request)
}

fn lines(answer: &Answer) -> Vec<String> {
    let table = &answer.tables[0];
    let mut lines = Vec::new();
    for batch in &table.batches {
        for row in 0..batch.num_rows() {
            let cells = table.schema.iter().zip(batch.columns());
            let cells =
                cells.map(|(c, array)| cell::text(array, row, c.ty).map_or("∅".into(), std::borrow::Cow::into_owned));
            lines.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    lines
}

fn runner(folder: &Path) -> Runner {
    let control = Control::spilling_to(&Request::new("", Ticks(0)), folder.to_owned());
    Runner { pool: Arc::default(), workers: 1, control }
}

/// The same with `little` memory, in which it must not fit, as with plenty; nothing is left behind.
#[track_caller]
fn same(text: &str, little: u64, ordered: bool) {
    let folder = tempfile::tempdir().unwrap();
    for workers in [1, 2] {
        let plenty = run(folder.path(), text, 1 << 30, workers).unwrap();
        assert_eq!(plenty.statistics.spilled, 0, "{text}");
        let tight = run(folder.path(), text, little, workers).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert!(tight.statistics.spilled > 0, "it fits: {text}");
        assert!(tight.statistics.memory_peak <= little, "{text}");
        let (mut plenty, mut tight) = (lines(&plenty), lines(&tight));
        if !ordered {
            plenty.sort_unstable();
            tight.sort_unstable();
        }
        assert!(plenty == tight, "{text}: {} rows and {} rows", plenty.len(), tight.len());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

const MIX: &str =
    "range x from 1 to 80000 step 1 | extend k = (x * 7919) % 104729, t = strcat('text ', (x * 31) % 977)";

#[test]
fn a_sort_past_its_share_keeps_the_order_of_equal_rows() {
    let rest = "| extend n = row_number() | where n % 97 == 0 | project n, x, k, t";
    same(
        &format!("{MIX} | extend r = iff(k % 10 == 0, real(null), k / 3.0) | sort by t asc, r desc {rest}"),
        8 << 20,
        true,
    );
}

#[test]
fn a_sort_of_many_runs_merges_them_in_several_goes() {
    same(
        &format!("{MIX} | sort by k asc | summarize n = count(), first = take_any(x), all = sum(k * x)"),
        512 << 10,
        false,
    );
}

#[test]
fn a_large_top_is_a_sort_that_stops() {
    same(&format!("{MIX} | top 70000 by k desc | summarize count(), sum(x), min(k), dcount(t)"), 6 << 20, false);
}

#[test]
fn groups_past_their_share_come_all_and_whole() {
    let many =
        format!("{MIX} | summarize n = count(), total = sum(x), least = min(t), last = arg_max(x, t) by k, b = x % 2");
    same(
        &format!("{many} | summarize count(), sum(n), sum(total), min(least), dcount(t), sum(k * total)"),
        6 << 20,
        false,
    );
    same(&format!("{MIX} | distinct k, t | summarize count(), sum(k), dcount(t)"), 6 << 20, false);
    same(
        &format!(
            "{MIX} | summarize l = make_list(x), d = dcount(t) by k | summarize count(), sum(d), sum(array_length(l) * tolong(l[0]))"
        ),
        12 << 20,
        false,
    );
}

#[test]
fn a_single_group_too_large_says_what_it_would_need() {
    let folder = tempfile::tempdir().unwrap();
    let error =
        run(folder.path(), "range x from 1 to 1000000 step 1 | summarize percentile(x, 50)", 1 << 20, 2).unwrap_err();
    let QueryError::Memory { what: "summarize", needed, allowed } = error else { panic!("{error}") };
    assert!(allowed == 1 << 20 && needed > allowed);
    assert!(error.to_string().contains("MiB\" or more"), "{error}");
}

#[test]
fn every_kind_of_join_gives_the_same_in_parts() {
    for kind in [
        "inner",
        "innerunique",
        "leftouter",
        "rightouter",
        "fullouter",
        "leftsemi",
        "leftanti",
        "rightsemi",
        "rightanti",
    ] {
        let left = "range x from 1 to 20000 step 1 | extend s = strcat('left ', x), t = strcat('of ', x % 3) \
                    | extend k = iff(x % 50 == 0, long(null), (x * 7919) % 15013)";
        let right = "range y from 1 to 20000 step 1 | extend s = strcat('right ', y), t = strcat('of ', y % 3) \
                     | extend k = iff(y % 9000 == 0, long(null), (y * 31) % 20011)";
        let digest = match kind {
            "leftsemi" | "leftanti" => "sum(x), max(s)",
            "rightsemi" | "rightanti" => "sum(y), max(s)",
            // Which row of a key is the first, parts may see otherwise than the whole.
            "innerunique" => "sum(y), sum(k), max(s1), countif(isempty(s)), countif(isnull(x))",
            _ => "sum(x), sum(y), sum(x * y % 1009), countif(isempty(s)), countif(isempty(s1)), sum(strlen(s1))",
        };
        same(&format!("{left} | join kind={kind} ({right}) on k, t | summarize count(), {digest}"), 1536 << 10, false);
    }
}

#[test]
fn a_query_that_writes_its_rows_away_stops_when_it_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = Request::new("range x from 1 to 1000000000 step 1 | sort by hash(x) asc | take 1", Ticks(0));
    request.limits.memory = 4 << 20;
    let surroundings = Surroundings { data: Some(folder.path().to_owned()), ..Surroundings::default() };
    let engine = Local::without_store(Options { workers: 2, ..Options::default() }).among(surroundings);
    let cancel = request.cancel.clone();
    let running = std::thread::spawn(move || engine.run(&request));
    // Long enough for the first runs; were it not, the query would stop all the same.
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    cancel.cancel();
    assert!(matches!(running.join().unwrap(), Err(QueryError::Cancelled)));
}

#[test]
fn a_folder_that_takes_no_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::new(&runner(&folder.path().join("missing")));
    let error = spool.write(&Batch::new(1, Vec::new())).unwrap_err();
    assert!(error.to_string().contains("missing") && error.to_string().contains("`memory`"), "{error}");
}

#[test]
fn columns_that_some_scans_did_not_read_go_to_parts_with_those_that_others_did() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::new(&runner(folder.path()));
    let schema: Schema = std::iter::once(Column::new("n", Type::Long)).collect();
    let mut parting = Parting::new(&spool, &schema, 0);
    let unread = arrow::array::new_null_array(&arrow::datatypes::DataType::Utf8View, 2);
    parting.push(&Batch::new(2, vec![unread]), &[3, 3]).unwrap();
    parting.push(&Batch::new(1, vec![Arc::new(Int64Array::from(vec![7]))]), &[3]).unwrap();
    let parts = parting.finish().unwrap();
    let rows: Vec<Batch> = parts[3].iter().map(|block| spool.read(*block).unwrap()).collect();
    let numbers = Batch::concat(&schema, &rows).unwrap().columns[0].as_primitive::<Int64Type>().clone();
    assert_eq!(numbers, Int64Array::from(vec![None, None, Some(7)]));
    assert_eq!(parts.iter().filter(|part| !part.is_empty()).count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn random_tables_give_the_same_with_little_memory(seed in 1_i64..1_000_000, keys in 1_i64..16_000, nulls in 2_i64..20) {
        let folder = tempfile::tempdir().unwrap();
        let rows = format!(
            "range x from 1 to 12000 step 1 | extend h = hash(x * {seed}) | extend k = iff(h % {nulls} == 0, long(null), h % {keys}), \
             s = iff(h % 7 == 0, '', strcat('value ', h % {keys}))"
        );
        for query in [
            format!("{rows} | sort by s desc, k asc | project x, k, s"),
            format!("{rows} | summarize count(), sum(x), max(s) by k, s | sort by k asc, s asc"),
            format!("{rows} | distinct s, k | sort by k asc, s asc"),
            format!("{rows} | join kind=leftouter ({rows} | where x % 3 == 0 | summarize y = max(x) by k) on k | sort by x asc | project x, k, s, y"),
        ] {
            let plenty = run(folder.path(), &query, 1 << 30, 2).unwrap();
            let tight = run(folder.path(), &query, 2 << 20, 2).unwrap();
            prop_assert!(lines(&plenty) == lines(&tight), "{}", query);
        }
    }
}
