//! The query view: what is written, what runs, what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::editor::Editor;
use super::pivot;
use super::table::Table;
use crate::base::time::Ticks;
use crate::engine::{Answer, QueryError, Statistics};
use crate::hunt::EntityKind;
use crate::kql::Severity;

/// What an analyst without a query sees: it runs as it stands.
pub const FIRST: &str = "OnePasswordEvents\n| where timestamp > ago(7d)\n| summarize events = count(), failures = countif(outcome == \"failure\") by user_email\n| top 20 by events";

/// A query that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub id: u64,
    pub since: Ticks,
    /// Rows done, rows in all, as far as known.
    pub progress: (u64, u64),
    /// Stopping was asked for.
    pub stopping: bool,
}

/// How the last one went.
#[derive(Clone, Debug)]
pub struct Ran {
    pub elapsed: Duration,
    pub statistics: Statistics,
    /// Warnings of binding and of the run, safe to draw.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Query {
    pub editor: Editor,
    pub running: Option<Running>,
    pub ran: Option<Ran>,
    /// Why there is no answer, safe to draw.
    pub problem: Option<String>,
    pub tables: Vec<Table>,
    /// The table in view.
    pub shown: usize,
    /// The hunt whose answer this is, by name.
    pub hunt: Option<String>,
    /// What columns of the answer name, where a hunt says so.
    pub entities: BTreeMap<String, EntityKind>,
    /// Completions at the cursor.
    pub completions: Option<Completions>,
    next: u64,
}

/// Words that fit at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completions {
    pub items: Vec<Completion>,
    pub selected: usize,
}

/// One word: what is shown, what it is, and the bytes of the text that it takes the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub label: String,
    pub detail: String,
    pub insert: String,
    pub range: std::ops::Range<usize>,
}

impl Query {
    pub fn table(&self) -> Option<&Table> {
        self.tables.get(self.shown)
    }

    pub fn table_mut(&mut self) -> Option<&mut Table> {
        self.tables.get_mut(self.shown)
    }

    /// Begins a run; answers its number.
    pub fn begin(&mut self, now: Ticks) -> u64 {
        self.next += 1;
        self.editor.remember();
        self.running = Some(Running { id: self.next, since: now, progress: (0, 0), stopping: false });
        self.problem = None;
        self.completions = None;
        self.next
    }

    /// The end of a run; an older one's is not wanted any more. True when there is an answer.
    pub fn end(&mut self, id: u64, result: &Result<Arc<Answer>, Arc<QueryError>>) -> bool {
        if self.running.as_ref().is_none_or(|running| running.id != id) {
            return false;
        }
        self.running = None;
        match result {
            Ok(answer) => {
                self.tables = answer.tables.iter().cloned().map(Table::new).collect();
                self.shown = 0;
                let warnings = answer.warnings.iter().map(|warning| shown(&warning.message)).collect();
                self.ran =
                    Some(Ran { elapsed: answer.statistics.elapsed, statistics: answer.statistics.clone(), warnings });
                true
            }
            Err(error) => {
                if let QueryError::Invalid(diagnostics) = error.as_ref() {
                    self.editor.diagnostics.clone_from(diagnostics);
                    let first = diagnostics.iter().find(|d| d.severity == Severity::Error);
                    if let Some(first) = first.filter(|d| (d.range.start as usize) < self.editor.text().len()) {
                        self.editor.jump(first.range.start as usize);
                    }
                }
                self.problem = Some(shown(&error.to_string()));
                false
            }
        }
    }

    /// The thing that the cell with the cursor names; else the first thing that its row names, of a kind that is wanted.
    pub fn subject(&self, wanted: Option<EntityKind>) -> Option<pivot::Subject> {
        let table = self.table()?;
        let kind = |name: &str| self.entities.get(name).copied().or_else(|| pivot::kind_of(name));
        let columns = std::iter::once(table.column).chain(0..table.heads.len());
        columns
            .filter_map(|column| Some((column, kind(&table.heads.get(column)?.name)?)))
            .filter(|(_, kind)| wanted.is_none_or(|wanted| wanted == *kind) && *kind != EntityKind::Event)
            .find_map(|(column, kind)| {
                let id = table.value(table.selected, column).filter(|id| !id.is_empty() && !id.starts_with('['))?;
                Some(pivot::Subject::one(kind, id.trim_matches('"')))
            })
    }
}

fn shown(text: &str) -> String {
    crate::base::shown::Shown::with_limit(text, 2000).into_string()
}
