//! Suppression: rules of the configuration, KQL predicates over `OnePasswordEvents`, that keep ordinary events out of the tail or
//! out of the store.
//!
//! All rules are one question to the embedded engine, a column a rule, over a batch of events: the page that has just come, or rows of
//! the store that are about to be shown. Of several rules that hold for an event the first decides.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use bytes::Bytes;

use crate::base::config::{Config, Suppress, Suppression};
use crate::base::time::Ticks;
use crate::engine::local::surroundings::Surroundings;
use crate::engine::local::{Local, Options};
use crate::engine::{Limits, QueryEngine as _, QueryError, Request};
use crate::event::columns::{Arrival, BatchBuilder, text_at};
use crate::event::decode::decode_of;
use crate::event::{Feed, Source, schema};
use crate::kql::Diagnostic;
use crate::store::{Snapshot, Suppressed, SuppressedBy};

/// The rules of a configuration, ready to be asked. None by default.
#[derive(Debug, Default)]
pub struct Rules {
    each: Vec<Rule>,
    by: Arc<[SuppressedBy]>,
    asking: Option<Asking>,
}

#[derive(Debug)]
struct Rule {
    feeds: Vec<Feed>,
    does: Suppression,
}

/// The question that all rules are.
#[derive(Debug)]
struct Asking {
    engine: Local,
    question: String,
}

/// A rule whose predicate is wrong.
#[derive(Debug, thiserror::Error)]
#[error("the rule of suppression `{rule}` at {place} is wrong: {}", diagnostics.first().map_or("", |found| found.message.as_str()))]
pub struct BadRule {
    pub rule: String,
    /// `config.toml:7:10`, where the predicate begins.
    pub place: String,
    pub predicate: String,
    /// Places are in the predicate.
    pub diagnostics: Vec<Diagnostic>,
}

impl Rules {
    /// Binds the rules of a configuration. `around` is what they may name besides the events: watch-lists.
    pub fn of(config: &Config, around: Surroundings) -> Result<Self, BadRule> {
        let file = config.file.as_ref().map_or_else(|| "the configuration".into(), |file| file.display().to_string());
        Self::bind(&config.suppress, &file, around)
    }

    fn bind(rules: &[Suppress], file: &str, around: Surroundings) -> Result<Self, BadRule> {
        if rules.is_empty() {
            return Ok(Self::default());
        }
        // A page is small and its poller waits: one thread, and nothing is fetched for it.
        let around = Surroundings { fetch: None, folders: Vec::new(), ..around };
        let engine = Local::without_store(Options { workers: 1, ..Options::default() }).among(around);
        for rule in rules {
            check(&engine, &rule.predicate).map_err(|diagnostics| BadRule {
                rule: rule.name.to_string(),
                place: format!("{file}:{}:{}", rule.place.0, rule.place.1),
                predicate: rule.predicate.clone(),
                diagnostics,
            })?;
        }
        let by = rules.iter().map(|rule| SuppressedBy {
            rule: rule.name.as_str().into(),
            action: rule.does.name(),
            discards: rule.does == Suppression::Discard,
        });
        let each = rules.iter().map(|rule| Rule {
            feeds: rule.feeds.iter().filter_map(|name| Feed::from_name(name)).collect(),
            does: rule.does,
        });
        let question = question(rules.iter().map(|rule| rule.predicate.as_str()));
        Ok(Self { each: each.collect(), by: by.collect(), asking: Some(Asking { engine, question }) })
    }

    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// The rules by number: name and action.
    pub fn names(&self) -> &Arc<[SuppressedBy]> {
        &self.by
    }

