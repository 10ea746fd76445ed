//! Everything the console knows, as plain data. Only `update` changes it, and only from messages; panes read it.

pub mod editor;
pub mod entity;
pub mod filter;
pub mod health;
pub mod hunts;
pub mod input;
pub mod layer;
pub mod layout;
pub mod line;
pub mod nav;
pub mod pivot;
pub mod query;
pub mod record;
pub mod table;
pub mod tail;
pub mod timeline;

use ratatui::layout::Size;

use self::entity::Entities;
use self::health::Feeds;
use self::hunts::Hunts;
use self::layer::Layer;
use self::nav::Nav;
use self::query::Query;
use self::record::Record;
use self::tail::Tail;
use self::timeline::Timeline;
use super::action::{Action, Context};
use super::keymap::Keymap;
use crate::base::config::Organisation;
use crate::base::time::{Span, Ticks};

/// How times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    #[default]
    Utc,
    Local,
    /// Age at the time of drawing; nothing is drawn only because time passes.
    Age,
}

/// A line at the foot of the screen, until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub kind: NoticeKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    Info,
    Warning,
    Error,
}

#[derive(Clone, Debug)]
pub struct State {
    pub size: Size,
    /// The clock at the last message.
    pub now: Ticks,
    /// Local time minus UTC.
    pub utc_offset: Span,
    pub time: TimeFormat,
    pub profile: String,
    /// Events are made up; DEMO stands on every screen.
    pub demo: bool,
    /// The name of the theme in use.
    pub theme: String,
    pub keymap: Keymap,
    pub nav: Nav,
    pub layer: Option<Layer>,
    pub notice: Option<Notice>,
    pub tail: Tail,
    pub timeline: Timeline,
    pub record: Record,
    pub health: Feeds,
    pub query: Query,
    pub hunts: Hunts,
    pub entities: Entities,
    /// What hunts need to know; the configuration says it.
    pub organisation: Organisation,
    /// Events taken in by time of arrival, for the rate: (second, events), the newest last.
    pub intake: Intake,
    /// Something may look different now.
    pub dirty: bool,
}

/// Events per second over the last minute.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    seconds: std::collections::VecDeque<(i64, u32)>,
}

impl Intake {
    const WINDOW: i64 = 60;

    pub fn add(&mut self, now: Ticks, events: u32) {
        let second = now.0 / crate::base::time::SECOND;
        match self.seconds.back_mut() {
            Some((at, sum)) if *at == second => *sum += events,
            _ => self.seconds.push_back((second, events)),
        }
        while self.seconds.front().is_some_and(|(at, _)| *at <= second - Self::WINDOW) {
            self.seconds.pop_front();
        }
    }

    /// Events a second over the last minute.
    pub fn rate(&self, now: Ticks) -> f64 {
        let second = now.0 / crate::base::time::SECOND;
        let events: u32 = self.seconds.iter().filter(|(at, _)| *at > second - Self::WINDOW).map(|(_, n)| n).sum();
        f64::from(events) / Self::WINDOW as f64
    }
}

/// Can an action be used now? If not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    Now,
    /// In another place.
    Elsewhere(&'static str),
    No(&'static str),
}

impl State {
    pub fn new(size: Size, now: Ticks, keymap: Keymap) -> Self {
        Self {
            size,
            now,
            utc_offset: Span(0),
            time: TimeFormat::default(),
            profile: "default".to_owned(),
            demo: false,
            theme: "dark".to_owned(),
            keymap,
            nav: Nav::default(),
            layer: None,
            notice: None,
            tail: Tail::default(),
            timeline: Timeline::default(),
            record: Record::default(),
            health: Feeds::default(),
            query: Query::default(),
            hunts: Hunts::default(),
            entities: Entities::default(),
            organisation: Organisation::default(),
            intake: Intake::default(),
            dirty: true,
        }
    }

    /// Where keys are listened to, the first first.
    pub fn contexts(&self) -> Vec<Context> {
        match (&self.layer, self.nav.pane()) {
            (Some(layer), _) => vec![layer.context()],
            (None, pane) if pane.takes_text() => vec![pane],
            (None, pane) => vec![pane, Context::Global],
        }
    }

    /// Rows of events in the tail.
    pub fn tail_rows(&self) -> usize {
        layout::tail_rows(self.size, self.timeline.visible)
    }

    /// Columns of the timeline.
    pub fn timeline_columns(&self) -> u16 {
        layout::timeline_columns(self.size)
    }

    /// Rows of an open event.
    pub fn record_rows(&self) -> usize {
        usize::from(layout::areas(self.size).body.height).saturating_sub(2 + self.record.facts.len())
    }

    pub fn notify(&mut self, kind: NoticeKind, text: impl Into<String>) {
        self.notice = Some(Notice { kind, text: text.into() });
    }

    /// Can an action be used where the analyst is (layers aside)? For the palette, which shows the reason.
    pub fn availability(&self, action: Action) -> Availability {
        let spec = action.spec();
        let pane = self.nav.pane();
        // A pane of the same view is one step away, and the palette takes it.
        let near = |context: &Context| *context == Context::Global || self.nav.view().panes().contains(context);
        if !spec.contexts.iter().any(near) {
            return Availability::Elsewhere(spec.contexts[0].title());
        }
        let reason = match action {
            Action::Back if !self.nav.can_go_back() => "this is a top-level view",
            Action::NextPane | Action::PreviousPane if self.nav.view().panes().len() == 1 => "this view has one pane",
            Action::Open if matches!(pane, Context::Record | Context::Health | Context::FirstRun) => {
                "nothing is selected here"
            }
            Action::CancelQuery if self.query.running.is_none() && self.hunts.running() == 0 => "nothing runs",
            Action::HistoryBack if !self.nav.has_past() => "you have been nowhere before",
            Action::HistoryForward if !self.nav.has_future() => "there is no later place",
            Action::LivePolling if self.health.accounts.is_empty() => "another process polls, or none does",
            Action::ClearFilter if !self.tail.is_filtered() && self.timeline.range().is_none() => "there is no filter",
            Action::FilterLike if self.tail.selected().is_none_or(|line| line.who.is_empty()) => {
                "the selected event names no user"
            }
            _ => return Availability::Now,
        };
        Availability::No(reason)
    }
}
