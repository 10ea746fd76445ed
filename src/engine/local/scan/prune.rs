//! Which row groups cannot hold a row that a filter wants: by the catalogue's ranges, by Parquet's statistics, by bloom filters.

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::data_type::ByteArray;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;

use super::columns::Origin;
use crate::event::Feed;
use crate::event::schema::position;
use crate::kql::{Expr, ExprKind, Value};
use crate::store::Segment;

/// What a conjunct asks of one stored column.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    pub stored: usize,
    /// A path: irregular rows may hold anything.
    pub path: bool,
    pub wants: Wants,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Wants {
    /// Between, both ends included.
    Longs { from: i64, to: i64 },
    /// One of these texts, none of them "".
    Texts(Vec<String>),
}

/// The tests of a conjunct over columns of these origins; none where it says nothing that can be used.
pub fn test(conjunct: &Expr, origins: &[Origin]) -> Option<Test> {
    let (column, wants) = match &conjunct.kind {
        ExprKind::Call { function, args } => {
            let [left, right, rest @ ..] = args.as_slice() else { return None };
            let (column, literal, turned) = match (&left.kind, &right.kind) {
                (ExprKind::Column(at), ExprKind::Literal(value)) => (*at, value, false),
                (ExprKind::Literal(value), ExprKind::Column(at)) => (*at, value, true),
                _ => return None,
            };
            let wants = match (function.name, long(literal), turned) {
                ("==", Some(n), _) => Wants::Longs { from: n, to: n },
                ("==", None, _) => Wants::Texts(vec![text(literal)?]),
                ("<", Some(n), false) | (">", Some(n), true) => Wants::Longs { from: i64::MIN, to: n.checked_sub(1)? },
                ("<=", Some(n), false) | (">=", Some(n), true) => Wants::Longs { from: i64::MIN, to: n },
                (">", Some(n), false) | ("<", Some(n), true) => Wants::Longs { from: n.checked_add(1)?, to: i64::MAX },
                (">=", Some(n), false) | ("<=", Some(n), true) => Wants::Longs { from: n, to: i64::MAX },
                ("between", Some(from), false) => {
                    let upper = rest.first()?.as_literal()?;
                    let to = match (literal, upper) {
                        (Value::DateTime(d), Value::TimeSpan(span)) => d.checked_add(*span)?,
                        _ => long(upper)?,
                    };
                    Wants::Longs { from, to }
                }
                _ => return None,
            };
            (column, wants)
        }
        ExprKind::In { value, set, negated: false, fold_case: false } => {
            let ExprKind::Column(at) = value.kind else { return None };
            if let Some(texts) = set.iter().map(text).collect::<Option<Vec<_>>>() {
                (at, Wants::Texts(texts))
            } else {
                let longs = set.iter().map(long).collect::<Option<Vec<_>>>()?;
                (at, Wants::Longs { from: *longs.iter().min()?, to: *longs.iter().max()? })
            }
        }
        _ => return None,
    };
    match origins.get(column)? {
        Origin::Stored(stored) => Some(Test { stored: *stored, path: false, wants }),
        Origin::Path { stored, text: true, .. } => Some(Test { stored: *stored, path: true, wants }),
        _ => None,
    }
}

fn long(value: &Value) -> Option<i64> {
    match value {
        Value::Long(n) | Value::DateTime(n) | Value::TimeSpan(n) => Some(*n),
        Value::Int(n) => Some(i64::from(*n)),
        _ => None,
    }
}

/// "" is also what is not there, of which statistics say nothing.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(t) if !t.is_empty() => Some(t.to_string()),
        _ => None,
    }
}

