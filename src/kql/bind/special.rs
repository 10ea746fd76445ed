//! Functions that the binder answers itself, or writes out as others: what they ask is known from the plan.

use super::scope::{Row, Value as Found};
use super::{Binder, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, arrays::BAG_PACK_PRESENT, operators};
use crate::kql::plan::{Expr, ExprKind as Bound};
use crate::kql::syntax::{BinaryOp, Call, ExprKind};
use crate::kql::types::Type;
use crate::kql::value::Value;

impl Binder<'_> {
    /// A call of one of these; `None` for any other function.
    #[inline(never)]
    pub(super) fn special_call(&mut self, call: &Call, place: TextRange, row: &mut Row) -> Option<Expr> {
        Some(match &*call.name.text {
            "column_names_of" => self.column_names(call, place, row),
            "bag_pack_columns" => self.bag_of_columns(call, row),
            "estimate_data_size" => self.data_size(call, row),
            "pack_array" if matches!(&*call.arguments, [only] if matches!(only.value.kind, ExprKind::Star)) => {
                self.pack_row(row)
            }
            "assert" => self.assertion(call, place, row),
            "around" => self.around(call, place, row),
            _ => return None,
        })
    }

    /// `column_names_of(table)`: an array of texts.
    fn column_names(&mut self, call: &Call, place: TextRange, row: &mut Row) -> Expr {
        let [argument] = call.arguments.as_slice() else {
            return self.wrong(Diagnostic::error("KQL112", place, "`column_names_of` takes one table"));
        };
        match self.value(&argument.value, row) {
            Found::Table(table) if table.open => self.poison(),
            Found::Table(table) => {
                let names: Vec<&str> = table.schema().iter().map(|c| &*c.name).collect();
                let text = serde_json::to_string(&names).unwrap_or_else(|_| "[]".into());
                Expr::literal(Value::Dynamic(text.into()))
            }
            Found::Scalar(expr) if is_poison(&expr) => expr,
            Found::Scalar(_) => {
                self.wrong(Diagnostic::error("KQL127", argument.value.range, "`column_names_of` takes a table"))
            }
        }
    }

    /// `pack_all()`: a bag of every column; with `true`, without what is null or empty.
    pub(super) fn pack_all(&mut self, args: &[Expr], row: &Row) -> Expr {
        let mut members = Vec::with_capacity(row.schema().len() * 2);
        for (n, column) in row.schema().iter().enumerate() {
            members.push(Expr::literal(Value::String(column.name.clone())));
            members.push(Expr::column(n, column.ty));
        }
        let present = args.first().and_then(Expr::as_literal) == Some(&Value::Bool(true));
        match if present { Some(&BAG_PACK_PRESENT) } else { functions::scalar("bag_pack") } {
            Some(pack) if !row.table.open => self.call(pack, members, Type::Dynamic),
            _ => self.poison(),
        }
    }

    /// `pack_array(*)`: an array of the values of every column.
    fn pack_row(&mut self, row: &Row) -> Expr {
        let values = row.schema().iter().enumerate().map(|(n, column)| Expr::column(n, column.ty)).collect();
        match functions::scalar("pack_array") {
            Some(pack) if !row.table.open => self.call(pack, values, Type::Dynamic),
            _ => self.poison(),
        }
    }

    /// `bag_pack_columns(a, b)`: a bag of the columns under their own names.
    fn bag_of_columns(&mut self, call: &Call, row: &mut Row) -> Expr {
        let mut members = Vec::with_capacity(call.arguments.len() * 2);
        for argument in &call.arguments {
            let name = self.name_of(&argument.value).unwrap_or_default();
            members.push(Expr::literal(Value::string(name)));
            members.push(self.expr(&argument.value, row));
        }
        match functions::scalar("bag_pack") {
            Some(pack) if !members.iter().any(is_poison) => self.call(pack, members, Type::Dynamic),
            _ => self.poison(),
        }
    }

    /// `estimate_data_size(*)`: bytes by the types, of texts what they hold.
    fn data_size(&mut self, call: &Call, row: &mut Row) -> Expr {
        let mut columns = Vec::new();
        for argument in &call.arguments {
            if matches!(argument.value.kind, ExprKind::Star) {
                columns.extend(row.schema().iter().enumerate().map(|(n, c)| Expr::column(n, c.ty)));
            } else {
                columns.push(self.expr(&argument.value, row));
            }
        }
        if row.table.open || columns.iter().any(is_poison) {
            return self.poison();
        }
        let (mut fixed, mut size) = (0, None);
        for column in columns {
            fixed += match column.ty {
                Type::Bool => 1,
                Type::Int => 4,
                Type::Long | Type::Real | Type::DateTime | Type::TimeSpan => 8,
                Type::Decimal | Type::Guid => 16,
                Type::String | Type::Dynamic => {
                    let text = self.cast(column, Type::String);
                    let Some(measure) = functions::scalar("string_size") else { return self.poison() };
                    let own = self.call(measure, vec![text], Type::Long);
                    size = Some(match size {
                        None => own,
                        Some(size) => self.call(&operators::ADD, vec![size, own], Type::Long),
                    });
                    0
                }
            };
        }
        let fixed = Expr::literal(Value::Long(fixed));
        match size {
            None => fixed,
            Some(size) => self.call(&operators::ADD, vec![size, fixed], Type::Long),
        }
    }

    /// `assert(condition, message)`: true, or the query's error. The condition must be known now.
    fn assertion(&mut self, call: &Call, place: TextRange, row: &mut Row) -> Expr {
        let [condition, message] = call.arguments.as_slice() else {
            return self.wrong(Diagnostic::error("KQL112", place, "`assert` takes a condition and a message"));
        };
        let (holds, message) = (self.predicate(&condition.value, row), self.expr(&message.value, row));
        if is_poison(&holds) || is_poison(&message) || self.is_pending() {
            return self.poison();
        }
        match truth(&holds) {
            Some(true) => Expr::literal(Value::Bool(true)),
            Some(false) => {
                let text =
                    if let Some(Value::String(text)) = message.as_literal() { text.to_string() } else { String::new() };
                self.wrong(Diagnostic::error("KQL144", place, format!("assert() has failed with message: '{text}'")))
            }
            None => self.wrong(
                Diagnostic::error("KQL132", condition.value.range, "the condition of `assert` must be a constant")
                    .with_help("it is looked at before the query runs, so that it cannot read columns"),
            ),
        }
    }

    /// `around(value, center, delta)`: within delta of the centre, both ends included.
    fn around(&mut self, call: &Call, place: TextRange, row: &mut Row) -> Expr {
        let args: Vec<_> = call.arguments.iter().map(|a| self.expr(&a.value, row)).collect();
        let [value, center, delta] = args.as_slice() else {
            return self.wrong(Diagnostic::error("KQL112", place, "`around` takes a value, a centre and a distance"));
        };
        let low = self.arithmetic(BinaryOp::Sub, center.clone(), delta.clone(), place);
        let high = self.arithmetic(BinaryOp::Add, center.clone(), delta.clone(), place);
        let above = self.compare(BinaryOp::Ge, value.clone(), low, place);
        let below = self.compare(BinaryOp::Le, value.clone(), high, place);
        if is_poison(&above) || is_poison(&below) {
            return self.poison();
        }
        Expr { kind: Bound::And(vec![above, below]), ty: Type::Bool }
    }
}

