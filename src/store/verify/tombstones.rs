//! Tombstones: is everything that retention took signed for, and is every statement about it the one that was signed?
//!
//! A tombstone holds a digest of what its transaction left of the trees of its batches. Where no later one took more of them that is computed
//! again; the trees of all of them are held to their batches' roots in any case. What cannot be said from here: that the newest tombstones are
//! missing which took no event, only unreadable items or variants.

use std::collections::HashMap;

use super::finding::{Finding, Kind, Report};
use super::listing::Listing;
use crate::event::Feed;
use crate::store::retain::tombstone::{Said, trees_digest};
use crate::store::signing::hex;

/// Holds the tombstones to their signatures, to the trees, and to what is `gone` of each feed.
pub(super) fn hold(listing: &Listing, gone: HashMap<Option<Feed>, u64>, report: &mut Report) {
    let mut signed = HashMap::<Option<Feed>, u64>::new();
    let mut stones: Vec<(i64, Said)> = Vec::new();
    let mut texts: Vec<&str> = Vec::new();
    for (at, stone) in listing.tombstones.iter().enumerate() {
        let mut find = |what: String| report.add(finding(what, stone.batches.map(|(first, _)| first)));
        let text = listing.signers.values().find_map(|key| key.open(&stone.note).ok());
        let before = at.checked_sub(1).map(|before| &listing.tombstones[before]);
        let Some((text, said)) = text.and_then(|text| Some((text, Said::read(text, stone, before)?))) else {
            find(format!("tombstone {} is not one that the store's key has signed", stone.id));
            continue;
        };
        if texts.contains(&text) {
            find(format!("tombstone {} stands there twice", stone.id));
            continue;
        }
        texts.push(text);
        if !said.as_listed {
            find(format!("what the catalogue lists of tombstone {} is not what was signed", stone.id));
        }
        if !said.follows {
            find(format!("the tombstone before {} was changed, removed or put in", stone.id));
        }
        for feed in Feed::STORED {
            *signed.entry(Some(feed)).or_default() += said.events[feed as usize];
        }
        stones.push((stone.id, said));
    }
    trees(listing, &stones, report);
    for (feed, gone) in gone {
        report.purged += gone;
        let signed = signed.remove(&feed).unwrap_or_default();
        if gone != signed {
            let name = feed.map_or("an unknown feed", Feed::name);
            let what = format!("{gone} events of {name} are gone, signed tombstones account for {signed}");
            let finding = Finding::new(Kind::Removed, i64::MAX, what).at("catalogue.db");
            report.add(finding.standing_for(gone.abs_diff(signed)));
        }
    }
    for (feed, signed) in signed.into_iter().filter(|(_, signed)| *signed > 0) {
        let name = feed.map_or("an unknown feed", Feed::name);
        report.add(finding(format!("{signed} events of {name} are signed for as gone, and none is"), None));
    }
}

fn finding(what: String, batch: Option<u64>) -> Finding {
    let finding = Finding::new(Kind::Tombstone, i64::MAX, what).at("catalogue.db").standing_for(0);
    Finding { batch, ..finding }
}

/// What is left of the trees of each tombstone's batches, newest first: later ones may have taken more of them.
fn trees(listing: &Listing, stones: &[(i64, Said)], report: &mut Report) {
    let mut pruned: Vec<(i64, &Vec<u8>)> = listing.pruned.iter().map(|(batch, nodes)| (*batch, nodes)).collect();
    pruned.sort_unstable();
    let mut later: Vec<(u64, u64)> = Vec::new();
    for (id, said) in stones.iter().rev() {
        let Some((first, last, count, digest)) = &said.batches else { continue };
        let taken_from_since = later.iter().any(|(a, b)| a <= last && first <= b);
        later.push((*first, *last));
        let within = pruned.iter().filter(|(batch, _)| (*first..=*last).contains(&(*batch as u64)));
        let within: Vec<(i64, Vec<u8>)> = within.map(|(batch, nodes)| (*batch, (*nodes).clone())).collect();
        report.tombstones += 1;
        // Of more trees than it speaks of, some are an earlier one's; which, it does not say.
        let told_apart = !taken_from_since && within.len() as u64 <= *count;
        if told_apart && hex(&trees_digest(within)) != *digest {
            let what =
                format!("what is left of the batches {first} to {last} is not what tombstone {id} was signed for");
            report.add(finding(what, Some(*first)));
        }
    }
    for (batch, _) in pruned {
        if !later.iter().any(|(first, last)| (*first..=*last).contains(&(batch as u64))) {
            let what = "it lost events, and no tombstone says so".to_owned();
            report.add(finding(what, Some(batch as u64)));
        }
    }
}
