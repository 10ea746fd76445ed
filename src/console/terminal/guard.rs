//! Takes the terminal and gives it back: on the way out, on a panic, on a signal, on a stop.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use crate::console::message::Message;
use crate::console::state::NoticeKind;

/// Other screen, no cursor, pastes marked as such.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h";
/// A frame may have been cut in the middle: the synchronized update and the scroll region are ended too.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[r\x1b[m\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// Is the terminal ours? One process has one, so one flag does: the panic hook cannot reach the guard.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Holds the terminal; dropping it gives the terminal back.
#[derive(Debug)]
pub struct Guard {
    out: File,
}

impl Guard {
    /// Takes the terminal. A panic of this thread gives it back before it is reported; one of another thread becomes a
    /// notice, because its report would be written over the screen.
    pub fn take(messages: &SyncSender<Message>) -> io::Result<Self> {
        // Standard output itself would cut a frame into pieces of 1 KiB.
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let mut guard = Self { out };
        guard.enter()?;
        let (console, messages) = (thread::current().id(), messages.clone());
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if thread::current().id() == console || !TAKEN.load(Ordering::SeqCst) {
                restore();
                report(panic);
            } else {
                tracing::error!("{panic}");
                let text = "a worker failed; the log has the details, the console goes on".to_owned();
                // A full queue is no reason to wait inside of a panic.
                let _ = messages.try_send(Message::Notice(NoticeKind::Error, text));
            }
        }));
        Ok(guard)
    }

    /// The way out to the terminal, for one `write` a frame.
    pub fn out(&mut self) -> &mut File {
        &mut self.out
    }

    fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        self.out.write_all(ENTER)
    }

    /// Gives the terminal back, stops the process until it is continued, and takes the terminal again.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
        self.enter()
    }

    /// Sets the modes again, after another program may have changed them.
    pub fn renew(&mut self) -> io::Result<()> {
        restore();
        self.enter()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, once. Nothing can be done about an error here: the terminal may be gone.
fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        if let Ok(out) = io::stdout().as_fd().try_clone_to_owned() {
            let _ = File::from(out).write_all(LEAVE);
        }
        let _ = disable_raw_mode();
    }
}

#[cfg(test)]
mod tests;
