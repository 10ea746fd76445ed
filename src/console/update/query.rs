//! What the keys do in the query view: the editor and its results.

use super::super::action::{Action, Context};
use super::super::keymap::Key;
use super::super::message::Effect;
use super::super::state::input::Input;
use super::super::state::layer::Layer;
use super::super::state::nav::View;
use super::super::state::record::Record;
use super::super::state::{NoticeKind, State, layout};
use super::{arrive, entity};
use crate::base::shown::Shown;
use crate::kql::print::print_name;
use crate::kql::rename::{Refused, rename as edits};
use crate::kql::{Type, Value};

/// What stands in the view when it is first looked at.
pub fn begin(state: &mut State) -> Vec<Effect> {
    if state.query.editor.text().is_empty() && state.query.tables.is_empty() {
        state.query.editor.set(super::super::state::query::FIRST);
    }
    check(state)
}

/// Puts a text into the editor and runs it; the results take the focus.
pub fn ask(state: &mut State, text: &str, hunt: Option<String>) -> Vec<Effect> {
    state.nav.go(2);
    state.query.editor.set(text);
    state.query.hunt = hunt;
    state.query.entities.clear();
    state.nav.focus_on(Context::Results);
    run(state)
}

fn run(state: &mut State) -> Vec<Effect> {
    if state.query.editor.text().trim().is_empty() {
        state.notify(NoticeKind::Info, "write a query first; ctrl-n offers what fits");
        return Vec::new();
    }
    let mut effects = Vec::new();
    if state.query.running.is_some() {
        effects.push(Effect::CancelAll);
    }
    let id = state.query.begin(state.now);
    let text = state.query.editor.text().to_owned();
    effects.push(Effect::Run { id, text, window: state.timeline.range() });
    effects
}

pub fn cancel(state: &mut State) -> Vec<Effect> {
    match &mut state.query.running {
        Some(running) => running.stopping = true,
        None if state.hunts.running() == 0 => {
            state.notify(NoticeKind::Info, "nothing runs");
            return Vec::new();
        }
        None => {}
    }
    vec![Effect::CancelAll]
}

/// Keys in the editor that are no actions are text.
pub fn key(state: &mut State, key: Key) -> Vec<Effect> {
    use crossterm::event::KeyCode;
    if let Some(completions) = &mut state.query.completions {
        let last = completions.items.len().saturating_sub(1);
        match key.code {
            KeyCode::Up => completions.selected = completions.selected.checked_sub(1).unwrap_or(last),
            KeyCode::Down => {
                completions.selected = if completions.selected == last { 0 } else { completions.selected + 1 }
            }
            KeyCode::Enter => return accept(state),
            _ => {
                state.query.completions = None;
                return typed(state, key);
            }
        }
        return Vec::new();
    }
    typed(state, key)
}

fn typed(state: &mut State, key: Key) -> Vec<Effect> {
    let changed = state.query.editor.key(crossterm::event::KeyEvent::new(key.code, key.modifiers));
    scroll(state);
    if changed { check(state) } else { Vec::new() }
}

/// The completion that is selected takes its place in the text.
fn accept(state: &mut State) -> Vec<Effect> {
    let Some(completions) = state.query.completions.take() else { return Vec::new() };
    if let Some(item) = completions.items.into_iter().nth(completions.selected) {
        state.query.editor.replace(item.range, &item.insert);
    }
    scroll(state);
    check(state)
}

pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if !state.query.editor.paste(text) {
        state.notify(NoticeKind::Warning, "the text is too long for a query; nothing was pasted");
    }
    scroll(state);
    check(state)
}

fn check(state: &State) -> Vec<Effect> {
    vec![Effect::Check { version: state.query.editor.version, text: state.query.editor.text().to_owned() }]
}

pub fn scroll(state: &mut State) {
    let editing = state.nav.pane() == Context::Editor;
    let height = layout::editor_rows(state.size, editing);
    let width = usize::from(state.size.width).saturating_sub(6);
    state.query.editor.scroll(height, width);
}

