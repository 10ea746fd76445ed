//! `sort` and `top`, over the row format: keys become bytes that compare as the rows should stand.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, UInt32Array};
use arrow::compute::SortOptions;
use arrow::row::{RowConverter, Rows, SortField};

use super::batch::Batch;
use super::column::{Result, Vector, collect_texts, flat};
use super::control::{Account, Control};
use super::eval::{Compiled, compile};
use super::pipeline::{MORSEL, Pipeline, Runner, Sink};
use super::scan::purpose::Bound;
use crate::kql::plan::SortKey;
use crate::kql::{Schema, Type};

mod runs;

use runs::{Sorted, Sorting};

/// Rows of a `top` above which a full sort serves.
const LARGEST_TOP: u64 = 65_536;

/// What rows are sorted by, compiled.
#[derive(Debug)]
pub struct Keys {
    exprs: Vec<Compiled>,
    options: Vec<SortOptions>,
}

impl Keys {
    pub fn new(keys: &[SortKey]) -> Result<Self> {
        let options = keys.iter().map(|k| SortOptions { descending: k.descending, nulls_first: k.nulls_first });
        Ok(Self { exprs: keys.iter().map(|k| compile(&k.expr)).collect::<Result<_>>()?, options: options.collect() })
    }

    /// Bytes a row that compare as the rows should stand.
    pub fn rows(&self, batch: &Batch) -> Result<Rows> {
        let mut fields = Vec::with_capacity(self.exprs.len());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.exprs.len());
        for (expr, options) in self.exprs.iter().zip(&self.options) {
            let column = sortable(&expr.array(batch)?, expr.ty, *options)?;
            fields.push(SortField::new_with_options(column.data_type().clone(), *options));
            columns.push(column);
        }
        Ok(RowConverter::new(fields)?.convert_columns(&columns)?)
    }
}

/// A column whose own order is Kusto's: a string's null is "", NaN stands next to null, at whichever end that is.
pub fn sortable(column: &ArrayRef, ty: Type, options: SortOptions) -> Result<ArrayRef> {
    Ok(match ty {
        Type::String
            if column.null_count() > 0
                || column.as_any().is::<arrow::array::DictionaryArray<arrow::datatypes::Int32Type>>() =>
        {
            let vector = Vector::Array(Arc::clone(column));
            let texts = vector.texts()?;
            collect_texts(column.len(), |i| Some(texts.text(i)))
        }
        Type::Real => {
            let vector = Vector::Array(Arc::clone(column));
            let reals = vector.reals()?;
            let word = |n: f64| {
                let bits = n.to_bits() as i64;
                if n.is_nan() {
                    if options.descending == options.nulls_first { i64::MAX } else { i64::MIN }
                } else if bits < 0 {
                    bits ^ i64::MAX
                } else {
                    bits
                }
            };
            Arc::new((0..column.len()).map(|i| reals.get(i).map(|n| word(n + 0.0))).collect::<Int64Array>())
        }
        _ => flat(column)?,
    })
}

/// The whole input, sorted; equal rows keep their order.
pub fn sort(runner: &Runner, input: Pipeline, schema: &Schema, keys: &[SortKey]) -> Result<Pipeline> {
    let keys = Arc::new(Keys::new(keys)?);
    let batches = match Sorting::run(runner, input, schema, &keys)? {
        Sorted::Unsorted(batches) => batches,
        Sorted::Merged(pipeline) => return Ok(pipeline),
    };
    if batches.is_empty() {
        return Ok(Pipeline::of(batches));
    }
    let all = Batch::concat(schema, &batches)?;
    drop(batches);
    let mut account = runner.control.account("sort");
    account.hold(all.bytes())?;
    let rows = keys.rows(&all)?;
    account.hold(all.bytes() + rows.size() as u64)?;
    let order = order(&rows, all.rows);
    drop(rows);
    let sorted = order.chunks(MORSEL).map(|part| {
        runner.control.check()?;
        all.take(&UInt32Array::from(part.to_vec()))
    });
    Ok(Pipeline::of(sorted.collect::<Result<_>>()?))
}

/// The rows in the order of their keys.
fn order(keys: &Rows, rows: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    order.sort_by(|a, b| keys.row(*a as usize).cmp(&keys.row(*b as usize)));
    order
}

