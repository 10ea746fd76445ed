//! Choice, nulls, and what a value is.

use super::{Function, FunctionKind, Gives, ResultName, Type, any, args, common, entry, function, predicate};

const BOOL: Type = Type::Bool;

/// `case` alternates predicates and values: the binder checks it by hand.
pub static ALL: &[Function] = &[
    entry(
        FunctionKind::Scalar,
        "iff",
        args![predicate("predicate"), common("then"), common("else")],
        Gives::Common,
        ResultName::None,
        "One of two values; a null predicate counts as false.",
        "print iff(1 < 2, 'yes', 'no')",
    ),
    entry(
        FunctionKind::Scalar,
        "case",
        args![predicate("predicate"), any("then"), any("predicate, then, …, else").repeats()],
        Gives::Special,
        ResultName::None,
        "The value after the first predicate that is true, else the last.",
        "print case(1 > 2, 'a', 2 > 1, 'b', 'c')",
    ),
    entry(
        FunctionKind::Scalar,
        "coalesce",
        args![common("value"), common("value").repeats()],
        Gives::Common,
        ResultName::None,
        "The first value that is not null; for strings the first that is not empty.",
        "print coalesce(long(null), 2)",
    ),
    entry(
        FunctionKind::Scalar,
        "min_of",
        args![common("value"), common("value").repeats()],
        Gives::Common,
        ResultName::None,
        "The least of its arguments.",
        "print min_of(3, 1, 2)",
    ),
    entry(
        FunctionKind::Scalar,
        "max_of",
        args![common("value"), common("value").repeats()],
        Gives::Common,
        ResultName::None,
        "The greatest of its arguments.",
        "print max_of(3, 1, 2)",
    ),
    function("not", args![predicate("value")], BOOL, "True for false, false for true.", "print not(false)"),
    function("isnull", args![any("value")], BOOL, "Is it null? A string never is.", "print isnull(long(null))"),
    function("isnotnull", args![any("value")], BOOL, "Is it not null?", "print isnotnull(1)"),
    function("isempty", args![any("value")], BOOL, "Is it the empty string, or null?", "print isempty('')"),
    function("isnotempty", args![any("value")], BOOL, "Is it neither empty nor null?", "print isnotempty('a')"),
    entry(
        FunctionKind::Scalar,
        "gettype",
        args![any("value")],
        Gives::Type(Type::String),
        ResultName::Prefix("type"),
        "The name of the value's type; of a dynamic, of what it holds.",
        "print gettype(dynamic([1]))",
    ),
    entry(
        FunctionKind::Scalar,
        "ingestion_time",
        args![],
        Gives::Type(Type::DateTime),
        ResultName::Fixed("ingestion_time"),
        "When the row arrived; null where that is not known.",
        "OnePasswordEventLogs_CL | extend arrived = ingestion_time()",
    ),
    function(
        "around",
        args![any("value"), any("centre"), any("distance")],
        BOOL,
        "Is the value within a distance of a centre, both ends included?",
        "print around(5, 4, 1)",
    ),
    function(
        "assert",
        args![predicate("condition"), any("message")],
        BOOL,
        "True, or the query's error where the condition, a constant, does not hold.",
        "print assert(1 < 2, 'one is less than two')",
    ),
    function(
        "estimate_data_size",
        args![any("column").repeats()],
        Type::Long,
        "How many bytes the columns' values take.",
        "print a = 1, b = 'x' | extend bytes = estimate_data_size(*)",
    ),
];
