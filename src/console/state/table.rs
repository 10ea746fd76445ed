//! A result table on the screen: which rows and columns are in view, where the cursor is, how it is sorted.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{SortOptions, concat, sort_to_indices};
use unicode_width::UnicodeWidthStr;

use crate::base::shown::Shown;
use crate::engine::ResultTable;
use crate::engine::format::cell;
use crate::kql::Type;

/// Rows that a column's width is taken from.
const SAMPLE: usize = 200;
/// Columns of the screen that one column of the table takes at most; the record view shows the rest.
const WIDEST: usize = 48;

/// A column's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The name as KQL has it, for queries.
    pub name: Box<str>,
    /// The name to show.
    pub title: Box<str>,
    pub ty: Type,
    pub width: u16,
}

impl Head {
    /// Numbers and lengths of time stand at the right, so that their digits line up.
    pub const fn is_right(&self) -> bool {
        self.ty.is_numeric() || matches!(self.ty, Type::TimeSpan)
    }
}

/// A result table and where the view stands in it.
#[derive(Clone, Debug)]
pub struct Table {
    pub heads: Vec<Head>,
    source: ResultTable,
    /// The first row of each batch.
    starts: Vec<usize>,
    /// Rows in the order of the sort; empty is the order they came in.
    order: Vec<u32>,
    /// The column sorted by, and whether downwards.
    pub sorted: Option<(usize, bool)>,
    /// The row with the cursor, as shown.
    pub selected: usize,
    /// The column with the cursor.
    pub column: usize,
    /// The first row in view.
    pub top: usize,
    /// The first column in view.
    pub left: usize,
}

impl Table {
    pub fn new(source: ResultTable) -> Self {
        let mut starts = Vec::with_capacity(source.batches.len());
        let mut rows = 0;
        for batch in &source.batches {
            starts.push(rows);
            rows += batch.num_rows();
        }
        let mut table = Self {
            heads: Vec::new(),
            source,
            starts,
            order: Vec::new(),
            sorted: None,
            selected: 0,
            column: 0,
            top: 0,
            left: 0,
        };
        table.heads = (0..table.source.schema.len()).map(|column| table.head(column)).collect();
        table
    }

    fn head(&self, column: usize) -> Head {
        let of = &self.source.schema.0[column];
        let title = Shown::new(&of.name).into_string();
        let widest = (0..self.rows().min(SAMPLE)).map(|row| self.cell(row, column).width()).max().unwrap_or(0);
        let width = widest.max(title.width() + 1).min(WIDEST) as u16;
        Head { name: of.name.as_ref().into(), title: title.into(), ty: of.ty, width }
    }

    pub fn rows(&self) -> usize {
        self.source.rows()
    }

    /// Why rows are missing, if any are.
    pub fn cut(&self) -> Option<&str> {
        self.source.cut.as_deref()
    }

    /// The source's row of a row as shown.
    fn place(&self, row: usize) -> Option<(usize, usize)> {
        let row = self.order.get(row).map_or(row, |at| *at as usize);
        let batch = self.starts.partition_point(|start| *start <= row).checked_sub(1)?;
        let inside = row - self.starts[batch];
        (inside < self.source.batches[batch].num_rows()).then_some((batch, inside))
    }

    /// A cell's own text; `None` for null and outside of the table.
    pub fn value(&self, row: usize, column: usize) -> Option<String> {
        let (batch, inside) = self.place(row)?;
        let ty = self.source.schema.0.get(column)?.ty;
        cell::text(self.source.batches[batch].column(column), inside, ty).map(std::borrow::Cow::into_owned)
    }

    /// A cell as it is drawn: safe, on one line, times without the digits that are zero.
    pub fn cell(&self, row: usize, column: usize) -> String {
        let Some(text) = self.value(row, column) else { return "null".to_owned() };
        match self.source.schema.0[column].ty {
            Type::DateTime => compact_time(&text),
            Type::String | Type::Dynamic | Type::Guid => Shown::new(&text).into_string(),
            _ => text,
        }
    }

    pub fn is_null(&self, row: usize, column: usize) -> bool {
        self.value(row, column).is_none()
    }

    /// The named cells of a row, for the record view and for pivots.
    pub fn record(&self, row: usize) -> Vec<(&Head, Option<String>)> {
        self.heads.iter().enumerate().map(|(column, head)| (head, self.value(row, column))).collect()
    }

    /// Sorts by the column with the cursor: downwards first for numbers and times, then the other way, then as it came.
    pub fn turn_sort(&mut self) {
        let column = self.column;
        let Some(ty) = self.heads.get(column).map(|head| head.ty) else { return };
        let down_first = !matches!(ty, Type::String | Type::Guid | Type::Dynamic);
        self.sorted = match self.sorted {
            Some((of, down)) if of == column && down == down_first => Some((column, !down)),
            Some((of, _)) if of == column => None,
            _ => Some((column, down_first)),
        };
        self.order = self.sorted.and_then(|(column, down)| self.sort(column, down)).unwrap_or_default();
        (self.selected, self.top) = (0, 0);
    }

    fn sort(&self, column: usize, descending: bool) -> Option<Vec<u32>> {
        let parts: Vec<ArrayRef> = self.source.batches.iter().map(|batch| batch.column(column).clone()).collect();
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        let all = concat(&parts).ok()?;
        let options = SortOptions { descending, nulls_first: !descending };
        Some(sort_to_indices(&all, Some(options), None).ok()?.values().to_vec())
    }

