//! Cells of files into columns of KQL types.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, Float64Builder, Int32Builder, Int64Builder, StringDictionaryBuilder,
    StringViewBuilder,
};
use arrow::datatypes::{DataType, Int32Type};

use crate::event::json::{self, Kind};
use crate::kql::Type;
use crate::kql::literal::{
    DateTimeText, parse_datetime, parse_decimal, parse_guid, parse_long, parse_real, parse_timespan,
};

/// Digits behind the point of a stored decimal.
pub const DECIMAL_SCALE: u8 = 18;

/// One value as a file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Text without a type: a field of a CSV file.
    Text(&'a str),
    /// The text of a JSON value.
    Json(&'a str),
}

/// A cell as a value of a type.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed<'a> {
    Null,
    Bool(bool),
    Int(i32),
    /// A long, or ticks.
    Long(i64),
    Real(f64),
    /// At `DECIMAL_SCALE`.
    Decimal(i128),
    Text(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    /// Is there nothing? "" in CSV, `null` in JSON.
    pub fn is_null(self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Json(text) => json::kind(text).is_none_or(|k| k == Kind::Null),
        }
    }

    /// What it says without quotes and escapes; a JSON list or object is its compact text.
    pub fn plain(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Json(text) => match json::kind(text) {
                None | Some(Kind::Null) => Cow::Borrowed(""),
                Some(Kind::Text) => json::string(text).unwrap_or(Cow::Borrowed(text)),
                Some(_) => json::compact(text),
            },
        }
    }

    /// The value as a type has it; `None` where the type cannot hold it.
    pub fn typed(self, ty: Type) -> Option<Typed<'a>> {
        if ty == Type::String {
            return Some(Typed::Text(self.plain()));
        }
        if self.is_null() {
            return Some(Typed::Null);
        }
        if ty == Type::Dynamic {
            return Some(self.dynamic().map_or(Typed::Null, Typed::Text));
        }
        let plain = self.plain();
        let text = plain.trim();
        if text.is_empty() {
            return Some(Typed::Null);
        }
        Some(match ty {
            Type::Bool => Typed::Bool(boolean(text)?),
            Type::Int => Typed::Int(whole(text).and_then(|n| i32::try_from(n).ok())?),
            Type::Long => Typed::Long(whole(text)?),
            Type::Real => Typed::Real(real(text)?),
            Type::Decimal => Typed::Decimal(decimal(text)?),
            Type::DateTime => Typed::Long(datetime(text)?),
            Type::TimeSpan => Typed::Long(parse_timespan(text)?),
            Type::Guid => Typed::Text(parse_guid(text)?.to_string().into()),
            Type::String | Type::Dynamic => return None,
        })
    }

    /// The JSON text of a dynamic value: text that is JSON is that value, other text a string. `None` is null.
    fn dynamic(self) -> Option<Cow<'a, str>> {
        let value = match self {
            Self::Json(text) if json::kind(text) != Some(Kind::Text) => json::compact(text),
            _ => {
                let plain = self.plain();
                if plain.is_empty() && matches!(self, Self::Text(_)) {
                    return None;
                }
                if json::valid(&plain) {
                    Cow::Owned(json::compact(plain.trim()).into_owned())
                } else {
                    let mut quoted = String::with_capacity(plain.len() + 2);
                    json::quote(&mut quoted, &plain);
                    Cow::Owned(quoted)
                }
            }
        };
        (value != "null").then_some(value)
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A whole number, `3.0` included.
fn whole(text: &str) -> Option<i64> {
    parse_long(text).ok().or_else(|| {
        let real = text.parse::<f64>().ok()?;
        (real.fract() == 0.0 && real.abs() < 9e15).then_some(real as i64)
    })
}

fn real(text: &str) -> Option<f64> {
    match text {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => parse_real(text).ok().or_else(|| parse_long(text).ok().map(|n| n as f64)),
    }
}

fn decimal(text: &str) -> Option<i128> {
    let (digits, scale) = parse_decimal(text)?;
    let ten = |n: u8| 10_i128.checked_pow(u32::from(n));
    if scale > DECIMAL_SCALE {
        Some(digits / ten(scale - DECIMAL_SCALE)?)
    } else {
        digits.checked_mul(ten(DECIMAL_SCALE - scale)?)
    }
}

/// Ticks of a date and time: ISO 8601, and month first as the portal writes it (`4/18/2025, 12:55:02.901 PM`).
pub fn datetime(text: &str) -> Option<i64> {
    match parse_datetime(text)? {
        DateTimeText::Ticks(ticks) => Some(ticks),
        DateTimeText::TimeOfDay(_) => None,
    }
}

/// How a column of a type lies in a file. Text of few distinct values may lie as a dictionary.
pub fn data_type(ty: Type, few: bool) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int32,
        Type::Long | Type::DateTime | Type::TimeSpan => DataType::Int64,
        Type::Real => DataType::Float64,
        Type::Decimal => DataType::Decimal128(38, DECIMAL_SCALE as i8),
        Type::String if few => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        Type::String | Type::Guid | Type::Dynamic => DataType::Utf8View,
    }
}

