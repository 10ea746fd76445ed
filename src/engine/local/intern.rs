//! Values to dense codes. Grouping, distinct counts and joins work on codes: a value of any type becomes a `u32`, counted from 0, the
//! first time it is seen, and several columns' codes become one. A dictionary's values are looked up once each, its rows not at all.

mod keys;
mod tables;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::array::{BooleanArray, StringViewBuilder};
use arrow::datatypes::Int32Type;
use hashbrown::HashMap;
use std::sync::Arc;

use super::column::{Result, Texts, Vector, decimals, internal};
use crate::kql::Type;
pub use keys::{Keys, Pairs};
use tables::{TextTable, WordTable, real_word};

/// The code of "no code": rows of a join that match nothing.
pub const NONE: u32 = u32::MAX;

/// Values of one column, each once, in the order of their codes.
#[derive(Debug)]
pub struct Interner {
    ty: Type,
    /// The code of null, once seen. A string's null is "".
    null: Option<u32>,
    values: Values,
    /// The dictionary of the last batch and its codes: batches of one row group share it.
    last: Option<(ArrayRef, Vec<u32>)>,
}

#[derive(Debug)]
enum Values {
    Texts(TextTable),
    /// Integers, times, bools; and reals by their bits.
    Words(WordTable),
    Wide {
        codes: HashMap<i128, u32>,
        values: Vec<i128>,
    },
}

impl Interner {
    pub fn new(ty: Type) -> Self {
        let values = match ty {
            Type::String | Type::Guid | Type::Dynamic => Values::Texts(TextTable::default()),
            Type::Decimal => Values::Wide { codes: HashMap::new(), values: Vec::new() },
            _ => Values::Words(WordTable::default()),
        };
        Self { ty, null: None, values, last: None }
    }