/// Whether a condition over constants holds; `None` where that is not known now.
fn truth(expr: &Expr) -> Option<bool> {
    match &expr.kind {
        Bound::Literal(Value::Bool(holds)) => Some(*holds),
        Bound::Literal(Value::Null(_)) => Some(false),
        Bound::And(terms) => terms.iter().map(truth).try_fold(true, |all, term| Some(all && term?)),
        Bound::Or(terms) => terms.iter().map(truth).try_fold(false, |any, term| Some(any || term?)),
        Bound::Call { function, args } if function.name == "not" => truth(args.first()?).map(|holds| !holds),
        Bound::Call { function, args } => {
            let [left, right] = args.as_slice() else { return None };
            let order = match (left.as_literal()?, right.as_literal()?) {
                (Value::Int(a), Value::Int(b)) => a.cmp(b),
                (
                    Value::Long(a) | Value::DateTime(a) | Value::TimeSpan(a),
                    Value::Long(b) | Value::DateTime(b) | Value::TimeSpan(b),
                ) => a.cmp(b),
                (Value::Real(a), Value::Real(b)) => a.partial_cmp(b)?,
                (Value::String(a), Value::String(b)) => a.cmp(b),
                (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
                _ => return None,
            };
            Some(match function.name {
                "==" => order.is_eq(),
                "!=" => order.is_ne(),
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                ">=" => order.is_ge(),
                _ => return None,
            })
        }
        _ => None,
    }
}
