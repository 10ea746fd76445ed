//! Times that a query speaks of, as far as they can be told without running it: ticks from now.

use super::names::{Names, Pipe};
use crate::kql::syntax::{BinaryOp, Expr, ExprKind, OperatorKind, UnaryOp};
use crate::kql::value::Value;

/// Columns that say when something happened or came.
pub const COLUMNS: &[&str] = &["TimeGenerated", "timestamp", "Timestamp", "arrived"];

/// From (inclusive) and to, each if it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub from: Option<i64>,
    pub to: Option<i64>,
}

impl Window {
    /// What both leave.
    pub fn and(mut self, other: Self) -> Self {
        other.from.into_iter().for_each(|at| self.after(at));
        other.to.into_iter().for_each(|at| self.before(at));
        self
    }

    fn after(&mut self, at: i64) {
        self.from = Some(self.from.map_or(at, |from| from.max(at)));
    }

    fn before(&mut self, at: i64) {
        self.to = Some(self.to.map_or(at, |to| to.min(at)));
    }
}

/// The deepest that lets and brackets are followed.
const DEEPEST: usize = 32;

/// What a pipeline reads, and when: its table's name and the window that its conditions leave, lets followed.
pub fn reads<'a>(e: &'a Expr, names: &Names<'a>) -> Option<(&'a str, Window)> {
    let mut window = Window::default();
    let mut e = names.value(e);
    for _ in 0..DEEPEST {
        if let Some(name) = e.as_name() {
            return Some((&name.text, window));
        }
        let pipe = Pipe::of(e)?;
        // What is joined or put together has more than one table.
        let single =
            !pipe.operators.iter().any(|o| matches!(o.kind, OperatorKind::Union(_) | OperatorKind::MvApply(_)));
        narrowed(pipe, names, &mut window);
        if !single {
            return None;
        }
        e = names.value(pipe.source?);
    }
    None
}

/// Narrows a window by a pipeline's conditions.
pub fn narrowed(pipe: Pipe<'_>, names: &Names<'_>, window: &mut Window) {
    pipe.conditions().for_each(|condition| narrow(condition, names, window));
}

fn narrow(condition: &Expr, names: &Names<'_>, window: &mut Window) {
    match &condition.inner().kind {
        ExprKind::And(terms) => terms.iter().for_each(|term| narrow(term, names, window)),
        ExprKind::Between { operand, low, high, negated: false } if is_time(operand) => {
            if let Some(at) = instant(low, names, 0) {
                window.after(at);
                if let Some(to) = instant(high, names, 0).or_else(|| Some(at + span(high, names, 0)?)) {
                    window.before(to);
                }
            }
        }
        ExprKind::Binary { op, left, right } => {
            let (op, right) = match (is_time(left), is_time(right)) {
                (true, false) => (*op, right),
                (false, true) => (mirrored(*op), left),
                _ => return,
            };
            let Some(at) = instant(right, names, 0) else { return };
            match op {
                BinaryOp::Gt | BinaryOp::Ge => window.after(at),
                BinaryOp::Lt | BinaryOp::Le => window.before(at),
                _ => {}
            }
        }
        _ => {}
    }
}

fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Gt => BinaryOp::Lt,
        BinaryOp::Ge => BinaryOp::Le,
        BinaryOp::Lt => BinaryOp::Gt,
        BinaryOp::Le => BinaryOp::Ge,
        op => op,
    }
}

fn is_time(e: &Expr) -> bool {
    match &e.inner().kind {
        ExprKind::Name(name) => COLUMNS.contains(&&*name.text),
        ExprKind::Call(call) => &*call.name.text == "ingestion_time",
        _ => false,
    }
}

/// A point in time, in ticks from now.
fn instant(e: &Expr, names: &Names<'_>, depth: usize) -> Option<i64> {
    if depth > DEEPEST {
        return None;
    }
    let e = e.inner();
    match &e.kind {
        ExprKind::Name(name) => instant(names.lets.get(&*name.text)?, names, depth + 1),
        ExprKind::Call(call) => {
            let first = call.arguments.first().map(|argument| &argument.value);
            match &*call.name.text {
                "now" => first.map_or(Some(0), |offset| span(offset, names, depth + 1)),
                "ago" => Some(-span(first?, names, depth + 1)?),
                // A little earlier or later is the same window.
                "startofday" | "endofday" | "bin" | "floor" | "todatetime" => instant(first?, names, depth + 1),
                _ => None,
            }
        }
        ExprKind::Binary { op, left, right } => {
            let from = instant(left, names, depth + 1)?;
            let by = span(right, names, depth + 1)?;
            match op {
                BinaryOp::Add => from.checked_add(by),
                BinaryOp::Sub => from.checked_sub(by),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A length of time in ticks.
fn span(e: &Expr, names: &Names<'_>, depth: usize) -> Option<i64> {
    if depth > DEEPEST {
        return None;
    }
    match &e.inner().kind {
        ExprKind::Literal(Value::TimeSpan(ticks)) => Some(*ticks),
        ExprKind::Name(name) => span(names.lets.get(&*name.text)?, names, depth + 1),
        ExprKind::Unary { op, operand } => {
            let ticks = span(operand, names, depth + 1)?;
            Some(if *op == UnaryOp::Minus { -ticks } else { ticks })
        }
        ExprKind::Binary { op, left, right } => {
            let spans = |a: &Expr, b: &Expr| Some((span(a, names, depth + 1)?, span(b, names, depth + 1)?));
            match op {
                BinaryOp::Add => spans(left, right).and_then(|(a, b)| a.checked_add(b)),
                // `now() - ago(5m)` is a length too.
                BinaryOp::Sub => spans(left, right)
                    .or_else(|| Some((instant(left, names, depth + 1)?, instant(right, names, depth + 1)?)))
                    .and_then(|(a, b)| a.checked_sub(b)),
                BinaryOp::Mul => match (left.inner().as_literal(), right.inner().as_literal()) {
                    (Some(Value::Long(n)), _) => span(right, names, depth + 1)?.checked_mul(*n),
                    (_, Some(Value::Long(n))) => span(left, names, depth + 1)?.checked_mul(*n),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}
