//! The properties of bags and the types of their values, for the binder of `bag_unpack`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::time::Ticks;
use crate::engine::QueryError;
use crate::engine::local::batch::Batch;
use crate::engine::local::column::{Result, Texts, collect_texts, internal};
use crate::engine::local::control::{Account, Control};
use crate::engine::local::pipeline::{Pipeline, Runner, Sink};
use crate::event::json::{self, Kind};
use crate::kql::Type;

/// Columns that bags may become.
const MOST: usize = 10_000;

/// One row a property: its type, a space, its name.
pub fn properties(runner: &Runner, pipeline: Pipeline) -> Result<Batch> {
    let sink = Arc::new(Shapes { control: Arc::clone(&runner.control) });
    let mut all: BTreeMap<String, Kinds> = BTreeMap::new();
    for state in runner.run(pipeline, sink, false)? {
        for (name, kinds) in state.properties {
            all.entry(name).or_default().0 |= kinds.0;
        }
    }
    let texts: Vec<String> = all.into_iter().map(|(name, kinds)| format!("{} {name}", kinds.ty())).collect();
    Ok(Batch::new(texts.len(), vec![collect_texts(texts.len(), |i| Some(&*texts[i]))]))
}

/// The types that values of a property have, a bit each.
#[derive(Clone, Copy, Debug, Default)]
struct Kinds(u8);

const KINDS: [(u8, Type); 5] =
    [(1, Type::Long), (2, Type::Real), (4, Type::String), (8, Type::Bool), (16, Type::DateTime)];
const OTHER: u8 = 32;

impl Kinds {
    fn of(value: &str) -> Self {
        Self(match json::kind(value) {
            None | Some(Kind::Null) => 0,
            Some(Kind::Number) if value.trim().parse::<i64>().is_ok() => 1,
            Some(Kind::Number) => 2,
            // Texts that a person wrote stay texts, dates too.
            Some(Kind::Text) if is_datetime(value) => 16,
            Some(Kind::Text) => 4,
            Some(Kind::Boolean) => 8,
            Some(Kind::List | Kind::Object) => OTHER,
        })
    }

    /// The one type of all values; dynamic where they differ, and where there is none.
    fn ty(self) -> Type {
        KINDS.iter().find(|(bit, _)| *bit == self.0).map_or(Type::Dynamic, |(_, ty)| *ty)
    }
}

/// A quoted `2026-01-02T03:04:05.0000000Z`, seven digits and all: how a datetime lies in a bag.
fn is_datetime(value: &str) -> bool {
    let text = value.trim().trim_matches('"');
    text.len() == 28 && text.ends_with('Z') && Ticks::parse_rfc3339(text).is_some()
}

struct Shapes {
    control: Arc<Control>,
}

struct Shape {
    properties: BTreeMap<String, Kinds>,
    account: Account,
}

impl Sink for Shapes {
    type State = Shape;

    fn start(&self) -> Result<Shape> {
        Ok(Shape { properties: BTreeMap::new(), account: self.control.account("bag_unpack") })
    }

    fn push(&self, state: &mut Shape, _: usize, batch: Batch) -> Result<bool> {
        let column = batch.columns.first().ok_or_else(|| internal("bag_unpack without a column"))?;
        let texts = Texts::of(column)?;
        let before = state.properties.len();
        let mut last = None;
        for row in 0..batch.rows {
            if row % 4096 == 0 {
                self.control.check()?;
            }
            let text = texts.get(row);
            // Dictionaries repeat their values, and neighbours often are equal.
            if text.map(str::as_ptr) == last {
                continue;
            }
            last = text.map(str::as_ptr);
            for (name, value) in text.and_then(json::members).unwrap_or_default() {
                let kinds = Kinds::of(value);
                if let Some(known) = state.properties.get_mut(&*name) {
                    known.0 |= kinds.0;
                } else {
                    state.properties.insert(name.into_owned(), kinds);
                }
            }
            if state.properties.len() > MOST {
                return Err(QueryError::Runtime(format!(
                    "the bags have more than {MOST} properties: say which are wanted, bag_unpack(column) : (name: string, …)"
                )));
            }
        }
        if state.properties.len() > before {
            state.account.hold(state.properties.keys().map(|name| name.len() as u64 + 64).sum())?;
        }
        Ok(true)
    }
}
