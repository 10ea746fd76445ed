//! Values to dense codes. Grouping, distinct counts and joins work on codes: a value of any type becomes a `u32`, counted from 0, the
//! first time it is seen, and several columns' codes become one. A dictionary's values are looked up once each, its rows not at all.

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::array::{BooleanArray, StringViewBuilder};
use arrow::datatypes::Int32Type;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use std::hash::BuildHasher;
use std::sync::Arc;

use super::column::{Result, Texts, Vector, decimals, internal};
use crate::kql::Type;

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

/// Distinct texts in one arena.
#[derive(Debug, Default)]
struct TextTable {
    table: HashTable<(u32, u32)>,
    hasher: DefaultHashBuilder,
    arena: Vec<u8>,
    ends: Vec<usize>,
}

impl TextTable {
    fn get(arena: &[u8], ends: &[usize], code: u32) -> (usize, usize) {
        debug_assert!(ends[code as usize] <= arena.len());
        let start = if code == 0 { 0 } else { ends[code as usize - 1] };
        (start, ends[code as usize])
    }

    fn bytes(&self, code: u32) -> &[u8] {
        let (from, to) = Self::get(&self.arena, &self.ends, code);
        &self.arena[from..to]
    }

    fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text.as_bytes());
        self.table.find(hash, |(h, code)| *h == hash as u32 && self.bytes(*code) == text.as_bytes()).map(|(_, c)| *c)
    }

    fn intern(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text.as_bytes());
        let (arena, ends) = (&self.arena, &self.ends);
        let entry = self.table.find(hash, |(h, code)| {
            *h == hash as u32 && {
                let (from, to) = Self::get(arena, ends, *code);
                &arena[from..to] == text.as_bytes()
            }
        });
        if let Some((_, code)) = entry {
            return *code;
        }
        let code = self.ends.len() as u32;
        self.arena.extend_from_slice(text.as_bytes());
        self.ends.push(self.arena.len());
        let (arena, ends, hasher) = (&self.arena, &self.ends, &self.hasher);
        self.table.insert_unique(hash, (hash as u32, code), |(_, code)| {
            let (from, to) = Self::get(arena, ends, *code);
            hasher.hash_one(&arena[from..to])
        });
        code
    }
}

/// How many integers from the least one a table of codes may span before it becomes a hash map.
const DIRECT: i64 = 1 << 16;

/// Distinct integers: a direct table while they lie close together, else a hash map.
#[derive(Debug, Default)]
struct WordTable {
    base: i64,
    direct: Vec<u32>,
    codes: Option<HashMap<i64, u32>>,
    values: Vec<i64>,
    /// Neighbouring rows often have one value.
    last: Option<(i64, u32)>,
    /// The code that stands for null, and so for no value.
    hole: Option<u32>,
}

impl WordTable {
    fn find(&self, value: i64) -> Option<u32> {
        if let Some(codes) = &self.codes {
            return codes.get(&value).copied();
        }
        let at = usize::try_from(value.checked_sub(self.base)?).ok()?;
        self.direct.get(at).copied().filter(|c| *c != NONE)
    }

    #[inline]
    fn intern(&mut self, value: i64) -> u32 {
        if let Some((v, code)) = self.last
            && v == value
        {
            return code;
        }
        let code = self.intern_new(value);
        self.last = Some((value, code));
        code
    }

    fn intern_new(&mut self, value: i64) -> u32 {
        if self.codes.is_none() {
            if self.values.is_empty() {
                self.base = value.saturating_sub(DIRECT / 2);
            }
            if let Some(at) = value.checked_sub(self.base).filter(|at| (0..DIRECT).contains(at)) {
                let at = at as usize;
                if at >= self.direct.len() {
                    self.direct.resize(at + 1, NONE);
                }
                if self.direct[at] == NONE {
                    self.direct[at] = self.values.len() as u32;
                    self.values.push(value);
                }
                return self.direct[at];
            }
            let known = self.values.iter().enumerate().map(|(i, v)| (*v, i as u32));
            self.codes = Some(known.filter(|(_, code)| Some(*code) != self.hole).collect());
            self.direct = Vec::new();
        }
        let next = self.values.len() as u32;
        let codes = self.codes.get_or_insert_default();
        let code = *codes.entry(value).or_insert(next);
        if code == next {
            self.values.push(value);
        }
        code
    }
}

