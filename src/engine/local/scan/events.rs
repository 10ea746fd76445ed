//! Rows of the evidence store. A morsel is a row group of a segment or a fresh batch, and goes its way in `pass`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int32Type, Int64Type};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::super::column::{Result, Texts, internal};
use super::super::control::Control;
use super::super::eval::{Compiled, compile};
use super::super::pipeline::{Emit, Source};
use super::columns::{CONNECT, Origin, origin};
use super::given::{from_raw, give, patched};
use super::need::Need;
use super::pass::Pass;
use super::prune::{self, Test};
use super::purpose::{Bound, Purpose};
use super::stored::{Group, Page, TEXT_ROWS, decoded, store_error};
use crate::base::time::Ticks;
use crate::engine::QueryError;
use crate::event::Feed;
use crate::event::schema::position;
use crate::kql::plan::ScanColumn;
use crate::kql::{Diagnostic, Expr, ExprKind, TextRange};
use crate::store::names::Directory;
use crate::store::{Segment, Snapshot};

/// A scan of the store.
pub struct Events {
    pub(super) origins: Vec<Origin>,
    /// Conjuncts that need no text of events, and those that do.
    pub(super) early: Vec<Conjunct>,
    pub(super) late: Vec<Conjunct>,
    /// For which rows the late conjuncts look at text, and for which what is computed from the rows that stay does.
    pub(super) late_need: Need,
    pub(super) need: Need,
    /// The outputs that are looked at after the filters.
    pub(super) wanted: Vec<usize>,
    /// Only the first rows by this output are wanted.
    pub(super) bound: Option<(usize, Arc<Bound>)>,
    units: Vec<Unit>,
    pub(super) control: Arc<Control>,
    /// The rows that are no events are the ones that are wanted.
    pub(super) connect: bool,
    /// Empty where nothing asks for a name.
    pub(super) names: Arc<Directory>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

/// A term of the filter and the outputs that it looks at.
pub(super) struct Conjunct {
    pub test: Compiled,
    pub columns: Vec<usize>,
}

struct Unit {
    rows: Rows,
    /// Of the values of the bound's column, both ends included, where it is known and there is a bound.
    range: Option<(i64, i64)>,
    /// It may hold events and other rows.
    mixed: bool,
}

enum Rows {
    Group(Arc<Segment>, usize),
    Fresh(Arc<RecordBatch>),
}

/// The columns that an expression looks at.
pub(super) fn columns_of(expr: &Expr, found: &mut Vec<usize>) {
    match &expr.kind {
        ExprKind::Column(at) => {
            if !found.contains(at) {
                found.push(*at);
            }
        }
        ExprKind::Literal(_) => {}
        ExprKind::Call { args, .. } => args.iter().for_each(|a| columns_of(a, found)),
        ExprKind::And(list) | ExprKind::Or(list) => list.iter().for_each(|a| columns_of(a, found)),
        ExprKind::Path { base, .. } => columns_of(base, found),
        ExprKind::In { value, .. } => columns_of(value, found),
    }
}

impl Events {
    pub fn new(
        snapshot: &Snapshot,
        table: &str,
        columns: &[ScanColumn],
        filter: &[Expr],
        purpose: &Purpose,
        directory: &dyn Fn() -> Result<Arc<Directory>>,
        control: &Arc<Control>,
    ) -> Result<Self> {
        let origins = columns
            .iter()
            .map(|c| origin(table, c).ok_or_else(|| internal(format!("the table has no column {c:?}"))))
            .collect::<Result<Vec<_>>>()?;
        let named = origins.iter().any(|origin| matches!(origin, Origin::Named(_)));
        let names = if named { directory()? } else { Arc::default() };
        let dear = |at: usize| origins.get(at).is_some_and(is_raw);
        let (mut early, mut late, mut late_needs) = (Vec::new(), Vec::new(), Vec::new());
        for expr in filter {
            let mut used = Vec::new();
            columns_of(expr, &mut used);
            let need = Need::of(expr, &dear)?;
            let to = if need.is_never() { &mut early } else { &mut late };
            to.push(Conjunct { test: compile(expr)?, columns: used });
            late_needs.push(need);
        }
        let mut wanted = Vec::new();
        let need = match &purpose.computed {
            Some(exprs) => {
                for e in exprs {
                    columns_of(e, &mut wanted);
                }
                Need::any(exprs.iter().map(|e| Need::of(e, &dear)).collect::<Result<_>>()?)
            }
            None => {
                wanted.extend(0..origins.len());
                if (0..origins.len()).any(dear) { Need::Always } else { Need::Never }
            }
        };
        let bound = purpose.top.clone().filter(|(at, _)| matches!(origins.get(*at), Some(Origin::Stored(_))));
        let tests: Vec<Test> = filter.iter().filter_map(|e| prune::test(e, &origins)).collect();
        let bounded = bound.as_ref().and_then(|(at, _)| origins[*at].stored());
        let connect = table == CONNECT;
        let mut units = Vec::new();
        for segment in &snapshot.segments {
            control.check()?;
            if !prune::segment_may(segment, &tests) {
                control.counters.groups_pruned.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let metadata = match metadata(segment) {
                Ok(metadata) => metadata,
                Err(error) => {
                    without(segment, control, error)?;
                    continue;
                }
            };
            control.counters.segments.fetch_add(1, Ordering::Relaxed);
            for group in 0..metadata.metadata().num_row_groups() {
                let others = prune::holds_others(metadata, group);
                if (others || !connect) && prune::group_may(segment, metadata, group, &tests) {
                    control.progress.expect(metadata.metadata().row_group(group).num_rows() as u64);
                    let range = bounded.and_then(|at| prune::range(metadata, group, at));
                    units.push(Unit { rows: Rows::Group(Arc::clone(segment), group), range, mixed: others });
                } else {
                    control.counters.groups_pruned.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        for segment in snapshot.damaged.iter().filter(|segment| prune::segment_may(segment, &tests)) {
            control.note(missing(segment, "it was found to be damaged"));
        }
        for batch in &snapshot.fresh {
            let mixed = others_of(batch).is_some();
            if connect && !mixed {
                continue;
            }
            control.progress.expect(batch.num_rows() as u64);
            let range = bounded.and_then(|at| {
                let column = batch.columns().get(at)?.as_primitive_opt::<Int64Type>()?;
                arrow::compute::min(column).zip(arrow::compute::max(column))
            });
            units.push(Unit { rows: Rows::Fresh(Arc::clone(batch)), range, mixed });
        }
        if let Some((_, bound)) = &bound {
            // The most hopeful first: they tell soonest how good the others must be.
            let hope = |unit: &Unit| {
                unit.range.map_or(i64::MIN, |(low, high)| if bound.descending { high.saturating_neg() } else { low })
            };
            units.sort_by_key(hope);
        }
        let late_need = Need::any(late_needs);
        Ok(Self {
            origins,
            early,
            late,
            late_need,
            need,
            wanted,
            bound,
            units,
            control: Arc::clone(control),
            connect,
            names,
        })
    }

    fn count(&self, rows: usize) {
        self.control.counters.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.control.progress.done(rows as u64);
    }

    fn has_paths(&self) -> bool {
        self.origins.iter().any(|o| matches!(o, Origin::Path { .. }))
    }

    fn unread(&self) -> Vec<Option<ArrayRef>> {
        vec![None; self.origins.len()]
    }

    fn fresh(&self, page: &RecordBatch, mixed: bool, emit: Emit<'_>) -> Result<()> {
        self.count(page.num_rows());
        if self.has_paths() && irregular_of(page).is_some_and(|i| i.true_count() > 0) {
            return self.irregular(page, mixed, emit);
        }
        Pass::new(self, &Page(page), self.unread(), mixed).run(emit)
    }

    /// A batch with all stored columns in which some rows are irregular: their paths come from the events' text.
    fn irregular(&self, page: &RecordBatch, mixed: bool, emit: Emit<'_>) -> Result<()> {
        let raw = page.column_by_name("raw").ok_or_else(|| internal("raw"))?;
        let texts = Texts::of(raw)?;
        let mask = irregular_of(page).ok_or_else(|| internal("irregular"))?;
        let mut columns = self.unread();
        for (at, origin) in self.origins.iter().enumerate() {
            if let Origin::Path { stored, column, steps, text } = origin {
                let stored = page.column_by_name(super::columns::stored_name(*stored));
                let given = give(origin, stored, page.num_rows(), &self.names, &self.control)?;
                columns[at] = Some(patched(&given, mask, &from_raw(&texts, page.num_rows(), column, steps, *text))?);
            }
        }
        Pass::new(self, &Page(page), columns, mixed).run(emit)
    }

    fn group(&self, segment: &Segment, group: usize, mixed: bool, emit: Emit<'_>) -> Result<()> {
        let metadata = segment.metadata().map_err(store_error)?;
        let stored = Group { segment, metadata, number: group, control: &self.control };
        self.control.counters.groups_read.fetch_add(1, Ordering::Relaxed);
        if !(self.has_paths() && prune::may_be_irregular(metadata, group)) {
            self.count(metadata.metadata().row_group(group).num_rows() as usize);
            return Pass::new(self, &stored, self.unread(), mixed).run(emit);
        }
        let mut all: Vec<usize> = self.origins.iter().filter_map(Origin::stored).collect();
        all.extend([position("raw"), position("irregular"), position("feed")].into_iter().flatten());
        let mut on = true;
        for batch in stored.read(&all, None, 8 * TEXT_ROWS)? {
            self.control.check()?;
            self.fresh(&batch.map_err(store_error)?, mixed, &mut |batch| {
                on = emit(batch)?;
                Ok(on)
            })?;
            if !on {
                break;
            }
        }
        Ok(())
    }
}

/// A segment's footer. What is in the file may be anything: a decoder that panics has found damage, not a mistake of ours.
fn metadata(segment: &Segment) -> Result<&ArrowReaderMetadata> {
    decoded(segment, || segment.metadata().map_err(store_error))
}

/// What rows of a segment a query cannot have is told, where it may go on without them; else it is an error.
fn without(segment: &Segment, control: &Control, error: QueryError) -> Result<()> {
    if !control.goes_on.load(Ordering::Relaxed) {
        return Err(error);
    }
    // Where this person writes the store, or a collector of theirs does, it is fetched again.
    crate::store::doubts::doubt(segment);
    control.note(missing(segment, &error.to_string()));
    Ok(())
}

fn missing(segment: &Segment, why: &str) -> Diagnostic {
    let file = segment.path.file_name().unwrap_or_default().to_string_lossy();
    let (from, to) = segment.timestamps.unwrap_or(segment.generated);
    Diagnostic::warning(
        "KQL901",
        TextRange::default(),
        format!(
            "segment {file} cannot be read whole ({why}): of its {} events, {} to {}, some or all are not in this answer; run \
             `vaultscope store verify`",
            segment.rows,
            Ticks(from),
            Ticks(to)
        ),
    )
}

/// Is it read out of the event's text, or the text itself?
pub(super) fn is_raw(origin: &Origin) -> bool {
    match origin {
        Origin::Raw { .. } => true,
        Origin::Stored(stored) => Some(*stored) == position("raw"),
        _ => false,
    }
}

/// The code of rows that are no events in a batch's dictionary of feeds, where it has one.
fn others_of(batch: &RecordBatch) -> Option<usize> {
    let feeds = batch.column_by_name("feed")?.as_dictionary_opt::<Int32Type>()?;
    let names = feeds.values().as_string_opt::<i32>()?;
    names.iter().position(|name| name == Some(Feed::ConnectActivity.name()))
}

/// Which rows of a column of feeds are events, or are the others.
pub(super) fn of_kind(feeds: &ArrayRef, connect: bool) -> Result<BooleanBuffer> {
    let texts = Texts::of(feeds)?;
    Ok(BooleanBuffer::collect_bool(feeds.len(), |row| {
        (texts.get(row) == Some(Feed::ConnectActivity.name())) == connect
    }))
}

fn irregular_of(stored: &RecordBatch) -> Option<&BooleanArray> {
    stored.column_by_name("irregular")?.as_boolean_opt()
}

impl Source for Events {
    fn name(&self) -> String {
        let (group, fresh) = self.units.iter().fold((0, 0), |(group, fresh), unit| match unit.rows {
            Rows::Group(..) => (group + 1, fresh),
            Rows::Fresh(_) => (group, fresh + 1),
        });
        format!("scan of {group} row groups and {fresh} fresh pages")
    }

    fn morsels(&self) -> usize {
        self.units.len()
    }

    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()> {
        let unit = &self.units[morsel];
        if let (Some((_, bound)), Some((low, high))) = (&self.bound, unit.range)
            && !bound.admits(low, high)
        {
            let rows = match &unit.rows {
                Rows::Group(segment, group) => {
                    self.control.counters.groups_pruned.fetch_add(1, Ordering::Relaxed);
                    segment.metadata().map_err(store_error)?.metadata().row_group(*group).num_rows() as u64
                }
                Rows::Fresh(batch) => batch.num_rows() as u64,
            };
            self.control.progress.done(rows);
            return Ok(());
        }
        match &unit.rows {
            Rows::Group(segment, group) => match self.group(segment, *group, unit.mixed, emit) {
                Err(error @ QueryError::Store(_)) => without(segment, &self.control, error),
                done => done,
            },
            Rows::Fresh(batch) => self.fresh(batch, unit.mixed, emit),
        }
    }
}
