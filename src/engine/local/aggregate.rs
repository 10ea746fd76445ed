//! `summarize`: groups by the codes of their keys, vectorised accumulators over group numbers, a partial result a worker, merged at the end.

use arrow::array::ArrayRef;

use super::batch::Batch;
use super::column::{Result, Vector, internal};
use super::eval::{Compiled, compile_all};
use super::intern::{Keys, NONE};
use crate::kql::Type;
use crate::kql::plan::Aggregate;
use crate::kql::{Expr, Value};

mod bits;
mod collect;
mod covariance;
mod distinct;
mod extreme;
pub mod grouping;
mod percentile;
mod schema;
mod sketch;
mod spread;
mod sums;

/// Values of one aggregate, one a group. Groups are counted from 0 and only grow.
pub trait Accumulator: Send + std::fmt::Debug {
    /// Adds rows: `groups` names each row's group, below `count`; the arguments have as many rows.
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()>;
    /// Adds another worker's partial: its group `g` is `mapping[g]` here, below `count`.
    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()>;
    /// One value a group.
    fn finish(&mut self, count: usize) -> Result<ArrayRef>;
    /// Bytes held.
    fn bytes(&self) -> u64;
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// The same accumulator of another worker.
fn same<A: 'static>(other: Box<dyn Accumulator>) -> Result<Box<A>> {
    other.into_any().downcast::<A>().map_err(|_| internal("partial results of different kinds"))
}

/// A new accumulator for an aggregate of the registry; `None` for a name that has none.
pub fn accumulator(name: &str, args: &[Expr], ty: Type) -> Option<Box<dyn Accumulator>> {
    let of = args.first().map_or(Type::Long, |a| a.ty);
    let number = |n: usize| match args.get(n).and_then(Expr::as_literal) {
        Some(Value::Long(n)) => Some(*n as f64),
        Some(Value::Int(n)) => Some(f64::from(*n)),
        Some(Value::Real(n)) => Some(*n),
        _ => None,
    };
    // The limit stands last, after the predicate of the …_if forms.
    let limit = || {
        let last = (args.len() > 1).then(|| number(args.len() - 1)).flatten();
        last.filter(|n| *n > 0.0).map_or(collect::MOST, |n| n as usize)
    };
    Some(match name {
        "count" => Box::new(sums::Count::default()),
        "sum" => sums::sum(of),
        "avg" => Box::new(sums::Mean::new(of, ty)),
        "min" => extreme::extreme(of, false),
        "max" => extreme::extreme(of, true),
        "arg_max" => Box::new(extreme::Arg::new(of, args.get(1).map_or(of, |a| a.ty), true)),
        "arg_min" => Box::new(extreme::Arg::new(of, args.get(1).map_or(of, |a| a.ty), false)),
        "take_any" => Box::new(extreme::First::new(of)),
        "dcount" | "count_distinct" => Box::new(distinct::Distinct::new(of)),
        "make_set" => Box::new(collect::Collect::new(of, collect::Kind::Set, limit())),
        "make_list" => Box::new(collect::Collect::new(of, collect::Kind::List, limit())),
        "make_list_with_nulls" => Box::new(collect::Collect::new(of, collect::Kind::WithNulls, limit())),
        "make_bag" => Box::new(collect::Collect::new(of, collect::Kind::Bag, limit())),
        "percentile" | "percentiles" => Box::new(percentile::Percentile::new(of, vec![number(1)?], false, false)),
        "percentilew" | "percentilesw" => Box::new(percentile::Percentile::new(of, vec![number(2)?], true, false)),
        "percentiles_array" => Box::new(percentile::Percentile::new(of, percents(args.get(1..)?)?, false, true)),
        "percentilesw_array" => Box::new(percentile::Percentile::new(of, percents(args.get(2..)?)?, true, true)),
        "binary_all_and" => Box::new(bits::Bits::new(|a, b| a & b)),
        "binary_all_or" => Box::new(bits::Bits::new(|a, b| a | b)),
        "binary_all_xor" => Box::new(bits::Bits::new(|a, b| a ^ b)),
        "buildschema" => Box::new(schema::BuildSchema::default()),
        "covariance" => Box::new(covariance::Covariance::new(true)),
        "covariancep" => Box::new(covariance::Covariance::new(false)),
        "hll" => Box::new(sketch::Hlls::new(of, number(1).map_or(1, |n| n as i64))),
        "hll_merge" => Box::new(sketch::Hlls::merging()),
        "tdigest" => Box::new(sketch::Digests::new(of)),
        "tdigest_merge" => Box::new(sketch::Digests::merging()),
        "stdev" => Box::new(spread::Spread::new(of, spread::Gives::StandardDeviation, true)),
        "stdevp" => Box::new(spread::Spread::new(of, spread::Gives::StandardDeviation, false)),
        "variance" => Box::new(spread::Spread::new(of, spread::Gives::Variance, true)),
        "variancep" => Box::new(spread::Spread::new(of, spread::Gives::Variance, false)),
        _ => return None,
    })
}