/// The first `limit` rows in order. `bound`, if there is one, is told what a row's first key must reach by now.
pub fn top(
    runner: &Runner,
    input: Pipeline,
    schema: &Schema,
    keys: &[SortKey],
    limit: u64,
    bound: Option<Arc<Bound>>,
) -> Result<Vec<Batch>> {
    if limit > LARGEST_TOP {
        return runner.collect(sort(runner, input, schema, keys)?, "top", Some(limit));
    }
    let sink = Arc::new(Top {
        keys: Keys::new(keys)?,
        schema: schema.clone(),
        limit: limit as usize,
        bound,
        control: Arc::clone(&runner.control),
    });
    let mut best: Option<Best> = None;
    for state in runner.run(input, Arc::clone(&sink), false)? {
        best = match (best.take(), state.best) {
            (Some(a), Some(b)) => Some(sink.better_of(a, b)?),
            (a, b) => a.or(b),
        };
    }
    Ok(best.into_iter().map(|b| b.rows).filter(|b| b.rows > 0).collect())
}

/// Each worker keeps its best rows, sorted, and drops at once what the worst of them beats.
struct Top {
    keys: Keys,
    schema: Schema,
    limit: usize,
    bound: Option<Arc<Bound>>,
    control: Arc<Control>,
}

struct Best {
    rows: Batch,
    keys: Rows,
    /// Where each row came from, so that equal rows keep their order.
    places: Vec<u64>,
}

struct TopState {
    best: Option<Best>,
    account: Account,
    /// Rows of the morsel seen so far.
    seen: (usize, u64),
}

impl Top {
    /// The best of two sets.
    fn better_of(&self, a: Best, b: Best) -> Result<Best> {
        let both = Batch::concat(&self.schema, &[a.rows, b.rows])?;
        let places = [a.places, b.places].concat();
        self.choose(&both, &places, None)
    }

    fn choose(&self, batch: &Batch, places: &[u64], keys: Option<Rows>) -> Result<Best> {
        let keys = match keys {
            Some(keys) => keys,
            None => self.keys.rows(batch)?,
        };
        let order = |a: &u32, b: &u32| -> Ordering {
            let (a, b) = (*a as usize, *b as usize);
            keys.row(a).cmp(&keys.row(b)).then_with(|| places[a].cmp(&places[b]))
        };
        let mut chosen: Vec<u32> = (0..batch.rows as u32).collect();
        if chosen.len() > self.limit {
            if self.limit > 0 {
                chosen.select_nth_unstable_by(self.limit - 1, order);
            }
            chosen.truncate(self.limit);
        }
        chosen.sort_unstable_by(order);
        let places = chosen.iter().map(|c| places[*c as usize]).collect();
        let rows = batch.take(&UInt32Array::from(chosen))?;
        let keys = self.keys.rows(&rows)?;
        Ok(Best { rows, keys, places })
    }
}

impl Sink for Top {
    type State = TopState;

    fn name(&self) -> &'static str {
        "top"
    }

    fn start(&self) -> Result<TopState> {
        Ok(TopState { best: None, account: self.control.account("top"), seen: (usize::MAX, 0) })
    }

    fn push(&self, state: &mut TopState, morsel: usize, batch: Batch) -> Result<bool> {
        if state.seen.0 != morsel {
            state.seen = (morsel, 0);
        }
        let first = (morsel as u64) << 32 | state.seen.1;
        state.seen.1 += batch.rows as u64;
        let keys = self.keys.rows(&batch)?;
        let new = match &state.best {
            Some(best) if best.rows.rows >= self.limit => {
                let Some(last) = self.limit.checked_sub(1) else { return Ok(false) };
                let worst = best.keys.row(last);
                let hopeful: Vec<u32> = (0..batch.rows as u32).filter(|i| keys.row(*i as usize) <= worst).collect();
                if hopeful.is_empty() {
                    return Ok(true);
                }
                let places: Vec<u64> = hopeful.iter().map(|i| first + u64::from(*i)).collect();
                self.choose(&batch.take(&UInt32Array::from(hopeful))?, &places, None)?
            }
            _ => {
                let places: Vec<u64> = (0..batch.rows as u64).map(|i| first + i).collect();
                self.choose(&batch, &places, Some(keys))?
            }
        };
        let best = match state.best.take() {
            Some(old) => self.better_of(old, new)?,
            None => new,
        };
        state.account.hold(best.rows.bytes())?;
        if let (Some(bound), Some(last)) = (&self.bound, best.rows.rows.checked_sub(1))
            && best.rows.rows >= self.limit
            && let Some(worst) = self.keys.exprs[0].eval(&best.rows.slice(last, 1))?.longs()?.get(0)
        {
            bound.tighten(worst);
        }
        state.best = Some(best);
        Ok(true)
    }
}
