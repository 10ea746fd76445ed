//! The hunts: which there are, and what each found when it was last run.

use std::collections::BTreeMap;

use crate::base::time::Ticks;
use crate::hunt::{Hunt, Pack};

/// How a hunt's last run went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Running,
    Found { rows: u64, at: Ticks },
    Failed(String),
}

#[derive(Clone, Debug, Default)]
pub struct Hunts {
    pub pack: Pack,
    pub selected: usize,
    pub top: usize,
    pub outcomes: BTreeMap<String, Outcome>,
}

impl Hunts {
    pub fn len(&self) -> usize {
        self.pack.iter().len()
    }

    pub fn selected(&self) -> Option<&Hunt> {
        self.pack.iter().nth(self.selected)
    }

    pub fn move_by(&mut self, by: isize, height: usize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.len().saturating_sub(1));
        self.top = self.top.clamp(self.selected.saturating_sub(height.max(1) - 1), self.selected);
    }

    /// Hunts that run now.
    pub fn running(&self) -> usize {
        self.outcomes.values().filter(|outcome| **outcome == Outcome::Running).count()
    }
}
