//! Everything a person can do, once: this registry is the keymap, the palette, the help, the footer and the `[keys]` of the configuration.
//!
//! To add an action: a variant, its line in `REGISTRY`, and an arm in the `update` file of the pane that does it.

use std::fmt;

/// Where keys are listened to. The focused place comes first, then `Global`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere, unless text is typed.
    Global,
    Tail,
    Timeline,
    Record,
    Hunts,
    Editor,
    Results,
    Entities,
    Health,
    FirstRun,
    /// A line of text is typed: filter, search.
    Prompt,
    Palette,
    Help,
}

impl Context {
    pub const ALL: [Self; 13] = [
        Self::Global,
        Self::Tail,
        Self::Timeline,
        Self::Record,
        Self::Hunts,
        Self::Editor,
        Self::Results,
        Self::Entities,
        Self::Health,
        Self::FirstRun,
        Self::Prompt,
        Self::Palette,
        Self::Help,
    ];

    /// Are plain letters text here, so that only keys with control or alt and the named ones are actions?
    pub const fn takes_text(self) -> bool {
        matches!(self, Self::Editor | Self::Prompt | Self::Palette | Self::Help)
    }

    /// Is it laid over the panes and takes every key?
    pub const fn is_layer(self) -> bool {
        matches!(self, Self::Prompt | Self::Palette | Self::Help)
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Global => "everywhere",
            Self::Tail => "live tail",
            Self::Timeline => "timeline",
            Self::Record => "event",
            Self::Hunts => "hunts",
            Self::Editor => "query editor",
            Self::Results => "results",
            Self::Entities => "drill-down",
            Self::Health => "feeds",
            Self::FirstRun => "first run",
            Self::Prompt => "typing a filter",
            Self::Palette => "command palette",
            Self::Help => "help",
        }
    }
}

/// An action's entry.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub action: Action,
    /// The name in the configuration and the palette.
    pub name: &'static str,
    /// One or two words for the footer.
    pub label: &'static str,
    /// A sentence for help and the palette.
    pub description: &'static str,
    pub contexts: &'static [Context],
    /// The keys it has without a configuration.
    pub keys: &'static [&'static str],
    /// Its place in the footer: lower comes first, 0 is not shown there.
    pub footer: u8,
}

macro_rules! actions {
    ($($action:ident, $name:literal, $label:literal, $description:literal, [$($context:ident),*], [$($key:literal),*], $footer:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($action),* }

        /// Every action, in the order help shows them.
        pub const REGISTRY: &[Spec] = &[$(Spec {
            action: Action::$action,
            name: $name,
            label: $label,
            description: $description,
            contexts: &[$(Context::$context),*],
            keys: &[$($key),*],
            footer: $footer,
        }),*];
    };
}

