//! Window functions: over serialized rows only.

use super::{
    Function, FunctionKind, Gives, Parameter, ResultName, Takes, Type, any, args, entry, long, named, predicate,
    summable, takes,
};

const fn window(
    name: &'static str,
    parameters: &'static [Parameter],
    gives: Gives,
    summary: &'static str,
    example: &'static str,
) -> Function {
    entry(FunctionKind::Window, name, parameters, gives, ResultName::None, summary, example)
}

named! {
    PREV = window("prev", args![any("column"), long("offset").optional().constant(), any("default").optional()], Gives::Argument(0), "The value of a row before this one.", "range x from 1 to 3 step 1 | serialize before = prev(x)");
    NEXT = window("next", args![any("column"), long("offset").optional().constant(), any("default").optional()], Gives::Argument(0), "The value of a row after this one.", "range x from 1 to 3 step 1 | serialize after = next(x)");
    ROW_NUMBER = window("row_number", args![long("start").optional().constant(), predicate("restart").optional()], Gives::Type(Type::Long), "The row's number, from 1; begins again where restart is true.", "range x from 5 to 7 step 1 | serialize n = row_number()");
    ROW_CUMSUM = window("row_cumsum", args![summable("term"), predicate("restart").optional()], Gives::Argument(0), "The sum of the term up to this row; begins again where restart is true.", "range x from 1 to 3 step 1 | serialize total = row_cumsum(x)");
    ROW_RANK_DENSE = window("row_rank_dense", args![any("term"), predicate("restart").optional()], Gives::Type(Type::Long), "The number of distinct terms up to this row.", "range x from 1 to 3 step 1 | sort by x | extend r = row_rank_dense(x)");
    ROW_RANK_MIN = window("row_rank_min", args![any("term"), predicate("restart").optional()], Gives::Type(Type::Long), "The number of the first row with this term.", "range x from 1 to 3 step 1 | sort by x | extend r = row_rank_min(x)");
    ROW_WINDOW_SESSION = window("row_window_session", args![takes("time", Takes::Type(Type::DateTime)), takes("longest", Takes::Type(Type::TimeSpan)).constant(), takes("gap", Takes::Type(Type::TimeSpan)).constant(), predicate("restart").optional()], Gives::Type(Type::DateTime), "When the session that this row is in began.", "datatable(t:datetime)[datetime(2026-01-01)] | sort by t asc | extend s = row_window_session(t, 1h, 5m)");
}
