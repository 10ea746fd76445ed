//! The rows of one batch, held to its record.

use std::collections::HashMap;

use super::finding::{Finding, Kind};
use super::listing::Batch;
use super::unit::Outcome;
use crate::event::Feed;
use crate::store::chain::pruned::Pruned;
use crate::store::chain::{self, Root};

/// What is kept of a row until its batch is known.
#[derive(Debug)]
pub(super) struct Row {
    pub seq: i64,
    pub leaf: Root,
    /// In `Seen::facts`.
    pub facts: u32,
    /// The row's place in the unit.
    pub at: u32,
    pub tagged: bool,
}

/// A batch and what its rows are held to.
pub(super) struct Held<'a> {
    pub batch: &'a Batch,
    pub pruned: &'a Pruned,
    pub accounts: &'a HashMap<i64, String>,
    pub facts: &'a [(String, String, String)],
    pub place: &'a str,
}

impl Held<'_> {
    fn finding(&self, kind: Kind, seq: i64, what: impl Into<String>) -> Finding {
        Finding::new(kind, seq, what).of_batch(self.batch.number).at(self.place)
    }

    pub fn check(&self, rows: &[Row], outcome: &mut Outcome, unnamed: &mut Vec<(u32, Finding)>) {
        let batch = self.batch;
        let mut there = Vec::with_capacity(rows.len());
        let mut as_many = true;
        let mut expected = self.pruned.present().peekable();
        for row in rows {
            let at = (row.seq - batch.first_seq) as u64;
            while let Some(gone) = expected.next_if(|position| *position < at) {
                as_many = false;
                let what = "it was committed and is not there";
                outcome.find(self.finding(Kind::Removed, batch.first_seq.saturating_add_unsigned(gone), what));
            }
            if expected.next_if_eq(&at).is_some() {
                there.push(row.leaf);
            } else {
                as_many = false;
                unnamed.push((row.at, self.finding(Kind::Added, row.seq, "another event has its number")));
            }
        }
        for gone in expected {
            as_many = false;
            let what = "it was committed and is not there";
            outcome.find(self.finding(Kind::Removed, batch.first_seq.saturating_add_unsigned(gone), what));
        }
        let root_over = |tree: &Root| chain::root(batch.number, &batch.before, batch.first_seq, batch.stored, tree);
        let tree = as_many.then(|| self.pruned.tree(&there)).flatten();
        let sound = tree.is_some_and(|tree| root_over(&tree) == batch.root);
        let before = unnamed.len();
        for row in rows.iter().filter(|row| !row.tagged) {
            let finding = if sound {
                self.finding(Kind::Tag, row.seq, "its tag was changed, the event itself was not")
            } else {
                self.finding(Kind::Changed, row.seq, "it is not the event that was committed")
            };
            unnamed.push((row.at, finding));
        }
        if sound {
            self.check_record(rows, tree, outcome);
            return;
        }
        let named = unnamed.len() > before;
        let record_holds = batch.tree.map(|tree| root_over(&tree) == batch.root);
        if record_holds == Some(false) {
            let what = "the record of the batch was changed: its root does not cover it";
            outcome.find(self.finding(Kind::Ledger, batch.first_seq, what).standing_for(0));
        } else if as_many && !named {
            self.without_tags(rows, outcome, unnamed);
        }
    }

    /// The tags hold and the batch does not: somebody wrote new tags too, or put events elsewhere.
    fn without_tags(&self, rows: &[Row], outcome: &mut Outcome, unnamed: &mut Vec<(u32, Finding)>) {
        if let Some(stranger) = rows.iter().find(|row| !self.fits(row)) {
            let what = "it is of another feed, account or source than its batch";
            unnamed.push((stranger.at, self.finding(Kind::Moved, stranger.seq, what)));
            return;
        }
        let leaves: Vec<Root> = rows.iter().map(|row| row.leaf).collect();
        let is_it = |leaves: &[Root]| {
            let tree = self.pruned.tree(leaves);
            let batch = self.batch;
            tree.is_some_and(|t| {
                chain::root(batch.number, &batch.before, batch.first_seq, batch.stored, &t) == batch.root
            })
        };
        if let Some((a, b)) = exchanged(&leaves, is_it) {
            for (at, other) in [(a, b), (b, a)] {
                let what = format!("it stands where event {} was committed", rows[other].seq);
                unnamed.push((rows[at].at, self.finding(Kind::Moved, rows[at].seq, what)));
            }
            return;
        }
        let last = self.batch.end() - 1;
        let what =
            format!("of the events {} to {last} one or more are not those that were committed", self.batch.first_seq);
        outcome.find(self.finding(Kind::Batch, self.batch.first_seq, what).standing_for(rows.len() as u64));
    }

    fn fits(&self, row: &Row) -> bool {
        let (account, feed, source) = &self.facts[row.facts as usize];
        let of_batch = self.accounts.get(&self.batch.account);
        of_batch == Some(account) && self.batch.feed.map(Feed::name) == Some(feed) && self.batch.source == *source
    }

    /// The events hold; is what the ledger says beside the root true as well?
    fn check_record(&self, rows: &[Row], tree: Option<Root>, outcome: &mut Outcome) {
        if self.batch.tree.is_some() && self.batch.tree != tree {
            let what = "the tree hash in the record of the batch was changed, its events were not";
            outcome.find(self.finding(Kind::Ledger, self.batch.first_seq, what).standing_for(0));
        }
        if rows.iter().any(|row| !self.fits(row)) {
            let what = "feed, account or source in the record of the batch were changed, its events were not";
            outcome.find(self.finding(Kind::Ledger, self.batch.first_seq, what).standing_for(0));
        }
    }
}

/// Two leaves that, exchanged, make the tree right. Every pair is tried, in batches where that takes no longer than a moment.
fn exchanged(leaves: &[Root], is_it: impl Fn(&[Root]) -> bool) -> Option<(usize, usize)> {
    const LARGEST: usize = 128;
    let mut leaves = leaves.to_vec();
    let reach = if leaves.len() <= LARGEST { leaves.len() } else { 2 };
    for a in 0..leaves.len() {
        for b in a + 1..leaves.len().min(a + reach) {
            leaves.swap(a, b);
            if is_it(&leaves) {
                return Some((a, b));
            }
            leaves.swap(a, b);
        }
    }
    None
}

pub(super) fn add_strangers(rows: &[Row], batch: Option<u64>, place: &str, unnamed: &mut Vec<(u32, Finding)>) {
    for row in rows {
        let finding =
            Finding { batch, ..Finding::new(Kind::Added, row.seq, "no batch has an event of this number here") };
        unnamed.push((row.at, finding.at(place)));
    }
}
