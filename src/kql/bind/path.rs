//! `a.b["c"][0]`: inside dynamic values.

use std::sync::Arc;

use super::{Binder, Row, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::operators;
use crate::kql::plan::{Expr, ExprKind, Step};
use crate::kql::syntax::{self, PathStep, PathStepKind};
use crate::kql::types::Type;
use crate::kql::value::Value;

impl Binder<'_> {
    #[inline(never)]
    pub(super) fn path(&mut self, base: &syntax::Expr, steps: &[PathStep], row: &mut Row, place: TextRange) -> Expr {
        // `$left.key`, in the `on` of a join.
        if let Some(name) = base.as_name()
            && row.side.is_some_and(|side| side.name() == &*name.text)
            && let Some((PathStep { kind: PathStepKind::Member(column), .. }, rest)) = steps.split_first()
        {
            let column = self.column(column, row);
            return self.steps(column, rest, row, place);
        }
        // `step.column`, in a `scan`.
        if let Some(name) = base.as_name()
            && let Some((expr, rest)) = self.remembered(name, steps, row)
        {
            return self.steps(expr, rest, row, place);
        }
        let base = self.expr(base, row);
        self.steps(base, steps, row, place)
    }

    /// The value at the end of the steps. Constant steps make one `Path`; a computed index is a call.
    fn steps(&mut self, base: Expr, steps: &[PathStep], row: &mut Row, place: TextRange) -> Expr {
        if steps.is_empty() {
            return base;
        }
        if is_poison(&base) {
            return base;
        }
        if base.ty != Type::Dynamic {
            let what = self.snippet(place);
            let mut diagnostic =
                Diagnostic::error("KQL125", place, format!("{what}: a {} has nothing inside", base.ty));
            if base.ty == Type::String {
                diagnostic = diagnostic.with_help("read the text as JSON first: parse_json(…)");
            }
            return self.wrong(diagnostic);
        }
        let mut value = base;
        for step in steps {
            let constant = match &step.kind {
                PathStepKind::Member(name) => Some(Step::Key(Arc::clone(&name.text))),
                PathStepKind::Index(index) => {
                    let index = self.expr(index, row);
                    match index.as_literal() {
                        Some(Value::String(key)) => Some(Step::Key(Arc::clone(key))),
                        Some(Value::Long(n)) => Some(Step::Index(*n)),
                        Some(Value::Int(n)) => Some(Step::Index(i64::from(*n))),
                        _ if is_poison(&index) => return index,
                        _ if !matches!(index.ty, Type::Int | Type::Long | Type::String | Type::Dynamic)
                            && !self.is_lenient() =>
                        {
                            let message = format!("{} is no index: a position or a key is wanted", index.ty);
                            let found = Diagnostic::error("KQL120", step.range, message);
                            return self.wrong(found.with_help("a whole number, or the key as text: tostring(…)"));
                        }
                        _ => {
                            let index = match index.ty {
                                Type::Int => self.cast(index, Type::Long),
                                Type::Long | Type::String => index,
                                _ => self.cast(index, Type::String),
                            };
                            value = self.call(&operators::INDEX, vec![value, index], Type::Dynamic);
                            None
                        }
                    }
                }
                PathStepKind::Call(call) => {
                    let message = format!("`{}` cannot be called here", call.name.text);
                    return self.wrong(Diagnostic::error("KQL126", step.range, message));
                }
            };
            let Some(step) = constant else { continue };
            value = match value {
                Expr { kind: ExprKind::Path { base, mut steps }, ty } => {
                    steps.push(step);
                    Expr { kind: ExprKind::Path { base, steps }, ty }
                }
                value => Expr { kind: ExprKind::Path { base: Box::new(value), steps: vec![step] }, ty: Type::Dynamic },
            };
        }
        value
    }
}
