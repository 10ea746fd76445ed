//! From a key of an event to the stored column that holds it, without comparing against all of them.

use std::sync::LazyLock;

use crate::event::schema::{DYNAMIC, Holds, Physical, STORED};

/// What a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Time,
    Int32,
    Int64,
    Real,
}

/// Where a key of the event leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A position of `STORED`.
    Column(usize),
    /// A position of `DYNAMIC`.
    Group(usize),
    /// When version 3 took the event in; version 2 has no such key.
    Insertion,
}

/// The event's keys by their length: at most a handful share one.
#[derive(Debug)]
pub(super) struct Keys {
    top: Vec<Vec<(&'static str, Target)>>,
    paths: Vec<Vec<(&'static str, usize)>>,
    pub kinds: Vec<Kind>,
    pub uuid: usize,
    pub timestamp: usize,
    pub category: usize,
}

impl Keys {
    pub fn get() -> &'static Self {
        static KEYS: LazyLock<Keys> = LazyLock::new(Keys::new);
        &KEYS
    }

    fn new() -> Self {
        let kind = |column: &crate::event::schema::Stored| match column.physical {
            _ if column.name == "timestamp" => Kind::Time,
            Physical::Int32 => Kind::Int32,
            Physical::Int64 => Kind::Int64,
            Physical::Float64 => Kind::Real,
            Physical::Dictionary | Physical::Text | Physical::Boolean => Kind::Text,
        };
        let mut keys = Self {
            top: Vec::new(),
            paths: DYNAMIC.iter().map(|_| Vec::new()).collect(),
            kinds: STORED.iter().map(kind).collect(),
            uuid: 0,
            timestamp: 0,
            category: 0,
        };
        keys.add("insert_time", Target::Insertion);
        for (group, name) in DYNAMIC.iter().enumerate() {
            keys.add(name, Target::Group(group));
        }
        for (column, stored) in STORED.iter().enumerate() {
            match stored.holds {
                Holds::Scalar("") | Holds::Arrival | Holds::Raw => {}
                Holds::Scalar(key) => {
                    keys.add(key, Target::Column(column));
                    match key {
                        "uuid" => keys.uuid = column,
                        "timestamp" => keys.timestamp = column,
                        "category" => keys.category = column,
                        _ => {}
                    }
                }
                Holds::Path(of, key) => {
                    if let Some(group) = DYNAMIC.iter().position(|name| *name == of) {
                        keys.paths[group].push((key, column));
                    }
                }
            }
        }
        keys
    }

    fn add(&mut self, key: &'static str, target: Target) {
        if self.top.len() <= key.len() {
            self.top.resize_with(key.len() + 1, Vec::new);
        }
        self.top[key.len()].push((key, target));
    }

    pub fn target(&self, key: &str) -> Option<Target> {
        self.top.get(key.len())?.iter().find(|(name, _)| *name == key).map(|(_, target)| *target)
    }

    /// The stored paths of a dynamic column.
    pub fn paths(&self, group: usize) -> &[(&'static str, usize)] {
        &self.paths[group]
    }

    pub fn path(&self, group: usize, key: &str) -> Option<usize> {
        self.paths[group].iter().find(|(name, _)| *name == key).map(|(_, column)| *column)
    }
}
