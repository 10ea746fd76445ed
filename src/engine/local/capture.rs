//! `parse`, `parse-where`, `parse-kv`: columns taken out of one text a row. The rule is made ready once a query; a batch is answered a column
//! at a time, over the distinct texts where the text is a dictionary.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Decimal128Builder, Float64Builder, Int32Array,
    Int32Builder, Int64Builder, StringViewBuilder,
};
use arrow::datatypes::Int32Type;

use super::batch::Batch;
use super::column::{Result, Texts, Vector, data_type};
use super::control::Control;
use super::eval::{Compiled, compile};
use super::functions::{convert, dynamic, parse_number, parse_time};
use super::pipeline::{Emit, Step};
use crate::kql::plan::{Capture, CaptureRule};
use crate::kql::{Expr, Type};

mod pairs;
mod pattern;

/// Rows between two looks at whether the query goes on.
const PATIENCE: usize = 1024;

/// What a rule found: a text for each of its captures, or none. `false`: the text does not match.
trait Find: Send + Sync + std::fmt::Debug {
    fn find<'t>(&self, text: &'t str, found: &mut [Option<Cow<'t, str>>]) -> bool;
}

/// The step: the batch's columns, then the captures.
#[derive(Debug)]
pub struct Captures {
    text: Compiled,
    find: Box<dyn Find>,
    types: Vec<Type>,
    /// The captures that are wanted.
    columns: Vec<usize>,
    strict: bool,
    matching: bool,
    control: Arc<Control>,
}

impl Captures {
    pub fn new(
        text: &Expr,
        capture: &Capture,
        columns: &[usize],
        matching: bool,
        control: Arc<Control>,
    ) -> Result<Self> {
        let find: Box<dyn Find> = match &capture.rule {
            CaptureRule::Pattern(parts) => Box::new(pattern::Pattern::new(parts)?),
            CaptureRule::Regex(regex) => Box::new(pattern::Groups::new(regex, capture.types.len())?),
            CaptureRule::Pairs(pairs) => pairs::finder(pairs)?,
        };
        Ok(Self {
            text: compile(text)?,
            find,
            types: capture.types.clone(),
            columns: columns.to_vec(),
            strict: capture.strict,
            matching,
            control,
        })
    }

    /// The captures of these texts, and which of them match.
    fn over(&self, texts: &Texts<'_>, rows: usize) -> Result<(Vec<ArrayRef>, BooleanArray)> {
        let mut columns: Vec<Builder> = self.columns.iter().map(|n| Builder::new(self.types[*n], rows)).collect();
        let mut matched = BooleanBuilder::with_capacity(rows);
        let mut found: Vec<Option<Cow<'_, str>>> = vec![None; self.types.len()];
        for row in 0..rows {
            if row % PATIENCE == 0 {
                self.control.check()?;
            }
            found.fill(None);
            let matches = self.find.find(texts.text(row), &mut found) && self.converts(&found);
            matched.append_value(matches);
            for (builder, n) in columns.iter_mut().zip(&self.columns) {
                builder.push(found[*n].as_deref().filter(|_| matches));
            }
        }
        Ok((columns.into_iter().map(Builder::finish).collect(), matched.finish()))
    }

