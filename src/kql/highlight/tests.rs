use proptest::prelude::*;

use super::{Highlight, HighlightClass as Class, highlight};

fn classes(text: &str) -> Vec<(&str, Class)> {
    highlight(text).into_iter().map(|Highlight { range, class }| (range.of(text), class)).collect()
}

fn class_of(text: &str, part: &str) -> Class {
    classes(text).into_iter().find(|(t, _)| *t == part).unwrap_or_else(|| panic!("{part} in {text}")).1
}

#[test]
fn a_word_is_coloured_by_where_it_stands() {
    assert_eq!(
        classes("Events | where count == 1"),
        [
            ("Events", Class::Name),
            ("|", Class::Punctuation),
            ("where", Class::Keyword),
            ("count", Class::Name),
            ("==", Class::Operator),
            ("1", Class::Number),
        ]
    );
    assert_eq!(class_of("T | summarize count() by user", "count"), Class::Function);
    assert_eq!(class_of("T | summarize count() by user", "by"), Class::Keyword);
    assert_eq!(class_of("T | count", "count"), Class::Keyword);
    assert_eq!(class_of("T | where a has 'x' and b", "has"), Class::Operator);
    assert_eq!(class_of("T | join kind=inner (R) on k", "inner"), Class::Keyword);
    assert_eq!(class_of("T | render timechart with (title = 'x')", "title"), Class::Parameter);
    assert_eq!(class_of("let n = 5; T | take n // few", "// few"), Class::Comment);
    assert_eq!(class_of("print a = 'open", "'open"), Class::Error);
    assert_eq!(class_of("T | project-away a*", "project-away"), Class::Keyword);
}

#[test]
fn a_text_that_is_being_written_is_coloured_too() {
    assert_eq!(class_of("T | where user == \"a\" | summ", "\"a\""), Class::String);
    assert_eq!(class_of("T | where (a > ", "a"), Class::Name);
}

proptest! {
    #[test]
    fn highlights_are_in_order_inside_the_text_and_never_overlap(text in "\\PC{0,80}|[a-z|=()\\[\\]'\"@ .,;{}0-9-]{0,80}") {
        let mut end = 0;
        for Highlight { range, .. } in highlight(&text) {
            prop_assert!(range.start >= end && range.end > range.start);
            prop_assert!(text.get(range.start as usize..range.end as usize).is_some());
            end = range.end;
        }
    }
}
