//! Claims: heads that somebody wrote down — the store itself in signed checkpoints and in the head file, somebody else in copies — each held
//! against the batch it names.

use std::path::Path;

use super::finding::{Finding, Kind, Report};
use super::listing::{Batch, Listing};
use super::{Copies, Options};
use crate::store::checkpoint::Checkpoint;
use crate::store::heads::Head;
use crate::store::signing::Verifier;

/// Who wrote a head down.
#[derive(Clone, Debug)]
enum Author {
    Checkpoint,
    HeadFile,
    /// A line of a copy.
    Copy {
        place: String,
    },
}

#[derive(Clone, Debug)]
struct Claim {
    head: Head,
    author: Author,
}

/// The claims by batch, as far as they have not been met yet.
#[derive(Debug)]
pub(super) struct Claims {
    waiting: std::iter::Peekable<std::vec::IntoIter<Claim>>,
}

impl Claims {
    /// Collects the claims, and tells of those whose signature does not hold.
    pub fn gather(
        listing: &Listing,
        kept: Option<Head>,
        public: Option<&Verifier>,
        options: &Options,
        report: &mut Report,
    ) -> Self {
        let mut claims: Vec<Claim> = kept.map(|head| Claim { head, author: Author::HeadFile }).into_iter().collect();
        for signed in &listing.checkpoints {
            let Some(key) = listing.signers.get(&signed.signer) else {
                report.add(unsound(signed.head, "the key that signed it is not in the catalogue"));
                continue;
            };
            let checkpoint = Checkpoint { origin: key.name().to_owned(), head: signed.head, at: signed.at };
            if key.verify(&checkpoint.text(), &signed.signature) {
                report.checkpoints += 1;
                claims.push(Claim { head: signed.head, author: Author::Checkpoint });
            } else {
                report.add(unsound(signed.head, "its signature is not that of its key"));
            }
        }
        for copies in &options.against {
            copied(copies, listing, report, &mut claims);
        }
        keys(listing, public, options, report);
        claims.sort_by_key(|claim| claim.head.batches);
        Self { waiting: claims.into_iter().peekable() }
    }

    /// Holds the claims on this batch to it.
    pub fn meet(&mut self, batch: &Batch, report: &mut Report) {
        let is = Head { batches: batch.number, through: batch.end() - 1, root: batch.root };
        while let Some(claim) = self.waiting.next_if(|claim| claim.head.batches <= batch.number) {
            if claim.head == is {
                report.copies += u64::from(matches!(claim.author, Author::Copy { .. }));
                continue;
            }
            let what = match &claim.author {
                Author::Checkpoint => "the chain does not lead to the head that was signed here".to_owned(),
                Author::HeadFile => "the chain does not lead to the head that the head file has here".to_owned(),
                Author::Copy { place } => format!("the chain does not lead to the head that was copied here ({place})"),
            };
            let finding = Finding::new(Kind::Head, batch.first_seq, what).of_batch(claim.head.batches).standing_for(0);
            report.add(claim.placed(finding));
        }
    }

    /// What is ahead of the store's end: its tail is missing.
    pub fn end(self, head: Head, report: &mut Report) {
        for claim in self.waiting {
            let Head { batches, through, .. } = claim.head;
            if batches == 0 {
                continue;
            }
            let (lost, events) = (batches.saturating_sub(head.batches), (through - head.through).max(0));
            let who = match &claim.author {
                Author::Checkpoint => "the store has signed".to_owned(),
                Author::HeadFile => "the head file has".to_owned(),
                Author::Copy { place } => format!("a copy has ({place})"),
            };
            let what = format!(
                "{who} batch {batches}, the store ends with batch {}: {lost} batches with {events} events that had been committed are missing",
                head.batches
            );
            let finding = Finding::new(Kind::Tail, i64::MAX, what).of_batch(head.batches + 1);
            report.add(claim.placed(finding).standing_for(events as u64));
        }
    }
}

impl Claim {
    fn placed(&self, finding: Finding) -> Finding {
        match &self.author {
            Author::Checkpoint => finding.at("catalogue.db"),
            Author::HeadFile => finding.at("heads"),
            Author::Copy { place } => finding.at(place),
        }
    }
}

