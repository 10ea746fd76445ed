//! `join` and `lookup`: keys, sides, and the names of what comes out.

use std::sync::Arc;

use super::name::Names;
use super::scope::{Side, Table};
use super::{Binder, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Expr, ExprKind as Bound, JoinKind, Op, Rel};
use crate::kql::syntax::{self, BinaryOp, ExprKind, Join};
use crate::kql::types::{Column, Schema, Type};

impl Binder<'_> {
    pub(super) fn join(&mut self, left: &Table, join: &Join, lookup: bool, place: TextRange) -> Table {
        let right = self.table(&join.right);
        let kind = join.kind.unwrap_or(if lookup { JoinKind::LeftOuter } else { JoinKind::InnerUnique });
        let mut keys = Vec::new();
        for term in &join.on {
            self.join_terms(term, left, &right, &mut keys);
        }
        if keys.is_empty() && join.on.is_empty() {
            self.report(
                Diagnostic::error("KQL144", place, "`join` needs the columns to match: `on`")
                    .with_help("… on Key, or … on $left.a == $right.b"),
            );
        }
        // A lookup does not show the right side's keys.
        let hidden: Vec<usize> = if lookup {
            keys.iter().filter_map(|(_, r)| if let Bound::Column(n) = r.kind { Some(n) } else { None }).collect()
        } else {
            Vec::new()
        };
        let one_side = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => Some(left.schema().clone()),
            JoinKind::RightSemi | JoinKind::RightAnti => Some(right.schema().clone()),
            _ => None,
        };
        let schema = one_side.clone().unwrap_or_else(|| {
            let mut names = Names::of(left.schema());
            let mut columns = left.schema().0.clone();
            for (n, column) in right.schema().iter().enumerate() {
                // A hidden key takes no name from the others.
                let name = if hidden.contains(&n) { Arc::clone(&column.name) } else { names.free(&column.name) };
                columns.push(Column { name, ty: column.ty });
            }
            Schema(columns)
        });
        let rel = Rel::new(Op::Join { left: Arc::clone(&left.rel), right: Arc::clone(&right.rel), kind, keys }, schema);
        let mut table = left.with(rel).serialized(left.open && left.serialized);
        table.depth = left.depth.max(right.depth) + 1;
        table.open = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => left.open,
            JoinKind::RightSemi | JoinKind::RightAnti => right.open,
            _ => left.open || right.open,
        };
        if lookup && one_side.is_none() && !hidden.is_empty() {
            let width = left.schema().len();
            let kept: Vec<usize> =
                (0..table.schema().len()).filter(|n| *n < width || !hidden.contains(&(n - width))).collect();
            let schema = kept.iter().map(|n| table.schema().0[*n].clone()).collect();
            let columns = kept.iter().map(|n| Expr::column(*n, table.schema().0[*n].ty)).collect();
            table = table.with(Rel::new(Op::Project { input: Arc::clone(&table.rel), columns }, schema));
        }
        self.node(table, place)
    }

    /// `Key`, `$left.a == $right.b`, or several with `and`.
    fn join_terms(&mut self, term: &syntax::Expr, left: &Table, right: &Table, keys: &mut Vec<(Expr, Expr)>) {
        let term = term.inner();
        match &term.kind {
            ExprKind::And(terms) => {
                for term in terms {
                    // The grammar flattens chains; brackets inside one are seldom and shallow.
                    if self.enter(term.range) {
                        self.join_terms(term, left, right, keys);
                        self.leave();
                    }
                }
            }
            ExprKind::Name(name) => {
                let mut row = self.row(left, "join");
                let l = self.column(name, &mut row);
                let mut row = self.row(right, "join");
                let r = self.column(name, &mut row);
                self.join_key(l, r, term.range, keys);
            }
            ExprKind::Binary { op: BinaryOp::Eq, left: a, right: b } => {
                let (a_side, b_side) = (side_of(a), side_of(b));
                let (l, r) = match (a_side, b_side) {
                    (Some(Side::Left), Some(Side::Right)) => (a, b),
                    (Some(Side::Right), Some(Side::Left)) => (b, a),
                    _ => {
                        self.report(
                            Diagnostic::error(
                                "KQL145",
                                term.range,
                                "one side must be of `$left` and the other of `$right`",
                            )
                            .with_help("… on $left.a == $right.b"),
                        );
                        return;
                    }
                };
                let mut row = self.row(left, "join");
                row.side = Some(Side::Left);
                let l = self.expr(l, &mut row);
                let mut row = self.row(right, "join");
                row.side = Some(Side::Right);
                let r = self.expr(r, &mut row);
                self.join_key(l, r, term.range, keys);
            }
            ExprKind::Error => self.poisoned = true,
            _ => self.report(
                Diagnostic::error("KQL145", term.range, "a join matches equal values only")
                    .with_help("… on $left.a == $right.b; put other conditions into a `where` after the join"),
            ),
        }
    }

    fn join_key(&mut self, left: Expr, right: Expr, place: TextRange, keys: &mut Vec<(Expr, Expr)>) {
        if is_poison(&left) || is_poison(&right) {
            return;
        }
        if (left.ty == Type::Dynamic || right.ty == Type::Dynamic) && !self.poisoned {
            let text = self.snippet(place);
            self.report(
                Diagnostic::error("KQL140", place, format!("{text}: dynamic values cannot be matched"))
                    .with_help("make a text of it before: | extend Key = tostring(…)"),
            );
            return;
        }
        let text_and_number = matches!((left.ty, right.ty), (Type::String, n) | (n, Type::String) if n.is_numeric());
        if text_and_number && !self.is_lenient() {
            let message = format!("{} cannot be matched with {}", left.ty, right.ty);
            self.report(
                Diagnostic::error("KQL121", place, message)
                    .with_help("make both of one type before: | extend Key = tostring(…)"),
            );
            return;
        }
        if let Some(key) = self.comparable(left, right, place) {
            keys.push(key);
        }
    }
}

/// The side that an expression speaks of.
fn side_of(expr: &syntax::Expr) -> Option<Side> {
    let mut expr = expr.inner();
    loop {
        match &expr.kind {
            ExprKind::Path { base, .. } => expr = base.inner(),
            ExprKind::Call(call) => expr = call.arguments.first()?.value.inner(),
            ExprKind::Name(name) => {
                return match &*name.text {
                    "$left" => Some(Side::Left),
                    "$right" => Some(Side::Right),
                    _ => None,
                };
            }
            _ => return None,
        }
    }
}