// variant, name, label, description, contexts, keys, place in the footer
actions! {
    // Everywhere.
    Help, "help", "help", "Show the keys that work here, and all others", [Global], ["?", "f1"], 90;
    Palette, "palette", "commands", "Find an action by its name", [Global, Editor], [":", "ctrl-p"], 91;
    Quit, "quit", "quit", "Leave Vaultscope; polling by a separate collector goes on", [Global], ["q"], 92;
    QuitNow, "quit-now", "quit", "Leave at once, from anywhere", [Global, Editor, Prompt, Palette, Help], ["ctrl-c"], 0;
    Back, "back", "back", "Close what is on top, or go back to where you came from", [Global, Prompt, Palette, Help, Editor], ["esc"], 80;
    ViewTail, "view.tail", "tail", "Live tail and timeline", [Global, Editor], ["1", "alt-1"], 0;
    ViewHunts, "view.hunts", "hunts", "Saved hunts", [Global, Editor], ["2", "alt-2"], 0;
    ViewQuery, "view.query", "query", "Query editor and results", [Global, Editor], ["3", "alt-3"], 0;
    ViewEntities, "view.entities", "entities", "Users and vaults", [Global, Editor], ["4", "alt-4"], 0;
    ViewHealth, "view.health", "feeds", "Health of the feeds", [Global, Editor], ["5", "alt-5"], 0;
    LastView, "view.last", "last view", "Go to the view before this one", [Global], ["-"], 0;
    HistoryBack, "history.back", "earlier", "Go back through the places you have been", [Global], ["["], 0;
    HistoryForward, "history.forward", "later", "Go forward again", [Global], ["]"], 0;
    NextPane, "pane.next", "next pane", "Move to the next pane of this view", [Global, Editor], ["tab"], 70;
    PreviousPane, "pane.previous", "previous pane", "Move to the pane before", [Global, Editor], ["shift-tab"], 0;
    LivePolling, "feeds.live", "live", "Poll every ten seconds instead of every five minutes, or go back", [Global], ["L"], 0;
    TimeFormat, "time.format", "time", "Show times as UTC, as local time, or as an age", [Global], ["T"], 0;
    NextTheme, "theme.next", "theme", "Use the next theme: dark, light, high contrast, mono", [Global], [], 0;
    Redraw, "redraw", "redraw", "Draw the whole screen again", [Global, Editor, Prompt, Palette, Help], ["ctrl-l"], 0;
    Suspend, "suspend", "suspend", "Stop the program and go back to the shell; fg resumes it", [Global, Prompt, Palette, Help], ["ctrl-z"], 0;

    // Moving about: what it moves is up to the pane.
    Up, "move.up", "up", "One row up", [Global, Palette, Help, Prompt], ["up"], 0;
    Down, "move.down", "down", "One row down", [Global, Palette, Help, Prompt], ["down"], 0;
    UpLetter, "move.up.letter", "up", "One row up", [Global], ["k"], 0;
    DownLetter, "move.down.letter", "down", "One row down", [Global], ["j"], 0;
    Left, "move.left", "left", "To the left", [Global], ["left", "h"], 0;
    Right, "move.right", "right", "To the right", [Global], ["right", "l"], 0;
    PageUp, "move.page-up", "page up", "One page up", [Global, Palette, Help], ["pageup", "ctrl-u"], 0;
    PageDown, "move.page-down", "page down", "One page down", [Global, Palette, Help], ["pagedown", "ctrl-d"], 0;
    Top, "move.top", "top", "To the first", [Global], ["home", "g"], 0;
    Bottom, "move.bottom", "bottom", "To the last", [Global], ["end", "G"], 0;
    Open, "open", "open", "Open what is selected", [Global, Palette, Prompt], ["enter"], 10;
    Copy, "copy", "copy", "Copy what is selected to the terminal's clipboard", [Global], ["y"], 0;

    // The live tail.
    Follow, "tail.follow", "follow", "Pause the view, or resume and follow the newest event; events are taken in either way", [Tail, Timeline], ["space", "f"], 20;
    Filter, "tail.filter", "filter", "Filter the tail: every word must match, -word must not, field:value looks in one field", [Tail, Timeline], ["/"], 21;
    ClearFilter, "tail.clear", "clear filter", "Drop the filter and the chosen range", [Tail, Timeline], ["x"], 0;
    OnlySevere, "tail.severe", "severe", "Show only events with a severity hint of medium and above, or all again", [Tail], ["!"], 0;
    Plumbing, "tail.plumbing", "plumbing", "Show or hide what clients do by themselves, such as delegated sessions", [Tail], ["."], 0;
    FilterLike, "tail.like", "only this user", "Filter by the user of the selected event", [Tail], ["="], 0;
    ToggleTimeline, "timeline.toggle", "timeline", "Show or hide the timeline", [Tail, Timeline], ["t"], 0;

    // The timeline.
    ZoomIn, "timeline.zoom-in", "zoom in", "Shorter bins", [Timeline], ["+", "z"], 30;
    ZoomOut, "timeline.zoom-out", "zoom out", "Longer bins", [Timeline], ["_", "Z"], 31;
    SelectRange, "timeline.select", "select", "Start or end a range at the cursor", [Timeline], ["v"], 32;
    StackBy, "timeline.stack", "stack by", "Stack by feed, or by outcome", [Timeline], ["o"], 33;

    // One event.
    NextRecord, "record.next", "next event", "The event after this one", [Record], ["n"], 20;
    PreviousRecord, "record.previous", "previous", "The event before this one", [Record], ["p"], 21;
    ToggleRaw, "record.raw", "raw", "Show the event as it came, byte for byte, or laid out", [Record], ["r"], 22;

    // From an event or a row to what it names.
    PivotUser, "pivot.user", "user", "All that is known of the user of what is selected", [Tail, Record, Results], ["u"], 30;
    PivotVault, "pivot.vault", "vault", "All that is known of its vault", [Tail, Record, Results], ["v"], 31;
    PivotAddress, "pivot.address", "address", "All that is known of its address", [Tail, Record, Results], ["a"], 32;

    // The query editor and its results.
    RunQuery, "query.run", "run", "Run the query", [Editor, Results], ["f5", "alt-enter"], 10;
    CancelQuery, "query.cancel", "cancel", "Stop what runs", [Editor, Results, Hunts, Entities], ["ctrl-x"], 11;
    Complete, "query.complete", "complete", "Offer what fits at the cursor", [Editor], ["ctrl-n", "ctrl-space"], 12;
    Undo, "query.undo", "undo", "Take the last change back", [Editor], ["ctrl-z"], 0;
    Redo, "query.redo", "redo", "Make the change again", [Editor], ["ctrl-y"], 0;
    FormatQuery, "query.format", "format", "Lay the query out, an operator a line", [Editor], ["alt-f"], 13;
    RenameLet, "query.rename", "rename", "Give the let or parameter at the cursor another name, everywhere it is meant", [Editor], ["f2"], 0;
    EarlierQuery, "query.earlier", "earlier query", "The query that was run before this one", [Editor], ["alt-up"], 0;
    LaterQuery, "query.later", "later query", "The query that was run after this one", [Editor], ["alt-down"], 0;
    NextProblem, "query.next-problem", "next problem", "Go to the next mistake", [Editor], ["f8"], 0;
    SortColumn, "results.sort", "sort", "Sort by the column with the cursor: one way, the other, as it came", [Results], ["s"], 20;
    NextTable, "results.next-table", "next table", "The next result table", [Results], ["n"], 0;
    KeepLike, "results.keep", "only these", "Ask again for rows like this cell only", [Results], ["="], 21;
    DropLike, "results.drop", "without these", "Ask again without rows like this cell", [Results], ["!"], 22;
    Drill, "results.drill", "drill", "All that is known of what the cell names", [Results], ["d"], 23;

    // Hunts.
    RunAllHunts, "hunts.run-all", "run all", "Run every hunt and count what each finds", [Hunts], ["A"], 20;
    EditHunt, "hunts.edit", "open in editor", "Open the hunt's query without running it", [Hunts], ["e"], 21;

    // Drill-down.
    PageWindow, "entity.window", "window", "Look back 24 hours, 7 days, 30 days, or over all", [Entities], ["w"], 20;
    PageEvents, "entity.events", "events", "Open the events of this page in the query editor", [Entities], ["e"], 21;
    PageAgain, "entity.again", "again", "Ask again", [Entities], ["r"], 22;

    // First run.
    StartDemo, "first-run.demo", "demo", "Look around in a simulated organisation", [FirstRun], ["d"], 10;
    StartConnect, "first-run.connect", "connect", "Connect a 1Password account", [FirstRun], ["c"], 11;
    StartImport, "first-run.import", "import", "Read events from files", [FirstRun], ["i"], 12;
}

impl Action {
    pub fn spec(self) -> &'static Spec {
        // The registry stands in the order of the variants: both come from one list.
        &REGISTRY[self as usize]
    }

    pub fn from_name(name: &str) -> Option<Self> {
        REGISTRY.iter().find(|spec| spec.name == name).map(|spec| spec.action)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_action_says_what_it_does() {
        for (i, spec) in REGISTRY.iter().enumerate() {
            assert_eq!(spec.action as usize, i);
            assert_eq!(Action::from_name(spec.name), Some(spec.action), "{}", spec.name);
            assert!(!spec.contexts.is_empty() && spec.description.len() > 8 && !spec.description.ends_with('.'));
            assert!(spec.label.chars().count() <= 16, "{} is too long for the footer", spec.label);
        }
    }
}
