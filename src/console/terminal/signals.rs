//! The thread that waits for signals: the end, the loss of the terminal, a stop, a continuation.

use std::io;
use std::sync::mpsc::SyncSender;
use std::thread;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::console::action::Action;
use crate::console::message::Message;

/// Starts waiting. Signals become messages; the console's thread acts on them.
pub fn listen(messages: SyncSender<Message>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut stop = signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
    let mut go_on = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    drop(entered);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                let message = tokio::select! {
                    _ = terminate.recv() => Message::Terminate,
                    _ = hang_up.recv() => Message::Terminate,
                    _ = interrupt.recv() => Message::Terminate,
                    _ = stop.recv() => Message::Do(Action::Suspend),
                    _ = go_on.recv() => Message::Resumed,
                };
                if messages.send(message).is_err() {
                    return;
                }
            }
        });
    })?;
    Ok(())
}
