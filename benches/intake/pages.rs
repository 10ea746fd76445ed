//! Events in pages, as the API would give them: rendered before anything is measured.

use std::error::Error;

use bytes::Bytes;
use vaultscope::base::time::{DAY, Ticks};
use vaultscope::demo::Options;
use vaultscope::demo::fill::Fill;
use vaultscope::event::Feed;

const PAGE: usize = 1_000;

/// A page of one feed.
#[derive(Debug)]
pub struct Made {
    pub feed: Feed,
    pub arrived: Ticks,
    pub items: Vec<Bytes>,
}

/// Pages of a thousand events, in order of arrival; the last of each feed may be shorter.
pub fn make(events: u64) -> Result<Vec<Made>, Box<dyn Error>> {
    let options = Options { users: 2_000, ..Options::new(1, Ticks(739_000 * DAY + DAY / 2)) };
    let mut open: [Vec<Bytes>; 3] = Default::default();
    let mut last = Ticks::default();
    let mut made = Vec::new();
    for event in Fill::new(&options, events)? {
        last = event.visible;
        let items = &mut open[event.feed as usize];
        items.push(Bytes::from(event.bytes));
        if items.len() == PAGE {
            made.push(Made { feed: event.feed, arrived: last, items: std::mem::take(items) });
        }
    }
    let rest = Feed::ALL.into_iter().map(|feed| (feed, std::mem::take(&mut open[feed as usize])));
    made.extend(rest.filter(|(_, items)| !items.is_empty()).map(|(feed, items)| Made { feed, arrived: last, items }));
    Ok(made)
}

/// The body of an answer: the items, and the number of the next page as cursor.
pub fn body(items: &[Bytes], next: usize, has_more: bool) -> Bytes {
    let mut text = Vec::with_capacity(items.iter().map(|item| item.len() + 1).sum::<usize>() + 64);
    text.extend_from_slice(format!("{{\"cursor\":\"{next}\",\"has_more\":{has_more},\"items\":[").as_bytes());
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        text.extend_from_slice(item);
    }
    text.extend_from_slice(b"]}");
    Bytes::from(text)
}
