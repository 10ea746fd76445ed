//! The thread that reads keys. It blocks in the terminal, so it costs nothing while nobody types.

use std::io;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use crossterm::event::{Event, KeyEventKind, poll, read};
use ratatui::layout::Size;

use crate::console::keymap::Key;
use crate::console::message::Message;

/// Starts reading; `known` is the size that the first frame is drawn for. The thread ends with the terminal, or with the console.
pub fn listen(messages: SyncSender<Message>, known: Size) -> io::Result<()> {
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        // Only from the first look on is a change of size an event; one before it is found by asking.
        let _ = poll(Duration::ZERO);
        if let Ok(now) = crossterm::terminal::size()
            && now != (known.width, known.height)
            && messages.send(Message::Resize(Size::new(now.0, now.1))).is_err()
        {
            return;
        }
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
