//! Series functions as queries see them.

use crate::engine::local::asked::{columns, refusal, rows};

#[track_caller]
fn is(call: &str, want: &str) {
    assert_eq!(rows(&format!("print x = {call}")), want, "{call}");
}

#[test]
fn elements_at_the_same_place_go_together() {
    is("series_add(dynamic([1,2,4]), dynamic([4,2,1]))", "[5,4,5]");
    is("series_subtract(dynamic([1.5,2]), dynamic([1,2]))", "[0.5,0.0]");
    is("series_divide(dynamic([1,2,4]), dynamic([4,2,1]))", "[0.25,1.0,4.0]");
    is("series_pow(dynamic([1,2,3,4]), dynamic([1,2,3,0.5]))", "[1.0,4.0,27.0,2.0]");
    is("series_greater(dynamic([1,2,4]), dynamic([4,2,1]))", "[false,false,true]");
    is("series_not_equals(dynamic([1,2]), dynamic([1,3]))", "[false,true]");
    is("series_add(dynamic([1,'a',3]), dynamic([1,2]))", "[2,null,null]");
    is("series_multiply(10, dynamic([1,-1,0]))", "[10,-10,0]");
    is("series_divide(dynamic([2]), 0)", "[\"Infinity\"]");
}

#[test]
fn a_function_of_one_number_maps_each() {
    is("series_abs(dynamic([-6.5,0,8.2]))", "[6.5,0.0,8.2]");
    is("series_sign(dynamic([-6,0,8,null]))", "[-1,0,1,null]");
    is("series_floor(dynamic([-1.5,2.5]))", "[-2.0,2.0]");
    is("series_exp(dynamic([0]))", "[1.0]");
    is("series_abs(dynamic({'a':1}))", "null");
}

#[test]
fn arrays_sum_up_to_numbers() {
    is("series_sum(dynamic([1,2,3,4]))", "10.0");
    is("series_product(dynamic([1,2,3,4]))", "24.0");
    is("series_magnitude(dynamic([3,4]))", "5.0");
    is("series_dot_product(dynamic([1,2,4]), dynamic([4,2,1]))", "12.0");
    is("series_dot_product(dynamic([3,6,12]), 3)", "63.0");
    is("series_dot_product(dynamic([]), dynamic([1]))", "null");
    is("round(series_cosine_similarity(dynamic([0.1,0.2,0.1,0.2]), dynamic([1,2,3,4])), 12)", "0.923760430703");
    is("series_pearson_correlation(dynamic([1,2,3,4,5]), dynamic([2,4,6,8,10]))", "1.0");
    is("series_pearson_correlation(dynamic([1,2]), dynamic([2,4,6]))", "null");
}

#[test]
fn gaps_are_filled_and_what_is_there_keeps_its_text() {
    let x = "dynamic([111,null,36,41,null,16])";
    is(&format!("series_fill_const({x}, 0.0)"), "[111,0.0,36,41,0.0,16]");
    is(&format!("series_fill_const({x}, -1, 36)"), "[111,null,-1,41,null,16]");
    is("series_fill_forward(dynamic([null,36,41,null,null,16,null]))", "[null,36,41,41,41,16,16]");
    is("series_fill_backward(dynamic([null,36,41,null,null,16,null]))", "[36,36,41,16,16,16,null]");
}

#[test]
fn lines_are_drawn_through_gaps() {
    let real = "dynamic([null,111.0,null,36.0,41.0,null])";
    is(&format!("series_fill_linear({real})"), "[111.0,111.0,73.5,36.0,41.0,41.0]");
    is(&format!("series_fill_linear({real}, double(null), false)"), "[null,111.0,73.5,36.0,41.0,null]");
    is("series_fill_linear(dynamic([null,111,null,36,41,null,null,16,null]))", "[111,111,73,36,41,32,24,16,16]");
    is("series_fill_linear(dynamic([null,null]))", "[0.0,0.0]");
    is("series_fill_linear(dynamic([null,null]), double(null), true, 3.14159)", "[3.14159,3.14159]");
}

