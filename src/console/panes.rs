//! The screen: a pane is a function of the state that fills cells, a file each.
//!
//! To add one: a file here with `render(&State, &Theme, Rect, &mut Buffer)`, its place in `draw`, a file in `update/` for its keys.

mod editor;
mod entity;
mod first_run;
mod footer;
mod header;
mod health;
mod help;
mod hunts;
mod palette;
mod record;
mod results;
mod tail;
mod timeline;
mod too_small;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use super::action::Context;
use super::state::State;
use super::state::layer::Layer;
use super::state::layout;
use super::state::nav::View;
use super::theme::Theme;

/// Draws everything. Answers where the cursor stands, when text is typed.
pub fn draw(state: &State, theme: &Theme, buf: &mut Buffer) -> Option<Position> {
    let area = buf.area;
    buf.set_style(area, theme.text);
    if layout::is_too_small(state.size) {
        too_small::render(state, theme, area, buf);
        return None;
    }
    let areas = layout::areas(state.size);
    let mut typing = None;
    header::render(state, theme, areas.header, buf);
    match state.nav.view() {
        View::FirstRun => first_run::render(state, theme, areas.body, buf),
        View::Tail => {
            let (above, below) = layout::tail_areas(state.size, state.timeline.visible);
            if above.height > 0 {
                timeline::render(state, theme, above, buf);
            }
            tail::render(state, theme, below, buf);
        }
        View::Record(_) | View::Row(_) => record::render(state, theme, areas.body, buf),
        View::Health => health::render(state, theme, areas.body, buf),
        View::Hunts => hunts::render(state, theme, buf),
        View::Query => {
            let (above, below) = layout::query_areas(state.size, state.nav.pane() == Context::Editor);
            results::render(state, theme, below, buf);
            typing = editor::render(state, theme, above, buf);
        }
        View::Entities | View::Entity(_) => entity::render(state, theme, buf),
    }
    let cursor = footer::render(state, theme, areas.footer, buf).or(typing);
    let cursor = match &state.layer {
        Some(Layer::Palette { input, selected }) => {
            Some(palette::render(state, theme, areas.body, buf, input, *selected))
        }
        Some(Layer::Help { input, scroll }) => Some(help::render(state, theme, areas.body, buf, input, *scroll)),
        Some(Layer::Filter { .. } | Layer::Rename { .. }) | None => cursor,
    };
    if theme.ascii {
        plain_ellipses(buf);
    }
    cursor
}

/// The sign that text was cut is the one glyph that every pane writes.
fn plain_ellipses(buf: &mut Buffer) {
    for at in 0..buf.content.len() {
        if buf.content[at].symbol() == "…" {
            let ((x, y), style) = (buf.pos_of(at), buf.content[at].style());
            buf.set_string(x, y, "~", style);
        }
    }
}

#[cfg(test)]
mod tests;