    /// For each row of a batch of `schema::arrow()`, the rule that suppresses it, if one does.
    pub fn judge(&self, batch: &RecordBatch) -> Result<Vec<Option<u16>>, QueryError> {
        let mut judged = vec![None; batch.num_rows()];
        let Some(asking) = &self.asking else { return Ok(judged) };
        // The view that rules speak of holds the feeds of the Events API, and nothing else that is stored.
        let feeds = schema::position("feed").map(|at| batch.column(at));
        let in_view = |row: &usize| {
            let feed = feeds.and_then(|feeds| text_at(feeds, *row)).and_then(Feed::from_name);
            feed.is_some_and(Feed::is_of_events_api)
        };
        let rows: Vec<usize> = (0..batch.num_rows()).filter(in_view).collect();
        if rows.len() == batch.num_rows() {
            return self.judge_all(asking, batch);
        }
        let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(in_view(&row))).collect();
        let part = filter_record_batch(batch, &mask).map_err(|error| QueryError::Internal(error.to_string()))?;
        for (row, rule) in rows.iter().zip(self.judge_all(asking, &part)?) {
            judged[*row] = rule;
        }
        Ok(judged)
    }

    fn judge_all(&self, asking: &Asking, batch: &RecordBatch) -> Result<Vec<Option<u16>>, QueryError> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let holds = asking.ask(batch, self.each.len())?;
        let column = |name: &str| schema::position(name).map(|at| batch.column(at));
        let (feeds, uuids) = (column("feed"), column("uuid_s"));
        let judge = |row: usize| {
            let feed = feeds.and_then(|feeds| text_at(feeds, row)).and_then(Feed::from_name);
            let rule = (self.each.iter().zip(&holds).enumerate()).find_map(|(number, (rule, holds))| {
                let here = rule.feeds.is_empty() || feed.is_some_and(|feed| rule.feeds.contains(&feed));
                (here && holds.is_valid(row) && holds.value(row)).then_some((number, rule))
            });
            let (number, rule) = rule?;
            // The same events at every look, on every screen.
            let kept = match rule.does {
                Suppression::Sample(every) => {
                    hash(uuids.and_then(|uuids| text_at(uuids, row)).unwrap_or_default()).is_multiple_of(every.into())
                }
                Suppression::Hide | Suppression::Discard => false,
            };
            (!kept).then_some(number as u16)
        };
        Ok((0..batch.num_rows()).map(judge).collect())
    }

    /// The same for a page as it came. Items that are no events are suppressed by nothing.
    pub fn page(
        &self,
        account: &str,
        feed: Feed,
        source: Source,
        arrived: Ticks,
        items: &[Bytes],
    ) -> Result<Suppressed, QueryError> {
        let mut builder = BatchBuilder::new();
        let mut rows = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let Ok(event) = decode_of(feed, item) else { continue };
            let time_generated = match source {
                Source::Live | Source::Demo => arrived,
                Source::Backfill | Source::Gap | Source::Import => event.timestamp().unwrap_or(arrived),
            };
            let seq = rows.len() as i64 + 1;
            builder.push(&Arrival { seq, feed, account, source, arrived, time_generated, tag: 0 }, &event);
            rows.push(at);
        }
        let mut suppressed = Suppressed { rules: Arc::clone(&self.by), items: vec![None; items.len()] };
        if !rows.is_empty() {
            let batch = builder.finish().map_err(|error| QueryError::Internal(error.to_string()))?;
            for (at, rule) in rows.into_iter().zip(self.judge(&batch)?) {
                suppressed.items[at] = rule;
            }
        }
        Ok(suppressed)
    }

    /// The rows of a batch that are to be shown, and how many are not.
    pub fn shown(&self, batch: &RecordBatch) -> Result<(RecordBatch, u64), QueryError> {
        if self.is_empty() || batch.num_rows() == 0 {
            return Ok((batch.clone(), 0));
        }
        let keep: BooleanArray = self.judge(batch)?.iter().map(|rule| Some(rule.is_none())).collect();
        let hidden = (batch.num_rows() - keep.true_count()) as u64;
        let shown = filter_record_batch(batch, &keep).map_err(|error| QueryError::Internal(error.to_string()))?;
        Ok((shown, hidden))
    }
}

impl BadRule {
    /// The predicate with what is wrong in it underlined, for a terminal.
    pub fn report(&self, colour: bool) -> String {
        let name = format!("{}, rule {}", self.place, self.rule);
        crate::kql::report::report(&name, &self.predicate, &self.diagnostics, colour)
    }
}

impl Asking {
    /// A column a rule: whether it holds.
    fn ask(&self, batch: &RecordBatch, rules: usize) -> Result<Vec<BooleanArray>, QueryError> {
        let rows = Snapshot { fresh: vec![Arc::new(batch.clone())], ..Snapshot::default() };
        let request = Request { limits: Limits::HEADLESS, ..Request::new(self.question.as_str(), Ticks::now()) };
        let answer = self.engine.over_these(rows).run(&request)?;
        let table = answer.tables.first();
        let columns = (0..rules).map(|at| {
            let parts = table.iter().flat_map(|table| &table.batches);
            parts.flat_map(|part| part.column(at).as_boolean().iter()).collect::<BooleanArray>()
        });
        let columns: Vec<BooleanArray> = columns.collect();
        if columns.iter().all(|column| column.len() == batch.num_rows()) {
            Ok(columns)
        } else {
            Err(QueryError::Internal("the rules answered for fewer events than there are".into()))
        }
    }
}

/// Each predicate on lines of its own, so that a comment in it ends there.
pub(super) const BEFORE: &str = "iff(\n";
pub(super) const AFTER: &str = "\n, true, false)";
const PROJECT: &str = "OnePasswordEvents\n| project ";

fn question<'a>(predicates: impl Iterator<Item = &'a str>) -> String {
    let columns: Vec<_> =
        predicates.enumerate().map(|(n, predicate)| format!("rule{n} = {BEFORE}{predicate}{AFTER}")).collect();
    format!("{PROJECT}{}", columns.join(", "))
}

/// What is wrong with a predicate over `OnePasswordEvents`; the places are in its own text.
pub fn check(engine: &Local, predicate: &str) -> Result<(), Vec<Diagnostic>> {
    let text = question(std::iter::once(predicate));
    let begins = text.find(BEFORE).map_or(0, |at| at + BEFORE.len());
    let none = Snapshot::default();
    match engine.over_these(none).run(&Request::new(text, Ticks::now())) {
        Ok(_) => Ok(()),
        Err(QueryError::Invalid(found)) => {
            let errors = found.into_iter().filter(|found| found.severity == crate::kql::Severity::Error);
            Err(errors.map(|found| moved_back(found, begins, predicate.len())).collect())
        }
        Err(error) => Err(vec![Diagnostic::error("KQL900", crate::kql::TextRange::default(), error.to_string())]),
    }
}

/// A finding as it stands in a part of the text that begins at a byte and has so many.
fn moved_back(found: Diagnostic, begins: usize, length: usize) -> Diagnostic {
    let moved = |at: u32| (at as usize).saturating_sub(begins).min(length);
    let range = crate::kql::TextRange::new(moved(found.range.start), moved(found.range.end));
    Diagnostic { range, ..found }
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
