//! The threads that follow the collectors, one each.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use crate::collect::CollectorHandle;
use crate::console::message::Message;

/// Between two looks: a poll changes its health several times at once.
const PACE: Duration = Duration::from_millis(100);

/// Starts following a collector, the `account`th.
pub fn start(account: usize, collector: &Arc<CollectorHandle>, messages: SyncSender<Message>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut health = collector.health();
    thread::Builder::new().name("feeds".to_owned()).spawn(move || {
        loop {
            let now = health.borrow_and_update().clone();
            if messages.send(Message::Health { account, health: Box::new(now) }).is_err() {
                return;
            }
            thread::sleep(PACE);
            if runtime.block_on(health.changed()).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}