/// A column as it grows.
pub struct Column {
    ty: Type,
    builder: Builder,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column").field("ty", &self.ty).finish_non_exhaustive()
    }
}

enum Builder {
    Bool(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Real(Float64Builder),
    Decimal(Decimal128Builder),
    Text(StringViewBuilder),
    Dictionary(StringDictionaryBuilder<Int32Type>),
}

impl Column {
    pub fn new(ty: Type, few: bool) -> Self {
        let builder = match ty {
            Type::Bool => Builder::Bool(BooleanBuilder::new()),
            Type::Int => Builder::Int(Int32Builder::new()),
            Type::Long | Type::DateTime | Type::TimeSpan => Builder::Long(Int64Builder::new()),
            Type::Real => Builder::Real(Float64Builder::new()),
            Type::Decimal => Builder::Decimal(Decimal128Builder::new().with_data_type(data_type(ty, false))),
            Type::String if few => Builder::Dictionary(StringDictionaryBuilder::new()),
            Type::String | Type::Guid | Type::Dynamic => Builder::Text(StringViewBuilder::new()),
        };
        Self { ty, builder }
    }

    /// Adds a cell; null, and false, where the type cannot hold it.
    pub fn put(&mut self, cell: Option<Cell<'_>>) -> bool {
        let typed = match cell {
            None => Some(Typed::Null),
            Some(cell) => cell.typed(self.ty),
        };
        let fits = typed.is_some();
        match (&mut self.builder, typed.unwrap_or(Typed::Null)) {
            (Builder::Bool(b), Typed::Bool(value)) => b.append_value(value),
            (Builder::Int(b), Typed::Int(value)) => b.append_value(value),
            (Builder::Long(b), Typed::Long(value)) => b.append_value(value),
            (Builder::Real(b), Typed::Real(value)) => b.append_value(value),
            (Builder::Decimal(b), Typed::Decimal(value)) => b.append_value(value),
            (Builder::Text(b), Typed::Text(value)) => b.append_value(value),
            (Builder::Dictionary(b), Typed::Text(value)) => b.append_value(value),
            (Builder::Bool(b), _) => b.append_null(),
            (Builder::Int(b), _) => b.append_null(),
            (Builder::Long(b), _) => b.append_null(),
            (Builder::Real(b), _) => b.append_null(),
            (Builder::Decimal(b), _) => b.append_null(),
            (Builder::Text(b), _) => b.append_null(),
            (Builder::Dictionary(b), _) => b.append_null(),
        }
        fits
    }

    /// The column so far; the next begins empty.
    pub fn finish(&mut self) -> ArrayRef {
        match &mut self.builder {
            Builder::Bool(b) => Arc::new(b.finish()),
            Builder::Int(b) => Arc::new(b.finish()),
            Builder::Long(b) => Arc::new(b.finish()),
            Builder::Real(b) => Arc::new(b.finish()),
            Builder::Decimal(b) => Arc::new(b.finish()),
            Builder::Text(b) => Arc::new(b.finish()),
            Builder::Dictionary(b) => Arc::new(b.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as the answers it is held against")]
    fn text(text: &str) -> Option<Typed<'_>> {
        Some(Typed::Text(text.into()))
    }

    #[test]
    fn text_that_is_json_is_that_value_and_other_text_a_string() {
        let dynamic = |cell: Cell<'static>| cell.typed(Type::Dynamic);
        assert_eq!(dynamic(Cell::Text(r#"{ "a": 1.50 }"#)), text(r#"{"a":1.50}"#));
        assert_eq!(dynamic(Cell::Json(r#""[1, 2]""#)), text("[1,2]"));
        assert_eq!(dynamic(Cell::Json(r#"{"a": [1, null]}"#)), text(r#"{"a":[1,null]}"#));
        assert_eq!(dynamic(Cell::Text("it's")), text("\"it's\""));
        assert_eq!(dynamic(Cell::Json("null")), Some(Typed::Null));
        assert_eq!(dynamic(Cell::Text("null")), Some(Typed::Null));
    }

    #[test]
    fn what_a_type_cannot_hold_is_said() {
        assert_eq!(Cell::Text("x").typed(Type::Long), None);
        assert_eq!(Cell::Json("3000000000").typed(Type::Int), None);
        assert_eq!(Cell::Json("3.0").typed(Type::Long), Some(Typed::Long(3)));
        assert_eq!(Cell::Text("").typed(Type::Long), Some(Typed::Null));
        assert_eq!(Cell::Json("\"1.5\"").typed(Type::Decimal), Some(Typed::Decimal(1_500_000_000_000_000_000)));
        assert_eq!(Cell::Json("true").typed(Type::String), text("true"));
    }

    #[test]
    fn the_portals_dates_are_read_as_iso_dates_are() {
        let iso = datetime("2025-04-18T12:55:02.901Z");
        assert!(iso.is_some());
        assert_eq!(datetime("4/18/2025, 12:55:02.901 PM"), iso);
        assert_ne!(datetime("4/18/2025, 12:55:02.901 AM"), iso);
    }
}
