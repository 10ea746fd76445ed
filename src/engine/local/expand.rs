//! `mv-expand`: a batch's lists are read in place; the positions of the rows that they repeat and the elements are gathered, and the repeated
//! columns are taken by those positions. What a batch grows into is given on in batches of bounded size, so memory hangs on neither the longest list
//! nor their sum.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringViewBuilder, UInt32Array};

use super::batch::Batch;
use super::column::{Result, Texts, Vector};
use super::control::Control;
use super::eval::{Compiled, compile_all};
use super::functions::dynamic::{present, quote};
use super::pipeline::{Emit, MORSEL, Step};
use crate::event::json;
use crate::kql::plan::Expansion;

/// An expansion, compiled.
#[derive(Debug)]
pub struct Expand {
    lists: Vec<Compiled>,
    kept: Vec<usize>,
    pairs: bool,
    index: bool,
    limit: usize,
    control: Arc<Control>,
}

impl Expand {
    pub fn new(expansion: &Expansion, control: &Arc<Control>) -> Result<Self> {
        Ok(Self {
            lists: compile_all(&expansion.lists)?,
            kept: expansion.kept.clone(),
            pairs: expansion.pairs,
            index: expansion.index,
            limit: expansion.limit.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX)),
            control: Arc::clone(control),
        })
    }

    /// The rows of `batch`, expanded. `part` takes them in order, with the position in `batch` that each comes of; with `whole` the rows of one
    /// never lie in two parts.
    pub fn run(
        &self,
        batch: &Batch,
        whole: bool,
        part: &mut dyn FnMut(Batch, UInt32Array) -> Result<bool>,
    ) -> Result<bool> {
        let vectors = self.lists.iter().map(|l| l.eval(batch)).collect::<Result<Vec<_>>>()?;
        let texts = vectors.iter().map(Vector::texts).collect::<Result<Vec<_>>>()?;
        let repeated = Batch::new(batch.rows, self.kept.iter().map(|k| Arc::clone(&batch.columns[*k])).collect());
        let mut out = Expanded::new(texts.len());
        let mut give = |out: &mut Expanded| -> Result<bool> {
            self.control.check()?;
            let (rows, elements) = std::mem::replace(out, Expanded::new(texts.len())).finish(self.index);
            let mut given = repeated.take(&rows)?;
            given.columns.extend(elements);
            part(given, rows)
        };
        for row in 0..batch.rows {
            if out.rows.len() >= MORSEL && !give(&mut out)? {
                return Ok(false);
            }
            let lists: Vec<Items<'_>> = texts.iter().map(|t| Items::of(t, row)).collect();
            let longest = lists.iter().map(Items::len).max().unwrap_or(0).min(self.limit);
            for at in 0..longest {
                if !whole && out.rows.len() >= MORSEL && !give(&mut out)? {
                    return Ok(false);
                }
                out.rows.push(row as u32);
                out.index.push(at as i64);
                for (list, column) in lists.iter().zip(&mut out.elements) {
                    list.write(at, self.pairs, column, &mut out.scratch);
                }
            }
        }
        if out.rows.is_empty() { Ok(true) } else { give(&mut out) }
    }

    /// The columns of what comes of such rows, without any.
    pub fn nothing(&self, rows: &Batch) -> Result<Batch> {
        let (at, elements) = Expanded::new(self.lists.len()).finish(self.index);
        let mut given = Batch::new(rows.rows, self.kept.iter().map(|k| Arc::clone(&rows.columns[*k])).collect());
        given = given.take(&at)?;
        given.columns.extend(elements);
        Ok(given)
    }
}

impl Step for Expand {
    fn push(&self, batch: Batch, emit: Emit<'_>) -> Result<bool> {
        self.run(&batch, false, &mut |part, _| emit(part))
    }
}

/// Rows on their way out.
struct Expanded {
    rows: Vec<u32>,
    index: Vec<i64>,
    elements: Vec<StringViewBuilder>,
    scratch: String,
}

impl Expanded {
    fn new(lists: usize) -> Self {
        Self {
            rows: Vec::new(),
            index: Vec::new(),
            elements: (0..lists).map(|_| StringViewBuilder::new()).collect(),
            scratch: String::new(),
        }
    }

    /// Where each row comes of; the elements' columns, and their positions if they are asked for.
    fn finish(self, index: bool) -> (UInt32Array, Vec<ArrayRef>) {
        let elements = self.elements.into_iter().map(|mut c| Arc::new(c.finish()) as ArrayRef);
        let index = index.then(|| Arc::new(Int64Array::from(self.index)) as ArrayRef);
        (UInt32Array::from(self.rows), elements.chain(index).collect())
    }
}

/// What a dynamic value is expanded into.
enum Items<'a> {
    /// Null is one row, of null.
    Null,
    /// Neither list nor bag: its own one element.
    One(&'a str),
    List(Vec<&'a str>),
    Bag(Vec<(Cow<'a, str>, &'a str)>),
}

impl<'a> Items<'a> {
    fn of(texts: &Texts<'a>, row: usize) -> Self {
        let Some(value) = texts.get(row) else { return Self::Null };
        match json::kind(value) {
            Some(json::Kind::List) => json::elements(value).map(Self::List),
            Some(json::Kind::Object) => json::members(value).map(Self::Bag),
            _ => None,
        }
        .unwrap_or(Self::One(value))
    }

    fn len(&self) -> usize {
        match self {
            Self::Null | Self::One(_) => 1,
            Self::List(list) => list.len(),
            Self::Bag(members) => members.len(),
        }
    }

    /// Writes the element at a position, null past the end.
    fn write(&self, at: usize, pairs: bool, column: &mut StringViewBuilder, scratch: &mut String) {
        match self {
            Self::Null => column.append_null(),
            Self::One(value) => column.append_option((at == 0).then_some(*value)),
            Self::List(list) => column.append_option(list.get(at).copied().and_then(present)),
            Self::Bag(members) => {
                let Some((key, value)) = members.get(at) else { return column.append_null() };
                let [open, between, close] = if pairs { ['[', ',', ']'] } else { ['{', ':', '}'] };
                scratch.clear();
                scratch.push(open);
                quote(scratch, key);
                scratch.push(between);
                scratch.push_str(value);
                scratch.push(close);
                column.append_value(&*scratch);
            }
        }
    }
}

#[cfg(test)]
mod tests;
