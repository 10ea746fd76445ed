//! Pages about one thing: summary, timeline, lists. Enter on an entry of a list goes deeper.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pivot::{ACTIONS, FACTS, LABEL, List, Question, Subject, Window};
use super::table::Table;
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::engine::Answer;
use crate::event::Feed;
use crate::event::catalogue::{self, Outcome};

/// Pages kept; the one looked at longest ago goes first.
const PAGES: usize = 40;

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value, for going deeper; not safe to draw.
    pub id: Box<str>,
    pub label: Box<str>,
    pub events: u64,
    pub failures: u64,
    pub last: Option<Ticks>,
}

/// A list with what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub list: List,
    pub entries: Vec<Entry>,
    /// The first entry in view.
    pub top: usize,
}

/// A bin of the page's timeline: its start, the outcome, how many.
pub type Bar = (Ticks, Outcome, u64);

#[derive(Clone, Debug)]
pub struct Page {
    pub question: Question,
    pub window: Window,
    /// The range of the timeline that it was asked for, in place of the window.
    pub range: Option<(Ticks, Ticks)>,
    pub loading: bool,
    pub problem: Option<String>,
    /// The facts of the summary, by name; times as the store has them.
    pub facts: BTreeMap<&'static str, Fact>,
    /// What its UUID stands for, where that is known.
    pub name: Option<Box<str>>,
    pub bars: Vec<Bar>,
    pub sections: Vec<Section>,
    /// Section and entry with the cursor.
    pub at: (usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    Count(u64),
    Time(Ticks),
}

/// The pages that were looked at.
#[derive(Clone, Debug, Default)]
pub struct Entities {
    pub window: Window,
    pages: Vec<(Subject, Page)>,
}

impl Entities {
    pub fn page(&self, subject: &Subject) -> Option<&Page> {
        self.pages.iter().find(|(of, _)| of == subject).map(|(_, page)| page)
    }

    pub fn page_mut(&mut self, subject: &Subject) -> Option<&mut Page> {
        self.pages.iter_mut().find(|(of, _)| of == subject).map(|(_, page)| page)
    }

    /// A page whose answer is on its way; what it showed stays until then.
    pub fn ask(&mut self, question: Question, range: Option<(Ticks, Ticks)>) {
        let window = self.window;
        let at = self.pages.iter().position(|(of, _)| *of == question.subject);
        let subject = question.subject.clone();
        let page = match at.map(|at| self.pages.remove(at).1) {
            Some(page) => Page { question, window, range, loading: true, problem: None, ..page },
            None => Page {
                question,
                window,
                range,
                loading: true,
                problem: None,
                facts: BTreeMap::new(),
                name: None,
                bars: Vec::new(),
                sections: Vec::new(),
                at: (0, 0),
            },
        };
        self.pages.push((subject, page));
        if self.pages.len() > PAGES {
            self.pages.remove(0);
        }
    }

    /// The answer to a page's question, unless it was asked again since.
    pub fn fill(&mut self, question: &Question, answer: Result<&Arc<Answer>, String>) {
        let Some(page) = self.page_mut(&question.subject).filter(|page| page.question == *question) else { return };
        page.loading = false;
        match answer {
            Err(problem) => page.problem = Some(problem),
            Ok(answer) => page.fill(answer),
        }
    }
}

impl Page {
    fn fill(&mut self, answer: &Answer) {
        let mut tables = answer.tables.iter().map(|table| Table::new(table.clone()));
        if let Some(summary) = tables.next() {
            for (head, value) in summary.record(0) {
                if &*head.name == LABEL {
                    let name = value.filter(|name| !name.is_empty());
                    self.name = name.map(|name| Shown::with_limit(&name, 60).into_string().into());
                    continue;
                }
                let Some(name) = FACTS.into_iter().find(|name| *name == &*head.name) else { continue };
                let fact = value.and_then(|text| match text.parse() {
                    Ok(count) => Some(Fact::Count(count)),
                    Err(_) => Ticks::parse_rfc3339(&text).map(Fact::Time),
                });
                match fact {
                    Some(fact) => self.facts.insert(name, fact),
                    None => self.facts.remove(name),
                };
            }
        }
        if let Some(bars) = tables.next() {
            let bar = |row| {
                let outcome = match bars.value(row, 1)?.as_str() {
                    "success" => Outcome::Success,
                    "failure" => Outcome::Failure,
                    _ => Outcome::Unknown,
                };
                Some((Ticks::parse_rfc3339(&bars.value(row, 0)?)?, outcome, bars.value(row, 2)?.parse().ok()?))
            };
            self.bars = (0..bars.rows()).filter_map(bar).collect();
        }
        let sections: Vec<Section> =
            self.question.lists.iter().zip(tables).map(|(list, table)| Section::new(*list, &table)).collect();
        self.sections = sections;
        let section = self.at.0.min(self.sections.len().saturating_sub(1));
        let entries = self.sections.get(section).map_or(0, |section| section.entries.len());
        self.at = (section, self.at.1.min(entries.saturating_sub(1)));
    }

    pub fn entry(&self) -> Option<(&Section, &Entry)> {
        let section = self.sections.get(self.at.0)?;
        Some((section, section.entries.get(self.at.1)?))
    }

    /// Moves within the list; `height` entries are in view.
    pub fn move_by(&mut self, by: isize, height: usize) {
        let Some(section) = self.sections.get_mut(self.at.0) else { return };
        let last = section.entries.len().saturating_sub(1);
        self.at.1 = self.at.1.saturating_add_signed(by).min(last);
        section.top = section.top.clamp(self.at.1.saturating_sub(height.max(1) - 1), self.at.1);
    }

    /// To another list, on the entry at the same height where there is one.
    pub fn turn(&mut self, by: isize) {
        let count = self.sections.len() as isize;
        if count == 0 {
            return;
        }
        let row = self.at.1.saturating_sub(self.sections[self.at.0].top);
        self.at.0 = (self.at.0 as isize + by).rem_euclid(count) as usize;
        let section = &self.sections[self.at.0];
        self.at.1 = (section.top + row).min(section.entries.len().saturating_sub(1));
    }
}

impl Section {
    fn new(list: List, table: &Table) -> Self {
        let column = |name: &str| table.heads.iter().position(|head| &*head.name == name);
        let number = |row, name| column(name).and_then(|at| table.value(row, at)?.parse().ok()).unwrap_or(0);
        let text = |row, name| column(name).and_then(|at| table.value(row, at)).unwrap_or_default();
        let entry = |row| {
            let id = text(row, list.column);
            let label = if list.column == ACTIONS {
                let feed = Feed::from_name(&text(row, "feed")).unwrap_or(Feed::AuditEvents);
                action(feed, &id, &text(row, "object_type"))
            } else {
                let label = text(row, LABEL);
                if label.is_empty() { id.clone() } else { label }
            };
            Entry {
                label: Shown::with_limit(&label, 120).into_string().into(),
                id: id.into(),
                events: number(row, "events"),
                failures: number(row, "failures"),
                last: Ticks::parse_rfc3339(&text(row, "last_seen")),
            }
        };
        Self { list, entries: (0..table.rows()).map(entry).collect(), top: 0 }
    }
}

/// What was done, in words.
fn action(feed: Feed, event_type: &str, object_type: &str) -> String {
    let meaning = match feed {
        Feed::SignInAttempts => catalogue::sign_in(event_type, ""),
        Feed::ItemUsages => catalogue::usage(event_type),
        Feed::AuditEvents => catalogue::audit(event_type, object_type),
        Feed::ConnectActivity => catalogue::connect(event_type, "", object_type),
    };
    meaning.label.into_owned()
}
