//! Aggregates. `arg_max(x, *)` stands in the plan as one call a column that it gives; `percentiles` as one `percentile` each.

use super::{
    Function, FunctionKind, Gives, Parameter, ResultName, Takes, Type, any, args, dynamic, entry, long, named,
    predicate, real, summable, takes,
};

const fn aggregate(
    name: &'static str,
    prefix: &'static str,
    parameters: &'static [Parameter],
    gives: Gives,
    summary: &'static str,
    example: &'static str,
) -> Function {
    entry(FunctionKind::Aggregate, name, parameters, gives, ResultName::Prefix(prefix), summary, example)
}

const LONG: Gives = Gives::Type(Type::Long);
const REAL: Gives = Gives::Type(Type::Real);
const DYNAMIC: Gives = Gives::Type(Type::Dynamic);
const LIMIT: Parameter = long("limit").optional().constant();
const ACCURACY: Parameter = long("accuracy").optional().constant();
const COMPARED: Parameter = takes("value", Takes::Ordered);

named! {
    COUNT = aggregate("count", "count", args![any("ignored").optional()], LONG, "The number of rows.", "range x from 1 to 3 step 1 | summarize count()");
    COUNTIF = aggregate("countif", "countif", args![predicate("predicate")], LONG, "The number of rows for which the predicate is true.", "range x from 1 to 3 step 1 | summarize countif(x > 1)");
    DCOUNT = aggregate("dcount", "dcount", args![any("value"), ACCURACY], LONG, "The number of distinct values; exact while they are few.", "range x from 1 to 3 step 1 | summarize dcount(x)");
    DCOUNTIF = aggregate("dcountif", "dcountif", args![any("value"), predicate("predicate"), ACCURACY], LONG, "The number of distinct values where the predicate is true.", "range x from 1 to 3 step 1 | summarize dcountif(x, x > 1)");
    COUNT_DISTINCT = aggregate("count_distinct", "count_distinct", args![any("value")], LONG, "The exact number of distinct values.", "range x from 1 to 3 step 1 | summarize count_distinct(x)");
    COUNT_DISTINCTIF = aggregate("count_distinctif", "count_distinctif", args![any("value"), predicate("predicate")], LONG, "The exact number of distinct values where the predicate is true.", "range x from 1 to 3 step 1 | summarize count_distinctif(x, x > 1)");
    SUM = aggregate("sum", "sum", args![summable("value")], Gives::Special, "The sum; 0 of no rows.", "range x from 1 to 3 step 1 | summarize sum(x)");
    SUMIF = aggregate("sumif", "sumif", args![summable("value"), predicate("predicate")], Gives::Special, "The sum where the predicate is true.", "range x from 1 to 3 step 1 | summarize sumif(x, x > 1)");
    AVG = aggregate("avg", "avg", args![summable("value")], Gives::Special, "The mean; nulls do not count.", "range x from 1 to 3 step 1 | summarize avg(x)");
    AVGIF = aggregate("avgif", "avgif", args![summable("value"), predicate("predicate")], Gives::Special, "The mean where the predicate is true.", "range x from 1 to 3 step 1 | summarize avgif(x, x > 1)");
    MIN = aggregate("min", "min", args![COMPARED], Gives::Argument(0), "The least value.", "range x from 1 to 3 step 1 | summarize min(x)");
    MAX = aggregate("max", "max", args![COMPARED], Gives::Argument(0), "The greatest value.", "range x from 1 to 3 step 1 | summarize max(x)");
    MINIF = aggregate("minif", "minif", args![COMPARED, predicate("predicate")], Gives::Argument(0), "The least value where the predicate is true.", "range x from 1 to 3 step 1 | summarize minif(x, x > 1)");
    MAXIF = aggregate("maxif", "maxif", args![COMPARED, predicate("predicate")], Gives::Argument(0), "The greatest value where the predicate is true.", "range x from 1 to 3 step 1 | summarize maxif(x, x < 3)");
    ARG_MAX = aggregate("arg_max", "max", args![COMPARED, any("value").optional().repeats()], Gives::Argument(1), "The row in which a value is greatest: the named columns of it, or all with *.", "range x from 1 to 3 step 1 | summarize arg_max(x, *)");
    ARG_MIN = aggregate("arg_min", "min", args![COMPARED, any("value").optional().repeats()], Gives::Argument(1), "The row in which a value is least: the named columns of it, or all with *.", "range x from 1 to 3 step 1 | summarize arg_min(x, *)");
    MAKE_SET = aggregate("make_set", "set", args![any("value"), LIMIT], DYNAMIC, "An array of the distinct values.", "range x from 1 to 3 step 1 | summarize make_set(x)");
    MAKE_SET_IF = aggregate("make_set_if", "set", args![any("value"), predicate("predicate"), LIMIT], DYNAMIC, "An array of the distinct values where the predicate is true.", "range x from 1 to 3 step 1 | summarize make_set_if(x, x > 1)");
    MAKE_LIST = aggregate("make_list", "list", args![any("value"), LIMIT], DYNAMIC, "An array of all values; nulls are left out.", "range x from 1 to 3 step 1 | summarize make_list(x)");
    MAKE_LIST_IF = aggregate("make_list_if", "list", args![any("value"), predicate("predicate"), LIMIT], DYNAMIC, "An array of all values where the predicate is true.", "range x from 1 to 3 step 1 | summarize make_list_if(x, x > 1)");
    MAKE_LIST_WITH_NULLS = aggregate("make_list_with_nulls", "list", args![any("value")], DYNAMIC, "An array of all values, nulls too.", "range x from 1 to 3 step 1 | summarize make_list_with_nulls(x)");
    MAKE_BAG = aggregate("make_bag", "bag", args![dynamic("bag"), LIMIT], DYNAMIC, "One bag of all bags; the first value of a key stays.", "print b = bag_pack('a', 1) | summarize make_bag(b)");
    MAKE_BAG_IF = aggregate("make_bag_if", "bag", args![dynamic("bag"), predicate("predicate"), LIMIT], DYNAMIC, "One bag of the bags where the predicate is true.", "print b = bag_pack('a', 1) | summarize make_bag_if(b, true)");
    TAKE_ANY = entry(FunctionKind::Aggregate, "take_any", args![any("value").repeats()], Gives::Argument(0), ResultName::FirstArgument, "The value of some row, one that is not null where there is one.", "range x from 1 to 3 step 1 | summarize take_any(x)");
    TAKE_ANYIF = entry(FunctionKind::Aggregate, "take_anyif", args![any("value"), predicate("predicate")], Gives::Argument(0), ResultName::FirstArgument, "The value of some row for which the predicate is true.", "range x from 1 to 3 step 1 | summarize take_anyif(x, x > 1)");
    PERCENTILE = aggregate("percentile", "percentile", args![summable("value"), real("percent").constant()], Gives::Argument(0), "The value below which so many percent lie (nearest rank).", "range x from 1 to 100 step 1 | summarize percentile(x, 95)");
    PERCENTILES = aggregate("percentiles", "percentile", args![summable("value"), real("percent").constant().repeats()], Gives::Argument(0), "Several percentiles, a column each.", "range x from 1 to 100 step 1 | summarize percentiles(x, 5, 95)");
    STDEV = aggregate("stdev", "stdev", args![summable("value")], REAL, "The standard deviation of a sample.", "range x from 1 to 3 step 1 | summarize stdev(x)");
    STDEVIF = aggregate("stdevif", "stdevif", args![summable("value"), predicate("predicate")], REAL, "The standard deviation where the predicate is true.", "range x from 1 to 3 step 1 | summarize stdevif(x, x > 1)");
    STDEVP = aggregate("stdevp", "stdevp", args![summable("value")], REAL, "The standard deviation of a whole population.", "range x from 1 to 3 step 1 | summarize stdevp(x)");
    VARIANCE = aggregate("variance", "variance", args![summable("value")], REAL, "The variance of a sample.", "range x from 1 to 3 step 1 | summarize variance(x)");
    VARIANCEIF = aggregate("varianceif", "varianceif", args![summable("value"), predicate("predicate")], REAL, "The variance where the predicate is true.", "range x from 1 to 3 step 1 | summarize varianceif(x, x > 1)");
    VARIANCEP = aggregate("variancep", "variancep", args![summable("value")], REAL, "The variance of a whole population.", "range x from 1 to 3 step 1 | summarize variancep(x)");
    PERCENTILEW = aggregate("percentilew", "percentile", args![summable("value"), long("weight"), real("percent").constant()], Gives::Argument(0), "The percentile of values that stand for so many each.", "range x from 1 to 100 step 1 | summarize percentilew(x, x, 50)");
    PERCENTILESW = aggregate("percentilesw", "percentile", args![summable("value"), long("weight"), real("percent").constant().repeats()], Gives::Argument(0), "Several percentiles of values with weights, a column each.", "range x from 1 to 100 step 1 | summarize percentilesw(x, x, 5, 95)");
    PERCENTILES_ARRAY = aggregate("percentiles_array", "percentiles", args![summable("value"), any("percents").constant().repeats()], DYNAMIC, "Several percentiles as one array.", "range x from 1 to 100 step 1 | summarize percentiles_array(x, 5, 50, 95)");
    PERCENTILESW_ARRAY = aggregate("percentilesw_array", "percentiles", args![summable("value"), long("weight"), any("percents").constant().repeats()], DYNAMIC, "Several percentiles of values with weights as one array.", "range x from 1 to 100 step 1 | summarize percentilesw_array(x, x, dynamic([5, 95]))");
    VARIANCEPIF = aggregate("variancepif", "variancepif", args![summable("value"), predicate("predicate")], REAL, "The variance of a whole population where the predicate is true.", "range x from 1 to 3 step 1 | summarize variancepif(x, x > 1)");
    COVARIANCE = aggregate("covariance", "covariance", args![real("value"), real("other")], REAL, "The covariance of a sample.", "range x from 1 to 3 step 1 | summarize covariance(x, x * x)");
    COVARIANCEIF = aggregate("covarianceif", "covarianceif", args![real("value"), real("other"), predicate("predicate")], REAL, "The covariance of a sample where the predicate is true.", "range x from 1 to 9 step 1 | summarize covarianceif(x, x * x, x > 3)");
    COVARIANCEP = aggregate("covariancep", "covariancep", args![real("value"), real("other")], REAL, "The covariance of a whole population.", "range x from 1 to 3 step 1 | summarize covariancep(x, x * x)");
    COVARIANCEPIF = aggregate("covariancepif", "covariancepif", args![real("value"), real("other"), predicate("predicate")], REAL, "The covariance of a whole population where the predicate is true.", "range x from 1 to 9 step 1 | summarize covariancepif(x, x * x, x > 3)");
    BINARY_ALL_AND = entry(FunctionKind::Aggregate, "binary_all_and", args![long("value")], LONG, ResultName::FirstArgument, "The bits set in all values.", "range x from 5 to 7 step 2 | summarize binary_all_and(x)");
    BINARY_ALL_OR = entry(FunctionKind::Aggregate, "binary_all_or", args![long("value")], LONG, ResultName::FirstArgument, "The bits set in any value.", "range x from 1 to 3 step 1 | summarize binary_all_or(x)");
    BINARY_ALL_XOR = entry(FunctionKind::Aggregate, "binary_all_xor", args![long("value")], LONG, ResultName::FirstArgument, "The bits set in an odd number of values.", "range x from 1 to 3 step 1 | summarize binary_all_xor(x)");
    BUILDSCHEMA = aggregate("buildschema", "schema", args![dynamic("value")], DYNAMIC, "The smallest schema that admits every value.", "print d = dynamic({'a':1}) | summarize buildschema(d)");
    HLL = aggregate("hll", "hll", args![any("value"), long("accuracy").optional().constant()], DYNAMIC, "A sketch of the distinct values, to be merged and counted later.", "range x from 1 to 9 step 1 | summarize s = hll(x) | project dcount_hll(s)");
    HLL_IF = aggregate("hll_if", "hll_if", args![any("value"), predicate("predicate"), long("accuracy").optional().constant()], DYNAMIC, "A sketch of the distinct values where the predicate is true.", "range x from 1 to 9 step 1 | summarize s = hll_if(x, x > 3) | project dcount_hll(s)");
    HLL_MERGE = aggregate("hll_merge", "hll_merge", args![dynamic("sketch")], DYNAMIC, "One sketch of all.", "range x from 1 to 9 step 1 | summarize s = hll(x) by x % 3 | summarize hll_merge(s)");
    TDIGEST = aggregate("tdigest", "tdigest", args![summable("value"), long("weight").optional()], DYNAMIC, "A sketch of how values are spread, to be merged and asked for percentiles later.", "range x from 1 to 9 step 1 | summarize s = tdigest(x) | project percentile_tdigest(s, 50)");
    TDIGEST_MERGE = aggregate("tdigest_merge", "merge_tdigests", args![dynamic("sketch")], DYNAMIC, "One sketch of all.", "range x from 1 to 9 step 1 | summarize s = tdigest(x) by x % 3 | summarize tdigest_merge(s)");
}
