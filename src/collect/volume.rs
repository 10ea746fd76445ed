//! How much comes: events and bytes by feed, action, user and vault, what rules of suppression cover, and what the events would weigh in
//! Sentinel.
//!
//! Bytes are those of the events' own text. A row of Sentinel's table has other names, its own columns, and each dynamic column as JSON: its
//! weight is that of the row as JSON without empty columns, measured on a sample of each feed and applied to the rest. Log Analytics
//! bills by such a size, in GB of 10^9 bytes; it does not bill `Type`, `TenantId` and the columns that begin with an underscore.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use super::suppress::{AFTER, BEFORE};
use crate::base::time::{DAY, Ticks};
use crate::engine::format::cell;
use crate::engine::local::scan::columns::{EVENTS, STORED_EVENTS, schema};
use crate::engine::{Answer, QueryEngine, QueryError, Request};
use crate::event::Feed;
use crate::store::SuppressedRow;

/// Rows of a feed whose weight in Sentinel is measured.
const SAMPLE: u32 = 2_000;
/// Columns that Log Analytics does not bill.
const FREE: [&str; 4] = ["Type", "TenantId", "SourceSystem", "_ResourceId"];

/// By what events are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Feed,
    Action,
    User,
    Vault,
}

impl By {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Action => "action",
            Self::User => "user",
            Self::Vault => "vault",
        }
    }

    /// The expression over `OnePasswordEvents`.
    const fn key(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Action => "event_type",
            Self::User => "iff(isempty(user_email), user_uuid, user_email)",
            Self::Vault => "iff(isempty(vault_name), vault_uuid, strcat(vault_name, ' ', vault_uuid))",
        }
    }
}

/// A rule whose share is wanted.
#[derive(Clone, Debug)]
pub struct Asked {
    pub name: String,
    pub does: String,
    pub predicate: String,
    /// By name; none for all.
    pub feeds: Vec<String>,
}

/// Some events.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    pub events: u64,
    /// Of the events' text.
    pub bytes: u64,
    /// Of their rows in Sentinel, estimated.
    pub row_bytes: f64,
}

impl Amount {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.row_bytes += other.row_bytes;
    }
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    /// The first and the last event, by `TimeGenerated`.
    pub between: Option<(Ticks, Ticks)>,
    /// The days that averages are over: from the first event, or the beginning of the span, to its end; at least one.
    pub days: f64,
    pub all: Amount,
    /// By each dimension that was asked for: the largest, then how many others there are and what they hold.
    pub parts: Vec<Part>,
    pub rules: Vec<(Asked, Amount)>,
    /// What rules have discarded, by their names: events that are stored nowhere and in no other number here, each counted once.
    pub discarded: Vec<(String, Amount)>,
    /// A feed's bytes in Sentinel for each byte of its text.
    ratios: HashMap<String, f64>,
}

impl Volume {
    /// Adds what the store counted of rules that discard, by day of arrival. What its rows would weigh is told by those of the feed that are
    /// stored.
    pub fn add_discarded(&mut self, days: &[SuppressedRow]) {
        for row in days.iter().filter(|row| row.action == "discard") {
            let ratio = self.ratios.get(row.feed.name()).copied().unwrap_or(1.0);
            let amount = Amount { events: row.events, bytes: row.bytes, row_bytes: row.bytes as f64 * ratio };
            match self.discarded.iter_mut().find(|(rule, _)| *rule == row.rule) {
                Some((_, sum)) => sum.add(amount),
                None => self.discarded.push((row.rule.clone(), amount)),
            }
        }
    }
}

#[derive(Clone, Debug)]
pub struct Part {
    pub by: By,
    pub largest: Vec<(String, Amount)>,
    pub others: (usize, Amount),
}