pub fn editor(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::RunQuery => return Some(run(state)),
        Action::CancelQuery => return Some(cancel(state)),
        Action::Back if state.query.completions.take().is_some() => {}
        Action::Back if state.query.running.is_some() => return Some(cancel(state)),
        Action::NextPane if state.query.completions.is_some() => return Some(accept(state)),
        Action::Complete => {
            let editor = &state.query.editor;
            let (version, text, offset) = (editor.version, editor.text().to_owned(), editor.offset());
            return Some(vec![Effect::FindCompletions { version, text, offset }]);
        }
        Action::Undo => {
            state.query.editor.undo();
        }
        Action::Redo => {
            state.query.editor.redo();
        }
        Action::RenameLet => {
            let editor = &state.query.editor;
            // A name that nothing has: only whether there is something to rename.
            match edits(editor.text(), editor.offset(), "_") {
                Err(refused @ (Refused::Mistakes | Refused::NothingHere | Refused::AlsoColumn(_))) => {
                    state.notify(NoticeKind::Info, refused.to_string());
                }
                _ => state.layer = Some(Layer::Rename { input: Input::default() }),
            }
        }
        Action::FormatQuery => match crate::kql::format::format(state.query.editor.text()) {
            Some(text) if text.trim_end() != state.query.editor.text() => state.query.editor.set(&text),
            Some(_) => {}
            None => state.notify(NoticeKind::Info, "mend the mistakes first: what cannot be read cannot be laid out"),
        },
        Action::EarlierQuery | Action::LaterQuery => {
            let by = if action == Action::EarlierQuery { -1 } else { 1 };
            if !state.query.editor.recall(by) {
                state.notify(NoticeKind::Info, "no other query was run");
            }
        }
        Action::NextProblem => {
            let at = state.query.editor.offset();
            let problems = &state.query.editor.diagnostics;
            let next = problems.iter().find(|d| d.range.start as usize > at).or_else(|| problems.first());
            match next.map(|d| d.range.start as usize) {
                Some(to) => state.query.editor.jump(to),
                None => state.notify(NoticeKind::Info, "nothing is wrong with this query"),
            }
        }
        _ => return None,
    }
    scroll(state);
    Some(check(state))
}

/// Gives what stands at the cursor another name.
pub fn rename(state: &mut State, name: &str) -> Vec<Effect> {
    let editor = &mut state.query.editor;
    let offset = editor.offset();
    match edits(editor.text(), offset, name) {
        Ok(found) => {
            let mut text = editor.text().to_owned();
            // Places before the cursor move it.
            let mut to = offset;
            for edit in found.iter().rev() {
                let range = edit.range.start as usize..edit.range.end as usize;
                if range.end <= offset {
                    to = (to + edit.insert.len()).saturating_sub(range.len());
                }
                text.replace_range(range, &edit.insert);
            }
            editor.set(&text);
            editor.jump(to);
            state.notify(NoticeKind::Info, format!("renamed in {} places", found.len()));
        }
        Err(refused) => state.notify(NoticeKind::Warning, refused.to_string()),
    }
    scroll(state);
    check(state)
}

