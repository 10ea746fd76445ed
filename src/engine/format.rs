//! Answers as text: one writer a format. All of them take cells from `cell`, so a value reads the same everywhere.

pub mod cell;