    /// Nothing was seen yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Distinct values so far.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Texts(t) => t.ends.len(),
            Values::Words(w) => w.values.len(),
            Values::Wide { values, .. } => values.len(),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        (match &self.values {
            Values::Texts(t) => t.arena.capacity() + t.ends.capacity() * 8 + t.table.capacity() * 9,
            Values::Words(w) => {
                w.values.capacity() * 8 + w.direct.capacity() * 4 + w.codes.as_ref().map_or(0, |c| c.capacity() * 17)
            }
            Values::Wide { codes, values } => codes.capacity() * 33 + values.capacity() * 16,
        }) as u64
    }

    fn intern_text(&mut self, text: Option<&str>) -> u32 {
        match text {
            Some(text) => match &mut self.values {
                Values::Texts(t) => t.intern(text),
                _ => NONE,
            },
            None if self.ty == Type::String => self.intern_text(Some("")),
            None => self.null_code(),
        }
    }

    /// Null takes a code of its own, with a placeholder among the values.
    fn null_code(&mut self) -> u32 {
        if let Some(code) = self.null {
            return code;
        }
        let code = self.len() as u32;
        match &mut self.values {
            Values::Texts(t) => t.ends.push(t.arena.len()),
            Values::Words(w) => {
                w.hole = Some(code);
                w.values.push(0);
            }
            Values::Wide { values, .. } => values.push(0),
        }
        self.null = Some(code);
        code
    }

    /// The code of each row.
    pub fn codes(&mut self, column: &Vector, rows: usize) -> Result<Vec<u32>> {
        if let Vector::Array(array) = column
            && let Some(dictionary) = array.as_dictionary_opt::<Int32Type>()
        {
            return self.dictionary_codes(dictionary);
        }
        match self.ty {
            Type::String | Type::Guid | Type::Dynamic => {
                let texts = column.texts()?;
                if let Texts::Constant(text) = texts {
                    return Ok(vec![self.intern_text(text); rows]);
                }
                Ok((0..rows).map(|i| self.intern_text(texts.get(i))).collect())
            }
            Type::Decimal => {
                let n = column.decimals()?;
                Ok((0..rows)
                    .map(|i| match n.get(i) {
                        None => self.null_code(),
                        Some(n) => {
                            let Values::Wide { codes, values } = &mut self.values else { return NONE };
                            *codes.entry(n).or_insert_with(|| {
                                values.push(n);
                                values.len() as u32 - 1
                            })
                        }
                    })
                    .collect())
            }
            Type::Bool => {
                let b = column.bools()?;
                self.words(rows, |i| b.get(i).map(i64::from))
            }
            Type::Int => {
                let n = column.ints()?;
                self.words(rows, |i| n.get(i).map(i64::from))
            }
            Type::Real => {
                let n = column.reals()?;
                self.words(rows, |i| n.get(i).map(real_word))
            }
            Type::Long | Type::DateTime | Type::TimeSpan => {
                let n = column.longs()?;
                if let super::column::Numbers::Array(values, None) = n {
                    let Values::Words(w) = &mut self.values else { return Err(internal("words")) };
                    return Ok(values.iter().map(|v| w.intern(*v)).collect());
                }
                self.words(rows, |i| n.get(i))
            }
        }
    }

    fn words(&mut self, rows: usize, word: impl Fn(usize) -> Option<i64>) -> Result<Vec<u32>> {
        (0..rows)
            .map(|i| match (word(i), &mut self.values) {
                (Some(word), Values::Words(w)) => Ok(w.intern(word)),
                (None, _) => Ok(self.null_code()),
                _ => Err(internal("words")),
            })
            .collect()
    }

    fn dictionary_codes(&mut self, dictionary: &DictionaryArray<Int32Type>) -> Result<Vec<u32>> {
        let known = self.last.as_ref().is_some_and(|(values, _)| Arc::ptr_eq(values, dictionary.values()));
        if !known {
            let values = dictionary.values().as_string_opt::<i32>().ok_or_else(|| internal("dictionary values"))?;
            // Filtered batches use a few of many values: only those get codes.
            let mut codes = vec![NONE; values.len()];
            if values.len() <= dictionary.len() {
                let used = used_codes(dictionary, values.len());
                for (code, _) in used.iter().enumerate().filter(|(_, used)| **used) {
                    codes[code] = self.intern_text(values.is_valid(code).then(|| values.value(code)));
                }
            }
            self.last = Some((Arc::clone(dictionary.values()), codes));
        }
        let (values, mut codes) = self.last.take().ok_or_else(|| internal("dictionary"))?;
        let texts = values.as_string_opt::<i32>().ok_or_else(|| internal("dictionary values"))?;
        let nulls = dictionary.keys().nulls().filter(|n| n.null_count() > 0);
        let keys = dictionary.keys().values();
        let mut out = Vec::with_capacity(keys.len());
        for (row, key) in keys.iter().enumerate() {
            if nulls.is_some_and(|n| n.is_null(row)) {
                let code = self.intern_text(None);
                out.push(code);
                continue;
            }
            let key = *key as usize;
            if codes[key] == NONE {
                codes[key] = self.intern_text(texts.is_valid(key).then(|| texts.value(key)));
            }
            out.push(codes[key]);
        }
        self.last = Some((values, codes));
        Ok(out)
    }

    /// The code of each row, `NONE` for values that were never interned.
    pub fn lookup(&self, column: &Vector, rows: usize) -> Result<Vec<u32>> {
        let null = self.null.unwrap_or(NONE);
        if let Vector::Array(array) = column
            && let Some(dictionary) = array.as_dictionary_opt::<Int32Type>()
        {
            let values = Vector::Array(Arc::clone(dictionary.values()));
            let codes = self.lookup(&values, dictionary.values().len())?;
            let null = if self.ty == Type::String { self.find_text("") } else { null };
            let keys = dictionary.keys();
            return Ok((0..rows).map(|i| if keys.is_null(i) { null } else { codes[keys.value(i) as usize] }).collect());
        }
        let find = |word: Option<i64>| match (word, &self.values) {
            (None, _) => null,
            (Some(word), Values::Words(w)) => w.find(word).unwrap_or(NONE),
            _ => NONE,
        };
        Ok(match self.ty {
            Type::String | Type::Guid | Type::Dynamic => {
                let t = column.texts()?;
                (0..rows)
                    .map(|i| match t.get(i) {
                        None if self.ty != Type::String => null,
                        text => self.find_text(text.unwrap_or_default()),
                    })
                    .collect()
            }
            Type::Decimal => {
                let n = column.decimals()?;
                let Values::Wide { codes, .. } = &self.values else { return Err(internal("decimals")) };
                (0..rows).map(|i| n.get(i).map_or(null, |n| codes.get(&n).copied().unwrap_or(NONE))).collect()
            }
            Type::Bool => {
                let n = column.bools()?;
                (0..rows).map(|i| find(n.get(i).map(i64::from))).collect()
            }
            Type::Int => {
                let n = column.ints()?;
                (0..rows).map(|i| find(n.get(i).map(i64::from))).collect()
            }
            Type::Real => {
                let n = column.reals()?;
                (0..rows).map(|i| find(n.get(i).map(real_word))).collect()
            }
            Type::Long | Type::DateTime | Type::TimeSpan => {
                let n = column.longs()?;
                (0..rows).map(|i| find(n.get(i))).collect()
            }
        })
    }

    fn find_text(&self, text: &str) -> u32 {
        match &self.values {
            Values::Texts(t) => t.find(text).unwrap_or(NONE),
            _ => NONE,
        }
    }

    /// The values of some codes, as a column. Text comes as a dictionary where values repeat.
    pub fn column(&self, codes: &[u32]) -> ArrayRef {
        let valid = |code: u32| Some(code) != self.null;
        match &self.values {
            Values::Texts(t) => {
                let text = |code: u32| std::str::from_utf8(t.bytes(code)).unwrap_or_default();
                if t.ends.len() * 2 < codes.len() {
                    let values: StringArray = (0..t.ends.len() as u32).map(|c| Some(text(c))).collect();
                    let keys: Int32Array = codes.iter().map(|c| valid(*c).then_some(*c as i32)).collect();
                    return Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(values)));
                }
                let mut builder = StringViewBuilder::with_capacity(codes.len());
                for c in codes {
                    builder.append_option(valid(*c).then(|| text(*c)));
                }
                Arc::new(builder.finish())
            }
            Values::Wide { values, .. } => decimals(codes.iter().map(|c| valid(*c).then(|| values[*c as usize]))),
            Values::Words(w) => {
                let word = |c: &u32| valid(*c).then(|| w.values[*c as usize]);
                match self.ty {
                    Type::Bool => Arc::new(codes.iter().map(|c| word(c).map(|w| w != 0)).collect::<BooleanArray>()),
                    Type::Int => Arc::new(codes.iter().map(|c| word(c).map(|w| w as i32)).collect::<Int32Array>()),
                    Type::Real => Arc::new(
                        codes.iter().map(|c| word(c).map(|w| f64::from_bits(w as u64))).collect::<Float64Array>(),
                    ),
                    _ => Arc::new(codes.iter().map(word).collect::<Int64Array>()),
                }
            }
        }
    }

    /// Is this the code of null?
    pub fn is_null(&self, code: u32) -> bool {
        self.null == Some(code)
    }
}

