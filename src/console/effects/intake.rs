//! The thread that follows the store: what is there first, then whatever is committed, by this process or another.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;

use super::lines::lines;
use super::names::Names;
use crate::base::shown::Shown;
use crate::base::time::{DAY, MAX, Span, Ticks};
use crate::collect::Rules;
use crate::console::message::{Bin, Message};
use crate::console::state::NoticeKind;
use crate::console::state::health::StoreHealth;
use crate::console::state::line::Line;
use crate::console::state::tail::CAPACITY;
use crate::store::checkpoint::copies;
use crate::store::names::Directory;
use crate::store::{Reader, Rows, StoreError};

/// Rows for the first frame; the rest of the ring follows.
const FIRST: usize = 256;
/// Rows taken at once. What comes faster is passed over, counted, and stays in the store.
const BATCH: usize = CAPACITY;
/// Rows of one message: a key that is pressed meanwhile waits for no more than a few of these.
const CHUNK: usize = 500;
/// Between two batches while an eye can follow, and when more than a screenful comes at once: then every frame is a whole
/// screen, and over SSH bytes are what is scarce.
const PACE: Duration = Duration::from_millis(50);
const FLOOD_PACE: Duration = Duration::from_millis(250);
const FLOOD: usize = 100;
/// After an error of the store.
const RETRY: Duration = Duration::from_secs(2);
/// Looks at the counts until nothing was committed in between.
const TRIES: usize = 8;

/// The console is gone.
struct Gone;

/// Starts following.
pub fn start(reader: Reader, rules: Arc<Rules>, names: Names, messages: SyncSender<Message>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let intake = Intake { reader, rules, names, messages, last: 0 };
    thread::Builder::new().name("intake".to_owned()).spawn(move || _ = intake.run(&runtime))?;
    Ok(())
}

struct Intake {
    reader: Reader,
    /// What is kept out of the tail.
    rules: Arc<Rules>,
    names: Names,
    messages: SyncSender<Message>,
    /// The newest sequence number that the console has.
    last: i64,
}

impl Intake {
    fn run(mut self, runtime: &tokio::runtime::Runtime) -> Result<(), Gone> {
        // Subscribed first: what is committed while the backlog is read is seen afterwards.
        let mut watermark = self.reader.watermark();
        while let Err(error) = self.first()? {
            self.report("the store could not be read", &error)?;
            thread::sleep(RETRY);
        }
        self.older()?;
        loop {
            if *watermark.borrow_and_update() <= self.last && runtime.block_on(watermark.changed()).is_err() {
                return Ok(());
            }
            match self.fresh()? {
                Ok(rows) => thread::sleep(if rows > FLOOD { FLOOD_PACE } else { PACE }),
                Err(error) => {
                    self.report("new events could not be read", &error)?;
                    thread::sleep(RETRY);
                }
            }
        }
    }

    fn send(&self, message: Message) -> Result<(), Gone> {
        self.messages.send(message).map_err(|_| Gone)
    }

    fn report(&self, what: &str, error: &StoreError) -> Result<(), Gone> {
        tracing::warn!("{what}: {error}");
        self.send(Message::Notice(NoticeKind::Error, format!("{what}: {}", Shown::new(&error.to_string()))))
    }

