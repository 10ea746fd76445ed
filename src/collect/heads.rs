//! Heads elsewhere: the newest signed head of the store, sent where the store's owner cannot take it back.
//!
//! Whoever owns the store can cut it off or write it anew with its own key. A head that lies on another machine, in a log or on a disk that is
//! written once, still says what the store had been: `store verify --against` holds the store to it. A line a head, see
//! `store::checkpoint::CopiedHead`.
//!
//! Each place has a task of its own, and each writing a thread that nobody waits for longer than a moment: a disk that hangs holds up neither
//! intake nor the other places.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::base::config::Ledger;
use crate::base::config::ledger::Place;
use crate::base::time::Ticks;
use crate::store::Reader;
use crate::store::checkpoint::copies::{self, Copy};
use crate::store::checkpoint::{CopiedHead, SignedHead};

/// A place that has not taken a line by then is in trouble.
const PATIENCE: Duration = Duration::from_secs(20);
/// The same when collecting stops, which somebody waits for.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// Each place, and why it has not taken the last head, if it has not.
pub type Trouble = Vec<(String, Option<String>)>;

/// The running copying. Dropped, it ends without the last heads.
#[derive(Debug)]
pub struct HeadCopies {
    stop: watch::Sender<bool>,
    trouble: Arc<watch::Sender<Trouble>>,
    tasks: Vec<JoinHandle<()>>,
}

impl HeadCopies {
    /// Starts copying on the current tokio runtime. Without places it does nothing.
    pub fn start(ledger: &Ledger, reader: &Reader) -> Self {
        let (stop, told) = watch::channel(false);
        let places = ledger.copies.iter().map(|place| (place.to_string(), None)).collect();
        let trouble = Arc::new(watch::Sender::new(places));
        if !ledger.copies.is_empty() || reader.layout().copies().exists() {
            write_down(reader, &trouble.borrow(), &[]);
        }
        let copy = |(at, place): (usize, &Place)| {
            let copier = Copier {
                at,
                place: place.clone(),
                reader: reader.clone(),
                every: ledger.every.0,
                trouble: Arc::clone(&trouble),
                sent: 0,
                pending: None,
            };
            tokio::spawn(copier.run(told.clone()))
        };
        let tasks = ledger.copies.iter().enumerate().map(copy).collect();
        Self { stop, trouble, tasks }
    }

    /// What does not work, as it changes.
    pub fn trouble(&self) -> watch::Receiver<Trouble> {
        self.trouble.subscribe()
    }

    /// Copies the last heads, and ends.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Copies to one place.
struct Copier {
    at: usize,
    place: Place,
    reader: Reader,
    every: Duration,
    trouble: Arc<watch::Sender<Trouble>>,
    /// The newest batch whose head has arrived there.
    sent: u64,
    /// A writing that has not ended yet, and the batch it is about.
    pending: Option<(u64, oneshot::Receiver<io::Result<()>>)>,
}

impl Copier {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let stopping = tokio::select! {
                () = tokio::time::sleep(self.every) => false,
                _ = stop.wait_for(|stop| *stop) => true,
            };
            let done = self.copy(if stopping { LAST_PATIENCE } else { PATIENCE }).await;
            self.tell(done.err());
            if stopping {
                return;
            }
        }
    }

    async fn copy(&mut self, patience: Duration) -> Result<(), String> {
        if self.pending.is_none() {
            let head = self.reader.checkpoint().map_err(|e| e.to_string())?;
            let Some(head) = head.filter(|head| head.checkpoint.head.batches > self.sent) else { return Ok(()) };
            let (reply, answer) = oneshot::channel();
            let (batch, place) = (head.checkpoint.head.batches, self.place.clone());
            std::thread::Builder::new()
                .name("head-copy".into())
                .spawn(move || drop(reply.send(send(&place, &head))))
                .map_err(|e| e.to_string())?;
            self.pending = Some((batch, answer));
        }
        let Some((batch, answer)) = &mut self.pending else { return Ok(()) };
        let batch = *batch;
        let done = tokio::time::timeout(patience, answer).await;
        let Ok(done) = done else { return Err("it does not answer".to_owned()) };
        self.pending = None;
        done.unwrap_or_else(|_| Err(io::Error::other("the writing was broken off"))).map_err(|e| e.to_string())?;
        self.sent = batch;
        Ok(())
    }

    fn tell(&self, error: Option<String>) {
        self.trouble.send_if_modified(|all| {
            let Some((place, known)) = all.get_mut(self.at) else { return false };
            if *known == error {
                return false;
            }
            match &error {
                Some(why) => tracing::error!(place, why, "the store's head could not be copied"),
                None => tracing::info!(place, "the store's head is copied again"),
            }
            *known = error;
            write_down(&self.reader, all, &copies::read(self.reader.layout()));
            true
        });
    }
}

