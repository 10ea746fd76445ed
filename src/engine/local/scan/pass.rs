//! One morsel on its way through a scan: what the filters look at is read for all rows, the rest for the rows that are left, and events' text last, only
//! for rows whose answer depends on it, a thousand at a time.

use arrow::array::{ArrayRef, AsArray, BooleanArray, UInt32Array, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Int64Type, UInt32Type};
use std::sync::Arc;

use super::super::batch::Batch;
use super::super::column::{Result, Texts, internal};
use super::super::pipeline::Emit;
use super::columns::Origin;
use super::events::{Conjunct, Events, is_raw, of_kind};
use super::given::{from_raw, give};
use super::stored::Stored;
use crate::event::schema::position;

pub struct Pass<'a> {
    scan: &'a Events,
    stored: &'a dyn Stored,
    /// By output; those that were read, for the rows that are left.
    columns: Vec<Option<ArrayRef>>,
    /// The rows that are left, among all; `None` for all.
    mask: Option<BooleanArray>,
    rows: usize,
    /// Some rows may be of the other kind than the table's.
    mixed: bool,
}

impl<'a> Pass<'a> {
    /// Over stored rows of which some outputs are known already.
    pub fn new(scan: &'a Events, stored: &'a dyn Stored, columns: Vec<Option<ArrayRef>>, mixed: bool) -> Self {
        Self { scan, stored, columns, mask: None, rows: stored.rows(), mixed }
    }

    pub fn run(mut self, emit: Emit<'_>) -> Result<()> {
        if self.mixed {
            let feed = position("feed").ok_or_else(|| internal("feed"))?;
            let feeds = self.stored.columns(&[feed], None)?;
            self.keep(&of_kind(&feeds[0], self.scan.connect)?)?;
        }
        self.early()?;
        if self.rows == 0 {
            return Ok(());
        }
        let scan = self.scan;
        if scan.late.is_empty() {
            return self.give(&[], emit);
        }
        if scan.need.is_always() {
            // The text is wanted anyway: it is read once, and filtered as it is given.
            return self.give(&scan.late, emit);
        }
        self.late()?;
        if self.rows == 0 { Ok(()) } else { self.give(&[], emit) }
    }

    /// Reads outputs that are not there yet; those of the events' text apart.
    fn read(&mut self, outputs: impl IntoIterator<Item = usize>) -> Result<()> {
        let mut outputs: Vec<usize> =
            outputs.into_iter().filter(|at| self.columns[*at].is_none() && !is_raw(&self.scan.origins[*at])).collect();
        outputs.sort_unstable();
        outputs.dedup();
        let origin = |at: &usize| &self.scan.origins[*at];
        let mut stored: Vec<usize> = outputs.iter().filter_map(|at| origin(at).stored()).collect();
        stored.sort_unstable();
        stored.dedup();
        let read = if stored.is_empty() { Vec::new() } else { self.stored.columns(&stored, self.mask.as_ref())? };
        for at in outputs {
            let from = origin(&at).stored().and_then(|s| stored.binary_search(&s).ok()).map(|n| &read[n]);
            self.columns[at] = Some(give(origin(&at), from, self.rows, &self.scan.names, &self.scan.control)?);
        }
        Ok(())
    }

    /// What is there, as a batch. What is not is a column of nulls: nobody's answer depends on it.
    fn batch(&self) -> Batch {
        let absent: ArrayRef = new_null_array(&DataType::Utf8View, self.rows);
        let columns = self.columns.iter().map(|c| c.as_ref().map_or_else(|| Arc::clone(&absent), Arc::clone));
        Batch::new(self.rows, columns.collect())
    }

    /// Drops rows that are not in the mask over those that are left.
    fn keep(&mut self, mask: &BooleanBuffer) -> Result<()> {
        let kept = mask.count_set_bits();
        if kept == self.rows {
            return Ok(());
        }
        let over_left = BooleanArray::new(mask.clone(), None);
        let predicate = arrow::compute::FilterBuilder::new(&over_left).optimize().build();
        for column in self.columns.iter_mut().flatten() {
            *column = predicate.filter(column)?;
        }
        self.mask = Some(match &self.mask {
            None => over_left,
            Some(before) => {
                let mut at = 0;
                let both = BooleanBuffer::collect_bool(before.len(), |row| {
                    before.value(row) && {
                        at += 1;
                        mask.value(at - 1)
                    }
                });
                BooleanArray::new(both, None)
            }
        });
        self.rows = kept;
        Ok(())
    }

