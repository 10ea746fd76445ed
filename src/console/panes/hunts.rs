//! The saved hunts, and what is said of the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::base::shown::Shown;
use crate::console::action::Action;
use crate::console::state::State;
use crate::console::state::hunts::Outcome;
use crate::console::state::layout;
use crate::console::theme::Theme;
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::{count, paragraph, put, put_right};
use crate::console::widgets::when;
use crate::hunt::{Hunt, Severity};

pub fn render(state: &State, theme: &Theme, buf: &mut Buffer) {
    let (list, below) = layout::hunt_areas(state.size);
    let hunts = &state.hunts;
    let running = hunts.running();
    let running = if running > 0 { format!(" {running} running ") } else { String::new() };
    let hint =
        format!("{} runs it, {} runs all", state.keymap.key(Action::Open), state.keymap.key(Action::RunAllHunts));
    let problems = match hunts.pack.problems.len() {
        0 => String::new(),
        n => count(n as u64, "file").replace("file", "unusable file"),
    };
    rule(
        buf,
        list,
        theme,
        true,
        &[("Hunts", theme.title), (&running, theme.badge), (&hint, theme.dim)],
        &[(&problems, theme.warning), (&count(hunts.len() as u64, "hunt"), theme.dim)],
    );
    let found = list.width.saturating_sub(1);
    let tactic = if list.width >= 110 { 28 } else { 18 };
    let name = list.width.saturating_sub(14 + tactic + 24);
    put(buf, list.x + 14, list.y + 1, name, "HUNT", theme.dim);
    put(buf, list.x + 14 + name, list.y + 1, tactic, "TACTIC", theme.dim);
    put_right(buf, list.x + found, list.y + 1, 20, "LAST RUN", theme.dim);
    let rows = hunts.pack.iter().enumerate().skip(hunts.top);
    for (y, (at, hunt)) in (list.y + 2..list.bottom()).zip(rows) {
        let (glyph, style) = severity(theme, hunt.about.severity);
        put(buf, list.x + 1, y, 1, glyph, style);
        put(buf, list.x + 3, y, 10, severity_name(hunt.about.severity), style);
        put(buf, list.x + 14, y, name.saturating_sub(1), &shown(&hunt.about.name), theme.strong);
        let tactics: Vec<_> = hunt.about.tactics.iter().map(ToString::to_string).collect();
        put(buf, list.x + 14 + name, y, tactic - 1, &shown(&tactics.join(", ")), theme.dim);
        let (text, style) = outcome(state, theme, hunts.outcomes.get(hunt.id()));
        put_right(buf, list.x + found, y, 22, &text, style);
        if at == hunts.selected {
            buf.set_style(Rect { y, height: 1, ..list }, Style { fg: None, ..theme.selection });
        }
    }
    if let Some(hunt) = hunts.selected() {
        detail(state, theme, hunt, below, buf);
    }
}

const fn severity(theme: &Theme, severity: Severity) -> (&'static str, Style) {
    match (severity, theme.ascii) {
        (Severity::High, false) => ("▲", theme.severity_high),
        (Severity::Medium, false) => ("◆", theme.severity_medium),
        (Severity::Low, false) => ("▪", theme.severity_low),
        (Severity::Informational, false) => ("·", theme.severity_info),
        (Severity::High, true) => ("!", theme.severity_high),
        (Severity::Medium, true) => ("+", theme.severity_medium),
        (Severity::Low, true) => ("-", theme.severity_low),
        (Severity::Informational, true) => (".", theme.severity_info),
    }
}

const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "info",
        other => other.name(),
    }
}

fn outcome(state: &State, theme: &Theme, outcome: Option<&Outcome>) -> (String, Style) {
    match outcome {
        None => ("not run yet".to_owned(), theme.dim),
        Some(Outcome::Running) => ("running".to_owned(), theme.notice),
        Some(Outcome::Failed(_)) => ("failed".to_owned(), theme.error),
        Some(Outcome::Found { rows: 0, at }) => (format!("nothing, {} ago", when::age(state.now - *at)), theme.good),
        Some(Outcome::Found { rows, at }) => {
            (format!("{}, {} ago", count(*rows, "row"), when::age(state.now - *at)), theme.severity_high)
        }
    }
}

/// What the hunt says of itself: what it looks for, what to do when it finds something, what looks the same and is harmless.
fn detail(state: &State, theme: &Theme, hunt: &Hunt, area: Rect, buf: &mut Buffer) {
    let about = &hunt.about;
    let techniques: Vec<_> = about.techniques.iter().map(ToString::to_string).collect();
    let techniques = shown(&techniques.join(" "));
    let id = shown(hunt.id());
    rule(
        buf,
        area,
        theme,
        false,
        &[(&shown(&about.name), theme.title), (&techniques, theme.notice)],
        &[(&id, theme.dim)],
    );
    let room = usize::from(area.width.saturating_sub(4)).min(140);
    let mut rows: Vec<(String, Style)> = Vec::new();
    if let Some(Outcome::Failed(problem)) = state.hunts.outcomes.get(hunt.id()) {
        wrap(&mut rows, "Failed: ", problem, room, theme.error);
    }
    wrap(&mut rows, "", &about.description, room, theme.text);
    wrap(&mut rows, "What to do: ", &about.response, room, theme.text);
    wrap(&mut rows, "Harmless when: ", &about.false_positives, room, theme.dim);
    if !about.parameters.is_empty() {
        let parameters: Vec<String> = about
            .parameters
            .iter()
            .map(|p| {
                format!(
                    "{} = {}",
                    p.name,
                    hunt.default_of(&p.name).unwrap_or_default().lines().next().unwrap_or_default()
                )
            })
            .collect();
        wrap(&mut rows, "Parameters: ", &parameters.join(", "), room, theme.dim);
    }
    for (y, (text, style)) in (area.y + 1..area.bottom()).zip(rows) {
        put(buf, area.x + 2, y, area.width.saturating_sub(3), &text, style);
    }
}

fn shown(text: &str) -> String {
    Shown::with_limit(text, 300).into_string()
}

/// Adds a paragraph.
fn wrap(rows: &mut Vec<(String, Style)>, label: &str, text: &str, room: usize, style: Style) {
    // Line feeds are blanks here; `Shown` makes them visible.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !text.is_empty() {
        let text = Shown::with_limit(&format!("{label}{text}"), 4000).into_string();
        rows.extend(paragraph(&text, room).into_iter().map(|line| (line, style)));
    }
}
