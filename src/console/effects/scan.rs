//! Reads of the store that a pane needs itself: one event, the rows of a range, the counts of its minutes. Questions go to the engine.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::kernels::cmp;
use arrow::compute::{and, filter_record_batch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, RowFilter};

use super::lines::{COLUMNS, lines};
use super::names::told;
use crate::base::shown::Shown;
use crate::base::time::{MINUTE, Ticks};
use crate::console::message::Bin;
use crate::console::state::line::Line;
use crate::console::state::record::Facts;
use crate::console::widgets::when::age;
use crate::event::catalogue::{Outcome, outcome};
use crate::event::columns::text_at;
use crate::event::{Feed, Source, schema};
use crate::store::names::Directory;
use crate::store::{Reader, Segment, Snapshot, StoreError, doubts};

/// Where an event has UUIDs that may have names.
const UUIDS: [(&str, &str); 6] = [
    ("actor", "actor_uuid"),
    ("object", "object_uuid"),
    ("related", "aux_uuid"),
    ("vault", "vault_uuid"),
    ("item", "item_uuid"),
    ("device", "session.device_uuid"),
];
/// Rows of a range.
const ROWS: usize = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a segment is damaged: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("a segment is damaged: {0}")]
    Arrow(#[from] ArrowError),
    #[error("a segment is damaged: it cannot be decoded")]
    Undecodable,
}

/// Segments with rows in the range that could not be read whole: what they hold may be missing from the answer, which is given all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    pub segments: u64,
    /// The events that they have, in the range and out of it.
    pub events: u64,
}

impl Missing {
    fn add(&mut self, segment: &Segment) {
        self.segments += 1;
        self.events += segment.rows;
    }

    /// What to tell, where there is something.
    pub fn said(self) -> Option<String> {
        let what = match self.segments {
            0 => return None,
            1 => "a segment".to_owned(),
            n => format!("{n} segments"),
        };
        Some(format!(
            "{what} of {} events cannot be read: some are missing here (vaultscope store verify)",
            self.events
        ))
    }
}

/// Times of events, both ends included.
#[derive(Clone, Copy)]
struct Between {
    first: i64,
    last: i64,
}

impl Between {
    fn rows(self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let Some(column) = batch.column_by_name("timestamp") else {
            return Ok(BooleanArray::new_null(batch.num_rows()));
        };
        let from = cmp::gt_eq(column, &Int64Array::new_scalar(self.first))?;
        and(&from, &cmp::lt_eq(column, &Int64Array::new_scalar(self.last))?)
    }

    fn may_lie_in(self, segment: &Segment) -> bool {
        segment.timestamps.is_some_and(|(first, last)| first <= self.last && self.first <= last)
    }
}

/// Calls `each` with the rows that lie between, by sequence number, until it answers false. What cannot be read is left out, and answered.
fn scan(
    snapshot: &Snapshot,
    between: Between,
    columns: &[&str],
    mut each: impl FnMut(&RecordBatch) -> bool,
) -> Result<Missing, ScanError> {
    let mut missing = Missing::default();
    snapshot.damaged.iter().filter(|segment| between.may_lie_in(segment)).for_each(|segment| missing.add(segment));
    for segment in snapshot.segments.iter().filter(|segment| between.may_lie_in(segment)) {
        // What is in a damaged file may be anything: a decoder that gives up must not take the thread with it.
        let read = catch_unwind(AssertUnwindSafe(|| scan_segment(segment, between, columns, &mut each)));
        match read.unwrap_or(Err(ScanError::Undecodable)) {
            Ok(true) => {}
            Ok(false) => return Ok(missing),
            Err(error) => {
                tracing::warn!(%error, file = %segment.path.display(), "a segment cannot be read");
                doubts::doubt(segment);
                missing.add(segment);
            }
        }
    }
    for batch in &snapshot.fresh {
        let rows = between.rows(batch)?;
        if rows.true_count() > 0 && !each(&filter_record_batch(batch, &rows)?) {
            break;
        }
    }
    Ok(missing)
}

/// The same for one segment; false when `each` wants no more.
fn scan_segment(
    segment: &Segment,
    between: Between,
    columns: &[&str],
    each: &mut impl FnMut(&RecordBatch) -> bool,
) -> Result<bool, ScanError> {
    let metadata = segment.metadata()?.metadata().file_metadata();
    let time = ProjectionMask::roots(metadata.schema_descr(), schema::position("timestamp"));
    let predicate = ArrowPredicateFn::new(time, move |batch| between.rows(&batch));
    let columns: Vec<usize> = columns.iter().filter_map(|name| schema::position(name)).collect();
    let batches =
        segment.read(&columns, |builder| builder.with_row_filter(RowFilter::new(vec![Box::new(predicate)])))?;
    for batch in batches {
        if !each(&batch?) {
            return Ok(false);
        }
    }
    Ok(true)
}

