//! How the copying of heads goes, as the process that copies wrote it down when it last changed: consoles, `doctor` and `store status` are other
//! processes, and a place that takes no heads is nothing that only a log should know.

use std::io::Write as _;

use serde::{Deserialize, Serialize};

use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::store::{Layout, StoreError, modes};

/// A place that heads are copied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// As the configuration names it, shown.
    pub place: String,
    /// Since when it is so.
    pub since: Ticks,
    /// Why it does not take heads, shown; `None` where it does.
    pub error: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    place: String,
    since: i64,
    error: Option<String>,
}

/// Writes all places down, in the place of what was there.
pub fn write(layout: &Layout, copies: &[Copy]) -> Result<(), StoreError> {
    let (path, temporary) = (layout.copies(), layout.copies().with_extension("tmp"));
    let io = |e| StoreError::io(&path, e);
    let line = |copy: &Copy| Line { place: copy.place.clone(), since: copy.since.0, error: copy.error.clone() };
    let text = serde_json::to_string(&copies.iter().map(line).collect::<Vec<_>>()).map_err(|e| io(e.into()))?;
    let mut options = std::fs::OpenOptions::new();
    let mut file = modes::open(options.write(true).create(true).truncate(true), &temporary, modes::SHARED)?;
    file.write_all(text.as_bytes()).map_err(io)?;
    std::fs::rename(&temporary, &path).map_err(io)
}

/// What was written down last; nothing where nobody has copied, or where it cannot be read.
pub fn read(layout: &Layout) -> Vec<Copy> {
    let lines: Vec<Line> =
        std::fs::read(layout.copies()).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let shown = |text: String| Shown::new(&text).into_string();
    let copy = |line: Line| Copy { place: shown(line.place), since: Ticks(line.since), error: line.error.map(shown) };
    lines.into_iter().map(copy).collect()
}
