//! What rows show of themselves: their leaves, and what a batch must have said of them.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};

use super::held::Row;
use super::unit::Outcome;
use crate::base::time::Ticks;
use crate::event::columns::text_at;
use crate::event::{Feed, Source};
use crate::store::chain::{self, Leaf};
use crate::store::filter::{Filter, identity};

/// The rows of a unit, or of a part of it.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub each: Vec<Row>,
    /// Distinct (account, feed, source).
    pub facts: Vec<(String, String, String)>,
    /// Events that the segment's membership filter does not know: the first, and how many.
    pub unfiltered: Option<(i64, u64)>,
}

impl Rows {
    /// Adds those that follow.
    pub fn append(&mut self, other: Self) {
        if self.each.is_empty() {
            *self = other;
            return;
        }
        let place = |fact: &(String, String, String), facts: &mut Vec<_>| {
            facts.iter().position(|known| known == fact).unwrap_or_else(|| {
                facts.push(fact.clone());
                facts.len() - 1
            }) as u32
        };
        let facts: Vec<u32> = other.facts.iter().map(|fact| place(fact, &mut self.facts)).collect();
        let before = self.each.len() as u32;
        let moved = |row: Row| Row { facts: facts[row.facts as usize], at: before + row.at, ..row };
        self.each.extend(other.each.into_iter().map(moved));
        self.unfiltered = [self.unfiltered, other.unfiltered].into_iter().flatten().reduce(|(a, m), (_, n)| (a, m + n));
    }
}

/// Rows that are being looked at.
pub(super) struct Seen<'h> {
    pub rows: Rows,
    hasher: &'h std::hash::RandomState,
    filter: Option<&'h Filter>,
    scratch: Vec<u8>,
}

/// Dictionary codes of feed, account and source.
type Codes = [Option<usize>; 3];
/// Codes, and what they stand for: the position among the facts, and feed and source where both exist.
type Known = (Codes, u32, Option<(Feed, Source)>);

impl<'h> Seen<'h> {
    /// `filter`: what the rows' identities must be known to.
    pub fn new(hasher: &'h std::hash::RandomState, filter: Option<&'h Filter>) -> Self {
        Self { rows: Rows::default(), hasher, filter, scratch: Vec::new() }
    }

    pub fn take(&mut self, batch: &RecordBatch, outcome: &mut Outcome) {
        use std::hash::BuildHasher as _;
        let column = |name| batch.column_by_name(name);
        let numbers = |name| column(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
        let codes = |name| column(name).and_then(|c| c.as_dictionary_opt::<Int32Type>());
        let (Some(seqs), Some(arrived), Some(tags)) = (numbers("seq"), numbers("arrived"), numbers("tag")) else {
            return;
        };
        let (Some(feeds), Some(accounts), Some(sources)) = (codes("feed"), codes("account"), codes("source")) else {
            return;
        };
        let (Some(uuids), Some(raws)) =
            (column("uuid_s").and_then(|c| c.as_string_view_opt()), column("raw").and_then(|c| c.as_string_view_opt()))
        else {
            return;
        };
        let text = |codes: &arrow::array::DictionaryArray<Int32Type>, row| {
            codes.key(row).and_then(|key| text_at(codes.values().as_ref(), key)).unwrap_or_default().to_owned()
        };
        self.rows.each.reserve(batch.num_rows());
        outcome.identities.reserve(batch.num_rows());
        // The codes of the row before, and what they stand for.
        let mut known: Option<Known> = None;
        for row in 0..batch.num_rows() {
            let key = [feeds.key(row), accounts.key(row), sources.key(row)];
            let (facts, kinds) = match known {
                Some((same, facts, kinds)) if same == key => (facts, kinds),
                _ => {
                    let new = (text(accounts, row), text(feeds, row), text(sources, row));
                    let kinds = Feed::from_name(&new.1).zip(Source::from_name(&new.2));
                    let at = self.rows.facts.iter().position(|f| *f == new).unwrap_or_else(|| {
                        self.rows.facts.push(new);
                        self.rows.facts.len() - 1
                    });
                    known = Some((key, at as u32, kinds));
                    (at as u32, kinds)
                }
            };
            let account = self.rows.facts[facts as usize].0.as_str();
            let (uuid, raw) = (uuids.value(row), raws.value(row).as_bytes());
            // A feed or a source that does not exist has no leaf: it cannot be what was committed.
            let leaf = kinds.map_or([0; 32], |(feed, source)| {
                let arrived = Ticks(arrived.value(row));
                Leaf { account, feed, uuid, arrived, source, raw }.hash_with(&mut self.scratch)
            });
            outcome.raw_bytes += raw.len() as u64;
            outcome.identities.push(self.hasher.hash_one((account, kinds.map(|k| k.0.name()), uuid)));
            if let (Some(filter), Some((feed, _))) = (self.filter, kinds)
                && !filter.may_hold(identity(account, feed, uuid))
            {
                let (_, unknown) = self.rows.unfiltered.get_or_insert((seqs.value(row), 0));
                *unknown += 1;
            }
            let tagged = chain::tag(&leaf) == tags.value(row);
            self.rows.each.push(Row { seq: seqs.value(row), leaf, facts, at: self.rows.each.len() as u32, tagged });
        }
    }
}
