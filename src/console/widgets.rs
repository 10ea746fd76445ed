//! Small things that several panes draw.

pub mod chart;
pub mod popup;
pub mod rule;
pub mod text;
pub mod when;
