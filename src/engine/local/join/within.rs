//! "Within ten minutes": a condition above a join that keeps the two sides' times in a range of each other. The join then looks at partners in that range
//! alone, and not at every pair of a key's rows.
//!
//! The condition itself still runs over what comes out: the range may be wider than it, never narrower.

use crate::base::time::{DAY, HOUR, MINUTE, SECOND};
use crate::kql::{Expr, ExprKind, Type, Value};

/// `least <= right - left <= most`, in ticks, over one time of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    /// Columns of the left and of the right input.
    pub left: usize,
    pub right: usize,
    pub least: i64,
    pub most: i64,
}

impl Within {
    /// The range that the terms of a condition over a join's columns leave; the left input has `width` of them. `None` without a bound on either end.
    pub fn of(predicate: &Expr, width: usize) -> Option<Self> {
        let one = std::slice::from_ref(predicate);
        let terms = if let ExprKind::And(terms) = &predicate.kind { terms.as_slice() } else { one };
        let mut all: Option<Self> = None;
        for found in terms.iter().filter_map(|term| bound(term, width)) {
            match &mut all {
                None => all = Some(found),
                Some(all) if (all.left, all.right) == (found.left, found.right) => {
                    all.least = all.least.max(found.least);
                    all.most = all.most.min(found.most);
                }
                // Other times than the first two: the condition sees to them.
                Some(_) => {}
            }
        }
        // One end alone halves the pairs; both make them few.
        all
    }

    /// The times of the right side that go with a time of the left.
    pub fn of_right(&self, left: i64) -> (i64, i64) {
        (left.saturating_add(self.least), left.saturating_add(self.most))
    }

    /// The times of the left side that go with a time of the right.
    pub fn of_left(&self, right: i64) -> (i64, i64) {
        (right.saturating_sub(self.most), right.saturating_sub(self.least))
    }
}

/// Times that are added and taken away, and ticks.
#[derive(Default)]
struct Sum {
    columns: Vec<(usize, i8)>,
    ticks: i128,
}

impl Sum {
    fn of(expr: &Expr) -> Option<Self> {
        if !matches!(expr.ty, Type::DateTime | Type::TimeSpan) {
            return None;
        }
        match &expr.kind {
            ExprKind::Column(at) if expr.ty == Type::DateTime => Some(Self { columns: vec![(*at, 1)], ticks: 0 }),
            ExprKind::Literal(Value::DateTime(n) | Value::TimeSpan(n)) => {
                Some(Self { ticks: i128::from(*n), ..Self::default() })
            }
            ExprKind::Call { function, args } => match (function.name, args.as_slice()) {
                ("+", [a, b]) => Some(Self::of(a)?.and(Self::of(b)?, 1)),
                ("-", [a, b]) => Some(Self::of(a)?.and(Self::of(b)?, -1)),
                _ => None,
            },
            _ => None,
        }
    }

    fn and(mut self, other: Self, sign: i8) -> Self {
        self.columns.extend(other.columns.into_iter().map(|(at, s)| (at, s * sign)));
        self.ticks += other.ticks * i128::from(sign);
        self
    }
}

/// What one comparison says of `right - left`.
fn bound(term: &Expr, width: usize) -> Option<Within> {
    let ExprKind::Call { function, args } = &term.kind else { return None };
    let [a, b] = args.as_slice() else { return None };
    let (sum, slack) = match (whole_units(a), whole_units(b)) {
        (Some((sum, unit)), None) => (sum.and(literal_units(b, unit)?, -1), unit),
        (None, Some((sum, unit))) => (literal_units(a, unit)?.and(sum, -1), unit),
        _ => (Sum::of(a)?.and(Sum::of(b)?, -1), 0),
    };
    // a - b = ±(right - left) + ticks
    let [first, second] = sum.columns.as_slice() else { return None };
    let (left, right) = if first.0 < width { (first, second) } else { (second, first) };
    if left.0 >= width || right.0 < width || left.1 != -right.1 {
        return None;
    }
    let upright = right.1 == 1;
    let at = i64::try_from(if upright { -sum.ticks } else { sum.ticks }).ok()?;
    let (least, most) = match (function.name, upright) {
        ("==", _) => (at, at),
        ("<" | "<=", true) | (">" | ">=", false) => (i64::MIN, at),
        (">" | ">=", true) | ("<" | "<=", false) => (at, i64::MAX),
        _ => return None,
    };
    let (least, most) = (least.saturating_sub(slack), most.saturating_add(slack));
    Some(Within { left: left.0, right: right.0 - width, least, most })
}

