//! Where the analyst is: five top-level views, a stack of places in each, and a history over all.

use super::super::action::Context;
use super::pivot::Subject;

/// A place. Those below the top level carry what they show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// Nothing is configured and nothing is stored.
    FirstRun,
    Tail,
    Hunts,
    Query,
    Entities,
    Health,
    /// One event, by its sequence number.
    Record(i64),
    /// One row of the result in view.
    Row(usize),
    /// All that is known of one thing.
    Entity(Subject),
}

/// The top-level views, in the order of their numbers.
pub const TOP: [View; 5] = [View::Tail, View::Hunts, View::Query, View::Entities, View::Health];
/// Places remembered.
const HISTORY: usize = 100;

impl View {
    /// The panes of the view, the first has the focus at the start.
    pub const fn panes(&self) -> &'static [Context] {
        match self {
            Self::FirstRun => &[Context::FirstRun],
            Self::Tail => &[Context::Tail, Context::Timeline],
            Self::Hunts => &[Context::Hunts],
            Self::Query => &[Context::Editor, Context::Results],
            Self::Entities | Self::Entity(_) => &[Context::Entities],
            Self::Health => &[Context::Health],
            Self::Record(_) | Self::Row(_) => &[Context::Record],
        }
    }

    /// What a breadcrumb says.
    pub fn title(&self) -> String {
        match self {
            Self::FirstRun => "Welcome".to_owned(),
            Self::Tail => "Tail".to_owned(),
            Self::Hunts => "Hunts".to_owned(),
            Self::Query => "Query".to_owned(),
            Self::Entities => "Entities".to_owned(),
            Self::Health => "Feeds".to_owned(),
            Self::Record(seq) => format!("Event {seq}"),
            Self::Row(row) => format!("Row {}", row + 1),
            Self::Entity(subject) => subject.title(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    top: usize,
    stack: Vec<View>,
}

/// The stacks and the history.
#[derive(Clone, Debug)]
pub struct Nav {
    here: Place,
    /// What each top-level view was left with.
    kept: [Vec<View>; 5],
    last_top: usize,
    past: Vec<Place>,
    future: Vec<Place>,
    /// The pane with the focus in each top-level view.
    focus: [usize; 5],
}

impl Default for Nav {
    fn default() -> Self {
        Self {
            here: Place { top: 0, stack: vec![View::Tail] },
            kept: TOP.map(|view| vec![view]),
            last_top: 1,
            past: Vec::new(),
            future: Vec::new(),
            focus: [0; 5],
        }
    }
}

impl Nav {
    /// The screen of a program that has nothing to show yet.
    pub fn first_run() -> Self {
        Self { here: Place { top: 0, stack: vec![View::Tail, View::FirstRun] }, ..Self::default() }
    }

    pub fn view(&self) -> &View {
        self.here.stack.last().unwrap_or(&TOP[0])
    }

    /// The number of the top-level view, from 0.
    pub fn top(&self) -> usize {
        self.here.top
    }

    /// The places from the top level down to here.
    pub fn crumbs(&self) -> &[View] {
        &self.here.stack
    }

    /// The pane that has the focus.
    pub fn pane(&self) -> Context {
        let panes = self.view().panes();
        let focus = if self.here.stack.len() == 1 { self.focus[self.here.top] } else { 0 };
        panes.get(focus).copied().unwrap_or(panes[0])
    }

    /// Gives the focus to a pane of this view; false when the view has no such pane.
    pub fn focus_on(&mut self, pane: Context) -> bool {
        let found = self.view().panes().iter().position(|p| *p == pane);
        if let Some(at) = found {
            self.focus[self.here.top] = at;
        }
        found.is_some()
    }

    /// The next pane (1) or the one before (-1).
    pub fn turn_focus(&mut self, by: isize) {
        let panes = self.view().panes().len() as isize;
        if self.here.stack.len() == 1 {
            let focus = &mut self.focus[self.here.top];
            *focus = (*focus as isize + by).rem_euclid(panes) as usize;
        }
    }

    fn leave(&mut self) {
        self.kept[self.here.top].clone_from(&self.here.stack);
        self.past.push(self.here.clone());
        if self.past.len() > HISTORY {
            self.past.remove(0);
        }
        self.future.clear();
    }

    /// To a top-level view, as it was left; from within it, to its first place.
    pub fn go(&mut self, top: usize) {
        let stack = if top == self.here.top { vec![TOP[top].clone()] } else { self.kept[top].clone() };
        if (top, &stack) == (self.here.top, &self.here.stack) {
            return;
        }
        self.leave();
        if top != self.here.top {
            self.last_top = self.here.top;
        }
        self.here = Place { top, stack };
    }

    /// The top-level view before this one.
    pub fn last(&mut self) {
        self.go(self.last_top);
    }

    /// One place deeper.
    pub fn push(&mut self, view: View) {
        if *self.view() != view {
            self.leave();
            self.here.stack.push(view);
        }
    }

    /// Another place of the same depth, for next and previous.
    pub fn replace(&mut self, view: View) {
        if let Some(top) = self.here.stack.last_mut() {
            *top = view;
        }
    }

    /// One place up; false at the top level.
    pub fn back(&mut self) -> bool {
        let deep = self.here.stack.len() > 1;
        if deep {
            self.leave();
            self.here.stack.pop();
            self.kept[self.here.top].clone_from(&self.here.stack);
        }
        deep
    }

    pub fn can_go_back(&self) -> bool {
        self.here.stack.len() > 1
    }

    pub fn has_past(&self) -> bool {
        !self.past.is_empty()
    }

    pub fn has_future(&self) -> bool {
        !self.future.is_empty()
    }

    pub fn history_back(&mut self) {
        if let Some(place) = self.past.pop() {
            self.future.push(std::mem::replace(&mut self.here, place));
        }
    }

    pub fn history_forward(&mut self) {
        if let Some(place) = self.future.pop() {
            self.past.push(std::mem::replace(&mut self.here, place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crumbs(nav: &Nav) -> String {
        nav.crumbs().iter().map(View::title).collect::<Vec<_>>().join(" > ")
    }

    #[test]
    fn a_top_level_view_is_as_it_was_left() {
        let mut nav = Nav::default();
        nav.push(View::Record(7));
        assert_eq!(crumbs(&nav), "Tail > Event 7");
        nav.go(4);
        assert_eq!(crumbs(&nav), "Feeds");
        nav.last();
        assert_eq!(crumbs(&nav), "Tail > Event 7");
        nav.go(0);
        assert_eq!(crumbs(&nav), "Tail");
        assert!(!nav.back());
    }

    #[test]
    fn history_goes_back_and_forward_over_all_views() {
        let mut nav = Nav::default();
        nav.push(View::Record(7));
        nav.go(2);
        nav.history_back();
        nav.history_back();
        assert_eq!(crumbs(&nav), "Tail");
        assert!(!nav.has_past());
        nav.history_forward();
        assert_eq!(crumbs(&nav), "Tail > Event 7");
        nav.back();
        assert!(!nav.has_future(), "a new step ends the way forward");
    }

    #[test]
    fn the_focus_turns_among_the_panes_of_a_view() {
        let mut nav = Nav::default();
        assert_eq!(nav.pane(), Context::Tail);
        nav.turn_focus(1);
        assert_eq!(nav.pane(), Context::Timeline);
        nav.push(View::Record(1));
        assert_eq!(nav.pane(), Context::Record);
        nav.back();
        nav.turn_focus(-1);
        assert_eq!(nav.pane(), Context::Tail);
        assert!(nav.focus_on(Context::Timeline) && !nav.focus_on(Context::Editor));
    }
}
