//! What the catalogue says beside the chain, and queries rely on: where a segment begins and ends, in numbers and in times (a segment whose times are
//! said to lie elsewhere is not looked at), how long its file is, and which identities are fresh.

use parquet::file::statistics::Statistics;

use super::finding::{Finding, Kind, Report};
use super::listing::{Listing, index_entry};
use super::unit::Place;
use crate::event::columns::text_at;
use crate::event::{Feed, schema};
use crate::store::catalogue::feed_code;
use crate::store::damage::guarded;
use crate::store::fresh;
use crate::store::segment::Segment;

/// Holds every entry to what is there. What cannot be read is told elsewhere.
pub(super) fn hold(listing: &Listing, report: &mut Report) {
    for segment in &listing.segments {
        let wrong = guarded(segment, || Ok(wrong_entry(segment))).unwrap_or_default();
        if let Some(what) = wrong {
            let what = format!("what the catalogue says of the segment's {what} is not so");
            let finding = Finding::new(Kind::Catalogue, segment.seqs.0, what).at(&Place::Segment(segment).name());
            report.add(finding.standing_for(segment.rows));
        }
    }
    let (mut count, mut sum) = (0, 0_u128);
    for page in &listing.pages {
        let Ok(batch) = fresh::decode(&page.data) else { return };
        let seqs = fresh::seqs(&batch);
        if seqs.iter().min().copied().zip(seqs.iter().max().copied()) != Some(page.seqs) {
            let what = "what the catalogue says of the page's first and last event is not so";
            report.add(Finding::new(Kind::Catalogue, page.seqs.0, what).at(&Place::Page(page).name()));
        }
        let column = |name| batch.column_by_name(name);
        let (Some(accounts), Some(feeds), Some(uuids)) = (column("account"), column("feed"), column("uuid_s")) else {
            return;
        };
        for (row, seq) in seqs.iter().enumerate() {
            let account = text_at(accounts, row).unwrap_or_default();
            let account = listing.accounts.iter().find(|(_, uuid)| *uuid == account).map_or(0, |(id, _)| *id);
            let feed = text_at(feeds, row).and_then(Feed::from_name).map_or(0, feed_code);
            sum = sum.wrapping_add(index_entry(account, feed, text_at(uuids, row).unwrap_or_default(), *seq));
            count += 1;
        }
    }
    let what = match (count == listing.identities, sum == listing.identities_sum) {
        (true, true) => return,
        (false, _) => format!("{count} fresh events have {} entries in their index", listing.identities),
        (true, false) => {
            "the index of the fresh events is not one of these events: some could come in twice".to_owned()
        }
    };
    report.add(Finding::new(Kind::Catalogue, i64::MAX, what).at("catalogue.db").standing_for(0));
}

/// What of a segment's entry is not as its file says.
fn wrong_entry(segment: &Segment) -> Option<&'static str> {
    let length = std::fs::metadata(&segment.path).ok()?.len();
    if length != segment.bytes {
        return Some("length");
    }
    let ranges = [
        ("seq", Some(segment.seqs), "numbers"),
        ("timestamp", segment.timestamps, "times"),
        ("TimeGenerated", Some(segment.generated), "times of arrival"),
    ];
    let metadata = segment.metadata().ok()?.metadata();
    ranges.into_iter().find_map(|(column, listed, what)| {
        let at = schema::position(column)?;
        let mut range: Option<(i64, i64)> = None;
        for group in metadata.row_groups() {
            // Without statistics nothing is known; the writer of segments always leaves them.
            let Statistics::Int64(known) = group.column(at).statistics()? else { return None };
            if let Some((low, high)) = known.min_opt().zip(known.max_opt()) {
                range = Some(range.map_or((*low, *high), |(a, b)| (a.min(*low), b.max(*high))));
            }
        }
        (range != listed).then_some(what)
    })
}
