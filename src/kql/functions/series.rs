//! Series: arrays of numbers, as `make-series` makes them. Some functions give several columns; `columns` names them.

use super::{
    Function, FunctionKind, Gives, Parameter, ResultName, Takes, Type, any, args, dynamic, entry, function, keeps_name,
    long, number, string, takes,
};

const D: Type = Type::Dynamic;
const R: Type = Type::Real;
const L: Type = Type::Long;
const SERIES: Parameter = dynamic("series");
/// The two sides of an operation on elements; a number stands for an array of it.
const PAIR: &[Parameter] = args![dynamic("series1"), dynamic("series2")];
const ONE: &[Parameter] = args![SERIES];
const PERIOD: Parameter = long("period").optional();
const TREND: Parameter = string("trend").optional();
const TEST_POINTS: Parameter = long("test_points").optional();
const SEASONALITY: Parameter = number("seasonality_threshold").optional();
const COMPLEX: &[Parameter] = args![SERIES, dynamic("series_imaginary").optional()];
const FINITE: &[Parameter] = args![SERIES, takes("ignore_nonfinite", Takes::Type(Type::Bool)).optional()];

/// The columns of a function that gives several: each is an element of the array that the engine answers with.
pub fn columns(function: &Function) -> Option<&'static [(&'static str, Type)]> {
    Some(match function.name {
        "series_stats" => {
            &[("min", R), ("min_idx", L), ("max", R), ("max_idx", L), ("avg", R), ("stdev", R), ("variance", R)]
        }
        "series_fit_line" => {
            &[("rsquare", R), ("slope", R), ("variance", R), ("rvariance", R), ("interception", R), ("line_fit", D)]
        }
        "series_fit_2lines" => &[
            ("rsquare", R),
            ("split_idx", L),
            ("variance", R),
            ("rvariance", R),
            ("line_fit", D),
            ("right_rsquare", R),
            ("right_slope", R),
            ("right_interception", R),
            ("right_variance", R),
            ("right_rvariance", R),
            ("left_rsquare", R),
            ("left_slope", R),
            ("left_interception", R),
            ("left_variance", R),
            ("left_rvariance", R),
        ],
        "series_fit_poly" => &[("rsquare", R), ("coefficients", D), ("variance", R), ("rvariance", R), ("poly_fit", D)],
        "series_fft" | "series_ifft" => &[("real", D), ("imag", D)],
        "series_periods_detect" | "series_periods_validate" => &[("periods", D), ("scores", D)],
        "series_decompose" | "series_decompose_forecast" => {
            &[("baseline", D), ("seasonal", D), ("trend", D), ("residual", D)]
        }
        "series_decompose_anomalies" => &[("ad_flag", D), ("ad_score", D), ("baseline", D)],
        _ => return None,
    })
}

/// Another array of the same length, a column without a name of its own.
const fn mapped(
    name: &'static str,
    parameters: &'static [Parameter],
    summary: &'static str,
    example: &'static str,
) -> Function {
    function(name, parameters, D, summary, example)
}

/// An array that keeps its column's name.
const fn kept(
    name: &'static str,
    parameters: &'static [Parameter],
    summary: &'static str,
    example: &'static str,
) -> Function {
    keeps_name(name, parameters, Gives::Type(D), summary, example)
}

/// Several columns, `name_series_column` each.
const fn several(
    name: &'static str,
    parameters: &'static [Parameter],
    summary: &'static str,
    example: &'static str,
) -> Function {
    entry(FunctionKind::Scalar, name, parameters, Gives::Type(D), ResultName::None, summary, example)
}