#[test]
fn filters_look_back_and_with_center_on_both_sides() {
    is("series_fir(dynamic([0,0,10,0,0]), dynamic([1,1]))", "[0.0,0.0,5.0,5.0,0.0]");
    is("series_fir(dynamic([0,0,9,0,0]), dynamic([1,1,1]), true, true)", "[0.0,3.0,3.0,3.0,0.0]");
    is("series_fir(dynamic([0,2,2,3]), dynamic([1,-1]), false, false)", "[0.0,2.0,0.0,1.0]");
    is("series_fir(dynamic([0,2,2,3]), dynamic([1,-1]), true)", "null");
    is("series_iir(range(1.0, 4, 1), dynamic([1]), dynamic([1,-1]))", "[1.0,3.0,6.0,10.0]");
}

#[test]
fn the_transform_turned_back_is_the_series_whatever_its_length() {
    assert_eq!(rows("print x = dynamic([1,0,0,0]) | project series_fft(x)"), "[1.0,1.0,1.0,1.0] | [0.0,0.0,0.0,0.0]");
    for length in [2, 3, 7, 8, 12, 100] {
        let query = format!(
            "print x = range(1, {length}, 1) | extend (re, im) = series_fft(x) | extend (back, rest) = series_ifft(re, im)
            | extend d = series_subtract(back, x) | project series_magnitude(d) < 1e-9 and series_magnitude(rest) < 1e-9, re0 = round(toreal(re[0]), 6)"
        );
        assert_eq!(rows(&query), format!("true | {:?}", f64::from(length * (length + 1) / 2)));
    }
}

#[test]
fn statistics_are_columns_or_a_bag() {
    let x = "print x = dynamic([23,46,23,87,4,8,3,75,2,56,13,75,32,16,29])";
    assert_eq!(
        columns(&format!("{x} | project series_stats(x)")),
        "series_stats_x_min:real series_stats_x_min_idx:long series_stats_x_max:real series_stats_x_max_idx:long series_stats_x_avg:real series_stats_x_stdev:real series_stats_x_variance:real"
    );
    assert_eq!(
        rows(&format!("{x} | extend (a, b, c, d, e, f) = series_stats(x) | project a, b, c, d, e, round(f, 9)")),
        "2.0 | 8 | 87.0 | 3 | 32.8 | 28.503633854"
    );
    assert_eq!(
        rows(&format!("{x} | extend s = series_stats_dynamic(x) | project s.sum, s.len, s.min_idx")),
        "492.0 | 15 | 8"
    );
    is("series_stats_dynamic(dynamic([1,null,3])).avg", "null");
    is("series_stats_dynamic(dynamic([1,null,3]), true).avg", "2.0");
}

#[test]
fn one_name_takes_the_first_column_and_no_name_all() {
    let x = "print x = dynamic([3,1,2])";
    assert_eq!(columns(&format!("{x} | extend m = series_stats(x)")), "x:dynamic m:real");
    assert_eq!(columns(&format!("{x} | project (a, b) = series_fft(x)")), "a:dynamic b:dynamic");
    assert_eq!(
        columns(&format!("{x} | extend series_fft(x)")),
        "x:dynamic series_fft_x_real:dynamic series_fft_x_imag:dynamic"
    );
    assert_eq!(columns(&format!("{x} | project (a) = series_fft(x)")), "a:dynamic");
    assert_eq!(
        columns(&format!("{x} | project (r, s) = series_fit_line(x)")),
        "r:real s:real series_fit_line_x_variance:real series_fit_line_x_rvariance:real series_fit_line_x_interception:real series_fit_line_x_line_fit:dynamic"
    );
    assert_eq!(
        columns("print series_fft(series_abs(dynamic([1])))"),
        "series_fft__real:dynamic series_fft__imag:dynamic"
    );
    assert_eq!(rows(&format!("{x} | where series_stats(x) == 1 | count")), "1");
}

