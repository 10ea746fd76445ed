//! The query editor: the text in the colours of its lexer, a line under every mistake, and what the mistake at the cursor is.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::base::shown::Shown;
use crate::console::action::{Action, Context};
use crate::console::state::State;
use crate::console::state::query::Completions;
use crate::console::theme::Theme;
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::{number, put};
use crate::console::widgets::when;
use crate::kql::catalog::Empty;
use crate::kql::complete::{help_at, signature_at};
use crate::kql::diagnostic::code;
use crate::kql::highlight::HighlightClass;
use crate::kql::{Diagnostic, Severity};

/// Columns of the line numbers.
const GUTTER: u16 = 5;
/// Completions in view.
const OFFERED: usize = 8;

/// Draws the editor. Answers where the cursor stands, when the editor has the focus.
pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let focused = state.nav.pane() == Context::Editor;
    title(state, theme, area, focused, buf);
    let text = Rect {
        x: area.x + GUTTER,
        y: area.y + 1,
        width: area.width.saturating_sub(GUTTER),
        height: area.height.saturating_sub(2),
    };
    let editor = &state.query.editor;
    let mut offset: usize = editor.lines().iter().take(editor.top).map(|line| line.len() + 1).sum();
    for (row, line) in editor.lines().iter().enumerate().skip(editor.top).take(usize::from(text.height)) {
        let y = text.y + (row - editor.top) as u16;
        let mark = editor.diagnostics.iter().find(|d| editor.place(d.range.start as usize).0 == row);
        let number = format!("{:>3} ", row + 1);
        put(buf, area.x, y, GUTTER, &number, mark.map_or(theme.dim, |d| severity(theme, d.severity)));
        self::line(state, theme, line, offset, Rect { y, height: 1, ..text }, buf);
        offset += line.len() + 1;
    }
    message(state, theme, area, buf);
    if !focused {
        return None;
    }
    let (row, column) = editor.cursor();
    let line = editor.lines().get(row).map_or("", String::as_str);
    let before: usize = line.chars().skip(editor.left).take(column.saturating_sub(editor.left)).map(width).sum();
    let at = Position::new(
        (text.x + before as u16).min(text.right().saturating_sub(1)),
        text.y + row.saturating_sub(editor.top) as u16,
    );
    if let Some(completions) = &state.query.completions {
        offer(theme, completions, at, buf);
    }
    Some(at)
}

fn width(c: char) -> usize {
    c.encode_utf8(&mut [0; 4]).width()
}

/// One line, a grapheme at a time: each has the style of its token, and is underlined where a diagnostic covers it.
fn line(state: &State, theme: &Theme, line: &str, offset: usize, area: Rect, buf: &mut Buffer) {
    let editor = &state.query.editor;
    let selected = theme.selection;
    let _ = selected;
    let mut x = area.x;
    let skipped: usize = line.chars().take(editor.left).map(char::len_utf8).sum();
    for (at, grapheme) in line.grapheme_indices(true).skip_while(|(at, _)| *at < skipped) {
        if x >= area.right() {
            break;
        }
        let byte = (offset + at) as u32;
        let class = editor.highlights.partition_point(|h| h.range.end <= byte);
        let style = editor
            .highlights
            .get(class)
            .filter(|h| h.range.start <= byte)
            .map_or(theme.text, |h| colour(theme, h.class));
        let covers = |d: &&Diagnostic| d.range.start <= byte && byte < d.range.end.max(d.range.start + 1);
        let style = match editor.diagnostics.iter().filter(covers).map(|d| d.severity).max() {
            Some(Severity::Error) => style.patch(Style { bg: None, ..theme.error }).add_modifier(Modifier::UNDERLINED),
            Some(_) => style.add_modifier(Modifier::UNDERLINED),
            None => style,
        };
        x = put(buf, x, area.y, area.right() - x, grapheme, style);
    }
    // A mistake at the end of a line, where something is missing, is a mark behind it.
    let end = (offset + line.len()) as u32;
    let at_end = editor.diagnostics.iter().find(|d| d.range.start == end && d.severity == Severity::Error);
    if at_end.is_some() && x < area.right() {
        put(buf, x, area.y, 1, if theme.ascii { "^" } else { "⌃" }, theme.error);
    }
}

const fn colour(theme: &Theme, class: HighlightClass) -> Style {
    match class {
        HighlightClass::Keyword => theme.keyword,
        HighlightClass::Operator => theme.operator,
        HighlightClass::Function => theme.function,
        HighlightClass::Name => theme.text,
        HighlightClass::String => theme.string,
        HighlightClass::Number => theme.number,
        HighlightClass::Comment => theme.comment,
        HighlightClass::Punctuation => theme.dim,
        HighlightClass::Parameter => theme.field,
        HighlightClass::Error => theme.error,
    }
}

const fn severity(theme: &Theme, severity: Severity) -> Style {
    match severity {
        Severity::Error => theme.error,
        Severity::Warning => theme.warning,
        Severity::Hint => theme.notice,
    }
}

