//! Fresh pages: how a decoded batch lies in the catalogue.
//!
//! One byte of version, the length of the stream (4 bytes, little-endian), then an Arrow IPC stream of one batch under
//! `event::schema::arrow()`, compressed whole with zstd: the stream's own schema and 60 small dictionaries, which would be most of a page of
//! a few events, all but vanish that way.

use std::panic::catch_unwind;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Builder, RecordBatch, StringBuilder};
use arrow::buffer::{Buffer, MutableBuffer};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use hashbrown::HashMap;

use super::StoreError;
use crate::event::schema;

const VERSION: u8 = 1;
const LEVEL: i32 = 1;
/// A length above this is damage, not a page.
const LONGEST: usize = 1 << 30;

/// A batch as the blob of a page.
pub(super) fn encode(batch: &RecordBatch) -> Result<Vec<u8>, StoreError> {
    let stream = stream(batch).map_err(StoreError::arrow("encode a page"))?;
    let mut blob = Vec::with_capacity(stream.len() / 4);
    blob.push(VERSION);
    blob.extend((stream.len() as u32).to_le_bytes());
    let packed = zstd::bulk::compress(&stream, LEVEL).map_err(|e| StoreError::damaged(format!("a page ({e})")))?;
    blob.extend(packed);
    Ok(blob)
}

fn stream(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let room = batch.get_array_memory_size() + 16_384;
    let mut writer = StreamWriter::try_new(Vec::with_capacity(room), &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    writer.into_inner()
}

/// The batch of a page's blob.
pub(super) fn decode(blob: &[u8]) -> Result<RecordBatch, StoreError> {
    let damaged = |why: &str| StoreError::damaged(format!("a fresh page ({why})"));
    let (head, packed) = blob.split_at_checked(5).ok_or_else(|| damaged("too short"))?;
    if head[0] != VERSION {
        return Err(damaged("of an unknown version"));
    }
    let len = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if len > LONGEST {
        return Err(damaged("too long"));
    }
    // Aligned as Arrow wants it, so that the columns are views of this one buffer and not copies.
    let mut stream = MutableBuffer::from_len_zeroed(len);
    let written = zstd::bulk::Decompressor::new()
        .and_then(|mut zstd| zstd.decompress_to_buffer(packed, stream.as_slice_mut()))
        .map_err(|e| damaged(&e.to_string()))?;
    if written != len {
        return Err(damaged("cut short"));
    }
    batch_of(Buffer::from(stream))
}

/// The batch of a stream. Arrow's decoder trusts lengths that lie in it: where they are wrong it may give up with a panic.
fn batch_of(mut stream: Buffer) -> Result<RecordBatch, StoreError> {
    let damaged = |why: &str| StoreError::damaged(format!("a fresh page ({why})"));
    let batch = catch_unwind(move || StreamDecoder::new().decode(&mut stream))
        .map_err(|_| damaged("it cannot be decoded"))?
        .map_err(|e| damaged(&e.to_string()))?;
    batch.filter(|b| b.schema_ref().fields() == schema::arrow().fields()).ok_or_else(|| damaged("of other columns"))
}

/// Several batches as one, every value of a dictionary once.
pub(super) fn join(batches: &[Arc<RecordBatch>]) -> Result<RecordBatch, StoreError> {
    let join = || -> Result<RecordBatch, ArrowError> {
        let schema = schema::arrow();
        let columns = schema.fields().iter().enumerate().map(|(at, field)| {
            let parts: Vec<&ArrayRef> = batches.iter().map(|b| b.column(at)).collect();
            match field.data_type() {
                DataType::Dictionary(..) => join_dictionaries(&parts),
                _ => concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>()),
            }
        });
        RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
    };
    join().map_err(StoreError::arrow("join fresh pages"))
}

fn join_dictionaries(parts: &[&ArrayRef]) -> Result<ArrayRef, ArrowError> {
    let mut known: HashMap<&str, i32> = HashMap::new();
    let mut values = StringBuilder::new();
    let mut keys = Int32Builder::with_capacity(parts.iter().map(Array::len).sum());
    for part in parts {
        let part = part.as_dictionary::<Int32Type>();
        let texts = part.values().as_string::<i32>();
        // Codes of this part to codes of the whole, filled as values are met: unused values are left behind.
        let mut codes = vec![-1; texts.len()];
        for key in part.keys() {
            let Some(key) = key else {
                keys.append_null();
                continue;
            };
            let code = &mut codes[key as usize];
            if *code < 0 {
                let next = known.len() as i32;
                *code = *known.entry(texts.value(key as usize)).or_insert_with_key(|text| {
                    values.append_value(text);
                    next
                });
            }
            keys.append_value(*code);
        }
    }
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys.finish(), Arc::new(values.finish()))?))
}

/// The sequence numbers of a batch.
pub(super) fn seqs(batch: &RecordBatch) -> &[i64] {
    // `seq` is the first stored column.
    batch.column(0).as_primitive::<Int64Type>().values()
}

/// The rows of a batch above a sequence number.
pub(super) fn above(batch: &RecordBatch, seq: i64) -> RecordBatch {
    let from = seqs(batch).partition_point(|s| *s <= seq);
    batch.slice(from, batch.num_rows() - from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::{DAY, Ticks};
    use crate::event::columns::{Arrival, BatchBuilder};
    use crate::event::decode::decode as decode_event;
    use crate::event::{Feed, Source};

    #[test]
    fn a_page_of_which_any_byte_is_wrong_is_an_error_or_a_batch_and_no_panic() {
        let mut builder = BatchBuilder::new();
        let arrived = Ticks(739_000 * DAY);
        let (feed, source) = (Feed::AuditEvents, Source::Live);
        let event = decode_event(br#"{"uuid":"E","timestamp":"2026-01-02T03:04:05Z","action":"create"}"#).unwrap();
        let arrival = Arrival { seq: 1, feed, account: "A", source, arrived, time_generated: arrived, tag: 0 };
        builder.push(&arrival, &event);
        let whole = stream(&builder.finish().unwrap()).unwrap();
        let mut refused = 0;
        for at in 0..whole.len() {
            let mut bytes = MutableBuffer::from_len_zeroed(whole.len());
            bytes.as_slice_mut().copy_from_slice(&whole);
            bytes.as_slice_mut()[at] ^= 1 << (at % 8);
            refused += u32::from(batch_of(bytes.into()).is_err());
        }
        assert!(refused > 1_000, "{refused} of {}", whole.len());
    }
}
