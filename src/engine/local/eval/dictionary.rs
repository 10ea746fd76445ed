//! Evaluating over distinct values. A call whose columns are all dictionaries is asked once a value, or once a combination of codes that occurs, and the
//! answers are given to the rows by their codes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Int32Type};

use super::super::column::{Result, Texts, Vector, internal};
use crate::kql::Type;

pub type Over<'a> = &'a dyn Fn(&[Vector], usize) -> Result<Vector>;

/// Combinations of codes that a table is kept for, at most: 256 KiB.
const MOST_COMBINATIONS: usize = 1 << 16;

/// Evaluates over what is distinct where every column among the arguments is a dictionary and there is less of it than rows.
pub fn over_distinct(args: &[Vector], ty: Type, rows: usize, eval: Over<'_>) -> Result<Vector> {
    let mut columns = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        if let Vector::Array(array) = arg {
            let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() else { return eval(args, rows) };
            columns.push((at, Codes::of(dictionary)));
        }
    }
    match columns.as_slice() {
        [] => eval(args, rows),
        [(at, codes)] => {
            if codes.values.len() >= rows {
                return eval(args, rows);
            }
            let mut over = args.to_vec();
            over[*at] = Vector::Array(codes.distinct()?);
            let answer = eval(&over, codes.count())?.to_array(codes.count());
            Ok(Vector::Array(spread(&answer, ty, rows, |row| codes.at(row))?))
        }
        several => {
            let combinations = several.iter().try_fold(1_usize, |n, (_, codes)| n.checked_mul(codes.count().max(1)));
            match combinations {
                Some(n) if n <= MOST_COMBINATIONS && n <= 2 * rows => {
                    over_combinations(args, several, n, ty, rows, eval)
                }
                _ => eval(args, rows),
            }
        }
    }
}

/// Codes of several columns as one number; those that occur are counted from 0, and evaluated.
fn over_combinations(
    args: &[Vector],
    columns: &[(usize, Codes<'_>)],
    combinations: usize,
    ty: Type,
    rows: usize,
    eval: Over<'_>,
) -> Result<Vector> {
    const UNSEEN: i32 = -1;
    let mut numbers = vec![0_u32; rows];
    for (_, codes) in columns {
        let count = codes.count() as u32;
        numbers.iter_mut().enumerate().for_each(|(row, n)| *n = *n * count + codes.at(row) as u32);
    }
    let mut dense = vec![UNSEEN; combinations];
    let mut first_rows: Vec<u32> = Vec::new();
    for (row, n) in numbers.iter().enumerate() {
        let slot = &mut dense[*n as usize];
        if *slot == UNSEEN {
            *slot = first_rows.len() as i32;
            first_rows.push(row as u32);
        }
    }
    if first_rows.len() * 2 > rows {
        return eval(args, rows);
    }
    let mut over = args.to_vec();
    for (at, codes) in columns {
        let used: Int32Array = first_rows.iter().map(|row| codes.at(*row as usize)).collect::<Vec<_>>().into();
        over[*at] = Vector::Array(arrow::compute::take(&codes.distinct()?, &used, None)?);
    }
    let answer = eval(&over, first_rows.len())?.to_array(first_rows.len());
    Ok(Vector::Array(spread(&answer, ty, rows, |row| dense[numbers[row] as usize])?))
}

/// A dictionary's codes, null being one more.
struct Codes<'a> {
    keys: &'a [i32],
    nulls: Option<&'a NullBuffer>,
    values: &'a ArrayRef,
}

impl<'a> Codes<'a> {
    fn of(dictionary: &'a DictionaryArray<Int32Type>) -> Self {
        Self {
            keys: dictionary.keys().values(),
            nulls: dictionary.keys().nulls().filter(|n| n.null_count() > 0),
            values: dictionary.values(),
        }
    }

    fn count(&self) -> usize {
        self.values.len() + usize::from(self.nulls.is_some())
    }

    fn at(&self, row: usize) -> i32 {
        match self.nulls {
            Some(nulls) if nulls.is_null(row) => self.values.len() as i32,
            _ => self.keys[row],
        }
    }

    /// The values, by code.
    fn distinct(&self) -> Result<ArrayRef> {
        if self.nulls.is_none() {
            return Ok(Arc::clone(self.values));
        }
        let values = self.values.as_string_opt::<i32>().ok_or_else(|| internal("dictionary values"))?;
        Ok(Arc::new(values.iter().chain([None]).collect::<StringArray>()))
    }
}

/// The answer for each distinct value, given to each row of that code.
fn spread(answer: &ArrayRef, ty: Type, rows: usize, code: impl Fn(usize) -> i32) -> Result<ArrayRef> {
    if let Some(bools) = answer.as_boolean_opt()
        && bools.null_count() == 0
    {
        let table: Vec<bool> = bools.values().iter().collect();
        let bits = BooleanBuffer::collect_bool(rows, |row| table[code(row) as usize]);
        return Ok(Arc::new(BooleanArray::new(bits, None)));
    }
    let codes: Int32Array = (0..rows).map(&code).collect::<Vec<_>>().into();
    if matches!(ty, Type::String | Type::Guid | Type::Dynamic) {
        let texts = Texts::of(answer)?;
        let values: StringArray = (0..answer.len()).map(|i| texts.get(i)).collect();
        if values.null_count() == 0 {
            return Ok(Arc::new(DictionaryArray::<Int32Type>::new(codes, Arc::new(values))));
        }
        // Nulls live in the codes, so that whoever looks at codes alone sees them.
        let codes: Int32Array = codes.values().iter().map(|c| values.is_valid(*c as usize).then_some(*c)).collect();
        return Ok(Arc::new(DictionaryArray::<Int32Type>::new(codes, Arc::new(values))));
    }
    debug_assert!(!matches!(answer.data_type(), DataType::Dictionary(..)));
    Ok(arrow::compute::take(answer.as_ref(), &codes, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(values: &[Option<&str>]) -> Vector {
        Vector::Array(Arc::new(values.iter().copied().collect::<DictionaryArray<Int32Type>>()))
    }

    #[test]
    fn a_call_over_two_dictionaries_is_asked_once_a_pair_that_occurs() {
        let a: Vec<_> = (0..60).map(|n| if n % 3 == 0 { None } else { Some(["x", "y"][n % 2]) }).collect();
        let b: Vec<_> = (0..60).map(|n| Some(["p", "q"][n % 2])).collect();
        let asked = std::cell::Cell::new(0);
        let answer = over_distinct(&[words(&a), words(&b)], Type::String, 60, &|args, rows| {
            asked.set(rows);
            let (a, b) = (args[0].texts()?, args[1].texts()?);
            Ok(Vector::Array(super::super::super::column::collect_texts(rows, |i| {
                a.get(i).map(|a| format!("{a}{}", b.text(i)))
            })))
        })
        .unwrap();
        assert_eq!(asked.get(), 4);
        let got = answer.texts().unwrap();
        for row in 0..60 {
            let want = a[row].map(|a| format!("{a}{}", b[row].unwrap()));
            assert_eq!(got.get(row), want.as_deref(), "row {row}");
        }
    }
}