    /// Moves the cursor by rows; `height` rows are in view.
    pub fn move_by(&mut self, rows: isize, height: usize) {
        let last = self.rows().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(rows).min(last);
        self.keep_in_view(height);
    }

    pub fn keep_in_view(&mut self, height: usize) {
        let height = height.max(1);
        self.top = self.top.clamp(self.selected.saturating_sub(height - 1), self.selected);
    }

    /// Moves the cursor by columns; `width` columns of the screen are in view.
    pub fn move_column(&mut self, by: isize, width: u16) {
        self.column = self.column.saturating_add_signed(by).min(self.heads.len().saturating_sub(1));
        match self.column.cmp(&self.left) {
            Ordering::Less => self.left = self.column,
            _ => {
                while self.left < self.column && self.span(self.left, self.column) > usize::from(width) {
                    self.left += 1;
                }
            }
        }
    }

    /// Columns of the screen from one column of the table to the end of another.
    fn span(&self, from: usize, to: usize) -> usize {
        self.heads[from..=to].iter().map(|head| usize::from(head.width) + 2).sum()
    }
}

/// `2026-01-02 03:04:05.123`: the T becomes a blank, zeros at the end of the fraction go.
fn compact_time(text: &str) -> String {
    let text = text.trim_end_matches('Z');
    let (day, time) = text.split_once('T').unwrap_or((text, ""));
    let time = if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.') } else { time };
    format!("{day} {time}")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::engine::{Answer, Statistics};
    use crate::kql::{Column, Schema};
    use arrow::array::{Int64Array, RecordBatch, StringViewArray};
    use std::sync::Arc;

    /// An answer of (name, number) rows in batches of two; the first column is called `name`.
    pub fn answer(name: &str, rows: &[(&str, Option<i64>)]) -> Answer {
        answer_of(name, "n", rows)
    }

    /// The same with a name for the numbers.
    pub fn answer_of(name: &str, number: &str, rows: &[(&str, Option<i64>)]) -> Answer {
        let schema: Schema = [Column::new(name, Type::String), Column::new(number, Type::Long)].into_iter().collect();
        let batches = rows.chunks(2).map(|rows| {
            let names: StringViewArray = rows.iter().map(|(name, _)| Some(*name)).collect();
            let numbers: Int64Array = rows.iter().map(|(_, n)| *n).collect();
            let columns = [("0", Arc::new(names) as ArrayRef, true), ("1", Arc::new(numbers) as ArrayRef, true)];
            RecordBatch::try_from_iter_with_nullable(columns).unwrap()
        });
        let table =
            ResultTable { name: "PrimaryResult".into(), schema, batches: batches.collect(), render: None, cut: None };
        Answer { tables: vec![table], statistics: Statistics::default(), warnings: Vec::new() }
    }

    fn table(rows: &[(&str, Option<i64>)]) -> Table {
        Table::new(answer("who", rows).tables.remove(0))
    }

    fn column(table: &Table, column: usize) -> Vec<String> {
        (0..table.rows()).map(|row| table.cell(row, column)).collect()
    }

    #[test]
    fn sorting_turns_from_down_to_up_to_as_it_came() {
        let mut table = table(&[("b", Some(2)), ("a", None), ("c", Some(9))]);
        table.column = 1;
        table.turn_sort();
        assert_eq!(column(&table, 1), ["9", "2", "null"]);
        table.turn_sort();
        assert_eq!(column(&table, 1), ["null", "2", "9"]);
        table.turn_sort();
        assert_eq!((column(&table, 0), table.sorted), (vec!["b".into(), "a".into(), "c".into()], None));
        table.column = 0;
        table.turn_sort();
        assert_eq!(column(&table, 0), ["a", "b", "c"], "names begin upwards");
    }

    #[test]
    fn the_cursor_stays_in_the_table_and_in_view() {
        let rows: Vec<_> = (0..50).map(|n| ("x", Some(n))).collect();
        let mut table = table(&rows);
        table.move_by(30, 10);
        assert_eq!((table.selected, table.top), (30, 21));
        table.move_by(100, 10);
        assert_eq!((table.selected, table.top), (49, 40));
        table.move_by(-1000, 10);
        assert_eq!((table.selected, table.top), (0, 0));
        table.move_column(5, 6);
        assert_eq!((table.column, table.left), (1, 1));
    }

    #[test]
    fn a_cell_never_holds_what_could_leave_it() {
        let table = table(&[("a\nb\u{1b}[2J\u{202e}", Some(1))]);
        assert!(table.cell(0, 0).chars().all(|c| !c.is_control() && c != '\u{202e}'));
        assert_eq!(table.value(0, 0).unwrap(), "a\nb\u{1b}[2J\u{202e}", "the value itself is whole");
    }

    #[test]
    fn times_are_shown_without_their_zeros() {
        for (text, want) in [
            ("2026-01-02T03:04:05.0000000Z", "2026-01-02 03:04:05"),
            ("2026-01-02T03:04:05.1230000Z", "2026-01-02 03:04:05.123"),
        ] {
            assert_eq!(compact_time(text), want);
        }
    }
}