fn used_codes(dictionary: &DictionaryArray<Int32Type>, values: usize) -> Vec<bool> {
    let mut used = vec![false; values];
    let nulls = dictionary.keys().nulls().filter(|n| n.null_count() > 0);
    for (row, key) in dictionary.keys().values().iter().enumerate() {
        if nulls.is_none_or(|n| n.is_valid(row)) {
            used[*key as usize] = true;
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringViewArray;

    fn text(values: &[Option<&str>]) -> Vector {
        Vector::Array(Arc::new(StringViewArray::from(values.to_vec())))
    }

    fn dictionary(values: &[Option<&str>]) -> Vector {
        Vector::Array(Arc::new(values.iter().copied().collect::<DictionaryArray<Int32Type>>()))
    }

    #[test]
    fn text_has_one_code_however_it_lies() {
        let mut interner = Interner::new(Type::String);
        let a = interner.codes(&text(&[Some("x"), None, Some("y"), Some("")]), 4).unwrap();
        let b = interner.codes(&dictionary(&[Some("y"), Some("x"), None, Some("z")]), 4).unwrap();
        assert_eq!(a, [0, 1, 2, 1]);
        assert_eq!(b, [2, 0, 1, 3]);
        assert_eq!(interner.lookup(&dictionary(&[Some("w"), Some("z")]), 2).unwrap(), [NONE, 3]);
    }

    #[test]
    fn null_is_a_value_of_its_own_but_for_strings() {
        let mut interner = Interner::new(Type::Long);
        let column = Vector::Array(Arc::new(Int64Array::from(vec![Some(5), None, Some(0), None, Some(i64::MAX)])));
        let codes = interner.codes(&column, 5).unwrap();
        assert_eq!(codes, [0, 1, 2, 1, 3]);
        let back = interner.column(&codes);
        assert_eq!(
            back.as_primitive::<arrow::datatypes::Int64Type>(),
            &Int64Array::from(vec![Some(5), None, Some(0), None, Some(i64::MAX)])
        );
    }

    #[test]
    fn several_columns_make_one_group_and_come_back() {
        let mut keys = Keys::new(&[Type::String, Type::Long, Type::String]);
        let columns = [
            text(&[Some("a"), Some("a"), Some("b"), Some("a")]),
            Vector::Array(Arc::new(Int64Array::from(vec![1, 2, 1, 1]))),
            dictionary(&[Some("x"), Some("x"), Some("x"), Some("x")]),
        ];
        assert_eq!(keys.groups(&columns, 4).unwrap(), [0, 1, 2, 0]);
        let back = keys.key_columns();
        assert_eq!(keys.groups(&back.into_iter().map(Vector::Array).collect::<Vec<_>>(), 3).unwrap(), [0, 1, 2]);
    }
}
