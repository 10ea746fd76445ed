#![allow(clippy::missing_panics_doc)] // tests read better so
use proptest::prelude::*;

use super::{
    DateTimeText, Literal, parse_datetime, parse_decimal, parse_dynamic, parse_guid, parse_long, parse_string,
    parse_timespan, parse_typed, print_datetime, print_literal, print_timespan,
};
use crate::base::time::{DAY, HOUR, MAX, MINUTE, SECOND};
use crate::kql::parser::parse;
use crate::kql::syntax::{ExprKind, StatementKind};
use crate::kql::types::Type;
use crate::kql::value::Value;

/// What a query reads a text as, if it is one literal.
fn read(text: &str) -> Option<Value> {
    let parsed = parse(&format!("print {text}"));
    if !parsed.diagnostics.is_empty() || parsed.query.statements.len() != 1 {
        return None;
    }
    let StatementKind::Expr(expr) = &parsed.query.statements[0].kind else { return None };
    let ExprKind::Print(columns) = &expr.kind else { return None };
    match columns.as_slice() {
        [column] if column.names.is_empty() => column.value.as_literal().cloned(),
        _ => None,
    }
}

fn ticks(text: &str) -> Option<i64> {
    match parse_datetime(text)? {
        DateTimeText::Ticks(ticks) => Some(ticks),
        DateTimeText::TimeOfDay(_) => None,
    }
}