/// Measures what `engine` holds. `request` says the time and the limits; its text is not looked at.
pub fn measure(
    engine: &dyn QueryEngine,
    request: &Request,
    by: &[By],
    top: usize,
    rules: &[Asked],
) -> Result<Volume, QueryError> {
    let ask = |text: String| Ok(rows(&engine.run(&Request { text, ..request.clone() })?));
    let ratios = ratios(&ask)?;
    let amount = |feed: &str, events: &str, bytes: &str| {
        let bytes: u64 = bytes.parse().unwrap_or_default();
        let row_bytes = bytes as f64 * ratios.get(feed).copied().unwrap_or(1.0);
        Amount { events: events.parse().unwrap_or_default(), bytes, row_bytes }
    };
    let mut volume = Volume::default();
    let feeds = ask(
        "OnePasswordEvents | summarize events = count(), bytes = sum(string_size(raw)), first = min(TimeGenerated), \
         last = max(TimeGenerated) by feed"
            .to_owned(),
    )?;
    for row in &feeds {
        volume.all.add(amount(&row[0], &row[1], &row[2]));
        if let (Some(first), Some(last)) = (Ticks::parse_rfc3339(&row[3]), Ticks::parse_rfc3339(&row[4])) {
            let (from, to) = volume.between.unwrap_or((first, last));
            volume.between = Some((from.min(first), to.max(last)));
        }
    }
    let end = request.timespan.map_or(request.now, |(_, to)| to.min(request.now));
    let first = volume.between.map_or(end, |(first, _)| first);
    volume.days = ((end - first).0 as f64 / DAY as f64).max(1.0);
    for by in by {
        let text = format!(
            "OnePasswordEvents | extend key = {} | summarize events = count(), bytes = sum(string_size(raw)) by feed, key",
            by.key()
        );
        let mut keys: BTreeMap<String, Amount> = BTreeMap::new();
        for row in ask(text)? {
            let key = if row[1].is_empty() { "(none)".to_owned() } else { row[1].clone() };
            keys.entry(key).or_default().add(amount(&row[0], &row[2], &row[3]));
        }
        let mut largest: Vec<_> = keys.into_iter().collect();
        largest.sort_by_key(|(_, amount)| std::cmp::Reverse(amount.bytes));
        let rest = largest.split_off(top.min(largest.len()));
        let mut others = (rest.len(), Amount::default());
        for (_, amount) in &rest {
            others.1.add(*amount);
        }
        volume.parts.push(Part { by: *by, largest, others });
    }
    if !rules.is_empty() {
        volume.rules = rules.iter().map(|rule| (rule.clone(), Amount::default())).collect();
        for row in ask(of_rules(rules))? {
            for (n, (_, covered)) in volume.rules.iter_mut().enumerate() {
                covered.add(amount(&row[0], &row[1 + 2 * n], &row[2 + 2 * n]));
            }
        }
    }
    volume.ratios = ratios;
    Ok(volume)
}

/// What each rule covers, by feed: a pass over the events for all of them.
fn of_rules(rules: &[Asked]) -> String {
    let mut text = "OnePasswordEvents | extend bytes_of_text = string_size(raw)".to_owned();
    for (n, Asked { predicate, feeds, .. }) in rules.iter().enumerate() {
        let feeds: Vec<String> =
            feeds.iter().filter_map(|name| Feed::from_name(name)).map(|feed| format!("\"{}\"", feed.name())).collect();
        let here = if feeds.is_empty() { String::new() } else { format!(" and feed in ({})", feeds.join(", ")) };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n| extend holds{n} = {BEFORE}{predicate}{AFTER}{here}");
    }
    let columns: Vec<String> = (0..rules.len())
        .map(|n| format!("events{n} = countif(holds{n}), bytes{n} = sumif(bytes_of_text, holds{n})"))
        .collect();
    let _ = write!(text, "\n| summarize {} by feed", columns.join(", "));
    text
}

/// A feed's bytes in Sentinel for each byte of its text.
fn ratios(ask: &impl Fn(String) -> Result<Vec<Vec<String>>, QueryError>) -> Result<HashMap<String, f64>, QueryError> {
    let names = |table: &str| -> Vec<String> {
        schema(table).map(|schema| schema.0.iter().map(|column| column.name.to_string()).collect()).unwrap_or_default()
    };
    let billed = names(EVENTS);
    let away: Vec<String> = (names(STORED_EVENTS).into_iter().filter(|name| !billed.contains(name)))
        .chain(FREE.map(str::to_owned))
        .map(|name| format!("['{name}']"))
        .collect();
    let mut ratios = HashMap::new();
    for feed in Feed::ALL {
        let text = format!(
            "{STORED_EVENTS} | where log_source == \"{feed}\" | take {SAMPLE} | extend text_bytes = string_size(raw)\n\
             | project-away {}\n\
             | extend row_bytes = string_size(tostring(pack_all(true))) - string_size(strcat('\"text_bytes\":,', text_bytes))\n\
             | summarize rows = sum(row_bytes), texts = sum(text_bytes)",
            away.join(", ")
        );
        if let Some(row) = ask(text)?.first() {
            let number = |at: usize| row[at].parse::<f64>().unwrap_or_default();
            if number(1) > 0.0 {
                ratios.insert(feed.name().to_owned(), number(0) / number(1));
            }
        }
    }
    Ok(ratios)
}

/// The first table's cells as text.
fn rows(answer: &Answer) -> Vec<Vec<String>> {
    let Some(table) = answer.tables.first() else { return Vec::new() };
    let row = |batch: &arrow::array::RecordBatch, row: usize| {
        let cells = table.schema.0.iter().enumerate();
        cells
            .map(|(at, column)| cell::text(batch.column(at), row, column.ty).unwrap_or_default().into_owned())
            .collect()
    };
    table
        .batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |at| (batch, at)))
        .map(|(b, at)| row(b, at))
        .collect()
}

#[cfg(test)]
mod tests;