pub static ALL: &[Function] = &[
    mapped(
        "series_add",
        PAIR,
        "The sums of elements at the same place; null where one is missing.",
        "print series_add(dynamic([1,2]), dynamic([3,4]))",
    ),
    mapped(
        "series_subtract",
        PAIR,
        "The differences of elements at the same place.",
        "print series_subtract(dynamic([5,6]), dynamic([1,2]))",
    ),
    mapped(
        "series_multiply",
        PAIR,
        "The products of elements at the same place; a number multiplies each.",
        "print series_multiply(10, dynamic([1,2]))",
    ),
    mapped(
        "series_divide",
        PAIR,
        "The quotients of elements at the same place, as reals.",
        "print series_divide(dynamic([1,2]), dynamic([4,2]))",
    ),
    mapped(
        "series_pow",
        PAIR,
        "The elements of the first to the power of those of the second.",
        "print series_pow(dynamic([2,3]), dynamic([3,2]))",
    ),
    mapped(
        "series_greater",
        PAIR,
        "Whether elements are greater than those at the same place.",
        "print series_greater(dynamic([1,5]), dynamic([4,2]))",
    ),
    mapped(
        "series_greater_equals",
        PAIR,
        "Whether elements are at least those at the same place.",
        "print series_greater_equals(dynamic([1,5]), dynamic([1,7]))",
    ),
    mapped(
        "series_less",
        PAIR,
        "Whether elements are less than those at the same place.",
        "print series_less(dynamic([1,5]), dynamic([4,2]))",
    ),
    mapped(
        "series_less_equals",
        PAIR,
        "Whether elements are at most those at the same place.",
        "print series_less_equals(dynamic([1,5]), dynamic([1,2]))",
    ),
    mapped(
        "series_equals",
        PAIR,
        "Whether elements equal those at the same place.",
        "print series_equals(dynamic([1,5]), dynamic([1,2]))",
    ),
    mapped(
        "series_not_equals",
        PAIR,
        "Whether elements differ from those at the same place.",
        "print series_not_equals(dynamic([1,5]), dynamic([1,2]))",
    ),
    mapped("series_abs", ONE, "The absolute values.", "print series_abs(dynamic([-6.5, 8.2]))"),
    mapped(
        "series_ceiling",
        ONE,
        "The least whole numbers not below the elements.",
        "print series_ceiling(dynamic([-1.5, 2.5]))",
    ),
    mapped(
        "series_floor",
        ONE,
        "The greatest whole numbers not above the elements.",
        "print series_floor(dynamic([-1.5, 2.5]))",
    ),
    mapped("series_exp", ONE, "e to the power of the elements.", "print series_exp(dynamic([0, 1]))"),
    mapped("series_log", ONE, "The natural logarithms.", "print series_log(dynamic([1, 2]))"),
    mapped(
        "series_sign",
        ONE,
        "-1, 0 or 1, as elements are negative, 0 or positive.",
        "print series_sign(dynamic([-6, 0, 8]))",
    ),
    mapped("series_sin", ONE, "The sines.", "print series_sin(dynamic([0, 1]))"),
    mapped("series_cos", ONE, "The cosines.", "print series_cos(dynamic([0, 1]))"),
    mapped("series_tan", ONE, "The tangents.", "print series_tan(dynamic([0, 1]))"),
    mapped("series_asin", ONE, "The arc sines.", "print series_asin(dynamic([0, 1]))"),
    mapped("series_acos", ONE, "The arc cosines.", "print series_acos(dynamic([0, 1]))"),
    mapped("series_atan", ONE, "The arc tangents.", "print series_atan(dynamic([0, 1]))"),
    function("series_sum", ONE, R, "The sum of the elements.", "print series_sum(dynamic([1,2,3]))"),
    function("series_product", ONE, R, "The product of the elements.", "print series_product(dynamic([1,2,3]))"),
    function(
        "series_magnitude",
        ONE,
        R,
        "The length of the vector: the root of the sum of squares.",
        "print series_magnitude(dynamic([3,4]))",
    ),
    function(
        "series_dot_product",
        PAIR,
        R,
        "The sum of the products of elements at the same place.",
        "print series_dot_product(dynamic([1,2]), dynamic([3,4]))",
    ),
    function(
        "series_cosine_similarity",
        PAIR,
        R,
        "The cosine of the angle between two vectors.",
        "print series_cosine_similarity(dynamic([1,2]), dynamic([2,4]))",
    ),
    function(
        "series_pearson_correlation",
        PAIR,
        R,
        "Pearson's correlation of two series of one length, -1 to 1.",
        "print series_pearson_correlation(dynamic([1,2,3]), dynamic([2,4,6]))",
    ),
    kept(
        "series_fill_const",
        args![SERIES, any("constant_value").optional(), any("missing_value_placeholder").optional()],
        "Missing elements as a constant.",
        "print series_fill_const(dynamic([1,null,3]), 0)",
    ),
    kept(
        "series_fill_forward",
        args![SERIES, any("missing_value_placeholder").optional()],
        "Missing elements as the last one before them.",
        "print series_fill_forward(dynamic([1,null,3]))",
    ),
    kept(
        "series_fill_backward",
        args![SERIES, any("missing_value_placeholder").optional()],
        "Missing elements as the next one after them.",
        "print series_fill_backward(dynamic([1,null,3]))",
    ),
    kept(
        "series_fill_linear",
        args![
            SERIES,
            any("missing_value_placeholder").optional(),
            takes("fill_edges", Takes::Type(Type::Bool)).optional(),
            any("constant_value").optional()
        ],
        "Missing elements on the line between those around them.",
        "print series_fill_linear(dynamic([1,null,3]))",
    ),
    kept(
        "series_fir",
        args![
            SERIES,
            dynamic("filter"),
            takes("normalize", Takes::Type(Type::Bool)).optional(),
            takes("center", Takes::Type(Type::Bool)).optional()
        ],
        "A finite impulse response filter: moving averages, differences.",
        "print series_fir(dynamic([1,2,3,4]), dynamic([1,1]))",
    ),
    kept(
        "series_iir",
        args![SERIES, dynamic("numerators"), dynamic("denominators")],
        "An infinite impulse response filter: cumulative sums, smoothing.",
        "print series_iir(dynamic([1,2,3]), dynamic([1]), dynamic([1,-1]))",
    ),
    several(
        "series_fft",
        COMPLEX,
        "The Fourier transform of a series, real and imaginary part.",
        "print series_fft(dynamic([1,0,0,0]))",
    ),
    several("series_ifft", COMPLEX, "The inverse Fourier transform.", "print series_ifft(dynamic([1,1,1,1]))"),
    several(
        "series_stats",
        FINITE,
        "Least, greatest and where, mean, standard deviation, variance.",
        "print x = dynamic([1,5,3]) | project series_stats(x)",
    ),
    mapped(
        "series_stats_dynamic",
        FINITE,
        "A bag of statistics: min, max, avg, stdev, variance, sum, len.",
        "print series_stats_dynamic(dynamic([1,5,3]))",
    ),
    several(
        "series_fit_line",
        ONE,
        "The straight line that fits best, and how well.",
        "print x = dynamic([2,5,6,8]) | extend (rsquare, slope) = series_fit_line(x)",
    ),
    mapped(
        "series_fit_line_dynamic",
        ONE,
        "The straight line that fits best, as a bag.",
        "print series_fit_line_dynamic(dynamic([2,5,6,8])).slope",
    ),
    several(
        "series_fit_2lines",
        ONE,
        "The two lines that fit best, and where one ends: a change of trend.",
        "print x = dynamic([1,2,3,9,7,5]) | extend (rsquare, split) = series_fit_2lines(x)",
    ),
    mapped(
        "series_fit_2lines_dynamic",
        ONE,
        "The two lines that fit best, as a bag.",
        "print series_fit_2lines_dynamic(dynamic([1,2,3,9,7,5])).split_idx",
    ),
    several(
        "series_fit_poly",
        args![dynamic("y_series"), dynamic("x_series").optional(), long("degree").optional()],
        "The polynomial of a degree that fits best.",
        "print y = dynamic([1,4,9,16]) | extend (rsquare, coefficients) = series_fit_poly(y, dynamic(null), 2)",
    ),
    kept(
        "series_outliers",
        args![
            SERIES,
            string("kind").optional(),
            number("ignore_val").optional(),
            number("min_percentile").optional(),
            number("max_percentile").optional(),
            TEST_POINTS
        ],
        "How far elements lie outside the usual range; beyond 1.5 or below -1.5 is an anomaly.",
        "print series_outliers(dynamic([1,2,3,2,1,2,3,90,2,1]))",
    ),
    several(
        "series_periods_detect",
        args![SERIES, number("min_period"), number("max_period"), long("num_periods")],
        "The most significant periods of a series and their scores, 0 to 1.",
        "print x = dynamic([1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4]) | project series_periods_detect(x, 2, 8, 1)",
    ),
    several(
        "series_periods_validate",
        args![SERIES, number("period").repeats()],
        "How well a series repeats after given periods, 0 to 1.",
        "print x = dynamic([1,2,3,4,1,2,3,4,1,2,3,4,1,2,3,4]) | project series_periods_validate(x, 4, 5)",
    ),
    mapped(
        "series_seasonal",
        args![SERIES, PERIOD, TEST_POINTS],
        "The part of a series that repeats.",
        "print series_seasonal(dynamic([1,3,5,1,3,5,2,4,6]), 3)",
    ),
    several(
        "series_decompose",
        args![SERIES, PERIOD, TREND, TEST_POINTS, SEASONALITY],
        "A series as season, trend and what is left.",
        "print x = dynamic([1,3,5,1,3,5,2,4,6]) | extend (baseline, seasonal) = series_decompose(x, 3)",
    ),
    several(
        "series_decompose_anomalies",
        args![
            SERIES,
            number("threshold").optional(),
            PERIOD,
            TREND,
            TEST_POINTS,
            string("method").optional(),
            SEASONALITY
        ],
        "Points that season and trend do not explain: 1 above, -1 below, 0 usual.",
        "print x = dynamic([1,2,1,2,1,2,1,2,90,2,1,2]) | extend (flag, score) = series_decompose_anomalies(x)",
    ),
    several(
        "series_decompose_forecast",
        args![SERIES, long("points"), PERIOD, TREND, SEASONALITY],
        "The last points as season and trend of those before foretell them.",
        "print x = dynamic([1,2,3,4,0,0]) | extend forecast = series_decompose_forecast(x, 2, 0, 'linefit')",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_several_columns_answer_with_an_array() {
        let several: Vec<_> = ALL.iter().filter(|f| columns(f).is_some()).collect();
        assert_eq!(several.len(), 11);
        assert!(several.iter().all(|f| f.gives == Gives::Type(D) && f.result_name == ResultName::None));
    }
}
