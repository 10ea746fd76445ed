//! Implicit conversions, written into the plan as calls, and the common type of several values.

use super::fold;
use super::{Binder, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::conversions::{TO_DYNAMIC, conversion};
use crate::kql::plan::Expr;
use crate::kql::syntax::BinaryOp;
use crate::kql::types::Type;
use crate::kql::value::Value;

impl Binder<'_> {
    /// The expression as a type that it converts to: a literal is converted at once, anything else by a call.
    pub(super) fn cast(&mut self, expr: Expr, ty: Type) -> Expr {
        if expr.ty == ty || is_poison(&expr) {
            return expr;
        }
        if let Some(value) = expr.as_literal().and_then(|v| fold::convert(v, ty)) {
            return Expr::literal(value);
        }
        let function = if ty == Type::Dynamic { &TO_DYNAMIC } else { conversion(ty) };
        self.call(function, vec![expr], ty)
    }

    /// Converts where Kusto converts without being asked; else says which conversion to write.
    pub(super) fn implicit(&mut self, expr: Expr, ty: Type, place: TextRange, what: &str) -> Expr {
        if expr.ty == ty || converts(expr.ty, ty) || is_null(&expr) || is_poison(&expr) {
            return self.cast(expr, ty);
        }
        if expr.ty == Type::Dynamic && self.poisoned {
            return self.poison();
        }
        self.unconverted(&expr, ty, place, what)
    }

    /// Is what cannot be known taken as it is meant? Where the schema is open, most types are guesses.
    pub(super) fn is_lenient(&self) -> bool {
        self.context.catalog.is_open()
    }

    /// An argument of one of the language's functions. Numbers convert to each other, a dynamic value to text, and nothing else.
    pub(super) fn argument_as(&mut self, arg: Expr, ty: Type, place: TextRange, what: &str) -> Expr {
        let fits = arg.ty == ty
            || (arg.ty.is_numeric() && ty.is_numeric())
            || (arg.ty == Type::Dynamic && ty == Type::String)
            || (arg.ty == Type::String && ty == Type::Guid);
        if fits || is_null(&arg) || is_poison(&arg) || self.is_lenient() {
            return self.implicit(arg, ty, place, what);
        }
        self.unconverted(&arg, ty, place, what)
    }

    /// A condition: nothing converts to bool by itself.
    pub(super) fn condition(&mut self, expr: Expr, place: TextRange) -> Expr {
        if expr.ty == Type::Bool || is_null(&expr) || is_poison(&expr) || self.is_lenient() {
            return self.implicit(expr, Type::Bool, place, "a condition");
        }
        self.unconverted(&expr, Type::Bool, place, "a condition")
    }

    /// An operand of `has`, `contains`, `=~` and their kin: text, or a dynamic value that is read as text.
    pub(super) fn text_operand(&mut self, expr: Expr, place: TextRange, what: &str) -> Expr {
        let fits = self.asks_all || matches!(expr.ty, Type::String | Type::Dynamic);
        if fits || is_null(&expr) || is_poison(&expr) || self.is_lenient() {
            return self.implicit(expr, Type::String, place, what);
        }
        self.unconverted(&expr, Type::String, place, what)
    }

    fn unconverted(&mut self, expr: &Expr, ty: Type, place: TextRange, what: &str) -> Expr {
        let text = self.snippet(place);
        let function = if ty == Type::Dynamic { "parse_json" } else { conversion(ty).name };
        self.wrong(
            Diagnostic::error("KQL120", place, format!("{what} is {ty}, but {text} is {}", expr.ty))
                .with_help(format!("convert it: {function}({})", text.trim_matches('`'))),
        )
    }

    /// `<` and its kin: texts and guids have no order, and a dynamic value only against a number.
    pub(super) fn check_order(&mut self, op: BinaryOp, left: &Expr, right: &Expr, place: TextRange) -> bool {
        let unordered = match (left.ty, right.ty) {
            (Type::String | Type::Guid, Type::String | Type::Guid) => true,
            (Type::String, other) | (other, Type::String) if other.is_numeric() => true,
            (Type::Dynamic, other) | (other, Type::Dynamic) => !other.is_numeric() && other != Type::Dynamic,
            _ => false,
        };
        let known = [left, right].iter().all(|e| !is_poison(e) && !is_null(e));
        if !unordered || !known || self.is_lenient() {
            return true;
        }
        let help = match (left.ty, right.ty) {
            (Type::Dynamic, other) | (other, Type::Dynamic) if !matches!(other, Type::String | Type::Guid) => {
                format!("say what the dynamic value is: {}(…)", conversion(other).name)
            }
            (Type::String, other) | (other, Type::String) if other.is_numeric() => {
                format!("convert the text: {}(…)", conversion(other).name)
            }
            _ => format!("compare texts with strcmp(a, b) {} 0", op.name()),
        };
        let message = format!("`{}` does not compare {} with {}", op.name(), left.ty, right.ty);
        self.report(Diagnostic::error("KQL121", place, message).with_help(help));
        false
    }

    /// Both operands of a comparison as one type.
    pub(super) fn comparable(&mut self, left: Expr, right: Expr, place: TextRange) -> Option<(Expr, Expr)> {
        if is_poison(&left) || is_poison(&right) {
            return None;
        }
        // A literal takes the type of what it is compared with where it fits, so that a column stays bare and its scan can prune.
        if let Some(value) = right.as_literal().and_then(|v| narrowed(v, left.ty)) {
            return Some((left, Expr::literal(value)));
        }
        if let Some(value) = left.as_literal().and_then(|v| narrowed(v, right.ty)) {
            return Some((Expr::literal(value), right));
        }
        let ty = match (left.ty, right.ty) {
            (a, b) if a == b && a != Type::Dynamic => Some(a),
            (Type::Dynamic, Type::Dynamic) => {
                // `dynamic(null)` is the null of any type.
                if is_null(&left) || is_null(&right) { Some(Type::Dynamic) } else { None }
            }
            (Type::Dynamic, other) | (other, Type::Dynamic) => Some(other),
            (Type::Bool, other) | (other, Type::Bool) if other.is_numeric() => Some(Type::Long),
            (Type::Guid, Type::String) | (Type::String, Type::Guid) => Some(Type::String),
            // `ResultType == 0` of a column that holds numbers as text.
            (Type::String, other) | (other, Type::String) if other.is_numeric() => Some(Type::String),
            (a, b) => wider(a, b),
        };
        let Some(ty) = ty else {
            if self.is_lenient() {
                self.poisoned = true;
                return None;
            }
            if !(self.poisoned && (left.ty == Type::Dynamic || right.ty == Type::Dynamic)) {
                let help = match (left.ty, right.ty) {
                    (Type::Dynamic, Type::Dynamic) => {
                        "say what they are: tostring(…) or tolong(…) on each side".to_owned()
                    }
                    (Type::String, other) | (other, Type::String) => {
                        format!("convert the text: {}(…)", conversion(other).name)
                    }
                    (ty, _) => format!("convert one side, for example {}(…)", conversion(ty).name),
                };
                self.report(
                    Diagnostic::error("KQL121", place, format!("{} cannot be compared with {}", left.ty, right.ty))
                        .with_help(help),
                );
            }
            return None;
        };
        Some((self.cast(left, ty), self.cast(right, ty)))
    }

    /// The values as their common type. Where one is dynamic and another is not, the dynamic one is converted.
    pub(super) fn common(&mut self, values: Vec<Expr>, places: &[TextRange], what: &str) -> (Vec<Expr>, Type) {
        let mut ty: Option<Type> = None;
        let mut clash = None;
        for (n, value) in values.iter().enumerate() {
            if is_poison(value) || is_null(value) {
                continue;
            }
            ty = match ty {
                None => Some(value.ty),
                Some(ty) => {
                    if let Some(met) = meet(ty, value.ty) {
                        Some(met)
                    } else {
                        clash.get_or_insert((n, ty));
                        Some(ty)
                    }
                }
            };
        }
        let ty = ty.or_else(|| values.iter().find(|v| !is_poison(v)).map(|v| v.ty)).unwrap_or(Type::Dynamic);
        if let Some((n, before)) = clash {
            let place = places.get(n).copied().unwrap_or_default();
            let (text, own) = (self.snippet(place), values[n].ty);
            if !(self.is_lenient() || self.poisoned && own == Type::Dynamic) {
                self.report(
                    Diagnostic::error(
                        "KQL122",
                        place,
                        format!("{what} must be of one type: {text} is {own}, the one before is {before}"),
                    )
                    .with_help(format!(
                        "convert it: {}({})",
                        conversion(before).name,
                        text.trim_matches('`')
                    )),
                );
            }
            let poison = self.poison();
            return (vec![poison; values.len()], ty);
        }
        (values.into_iter().map(|v| self.cast(v, ty)).collect(), ty)
    }
}

