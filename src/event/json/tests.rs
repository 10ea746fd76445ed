use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn a_value_is_the_exact_slice_that_stands_there() {
    let text = r#" { "a" : {"b":[1, 2.50 ,{"c":"x\"y"}]} , "d":null, "\u0065": 1e400 } "#;
    assert_eq!(key(text, "a"), Some(r#"{"b":[1, 2.50 ,{"c":"x\"y"}]}"#));
    assert_eq!(key(text, "d"), Some("null"));
    assert_eq!(key(text, "e"), Some("1e400"));
    assert_eq!(key(text, "f"), None);
    let steps = [Step::Key("a"), Step::Key("b"), Step::Index(1)];
    assert_eq!(path(text, &steps), Some("2.50"));
    let steps = [Step::Key("a"), Step::Key("b"), Step::Index(-1), Step::Key("c")];
    assert_eq!(path(text, &steps).and_then(string).as_deref(), Some("x\"y"));
    assert_eq!(path(text, &[Step::Key("a"), Step::Key("b"), Step::Index(-4)]), None);
}

#[test]
fn a_path_into_what_is_no_container_is_nothing() {
    for text in ["null", "1", "\"a\"", "[]", "{}", "", "  ", "{\"a\":1"] {
        assert_eq!(key(text, "b"), None, "{text}");
        assert_eq!(index(text, 0), None, "{text}");
    }
    assert_eq!(index(r#"{"a":1}"#, 0), None);
    assert_eq!(key(r#"["a"]"#, "a"), None);
}

#[test]
fn of_a_repeated_key_the_first_counts() {
    assert_eq!(key(r#"{"a":1,"a":2}"#, "a"), Some("1"));
    assert_eq!(members(r#"{"a":1,"a":2}"#).unwrap().len(), 2);
}

#[test]
fn escapes_are_decoded_and_half_a_pair_is_no_string() {
    assert_eq!(string(r#""\u00e9\ud83d\ude00\n\/""#).as_deref(), Some("é😀\n/"));
    for bad in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\x""#, "\"a\nb\"", "\"a", "a", "\"a\"b"] {
        assert_eq!(string(bad), None, "{bad}");
    }
}

#[test]
fn depth_is_limited() {
    let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert!(valid(&nested(DEPTH)));
    assert!(!valid(&nested(DEPTH + 1)));
    assert!(!valid(&"[".repeat(100_000)));
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        "\\PC{0,12}".prop_map(Value::from),
        "[\\x00-\\x7f]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"\\\\é\n]{0,3}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_member_and_element_reads_as_serde_json_reads_it(value in json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert!(valid(&text));
        match &value {
            Value::Object(all) => {
                prop_assert_eq!(members(&text).unwrap().len(), all.len());
                for (name, member) in all {
                    let slice = key(&text, name).unwrap();
                    prop_assert_eq!(&serde_json::from_str::<Value>(slice).unwrap(), member);
                }
            }
            Value::Array(all) => {
                for (i, element) in all.iter().enumerate() {
                    let slice = index(&text, i as i64).unwrap();
                    prop_assert_eq!(&serde_json::from_str::<Value>(slice).unwrap(), element);
                    prop_assert_eq!(index(&text, i as i64 - all.len() as i64), Some(slice));
                }
                prop_assert_eq!(index(&text, all.len() as i64), None);
            }
            Value::String(s) => {
                prop_assert_eq!(string(&text).unwrap(), s.as_str());
            }
            _ => {}
        }
    }

    #[test]
    fn damaged_text_is_valid_exactly_where_serde_json_says_so(
        value in json(), at: prop::sample::Index, with in "[\\[\\]{}\",:0-9eE.+\\\\ntu -]{0,2}", cut in 0usize..3,
    ) {
        let text = serde_json::to_string(&value).unwrap();
        let mut chars: Vec<char> = text.chars().collect();
        let from = at.index(chars.len());
        let to = (from + cut).min(chars.len());
        chars.splice(from..to, with.chars());
        let damaged: String = chars.into_iter().collect();
        // Skipping a value, serde_json checks its grammar only, as is done here.
        let ignored: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&damaged);
        prop_assert_eq!(valid(&damaged), ignored.is_ok(), "{}", damaged);
        let _ = (key(&damaged, "a"), index(&damaged, -1), members(&damaged), string(&damaged), kind(&damaged));
    }
}