const fn within(from: Ticks, to: Ticks) -> Between {
    Between { first: from.0, last: to.0 - 1 }
}

/// The rows of a range by their time, whether there are more, and what is missing.
pub fn range(
    reader: &Reader,
    names: &Directory,
    from: Ticks,
    to: Ticks,
) -> Result<(Vec<Line>, bool, Missing), ScanError> {
    let mut found = Vec::new();
    let missing = scan(&reader.snapshot()?, within(from, to), COLUMNS, |batch| {
        found.extend(lines(batch, names));
        found.len() <= ROWS
    })?;
    let cut = found.len() > ROWS;
    found.truncate(ROWS);
    found.sort_by_key(|line| (line.when(), line.seq));
    Ok((found, cut, missing))
}

/// The events of a range by minute, and what is missing.
pub fn minutes(reader: &Reader, from: Ticks, to: Ticks) -> Result<(Vec<Bin>, Missing), ScanError> {
    let mut counts: BTreeMap<(i64, u8, u8), u32> = BTreeMap::new();
    let missing = scan(&reader.snapshot()?, within(from, to), &["timestamp", "feed", "category"], |batch| {
        count(batch, &mut counts);
        true
    })?;
    let bins = counts.into_iter().map(|((minute, feed, outcome), events)| {
        (Ticks(minute * MINUTE), Feed::STORED[usize::from(feed)], Outcome::ALL[usize::from(outcome)], events)
    });
    Ok((bins.collect(), missing))
}

fn count(batch: &RecordBatch, counts: &mut BTreeMap<(i64, u8, u8), u32>) {
    let column = |name| batch.column_by_name(name);
    let (Some(times), Some(feeds), Some(categories)) = (column("timestamp"), column("feed"), column("category")) else {
        return;
    };
    let times = times.as_primitive::<Int64Type>();
    for row in 0..batch.num_rows() {
        let feed = text_at(feeds, row).and_then(Feed::from_name);
        let Some(feed) = feed.filter(|feed| feed.is_of_events_api()) else { continue };
        let outcome = outcome(feed, text_at(categories, row));
        *counts.entry((times.value(row).div_euclid(MINUTE), feed as u8, outcome as u8)).or_default() += 1;
    }
}

/// An event's own bytes and what the store knows of it.
pub fn event(reader: &Reader, names: &Directory, seq: i64) -> Result<Option<(Facts, Vec<u8>)>, ScanError> {
    let found = reader.event(seq)?.filter(|batch| batch.num_rows() > 0);
    Ok(found.map(|batch| (facts(&batch, names, seq), text(&batch, "raw").as_bytes().to_vec())))
}

fn text<'a>(batch: &'a RecordBatch, column: &str) -> &'a str {
    batch.column_by_name(column).and_then(|column| text_at(column.as_ref(), 0)).unwrap_or_default()
}

fn facts(batch: &RecordBatch, names: &Directory, seq: i64) -> Facts {
    let ticks = |name: &str| {
        let column = batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(0).then(|| Ticks(column.value(0)))
    };
    let shown = |column: &str| -> Box<str> { Shown::new(text(batch, column)).into_string().into() };
    let arrived = ticks("arrived").unwrap_or_default();
    let happened = ticks("timestamp").map_or_else(|| "its time could not be read".to_owned(), |at| at.to_string());
    let feed = Feed::from_name(text(batch, "feed")).map_or("", Feed::title);
    let late = Source::from_name(text(batch, "source")).zip(ticks("timestamp"));
    let late = late.and_then(|(source, happened)| source.late(happened, arrived));
    let mut facts: Facts = vec![
        ("happened", happened.into()),
        ("arrived", format!("{arrived}, {}", text(batch, "source")).into()),
        ("feed", format!("{feed}, account {}", shown("account")).into()),
        ("uuid", shown("uuid_s")),
        ("sequence", seq.to_string().into()),
    ];
    if let Some(late) = late {
        let text = format!("it came {} after it happened: clients tell of item usages when they sync", age(late));
        facts.push(("late", text.into()));
    }
    for (name, column) in UUIDS {
        let uuid = text(batch, column);
        if let Some(told) = told(names, uuid) {
            let told = Shown::with_limit(&told, 200);
            facts.push((name, format!("{told}, {}", Shown::new(uuid)).into()));
        }
    }
    let irregular = batch.column_by_name("irregular").and_then(|column| column.as_boolean_opt());
    if irregular.is_some_and(|column| column.value(0)) {
        facts
            .push(("note", "some fields have another form than usual; queries read them from the event itself".into()));
    }
    facts
}
