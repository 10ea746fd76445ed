//! Finds rows that moved. Moving a tail by one row changes every cell of it, 12 KB a frame at 200x60; a scroll region
//! moves it for 20 bytes, and only the new row is left to write.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::DefaultHashBuilder;
use ratatui::buffer::{Buffer, Cell};

use super::pen::is_blank;

/// Rows `top..bottom` of the old screen that stand `by` rows higher (lower when negative) on the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scroll {
    pub top: u16,
    pub bottom: u16,
    pub by: i16,
}

/// A hash a row; blank rows have 0, because moving those gains nothing.
#[derive(Clone, Debug, Default)]
pub struct Rows(Vec<u64>);

impl Rows {
    /// Hashes compare only when one hasher made them.
    pub fn read(&mut self, buffer: &Buffer, hasher: &DefaultHashBuilder) {
        let rows = buffer.content.chunks(usize::from(buffer.area.width).max(1));
        self.0.clear();
        self.0.extend(rows.map(|row| if row.iter().all(is_blank) { 0 } else { Self::hash(row, hasher) }));
    }

    fn hash(row: &[Cell], hasher: &DefaultHashBuilder) -> u64 {
        let mut hash = hasher.build_hasher();
        for cell in row {
            hash.write(cell.symbol().as_bytes());
            (cell.fg, cell.bg, cell.modifier.bits()).hash(&mut hash);
        }
        hash.finish().max(1)
    }

    /// The move from `self` to `next` that brings most rows into place; `None` when fewer than three would be.
    pub fn moved(&self, next: &Self) -> Option<Scroll> {
        let height = self.0.len();
        if height != next.0.len() || self.0.iter().zip(&next.0).filter(|(a, b)| a != b).count() < 3 {
            return None;
        }
        let mut best = (2, None);
        for by in 1..height as i32 {
            for by in [by, -by] {
                let (rows, scroll) = self.cluster(next, by);
                if rows > best.0 {
                    best = (rows, scroll);
                }
            }
        }
        best.1
    }

    /// The longest run of rows that `by` brings into place, gaps of up to two rows (a moved highlight) allowed.
    fn cluster(&self, next: &Self, by: i32) -> (usize, Option<Scroll>) {
        let height = self.0.len() as i32;
        let (mut best, mut run): ((usize, i32, i32), (usize, i32, i32)) = ((0, 0, 0), (0, 0, 0));
        for y in 0.max(-by)..height.min(height - by) {
            let (new, source, old) = (next.0[y as usize], self.0[(y + by) as usize], self.0[y as usize]);
            if new != 0 && new == source && new != old {
                if run.0 == 0 || y - run.2 > 3 {
                    run = (0, y, y);
                }
                run = (run.0 + 1, run.1, y);
                if run.0 > best.0 {
                    best = run;
                }
            }
        }
        let (rows, first, last) = best;
        if rows == 0 {
            return (0, None);
        }
        let (top, bottom) = (first.min(first + by), last.max(last + by) + 1);
        (rows, Some(Scroll { top: top as u16, bottom: bottom as u16, by: by as i16 }))
    }
}

/// The old screen as the terminal has it after the move.
pub fn apply(buffer: &mut Buffer, scroll: Scroll) {
    let width = usize::from(buffer.area.width);
    let rows = usize::from(scroll.top) * width..usize::from(scroll.bottom) * width;
    let region = &mut buffer.content[rows];
    let cells = usize::from(scroll.by.unsigned_abs()) * width;
    let fresh = if scroll.by > 0 {
        region.rotate_left(cells);
        region.len() - cells..region.len()
    } else {
        region.rotate_right(cells);
        0..cells
    };
    region[fresh].fill(Cell::EMPTY);
}
