//! What the console has done elsewhere: reading the store, asking the collector. Every answer comes back as a message.

mod feeds;
mod intake;
mod lines;
mod names;
mod queries;
mod scan;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::thread;

use self::names::Names;
use self::queries::Queries;
use self::scan::{Missing, ScanError};
use super::Options;
use super::message::{Effect, Message};
use super::state::NoticeKind;
use super::state::record::Record;
use crate::base::shown::Shown;
use crate::collect::CollectorHandle;
use crate::collect::poller::Pace;
use crate::store::Reader;

/// Bytes that go to the clipboard at most, before their encoding.
const CLIPBOARD: usize = 48 * 1024;

/// The hands of the console. Dropping it ends its threads.
#[derive(Debug)]
pub struct Effects {
    messages: SyncSender<Message>,
    /// Reads of the store, done one after another on a thread of their own.
    reads: Option<Sender<Effect>>,
    collectors: Vec<Arc<CollectorHandle>>,
    queries: Option<Queries>,
}

impl Effects {
    pub fn start(options: &Options, messages: SyncSender<Message>) -> io::Result<Self> {
        let mut reads = None;
        if let Some(reader) = &options.reader {
            let names = Names::new(Some(reader.clone()), options.workspace.clone());
            intake::start(reader.clone(), Arc::clone(&options.rules), names.clone(), messages.clone())?;
            let (sender, queue) = channel();
            let (reader, answers) = (reader.clone(), messages.clone());
            thread::Builder::new().name("reads".to_owned()).spawn(move || serve(&reader, &names, &queue, &answers))?;
            reads = Some(sender);
        }
        for (account, collector) in options.collectors.iter().enumerate() {
            feeds::start(account, collector, messages.clone())?;
        }
        let queries = options.engine.as_ref().map(|engine| {
            let (engine, workspace) = (Arc::clone(engine), options.workspace.clone());
            Queries::new(engine, options.clock, options.limits, workspace, messages.clone())
        });
        Ok(Self { messages, queries, reads, collectors: options.collectors.clone() })
    }

    /// Starts an effect; never waits.
    pub fn perform(&self, effect: Effect) {
        if let Effect::SetLive(live) = effect {
            let pace = if live { Pace::Live } else { Pace::Normal };
            return self.collectors.iter().for_each(|collector| collector.set_pace(pace));
        }
        let effect = match &self.queries {
            Some(queries) => match queries.perform(effect) {
                Some(effect) => effect,
                None => return,
            },
            None => effect,
        };
        let started = match &self.reads {
            Some(reads) => reads.send(effect).is_ok(),
            None => false,
        };
        if !started {
            self.notify("no store is open");
        }
    }

    fn notify(&self, text: &str) {
        // The queue is only full while a flood is taken in, and then another word is not missed.
        let _ = self.messages.try_send(Message::Notice(NoticeKind::Warning, text.to_owned()));
    }
}

/// Does the reads. Of several that wait, only the newest of a kind is still wanted: the analyst has moved on.
fn serve(reader: &Reader, names: &Names, queue: &Receiver<Effect>, answers: &SyncSender<Message>) {
    while let Ok(first) = queue.recv() {
        let mut waiting = vec![first];
        for effect in queue.try_iter() {
            waiting.retain(|older| std::mem::discriminant(older) != std::mem::discriminant(&effect));
            waiting.push(effect);
        }
        for effect in waiting {
            if read(reader, names, &effect).into_iter().any(|answer| answers.send(answer).is_err()) {
                return;
            }
        }
    }
}

/// The answer, and after it what is missing from it.
fn read(reader: &Reader, names: &Names, effect: &Effect) -> Vec<Message> {
    let with = |answer: Message, missing: Missing| {
        let warning = missing.said().map(|said| Message::Notice(NoticeKind::Warning, said));
        [answer].into_iter().chain(warning).collect()
    };
    let failed = |what: &str, error: &ScanError| {
        tracing::warn!("{what}: {error}");
        Message::Notice(NoticeKind::Error, format!("{what}: {}", Shown::new(&error.to_string())))
    };
    match *effect {
        Effect::LoadEvent(seq) => vec![match scan::event(reader, &names.now(), seq) {
            Ok(Some((facts, raw))) => Message::Event(Box::new(Record::new(seq, facts, &raw))),
            Ok(None) => {
                Message::EventMissing { seq, problem: "The store does not hold this event any more.".to_owned() }
            }
            Err(error) => {
                let problem = format!("The event could not be read: {}", Shown::new(&error.to_string()));
                Message::EventMissing { seq, problem }
            }
        }],
        Effect::LoadRange { from, to } => match scan::range(reader, &names.now(), from, to) {
            Ok((lines, cut, missing)) => with(Message::RangeRows { from, to, lines, cut }, missing),
            Err(error) => vec![failed("the range could not be read", &error)],
        },
        Effect::LoadMinutes { from, to } => match scan::minutes(reader, from, to) {
            Ok((bins, missing)) => with(Message::Minutes { from, to, bins }, missing),
            Err(error) => vec![failed("the timeline could not be read", &error)],
        },
        _ => Vec::new(),
    }
}

/// The sequence that hands text to the terminal's clipboard (OSC 52): lines and tabs are kept, everything else that cannot be seen is
/// marked, because what is copied here is pasted into a shell next.
pub fn clipboard(text: &str) -> Vec<u8> {
    use crossterm::Command;
    let mut safe = String::new();
    for (i, line) in text.lines().enumerate() {
        if i > 0 {
            safe.push('\n');
        }
        let fields: Vec<_> = line.split('\t').map(|field| Shown::with_limit(field, CLIPBOARD).into_string()).collect();
        safe.push_str(&fields.join("\t"));
    }
    let end = (0..=safe.len().min(CLIPBOARD)).rev().find(|at| safe.is_char_boundary(*at)).unwrap_or(0);
    let mut sequence = String::new();
    let copy = crossterm::clipboard::CopyToClipboard::to_clipboard_from(&safe.as_bytes()[..end]);
    // Writing to a string cannot fail.
    let _ = copy.write_ansi(&mut sequence);
    sequence.into_bytes()
}

#[cfg(test)]
mod tests;
