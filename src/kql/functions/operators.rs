//! Operators. `and`, `or` and `in` have shapes of their own in the plan; `==`, `in` and the string operators never give null but where both sides are.

use super::{
    Function, FunctionKind, Gives, ResultName, Takes, Type, any, args, common, dynamic, entry, named, string, takes,
};

const fn arithmetic(name: &'static str, summary: &'static str, example: &'static str) -> Function {
    let both = args![takes("left", Takes::Summable), takes("right", Takes::Summable)];
    entry(FunctionKind::Operator, name, both, Gives::Special, ResultName::None, summary, example)
}

const fn comparison(name: &'static str, summary: &'static str, example: &'static str) -> Function {
    let both = args![common("left"), common("right")];
    entry(FunctionKind::Operator, name, both, Gives::Type(Type::Bool), ResultName::None, summary, example)
}

const fn text(name: &'static str, summary: &'static str, example: &'static str) -> Function {
    let both = args![string("text"), string("what")];
    entry(FunctionKind::Operator, name, both, Gives::Type(Type::Bool), ResultName::None, summary, example)
}

const fn text_list(name: &'static str, summary: &'static str, example: &'static str) -> Function {
    let both = args![string("text"), dynamic("list")];
    entry(FunctionKind::Operator, name, both, Gives::Type(Type::Bool), ResultName::None, summary, example)
}

named! {
    ADD = arithmetic("+", "Adds; a timespan to a datetime too. long wraps.", "print now() + 1h");
    SUBTRACT = arithmetic("-", "Subtracts; two datetimes give a timespan.", "print now() - ago(1h)");
    MULTIPLY = arithmetic("*", "Multiplies; a timespan by a number too.", "print 2 * 1h");
    DIVIDE = arithmetic("/", "Divides; whole numbers truncate, by zero they give null; two timespans give a real.", "print 7 / 2");
    MODULO = arithmetic("%", "The remainder, never negative.", "print -7 % 3");
    NEGATE = entry(FunctionKind::Operator, "negate", args![takes("value", Takes::Summable)], Gives::Argument(0), ResultName::None, "The value with the other sign.", "print -(1h)");
    EQUAL = comparison("==", "Equal, case and all; false where one side is null.", "print 'a' == 'A'");
    NOT_EQUAL = comparison("!=", "Not equal; true where one side is null.", "print 1 != 2");
    LESS = comparison("<", "Less; null where a side is null.", "print 1 < 2");
    LESS_EQUAL = comparison("<=", "Less or equal; null where a side is null.", "print 1 <= 2");
    GREATER = comparison(">", "Greater; null where a side is null.", "print 1 > 2");
    GREATER_EQUAL = comparison(">=", "Greater or equal; null where a side is null.", "print 1 >= 2");
    BETWEEN = entry(FunctionKind::Operator, "between", args![common("value"), common("from"), common("to")], Gives::Type(Type::Bool), ResultName::None, "Between two bounds, both included.", "print 5 between (1 .. 10)");
    EQUAL_FOLDED = text("=~", "Equal, case ignored.", "print 'a' =~ 'A'");
    NOT_EQUAL_FOLDED = text("!~", "Not equal, case ignored.", "print 'a' !~ 'b'");
    HAS = text("has", "Contains the term, case ignored; a term is a whole run of letters and digits.", "print 'vault export' has 'export'");
    NOT_HAS = text("!has", "Does not contain the term.", "print 'vault export' !has 'exp'");
    HAS_CS = text("has_cs", "Contains the term, case and all.", "print 'Vault' has_cs 'Vault'");
    NOT_HAS_CS = text("!has_cs", "Does not contain the term, case and all.", "print 'Vault' !has_cs 'vault'");
    HASPREFIX = text("hasprefix", "A term begins so, case ignored.", "print 'vault export' hasprefix 'exp'");
    NOT_HASPREFIX = text("!hasprefix", "No term begins so, case ignored.", "print 'vault' !hasprefix 'x'");
    HASPREFIX_CS = text("hasprefix_cs", "A term begins so, case and all.", "print 'Vault' hasprefix_cs 'Va'");
    NOT_HASPREFIX_CS = text("!hasprefix_cs", "No term begins so, case and all.", "print 'Vault' !hasprefix_cs 'va'");
    HASSUFFIX = text("hassuffix", "A term ends so, case ignored.", "print 'vault export' hassuffix 'port'");
    NOT_HASSUFFIX = text("!hassuffix", "No term ends so, case ignored.", "print 'vault' !hassuffix 'x'");
    HASSUFFIX_CS = text("hassuffix_cs", "A term ends so, case and all.", "print 'Vault' hassuffix_cs 'lt'");
    NOT_HASSUFFIX_CS = text("!hassuffix_cs", "No term ends so, case and all.", "print 'Vault' !hassuffix_cs 'LT'");
    CONTAINS = text("contains", "Contains the text anywhere, case ignored.", "print 'Vault' contains 'aul'");
    NOT_CONTAINS = text("!contains", "Does not contain the text, case ignored.", "print 'Vault' !contains 'x'");
    CONTAINS_CS = text("contains_cs", "Contains the text anywhere, case and all.", "print 'Vault' contains_cs 'Va'");
    NOT_CONTAINS_CS = text("!contains_cs", "Does not contain the text, case and all.", "print 'Vault' !contains_cs 'va'");
    STARTSWITH = text("startswith", "Begins with the text, case ignored.", "print 'Vault' startswith 'va'");
    NOT_STARTSWITH = text("!startswith", "Does not begin with the text, case ignored.", "print 'Vault' !startswith 'x'");
    STARTSWITH_CS = text("startswith_cs", "Begins with the text, case and all.", "print 'Vault' startswith_cs 'Va'");
    NOT_STARTSWITH_CS = text("!startswith_cs", "Does not begin with the text, case and all.", "print 'Vault' !startswith_cs 'va'");
    ENDSWITH = text("endswith", "Ends with the text, case ignored.", "print 'Vault' endswith 'LT'");
    NOT_ENDSWITH = text("!endswith", "Does not end with the text, case ignored.", "print 'Vault' !endswith 'x'");
    ENDSWITH_CS = text("endswith_cs", "Ends with the text, case and all.", "print 'Vault' endswith_cs 'lt'");
    NOT_ENDSWITH_CS = text("!endswith_cs", "Does not end with the text, case and all.", "print 'Vault' !endswith_cs 'LT'");
    MATCHES_REGEX = text("matches regex", "The regular expression matches somewhere.", "print 'Vault' matches regex '^V.*t$'");
    HAS_ANY = text_list("has_any", "Contains any of the terms, case ignored.", "print 'vault export' has_any ('import', 'export')");
    HAS_ALL = text_list("has_all", "Contains all of the terms, case ignored.", "print 'vault export' has_all ('vault', 'export')");
    INDEX = entry(FunctionKind::Operator, "[]", args![dynamic("value"), any("index")], Gives::Type(Type::Dynamic), ResultName::None, "The element at a computed position or of a computed key; null where there is none.", "print dynamic([1,2])[toint(1)]");
}