fn title(state: &State, theme: &Theme, area: Rect, focused: bool, buf: &mut Buffer) {
    let query = &state.query;
    let key = |action| state.keymap.key(action);
    let running = query.running.as_ref().map(|running| {
        let (done, all) = running.progress;
        let part = (done.min(all) * 100).checked_div(all).map(|part| format!(", {part}%")).unwrap_or_default();
        let what = if running.stopping { "stopping" } else { "running" };
        format!(" {what} {}{part} ", when::age(state.now - running.since))
    });
    let errors = query.editor.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let errors =
        if errors > 0 { crate::console::widgets::text::count(errors as u64, "mistake") } else { String::new() };
    let hint = match (&running, focused) {
        (Some(_), _) => format!("{} stops it", key(Action::CancelQuery)),
        (None, true) => format!("{} runs it", key(Action::RunQuery)),
        (None, false) => String::new(),
    };
    let range =
        state.timeline.range().map(|(from, to)| format!("{} to {}", when::short(state, from), when::short(state, to)));
    let hunt = query.hunt.as_deref().map(|name| Shown::with_limit(name, 60).into_string()).unwrap_or_default();
    rule(
        buf,
        area,
        theme,
        focused,
        &[
            ("Query", theme.title),
            (&hunt, theme.notice),
            (running.as_deref().unwrap_or_default(), theme.badge),
            (&hint, theme.dim),
        ],
        &[(range.as_deref().unwrap_or_default(), theme.badge), (&errors, theme.error)],
    );
}

/// The last row: what is wrong at the cursor and what to write instead, else what went wrong with the run, else the call or the word at the cursor.
fn message(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let y = area.bottom() - 1;
    let room = area.width.saturating_sub(2);
    let at = Rect { x: area.x + 1, y, width: room, height: 1 };
    // A call that is being written is not closed yet: its form helps more than hearing so.
    let problem = state.query.editor.problem();
    if state.nav.pane() == Context::Editor
        && problem.is_some_and(|problem| matches!(problem.code, code::UNEXPECTED | code::MISSING | code::BRACKET))
        && call(state, theme, at, buf)
    {
        return;
    }
    if let Some(problem) = problem {
        let (line, column) = problem.line_column(state.query.editor.text());
        let help = problem.help.as_deref().map(|help| format!(": {help}")).unwrap_or_default();
        let text = format!("{line}:{column} {}{help}", problem.message);
        let text = Shown::with_limit(&text, 600).into_string();
        put(buf, area.x + 1, y, room, &text, severity(theme, problem.severity));
    } else if let Some(first) = state.query.editor.diagnostics.first() {
        let (line, column) = first.line_column(state.query.editor.text());
        let next = state.keymap.key(Action::NextProblem);
        let text = format!("{next} goes to line {line}, column {column}: {}", Shown::with_limit(&first.message, 400));
        put(buf, area.x + 1, y, room, &text, theme.dim);
    } else if let Some(problem) = &state.query.problem {
        put(buf, area.x + 1, y, room, problem, theme.error);
    } else if state.nav.pane() == Context::Editor {
        explain(state, theme, at, buf);
    }
}

/// The call that is being written, with the parameter that it is at, or what the word at the cursor is.
fn explain(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if call(state, theme, area, buf) {
        return;
    }
    if let Some(help) = help_at(state.query.editor.text(), state.query.editor.offset()) {
        let text = format!("{}  {}", help.entry.form(), help.entry.summary());
        put(buf, area.x, area.y, area.width, &text, theme.dim);
    }
}

/// The form of the call around the cursor; false where there is none.
fn call(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) -> bool {
    let Some(call) = signature_at(state.query.editor.text(), state.query.editor.offset(), &Empty) else { return false };
    // A query's own functions have names from outside.
    let part = |range: std::ops::Range<usize>| Shown::with_limit(&call.form[range], 200).into_string();
    let ends = [(0..call.parameter.start), call.parameter.clone(), (call.parameter.end..call.form.len())];
    let styles = [theme.dim, theme.strong, theme.dim];
    let mut x = area.x;
    for (range, style) in ends.into_iter().zip(styles) {
        x = put(buf, x, area.y, area.right().saturating_sub(x), &part(range), style);
    }
    put(buf, x, area.y, area.right().saturating_sub(x), &format!("  {}", call.summary), theme.dim);
    true
}

/// What fits at the cursor, below it or above where there is more room.
fn offer(theme: &Theme, completions: &Completions, at: Position, buf: &mut Buffer) {
    let count = completions.items.len().min(OFFERED);
    let first = completions.selected.saturating_sub(OFFERED - 1);
    let items = &completions.items[first..(first + count).min(completions.items.len())];
    let widest = |of: fn(&crate::console::state::query::Completion) -> &str| {
        items.iter().map(|i| of(i).width()).max().unwrap_or(0)
    };
    let (label, detail) = (widest(|i| &i.label) as u16, (widest(|i| &i.detail) as u16).min(48));
    let width = (label + detail + 4).min(buf.area.width);
    let x = at.x.min(buf.area.right().saturating_sub(width));
    let below = buf.area.bottom().saturating_sub(at.y + 2);
    let top = if below >= count as u16 { at.y + 1 } else { at.y.saturating_sub(count as u16) };
    for (i, item) in items.iter().enumerate() {
        let y = top + i as u16;
        let chosen = first + i == completions.selected;
        let ground = if chosen { theme.selection } else { theme.range };
        put(buf, x, y, width, &" ".repeat(usize::from(width)), ground);
        put(buf, x + 1, y, label + 1, &item.label, ground.patch(Style { bg: None, ..theme.strong }));
        put(buf, x + label + 3, y, detail, &item.detail, ground.patch(Style { bg: None, ..theme.dim }));
    }
    let more = completions.items.len().saturating_sub(first + count);
    if more > 0 {
        let text = format!(" {} more ", number(more as u64));
        put(buf, x, top + count as u16, width, &text, theme.dim);
    }
}
