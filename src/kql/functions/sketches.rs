//! What is asked of the sketches that `hll` and `tdigest` give.

use super::{Function, FunctionKind, Gives, ResultName, Type, any, args, dynamic, entry, function};

const D: Type = Type::Dynamic;

pub static ALL: &[Function] = &[
    entry(
        FunctionKind::Scalar,
        "dcount_hll",
        args![dynamic("sketch")],
        Gives::Type(Type::Long),
        ResultName::Prefix("dcount_hll"),
        "The number of distinct values in a sketch.",
        "range x from 1 to 9 step 1 | summarize s = hll(x) | project dcount_hll(s)",
    ),
    function(
        "hll_isvalid",
        args![dynamic("value")],
        Type::Bool,
        "Is the value a sketch that hll gave?",
        "range x from 1 to 9 step 1 | summarize s = hll(x) | project hll_isvalid(s)",
    ),
    entry(
        FunctionKind::Scalar,
        "hll_merge",
        args![dynamic("sketch"), dynamic("sketch").repeats()],
        Gives::Type(D),
        ResultName::None,
        "One sketch of several.",
        "range x from 1 to 9 step 1 | summarize a = hll(x), b = hll(x + 3) | project dcount_hll(hll_merge(a, b))",
    ),
    function(
        "tdigest_isvalid",
        args![dynamic("value")],
        Type::Bool,
        "Is the value a sketch that tdigest gave?",
        "range x from 1 to 9 step 1 | summarize s = tdigest(x) | project tdigest_isvalid(s)",
    ),
    entry(
        FunctionKind::Scalar,
        "tdigest_merge",
        args![dynamic("sketch"), dynamic("sketch").repeats()],
        Gives::Type(D),
        ResultName::None,
        "One sketch of several.",
        "range x from 1 to 9 step 1 | summarize a = tdigest(x), b = tdigest(x + 3) | project percentile_tdigest(tdigest_merge(a, b), 50)",
    ),
    entry(
        FunctionKind::Scalar,
        "percentile_tdigest",
        args![dynamic("sketch"), any("percent"), any("type").optional()],
        Gives::Type(D),
        ResultName::Prefix("percentile_tdigest"),
        "A percentile of the values in a sketch; of the type typeof(…) where one is given.",
        "range x from 1 to 9 step 1 | summarize s = tdigest(x) | project percentile_tdigest(s, 50, typeof(long))",
    ),
    entry(
        FunctionKind::Scalar,
        "percentiles_array_tdigest",
        args![dynamic("sketch"), any("percent").repeats()],
        Gives::Type(D),
        ResultName::Prefix("percentile_tdigest"),
        "Several percentiles of the values in a sketch, as an array.",
        "range x from 1 to 9 step 1 | summarize s = tdigest(x) | project percentiles_array_tdigest(s, 25, 75)",
    ),
    function(
        "rank_tdigest",
        args![dynamic("sketch"), any("value")],
        Type::Real,
        "How many of the values in a sketch are not above one.",
        "range x from 1 to 9 step 1 | summarize s = tdigest(x) | project rank_tdigest(s, 4)",
    ),
    function(
        "percentrank_tdigest",
        args![dynamic("sketch"), any("value")],
        Type::Real,
        "What percentage of the values in a sketch is not above one.",
        "range x from 1 to 9 step 1 | summarize s = tdigest(x) | project percentrank_tdigest(s, 4)",
    ),
];
