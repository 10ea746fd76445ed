//! What `verify` finds, and how it is told.

use std::collections::BTreeMap;

use crate::base::time::Ticks;
use crate::store::heads::Head;

/// So many findings are told one by one; the rest are counted.
const TOLD: usize = 1_000;

/// What is not as it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An event is not what was committed under its number.
    Changed,
    /// An event that was committed is not there.
    Removed,
    /// An event is there that was not committed.
    Added,
    /// An event stands at another place than it was committed at.
    Moved,
    /// Events of a batch are not those that were committed, and their tags do not say which.
    Batch,
    /// A column that queries read is not what the event's text says.
    Column,
    /// An event's tag is not that of its leaf, though the event is what was committed.
    Tag,
    /// The record of a batch is not what the chain says.
    Ledger,
    /// A segment's file is not the one that was written.
    File,
    /// A file or a page of events is missing or cannot be read.
    Unreadable,
    /// What the catalogue says of a segment or of the fresh events is not what is there.
    Catalogue,
    /// An identity is there twice.
    Twice,
    /// A variant or a quarantined item is not what was set aside.
    SetAside,
    /// Batches that had been committed are missing at the end.
    Tail,
    /// A checkpoint or a copied head is not of this chain, or not signed by its key.
    Head,
    /// The newest batches are not covered by a signature.
    Unsigned,
    /// A statement of what retention took is not what was signed, or is missing.
    Tombstone,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Moved => "moved",
            Self::Batch => "batch",
            Self::Column => "column",
            Self::Tag => "tag",
            Self::Ledger => "ledger",
            Self::File => "file",
            Self::Unreadable => "unreadable",
            Self::Catalogue => "catalogue",
            Self::Twice => "twice",
            Self::SetAside => "set-aside",
            Self::Tail => "tail",
            Self::Head => "head",
            Self::Unsigned => "unsigned",
            Self::Tombstone => "tombstone",
        }
    }
}

/// The event that a finding is about, as it stands in the store now. Texts are as they came: show them with care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub account: String,
    pub feed: String,
    pub uuid: String,
    pub arrived: Ticks,
}

/// Something that is not as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    /// The sequence number it is about: of the event, or the first of the batch. `i64::MAX` where it is about the end or the whole.
    pub seq: i64,
    pub batch: Option<u64>,
    pub event: Option<Event>,
    /// The segment's file, or the page.
    pub place: Option<String>,
    /// What was found, in a sentence without anything from outside.
    pub what: String,
    /// Events it stands for.
    pub events: u64,
}

impl Finding {
    pub(super) fn new(kind: Kind, seq: i64, what: impl Into<String>) -> Self {
        Self { kind, seq, batch: None, event: None, place: None, what: what.into(), events: 1 }
    }

    pub(super) fn of_batch(self, batch: u64) -> Self {
        Self { batch: Some(batch), ..self }
    }

    pub(super) fn at(self, place: &str) -> Self {
        Self { place: Some(place.to_owned()), ..self }
    }

    pub(super) fn standing_for(self, events: u64) -> Self {
        Self { events, ..self }
    }
}

/// What was looked at and what was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Events whose leaves were computed.
    pub events: u64,
    /// Events that retention took, which their batches account for.
    pub purged: u64,
    pub batches: u64,
    pub segments: u64,
    pub pages: u64,
    /// Bytes of event text.
    pub raw_bytes: u64,
    /// Checkpoints of the store whose signature holds.
    pub checkpoints: u64,
    /// Tombstones of events whose signature holds.
    pub tombstones: u64,
    /// Copied heads that the store goes on from.
    pub copies: u64,
    /// The head that all of it leads to.
    pub head: Option<Head>,
    /// The key that signed the newest checkpoint.
    pub key: Option<String>,
    /// When that checkpoint was signed.
    pub signed: Option<Ticks>,
    /// The first findings, by sequence number.
    pub findings: Vec<Finding>,
    /// All findings by kind: how many, and the events they stand for.
    pub counts: BTreeMap<Kind, (u64, u64)>,
    /// Segments that the writer should look at (`doubts::tell`): they cannot be read, or are marked and can be, or their filter does not know them.
    pub doubts: Vec<i64>,
    /// What is no damage and should be known all the same.
    pub notes: Vec<String>,
}

impl Report {
    /// Is everything as it was committed?
    pub fn is_sound(&self) -> bool {
        self.counts.is_empty()
    }

    /// The finding with the lowest sequence number.
    pub fn first(&self) -> Option<&Finding> {
        self.findings.first()
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.count(finding.kind, 1, finding.events);
        self.findings.push(finding);
        if self.findings.len() > 2 * TOLD {
            self.sort();
        }
    }

    /// Findings that are only counted.
    pub(super) fn count(&mut self, kind: Kind, findings: u64, events: u64) {
        let count = self.counts.entry(kind).or_default();
        *count = (count.0 + findings, count.1 + events);
    }

    pub(super) fn sort(&mut self) {
        self.findings.sort_by_key(|f| (f.seq, f.kind));
        self.findings.truncate(TOLD);
    }
}