/// `datetime_diff(unit, x, y)`: x - y, exact to one unit.
fn whole_units(expr: &Expr) -> Option<(Sum, i64)> {
    let ExprKind::Call { function, args } = &expr.kind else { return None };
    let ("datetime_diff", [unit, x, y]) = (function.name, args.as_slice()) else { return None };
    let Some(Value::String(unit)) = unit.as_literal() else { return None };
    let unit = match unit.to_ascii_lowercase().as_str() {
        "day" => DAY,
        "hour" => HOUR,
        "minute" => MINUTE,
        "second" => SECOND,
        "millisecond" => SECOND / 1_000,
        _ => return None,
    };
    Some((Sum::of(x)?.and(Sum::of(y)?, -1), unit))
}

fn literal_units(expr: &Expr, unit: i64) -> Option<Sum> {
    let n = match expr.as_literal()? {
        Value::Long(n) => *n,
        Value::Int(n) => i64::from(*n),
        _ => return None,
    };
    Some(Sum { columns: Vec::new(), ticks: i128::from(n) * i128::from(unit) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::functions::{operator, scalar};

    fn call(name: &str, args: [Expr; 2]) -> Expr {
        let ty = match (name, args[0].ty, args[1].ty) {
            ("-", Type::DateTime, Type::DateTime) => Type::TimeSpan,
            ("+" | "-", ..) => args[0].ty,
            _ => Type::Bool,
        };
        Expr::call(operator(name).unwrap(), args.into(), ty)
    }

    fn time(at: usize) -> Expr {
        Expr::column(at, Type::DateTime)
    }

    fn span(ticks: i64) -> Expr {
        Expr::literal(Value::TimeSpan(ticks))
    }

    fn and(terms: Vec<Expr>) -> Expr {
        Expr { kind: ExprKind::And(terms), ty: Type::Bool }
    }

    /// Columns 0 to 2 are the left side's.
    fn within(predicate: &Expr) -> Option<(usize, usize, i64, i64)> {
        Within::of(predicate, 3).map(|w| (w.left, w.right, w.least, w.most))
    }

    #[test]
    fn comparisons_of_the_two_sides_times_make_a_range() {
        let after = call(">=", [time(4), time(2)]);
        let soon = call("<=", [time(4), call("+", [time(2), span(10)])]);
        assert_eq!(within(&and(vec![after.clone(), soon])), Some((2, 1, 0, 10)));
        let difference = call("<", [call("-", [time(4), time(2)]), span(5)]);
        assert_eq!(within(&and(vec![after.clone(), difference])), Some((2, 1, 0, 5)));
        let turned = call(">=", [call("+", [time(4), span(7)]), time(2)]);
        assert_eq!(within(&turned), Some((2, 1, -7, i64::MAX)));
        assert_eq!(within(&after), Some((2, 1, 0, i64::MAX)));
    }

    #[test]
    fn whole_units_are_exact_to_one() {
        let minute = Expr::literal(Value::string("minute"));
        let args = vec![minute, time(4), time(0)];
        let diff = Expr::call(scalar("datetime_diff").unwrap(), args, Type::Long);
        let soon = call("<=", [diff, Expr::literal(Value::Long(10))]);
        assert_eq!(within(&soon), Some((0, 1, i64::MIN, 11 * MINUTE)));
    }

    #[test]
    fn what_is_no_such_comparison_says_nothing() {
        assert_eq!(within(&call("<", [time(0), time(2)])), None);
        assert_eq!(within(&call("!=", [time(0), time(4)])), None);
        assert_eq!(within(&call("<", [call("+", [time(0), span(1)]), span(1)])), None);
    }
}