    /// Does every capture that must be of a type convert to it?
    fn converts(&self, found: &[Option<Cow<'_, str>>]) -> bool {
        !self.strict
            || self.types.iter().zip(found).all(|(ty, text)| match (ty, text) {
                (Type::String | Type::Dynamic, _) => true,
                (ty, Some(text)) => is_of(*ty, text),
                (_, None) => false,
            })
    }
}

impl Step for Captures {
    fn push(&self, batch: Batch, emit: Emit<'_>) -> Result<bool> {
        let (captures, matched) = match self.text.eval(&batch)? {
            Vector::Array(array) => match array.as_dictionary_opt::<Int32Type>() {
                Some(dictionary) if dictionary.values().len() < batch.rows => {
                    let values = dictionary.values();
                    let (captures, matched) = self.over(&Texts::of(values)?, values.len())?;
                    let keys = dictionary.keys();
                    // A null text is "", which a pattern may match.
                    let (none, none_matched) = self.over(&Texts::Constant(None), usize::from(keys.null_count() > 0))?;
                    let last = values.len() as i32;
                    let at: Int32Array = keys.iter().map(|k| Some(k.unwrap_or(last))).collect();
                    let spread = |all: &dyn Array, none: &dyn Array| -> Result<ArrayRef> {
                        let all = arrow::compute::concat(&[all, none])?;
                        Ok(arrow::compute::take(all.as_ref(), &at, None)?)
                    };
                    let captures = captures.iter().zip(&none).map(|(c, n)| spread(c, n)).collect::<Result<Vec<_>>>()?;
                    let matched = spread(&matched, &none_matched)?;
                    (captures, matched.as_boolean().clone())
                }
                _ => self.over(&Texts::of(&array)?, batch.rows)?,
            },
            constant @ Vector::Constant(_) => self.over(&constant.texts()?, batch.rows)?,
        };
        let mut batch = batch;
        batch.columns.extend(captures);
        if self.matching {
            batch = batch.filter(&matched)?;
        }
        if batch.rows == 0 { Ok(true) } else { emit(batch) }
    }
}

/// Does the text convert to the type?
fn is_of(ty: Type, text: &str) -> bool {
    match ty {
        Type::String | Type::Dynamic => true,
        Type::Bool => convert::bool_of_text(text).is_some(),
        Type::Int => parse_number::long(text).is_some_and(|n| i32::try_from(n).is_ok()),
        Type::Long => parse_number::long(text).is_some(),
        Type::Real => parse_number::real(text).is_some(),
        Type::Decimal => parse_number::decimal(text).is_some(),
        Type::DateTime => parse_time::datetime(text).is_some(),
        Type::TimeSpan => parse_time::timespan(text).is_some(),
        Type::Guid => convert::guid(text).is_some(),
    }
}

/// A column that is being made.
enum Builder {
    Text(StringViewBuilder),
    Guid(StringViewBuilder),
    Dynamic(StringViewBuilder),
    Bool(BooleanBuilder),
    Int(Int32Builder),
    Whole(Int64Builder, fn(&str) -> Option<i64>),
    Real(Float64Builder),
    Decimal(Decimal128Builder),
}

impl Builder {
    fn new(ty: Type, rows: usize) -> Self {
        let texts = || StringViewBuilder::with_capacity(rows);
        let whole = || Int64Builder::with_capacity(rows);
        match ty {
            Type::String => Self::Text(texts()),
            Type::Guid => Self::Guid(texts()),
            Type::Dynamic => Self::Dynamic(texts()),
            Type::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            Type::Int => Self::Int(Int32Builder::with_capacity(rows)),
            Type::Long => Self::Whole(whole(), parse_number::long),
            Type::DateTime => Self::Whole(whole(), parse_time::datetime),
            Type::TimeSpan => Self::Whole(whole(), parse_time::timespan),
            Type::Real => Self::Real(Float64Builder::with_capacity(rows)),
            Type::Decimal => Self::Decimal(Decimal128Builder::with_capacity(rows).with_data_type(data_type(ty))),
        }
    }

    /// The text as the column's type: null, or "", where there is none or it does not convert.
    fn push(&mut self, text: Option<&str>) {
        match self {
            Self::Text(b) => b.append_value(text.unwrap_or_default()),
            Self::Guid(b) => b.append_option(text.and_then(convert::guid)),
            Self::Dynamic(b) => {
                let mut value = String::new();
                let some = text.is_some_and(|text| dynamic::of_text(text, &mut value));
                b.append_option(some.then_some(value));
            }
            Self::Bool(b) => b.append_option(text.and_then(convert::bool_of_text)),
            Self::Int(b) => b.append_option(text.and_then(parse_number::long).and_then(|n| i32::try_from(n).ok())),
            Self::Whole(b, read) => b.append_option(text.and_then(*read)),
            Self::Real(b) => b.append_option(text.and_then(parse_number::real)),
            Self::Decimal(b) => b.append_option(text.and_then(parse_number::decimal)),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut b) | Self::Guid(mut b) | Self::Dynamic(mut b) => Arc::new(b.finish()),
            Self::Bool(mut b) => Arc::new(b.finish()),
            Self::Int(mut b) => Arc::new(b.finish()),
            Self::Whole(mut b, _) => Arc::new(b.finish()),
            Self::Real(mut b) => Arc::new(b.finish()),
            Self::Decimal(mut b) => Arc::new(b.finish()),
        }
    }
}

#[cfg(test)]
mod tests;
