//! The columns that queries read, held to the text that the chain covers: each event is decoded anew.

use arrow::array::{Array as _, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::finding::{Finding, Kind};
use super::unit::{Outcome, event_at};
use crate::base::time::Ticks;
use crate::event::columns::{Arrival, BatchBuilder, text_at};
use crate::event::decode::decode;
use crate::event::schema::STORED;
use crate::event::{Feed, Source};

/// Decodes rows again.
#[derive(Debug)]
pub(super) struct Columns(BatchBuilder);

impl Columns {
    pub fn new() -> Self {
        Self(BatchBuilder::new())
    }

    /// Compares every column of a batch with what its events' text says. Rows whose text cannot be decoded are none of ours to judge: their
    /// leaves do not hold either.
    pub fn check(&mut self, batch: &RecordBatch, place: &str, outcome: &mut Outcome) {
        let Some(anew) = self.decode(batch) else {
            // One row that is broken takes no other with it.
            if batch.num_rows() > 1 {
                let half = batch.num_rows() / 2;
                self.check(&batch.slice(0, half), place, outcome);
                self.check(&batch.slice(half, batch.num_rows() - half), place, outcome);
            }
            return;
        };
        for (column, stored) in STORED.iter().enumerate() {
            let (is, should) = (batch.column(column), anew.column(column));
            if is.as_ref() == should.as_ref() {
                continue;
            }
            for row in (0..batch.num_rows()).filter(|row| is.slice(*row, 1) != should.slice(*row, 1)) {
                let seq = batch.column(0).as_primitive::<Int64Type>().value(row);
                let what = format!("column {} is not what its text says", stored.name);
                let finding = Finding { event: Some(event_at(batch, row)), ..Finding::new(Kind::Column, seq, what) };
                outcome.find(finding.at(place));
            }
        }
    }

    /// The batch as a commit would build it today. `None` where a row cannot be decoded.
    fn decode(&mut self, batch: &RecordBatch) -> Option<RecordBatch> {
        let number = |name| batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
        let (seqs, arrived, generated, tags) =
            (number("seq")?, number("arrived")?, number("TimeGenerated")?, number("tag")?);
        let text = |name: &str, row| batch.column_by_name(name).and_then(|c| text_at(c.as_ref(), row));
        for row in 0..batch.num_rows() {
            let built = (|| {
                let event = decode(text("raw", row)?.as_bytes()).ok()?;
                let source = Source::from_name(text("source", row)?)?;
                let arrived = Ticks(arrived.value(row));
                let is = Ticks(generated.value(row));
                // Events out of a portal's export keep the arrival they had there; others of that source stand where they happened.
                let own = event.timestamp().unwrap_or(arrived);
                let time_generated = match source {
                    Source::Live | Source::Demo => arrived,
                    Source::Import if is == arrived => arrived,
                    Source::Backfill | Source::Gap | Source::Import => own,
                };
                let arrival = Arrival {
                    seq: seqs.value(row),
                    feed: Feed::from_name(text("feed", row)?)?,
                    account: text("account", row)?,
                    source,
                    arrived,
                    time_generated,
                    tag: tags.value(row),
                };
                self.0.push(&arrival, &event);
                Some(())
            })();
            if built.is_none() {
                // What was pushed so far goes with the builder.
                self.0 = BatchBuilder::new();
                return None;
            }
        }
        self.0.finish().ok()
    }
}
