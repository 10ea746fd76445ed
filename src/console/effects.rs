//! What the console has done elsewhere: reading the store, asking the collector. Every answer comes back as a message.

use std::sync::mpsc::SyncSender;

use super::Options;
use super::message::{Effect, Message};
use super::state::NoticeKind;
use crate::base::shown::Shown;

/// Bytes that go to the clipboard at most, before their encoding.
const CLIPBOARD: usize = 48 * 1024;

/// The hands of the console.
#[derive(Debug)]
pub struct Effects {
    messages: SyncSender<Message>,
}

impl Effects {
    pub fn start(_options: &Options, messages: SyncSender<Message>) -> Self {
        Self { messages }
    }

    /// Starts an effect; never waits.
    pub fn perform(&self, effect: Effect) {
        let message = Message::Notice(NoticeKind::Warning, format!("there is no store open: {effect:?}"));
        let _ = self.messages.try_send(message);
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
        let fields: Vec<_> = line.split('\t').map(|field| Shown::new(field).into_string()).collect();
        safe.push_str(&fields.join("\t"));
    }
    let end = (0..=safe.len().min(CLIPBOARD)).rev().find(|at| safe.is_char_boundary(*at)).unwrap_or(0);
    let mut sequence = String::new();
    let copy = crossterm::clipboard::CopyToClipboard::to_clipboard_from(&safe.as_bytes()[..end]);
    // Writing to a string cannot fail.
    let _ = copy.write_ansi(&mut sequence);
    sequence.into_bytes()
}