fn unsound(head: Head, why: &str) -> Finding {
    let what = format!("the checkpoint of batch {} is not to be trusted: {why}", head.batches);
    Finding::new(Kind::Head, head.through, what).of_batch(head.batches).at("catalogue.db").standing_for(0)
}

/// The heads of a file that lay elsewhere.
fn copied(copies: &Copies, listing: &Listing, report: &mut Report, claims: &mut Vec<Claim>) {
    let name = Path::new(&copies.name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (mut own, mut others) = (0u64, 0u64);
    for (line, copy) in &copies.heads {
        let place = format!("{name}, line {line}");
        // A store that knows its key by another one would make the name worthless, so the copy's own key has to be one of the store's.
        let keys = || listing.signers.values().chain(copies.keys.iter()).filter(|key| key.name() == copy.origin());
        if keys().next().is_none() || !listing.signers.values().any(|key| key.name() == copy.origin()) {
            others += 1;
            continue;
        }
        own += 1;
        match keys().find_map(|key| copy.open(key)) {
            Some(checkpoint) => claims.push(Claim { head: checkpoint.head, author: Author::Copy { place } }),
            None => {
                let what =
                    "this line is not signed by the store's key: it was changed, or the store has another key now";
                report.add(Finding::new(Kind::Head, i64::MAX, what).at(&place).standing_for(0));
            }
        }
    }
    for key in &copies.keys {
        let known = listing.signers.values().any(|known| known == key);
        if !known && listing.signers.values().any(|known| known.name() == key.name()) {
            let what = "the key that was copied is not the key that the store has under that name";
            report.add(Finding::new(Kind::Head, i64::MAX, what).at(&name).standing_for(0));
        }
    }
    for line in &copies.broken {
        let what = "this line begins as a copied head does and is none: it was changed or cut";
        report.add(Finding::new(Kind::Head, i64::MAX, what).at(&format!("{name}, line {line}")).standing_for(0));
    }
    if others > 0 {
        report.notes.push(format!("{others} heads in {name} are of other stores"));
    }
    if own == 0 {
        let what =
            "no head in the file is of this store: it is another file, or another store was put in place of this one";
        report.add(Finding::new(Kind::Head, i64::MAX, what).at(&name).standing_for(0));
    }
}

/// Whose signatures these are, and whether they cover everything.
fn keys(listing: &Listing, public: Option<&Verifier>, options: &Options, report: &mut Report) {
    let newest = listing.checkpoints.last();
    let key = newest.and_then(|newest| listing.signers.get(&newest.signer));
    report.key = key.map(ToString::to_string);
    report.signed = newest.map(|newest| newest.at);
    if let Some(trusted) = &options.key {
        if key.is_some_and(|key| key != trusted) {
            let what = "the newest checkpoint is signed with another key than the one given";
            report.add(Finding::new(Kind::Head, i64::MAX, what).standing_for(0));
        }
    } else if let (Some(public), Some(key)) = (public, key)
        && public != key
    {
        let what = "the newest checkpoint is signed with another key than that in signing.pub";
        report.add(Finding::new(Kind::Head, i64::MAX, what).at("signing.pub").standing_for(0));
    }
    if listing.signers.len() > 1 {
        let names: Vec<_> = listing.signers.values().map(Verifier::name).collect();
        report.notes.push(format!("the store has been signed with {} keys: {}", names.len(), names.join(", ")));
    }
    for (first, last, at) in &listing.signed_late {
        report
            .notes
            .push(format!("batches {first} to {last} were committed without a signature and signed later, at {at}"));
    }
    let covered = newest.map_or(0, |newest| newest.head.batches);
    if covered < listing.head.batches {
        if listing.checkpoints.is_empty() && options.key.is_none() {
            report.notes.push(
                "nothing here is signed: the store was written by an older program, or its key could not be used"
                    .to_owned(),
            );
        } else {
            let what = format!("batches {} to {} are not signed", covered + 1, listing.head.batches);
            let after = newest.map_or(1, |newest| newest.head.through.saturating_add(1));
            let events = (listing.head.through - after + 1).max(0) as u64;
            report.add(Finding::new(Kind::Unsigned, after, what).of_batch(covered + 1).standing_for(events));
        }
    }
}
