//! Events into Arrow batches of `schema::arrow()`, and strings out of them again.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, RecordBatch,
    StringDictionaryBuilder, StringViewBuilder,
};
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;
use std::sync::Arc;

use super::decode::{Decoded, Value};
use super::schema::{self, Holds, Physical, STORED, Stored};
use super::{Feed, Source};
use crate::base::time::Ticks;

/// What the store adds to an event: one arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// Counts arrivals over all feeds, from 1.
    pub seq: i64,
    pub feed: Feed,
    pub account: &'a str,
    pub source: Source,
    pub arrived: Ticks,
    pub time_generated: Ticks,
    /// The first eight bytes of the event's leaf hash, big-endian.
    pub tag: i64,
}

enum Builder {
    Dictionary(StringDictionaryBuilder<Int32Type>),
    Text(StringViewBuilder),
    Int64(Int64Builder),
    Int32(Int32Builder),
    Float64(Float64Builder),
    Boolean(BooleanBuilder),
}

impl Builder {
    fn new(column: &Stored) -> Self {
        match column.physical {
            Physical::Dictionary => Self::Dictionary(StringDictionaryBuilder::new()),
            Physical::Text => Self::Text(StringViewBuilder::new()),
            Physical::Int64 => Self::Int64(Int64Builder::new()),
            Physical::Int32 => Self::Int32(Int32Builder::new()),
            Physical::Float64 => Self::Float64(Float64Builder::new()),
            Physical::Boolean => Self::Boolean(BooleanBuilder::new()),
        }
    }

    fn null(&mut self) {
        match self {
            Self::Dictionary(b) => b.append_null(),
            Self::Text(b) => b.append_null(),
            Self::Int64(b) => b.append_null(),
            Self::Int32(b) => b.append_null(),
            Self::Float64(b) => b.append_null(),
            Self::Boolean(b) => b.append_null(),
        }
    }

    fn value(&mut self, value: &Value<'_>) {
        match (self, value) {
            (Self::Dictionary(b), Value::Text(text)) => b.append_value(text),
            (Self::Text(b), Value::Text(text)) => b.append_value(text),
            (Self::Int64(b), Value::Int(n)) => b.append_value(*n),
            (Self::Int32(b), Value::Int(n)) => b.append_option(i32::try_from(*n).ok()),
            (Self::Float64(b), Value::Float(n)) => b.append_value(*n),
            (builder, _) => builder.null(),
        }
    }

    fn arrival(&mut self, name: &str, arrival: &Arrival<'_>, irregular: bool) {
        match self {
            Self::Dictionary(b) => b.append_value(match name {
                "feed" => arrival.feed.name(),
                "account" => arrival.account,
                _ => arrival.source.name(),
            }),
            Self::Int64(b) => b.append_value(match name {
                "seq" => arrival.seq,
                "arrived" => arrival.arrived.0,
                "TimeGenerated" => arrival.time_generated.0,
                _ => arrival.tag,
            }),
            Self::Boolean(b) => b.append_value(irregular),
            other => other.null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Dictionary(b) => Arc::new(b.finish()),
            Self::Text(b) => Arc::new(b.finish()),
            Self::Int64(b) => Arc::new(b.finish()),
            Self::Int32(b) => Arc::new(b.finish()),
            Self::Float64(b) => Arc::new(b.finish()),
            Self::Boolean(b) => Arc::new(b.finish()),
        }
    }
}

/// Collects events into a batch of `schema::arrow()`.
pub struct BatchBuilder {
    columns: Vec<Builder>,
    rows: usize,
    raw_bytes: usize,
}