#[test]
fn a_line_is_fitted_from_the_first_point_at_one() {
    let y = "print y = dynamic([2,5,6,8,11,15,17,18,25,26,30,30])";
    assert_eq!(
        rows(&format!(
            "{y} | extend (r, s, v, rv, i, l) = series_fit_line(y) | project round(r, 3), round(s, 3), round(v, 3), round(rv, 3), round(i, 3), round(toreal(l[0]), 3)"
        )),
        "0.983 | 2.731 | 98.629 | 1.686 | -1.667 | 1.064"
    );
    assert_eq!(rows(&format!("{y} | project round(toreal(series_fit_line_dynamic(y).slope), 3)")), "2.731");
    let by_poly = "extend series_fit_poly(y) | project round(toreal(series_fit_poly_y_coefficients[0]), 3), round(toreal(series_fit_poly_y_coefficients[1]), 3), round(series_fit_poly_y_rsquare, 3)";
    assert_eq!(rows(&format!("{y} | {by_poly}")), "2.731 | -1.667 | 0.983");
}

#[test]
fn a_polynomial_comes_back_highest_power_first() {
    // 2x³ - 5x + 7 at uneven places.
    let query = "print x = dynamic([-3.0,-1.5,0,0.5,1,2,4,9]), cubes = dynamic([-27.0,-3.375,0,0.125,1,8,64,729])
        | extend y = series_add(series_subtract(series_multiply(2, cubes), series_multiply(5, x)), 7)
        | extend (r, c) = series_fit_poly(y, x, 3) | mv-expand c | project abs(round(toreal(c), 6)), r > 0.999999";
    assert_eq!(rows(query), "2.0 | true\n0.0 | true\n5.0 | true\n7.0 | true");
    assert_eq!(rows("print y = dynamic([1,2]) | extend r = series_fit_poly(y, dynamic(null), 5)"), "[1,2] | null");
}

#[test]
fn two_lines_meet_where_the_trend_changes() {
    let query = "print y = dynamic([1,2,3,4,5,16,14,12,10]) | extend (r, split) = series_fit_2lines(y), bag = series_fit_2lines_dynamic(y)
        | project round(r, 9), split, round(toreal(bag.right.slope), 9), round(toreal(bag.left.slope), 9), array_length(bag.line_fit)";
    assert_eq!(rows(query), "1.0 | 5 | -2.0 | 1.0 | 9");
}

/// Twice a day for a month: weeks of 14 points.
const TRAFFIC: &str = "print y = dynamic([80,139,87,110,68,54,50,51,53,133,86,141,97,156,94,149,95,140,77,61,50,54,47,133,72,152,94,148,105,162,101,160,87,63,53,55,54,151,103,189,108,183,113,175,113,178,90,71,62,62,65,165,109,181,115,182,121,178,114,170])";

#[test]
fn a_week_is_found_in_a_month() {
    assert_eq!(
        rows(&format!(
            "{TRAFFIC} | extend (p, s) = series_periods_detect(y, 0.0, 50.0, 2) | project p, round(toreal(s[0]), 2), s[1]"
        )),
        "[14.0,0.0] | 0.84 | 0.0"
    );
    assert_eq!(
        rows(&format!(
            "{TRAFFIC} | extend (p, s) = series_periods_validate(y, 14.0, 10.0) | project p, round(toreal(s[0]), 2), s[1]"
        )),
        "[14.0,10.0] | 0.84 | 0.0"
    );
}

