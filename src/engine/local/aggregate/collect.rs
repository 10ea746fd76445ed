//! `make_list`, `make_set`, `make_bag`: codes of values in the order they came, written as JSON at the end. Arrays among dynamic values are opened.

use arrow::array::ArrayRef;
use hashbrown::HashSet;

use super::super::column::{Result, Vector, build_texts, collect_texts, internal};
use super::super::functions::convert::Cells;
use super::super::functions::{bags, dynamic};
use super::super::intern::Interner;
use super::{Accumulator, same};
use crate::event::json;
use crate::kql::Type;

/// Kusto's own bound on the elements of one array.
pub const MOST: usize = 1_048_576;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    List,
    WithNulls,
    Set,
    Bag,
}

#[derive(Debug)]
pub struct Collect {
    of: Type,
    kind: Kind,
    most: usize,
    values: Interner,
    rows: Vec<(u32, u32)>,
    seen: HashSet<(u32, u32)>,
    /// Elements a group; what comes past the most is not looked at.
    sizes: Vec<u32>,
}

impl Collect {
    pub fn new(of: Type, kind: Kind, most: usize) -> Self {
        Self {
            of,
            kind,
            most: most.min(MOST),
            values: Interner::new(of),
            rows: Vec::new(),
            seen: HashSet::new(),
            sizes: Vec::new(),
        }
    }

    fn is_full(&self, group: u32) -> bool {
        self.sizes.get(group as usize).is_some_and(|n| *n as usize >= self.most)
    }

    fn add(&mut self, groups: &[u32], codes: &[u32]) {
        // make_list keeps the nulls of dynamic columns, and drops those of others.
        let keep_null = self.kind == Kind::WithNulls || (self.kind == Kind::List && self.of == Type::Dynamic);
        for pair in groups.iter().copied().zip(codes.iter().copied()) {
            if self.is_full(pair.0) || (!keep_null && self.values.is_null(pair.1)) {
                continue;
            }
            if self.kind == Kind::Set && !self.seen.insert(pair) {
                continue;
            }
            let group = pair.0 as usize;
            if group >= self.sizes.len() {
                self.sizes.resize(group + 1, 0);
            }
            self.sizes[group] += 1;
            self.rows.push(pair);
        }
    }
}

impl Accumulator for Collect {
    fn update(&mut self, groups: &[u32], _: usize, args: &[Vector]) -> Result<()> {
        let arg = args.first().ok_or_else(|| internal("make_list of nothing"))?;
        if self.of == Type::Dynamic && self.kind != Kind::Bag {
            let texts = arg.texts()?;
            let (mut opened, mut owners) = (Vec::with_capacity(groups.len()), Vec::with_capacity(groups.len()));
            for (i, g) in groups.iter().enumerate() {
                if let Some(list) = texts.get(i).and_then(json::elements) {
                    owners.extend(std::iter::repeat_n(*g, list.len()));
                    opened.extend(list.into_iter().map(dynamic::present));
                } else {
                    owners.push(*g);
                    opened.push(texts.get(i));
                }
            }
            let column = Vector::Array(collect_texts(opened.len(), |i| opened[i]));
            let codes = self.values.codes(&column, owners.len())?;
            self.add(&owners, &codes);
            return Ok(());
        }
        let full = groups.iter().filter(|g| self.is_full(**g)).count();
        if full * 2 > groups.len() {
            // Values of groups that are full are not even kept.
            let open = groups.iter().map(|g| Some(!self.is_full(*g))).collect();
            let groups: Vec<u32> = groups.iter().copied().filter(|g| !self.is_full(*g)).collect();
            let some = Vector::Array(arrow::compute::filter(&arg.to_array(full + groups.len()), &open)?);
            let codes = self.values.codes(&some, groups.len())?;
            self.add(&groups, &codes);
            return Ok(());
        }
        let codes = self.values.codes(arg, groups.len())?;
        self.add(groups, &codes);
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], _: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        let all: Vec<u32> = (0..other.values.len() as u32).collect();
        let codes = self.values.codes(&Vector::Array(other.values.column(&all)), all.len())?;
        let groups: Vec<u32> = other.rows.iter().map(|(g, _)| mapping[*g as usize]).collect();
        let codes: Vec<u32> = other.rows.iter().map(|(_, c)| codes[*c as usize]).collect();
        self.add(&groups, &codes);
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        let mut groups: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (group, code) in &self.rows {
            let list = &mut groups[*group as usize];
            if list.len() < self.most {
                list.push(*code);
            }
        }
        let all: Vec<u32> = (0..self.values.len() as u32).collect();
        let column = Vector::Array(self.values.column(&all));
        let cells = Cells::of(&column, self.of)?;
        if self.kind == Kind::Bag {
            let texts = column.texts()?;
            return Ok(build_texts(count, |group, out| {
                bags::write_bag(out, bags::merged(groups[group].iter().filter_map(|c| texts.get(*c as usize))));
                true
            }));
        }
        Ok(build_texts(count, |group, out| {
            out.push('[');
            for (n, code) in groups[group].iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                cells.write_json(*code as usize, out);
            }
            out.push(']');
            true
        }))
    }

    fn bytes(&self) -> u64 {
        self.values.bytes() + (self.rows.capacity() * 8 + self.seen.capacity() * 9 + self.sizes.capacity() * 4) as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