impl std::fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("rows", &self.rows)
            .field("raw_bytes", &self.raw_bytes)
            .finish_non_exhaustive()
    }
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    pub fn new() -> Self {
        Self { columns: STORED.iter().map(Builder::new).collect(), rows: 0, raw_bytes: 0 }
    }

    /// Rows since the last `finish`.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of event text since the last `finish`.
    pub fn raw_bytes(&self) -> usize {
        self.raw_bytes
    }

    pub fn push(&mut self, arrival: &Arrival<'_>, event: &Decoded<'_>) {
        for (at, (builder, column)) in self.columns.iter_mut().zip(STORED).enumerate() {
            match (column.holds, &mut *builder) {
                (Holds::Arrival, builder) => builder.arrival(column.name, arrival, event.irregular),
                (Holds::Raw, Builder::Text(text)) => text.append_value(event.raw()),
                (_, builder) => builder.value(event.value(at)),
            }
        }
        self.rows += 1;
        self.raw_bytes += event.raw().len();
    }

    /// The batch, and an empty builder. Fails only where a column without nulls has one, which `push` does not write.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        self.raw_bytes = 0;
        RecordBatch::try_new(schema::arrow(), self.columns.iter_mut().map(Builder::finish).collect())
    }
}

/// The string in a row of a string column, dictionary-coded or not; `None` for null and for other columns.
pub fn text_at(array: &dyn Array, row: usize) -> Option<&str> {
    if row >= array.len() || array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Dictionary(key, _) if **key == DataType::Int32 => {
            let dictionary = array.as_dictionary::<Int32Type>();
            text_at(dictionary.values().as_ref(), dictionary.key(row)?)
        }
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Float64Type, Int64Type};

    use super::*;
    use crate::event::decode::decode;

    fn arrival(seq: i64) -> Arrival<'static> {
        let at = Ticks(1_000 + seq);
        Arrival {
            seq,
            feed: Feed::AuditEvents,
            account: "ACCOUNT",
            source: Source::Live,
            arrived: at,
            time_generated: at,
            tag: -seq,
        }
    }

    #[test]
    fn a_batch_has_the_stored_columns_with_every_value_in_its_row() {
        let items = [
            r#"{"uuid":"A","timestamp":"2026-01-01T00:00:00Z","action":"grant","aux_id":7,"session":{"ip":"192.0.2.1"}}"#,
            r#"{"uuid":"B","action":5}"#,
            r#"{"uuid":"C","action":"grant","location":{"latitude":1.5}}"#,
        ];
        let mut builder = BatchBuilder::new();
        for (seq, item) in items.iter().enumerate() {
            builder.push(&arrival(seq as i64), &decode(item.as_bytes()).unwrap());
        }
        assert_eq!((builder.rows(), builder.raw_bytes()), (3, items.iter().map(|i| i.len()).sum()));
        let batch = builder.finish().unwrap();
        assert_eq!((batch.schema(), batch.num_rows(), builder.rows()), (schema::arrow(), 3, 0));

        let column = |name: &str| batch.column(schema::position(name).unwrap());
        let texts = |name: &str| (0..3).map(|row| text_at(column(name), row)).collect::<Vec<_>>();
        assert_eq!(texts("uuid_s"), [Some("A"), Some("B"), Some("C")]);
        assert_eq!(texts("action"), [Some("grant"), None, Some("grant")]);
        assert_eq!(texts("session.ip"), [Some("192.0.2.1"), None, None]);
        assert_eq!(texts("feed"), [Some("auditevents"); 3]);
        assert_eq!(texts("account"), [Some("ACCOUNT"); 3]);
        assert_eq!(texts("source"), [Some("live"); 3]);
        assert_eq!(texts("raw"), items.map(Some));
        assert_eq!(column("seq").as_primitive::<Int64Type>().values(), &[0, 1, 2]);
        assert_eq!(column("tag").as_primitive::<Int64Type>().values(), &[0, -1, -2]);
        assert_eq!(column("aux_id").as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(7), None, None]);
        assert!(column("timestamp").is_null(1));
        assert_eq!(column("location.latitude").as_primitive::<Float64Type>().value(2).to_bits(), 1.5f64.to_bits());
        assert_eq!(column("irregular").as_boolean().iter().collect::<Vec<_>>(), [Some(false), Some(true), Some(false)]);
    }
}
