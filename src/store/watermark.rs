//! The watermark: the newest committed sequence number, for whoever waits for new events.
//!
//! Inside the writer's process it is a `watch` channel; other processes watch the file `watermark`, eight bytes big-endian that the
//! writer rewrites after each commit. A reader sees one channel and need not know which. The file is a hint and is not synced: what
//! is committed is what the catalogue says.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use notify::{Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;

type Handler = Box<dyn FnMut(notify::Result<notify::Event>) + Send>;

/// The channel of one store in this process.
pub(super) struct Channel {
    sender: watch::Sender<i64>,
    watcher: Mutex<Option<Box<dyn Watcher + Send>>>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("through", &*self.sender.borrow()).finish_non_exhaustive()
    }
}

/// The channel of the store whose watermark file is `path`: one in a process, whoever asks.
pub(super) fn channel(path: &Path) -> Arc<Channel> {
    static CHANNELS: LazyLock<Mutex<HashMap<PathBuf, Weak<Channel>>>> = LazyLock::new(Mutex::default);
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let path = path.canonicalize().unwrap_or(path);
    let mut channels = CHANNELS.lock().unwrap_or_else(PoisonError::into_inner);
    channels.retain(|_, channel| channel.strong_count() > 0);
    if let Some(channel) = channels.get(&path).and_then(Weak::upgrade) {
        return channel;
    }
    let channel = Arc::new(Channel { sender: watch::Sender::new(0), watcher: Mutex::default() });
    channels.insert(path, Arc::downgrade(&channel));
    channel
}

impl Channel {
    /// Tells everyone who waits; a lower number than before is old news.
    pub(super) fn raise(&self, through: i64) {
        self.sender.send_if_modified(|now| {
            let newer = through > *now;
            *now = through.max(*now);
            newer
        });
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<i64> {
        self.sender.subscribe()
    }

    /// Follows the file too, for commits of another process. Once; later calls do nothing.
    pub(super) fn follow(self: &Arc<Self>, path: &Path) {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        if watcher.is_some() {
            return;
        }
        // inotify has a limit of watches a user; looking twice a second is the way out.
        let polled = Config::default().with_poll_interval(Duration::from_millis(500)).with_compare_contents(true);
        let found = self
            .watch(path, RecommendedWatcher::new, Config::default())
            .or_else(|| self.watch(path, PollWatcher::new, polled));
        if found.is_none() {
            tracing::warn!(path = %path.display(), "commits of other processes cannot be watched for");
        }
        *watcher = found;
    }

    fn watch<W: Watcher + Send + 'static>(
        self: &Arc<Self>,
        path: &Path,
        new: impl FnOnce(Handler, Config) -> notify::Result<W>,
        config: Config,
    ) -> Option<Box<dyn Watcher + Send>> {
        let channel = Arc::downgrade(self);
        // The file is opened once: opening it at each event would be an event.
        let file = File::open(path).ok()?;
        let follow = move || {
            if let (Some(channel), Some(through)) = (channel.upgrade(), read(&file)) {
                channel.raise(through);
            }
        };
        let handler: Handler = Box::new(move |event| {
            if event.is_ok_and(|e| matches!(e.kind, EventKind::Modify(_) | EventKind::Any | EventKind::Other)) {
                follow();
            }
        });
        let mut watcher = new(handler, config).ok()?;
        watcher.watch(path, RecursiveMode::NonRecursive).ok()?;
        // What was committed before the watch began.
        if let Some(through) = File::open(path).ok().and_then(|file| read(&file)) {
            self.raise(through);
        }
        Some(Box::new(watcher))
    }
}

/// Writes the watermark file.
pub(super) fn write(file: &File, through: i64) -> std::io::Result<()> {
    file.write_all_at(&through.to_be_bytes(), 0)
}

fn read(file: &File) -> Option<i64> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, 0).ok()?;
    Some(i64::from_be_bytes(bytes))
}
