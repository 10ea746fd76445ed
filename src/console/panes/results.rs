//! The result of a query: a table that is only drawn where it is in view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::console::action::{Action, Context};
use crate::console::state::State;
use crate::console::state::pivot;
use crate::console::state::table::{Head, Table};
use crate::console::theme::Theme;
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::{count, number, put, put_right};
use crate::hunt::EntityKind;
use crate::kql::Type;

/// Columns between two columns of the table.
const GAP: u16 = 2;

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let focused = state.nav.pane() == Context::Results;
    title(state, theme, area, focused, buf);
    let Some(table) = state.query.table() else {
        return nothing_yet(state, theme, area, buf);
    };
    let (heads, top) = (area.y + 1, area.y + 2);
    let height = area.bottom().saturating_sub(top);
    if table.rows() == 0 {
        put(buf, area.x + 2, top, area.width.saturating_sub(4), "No row. The query ran and found nothing.", theme.dim);
    }
    let mut x = area.x + 1;
    for (column, head) in table.heads.iter().enumerate().skip(table.left) {
        let width = head.width.min(area.right().saturating_sub(x + 1));
        if width == 0 {
            break;
        }
        self::head(theme, table, column, head, (x, heads), width, focused, buf);
        for (y, row) in (top..).zip(table.top..table.rows()).take(usize::from(height)) {
            let text = table.cell(row, column);
            let style = if table.is_null(row, column) { theme.dim } else { cell_style(state, theme, head) };
            let style = if focused && row == table.selected && column == table.column {
                style.add_modifier(Modifier::UNDERLINED)
            } else {
                style
            };
            if head.is_right() {
                put_right(buf, x + width, y, width, &text, style);
            } else {
                put(buf, x, y, width, &text, style);
            }
        }
        x += width + GAP;
    }
    let selected = table.selected.checked_sub(table.top).filter(|row| *row < usize::from(height) && table.rows() > 0);
    if let Some(row) = selected {
        let style = if focused { theme.selection } else { theme.range };
        buf.set_style(Rect { y: top + row as u16, height: 1, ..area }, Style { fg: None, ..style });
    }
}

#[expect(clippy::too_many_arguments, reason = "one call, above")]
fn head(
    theme: &Theme,
    table: &Table,
    column: usize,
    head: &Head,
    at: (u16, u16),
    width: u16,
    focused: bool,
    buf: &mut Buffer,
) {
    let arrow = match table.sorted {
        Some((of, down)) if of == column => match (theme.ascii, down) {
            (false, true) => "▼",
            (false, false) => "▲",
            (true, true) => "v",
            (true, false) => "^",
        },
        _ => "",
    };
    let style = if focused && column == table.column { theme.key } else { theme.dim };
    let text = format!("{}{arrow}", head.title);
    if head.is_right() {
        put_right(buf, at.0 + width, at.1, width, &text, style);
    } else {
        put(buf, at.0, at.1, width, &text, style);
    }
}

/// What a column names gives it its colour, as in the tail.
fn cell_style(state: &State, theme: &Theme, head: &Head) -> Style {
    let kind = state.query.entities.get(&*head.name).copied().or_else(|| pivot::kind_of(&head.name));
    match (kind, head.ty) {
        (Some(EntityKind::User), _) => theme.person,
        (Some(EntityKind::Ip), _) => theme.address,
        (Some(EntityKind::Country), _) => theme.place,
        (Some(EntityKind::Vault | EntityKind::Item | EntityKind::Group), _) => theme.target,
        (_, Type::Int | Type::Long | Type::Real | Type::Decimal) => theme.number,
        (_, Type::DateTime | Type::TimeSpan) => theme.dim,
        (_, Type::Bool) => theme.literal,
        (_, Type::Dynamic) => theme.string,
        _ => theme.text,
    }
}

fn title(state: &State, theme: &Theme, area: Rect, focused: bool, buf: &mut Buffer) {
    let query = &state.query;
    let Some(table) = query.table() else {
        return rule(buf, area, theme, focused, &[("Results", theme.title)], &[]);
    };
    let rows = match table.cut() {
        Some(_) => format!("at least {}", count(table.rows() as u64, "row")),
        None => count(table.rows() as u64, "row"),
    };
    let cut = table.cut().unwrap_or_default();
    let which = if query.tables.len() > 1 {
        format!(
            "table {} of {}, {} shows the next",
            query.shown + 1,
            query.tables.len(),
            state.keymap.key(Action::NextTable)
        )
    } else {
        String::new()
    };
    let warned = query.ran.as_ref().and_then(|ran| ran.warnings.first()).cloned().unwrap_or_default();
    let cost = query.ran.as_ref().map_or_else(String::new, |ran| {
        format!("{} read in {:.0?}", count(ran.statistics.rows_read, "row"), ran.elapsed)
    });
    let place = if table.rows() > 0 {
        format!("{} of {}", number(table.selected as u64 + 1), number(table.rows() as u64))
    } else {
        String::new()
    };
    rule(
        buf,
        area,
        theme,
        focused,
        &[
            ("Results", theme.title),
            (&rows, theme.strong),
            (cut, theme.warning),
            (&which, theme.notice),
            (&warned, theme.warning),
        ],
        &[(&cost, theme.dim), (&place, theme.dim)],
    );
}

fn nothing_yet(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let key = |action| state.keymap.key(action);
    let x = area.x + 2;
    let room = area.width.saturating_sub(4);
    if state.query.running.is_some() {
        put(buf, x, area.y + 2, room, "The answer comes here.", theme.dim);
        return;
    }
    if state.query.problem.is_some() {
        put(buf, x, area.y + 2, room, "No answer: the line above says why.", theme.dim);
        return;
    }
    let lines = [
        format!("{} runs the query above.", key(Action::RunQuery)),
        format!("{} offers what fits at the cursor: tables, columns, functions.", key(Action::Complete)),
        "Tables: OnePasswordEvents (one shape for all events), OnePasswordEventLogs_CL (as in Sentinel).".to_owned(),
    ];
    for (y, line) in (area.y + 2..area.bottom()).zip(&lines) {
        put(buf, x, y, room, line, theme.dim);
    }
}
