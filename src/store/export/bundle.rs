//! What an export looks like: its lines and its manifest.

use std::collections::BTreeMap;
use std::io::{self, Write};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use serde::{Deserialize, Serialize};

use crate::event::columns::text_at;
use crate::store::Root;
use crate::store::chain::pruned::{Node, Pruned};
use crate::store::signing::hex;

pub(super) const FORMAT: &str = "vaultscope-export";
pub(super) const VERSION: u32 = 1;

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `vaultscope-export`.
    pub format: String,
    /// 1.
    pub version: u32,
    pub tool: String,
    pub schema_version: i64,
    /// The events are made up.
    pub demo: bool,
    pub exported: String,
    pub query: QuerySummary,
    pub events: EventsFile,
    /// CSV cells that are not as they came, by column.
    pub altered_cells: BTreeMap<String, u64>,
    /// Stretches of the range whose events may be missing in the store.
    pub gaps: Vec<GapSummary>,
    /// From the first batch that has an event here to the one that the checkpoint signs. Only with NDJSON.
    pub batches: Vec<BatchProof>,
    /// The public key that the checkpoint and the manifest are signed with.
    pub key: Option<String>,
    /// A signed note over the head that the batches lead to.
    pub checkpoint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuerySummary {
    pub from: Option<String>,
    pub to: Option<String>,
    /// Empty: every feed.
    pub feeds: Vec<String>,
    #[serde(rename = "where")]
    pub predicate: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsFile {
    pub file: String,
    pub sha256: String,
    pub bytes: u64,
    pub count: u64,
    pub first_seq: Option<i64>,
    pub last_seq: Option<i64>,
    pub feeds: BTreeMap<String, FeedSummary>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedSummary {
    pub count: u64,
    /// The earliest and the latest time of an event.
    pub first: Option<String>,
    pub last: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GapSummary {
    pub account: String,
    pub feed: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub why: String,
    pub noticed: String,
    pub closed: Option<String>,
}

/// A batch and what of it is not in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchProof {
    pub number: u64,
    /// The root of the batch before, hexadecimal, as all hashes here.
    pub before: String,
    pub root: String,
    pub first_seq: i64,
    pub leaves: u64,
    /// Position, size and hash of the subtrees that are not here.
    pub pruned: Vec<(u64, u64, String)>,
}

impl BatchProof {
    pub(super) fn pruned(&self) -> Option<Pruned> {
        let nodes = self.pruned.iter().map(|(at, size, hash)| Some(Node { at: *at, size: *size, hash: unhex(hash)? }));
        Pruned::from_nodes(self.leaves, nodes.collect::<Option<_>>()?)
    }

    pub(super) fn nodes(pruned: &Pruned) -> Vec<(u64, u64, String)> {
        pruned.nodes().iter().map(|node| (node.at, node.size, hex(&node.hash))).collect()
    }
}

/// Lowercase hexadecimal digits of a hash.
pub(super) fn unhex(text: &str) -> Option<Root> {
    let digits = text.as_bytes();
    if digits.len() != 64 || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// What `manifest.sig` signs.
pub(super) fn signed_text(origin: &str, manifest: &Root) -> String {
    format!("{origin}\nexport manifest.json\nsha256 {}\n", hex(manifest))
}

/// A line of `events.ndjson`, its keys in this order and nothing between them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub seq: i64,
    pub batch: u64,
    /// The first eight bytes of the leaf, hexadecimal.
    pub tag: String,
    pub account: String,
    pub feed: String,
    pub uuid: String,
    /// 100 ns ticks since 0001-01-01T00:00:00Z.
    pub arrived: i64,
    pub source: String,
    pub raw: String,
}

/// Writes the kept rows as lines.
pub(super) fn lines(
    out: &mut impl Write,
    batch: &RecordBatch,
    keep: &[bool],
    batch_of: &dyn Fn(i64) -> u64,
) -> io::Result<()> {
    let damaged = || io::Error::other("a batch of events lacks a column");
    let number = |name| batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>()).ok_or_else(damaged);
    let (seqs, arrived, tags) = (number("seq")?, number("arrived")?, number("tag")?);
    let text = |name: &str, row| {
        batch.column_by_name(name).and_then(|c| text_at(c.as_ref(), row)).unwrap_or_default().to_owned()
    };
    for row in (0..batch.num_rows()).filter(|row| keep[*row]) {
        let seq = seqs.value(row);
        let line = Line {
            seq,
            batch: batch_of(seq),
            tag: hex(&tags.value(row).to_be_bytes()),
            account: text("account", row),
            feed: text("feed", row),
            uuid: text("uuid_s", row),
            arrived: arrived.value(row),
            source: text("source", row),
            raw: text("raw", row),
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
