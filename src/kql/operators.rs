//! The tabular operators as people look them up: how each is written, what it does, a query that shows it. It feeds completion, hover, `vaultscope
//! docs` and the reference page; what an operator means is the parser's and the binder's.

/// A tabular operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TabularOperator {
    pub name: &'static str,
    /// What follows the name.
    pub form: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// A query that shows it.
    pub example: &'static str,
    /// It may begin a query.
    pub leads: bool,
}

const fn operator(
    name: &'static str,
    form: &'static str,
    summary: &'static str,
    example: &'static str,
) -> TabularOperator {
    TabularOperator { name, form, summary, example, leads: false }
}

const fn source(
    name: &'static str,
    form: &'static str,
    summary: &'static str,
    example: &'static str,
) -> TabularOperator {
    TabularOperator { name, form, summary, example, leads: true }
}

/// Other names of operators.
pub const ALIASES: &[(&str, &str)] = &[
    ("filter", "where"),
    ("order", "sort"),
    ("limit", "take"),
    ("mvexpand", "mv-expand"),
    ("mvapply", "mv-apply"),
    ("external_data", "externaldata"),
];

/// The operator of a name or alias.
pub fn find(name: &str) -> Option<&'static TabularOperator> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, of)| of);
    ALL.iter().find(|operator| operator.name == name)
}