pub fn results(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let height = layout::result_rows(state.size, false);
    let width = state.size.width;
    let page = height.saturating_sub(1).max(1) as isize;
    match action {
        Action::RunQuery => return Some(run(state)),
        Action::CancelQuery => return Some(cancel(state)),
        Action::Back if state.query.running.is_some() => return Some(cancel(state)),
        Action::Back => {
            state.nav.focus_on(Context::Editor);
            return Some(Vec::new());
        }
        Action::NextTable => {
            let count = state.query.tables.len().max(1);
            state.query.shown = (state.query.shown + 1) % count;
            return Some(Vec::new());
        }
        Action::KeepLike => return Some(like(state, true)),
        Action::DropLike => return Some(like(state, false)),
        Action::Drill => {
            let Some(subject) = state.query.subject(None) else {
                state.notify(NoticeKind::Info, "this row names no user, vault, item, address, country or device");
                return Some(Vec::new());
            };
            return Some(entity::open(state, subject));
        }
        _ => {}
    }
    let table = state.query.table_mut()?;
    match action {
        Action::Up => table.move_by(-1, height),
        Action::Down => table.move_by(1, height),
        Action::PageUp => table.move_by(-page, height),
        Action::PageDown => table.move_by(page, height),
        Action::Top => table.move_by(isize::MIN / 2, height),
        Action::Bottom => table.move_by(isize::MAX / 2, height),
        Action::Left => table.move_column(-1, width),
        Action::Right => table.move_column(1, width),
        Action::SortColumn => table.turn_sort(),
        Action::Open if table.rows() > 0 => {
            let row = table.selected;
            state.nav.push(View::Row(row));
            return Some(arrive(state));
        }
        Action::Copy => {
            let cells: Vec<_> =
                table.record(table.selected).into_iter().map(|(_, value)| value.unwrap_or_default()).collect();
            state.notify(NoticeKind::Info, "the row is on its way to the terminal's clipboard");
            return Some(vec![Effect::Copy(cells.join("\t"))]);
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// The row of the result as a record: every column with its name.
pub fn load_row(state: &mut State, row: usize) -> Vec<Effect> {
    let Some(table) = state.query.table() else { return Vec::new() };
    let mut json = String::from("{");
    for (i, (head, value)) in table.record(row).into_iter().enumerate() {
        let name = serde_json::to_string(&*head.name).unwrap_or_default();
        let value = match value {
            None => "null".to_owned(),
            Some(value) if head.ty.is_numeric() || head.ty == Type::Bool => {
                if serde_json::from_str::<serde::de::IgnoredAny>(&value).is_ok() {
                    value
                } else {
                    format!("\"{value}\"")
                }
            }
            Some(value)
                if head.ty == Type::Dynamic && serde_json::from_str::<serde::de::IgnoredAny>(&value).is_ok() =>
            {
                value
            }
            Some(value) => serde_json::to_string(&value).unwrap_or_default(),
        };
        json.push_str(if i > 0 { "," } else { "" });
        json.extend([name.as_str(), ":", &value]);
    }
    json.push('}');
    state.record = Record::new(row_number(row), Vec::new(), json.as_bytes());
    Vec::new()
}

/// Rows of results stand among records with numbers that no event has.
pub const fn row_number(row: usize) -> i64 {
    -1 - row as i64
}

/// The query again, with only the rows whose cell equals this one, or without them.
fn like(state: &mut State, keep: bool) -> Vec<Effect> {
    let Some(table) = state.query.table() else { return Vec::new() };
    let Some(head) = table.heads.get(table.column) else { return Vec::new() };
    let name = print_name(&head.name);
    let value = table.value(table.selected, table.column);
    let literal = value.as_deref().map(|text| literal(text, head.ty));
    let predicate = match (literal, keep) {
        (None, true) => format!("isnull({name})"),
        (None, false) => format!("isnotnull({name})"),
        (Some(Some(value)), true) => format!("{name} == {value}"),
        (Some(Some(value)), false) => format!("{name} != {value}"),
        (Some(None), _) => {
            state.notify(NoticeKind::Info, format!("a {} cannot be compared", head.ty));
            return Vec::new();
        }
    };
    let text = state.query.editor.text().trim_end().trim_end_matches(';').to_owned();
    state.query.editor.set(&format!("{text}\n| where {predicate}"));
    state.notify(NoticeKind::Info, format!("asked again with: where {}", Shown::with_limit(&predicate, 120)));
    run(state)
}

/// A cell's text as a literal of its type; values enter KQL through the literal printer only.
fn literal(text: &str, ty: Type) -> Option<String> {
    use crate::kql::literal::{Literal, parse_typed, print_literal};
    let value = match ty {
        Type::Dynamic => return None,
        Type::String => Value::string(text),
        Type::Guid => Value::Guid(text.into()),
        ty => match parse_typed(ty, &format!("{ty}({text})")).ok()? {
            Literal::Value(value) => value,
            Literal::Today(_) => return None,
        },
    };
    Some(print_literal(&value))
}