#[test]
fn a_season_is_the_median_of_each_phase() {
    is(
        "series_seasonal(dynamic([2,5,3,4,3,2,1,2,3,4,3,2,1,2,3,4,3,2,1,2,3,4,3,2,1]))",
        "[1.0,2.0,3.0,4.0,3.0,2.0,1.0,2.0,3.0,4.0,3.0,2.0,1.0,2.0,3.0,4.0,3.0,2.0,1.0,2.0,3.0,4.0,3.0,2.0,1.0]",
    );
    is("series_seasonal(dynamic([8,12,14,12,10,10,12,14,12,10,10,12,14,12,10,10,12,14,12,10]))[0]", "10.0");
    is("series_seasonal(dynamic([1,3,5,2,4,6,1,3,5,2,4,6]))", "[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0]");
    is("series_seasonal(dynamic([1,3,5,1,3,5,2,4,6]), 3)", "[1.0,3.0,5.0,1.0,3.0,5.0,1.0,3.0,5.0]");
    is("series_seasonal(dynamic([1,3,5,2,4,6,1,3,5,2,4,6]), 3)[1]", "3.5");
}

#[test]
fn scores_count_ranges_beyond_the_usual() {
    // Ten values: the 10th percentile is 0.9, the 90th 8.1.
    is("series_outliers(dynamic([0,1,2,3,4,5,6,7,8,9]))[5]", "0.0");
    is("round(toreal(series_outliers(dynamic([0,1,2,3,4,5,6,7,8,9]))[9]), 6)", "0.125");
    is("round(toreal(series_outliers(dynamic([0,1,2,3,4,5,6,7,8,9]), 'tukey')[0]), 6)", "-0.5");
    is("series_outliers(dynamic([1,null,90]), 'ctukey', 90)", "[0.0,0.0,0.0]");
    is("series_outliers(dynamic([1]), 'grubbs')", "null");
}

#[test]
fn season_and_trend_make_the_baseline() {
    let x = "print x = dynamic([1,3,5,1,3,5,2,4,6])";
    assert_eq!(
        rows(&format!("{x} | project series_decompose(x, 3, 'none')")),
        "[1.0,3.0,5.0,1.0,3.0,5.0,1.0,3.0,5.0] | [1.0,3.0,5.0,1.0,3.0,5.0,1.0,3.0,5.0] | [0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0] | [0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,1.0]"
    );
    assert_eq!(
        rows(
            "print x = dynamic([1,2,3,4,0,0]) | extend f = series_decompose_forecast(x, 2, 0, 'linefit') | mv-expand f | project round(toreal(f), 9)"
        ),
        "1.0\n2.0\n3.0\n4.0\n5.0\n6.0"
    );
}

#[test]
fn anomalies_are_flagged_up_and_down() {
    let query = "print x = dynamic([10,11,10,9,10,11,60,10,9,10,11,10,-40,10,9,11,10,10,11,9])
        | extend series_decompose_anomalies(x) | project series_decompose_anomalies_x_ad_flag, array_length(series_decompose_anomalies_x_baseline)";
    assert_eq!(rows(query), "[0,0,0,0,0,0,1,0,0,0,0,0,-1,0,0,0,0,0,0,0] | 20");
    let higher = query.replace("anomalies(x)", "anomalies(x, 100)");
    assert!(rows(&higher).starts_with("[0,0,0,0,0,0,0,0"));
}

#[test]
fn series_of_several_rows_each_have_their_own_answer() {
    assert_eq!(
        rows(
            "datatable(y: dynamic)[dynamic([1,2,3]), dynamic(null), 'x', dynamic([5,5])] | extend (r, s) = series_fit_line(y) | project s"
        ),
        "1.0\nnull\nnull\n0.0"
    );
}

#[test]
fn what_is_no_array_is_refused_at_its_place() {
    assert_eq!(refusal("print series_abs('x')"), "KQL120 `series` of `series_abs` is an array, but `'x'` is string");
    assert_eq!(
        refusal("print series_fir(dynamic([1]), 5)"),
        "KQL120 `filter` of `series_fir` is an array, but `5` is long"
    );
    assert_eq!(
        refusal("print x = dynamic([1]) | extend (a, b, c) = series_fft(x)"),
        "KQL143 there is no column for `c`: the function gives 2"
    );
}