/// Percents that are written one by one, or as one array.
fn percents(args: &[Expr]) -> Option<Vec<f64>> {
    let mut all = Vec::new();
    for arg in args {
        match arg.as_literal()? {
            Value::Dynamic(list) => {
                let list = crate::event::json::elements(list)?;
                all.extend(list.into_iter().map(|e| e.parse::<f64>().ok()).collect::<Option<Vec<_>>>()?);
            }
            Value::Real(n) => all.push(*n),
            Value::Long(n) => all.push(*n as f64),
            Value::Int(n) => all.push(f64::from(*n)),
            _ => return None,
        }
    }
    Some(all)
}

/// The aggregate under a conditional form, and where its predicate stands.
pub fn conditional(name: &str) -> Option<(&'static str, usize)> {
    Some(match name {
        "countif" => ("count", 0),
        "dcountif" => ("dcount", 1),
        "count_distinctif" => ("count_distinct", 1),
        "sumif" => ("sum", 1),
        "avgif" => ("avg", 1),
        "minif" => ("min", 1),
        "maxif" => ("max", 1),
        "make_set_if" => ("make_set", 1),
        "make_list_if" => ("make_list", 1),
        "make_bag_if" => ("make_bag", 1),
        "take_anyif" => ("take_any", 1),
        "stdevif" => ("stdev", 1),
        "varianceif" => ("variance", 1),
        "variancepif" => ("variancep", 1),
        "covarianceif" => ("covariance", 2),
        "covariancepif" => ("covariancep", 2),
        "hll_if" => ("hll", 1),
        _ => return None,
    })
}

/// Whether a group takes more memory with every value: lists, sets, whatever needs all values at the end.
fn grows(name: &str) -> bool {
    ["make_", "dcount", "count_distinct", "percentile", "tdigest", "buildschema"]
        .iter()
        .any(|kind| name.starts_with(kind))
}

/// Whether the order of rows shows in the result.
pub fn keeps_order(name: &str) -> bool {
    name.starts_with("make_") || name == "take_any" || name.starts_with("arg_")
}

/// A `summarize`, ready to run: shared by the workers.
#[derive(Debug)]
pub struct Program {
    keys: Vec<Compiled>,
    key_types: Vec<Type>,
    calls: Vec<CallOf>,
}

#[derive(Debug)]
struct CallOf {
    name: &'static str,
    exprs: Vec<Expr>,
    args: Vec<Compiled>,
    predicate: Option<Compiled>,
    ty: Type,
}

