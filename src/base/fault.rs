//! Failpoints: named places at which a test makes the program fail.
//!
//! With the cargo feature `failpoints`, which only the tests' own dependency on this package turns on, a place can be told to answer
//! an error, to panic, to end the process or to take its time: `VAULTSCOPE_FAILPOINTS="commit.cursor=error@3;segment.write=delay:50"`.
//! Without the feature a place is an inlined `Ok(())`, and no variable is looked at.

use std::io;
use std::path::Path;

/// Every place that an event passes, in order, to the last: where retention lets it go. The store's key passes two more, once in its life: `key.sync` and `key.rename`.
pub const POINTS: &[&str] = &[
    "fetch.send",
    "fetch.received",
    "fetch.split",
    "commit.begin",
    "commit.decode",
    "commit.tell-apart",
    "commit.ledger",
    "commit.page",
    "commit.quarantine",
    "commit.cursor",
    "commit.poll",
    "commit.gather",
    "commit.head",
    "commit.sign",
    "commit.end",
    "heads.write",
    "heads.sync",
    "announce",
    "seal.plan",
    "segment.create",
    "segment.write",
    "segment.sync",
    "segment.rename",
    "folder.sync",
    "seal.adopt",
    "seal.adopted",
    "merge.read",
    "merge.replace",
    "merge.replaced",
    "superseded.remove",
    "superseded.forget",
    "retain.line",
    "retain.page",
    "retain.read",
    "retain.replace",
    "retain.sign",
    "retain.replaced",
    "retain.end",
];

/// Passes a place.
#[inline]
pub fn at(point: &'static str) -> io::Result<()> {
    #[cfg(feature = "failpoints")]
    return points::pass(point);
    #[cfg(not(feature = "failpoints"))]
    {
        let _ = point;
        Ok(())
    }
}

/// Passes a place just before something is done to the file or folder at `path`.
#[inline]
pub fn before(point: &'static str, path: &Path) -> io::Result<()> {
    #[cfg(feature = "failpoints")]
    watch::before(point, path)?;
    #[cfg(not(feature = "failpoints"))]
    let _ = path;
    at(point)
}

/// The thing that `before` spoke of is done.
#[inline]
pub fn after(point: &'static str, path: &Path) {
    #[cfg(feature = "failpoints")]
    watch::after(point, path);
    #[cfg(not(feature = "failpoints"))]
    let _ = (point, path);
}

#[cfg(feature = "failpoints")]
pub use watch::{Watch, watch};

#[cfg(feature = "failpoints")]
mod points {
    use std::collections::HashMap;
    use std::io::{self, Write as _};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{LazyLock, OnceLock};
    use std::time::Duration;

    /// What a place does, at one of its passings.
    struct Order {
        kind: Kind,
        /// At which passing, from 1.
        when: u64,
        passed: AtomicU64,
    }

    enum Kind {
        Error,
        Panic,
        Abort,
        Delay(Duration),
    }

    static ORDERS: LazyLock<HashMap<String, Order>> = LazyLock::new(|| {
        let text = std::env::var("VAULTSCOPE_FAILPOINTS").unwrap_or_default();
        text.split(';')
            .filter_map(|order| order.split_once('='))
            .map(|(at, what)| (at.to_owned(), Order::of(what)))
            .collect()
    });

    impl Order {
        /// `error`, `panic@2`, `delay:50@3`.
        fn of(text: &str) -> Self {
            let (kind, when) = text.split_once('@').unwrap_or((text, "1"));
            let kind = match kind.split_once(':').unwrap_or((kind, "")) {
                ("panic", _) => Kind::Panic,
                ("abort", _) => Kind::Abort,
                ("delay", millis) => Kind::Delay(Duration::from_millis(millis.parse().unwrap_or(100))),
                _ => Kind::Error,
            };
            Self { kind, when: when.parse().unwrap_or(1), passed: AtomicU64::new(0) }
        }
    }

    #[expect(clippy::panic, reason = "what the place was told to do")]
    pub(super) fn pass(point: &'static str) -> io::Result<()> {
        static NONE: OnceLock<bool> = OnceLock::new();
        debug_assert!(super::POINTS.contains(&point) || point.starts_with("key."), "{point} is not in the list");
        if *NONE.get_or_init(|| ORDERS.is_empty()) {
            return Ok(());
        }
        let Some(order) = ORDERS.get(point) else { return Ok(()) };
        if order.passed.fetch_add(1, Ordering::SeqCst) + 1 != order.when {
            return Ok(());
        }
        // For the test that gave the order: it was met.
        let _ = writeln!(io::stderr(), "failpoint {point}");
        match order.kind {
            Kind::Error => Err(io::Error::other(format!("failpoint {point}"))),
            Kind::Panic => std::panic::panic_any(format!("failpoint {point}")),
            Kind::Abort => std::process::abort(),
            Kind::Delay(time) => {
                std::thread::sleep(time);
                Ok(())
            }
        }
    }
}

#[cfg(feature = "failpoints")]
mod watch {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, PoisonError, RwLock};

    /// Sees what is done to files that SQLite knows nothing of, and may refuse it: a model of a disk that loses its power.
    pub trait Watch: Send + Sync {
        fn before(&self, point: &'static str, path: &Path) -> io::Result<()>;
        fn after(&self, point: &'static str, path: &Path);
    }

    type Watched = Vec<(PathBuf, Arc<dyn Watch>)>;
    static WATCHED: RwLock<Watched> = RwLock::new(Vec::new());

    /// Has everything below a folder watched from now on; `None` ends it.
    pub fn watch(folder: &Path, by: Option<Arc<dyn Watch>>) {
        let mut watched = WATCHED.write().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|(at, _)| at != folder);
        watched.extend(by.map(|by| (folder.to_path_buf(), by)));
    }

    fn of(path: &Path) -> Option<Arc<dyn Watch>> {
        let watched = WATCHED.read().unwrap_or_else(PoisonError::into_inner);
        watched.iter().find(|(folder, _)| path.starts_with(folder)).map(|(_, by)| Arc::clone(by))
    }

    pub(super) fn before(point: &'static str, path: &Path) -> io::Result<()> {
        of(path).map_or(Ok(()), |by| by.before(point, path))
    }

    pub(super) fn after(point: &'static str, path: &Path) {
        if let Some(by) = of(path) {
            by.after(point, path);
        }
    }
}
