//! Arguments: what a parameter takes, what converts to it by itself, and what to write where nothing does.

use super::{Binder, is_poison};
use crate::base::suggest::nearest;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, Function, Takes};
use crate::kql::plan::Expr;
use crate::kql::types::Type;
use crate::kql::value::Value;

/// Functions that read so many of their first arguments as text, whatever they are. Others that take text want a string or a dynamic value.
const LOOSE: &[(&str, usize)] = &[
    ("indexof", 2),
    ("indexof_regex", 1),
    ("isascii", 1),
    ("isutf8", 1),
    ("parse_command_line", 1),
    ("regex_quote", 1),
    ("reverse", 1),
    ("split", 1),
    ("strcmp", 2),
    ("substring", 1),
    ("tolower", 1),
    ("toupper", 1),
];
/// And those that read one of the later ones so: what joins texts.
const LOOSE_TOO: &[(&str, usize)] = &[("strcat_array", 1), ("strrep", 2)];

/// The parts that a time can be counted in, and those that can only be read.
const PARTS: &[&str] =
    &["year", "quarter", "month", "day", "hour", "minute", "second", "millisecond", "microsecond", "nanosecond"];
const MORE_PARTS: &[&str] = &["dayofyear"];

impl Binder<'_> {
    /// Each argument as what its parameter takes.
    pub(super) fn take_args(
        &mut self,
        function: &'static Function,
        args: Vec<Expr>,
        places: &[TextRange],
    ) -> Vec<Expr> {
        let mut bound = Vec::with_capacity(args.len());
        for (n, arg) in args.into_iter().enumerate() {
            let place = places.get(n).copied().unwrap_or_default();
            let Some(parameter) = function.parameter(n) else { break };
            let what = parameter.name;
            if parameter.constant && !self.is_constant(&arg) {
                let message = format!("`{what}` of `{}` must be a constant", function.name);
                bound.push(self.wrong(Diagnostic::error("KQL132", place, message)));
                continue;
            }
            bound.push(match parameter.takes {
                Takes::Type(ty) => {
                    let what = format!("`{what}` of `{}`", function.name);
                    // A number beside a series stands for one of the same number everywhere.
                    let series = function.name.starts_with("series_") && arg.ty.is_numeric();
                    let loose = series
                        || LOOSE.iter().any(|(name, first)| *name == function.name && n < *first)
                        || LOOSE_TOO.contains(&(function.name, n));
                    if loose { self.implicit(arg, ty, place, &what) } else { self.argument_as(arg, ty, place, &what) }
                }
                Takes::Predicate => self.condition(arg, place),
                Takes::Number | Takes::Summable => self.as_number(function, arg, parameter.takes, place),
                Takes::Ordered => self.as_ordered(function, arg, place),
                Takes::Any | Takes::Common => arg,
            });
        }
        bound
    }

    pub(super) fn as_number(&mut self, function: &Function, arg: Expr, takes: Takes, place: TextRange) -> Expr {
        let fits =
            arg.ty.is_numeric() || (takes == Takes::Summable && matches!(arg.ty, Type::DateTime | Type::TimeSpan));
        if fits || is_poison(&arg) {
            return arg;
        }
        if arg.ty == Type::Dynamic && self.is_lenient() {
            return self.cast(arg, Type::Real);
        }
        let text = self.snippet(place);
        self.wrong(
            Diagnostic::error("KQL120", place, format!("`{}` takes a number, but {text} is {}", function.name, arg.ty))
                .with_help(format!("convert it: tolong({0}) or todouble({0})", text.trim_matches('`'))),
        )
    }

    /// A value that has an order: dynamic values have none.
    fn as_ordered(&mut self, function: &Function, arg: Expr, place: TextRange) -> Expr {
        if arg.ty != Type::Dynamic || is_poison(&arg) || self.is_lenient() {
            return arg;
        }
        let text = self.snippet(place);
        let message = format!("`{}` compares its values, but {text} is dynamic, which has no order", function.name);
        self.wrong(Diagnostic::error("KQL120", place, message).with_help(format!(
            "say what it is: tostring({0}), tolong({0}) or todatetime({0})",
            text.trim_matches('`')
        )))
    }

    /// Where values are compared or stand for each other, dynamic ones do not mix with others.
    pub(super) fn check_not_mixed(&mut self, function: &Function, values: &[Expr], places: &[TextRange]) {
        let known = |e: &Expr| !is_poison(e) && !super::convert::is_null(e);
        let dynamic = values.iter().position(|e| known(e) && e.ty == Type::Dynamic);
        let other = values.iter().find(|e| known(e) && e.ty != Type::Dynamic).map(|e| e.ty);
        let (Some(at), false) = (dynamic, self.is_lenient()) else { return };
        let Some(ty) = other.or((function.name != "coalesce").then_some(Type::String)) else { return };
        let place = places.get(at).copied().unwrap_or_default();
        let text = self.snippet(place);
        let message = format!("{text} is dynamic: `{}` takes values of one type", function.name);
        let help = format!("convert it: {}({})", functions::conversions::conversion(ty).name, text.trim_matches('`'));
        self.report(Diagnostic::error("KQL122", place, message).with_help(help));
    }

    /// The name of a part of a time.
    pub(super) fn check_part(&mut self, function: &Function, part: &Expr, place: TextRange) {
        let Some(Value::String(text)) = part.as_literal() else { return };
        let weeks = if function.name == "datetime_part" { "week_of_year" } else { "week" };
        let known = PARTS.iter().chain(if function.name == "datetime_part" { MORE_PARTS } else { &[] }).chain([&weeks]);
        let names: Vec<&str> = known.copied().collect();
        if names.iter().any(|name| name.eq_ignore_ascii_case(text)) {
            return;
        }
        let message = format!("`{text}` is no part of a time for `{}`", function.name);
        let help = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("it is one of {}", names.join(", ")),
        };
        self.report(Diagnostic::error("KQL119", place, message).with_help(help));
    }
}