    /// The conjuncts that need no text, and the bound of a `top`.
    fn early(&mut self) -> Result<()> {
        let scan = self.scan;
        let bound = scan.bound.as_ref().and_then(|(at, bound)| Some((*at, bound.descending, bound.worst()?)));
        self.read(scan.early.iter().flat_map(|c| c.columns.iter().copied()).chain(bound.map(|(at, ..)| at)))?;
        let mut mask: Option<BooleanBuffer> = None;
        if let Some((at, descending, worst)) = bound {
            let values = self.columns[at].as_ref().and_then(|c| c.as_primitive_opt::<Int64Type>());
            let values = values.ok_or_else(|| internal("a bound over what is no time"))?;
            let reached = |n: i64| if descending { n >= worst } else { n <= worst };
            let mut bits = BooleanBuffer::collect_bool(self.rows, |row| reached(values.values()[row]));
            if let Some(nulls) = arrow::array::Array::nulls(values) {
                bits = &bits & nulls.inner();
            }
            mask = Some(bits);
        }
        let batch = self.batch();
        for conjunct in &scan.early {
            if mask.as_ref().is_some_and(|m| m.count_set_bits() == 0) {
                break;
            }
            let next = conjunct.test.mask(&batch)?;
            mask = Some(match mask {
                None => next.values().clone(),
                Some(before) => &before & next.values(),
            });
        }
        mask.map_or(Ok(()), |mask| self.keep(&mask))
    }

    /// The conjuncts that look at text, where nothing else needs it: only which rows stay is kept.
    fn late(&mut self) -> Result<()> {
        let scan = self.scan;
        let looked_at: Vec<usize> = scan.late.iter().flat_map(|c| c.columns.iter().copied()).collect();
        self.read(looked_at.iter().copied())?;
        let number = self.columns.len();
        let mut stays = vec![false; self.rows];
        let numbers: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..self.rows as u32));
        // The rows' numbers ride along as one more column.
        self.columns.push(Some(numbers));
        self.with_texts(&scan.late_need, &looked_at, &mut |batch| {
            let kept = filtered(batch, &scan.late)?;
            let numbers =
                kept.columns[number].as_primitive_opt::<UInt32Type>().ok_or_else(|| internal("row numbers"))?;
            numbers.values().iter().for_each(|row| stays[*row as usize] = true);
            Ok(true)
        })?;
        self.columns.truncate(number);
        self.keep(&BooleanBuffer::from(stays))
    }

    /// Gives the rows that are left, through the conjuncts that are.
    fn give(mut self, late: &[Conjunct], emit: Emit<'_>) -> Result<()> {
        let scan = self.scan;
        self.read(scan.wanted.iter().copied().chain(late.iter().flat_map(|c| c.columns.iter().copied())))?;
        let of_text: Vec<usize> = (0..self.columns.len()).collect();
        let need = if late.is_empty() { &scan.need } else { &super::need::Need::Always };
        self.with_texts(need, &of_text, &mut |batch| {
            let batch = filtered(batch, late)?;
            if batch.rows == 0 { Ok(true) } else { emit(batch) }
        })
    }

    /// The rows that are left, in batches with these columns out of their text: real where `need` says that they count, null elsewhere.
    fn with_texts(
        &self,
        need: &super::need::Need,
        of_text: &[usize],
        each: &mut dyn FnMut(Batch) -> Result<bool>,
    ) -> Result<()> {
        let whole = self.batch();
        let needed = if need.is_never() { None } else { Some(need.rows(&whole)?).filter(|n| n.count_set_bits() > 0) };
        let Some(needed) = needed else { return each(whole).map(drop) };
        let (mut some, mut mask) = (whole, self.mask.clone());
        if needed.count_set_bits() < some.rows {
            let others = BooleanArray::new(!&needed, None);
            if !each(some.filter(&others)?)? {
                return Ok(());
            }
            let mut part = Self { columns: self.columns.clone(), mask, ..*self };
            part.keep(&needed)?;
            (some, mask) = (part.batch(), part.mask);
        }
        let mut from = 0;
        self.stored.texts(mask.as_ref(), &mut |raw| {
            let mut piece = some.slice(from, raw.len());
            from += piece.rows;
            let texts = Texts::of(raw)?;
            for at in of_text.iter().filter(|at| self.columns[**at].is_none()) {
                match self.scan.origins.get(*at) {
                    Some(Origin::Raw { column, steps, text }) => {
                        piece.columns[*at] = from_raw(&texts, piece.rows, column, steps, *text);
                    }
                    Some(origin) if is_raw(origin) => piece.columns[*at] = Arc::clone(raw),
                    _ => {}
                }
            }
            each(piece)
        })
    }
}

fn filtered(mut batch: Batch, conjuncts: &[Conjunct]) -> Result<Batch> {
    for conjunct in conjuncts {
        if batch.rows == 0 {
            break;
        }
        batch = batch.filter(&conjunct.test.mask(&batch)?)?;
    }
    Ok(batch)
}
