//! Work that waits for the disk, beside the tasks.

/// Does it on a thread where waiting holds nobody up; `None` where it panicked. In a simulation it is done here and now.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    #[cfg(feature = "failpoints")]
    if crate::base::clock::Clock::is_simulated() {
        return Some(work());
    }
    tokio::task::spawn_blocking(work).await.ok()
}