/// For consoles and commands, which are other processes. What is as it was is so since then.
fn write_down(reader: &Reader, all: &Trouble, before: &[Copy]) {
    let copy = |(place, error): &(String, Option<String>)| {
        let same = before.iter().find(|copy| copy.place == *place && copy.error == *error);
        Copy { place: place.clone(), since: same.map_or_else(Ticks::now, |copy| copy.since), error: error.clone() }
    };
    if let Err(error) = copies::write(reader.layout(), &all.iter().map(copy).collect::<Vec<_>>()) {
        tracing::warn!(%error, "how the copying of heads goes could not be written down");
    }
}

fn send(place: &Place, head: &SignedHead) -> io::Result<()> {
    match place {
        Place::File(path) => append(path, head),
        Place::Syslog(path) => log(path, head),
    }
}

/// One write a line, so that writers of several stores do not mix theirs. The first line of a file names the key.
fn append(path: &Path, head: &SignedHead) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
    let mut lines = format!("{}\n", head.line());
    if file.metadata()?.len() == 0 {
        lines.insert_str(0, &format!("{}\n", CopiedHead::key_line(&head.key)));
    }
    file.write_all(lines.as_bytes())?;
    file.sync_data()
}

/// As syslog(3) writes it (RFC 3164): authpriv.info, local time, name and pid.
fn log(path: &Path, head: &SignedHead) -> io::Result<()> {
    const AUTHPRIV_INFO: u8 = 10 * 8 + 6;
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(LAST_PATIENCE))?;
    socket.connect(path)?;
    let time = chrono::Local::now().format("%b %e %H:%M:%S");
    let line = format!("<{AUTHPRIV_INFO}>{time} vaultscope[{}]: {}", std::process::id(), head.line());
    socket.send(line.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bytes::Bytes;

    use super::*;
    use crate::base::config::values::Every;
    use crate::event::{Feed, Source};
    use crate::store::verify::{Copies, Kind, Options, verify};
    use crate::store::{Layout, Page, Writer};

    fn page(n: u32) -> Page {
        let items = vec![Bytes::from(format!(r#"{{"uuid":"E{n}"}}"#))];
        Page::new("A".into(), Feed::AuditEvents, Source::Live, Ticks(5), items)
    }

    #[tokio::test]
    async fn heads_arrive_at_every_place_and_hold_the_store_to_what_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (data, file, socket) = (dir.path().join("data"), dir.path().join("heads"), dir.path().join("log"));
        let syslog = UnixDatagram::bind(&socket).unwrap();
        let ledger = Ledger {
            copies: vec![
                Place::File(file.clone()),
                Place::Syslog(socket),
                Place::File(dir.path().join("no/such/folder")),
            ],
            every: Every(Duration::from_secs(3600)),
        };
        let writer = Writer::open(&data).unwrap();
        let reader = Reader::open(&data).unwrap();
        let commit = |n| writer.handle().commit(page(n));
        commit(1).await.unwrap().unwrap();
        let copies = HeadCopies::start(&ledger, &reader);
        let trouble = copies.trouble();
        copies.stop().await;
        assert!(trouble.borrow()[2].1.is_some() && trouble.borrow()[0].1.is_none(), "{:?}", trouble.borrow());
        let told: Vec<bool> = copies::read(&Layout::of(&data)).iter().map(|copy| copy.error.is_some()).collect();
        assert_eq!(told, [false, false, true], "other processes know it too");
        let mut datagram = [0; 2048];
        let length = syslog.recv(&mut datagram).unwrap();
        let text = String::from_utf8(datagram[..length].to_vec()).unwrap();
        assert!(
            text.starts_with("<86>") && text.contains("vaultscope-head vaultscope/") && !text.contains('\n'),
            "{text}"
        );
        // The store as it is now, put back after one more page.
        let older = tempfile::tempdir().unwrap();
        let (from, to) = (Layout::of(&data), Layout::of(older.path()));
        fs::create_dir_all(to.segments()).unwrap();
        for name in ["catalogue.db", "catalogue.db-wal", "heads", "signing.key", "signing.pub", "watermark"] {
            fs::copy(from.root().join(name), to.root().join(name)).unwrap();
        }
        commit(2).await.unwrap().unwrap();
        HeadCopies::start(&ledger, &reader).stop().await;
        drop(writer);

        let against = || Options { against: vec![Copies::read(&file).unwrap()], ..Options::default() };
        let now = verify(&data, &against(), &|_, _| ()).unwrap();
        assert!(now.is_sound() && now.copies == 2, "{now:#?}");
        assert!(verify(older.path(), &Options::default(), &|_, _| ()).unwrap().is_sound(), "by itself it looks sound");
        let cut = verify(older.path(), &against(), &|_, _| ()).unwrap();
        assert_eq!((cut.first().unwrap().kind, cut.first().unwrap().events), (Kind::Tail, 1), "{cut:#?}");
        // Another store in its place is told as well.
        let other = tempfile::tempdir().unwrap();
        Writer::open(other.path()).unwrap().handle().commit(page(1)).await.unwrap().unwrap();
        let other = verify(other.path(), &against(), &|_, _| ()).unwrap();
        assert_eq!(other.first().unwrap().kind, Kind::Head, "{other:#?}");
    }
}