/// May the segment hold a wanted row, as far as the catalogue knows?
pub fn segment_may(segment: &Segment, tests: &[Test]) -> bool {
    tests.iter().all(|test| {
        let Wants::Longs { from, to } = test.wants else { return true };
        let range = if Some(test.stored) == position("timestamp") {
            // Rows without a timestamp are never wanted by a comparison.
            segment.timestamps
        } else if Some(test.stored) == position("TimeGenerated") {
            Some(segment.generated)
        } else if Some(test.stored) == position("seq") {
            Some(segment.seqs)
        } else {
            return true;
        };
        range.is_some_and(|(low, high)| low <= to && high >= from)
    })
}

/// Has the row group irregular rows, as far as its statistics know?
pub fn may_be_irregular(metadata: &ArrowReaderMetadata, group: usize) -> bool {
    let Some(at) = position("irregular") else { return true };
    let column = metadata.metadata().row_group(group).columns().get(at);
    !matches!(column.and_then(|c| c.statistics()), Some(Statistics::Boolean(s)) if s.max_opt() == Some(&false))
}

/// May the row group hold rows that are no events? Their feed is the first in the order of text.
pub fn holds_others(metadata: &ArrowReaderMetadata, group: usize) -> bool {
    let column = position("feed").and_then(|at| metadata.metadata().row_group(group).columns().get(at));
    column.is_none_or(|column| column_may(column, &Wants::Texts(vec![Feed::ConnectActivity.name().to_owned()])))
}

/// May the row group hold a wanted row?
pub fn group_may(segment: &Segment, metadata: &ArrowReaderMetadata, group: usize, tests: &[Test]) -> bool {
    let irregular = may_be_irregular(metadata, group);
    let columns = metadata.metadata().row_group(group).columns();
    tests.iter().filter(|t| !(t.path && irregular)).all(|test| {
        let Some(column) = columns.get(test.stored) else { return true };
        column_may(column, &test.wants)
            && match &test.wants {
                Wants::Texts(texts) if column.bloom_filter_offset().is_some() => {
                    bloom_may(segment, metadata, group, test.stored, texts)
                }
                _ => true,
            }
    })
}

/// May a column of a row group hold a wanted value, as far as its statistics know?
pub fn column_may(column: &ColumnChunkMetaData, wants: &Wants) -> bool {
    match (wants, column.statistics()) {
        (Wants::Longs { from, to }, Some(Statistics::Int64(s))) => overlaps(s.min_opt(), s.max_opt(), *from, *to),
        (Wants::Longs { from, to }, Some(Statistics::Int32(s))) => overlaps(
            s.min_opt().map(|n| i64::from(*n)).as_ref(),
            s.max_opt().map(|n| i64::from(*n)).as_ref(),
            *from,
            *to,
        ),
        (Wants::Texts(texts), Some(Statistics::ByteArray(s))) => texts.iter().any(|t| {
            let (low, high) = (s.min_opt().map(ByteArray::data), s.max_opt().map(ByteArray::data));
            low.is_none_or(|low| low <= t.as_bytes()) && high.is_none_or(|high| high >= t.as_bytes())
        }),
        _ => true,
    }
}

/// The least and greatest value of a stored column in a row group, where its statistics say.
pub fn range(metadata: &ArrowReaderMetadata, group: usize, stored: usize) -> Option<(i64, i64)> {
    match metadata.metadata().row_group(group).columns().get(stored)?.statistics()? {
        Statistics::Int64(s) => s.min_opt().copied().zip(s.max_opt().copied()),
        _ => None,
    }
}

fn overlaps(low: Option<&i64>, high: Option<&i64>, from: i64, to: i64) -> bool {
    low.is_none_or(|low| *low <= to) && high.is_none_or(|high| *high >= from)
}

/// A filter that cannot be read rules nothing out.
fn bloom_may(segment: &Segment, metadata: &ArrowReaderMetadata, group: usize, column: usize, texts: &[String]) -> bool {
    let Ok(file) = segment.open() else { return true };
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
    match builder.get_row_group_column_bloom_filter(group, column) {
        Ok(Some(bloom)) => texts.iter().any(|t| bloom.check(t.as_str())),
        _ => true,
    }
}
