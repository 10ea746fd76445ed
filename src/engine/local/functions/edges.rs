//! Edges of functions, as the documentation has them.

use crate::engine::local::asked::{columns, refusal, rows};

#[track_caller]
fn is(expressions: &str, want: &str) {
    assert_eq!(rows(&format!("print {expressions}")), want, "{expressions}");
}

#[test]
fn several_arrays_sorted_are_several_columns_named_after_them() {
    let arrays = "let keys = dynamic([3,1,2]); let names = dynamic(['c','a','b']);";
    let sorted = format!("{arrays} print array_sort_asc(keys, names)");
    assert_eq!(columns(&sorted), "keys_sorted:dynamic names_sorted:dynamic");
    assert_eq!(rows(&sorted), "[1,2,3] | [\"a\",\"b\",\"c\"]");
    assert_eq!(
        columns("print array_sort_desc(dynamic([1]), dynamic([2]), false)"),
        "array0_sorted:dynamic array1_sorted:dynamic"
    );
    assert_eq!(columns("print array_sort_desc(dynamic([1]), false)"), "print_0:dynamic");
    assert_eq!(rows(&format!("{arrays} print first = array_sort_desc(keys, names)")), "[3,2,1]");
    assert_eq!(rows(&format!("{arrays} print second = array_sort_desc(keys, names)[1]")), "[\"c\",\"b\",\"a\"]");
    assert_eq!(rows("print (a, b) = array_sort_asc(dynamic([2,1]), dynamic([1,2,3]))"), "[1,2] | null");
}

#[test]
fn arrays_of_several_types_sort_numbers_and_times_before_texts_before_the_rest() {
    is(
        "array_sort_asc(dynamic(['b', true, 10, 2h, 10h, 'a', 9.5, [1], datetime(2026-01-02)]))",
        "[9.5,10,\"2026-01-02T00:00:00.0000000Z\",\"02:00:00\",\"10:00:00\",\"a\",\"b\",true,[1]]",
    );
}

#[test]
fn beta_distributions_outside_of_their_bounds_are_no_number() {
    is(
        "beta_cdf(1.5, 10, 20), beta_cdf(-0.1, 10, 20), beta_cdf(0.1, -1, 20), beta_cdf(0.1, 1, 20000)",
        "\"NaN\" | \"NaN\" | \"NaN\" | \"NaN\"",
    );
    is("beta_pdf(1.5, 10, 20), beta_pdf(0.1, -1, 20), beta_cdf(real(null), 1, 1)", "\"NaN\" | \"NaN\" | null");
    is(
        "beta_inv(1.5, 10, 20), beta_inv(0.1, -1, 20), beta_inv(0, 1, 2), beta_inv(1, 1, 2)",
        "null | \"NaN\" | 0.0 | 1.0",
    );
}

#[test]
fn gamma_reaches_as_far_as_reals_do() {
    is("gamma(171) > 7e306, gamma(171.5) > 9e307, isinf(gamma(172))", "true | true | true");
}

#[test]
fn bits_move_modulo_64_and_never_by_less_than_none() {
    is(
        "binary_shift_left(1, 65), binary_shift_left(1, -1), binary_shift_right(-8, 1), binary_shift_right(8, -1)",
        "2 | null | -4 | null",
    );
}

#[test]
fn a_bin_below_the_least_value_is_null() {
    is("bin(timespan(-10675199.02:48:05.4775808), 1d), bin(tolong('-9223372036854775808'), 10)", "null | null");
}

#[test]
fn truths_have_a_greatest_and_a_least() {
    is("max_of(false, true, false), min_of(true, false), max_of(bool(null), false)", "true | false | false");
}

#[test]
fn numbers_are_searched_as_their_text() {
    is("indexof(1234567, 5, 1, 4), strcmp(1, 2)", "4 | -1");
    is(
        "indexof('abcabc', 'b', 0, -2), indexof('abcabc', 'b', 0, -1, -1), indexof('abcabc', 'b', 0, -1, 2)",
        "null | null | 4",
    );
}

#[test]
fn a_pattern_that_captures_nothing_extracts_nothing() {
    assert!(refusal("print extract_all('a', 'abc')").contains("KQL131"));
    is("extract_all('(a)', 'abca')", "[\"a\",\"a\"]");
}

#[test]
fn dynamic_values_are_written_back_at_their_shortest() {
    is(
        "tostring(parse_json('{\"a\" : 1e3, \"b\":[1.50, 2, -0.0], \"c\":\"\\\\u00e9\\\\/\\\\n\"}'))",
        "\"{\\\"a\\\":1000.0,\\\"b\\\":[1.5,2,-0.0],\\\"c\\\":\\\"é/\\\\n\\\"}\"",
    );
    is(
        "tostring(dynamic(1.50)), tostring(parse_json('12345678901234567890')), tostring(parse_json('9223372036854775807'))",
        "\"1.5\" | \"12345678901234568000.0\" | \"9223372036854775807\"",
    );
}

#[test]
fn an_unnamed_column_is_called_after_its_first_argument_where_its_function_says_so() {
    assert_eq!(
        columns("range x from 1 to 1 step 1 | project y = x | project atan2(y, 1), repeat(y, 2)"),
        "y:real repeat_y:dynamic"
    );
}

#[test]
fn a_column_that_may_not_exist_is_named_after_what_is_taken_for_it() {
    let table = "datatable(State: string, n: long)['x', 1]";
    assert_eq!(columns(&format!("{table} | project column_ifexists('Capital', State)")), "State:string");
    assert_eq!(
        columns(&format!("{table} | project column_ifexists('n', State), column_ifexists('m', 5)")),
        "n:long Column1:long"
    );
}

#[test]
fn keys_of_a_path_may_stand_in_quotes() {
    is("bag_set_key(dynamic({'a b': {'c': 1}}), \"$['a b'].c\", 2)", "{\"a b\":{\"c\":2}}");
    is(
        "bag_set_key(dynamic({'a': 1}), 'a.b', 2), bag_set_key(dynamic({'a': 1}), '$.b.c', 2)",
        "{\"a\":1,\"a.b\":2} | {\"a\":1,\"b\":{\"c\":2}}",
    );
    is("bag_set_key(dynamic({'a': [1]}), '$.a[0]', 2)", "null");
}

#[test]
fn decimals_with_an_exponent_are_exact() {
    is(
        "tostring(todecimal('1e10')), tostring(todecimal('-12.5e-2')), tostring(todecimal('1.5E+3'))",
        "\"10000000000\" | \"-0.125\" | \"1500\"",
    );
}

#[test]
fn one_value_is_hashed_as_several_are() {
    assert_eq!(columns("print hash_many('a')"), "print_0:long");
    is("hash_many('a') == hash('a'), hash_many('a', 1) == hash_combine(hash('a'), hash(1))", "true | true");
}