#[test]
fn every_form_of_a_string_gives_its_text() {
    for (written, text) in [
        (r#""a\tb""#, "a\tb"),
        (r"'it''s'", "its"),
        (r#"'say "hi"'"#, "say \"hi\""),
        (r#"@"C:\temp""#, r"C:\temp"),
        (r#"@"a""b""#, "a\"b"),
        (r"@'a''b'", "a'b"),
        ("```a\n'b'```", "a\n'b'"),
        ("~~~a```b~~~", "a```b"),
        (r#""\u00e9\U0001F600\x41\0""#, "é😀A\0"),
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""a" 'b' @"\c""#, r"ab\c"),
    ] {
        assert_eq!(read(written), Some(Value::string(text)), "{written}");
    }
}

#[test]
fn an_escape_that_is_none_is_shown_where_it_stands() {
    let error = parse_string(r#""ab\d+""#).unwrap_err();
    assert_eq!((error.range.start, error.range.end), (3, 5));
    assert!(error.help.unwrap().contains('@'));
}

#[test]
fn numbers_are_long_real_or_hexadecimal() {
    for (written, value) in [
        ("12", Value::Long(12)),
        ("0x1F", Value::Long(31)),
        ("0xFFFFFFFFFFFFFFFF", Value::Long(-1)),
        ("-9223372036854775808", Value::Long(i64::MIN)),
        ("1.5", Value::Real(1.5)),
        ("1e3", Value::Real(1000.0)),
        ("2.5e-3", Value::Real(0.0025)),
        ("int(7)", Value::Int(7)),
        ("int(-0x10)", Value::Int(-16)),
        ("long(null)", Value::Null(Type::Long)),
        ("real(5)", Value::Real(5.0)),
        ("real(-inf)", Value::Real(f64::NEG_INFINITY)),
        ("decimal(-1.050)", Value::Decimal(-1050, 3)),
        ("decimal(1.5e2)", Value::Decimal(150, 0)),
        ("bool(1)", Value::Bool(true)),
        ("true", Value::Bool(true)),
    ] {
        assert_eq!(read(written), Some(value), "{written}");
    }
    assert!(parse_long("9223372036854775808").is_err());
    assert_eq!(parse_decimal("1.2.3"), None);
    assert_eq!(parse_decimal("-"), None);
}

#[test]
fn timespans_have_units_or_a_clock() {
    for (written, ticks) in [
        ("1d", DAY),
        ("2.5h", 2 * HOUR + 30 * MINUTE),
        ("10ms", SECOND / 100),
        ("1tick", 1),
        ("1microsecond", 10),
        ("3minutes", 3 * MINUTE),
        ("-1d", -DAY),
        ("time(16d)", 16 * DAY),
        ("timespan(1.02:03:04)", DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND),
        ("timespan(-00:00:00.0000001)", -1),
        ("time(12:30)", 12 * HOUR + 30 * MINUTE),
        ("time(2)", 2 * DAY),
        ("timespan('3 seconds')", 3 * SECOND),
        ("timespan(-10675199.02:48:05.4775808)", i64::MIN),
    ] {
        assert_eq!(read(written), Some(Value::TimeSpan(ticks)), "{written}");
    }
    for wrong in ["24:00", "1:60", "1:2:3:4", "", "-", "1.2.3:4", "soon", "99999999999d"] {
        assert_eq!(parse_timespan(wrong), None, "{wrong}");
    }
}

#[test]
fn datetimes_are_read_as_kusto_reads_them() {
    let noon = 735_597 * DAY + 12 * HOUR;
    assert_eq!(print_datetime(noon), "2014-12-31T12:00:00.0000000Z");
    for text in [
        "2014-12-31T12:00:00.0000000Z",
        "2014-12-31 12:00",
        "2014-12-31T12:00:00",
        "2014/12/31 12:00:00",
        "12/31/2014 12:00:00 PM",
        "12-31-2014 12:00",
        "Wed, 31 Dec 14 12:00:00 GMT",
        "31 December 2014 12:00",
        "2014-12-31T14:00:00+02:00",
        "2014-12-31T06:30:00-0530",
        "2014, 12, 31 12:00",
    ] {
        assert_eq!(ticks(text), Some(noon), "{text}");
    }
    assert_eq!(ticks("2014-12-31 1:02:03.4567891 am"), Some(735_597 * DAY + HOUR + 2 * MINUTE + 34_567_891));
    assert_eq!(ticks("2014"), ticks("2014-01-01"));
    assert_eq!(ticks("2014-05"), ticks("2014-05-01"));
    assert_eq!(ticks("20140501Z"), ticks("2014-05-01"));
    assert_eq!(ticks("9999-12-31 23:59:59.9999999"), Some(MAX));
    assert_eq!(parse_datetime("8:00"), Some(DateTimeText::TimeOfDay(8 * HOUR)));
    for wrong in
        ["", "soon", "2014-13-01", "2014-02-30", "2014-01-01 24:00", "1-2-3-4", "10000-01-01", "0000-01-01", "12:00:60"]
    {
        assert_eq!(parse_datetime(wrong), None, "{wrong}");
    }
}

#[test]
fn a_time_of_day_alone_waits_for_the_day() {
    assert_eq!(parse_typed(Type::DateTime, "datetime(8:00)"), Ok(Literal::Today(8 * HOUR)));
}

#[test]
fn guids_come_in_lower_case_with_dashes() {
    let guid = "74be27de-1e4e-49d9-b579-fe0b331d3642";
    for text in [guid, "74BE27DE1E4E49D9B579FE0B331D3642", "{74be27de-1e4e-49d9-b579-fe0b331d3642}"] {
        assert_eq!(parse_guid(text).as_deref(), Some(guid));
    }
    assert_eq!(parse_guid("74be27de"), None);
}

#[test]
fn a_dynamic_literal_is_compact_json_with_kusto_values_as_text() {
    for (body, json) in [
        (r#"{ "a" : [1, 2.50, -3], 'b': "it's" }"#, r#"{"a":[1,2.5,-3],"b":"it's"}"#),
        ("[true, false, null,]", "[true,false,null]"),
        (
            "[datetime(2020-01-02), 1d, guid(74be27de1e4e49d9b579fe0b331d3642)]",
            r#"["2020-01-02T00:00:00.0000000Z","1.00:00:00","74be27de-1e4e-49d9-b579-fe0b331d3642"]"#,
        ),
        (r#""a\/b\u0041\n""#, r#""a/bA\n""#),
        ("0x10", "16"),
        ("[007, 1., 0.5, 1e5]", "[7,1.0,0.5,100000.0]"),
        ("dynamic([int(1), long(null)])", "[1,null]"),
        ("[ // first\n 1 ]", "[1]"),
        ("{}", "{}"),
    ] {
        assert_eq!(parse_dynamic(body), Ok(Value::Dynamic(json.into())), "{body}");
    }
    assert_eq!(parse_dynamic(" null "), Ok(Value::Null(Type::Dynamic)));
}

#[test]
fn a_wrong_dynamic_literal_names_the_place() {
    for (body, wrong) in
        [("[1, x]", "x"), ("{a: 1}", "a"), ("{\"a\" 1}", "1"), ("[1 2]", "2"), ("1 2", "2"), ("[1,", "")]
    {
        let error = parse_dynamic(body).unwrap_err();
        assert_eq!(error.range.of(body), wrong, "{body}");
    }
    let deep = "[".repeat(5000);
    assert!(parse_dynamic(&deep).unwrap_err().message.contains("deep"));
}

#[test]
fn timespans_print_as_results_show_them() {
    assert_eq!(print_timespan(DAY + HOUR + 5), "1.01:00:00.0000005");
    assert_eq!(print_timespan(-MINUTE), "-00:01:00");
    assert_eq!(print_timespan(i64::MIN), "-10675199.02:48:05.4775808");
}

#[test]
fn a_printed_string_holds_nothing_that_does_not_print() {
    let text = "a\u{202e}b\u{200b}\u{e0041}\u{1b}[2J\u{301}\u{a0}\n";
    let printed = print_literal(&Value::string(text));
    assert!(printed.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{printed}");
    assert_eq!(read(&printed), Some(Value::string(text)));
}

#[test]
fn a_dynamic_value_that_is_no_json_becomes_a_string_and_nothing_else() {
    for hostile in ["1) | take 5 //", "\"a\" , x", "]", ""] {
        let printed = print_literal(&Value::Dynamic(hostile.into()));
        assert!(matches!(read(&printed), Some(Value::Dynamic(text)) if text.starts_with('"')), "{printed}");
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e9..1e9f64).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Any value that a column can hold.
pub fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(Type::ALL.to_vec()).prop_map(Value::null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        any::<f64>().prop_filter("NaN equals nothing", |v| !v.is_nan()).prop_map(Value::Real),
        (any::<i128>(), 0..=30u8).prop_map(|(digits, scale)| Value::Decimal(digits / 2, scale)),
        any::<String>().prop_map(Value::string),
        (0..=MAX).prop_map(Value::DateTime),
        any::<i64>().prop_map(Value::TimeSpan),
        (-1000..1000i64).prop_map(|n| Value::TimeSpan(n * MINUTE)),
        any::<u128>().prop_map(|bits| Value::Guid(parse_guid(&format!("{bits:032x}")).unwrap())),
        json().prop_map(|json| if json.is_null() {
            Value::Null(Type::Dynamic)
        } else {
            Value::Dynamic(json.to_string().into())
        }),
    ]
}

proptest! {
    #[test]
    fn a_printed_literal_reads_as_the_value(value in any_value()) {
        let printed = print_literal(&value);
        prop_assert_eq!(read(&printed), Some(value), "{}", printed);
    }

    #[test]
    fn any_text_reads_back_from_its_literal(text in any::<String>()) {
        prop_assert_eq!(read(&print_literal(&Value::string(text.as_str()))), Some(Value::string(text)));
    }

    #[test]
    fn no_text_makes_a_literal_reader_panic(text in "[-0-9:.TZ+ apmdh,/eE(){}\\[\\]\"'\\\\x]{0,40}") {
        let _ = (parse_datetime(&text), parse_timespan(&text), parse_decimal(&text), parse_guid(&text), parse_dynamic(&text));
        let _ = (parse_string(&text), parse_long(&text), super::parse_real(&text), super::parse_unit_timespan(&text));
        for ty in Type::ALL {
            let _ = parse_typed(ty, &text);
        }
    }
}
