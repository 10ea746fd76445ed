use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;
use unicode_segmentation::UnicodeSegmentation as _;

use super::*;

/// What an attacker would write: ordinary text mixed with everything that hides.
fn hostile() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        3 => proptest::char::range(' ', '~'),
        2 => proptest::sample::select(vec![
            '\u{1b}', '\u{7}', '\u{9b}', '\n', '\r', '\t', '\u{85}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{200d}', '\u{feff}',
            '\u{e0041}', '\u{2028}', '\u{e000}', '\u{fffe}', '\u{301}', '\u{20dd}', '‹', '›', '␊', '␉', 'é', '字', '👩', '🏽', '\u{1f1e6}',
            '\u{93f}', '\u{94d}', '\u{915}', '\u{1100}', '\u{1161}', 'U', '+', '2', '0', 'E',
        ]),
        1 => any::<char>(),
    ];
    proptest::collection::vec(c, 0..40).prop_map(|chars| chars.into_iter().collect())
}

static FORBIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]+").unwrap()
});

#[test]
fn clean_text_is_borrowed() {
    for text in ["", "alice@example.com", "Zoë Müller", "山田太郎", "Ильин", "हिन्दी", "한국어", "👍🏽 ok"]
    {
        let shown = Shown::new(text);
        assert!(!shown.is_altered(), "{text}");
        assert_eq!(shown.as_str(), text);
    }
}

#[test]
fn what_hides_becomes_a_mark_that_can_be_read() {
    for (text, want) in [
        ("a\u{202e}b", "a‹U+202E›b"),
        ("a\nb\tc\r", "a␊b␉c‹U+000D›"),
        ("\u{1b}]52;c;Zm9v\u{7}", "‹U+001B›]52;c;Zm9v‹U+0007›"),
        ("\u{e0041}", "‹U+E0041›"),
        ("ad\u{200b}min", "ad‹U+200B›min"),
        ("‹U+202E›", "‹U+2039›U+202E›"),
        ("a\u{a0}b", "a‹U+00A0›b"),
        ("\u{301}x", "‹U+0301›x"),
    ] {
        assert_eq!(Shown::new(text).as_str(), want);
    }
}

#[test]
fn a_flood_of_combining_marks_is_cut_and_counted() {
    let flood = format!("e{}", "\u{301}".repeat(10_000));
    let shown = Shown::with_limit(&flood, usize::MAX);
    assert_eq!(shown.as_str(), format!("e{}‹+9996 marks›", "\u{301}".repeat(4)));
}

#[test]
fn a_long_text_says_how_much_is_not_shown() {
    let long = "x".repeat(DEFAULT_LIMIT + 904);
    assert!(Shown::new(&long).as_str().ends_with("x‹+904 bytes›"));
    assert_eq!(Shown::with_limit("aé", 2).as_str(), "a‹+2 bytes›");
}

#[test]
fn bytes_that_are_not_utf8_are_marked_one_by_one() {
    assert_eq!(Shown::bytes(b"ok \xff\x1b", 100).as_str(), "ok ‹xFF›‹U+001B›");
    assert_eq!(Shown::bytes(b"\xffabc", 2).as_str(), "‹xFF›a‹+2 bytes›");
}

#[test]
fn the_table_of_hidden_characters_agrees_with_unicode() {
    let every: String = (0..=0x10_FFFF).filter_map(char::from_u32).collect();
    let forbidden: Vec<&str> = FORBIDDEN.find_iter(&every).map(|found| found.as_str()).collect();
    assert!(forbidden.len() > 20);
    for c in forbidden.iter().flat_map(|run| run.chars()) {
        assert!(visible(c).is_some(), "U+{:04X} would be drawn as it is", u32::from(c));
    }
}

#[test]
fn padding_counts_for_shown_text_as_for_any_other() {
    assert_eq!(format!("{:>4}|", Shown::new("ab")), "  ab|");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_hidden_comes_out(text in hostile()) {
        let shown = Shown::with_limit(&text, usize::MAX).into_string();
        prop_assert!(!FORBIDDEN.is_match(&shown), "{shown:?}");
        for grapheme in shown.graphemes(true) {
            prop_assert!(grapheme.len() <= BYTES_PER_GRAPHEME + 3, "{grapheme:?}");
        }
    }

    #[test]
    fn two_texts_never_look_the_same(a in hostile(), b in hostile()) {
        let show = |text: &str| Shown::with_limit(text, usize::MAX).into_string();
        // Where a flood was cut, only its size is told.
        prop_assume!(!show(&a).contains(" marks›"));
        prop_assert_eq!(a == b, show(&a) == show(&b));
    }

    #[test]
    fn a_text_with_one_more_hidden_character_looks_different(a in hostile(), at in 0usize..40, hidden in proptest::sample::select(vec!['\u{200b}', '\u{202e}', '\u{feff}', '\u{e0020}', '\u{ad}', '\u{fe0f}'])) {
        let mut chars: Vec<char> = a.chars().collect();
        chars.insert(at.min(chars.len()), hidden);
        let b: String = chars.into_iter().collect();
        prop_assert_ne!(Shown::with_limit(&a, usize::MAX).into_string(), Shown::with_limit(&b, usize::MAX).into_string());
    }
}

#[test]
fn json_says_the_same_without_a_character_that_is_not_seen() {
    let told = "na\u{202e}me \u{9b}2J \u{e0041} \u{feff}é漢\u{a0}";
    let json = serde_json::json!({ "k": told }).to_string();
    let safe = in_json(&json);
    assert!(
        safe.contains("na\\u202eme") && safe.contains("\\u009b2J \\udb40\\udc41") && safe.contains("é漢\u{a0}"),
        "{safe}"
    );
    assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap()["k"], told);
    assert!(matches!(in_json("{\"a\":\n\"é\"}"), std::borrow::Cow::Borrowed(_)));
}
