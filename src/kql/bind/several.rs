//! Functions that give several columns, `series_fit_line(y)` six of them: the engine answers with one array, each column is an element of it.

use super::{Binder, Binding, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, Function, Takes};
use crate::kql::plan::{Expr, ExprKind as Bound, Step};
use crate::kql::syntax::{self, ExprKind, Name, NamedExpr};
use crate::kql::types::Type;

use super::convert::is_null;
use super::scope::Row;

/// A column of `extend`, `project` or `print`: the name that was written, the one that it gets else, the value.
pub(super) type Item<'c> = (Option<&'c Name>, Option<String>, Expr);

impl Binder<'_> {
    /// What one item of `extend`, `project` or `print` gives. Several names stand for several columns, or for the elements of an array. Of
    /// several columns those without a name are given when there is no name at all, and with `rest`.
    pub(super) fn column_items<'c>(&mut self, column: &'c NamedExpr, rest: bool, row: &mut Row) -> Vec<Item<'c>> {
        if let Some(several) = self.several_columns(&column.value, row) {
            for name in column.names.iter().skip(several.len()) {
                let message = format!("there is no column for `{}`: the function gives {}", name.text, several.len());
                self.report(Diagnostic::error("KQL143", name.range, message));
            }
            let wanted = if column.names.is_empty() || rest { several.len() } else { column.names.len() };
            let name = |n: usize| column.names.get(n);
            let all = several.into_iter().take(wanted).enumerate();
            return all.map(|(n, (own, expr))| (name(n), Some(own), expr)).collect();
        }
        let expr = self.expr(&column.value, row);
        if column.names.len() < 2 {
            return vec![(column.names.first(), self.name_in(&column.value, row), expr)];
        }
        let named = |e: &dyn Fn(usize) -> Expr| {
            column.names.iter().enumerate().map(|(n, name)| (Some(name), None, e(n))).collect()
        };
        if expr.ty != Type::Dynamic {
            let message = format!("one {} cannot be given to several names", expr.ty);
            let poison = self.wrong(Diagnostic::error("KQL143", column.range, message));
            return named(&|_| poison.clone());
        }
        named(&|n| if is_poison(&expr) { expr.clone() } else { at(expr.clone(), n) })
    }

    /// The columns of a call that gives several, with the names that they get by themselves.
    fn several_columns(&mut self, e: &syntax::Expr, row: &mut Row) -> Option<Vec<(String, Expr)>> {
        let ExprKind::Call(call) = &e.inner().kind else { return None };
        let name = &call.name.text;
        // The query's own functions hide the language's.
        if self.names.iter().any(|(own, binding)| own == name && matches!(binding, Binding::Function(_))) {
            return None;
        }
        let function = functions::scalar(name)?;
        if function.name.starts_with("array_sort_") {
            return self.sorted_columns(call, e, row);
        }
        let columns = functions::series::columns(function)?;
        let whole = whole(self.expr(e, row));
        let of = call.arguments.first().and_then(|a| self.name_of(&a.value)).unwrap_or_default();
        let named = columns
            .iter()
            .enumerate()
            .map(|(n, (column, ty))| (format!("{}_{of}_{column}", function.name), self.element(whole.clone(), n, *ty)));
        Some(named.collect())
    }

    /// The columns of `array_sort_asc(a, b)`: a column an array, `a_sorted` and `b_sorted`. One array gives one column, as any function.
    fn sorted_columns(&mut self, call: &syntax::Call, e: &syntax::Expr, row: &mut Row) -> Option<Vec<(String, Expr)>> {
        let (last, before) = call.arguments.split_last()?;
        if before.is_empty() {
            return None;
        }
        let arrays = if self.expr(&last.value, row).ty == Type::Bool { before } else { &call.arguments };
        if arrays.len() < 2 {
            return None;
        }
        let names: Vec<_> = arrays.iter().map(|a| self.name_of(&a.value)).collect();
        let whole = self.expr(e, row);
        let column = |(n, name): (usize, Option<String>)| {
            let name = name.unwrap_or_else(|| format!("array{n}"));
            (format!("{name}_sorted"), self.element(whole.clone(), n, Type::Dynamic))
        };
        Some(names.into_iter().enumerate().map(column).collect())
    }

    /// An element of the array that a function of several columns answers with.
    pub(super) fn element(&mut self, array: Expr, n: usize, ty: Type) -> Expr {
        if is_poison(&array) { array } else { self.cast(at(array, n), ty) }
    }

    /// A series is an array; operations on elements take a number for it too.
    pub(super) fn series_arguments(&mut self, function: &Function, args: Vec<Expr>, places: &[TextRange]) -> Vec<Expr> {
        let mut checked = Vec::with_capacity(args.len());
        for (n, arg) in args.into_iter().enumerate() {
            let parameter = function.parameter(n).filter(|p| p.takes == Takes::Type(Type::Dynamic));
            let wrong = parameter.filter(|p| {
                let fits = arg.ty == Type::Dynamic || (p.name.ends_with(['1', '2']) && arg.ty.is_numeric());
                !fits && !is_null(&arg) && !is_poison(&arg)
            });
            checked.push(match wrong {
                None => arg,
                Some(parameter) => {
                    let place = places.get(n).copied().unwrap_or_default();
                    let text = self.snippet(place);
                    let message =
                        format!("`{}` of `{}` is an array, but {text} is {}", parameter.name, function.name, arg.ty);
                    let help = "arrays are made by make-series, make_list(…) or pack_array(…)";
                    self.wrong(Diagnostic::error("KQL120", place, message).with_help(help))
                }
            });
        }
        checked
    }
}

/// The array under an element and its conversion.
fn whole(expr: Expr) -> Expr {
    match expr.kind {
        Bound::Path { base, .. } => *base,
        Bound::Call { mut args, .. } if args.len() == 1 && matches!(args[0].kind, Bound::Path { .. }) => {
            whole(args.swap_remove(0))
        }
        kind => Expr { kind, ty: expr.ty },
    }
}

fn at(array: Expr, n: usize) -> Expr {
    Expr { kind: Bound::Path { base: Box::new(array), steps: vec![Step::Index(n as i64)] }, ty: Type::Dynamic }
}
