//! `in`, `has_any`, `has_all`: a list of values, of arrays, or a table's first column.

use std::sync::Arc;

use super::fold;
use super::needs::{Answer, What};
use super::scope::{Row, Table, Value as Found};
use super::{Binder, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, operators};
use crate::kql::plan::{Expr, ExprKind as Bound};
use crate::kql::syntax::{self, BinaryOp, InOp};
use crate::kql::types::Type;
use crate::kql::value::Value;

impl Binder<'_> {
    #[inline(never)]
    pub(super) fn membership(
        &mut self,
        op: InOp,
        operand: &syntax::Expr,
        list: &[syntax::Expr],
        row: &mut Row,
        place: TextRange,
    ) -> Expr {
        let value = self.expr(operand, row);
        let (items, typed) = self.items(list, row);
        if is_poison(&value) || items.iter().any(is_poison) {
            return self.poison();
        }
        match op {
            InOp::HasAny | InOp::HasAll => self.has_list(op, value, items, operand.range),
            _ => {
                let fold_case = matches!(op, InOp::InFold | InOp::NotInFold);
                let ty = if fold_case { Type::String } else { self.type_of_in(&value, &items, typed, operand.range) };
                self.in_list(op, value, items, ty, (operand.range, place))
            }
        }
    }

    /// The list, constants flattened: tables and arrays give their elements. And does a type stand behind any of it?
    /// The elements of a dynamic array are of whatever type, and those of another type are just not equal.
    fn items(&mut self, list: &[syntax::Expr], row: &mut Row) -> (Vec<Expr>, bool) {
        let mut items = Vec::with_capacity(list.len());
        let mut typed = false;
        for item in list {
            match self.value(item, row) {
                Found::Scalar(expr) => match expr.as_literal() {
                    Some(Value::Dynamic(json)) => items.extend(elements(json).into_iter().map(Expr::literal)),
                    _ => {
                        typed = true;
                        items.push(expr);
                    }
                },
                Found::Table(table) => {
                    typed |= table.schema().iter().next().is_some_and(|c| c.ty != Type::Dynamic);
                    items.extend(self.column_values(&table, item.range).into_iter().map(Expr::literal));
                }
            }
        }
        (items, typed)
    }

    /// The values of a table's first column; of one row with one array, the array's elements.
    fn column_values(&mut self, table: &Table, place: TextRange) -> Vec<Value> {
        if table.schema().is_empty() && !table.open {
            self.error("KQL133", place, "this table has no column");
            return Vec::new();
        }
        match self.answer(table, What::Column) {
            Some(Answer::Column(values)) => match values.as_slice() {
                [Value::Dynamic(json)] => elements(json),
                _ => values,
            },
            Some(Answer::Cell(value)) => vec![value],
            None => Vec::new(),
        }
    }

    /// Compared as values of `ty`; the places are the value's and the whole's.
    fn in_list(
        &mut self,
        op: InOp,
        value: Expr,
        items: Vec<Expr>,
        ty: Type,
        (value_place, place): (TextRange, TextRange),
    ) -> Expr {
        let fold_case = matches!(op, InOp::InFold | InOp::NotInFold);
        let value = match ty {
            _ if fold_case => self.text_operand(value, value_place, "the text"),
            Type::String if value.ty.is_numeric() => self.cast(value, ty),
            _ => self.implicit(value, ty, value_place, "the value"),
        };
        if is_poison(&value) {
            return value;
        }
        let negated = op.is_negated();
        let mut set = Vec::with_capacity(items.len());
        let mut others = Vec::new();
        for item in items {
            match item.as_literal() {
                // What cannot be the value's type is equal to none of its values, but for a null, which is dropped too: `in` of null is false.
                Some(literal) => match fold::convert(literal, ty).or_else(|| self.converted(literal, ty)) {
                    Some(literal) if !literal.is_null() => set.push(literal),
                    _ => {}
                },
                None => others.push(item),
            }
        }
        let constant = Expr {
            kind: Bound::In {
                value: Box::new(value.clone()),
                set: Arc::new(set),
                negated: negated && others.is_empty(),
                fold_case,
            },
            ty: Type::Bool,
        };
        if others.is_empty() {
            return constant;
        }
        // Values of the row: each is compared by itself.
        let mut terms = vec![constant];
        for other in others {
            let term = match functions::scalar("set_has_element") {
                Some(function) if other.ty == Type::Dynamic => {
                    self.call(function, vec![other, value.clone()], Type::Bool)
                }
                _ if fold_case => {
                    let other = self.cast(other, Type::String);
                    self.call(&operators::EQUAL_FOLDED, vec![value.clone(), other], Type::Bool)
                }
                _ => self.compare(BinaryOp::Eq, value.clone(), other, place),
            };
            if is_poison(&term) {
                return term;
            }
            terms.push(term);
        }
        let any = Expr { kind: Bound::Or(terms), ty: Type::Bool };
        if negated { self.negation(any) } else { any }
    }

    /// The type in which the value is compared: its own; a dynamic one takes the list's.
    fn type_of_in(&mut self, value: &Expr, items: &[Expr], typed: bool, place: TextRange) -> Type {
        let first = items.iter().map(|i| i.ty).find(|ty| *ty != Type::Dynamic);
        let Some(first) = first else { return if value.ty == Type::Dynamic { Type::String } else { value.ty } };
        let text = |ty| matches!(ty, Type::String | Type::Guid);
        match value.ty {
            Type::Dynamic => first,
            ty if ty == first || (text(ty) && text(first)) => ty,
            // Numbers as text: `ResultType in (0, 50125)`.
            ty if (ty == Type::String && first.is_numeric()) || (ty.is_numeric() && first == Type::String) => {
                Type::String
            }
            ty if self.is_lenient() => {
                self.poisoned = true;
                ty
            }
            ty if ty.is_numeric() && first.is_numeric() => {
                let widest = items.iter().filter_map(|i| super::convert::wider(ty, i.ty)).max();
                if ty == Type::Int && widest == Some(Type::Long) { ty } else { widest.unwrap_or(ty) }
            }
            ty if !typed => ty,
            ty => {
                self.report(
                    Diagnostic::error("KQL121", place, format!("{ty} cannot be compared with {first}"))
                        .with_help(format!("convert the value: {}(…)", functions::conversions::conversion(first).name)),
                );
                ty
            }
        }
    }

    fn converted(&self, literal: &Value, ty: Type) -> Option<Value> {
        let call = Expr::call(functions::conversions::conversion(ty), vec![Expr::literal(literal.clone())], ty);
        self.context.evaluate.and_then(|f| f(&call))
    }

    fn has_list(&mut self, op: InOp, value: Expr, items: Vec<Expr>, place: TextRange) -> Expr {
        let function = if op == InOp::HasAny { &operators::HAS_ANY } else { &operators::HAS_ALL };
        let text = self.text_operand(value, place, "the text");
        let all_constant = items.iter().all(|i| i.as_literal().is_some());
        let list = if all_constant {
            let terms: Vec<_> = items
                .iter()
                .filter_map(|i| match i.as_literal().and_then(|v| fold::convert(v, Type::String)) {
                    Some(Value::String(text)) => Some(text),
                    _ => None,
                })
                .collect();
            let json = serde_json::to_string(&terms.iter().map(|t| &**t).collect::<Vec<_>>()).unwrap_or_default();
            Expr::literal(Value::Dynamic(json.into()))
        } else if let [one] = items.as_slice()
            && one.ty == Type::Dynamic
        {
            one.clone()
        } else {
            match functions::scalar("pack_array") {
                Some(pack) => self.call(pack, items, Type::Dynamic),
                None => self.poison(),
            }
        };
        self.call(function, vec![text, list], Type::Bool)
    }
}

/// The elements of a JSON array as scalars; a value that is no array is its own only element. Arrays and bags inside stay dynamic.
fn elements(json: &str) -> Vec<Value> {
    let Ok(array) = serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(json) else {
        return scalar(json).into_iter().collect();
    };
    array.iter().filter_map(|item| scalar(item.get())).collect()
}

fn scalar(json: &str) -> Option<Value> {
    let json = json.trim();
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(json).ok().map(Value::string),
        b't' | b'f' => Some(Value::Bool(json == "true")),
        b'n' => None,
        b'[' | b'{' => Some(Value::Dynamic(json.into())),
        _ => match json.parse::<i64>() {
            Ok(n) => Some(Value::Long(n)),
            Err(_) => json.parse::<f64>().ok().map(Value::Real),
        },
    }
}
