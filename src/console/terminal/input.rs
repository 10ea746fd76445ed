//! The thread that reads keys. It blocks in the terminal, so it costs nothing while nobody types.

use std::io;
use std::sync::mpsc::SyncSender;
use std::thread;

use crossterm::event::{Event, KeyEventKind, read};
use ratatui::layout::Size;

use crate::console::keymap::Key;
use crate::console::message::Message;

/// Starts reading. The thread ends with the terminal, or with the console.
pub fn listen(messages: SyncSender<Message>) -> io::Result<()> {
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        loop {
            match read() {
                Ok(event) => {
                    if let Some(message) = translate(event)
                        && messages.send(message).is_err()
                    {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // The terminal is gone: there is nobody to show anything to.
                    tracing::warn!("reading the terminal failed: {error}");
                    let _ = messages.send(Message::Terminate);
                    return;
                }
            }
        }
    })?;
    Ok(())
}

fn translate(event: Event) -> Option<Message> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(Key::from(key))),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(width, height) => Some(Message::Resize(Size::new(width, height))),
        _ => None,
    }
}
