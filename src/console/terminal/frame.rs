//! One frame: the difference between two screens as bytes, written with one `write`.

use std::io::{self, Write};

use hashbrown::DefaultHashBuilder;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};

use super::pen::Pen;
use super::scroll::{self, Rows};

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
const HIDE: &[u8] = b"\x1b[?25l";
const SHOW: &[u8] = b"\x1b[?25h";

/// The double buffer. What stands on the terminal is `shown`; panes draw into the other one.
#[derive(Debug)]
pub struct Frames {
    shown: Buffer,
    shown_rows: Rows,
    next: Buffer,
    next_rows: Rows,
    hasher: DefaultHashBuilder,
    cursor: Option<Position>,
    /// The terminal's content is not known: start, resize, resume, redraw on request.
    lost: bool,
    bytes: Vec<u8>,
}

impl Frames {
    pub fn new(size: Size) -> Self {
        let empty = Buffer::empty(Rect::new(0, 0, size.width, size.height));
        Self {
            shown: empty.clone(),
            shown_rows: Rows::default(),
            next: empty,
            next_rows: Rows::default(),
            hasher: DefaultHashBuilder::default(),
            cursor: None,
            lost: true,
            bytes: Vec::with_capacity(64 * 1024),
        }
    }

    /// Forgets what stands on the terminal: the next frame clears it and writes everything.
    pub fn invalidate(&mut self, size: Size) {
        let area = Rect::new(0, 0, size.width, size.height);
        self.shown.resize(area);
        self.next.resize(area);
        self.lost = true;
    }

    /// Draws and writes one frame. Answers the number of bytes: 0 when nothing changed, and then nothing is written.
    pub fn draw(
        &mut self,
        out: &mut impl Write,
        paint: impl FnOnce(&mut Buffer) -> Option<Position>,
    ) -> io::Result<usize> {
        self.next.reset();
        let cursor = paint(&mut self.next);
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.bytes = self.encode(bytes, cursor);
        std::mem::swap(&mut self.shown, &mut self.next);
        std::mem::swap(&mut self.shown_rows, &mut self.next_rows);
        self.cursor = cursor;
        self.lost = false;
        if !self.bytes.is_empty() {
            out.write_all(&self.bytes)?;
            out.flush()?;
        }
        Ok(self.bytes.len())
    }

    /// What stands on the terminal, for tests.
    #[cfg(test)]
    pub fn shown(&self) -> &Buffer {
        &self.shown
    }

    fn encode(&mut self, bytes: Vec<u8>, cursor: Option<Position>) -> Vec<u8> {
        let columns = self.next.area.width;
        self.next_rows.read(&self.next, &self.hasher);
        let mut pen = Pen::new(bytes, columns);
        pen.raw(BEGIN);
        if self.lost || self.cursor.is_some() {
            pen.raw(HIDE);
        }
        if self.lost {
            self.shown.reset();
            pen.raw(b"\x1b[m\x1b[2J");
            difference(&mut pen, &self.shown, &self.next);
        } else {
            let mut body = Pen::new(Vec::new(), columns);
            difference(&mut body, &self.shown, &self.next);
            let mut body = body.finish();
            if let Some(scroll) = self.shown_rows.moved(&self.next_rows) {
                let mut moved = Pen::new(Vec::new(), columns);
                moved.scroll(scroll.top, scroll.bottom, scroll.by);
                scroll::apply(&mut self.shown, scroll);
                difference(&mut moved, &self.shown, &self.next);
                let moved = moved.finish();
                if moved.len() < body.len() {
                    body = moved;
                }
            }
            if body.is_empty() && cursor == self.cursor {
                return Vec::new();
            }
            pen.raw(&body);
        }
        let mut bytes = pen.finish();
        if let Some(at) = cursor {
            let mut pen = Pen::new(bytes, columns);
            pen.place(at.x, at.y);
            pen.raw(SHOW);
            bytes = pen.finish();
        }
        bytes.extend_from_slice(END);
        bytes
    }
}

fn difference(pen: &mut Pen, was: &Buffer, now: &Buffer) {
    let width = usize::from(now.area.width).max(1);
    for (y, (was, now)) in was.content.chunks(width).zip(now.content.chunks(width)).enumerate() {
        if was != now {
            pen.row(y as u16, was, now);
        }
    }
}

#[cfg(test)]
mod tests;