/// A null that has no type of its own yet, or any null literal.
pub(super) fn is_null(expr: &Expr) -> bool {
    expr.as_literal().is_some_and(Value::is_null)
}

/// Does Kusto convert a value of one type to another by itself, as an argument?
fn converts(from: Type, to: Type) -> bool {
    (from.is_numeric() && to.is_numeric())
        || matches!((from, to), (Type::Dynamic, _) | (_, Type::String | Type::Dynamic) | (Type::String, Type::Guid))
}

/// The wider of two numeric types: int, long, decimal, real.
pub(super) fn wider(a: Type, b: Type) -> Option<Type> {
    let rank = |ty| match ty {
        Type::Int => Some(0),
        Type::Long => Some(1),
        Type::Decimal => Some(2),
        Type::Real => Some(3),
        _ => None,
    };
    Some(if rank(a)? >= rank(b)? { a } else { b })
}

/// The type that stands for both, if there is one.
pub(super) fn meet(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        (a, b) if a == b => Some(a),
        (Type::Dynamic, other) | (other, Type::Dynamic) => Some(other),
        (Type::Guid, Type::String) | (Type::String, Type::Guid) => Some(Type::String),
        _ => wider(a, b),
    }
}

/// A numeric literal as the narrower type of what it is compared with, where nothing is lost.
fn narrowed(value: &Value, ty: Type) -> Option<Value> {
    match (value, ty) {
        (Value::Null(own), ty) if *own != ty && ty != Type::String => Some(Value::Null(ty)),
        (Value::Long(n), Type::Int) => i32::try_from(*n).ok().map(Value::Int),
        (Value::Real(x), Type::Long) if x.fract() == 0.0 && x.abs() < 9e15 => Some(Value::Long(*x as i64)),
        (Value::Real(x), Type::Int) if x.fract() == 0.0 && x.abs() < 2e9 => Some(Value::Int(*x as i32)),
        _ => None,
    }
}
