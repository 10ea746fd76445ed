//! Floor 6: the terminal program. State, actions, panes.
