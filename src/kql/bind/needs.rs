//! What binding needs from data, and what is known of it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use super::Binder;
use super::scope::Table;
use crate::kql::plan::{Output, Plan, Rel};
use crate::kql::value::Value;

/// A plan to run before binding can go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The same for the same plan, in every round of binding.
    pub key: String,
    pub plan: Plan,
    pub what: What,
}

/// What is wanted of a need's one result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The first column of the first row: `Answer::Cell`.
    Cell,
    /// The whole first column: `Answer::Column`.
    Column,
}

/// What running a need gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Null of the column's type where there is no row.
    Cell(Value),
    Column(Vec<Value>),
}

/// The answers so far, by the needs' keys.
#[derive(Clone, Debug, Default)]
pub struct Known(HashMap<String, Answer>);

impl Known {
    pub fn put(&mut self, key: impl Into<String>, answer: Answer) {
        self.0.insert(key.into(), answer);
    }

    pub fn get(&self, key: &str) -> Option<&Answer> {
        self.0.get(key)
    }
}

/// Feeds formatted text to a hash, so that a large plan is never one string.
struct Hashing(DefaultHasher);

impl std::fmt::Write for Hashing {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

fn key(rel: &Rel, shared: &[Arc<Rel>], what: What) -> String {
    let mut hashing = Hashing(DefaultHasher::new());
    // Writing to a hash cannot fail.
    let _ = write!(hashing, "{what:?}{rel:?}{shared:?}");
    format!("{what:?}-{:016x}", hashing.0.finish())
}

impl Binder<'_> {
    /// What the table gives, if it has been run; else notes that it must be.
    ///
    /// One need a round: what is bound after the first one may hang on its answer.
    pub(super) fn answer(&mut self, table: &Table, what: What) -> Option<Answer> {
        if self.poisoned || table.open || !self.needs.is_empty() {
            return None;
        }
        if table.rel.reads_given() {
            self.asked_given = true;
            return None;
        }
        let key = key(&table.rel, &self.shared, what);
        if let Some(answer) = self.context.known.get(&key) {
            return Some(answer.clone());
        }
        let output = Output { name: "need".into(), rel: Arc::clone(&table.rel), render: None };
        self.needs.push(Need { key, plan: Plan { outputs: vec![output], shared: self.shared.clone() }, what });
        None
    }

    /// Some constant is not known yet: its place is held by a null, of which nothing is to be said.
    pub(super) fn is_pending(&self) -> bool {
        !self.needs.is_empty() || self.poisoned
    }
}
