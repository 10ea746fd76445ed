//! The bottom row: the keys that work here, a notice, or the line that is typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::console::action::{REGISTRY, Spec};
use crate::console::state::layer::Layer;
use crate::console::state::{Availability, NoticeKind, State};
use crate::console::theme::Theme;
use crate::console::widgets::text::{put, put_right};

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let prompt = match &state.layer {
        Some(Layer::Filter { input, .. }) => {
            let hint = "words must match, -word must not, user: ip: country: feed:   enter keeps, esc drops";
            Some((input, "filter ", hint))
        }
        Some(Layer::Rename { input }) => {
            Some((input, "new name ", "everywhere it is meant   enter renames, esc drops"))
        }
        _ => None,
    };
    if let Some((input, label, hint)) = prompt {
        let x = put(buf, area.x + 1, area.y, area.width, label, theme.key);
        let room = area.right().saturating_sub(x + 2);
        if usize::from(room) > input.text().len() + hint.len() + 2 {
            put_right(buf, area.right() - 1, area.y, room, hint, theme.dim);
        }
        put(buf, x, area.y, room, input.text(), theme.text);
        let before = unicode_width::UnicodeWidthStr::width(input.before()) as u16;
        return Some(Position::new((x + before).min(area.right() - 1), area.y));
    }
    if let Some(notice) = &state.notice {
        let style = match notice.kind {
            NoticeKind::Info => theme.notice,
            NoticeKind::Warning => theme.warning,
            NoticeKind::Error => theme.error,
        };
        put(buf, area.x + 1, area.y, area.width - 2, &notice.text, style);
        return None;
    }
    // As long as it lasts, in whatever view: nothing is more urgent than evidence that is not kept.
    if let Some(why) = state.health.not_stored() {
        put(buf, area.x + 1, area.y, area.width - 2, &format!("NOT STORED: {why}"), theme.error);
        return None;
    }
    let mut x = area.x + 1;
    let shown = here(state);
    for (i, spec) in shown.iter().enumerate() {
        let key = state.keymap.key(spec.action);
        let width = (key.len() + spec.label.len() + 1) as u16;
        // The last, help, keeps its room.
        let reserve = if i + 1 < shown.len() { 8 } else { 0 };
        if x + width + reserve > area.right() {
            continue;
        }
        x = put(buf, x, area.y, width, &key, theme.key) + 1;
        x = put(buf, x, area.y, width, spec.label, theme.footer) + 2;
    }
    None
}

/// The actions of the footer, those of the pane first, help last.
fn here(state: &State) -> Vec<&'static Spec> {
    let contexts = state.contexts();
    let mut shown: Vec<&Spec> = REGISTRY
        .iter()
        .filter(|spec| spec.footer > 0 && spec.contexts.iter().any(|context| contexts.contains(context)))
        .filter(|spec| !state.keymap.keys(spec.action).is_empty())
        .filter(|spec| state.layer.is_some() || state.availability(spec.action) == Availability::Now)
        .collect();
    shown.sort_by_key(|spec| spec.footer);
    if let Some(help) = shown.iter().position(|spec| spec.action == crate::console::action::Action::Help) {
        let help = shown.remove(help);
        shown.push(help);
    }
    shown
}