    /// The newest rows and the counts by hour: enough for the first frame.
    fn first(&mut self) -> Result<Result<(), StoreError>, Gone> {
        let (hours, through) = match self.hours() {
            Ok(counted) => counted,
            Err(error) => return Ok(Err(error)),
        };
        let rows = match self.reader.recent(FIRST) {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        self.send(Message::Hours(hours))?;
        self.hand_over(&rows, through)?;
        self.health()?;
        Ok(Ok(()))
    }

    /// The rest of the ring, before what is there.
    fn older(&mut self) -> Result<(), Gone> {
        let Ok(rows) = self.reader.recent(CAPACITY) else { return Ok(()) };
        let names = self.names.now();
        let lines = rows.batches.iter().flat_map(|batch| self.lines(batch, &names)).collect();
        self.send(Message::Older(lines))
    }

    /// What was committed since; answers the rows.
    fn fresh(&mut self) -> Result<Result<usize, StoreError>, Gone> {
        let rows = match self.reader.rows_above(self.last, BATCH) {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        if rows.skipped > 0 {
            // Their counts are not known from rows: all are read again, and rows that are in them do not count twice.
            let (hours, through) = match self.hours() {
                Ok(counted) => counted,
                Err(error) => return Ok(Err(error)),
            };
            self.send(Message::Skipped(rows.skipped))?;
            self.send(Message::Hours(hours))?;
            self.hand_over(&rows, through)?;
        } else {
            self.hand_over(&rows, self.last)?;
        }
        self.health()?;
        Ok(Ok(rows.batches.iter().map(RecordBatch::num_rows).sum()))
    }

    /// Hands rows over: those up to `counted` are in the counts by hour already.
    fn hand_over(&mut self, rows: &Rows, counted: i64) -> Result<(), Gone> {
        let names = self.names.now();
        let (known, mut fresh): (Vec<_>, Vec<_>) =
            rows.batches.iter().flat_map(|batch| self.lines(batch, &names)).partition(|line| line.seq <= counted);
        if !known.is_empty() {
            self.send(Message::Backlog(known))?;
        }
        while !fresh.is_empty() {
            let rest = fresh.split_off(fresh.len().min(CHUNK));
            self.send(Message::Fresh(std::mem::replace(&mut fresh, rest)))?;
        }
        self.last = self.last.max(rows.through);
        Ok(())
    }

    /// The lines of a batch; those that a rule suppresses are marked.
    fn lines(&self, batch: &RecordBatch, names: &Directory) -> Vec<Line> {
        let mut lines = lines(batch, names);
        if self.rules.is_empty() {
            return lines;
        }
        match self.rules.judge(batch) {
            Ok(said) => {
                let seqs = batch.column_by_name("seq").and_then(|column| column.as_primitive_opt::<Int64Type>());
                let at = |row: usize| seqs.map_or(0, |seqs| seqs.value(row));
                let suppressed: HashSet<i64> =
                    said.iter().enumerate().filter(|(_, rule)| rule.is_some()).map(|(row, _)| at(row)).collect();
                for line in &mut lines {
                    line.suppressed = suppressed.contains(&line.seq);
                }
            }
            // What cannot be judged is shown.
            Err(error) => tracing::error!("the rules of suppression could not be asked: {error}"),
        }
        lines
    }

    /// The counts by hour, and the sequence number up to which they count.
    fn hours(&self) -> Result<(Vec<Bin>, i64), StoreError> {
        let mut through = self.reader.recent(1)?.through;
        for _ in 0..TRIES {
            let counts = self.reader.hourly_counts(Ticks(0), Ticks(MAX))?;
            let after = self.reader.recent(1)?.through;
            if after == through {
                return Ok((bins(&counts), through));
            }
            through = after;
        }
        // The writer never rests: a few events may count twice until the next look.
        Ok((bins(&self.reader.hourly_counts(Ticks(0), Ticks(MAX))?), through))
    }

    /// What the store knows of the feeds.
    fn health(&self) -> Result<(), Gone> {
        let Ok(status) = self.reader.status() else { return Ok(()) };
        let mut stored = StoreHealth::default();
        for feed in &status.feeds {
            stored.feeds.push((feed.feed, feed.events, feed.last_arrival));
            stored.quarantined += feed.quarantined;
            stored.variants += feed.variants;
            stored.undated += feed.undated;
        }
        stored.gaps = [status.gaps, status.gaps_filled, status.gaps_lost];
        stored.damaged = status.damaged.len() as u64;
        let failing = |copy: copies::Copy| Some((copy.place.into(), copy.error?.into()));
        stored.copies = copies::read(&status.layout).into_iter().filter_map(failing).collect();
        stored.late = self.reader.found_late().unwrap_or_default();
        let sweeps = self.reader.sweeps().unwrap_or_default();
        stored.swept = sweeps.iter().filter_map(|sweep| sweep.ended).max();
        let week = Ticks::now() - Span(7 * DAY);
        for row in self.reader.suppressed(week).unwrap_or_default() {
            let (rule, action) = (Shown::new(&row.rule).into_string(), row.action);
            match stored.suppressed.iter_mut().find(|(r, a, ..)| **r == *rule && **a == *action) {
                Some((_, _, events, bytes)) => {
                    *events += row.events;
                    *bytes += row.bytes;
                }
                None => stored.suppressed.push((rule.into(), action.into(), row.events, row.bytes)),
            }
        }
        stored.writer = status
            .writer
            .map(|holder| Shown::new(&format!("process {} on {}", holder.pid, holder.host)).into_string().into());
        self.send(Message::Stored(Box::new(stored)))
    }
}

fn bins(counts: &[crate::store::HourCount]) -> Vec<Bin> {
    counts.iter().map(|c| (c.hour, c.feed, c.outcome, u32::try_from(c.events).unwrap_or(u32::MAX))).collect()
}
