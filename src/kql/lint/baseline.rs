//! `x !in (baseline)` asks for what is new. A baseline whose window reaches into the one that is looked at contains everything that is there, and
//! nothing is ever new.

use super::names::{Names, Pipe};
use super::time::{Window, reads};
use super::{code, warning};
use crate::kql::diagnostic::Diagnostic;
use crate::kql::plan::JoinKind;
use crate::kql::syntax::{Expr, ExprKind, Node, OperatorKind, walk_expr};

pub fn check<'a>(names: &Names<'a>, findings: &mut Vec<Diagnostic>) {
    for pipe in &names.pipes {
        let Some((table, tested)) = looks_at(*pipe, names) else { continue };
        let mut compare = |baseline: &'a Expr| {
            let Some((of, window)) = reads(baseline, names) else { return };
            if of == table && contains(window, tested) {
                findings.push(warning(
                    code::BASELINE,
                    baseline.range,
                    "this baseline contains the window that is compared with it: nothing in it can be new",
                    "end the baseline where that window begins: `between (ago(14d) .. ago(1h))`",
                ));
            }
        };
        for operator in pipe.operators {
            match &operator.kind {
                OperatorKind::Where { predicate } => walk_expr(predicate, &mut |node| {
                    if let Node::Expr(Expr { kind: ExprKind::In { op, list, .. }, .. }) = node
                        && op.is_negated()
                        && let [baseline] = &list[..]
                    {
                        compare(baseline);
                    }
                }),
                OperatorKind::Join(join) if join.kind == Some(JoinKind::LeftAnti) => compare(&join.right),
                _ => {}
            }
        }
    }
}

fn looks_at<'a>(pipe: Pipe<'a>, names: &Names<'a>) -> Option<(&'a str, Window)> {
    // The pipe's own conditions, then those of what it reads.
    let mut own = Window::default();
    super::time::narrowed(pipe, names, &mut own);
    let (table, below) = reads(pipe.source?, names)?;
    Some((table, own.and(below)))
}

/// The baseline begins before the tested window and ends after its beginning.
fn contains(baseline: Window, tested: Window) -> bool {
    let Some(from) = tested.from else { return false };
    baseline.from.is_none_or(|at| at < from) && baseline.to.is_none_or(|at| at > from)
        // Without any bound it is a list, not a baseline in time.
        && (baseline.from.is_some() || baseline.to.is_some())
}
