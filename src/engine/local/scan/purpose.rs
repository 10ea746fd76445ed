//! What becomes of a scan's rows. A scan that knows reads less: not the text of events whose answer does not depend on it, not the rows that a `top`
//! would throw away.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::kql::plan::{Op, SortKey};
use crate::kql::{Expr, ExprKind, Rel, Type};

/// What becomes of a node's rows, as far as whoever asks for them knows.
#[derive(Clone, Debug, Default)]
pub struct Purpose {
    /// All that will be computed from them; `None` where the rows themselves are wanted.
    pub computed: Option<Vec<Expr>>,
    /// Only the first by this column are wanted.
    pub top: Option<(usize, Arc<Bound>)>,
}

impl Purpose {
    /// Of the input of an aggregation or the like: these expressions are all that is looked at.
    pub fn computing<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Self {
        Self { computed: Some(exprs.into_iter().cloned().collect()), top: None }
    }

    /// Of the input of a projection whose own rows are for `self`.
    #[must_use]
    pub fn under_project(&self, columns: &[Expr]) -> Self {
        let top = self.top.as_ref().and_then(|(at, bound)| match columns.get(*at)?.kind {
            ExprKind::Column(inner) => Some((inner, Arc::clone(bound))),
            _ => None,
        });
        Self { computed: Some(columns.to_vec()), top }
    }

    /// Of the input of a filter.
    #[must_use]
    pub fn under_filter(&self, predicate: &Expr) -> Self {
        let mut inner = self.clone();
        if let Some(computed) = &mut inner.computed {
            computed.push(predicate.clone());
        }
        inner
    }

    /// Of the input of a `top`, and the bound that the `top` is to keep. Only where rows without a value come last: they are in no range.
    pub fn of_top(input: &Rel, keys: &[SortKey]) -> (Self, Option<Arc<Bound>>) {
        let bound = keys.first().and_then(|key| match key.expr.kind {
            ExprKind::Column(at)
                if !key.nulls_first
                    && matches!(key.expr.ty, Type::Long | Type::DateTime | Type::TimeSpan)
                    && reaches_a_scan(input) =>
            {
                Some((at, Arc::new(Bound::new(key.descending))))
            }
            _ => None,
        });
        let handle = bound.as_ref().map(|(_, bound)| Arc::clone(bound));
        (Self { computed: None, top: bound }, handle)
    }
}

fn reaches_a_scan(rel: &Rel) -> bool {
    match &rel.op {
        Op::Scan { .. } => true,
        Op::Project { input, .. } | Op::Filter { input, .. } => reaches_a_scan(input),
        _ => false,
    }
}

/// The value that a row must reach to be among the first: what the worst of a full set has. It only gets stricter.
#[derive(Debug)]
pub struct Bound {
    pub descending: bool,
    worst: AtomicI64,
}

impl Bound {
    pub fn new(descending: bool) -> Self {
        Self { descending, worst: AtomicI64::new(if descending { i64::MIN } else { i64::MAX }) }
    }

    /// So many rows as are wanted are at least as good as this.
    pub fn tighten(&self, worst: i64) {
        if self.descending {
            self.worst.fetch_max(worst, Ordering::Relaxed);
        } else {
            self.worst.fetch_min(worst, Ordering::Relaxed);
        }
    }

    /// The value to reach, once there is one.
    pub fn worst(&self) -> Option<i64> {
        let worst = self.worst.load(Ordering::Relaxed);
        (worst != if self.descending { i64::MIN } else { i64::MAX }).then_some(worst)
    }

    /// May rows with values in this range, both ends included, be among the first?
    pub fn admits(&self, low: i64, high: i64) -> bool {
        let worst = self.worst.load(Ordering::Relaxed);
        if self.descending { high >= worst } else { low <= worst }
    }
}
