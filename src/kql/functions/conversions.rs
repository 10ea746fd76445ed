//! Conversions. The binder writes implicit ones as calls of these, so a plan holds no silent cast.

use super::{Function, Gives, Type, any, args, keeps_name, named};

const fn to(name: &'static str, ty: Type, summary: &'static str, example: &'static str) -> Function {
    keeps_name(name, args![any("value")], Gives::Type(ty), summary, example)
}

named! {
    TOBOOL = to("tobool", Type::Bool, "To bool: text true/false or a number, null where it is neither.", "print tobool('true')");
    TOINT = to("toint", Type::Int, "To a 32-bit whole number: reals are cut, text that is not one is null.", "print toint('42')");
    TOLONG = to("tolong", Type::Long, "To a 64-bit whole number: reals are cut, text that is not one is null.", "print tolong('0x1F')");
    TODOUBLE = to("todouble", Type::Real, "To a real; null where the text is no number.", "print todouble('1.5')");
    TODECIMAL = to("todecimal", Type::Decimal, "To a decimal; null where the text is no number.", "print todecimal('1.10')");
    TOSTRING = to("tostring", Type::String, "To text; a null is the empty string, a dynamic is compact JSON.", "print tostring(1h)");
    TODATETIME = to("todatetime", Type::DateTime, "To a point in time; null where the text is none.", "print todatetime('2026-01-02')");
    TOTIMESPAN = to("totimespan", Type::TimeSpan, "To a length of time; null where the text is none.", "print totimespan('1.02:00:00')");
    TOGUID = to("toguid", Type::Guid, "To a guid; null where the text is none.", "print toguid('74be27de-1e4e-49d9-b579-fe0b331d3642')");
    PARSE_JSON = to("parse_json", Type::Dynamic, "Reads JSON text into a dynamic value; text that is not JSON stays a string.", "print parse_json('{\"a\":1}').a");
}

/// The conversion to a type.
pub fn conversion(ty: Type) -> &'static Function {
    match ty {
        Type::Bool => &TOBOOL,
        Type::Int => &TOINT,
        Type::Long => &TOLONG,
        Type::Real => &TODOUBLE,
        Type::Decimal => &TODECIMAL,
        Type::String => &TOSTRING,
        Type::DateTime => &TODATETIME,
        Type::TimeSpan => &TOTIMESPAN,
        Type::Guid => &TOGUID,
        Type::Dynamic => &TO_DYNAMIC,
    }
}

/// What a scalar becomes where dynamic is wanted: the value itself in JSON, not parsed text. `dynamic` is no function that a query can call.
pub static TO_DYNAMIC: Function = super::entry(
    super::FunctionKind::Operator,
    "dynamic",
    args![any("value")],
    Gives::Type(Type::Dynamic),
    super::ResultName::FirstArgument,
    "The value as a dynamic one: a string stays a string.",
    "print array_concat(dynamic([1]), pack_array(2))",
);
