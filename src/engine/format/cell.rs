//! One cell of a result as text, the way Kusto writes it.

use std::borrow::Cow;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int32Type, Int64Type};

use crate::base::time::{Span, Ticks};
use crate::kql::Type;

/// The text of a cell; `None` for null. A string is never null: KQL's strings have none. What came from outside is not made safe here.
///
/// datetime is ISO 8601 with seven digits, timespan `[-][d.]hh:mm:ss[.fffffff]`, real the shortest text that reads back the same (`NaN`,
/// `Infinity`, `-Infinity`), bool `true` or `false`, dynamic its JSON.
pub fn text(array: &dyn Array, row: usize, ty: Type) -> Option<Cow<'_, str>> {
    if ty == Type::String {
        return Some(Cow::Borrowed(string(array, row)));
    }
    if array.is_null(row) {
        return None;
    }
    Some(match (ty, array.data_type()) {
        (Type::Bool, _) => if array.as_boolean().value(row) { "true" } else { "false" }.into(),
        (Type::Int, DataType::Int32) => array.as_primitive::<Int32Type>().value(row).to_string().into(),
        (Type::Int | Type::Long, DataType::Int64) => array.as_primitive::<Int64Type>().value(row).to_string().into(),
        (Type::Real, _) => real(array.as_primitive::<Float64Type>().value(row)).into(),
        (Type::Decimal, _) => array.as_primitive::<Decimal128Type>().value_as_string(row).into(),
        (Type::DateTime, _) => Ticks(array.as_primitive::<Int64Type>().value(row)).to_string().into(),
        (Type::TimeSpan, _) => Span(array.as_primitive::<Int64Type>().value(row)).to_string().into(),
        _ => Cow::Borrowed(string(array, row)),
    })
}

/// A string of any physical form; null reads as "".
pub fn string(array: &dyn Array, row: usize) -> &str {
    if array.is_null(row) {
        return "";
    }
    match array.data_type() {
        DataType::Utf8View => array.as_string_view().value(row),
        DataType::Utf8 => array.as_string::<i32>().value(row),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row),
        DataType::Dictionary(..) => match array.as_dictionary_opt::<Int32Type>() {
            Some(dictionary) => string(dictionary.values(), dictionary.key(row).unwrap_or(0)),
            None => "",
        },
        _ => "",
    }
}

/// The shortest text that reads back the same.
fn real(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if value != 0.0 && !(1e-5..1e15).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BooleanArray, DictionaryArray, Float64Array, Int64Array, StringViewArray};

    #[test]
    fn a_value_is_written_as_kusto_writes_it() {
        let ticks = Int64Array::from(vec![Some(630_822_816_000_000_000), None]);
        assert_eq!(text(&ticks, 0, Type::DateTime).as_deref(), Some("2000-01-01T00:00:00.0000000Z"));
        assert_eq!(text(&ticks, 1, Type::DateTime), None);
        let reals = Float64Array::from(vec![4.0, 0.1, f64::NAN, f64::NEG_INFINITY, 1e20]);
        let got: Vec<_> = (0..5).filter_map(|row| text(&reals, row, Type::Real)).collect();
        assert_eq!(got, ["4", "0.1", "NaN", "-Infinity", "1e20"]);
        assert_eq!(text(&BooleanArray::from(vec![true]), 0, Type::Bool).as_deref(), Some("true"));
    }

    #[test]
    fn a_string_has_no_null_in_any_form() {
        let dictionary: DictionaryArray<Int32Type> = vec![Some("a"), None].into_iter().collect();
        assert_eq!(text(&dictionary, 0, Type::String).as_deref(), Some("a"));
        assert_eq!(text(&dictionary, 1, Type::String).as_deref(), Some(""));
        assert_eq!(text(&StringViewArray::from(vec![None::<&str>]), 0, Type::String).as_deref(), Some(""));
        assert_eq!(text(&StringViewArray::from(vec![None::<&str>]), 0, Type::Dynamic), None);
    }
}
