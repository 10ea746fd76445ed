//! `buildschema`: the smallest schema that admits every dynamic value of a group.

use std::collections::BTreeSet;

use arrow::array::ArrayRef;

use super::super::column::{Result, Vector, build_texts, internal};
use super::super::functions::dynamic::{quote, type_name};
use super::{Accumulator, same};
use crate::event::json::{self, Kind};

/// How deep a schema looks.
const DEEPEST: usize = 64;

/// What stands at one place of a value: names of simple types, and what is inside bags and arrays.
#[derive(Clone, Debug, Default)]
struct Shape {
    simple: BTreeSet<&'static str>,
    /// Members in the order they were first seen.
    members: Option<Vec<(String, Shape)>>,
    elements: Option<Box<Shape>>,
}

impl Shape {
    fn add(&mut self, value: &str, depth: usize) {
        match json::kind(value) {
            Some(Kind::Object) if depth < DEEPEST => {
                let members = self.members.get_or_insert_default();
                for (key, inner) in json::members(value).unwrap_or_default() {
                    member(members, &key).add(inner, depth + 1);
                }
            }
            Some(Kind::List) if depth < DEEPEST => {
                let elements = self.elements.get_or_insert_default();
                for inner in json::elements(value).unwrap_or_default() {
                    elements.add(inner, depth + 1);
                }
            }
            Some(Kind::Null) | None => {}
            _ => {
                self.simple.insert(type_name(value));
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.simple.extend(other.simple);
        if let Some(theirs) = other.members {
            let members = self.members.get_or_insert_default();
            for (key, shape) in theirs {
                member(members, &key).merge(shape);
            }
        }
        if let Some(theirs) = other.elements {
            self.elements.get_or_insert_default().merge(*theirs);
        }
    }

    /// One type as itself, several as an array of them.
    fn write(&self, out: &mut String) {
        let mut parts: Vec<String> = self
            .simple
            .iter()
            .map(|name| {
                let mut text = String::new();
                quote(&mut text, name);
                text
            })
            .collect();
        if let Some(members) = &self.members {
            let mut text = String::from("{");
            for (n, (key, shape)) in members.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                quote(&mut text, key);
                text.push(':');
                shape.write(&mut text);
            }
            text.push('}');
            parts.push(text);
        }
        if let Some(elements) = &self.elements {
            let mut text = String::from("{\"`indexer`\":");
            elements.write(&mut text);
            text.push('}');
            parts.push(text);
        }
        match parts.as_slice() {
            [] => out.push_str("\"null\""),
            [one] => out.push_str(one),
            several => {
                out.push('[');
                out.push_str(&several.join(","));
                out.push(']');
            }
        }
    }

    fn bytes(&self) -> usize {
        let members = self.members.iter().flatten().map(|(key, shape)| key.len() + shape.bytes()).sum::<usize>();
        size_of::<Self>() + members + self.elements.as_ref().map_or(0, |e| e.bytes())
    }
}

fn member<'a>(members: &'a mut Vec<(String, Shape)>, key: &str) -> &'a mut Shape {
    let at = members.iter().position(|(k, _)| k == key).unwrap_or_else(|| {
        members.push((key.to_owned(), Shape::default()));
        members.len() - 1
    });
    &mut members[at].1
}

#[derive(Debug, Default)]
pub struct BuildSchema {
    shapes: Vec<Shape>,
}

impl Accumulator for BuildSchema {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.shapes.resize_with(count, Shape::default);
        let texts = args.first().ok_or_else(|| internal("buildschema of nothing"))?.texts()?;
        for (i, g) in groups.iter().enumerate() {
            if let Some(value) = texts.get(i) {
                self.shapes[*g as usize].add(value, 0);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.shapes.resize_with(count, Shape::default);
        for (shape, to) in same::<Self>(other)?.shapes.into_iter().zip(mapping) {
            self.shapes[*to as usize].merge(shape);
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.shapes.resize_with(count, Shape::default);
        Ok(build_texts(count, |group, out| {
            self.shapes[group].write(out);
            true
        }))
    }

    fn bytes(&self) -> u64 {
        self.shapes.iter().map(|s| s.bytes() as u64).sum()
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_names_every_type_that_was_seen() {
        let mut shape = Shape::default();
        shape.add(r#"{"id":1,"tags":["a"]}"#, 0);
        let mut other = Shape::default();
        other.add(r#"{"id":"x","tags":[true],"at":{"lat":1.5}}"#, 0);
        shape.merge(other);
        let mut text = String::new();
        shape.write(&mut text);
        assert_eq!(text, r#"{"id":["long","string"],"tags":{"`indexer`":["bool","string"]},"at":{"lat":"double"}}"#);
    }
}