/// A real as a word: all NaNs are one, and so are both zeros.
fn real_word(n: f64) -> i64 {
    if n.is_nan() { f64::NAN.to_bits() as i64 } else { (n + 0.0).to_bits() as i64 }
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

/// Pairs of codes to one code: how several key columns become one.
#[derive(Debug, Default)]
pub struct Pairs {
    codes: HashMap<u64, u32>,
    seen: Vec<(u32, u32)>,
    last: Option<(u64, u32)>,
}

impl Pairs {
    #[inline]
    fn intern(&mut self, a: u32, b: u32) -> u32 {
        let key = u64::from(a) << 32 | u64::from(b);
        if let Some((k, code)) = self.last
            && k == key
        {
            return code;
        }
        let next = self.seen.len() as u32;
        let code = *self.codes.entry(key).or_insert(next);
        if code == next {
            self.seen.push((a, b));
        }
        self.last = Some((key, code));
        code
    }

    fn find(&self, a: u32, b: u32) -> u32 {
        if a == NONE || b == NONE {
            return NONE;
        }
        self.codes.get(&(u64::from(a) << 32 | u64::from(b))).copied().unwrap_or(NONE)
    }
}

/// Rows of key columns to dense group numbers, counted from 0.
#[derive(Debug)]
pub struct Keys {
    columns: Vec<Interner>,
    /// One fewer than the columns: each joins what came before with the next column.
    pairs: Vec<Pairs>,
    /// With no columns there is one group, once a row was seen.
    rows_seen: bool,
}

impl Keys {
    pub fn new(types: &[Type]) -> Self {
        Self {
            columns: types.iter().map(|ty| Interner::new(*ty)).collect(),
            pairs: (1..types.len()).map(|_| Pairs::default()).collect(),
            rows_seen: false,
        }
    }

    /// Groups so far.
    pub fn len(&self) -> usize {
        match (self.pairs.last(), self.columns.first()) {
            (Some(last), _) => last.seen.len(),
            (None, Some(only)) => only.len(),
            (None, None) => usize::from(self.rows_seen),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn bytes(&self) -> u64 {
        let pairs: usize = self.pairs.iter().map(|p| p.codes.capacity() * 13 + p.seen.capacity() * 8).sum();
        self.columns.iter().map(Interner::bytes).sum::<u64>() + pairs as u64
    }

    /// The group of each row; new keys get new groups.
    pub fn groups(&mut self, columns: &[Vector], rows: usize) -> Result<Vec<u32>> {
        let Some((first, rest)) = columns.split_first() else {
            self.rows_seen |= rows > 0;
            return Ok(vec![0; rows]);
        };
        let mut codes = self.columns[0].codes(first, rows)?;
        for (n, column) in rest.iter().enumerate() {
            let next = self.columns[n + 1].codes(column, rows)?;
            let pairs = &mut self.pairs[n];
            for (code, next) in codes.iter_mut().zip(next) {
                *code = pairs.intern(*code, next);
            }
        }
        Ok(codes)
    }

    /// The group of each row, `NONE` where the key was never seen.
    pub fn lookup(&self, columns: &[Vector], rows: usize) -> Result<Vec<u32>> {
        let Some((first, rest)) = columns.split_first() else {
            return Ok(vec![if self.rows_seen { 0 } else { NONE }; rows]);
        };
        let mut codes = self.columns[0].lookup(first, rows)?;
        for (n, column) in rest.iter().enumerate() {
            let next = self.columns[n + 1].lookup(column, rows)?;
            for (code, next) in codes.iter_mut().zip(next) {
                *code = self.pairs[n].find(*code, next);
            }
        }
        Ok(codes)
    }

    /// The key columns of every group, in the order of groups.
    pub fn key_columns(&self) -> Vec<ArrayRef> {
        let mut codes: Vec<u32> = (0..self.len() as u32).collect();
        let mut columns = Vec::with_capacity(self.columns.len());
        for n in (1..self.columns.len()).rev() {
            let pairs = &self.pairs[n - 1].seen;
            let own: Vec<u32> = codes.iter().map(|c| pairs[*c as usize].1).collect();
            columns.push(self.columns[n].column(&own));
            for c in &mut codes {
                *c = pairs[*c as usize].0;
            }
        }
        if let Some(first) = self.columns.first() {
            columns.push(first.column(&codes));
        }
        columns.reverse();
        columns
    }
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
