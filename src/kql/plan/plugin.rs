//! Plugins as nodes of a plan: what they do with all rows of their inputs. The binder puts a projection under each, so that columns stand
//! where the plugin reads them.

use std::fmt;
use std::sync::Arc;

use super::external::External;
use crate::kql::value::Value;

/// What a plugin's node computes. Inputs are described by their columns in order; `…` are any further ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Plugin {
    /// (bag: dynamic) → one string a property of the bags: the type of its values, a space, its name. For the binder of `bag_unpack`.
    Properties,
    /// (key, …, name: string, value) with a row for each key and name → (key, …, one column a name); `empty` where there is no row.
    Pivot { names: Arc<[Arc<str>]>, empty: Value },
    /// () → rows that lie elsewhere, in the columns of the node's schema.
    External(External),
    /// (column, …) → (Row: long, Column: string, Value: string), a row a cell.
    Narrow { names: Arc<[Arc<str>]> },
    /// (name: string, ordinal: long, type: string) → (name: string, ordinal: int, .NET type: string, type: string), a row a name.
    SchemaMerge { keep_order: bool },
    /// (column, …), (column, …) → the first one's columns, then the second one's, for addresses that are in a range.
    Lookup(Lookup),
    /// (id, time, dimension, …), and for new users with a lookback (id) → (time, dimension, …, metric, …).
    Activity { metric: Metric, bins: Bins },
    /// (index, value, dimension, …) → (index, dimension, …, value): of the last `bins` bins of width `bin`.
    RollingPercentile { percent: f64, bin: i64, bins: i64 },
    /// (column, …, condition: bool) → the columns of rows that are near one for which the condition is true.
    RowsNear { before: u64, after: u64 },
    /// (time, step: bool, …, dimension, …) → (dimension, …, time of each step, …, duration).
    SequenceDetect { steps: usize, gap: i64, span: i64 },
    /// (id, time, state: string) → (time, what came before, what came after, dcount, samples: dynamic), or one of the two alone.
    Funnel { bins: Bins, gap: i64, sequence: Arc<[Arc<str>]>, shows: Neighbours },
    /// (id, time, state: string) → (time, state, period, dcount) for each step of the sequence and each period.
    FunnelCompletion { bins: Bins, sequence: Arc<[Arc<str>]>, periods: Arc<[i64]> },
    /// (column, …, [weight], [split: string]) → (SegmentId: long, counts and percentages, column, …), a row a pattern. Approximate.
    Patterns(Patterns),
    /// (text, condition: bool) → (counts and percentages where it is true and false, words), a row a pattern. Approximate.
    DifferentTexts { least: usize, threshold: f64, most: usize },
    /// (column, …, text) → (pattern, count, representative); with `keep_rows` the columns and the pattern. Approximate.
    Reduce { threshold: f64, separators: Option<Arc<str>>, keep_rows: bool },
}

/// Values that occur together in many rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Patterns {
    pub mining: Mining,
    /// A number of the row's weight follows the columns.
    pub weighted: bool,
    /// What stands where a pattern says nothing of a column, by type; null for the others.
    pub wildcards: Vec<Value>,
}

/// Which patterns are wanted. Shares lie between 0 and 1; `most` are columns of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum Mining {
    /// Every one that so large a share of the rows has.
    Basket { threshold: f64, most: usize },
    /// A few: `size_weight` is how much the share of rows counts, the rest the share of columns.
    Cluster { size_weight: f64 },
    /// Those that tell the rows of one value of the split from those of another.
    Difference { a: Arc<str>, b: Arc<str>, threshold: f64, most: usize },
}

/// Addresses of one table in the ranges of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// IPv6, or IPv4 written in either form; else IPv4 alone.
    pub v6: bool,
    /// The column with addresses in the first input, and with ranges in the second.
    pub on: (usize, usize),
    /// Columns that must be equal too.
    pub equal: Vec<(usize, usize)>,
    /// Rows without a match come too.
    pub unmatched: bool,
}

/// The bins of a timeline, in the units of its column: ticks, or plain numbers. Both ends are inside; without them the rows' own are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bins {
    pub start: Option<i64>,
    pub end: Option<i64>,
    pub step: Step,
}

/// The width of a bin. Fixed ones are counted from the start; calendar ones begin where `startofweek` and its kin say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Fixed(i64),
    Week,
    Month,
    Year,
}

/// What is counted of the ids in the bins of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// `activity_counts_metrics`: rows, ids, ids that are new, ids so far.
    Counts,
    /// `sliding_window_counts`: rows and ids of the bins that end with this one.
    Sliding { window: i64 },
    /// `activity_engagement`: ids of the bin, ids of the window that ends with it, their ratio.
    Engagement { window: i64 },
    /// `activity_metrics`: ids, ids that the bin before had not, retention, churn.
    Changes,
    /// `new_activity_metrics`: a row for each bin and each later one.
    NewUsers { cohort: Option<i64> },
    /// `active_users_count`: ids with rows in `least` periods of the lookback.
    ActiveUsers { lookback: i64, period: i64, least: i64 },
    /// `session_count`: a session ends where an id is not seen for longer than the gap.
    Sessions { gap: i64 },
}

/// Which neighbours of a sequence `funnel_sequence` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbours {
    Both,
    Before,
    After,
}

impl Plugin {
    /// The name that a query calls it by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Properties => "properties",
            Self::Pivot { .. } => "pivot",
            Self::Narrow { .. } => "narrow",
            Self::SchemaMerge { .. } => "schema_merge",
            Self::Lookup(Lookup { v6: true, .. }) => "ipv6_lookup",
            Self::Lookup(_) => "ipv4_lookup",
            Self::Activity { metric, .. } => match metric {
                Metric::Counts => "activity_counts_metrics",
                Metric::Sliding { .. } => "sliding_window_counts",
                Metric::Engagement { .. } => "activity_engagement",
                Metric::Changes => "activity_metrics",
                Metric::NewUsers { .. } => "new_activity_metrics",
                Metric::ActiveUsers { .. } => "active_users_count",
                Metric::Sessions { .. } => "session_count",
            },
            Self::RollingPercentile { .. } => "rolling_percentile",
            Self::RowsNear { .. } => "rows_near",
            Self::SequenceDetect { .. } => "sequence_detect",
            Self::Funnel { .. } => "funnel_sequence",
            Self::FunnelCompletion { .. } => "funnel_sequence_completion",
            Self::Patterns(patterns) => match patterns.mining {
                Mining::Basket { .. } => "basket",
                Mining::Cluster { .. } => "autocluster",
                Mining::Difference { .. } => "diffpatterns",
            },
            Self::DifferentTexts { .. } => "diffpatterns_text",
            Self::Reduce { .. } => "reduce",
            Self::External(_) => "externaldata",
        }
    }

    /// Kusto says what it finds, not how: another engine's rows may differ.
    pub fn is_approximate(&self) -> bool {
        matches!(self, Self::Patterns(_) | Self::DifferentTexts { .. } | Self::Reduce { .. })
    }
}

impl fmt::Display for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Pivot { names, .. } => write!(f, " of {} values", names.len()),
            Self::Funnel { sequence, .. } | Self::FunnelCompletion { sequence, .. } => {
                write!(f, " of {}", sequence.join(" -> "))
            }
            Self::RowsNear { before, after } => write!(f, " {before} before, {after} after"),
            Self::RollingPercentile { percent, bins, .. } => write!(f, " {percent} of {bins} bins"),
            Self::External(external) => external.addresses.iter().try_for_each(|a| write!(f, " [{}]", a.place())),
            _ => Ok(()),
        }
    }
}