impl Program {
    pub fn new(keys: &[Expr], aggregates: &[Aggregate]) -> Result<Self> {
        let calls = aggregates
            .iter()
            .map(|a| {
                let (name, at) = conditional(a.function.name).map_or((a.function.name, None), |(n, at)| (n, Some(at)));
                let mut exprs = a.args.clone();
                let predicate = match at {
                    Some(at) if at < exprs.len() => Some(super::eval::compile(&exprs.remove(at))?),
                    Some(_) => return Err(internal(format!("{} without its predicate", a.function.name))),
                    None => None,
                };
                // `count(x)` counts rows whatever x is.
                if name == "count" {
                    exprs.clear();
                }
                let args = compile_all(&exprs)?;
                let call = CallOf { name, exprs, args, predicate, ty: a.ty };
                call.accumulator()?;
                Ok(call)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { keys: compile_all(keys)?, key_types: keys.iter().map(|k| k.ty).collect(), calls })
    }

    /// Whether groups take more memory with every row.
    fn grows(&self) -> bool {
        self.calls.iter().any(|call| grows(call.name))
    }

    pub fn start(&self) -> Result<Partial> {
        Ok(Partial {
            keys: Keys::new(&self.key_types),
            accumulators: self.calls.iter().map(CallOf::accumulator).collect::<Result<_>>()?,
        })
    }
}

impl CallOf {
    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        accumulator(self.name, &self.exprs, self.ty)
            .ok_or_else(|| internal(format!("the aggregate {} has no implementation here", self.name)))
    }
}

/// One worker's groups.
#[derive(Debug)]
pub struct Partial {
    keys: Keys,
    accumulators: Vec<Box<dyn Accumulator>>,
}

impl Partial {
    pub fn update(&mut self, program: &Program, batch: &Batch) -> Result<()> {
        let keys = program.keys.iter().map(|k| k.eval(batch)).collect::<Result<Vec<_>>>()?;
        let groups = self.keys.groups(&keys, batch.rows)?;
        self.add(program, batch, &groups)
    }

    /// Takes the rows whose keys have groups already, and gives back the others.
    pub fn update_known(&mut self, program: &Program, batch: &Batch) -> Result<Batch> {
        let keys = program.keys.iter().map(|k| k.eval(batch)).collect::<Result<Vec<_>>>()?;
        let groups = self.keys.lookup(&keys, batch.rows)?;
        let is_known = |wanted: bool| groups.iter().map(|g| Some((*g != NONE) == wanted)).collect();
        let (mine, rest) = (batch.filter(&is_known(true))?, batch.filter(&is_known(false))?);
        let groups: Vec<u32> = groups.into_iter().filter(|g| *g != NONE).collect();
        self.add(program, &mine, &groups)?;
        Ok(rest)
    }

    /// Adds rows to their groups.
    fn add(&mut self, program: &Program, batch: &Batch, groups: &[u32]) -> Result<()> {
        let count = self.keys.len();
        for (call, accumulator) in program.calls.iter().zip(&mut self.accumulators) {
            if let Some(predicate) = &call.predicate {
                let mask = predicate.mask(batch)?;
                let kept: Vec<u32> =
                    groups.iter().zip(mask.values()).filter(|(_, keep)| *keep).map(|(g, _)| *g).collect();
                if call.args.is_empty() {
                    accumulator.update(&kept, count, &[])?;
                } else {
                    let some = batch.filter(&mask)?;
                    let args = call.args.iter().map(|a| a.eval(&some)).collect::<Result<Vec<_>>>()?;
                    accumulator.update(&kept, count, &args)?;
                }
            } else {
                let args = call.args.iter().map(|a| a.eval(batch)).collect::<Result<Vec<_>>>()?;
                accumulator.update(groups, count, &args)?;
            }
        }
        Ok(())
    }

    pub fn merge(&mut self, other: Self) -> Result<()> {
        let columns: Vec<Vector> = other.keys.key_columns().into_iter().map(Vector::Array).collect();
        let mapping = self.keys.groups(&columns, other.keys.len())?;
        for (mine, theirs) in self.accumulators.iter_mut().zip(other.accumulators) {
            mine.merge(theirs, &mapping, self.keys.len())?;
        }
        Ok(())
    }

    /// Groups so far.
    pub fn groups(&self) -> usize {
        self.keys.len()
    }

    pub fn bytes(&self) -> u64 {
        self.keys.bytes() + self.accumulators.iter().map(|a| a.bytes()).sum::<u64>()
    }

    /// Keys, then aggregates. Without keys there is always one row.
    pub fn finish(mut self) -> Result<Batch> {
        let mut columns = self.keys.key_columns();
        let rows = if columns.is_empty() { 1 } else { self.keys.len() };
        for accumulator in &mut self.accumulators {
            columns.push(accumulator.finish(rows)?);
        }
        Ok(Batch::new(rows, columns))
    }
}
