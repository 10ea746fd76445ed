//! `make-series` from text to rows.

use crate::engine::local::asked::{columns, refusal, rows};

/// Days 1 to 5 of a month, three things on some of them.
const T: &str = "let T = datatable(at: datetime, who: string, size: long)
[
    datetime(2025-12-31 23:00), 'ann', 100,
    datetime(2026-01-01 05:00), 'ann', 1,
    datetime(2026-01-01 07:00), 'ann', 3,
    datetime(2026-01-03), 'ann', 5,
    datetime(2026-01-02), 'bob', 7,
    datetime(null), 'bob', 9,
    datetime(2026-01-05), 'bob', 11,
];
";

#[track_caller]
fn is(pipeline: &str, want: &str) {
    assert_eq!(rows(&format!("{T}T | {pipeline}")), want, "{pipeline}");
}

#[test]
fn bins_without_rows_get_the_default_and_the_end_is_no_bin() {
    is(
        "make-series n = count(), s = avg(size) default = -1 on at from datetime(2026-01-01) to datetime(2026-01-05) step 1d | project n, s",
        "[2,1,1,0] | [2.0,7.0,5.0,-1.0]",
    );
}

#[test]
fn keys_come_first_and_the_axis_last() {
    let query = format!(
        "{T}T | make-series count(), sum(size) on at from datetime(2026-01-01) to datetime(2026-01-03) step 1d by who, first = substring(who, 0, 1)"
    );
    assert_eq!(columns(&query), "who:string first:string count_:dynamic sum_size:dynamic at:dynamic");
    assert_eq!(
        rows(&format!("{query} | sort by who asc")),
        "\"ann\" | \"a\" | [2,0] | [4,0] | [\"2026-01-01T00:00:00.0000000Z\",\"2026-01-02T00:00:00.0000000Z\"]\n\
         \"bob\" | \"b\" | [0,1] | [0,7] | [\"2026-01-01T00:00:00.0000000Z\",\"2026-01-02T00:00:00.0000000Z\"]"
    );
}

#[test]
fn bins_are_counted_from_the_start() {
    is(
        "make-series sum(size) on at from datetime(2026-01-01 06:00) to datetime(2026-01-04) step 1d",
        "[10,5,0] | [\"2026-01-01T06:00:00.0000000Z\",\"2026-01-02T06:00:00.0000000Z\",\"2026-01-03T06:00:00.0000000Z\"]",
    );
}

#[test]
fn without_bounds_each_key_has_its_own_bins() {
    is(
        "make-series n = count() on at step 1d by who | project who, n | sort by who asc",
        "\"ann\" | [1,2,0,1]\n\"bob\" | [1,0,0,1]",
    );
}

#[test]
fn in_range_includes_the_stop_and_aligns_its_bins() {
    is(
        "make-series n = count() on at in range(datetime(2026-01-01 12:00), datetime(2026-01-03), 1d)",
        "[2,1,1] | [\"2026-01-01T00:00:00.0000000Z\",\"2026-01-02T00:00:00.0000000Z\",\"2026-01-03T00:00:00.0000000Z\"]",
    );
}

#[test]
fn a_null_default_stands_as_null_and_other_types_have_a_zero_of_their_own() {
    is(
        "make-series a = max(size) default = long(null), b = take_any(who), c = max(at - datetime(2026-01-01)), d = make_set(size), e = min(at)
            on at from datetime(2026-01-03) to datetime(2026-01-05) step 1d | project a, b, c, d, e",
        "[5,null] | [\"ann\",\"\"] | [\"2.00:00:00\",\"00:00:00\"] | [[5],null] | [\"2026-01-03T00:00:00.0000000Z\",null]",
    );
}

#[test]
fn an_aggregate_may_be_part_of_an_expression() {
    is(
        "make-series x = round(avg(size) / 3, 2) on at from datetime(2026-01-01) to datetime(2026-01-03) step 1d | project x",
        "[0.67,2.33]",
    );
}

#[test]
fn numbers_and_timespans_are_axes_too() {
    is("make-series n = count() on size from 0 to 12 step 4", "[2,2,2] | [0,4,8]");
    is("make-series n = count() on x = size / 2.0 from 0.5 to 3.0 step 1.0", "[1,1,1] | [0.5,1.5,2.5]");
    is(
        "make-series n = count() on d = at - datetime(2026-01-01) from 0h to 2d step 1d",
        "[2,1] | [\"00:00:00\",\"1.00:00:00\"]",
    );
}

#[test]
fn no_rows_give_nothing_unless_it_is_to_be_nonempty() {
    let none = "where size > 1000 | make-series";
    let rest = "n = count() default = 2 on at from datetime(2026-01-01) to datetime(2026-01-03) step 1d";
    is(&format!("{none} {rest}"), "");
    is(&format!("{none} kind=nonempty {rest} | project n"), "[2,2]");
    is(&format!("{none} {rest} by who"), "");
}

#[test]
fn a_start_may_be_fetched_from_a_table() {
    is(
        "make-series n = count() on at from toscalar(T | where size > 1 | summarize bin(min(at), 1d)) to datetime(2026-01-02) step 1d | project n",
        "[1,2]",
    );
}

#[test]
fn what_makes_no_series_is_refused_at_its_place() {
    let refused = |text: &str| refusal(&format!("{T}T | make-series {text}"));
    assert_eq!(refused("n = count() on at step 0h"), "KQL150 the step of a series must be more than 0");
    assert_eq!(
        refused("n = count() on at from 5 to now() step 1h"),
        "KQL120 the start of the series is datetime, but `5` is long"
    );
    assert_eq!(refused("n = count() on who step 1h"), "KQL124 string cannot be rounded to timespan");
    assert_eq!(refused("n = 5 on at step 1h"), "KQL130 `5` is not an aggregate");
    assert_eq!(
        refused("n = count() default = 'x' on at step 1h"),
        "KQL120 the default of the series is long, but `'x'` is string"
    );
    assert!(
        refused("n = count() on at from datetime(2026-01-01) to datetime(2026-01-02) step 1ms")
            .starts_with("make-series would give arrays of 86400000 values, more than 1048576")
    );
}