/// Every operator, by name.
pub const ALL: &[TabularOperator] = &[
    operator("as", "name", "Gives the rows so far a name.", "range x from 1 to 3 step 1 | as numbers | count"),
    operator(
        "consume",
        "",
        "Reads everything and gives nothing back: for measuring.",
        "range x from 1 to 3 step 1 | consume",
    ),
    operator("count", "[as name]", "How many rows there are.", "range x from 1 to 3 step 1 | count"),
    source(
        "datatable",
        "(name: type, …) [value, …]",
        "Rows that stand in the query.",
        "datatable(user: string, reads: long) ['ann', 3, 'bob', 5]",
    ),
    operator(
        "distinct",
        "column, … | *",
        "Each combination of values once.",
        "datatable(user: string) ['ann', 'bob', 'ann'] | distinct user",
    ),
    operator(
        "evaluate",
        "plugin(argument, …)",
        "Runs a plugin: bag_unpack, pivot, ipv4_lookup and others.",
        "print d = dynamic({'a': 1, 'b': 'x'}) | evaluate bag_unpack(d)",
    ),
    operator(
        "extend",
        "name = expression, …",
        "Adds columns, or gives existing ones new values.",
        "print x = 2 | extend square = x * x",
    ),
    source(
        "externaldata",
        "(name: type, …) [uri, …] with (format = \"csv\")",
        "Rows of files or addresses that the configuration allows.",
        "externaldata(address: string, why: string) ['addresses.csv'] with (ignoreFirstRecord = true)",
    ),
    operator(
        "facet",
        "by column, … [with (operators)]",
        "One table of counts for each column.",
        "datatable(user: string) ['ann', 'bob', 'ann'] | facet by user",
    ),
    source(
        "find",
        "[in (table, …)] where predicate [project column, …]",
        "Rows of several tables that meet a condition, with the table's name.",
        "let T = datatable(user: string) ['ann', 'bob']; find in (T) where user == 'ann'",
    ),
    operator(
        "fork",
        "name = (operators) …",
        "Several questions of the same rows, each with its own result.",
        "range x from 1 to 5 step 1 | fork few = (take 2) all = (count)",
    ),
    operator(
        "getschema",
        "",
        "The columns and their types, as rows.",
        "datatable(user: string, reads: long) [] | getschema",
    ),
    operator(
        "invoke",
        "function(argument, …)",
        "Calls a function with the rows so far as its first argument.",
        "let twice = (T: (x: long)) { T | extend y = 2 * x }; range x from 1 to 3 step 1 | invoke twice()",
    ),
    operator(
        "join",
        "kind=inner (table) on key, …",
        "Pairs rows of two tables by keys; without a kind one row of each key of the left side is kept.",
        "datatable(k: long, a: string) [1, 'x'] | join kind=inner (datatable(k: long, b: string) [1, 'y']) on k",
    ),
    operator(
        "lookup",
        "[kind=leftouter|inner] (table) on key, …",
        "Adds columns of a small table by key.",
        "datatable(k: long) [1, 2] | lookup (datatable(k: long, name: string) [1, 'one']) on k",
    ),
    operator(
        "make-series",
        "aggregate [default=value] on column [from … to …] step … [by key, …]",
        "One row of arrays for each key: a value for each step.",
        "range t from datetime(2026-01-01) to datetime(2026-01-03) step 1d | make-series n = count() on t step 1d",
    ),
    operator(
        "mv-apply",
        "column on (operators)",
        "Runs operators over the elements of each row's array.",
        "print d = dynamic([3, 1, 2]) | mv-apply d to typeof(long) on (top 1 by d)",
    ),
    operator(
        "mv-expand",
        "column [to typeof(type)], …",
        "A row for each element of an array or property of a bag.",
        "print d = dynamic([1, 2]) | mv-expand d to typeof(long)",
    ),
    operator(
        "parse",
        "[kind=simple|regex|relaxed] column with * \"text\" name: type …",
        "Takes columns out of text by the text around them.",
        "print s = 'user=ann ip=10.0.0.1' | parse s with 'user=' user ' ip=' ip",
    ),
    operator(
        "parse-kv",
        "column as (name: type, …) with (pair_delimiter = \",\", kv_delimiter = \"=\")",
        "Takes named values out of text of keys and values.",
        "print s = 'user=ann,reads=3' \
         | parse-kv s as (user: string, reads: long) with (pair_delimiter = ',', kv_delimiter = '=')",
    ),
    operator(
        "parse-where",
        "column with * \"text\" name: type …",
        "As parse, and drops the rows that do not fit.",
        "datatable(s: string) ['n=1', 'none'] | parse-where s with 'n=' n: long",
    ),
    operator(
        "partition",
        "by column (operators)",
        "Runs operators for each value of a column, and puts the answers together.",
        "datatable(u: string, n: long) ['a', 1, 'a', 2, 'b', 3] | partition by u (top 1 by n)",
    ),
    source("print", "name = expression, …", "One row of values.", "print answer = 6 * 7"),
    operator(
        "project",
        "name = expression, …",
        "These columns and no others.",
        "print a = 1, b = 2 | project b, c = a",
    ),
    operator("project-away", "column, prefix*, …", "All columns but these.", "print a = 1, b = 2 | project-away a"),
    operator(
        "project-keep",
        "column, prefix*, …",
        "These columns, in the order they have.",
        "print a = 1, b = 2 | project-keep b",
    ),
    operator("project-rename", "new = old, …", "Other names for columns.", "print a = 1 | project-rename b = a"),
    operator(
        "project-reorder",
        "column [asc|desc], …",
        "These columns first.",
        "print a = 1, b = 2 | project-reorder b",
    ),
    source("range", "name from … to … step …", "Rows of evenly spaced values.", "range x from 1 to 9 step 2"),
    operator(
        "reduce",
        "by column [with threshold = 0.1]",
        "Groups texts that look alike; approximate.",
        "datatable(s: string) ['user 1 in', 'user 2 in', 'user 3 in'] | reduce by s",
    ),
    operator(
        "render",
        "timechart|barchart|piechart|…",
        "How the result wants to be seen.",
        "range x from 1 to 3 step 1 | render barchart",
    ),
    operator("sample", "count", "Some rows by chance.", "range x from 1 to 9 step 1 | sample 2"),
    operator(
        "sample-distinct",
        "count of column",
        "Some different values.",
        "range x from 1 to 9 step 1 | sample-distinct 2 of x",
    ),
    operator(
        "scan",
        "[declare (name: type = default)] with (step name: condition => name = value; …)",
        "Follows sequences of rows, a step at a time.",
        "range x from 1 to 3 step 1 | scan declare (sum: long = 0) with (step s: true => sum = x + s.sum;)",
    ),
    source(
        "search",
        "[in (table, …)] \"term\"",
        "Rows that have a term in any column.",
        "datatable(user: string) ['ann', 'bob'] | search 'ann'",
    ),
    operator(
        "serialize",
        "[name = expression, …]",
        "Fixes the order of rows, so that prev, next and row_number may be used.",
        "range x from 1 to 3 step 1 | serialize n = row_number()",
    ),
    operator(
        "sort",
        "by column [asc|desc] [nulls first|last], …",
        "Orders rows; descending unless said.",
        "range x from 1 to 3 step 1 | sort by x desc",
    ),
    operator(
        "summarize",
        "aggregate, … by key, …",
        "A row for each group: counts, sums, sets, the latest.",
        "datatable(user: string) ['ann', 'bob', 'ann'] | summarize reads = count() by user",
    ),
    operator("take", "count", "Any so many rows.", "range x from 1 to 9 step 1 | take 2"),
    operator(
        "top",
        "count by column [asc|desc]",
        "The first rows by an order.",
        "range x from 1 to 9 step 1 | top 2 by x",
    ),
    operator(
        "top-hitters",
        "count of column [by weight]",
        "The values that occur most.",
        "datatable(user: string) ['ann', 'bob', 'ann'] | top-hitters 1 of user",
    ),
    operator(
        "top-nested",
        "count of column by aggregate, …",
        "The first values, and inside each the first values of the next column.",
        "datatable(c: string, n: long) ['a', 1, 'b', 5] | top-nested 1 of c by sum(n)",
    ),
    source(
        "union",
        "[kind=outer|inner] [withsource=name] table, …",
        "Rows of several tables, one after another.",
        "union (print a = 1), (print b = 'x')",
    ),
    operator(
        "where",
        "predicate",
        "The rows for which a condition is true.",
        "range x from 1 to 9 step 1 | where x % 2 == 0",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::parser::{OPERATORS, parse};

    /// Read, but for programs and for the service rather than for people.
    const UNTOLD: &[&str] = &["assert-schema", "execute_and_cache", "project-by-names"];

    #[test]
    fn every_operator_that_is_read_is_described_and_the_other_way_round() {
        for name in OPERATORS {
            assert!(find(name).is_some() || UNTOLD.contains(name), "{name}");
        }
        let begins = ["datatable", "externaldata", "print", "range"];
        for operator in ALL {
            assert!(OPERATORS.contains(&operator.name) || begins.contains(&operator.name), "{}", operator.name);
        }
        assert!(ALL.is_sorted_by_key(|operator| operator.name));
    }

    #[test]
    fn every_example_can_be_read() {
        for operator in ALL {
            if !operator.example.is_empty() {
                assert_eq!(parse(operator.example).diagnostics, [], "{}", operator.example);
                assert!(operator.example.contains(operator.name), "{}", operator.name);
            }
        }
    }
}
