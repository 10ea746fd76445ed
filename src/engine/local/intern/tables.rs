//! Distinct values of one physical form, each with its code.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::NONE;

/// Distinct texts in one arena.
#[derive(Debug, Default)]
pub(super) struct TextTable {
    pub table: HashTable<(u32, u32)>,
    hasher: DefaultHashBuilder,
    pub arena: Vec<u8>,
    pub ends: Vec<usize>,
}

impl TextTable {
    fn get(arena: &[u8], ends: &[usize], code: u32) -> (usize, usize) {
        debug_assert!(ends[code as usize] <= arena.len());
        let start = if code == 0 { 0 } else { ends[code as usize - 1] };
        (start, ends[code as usize])
    }

    pub fn bytes(&self, code: u32) -> &[u8] {
        let (from, to) = Self::get(&self.arena, &self.ends, code);
        &self.arena[from..to]
    }

    pub fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text.as_bytes());
        self.table.find(hash, |(h, code)| *h == hash as u32 && self.bytes(*code) == text.as_bytes()).map(|(_, c)| *c)
    }

    pub fn intern(&mut self, text: &str) -> u32 {
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
pub(super) struct WordTable {
    base: i64,
    pub direct: Vec<u32>,
    pub codes: Option<HashMap<i64, u32>>,
    pub values: Vec<i64>,
    /// Neighbouring rows often have one value.
    last: Option<(i64, u32)>,
    /// The code that stands for null, and so for no value.
    pub hole: Option<u32>,
}

impl WordTable {
    pub fn find(&self, value: i64) -> Option<u32> {
        if let Some(codes) = &self.codes {
            return codes.get(&value).copied();
        }
        let at = usize::try_from(value.checked_sub(self.base)?).ok()?;
        self.direct.get(at).copied().filter(|c| *c != NONE)
    }

    #[inline]
    pub fn intern(&mut self, value: i64) -> u32 {
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
pub(super) fn real_word(n: f64) -> i64 {
    if n.is_nan() { f64::NAN.to_bits() as i64 } else { (n + 0.0).to_bits() as i64 }
}
