//! What Kusto refuses is refused here: with a code, at a place, and with a word on what to write instead.

use super::{Bound, House, Known, Open, now};
use crate::kql::bind::{Context, bind};
use crate::kql::diagnostic::{Diagnostic, Severity};
use crate::kql::parser::{parse, parse_template};
use crate::kql::value::Value;

fn errors(text: &str) -> Vec<Diagnostic> {
    let parsed = parse(text);
    let known = Known::default();
    let evaluate = |_: &crate::kql::plan::Expr| -> Option<Value> { None };
    let context = Context {
        catalog: &House,
        now: now(),
        parameters: &[],
        timespan: None,
        window: None,
        known: &known,
        evaluate: Some(&evaluate),
    };
    let outcome = bind(&parsed.query, text, &context);
    let mut found = parsed.diagnostics;
    found.extend(outcome.diagnostics);
    found.retain(|d| d.severity == Severity::Error);
    assert!(!found.is_empty() || outcome.bound != Bound::Invalid, "{text}");
    found
}

/// Each is refused, its first error of this code at this place.
#[track_caller]
fn refused(cases: &[(&str, &str, &str)]) {
    for (text, code, place) in cases {
        let found = errors(text);
        let Some(first) = found.first() else { panic!("accepted: {text}") };
        assert_eq!((first.code, first.range.of(text)), (*code, *place), "{text}\n{found:#?}");
    }
}

#[test]
fn names_that_mean_nothing() {
    refused(&[
        ("Event", "KQL113", "Event"),
        ("Events | where nothing", "KQL110", "nothing"),
        ("Events | extend x = nothing(1)", "KQL111", "nothing"),
        ("Events | summarize nothing(size)", "KQL111", "nothing"),
        ("Events | nothing", "KQL005", "nothing"),
        ("Events | project-away nothing", "KQL110", "nothing"),
        ("Events | project-keep nothing", "KQL110", "nothing"),
        ("Events | project-rename a = nothing", "KQL110", "nothing"),
        ("Events | project-reorder nothing", "KQL110", "nothing"),
        ("Events | sort by nothing", "KQL110", "nothing"),
        ("Events | top 3 by nothing", "KQL110", "nothing"),
        ("Events | summarize count() by nothing", "KQL110", "nothing"),
        ("Events | join Users on nothing", "KQL110", "nothing"),
        ("Events | join kind=nothing Users on size", "KQL011", "nothing"),
        ("Events | lookup kind=rightouter Users on name", "KQL011", "rightouter"),
        ("Events | render nothing", "KQL163", "nothing"),
        ("union Events, Nothing", "KQL113", "Nothing"),
        ("union isfuzzy=true Nothing, Nobody", "KQL146", "union"),
        ("let f = (x: nothing) { x }; print f(1)", "KQL011", "nothing"),
        ("print datetime_part('eon', now())", "KQL119", "'eon'"),
        ("print datetime_add('day of week', 1, now())", "KQL119", "'day of week'"),
        ("Events | extend a = 1, b = a", "KQL110", "a"),
    ]);
}

#[test]
fn numbers_of_arguments() {
    refused(&[
        ("print strlen()", "KQL112", "strlen()"),
        ("print split('a')", "KQL112", "split('a')"),
        ("print not(true, false)", "KQL112", "not(true, false)"),
        ("print strcat()", "KQL112", "strcat()"),
        ("print iff(true, 1)", "KQL112", "iff(true, 1)"),
        ("print case(true, 1)", "KQL112", "case(true, 1)"),
        ("Events | summarize arg_max()", "KQL112", "arg_max()"),
        ("let f = (x: long) { x }; print f()", "KQL112", "f()"),
        ("let f = (x: long) { x }; print f(1, 2)", "KQL112", "2"),
        ("let f = (x: long) { x }; print f(y = 2)", "KQL112", "2"),
    ]);
}

#[test]
fn types_that_do_not_fit() {
    refused(&[
        ("Events | where size", "KQL120", "size"),
        ("Events | where action", "KQL120", "action"),
        ("Events | where user.flag", "KQL120", "user.flag"),
        ("Events | where not(size)", "KQL120", "size"),
        ("Events | where size > 1 and code", "KQL120", "code"),
        ("Events | extend x = iff(size, 1, 2)", "KQL120", "size"),
        ("Events | summarize countif(size)", "KQL120", "size"),
        ("Events | where TimeGenerated > '2020-01-01'", "KQL121", "TimeGenerated > '2020-01-01'"),
        ("Events | where action > 'a'", "KQL121", "action > 'a'"),
        ("Events | where action > 5", "KQL121", "action > 5"),
        ("Events | where user.time > ago(1d)", "KQL121", "user.time > ago(1d)"),
        ("Events | where user.a == user.b", "KQL121", "user.a == user.b"),
        ("Events | where action between ('a' .. 'b')", "KQL121", "action between ('a' .. 'b')"),
        ("Events | where TimeGenerated in ('a')", "KQL121", "TimeGenerated"),
        ("Events | where size has 'a'", "KQL120", "size"),
        ("Events | where action contains size", "KQL120", "size"),
        ("Events | where TimeGenerated =~ 'a'", "KQL120", "TimeGenerated"),
        ("Events | where size has_any ('a')", "KQL120", "size"),
        ("Events | where size in~ ('a')", "KQL120", "size"),
        ("Events | extend x = action + 'a'", "KQL123", "action + 'a'"),
        ("Events | extend x = user.a + user.b", "KQL123", "user.a + user.b"),
        ("Events | extend x = TimeGenerated + 5", "KQL123", "TimeGenerated + 5"),
        ("Events | extend x = 1 / 1d", "KQL123", "1 / 1d"),
        ("Events | extend x = -action", "KQL123", "-action"),
        ("Events | extend x = bin(TimeGenerated, 1)", "KQL124", "1"),
        ("Events | extend x = bin(action, 1h)", "KQL124", "1h"),
        ("Events | extend x = hourofday(action)", "KQL120", "action"),
        ("Events | extend x = hourofday(user.time)", "KQL120", "user.time"),
        ("Events | extend x = round(user.n)", "KQL120", "user.n"),
        ("Events | extend x = ago(1)", "KQL120", "1"),
        ("Events | extend x = strlen(size)", "KQL120", "size"),
        ("Events | extend x = replace_string(size, 'a', 'b')", "KQL120", "size"),
        ("Events | extend x = array_length(action)", "KQL120", "action"),
        ("Events | extend x = bag_keys(action)", "KQL120", "action"),
        ("Events | extend x = coalesce(user.a, action)", "KQL122", "user.a"),
        ("Events | extend x = iff(true, action, size)", "KQL122", "size"),
        ("Events | extend x = action.first", "KQL125", "action.first"),
        ("Events | extend x = user[1.5]", "KQL120", "[1.5]"),
        ("Events | summarize sum(action)", "KQL120", "action"),
        ("Events | summarize max(user)", "KQL120", "user"),
        ("Events | summarize sum(user.n)", "KQL120", "user.n"),
        ("Events | summarize make_bag(action)", "KQL120", "action"),
        ("Events | summarize count() by user", "KQL140", "user"),
        ("Events | distinct user", "KQL140", "user"),
        ("Events | sort by user", "KQL140", "user"),
        ("Events | join Users on size", "KQL121", "size"),
        ("let f = (x: long) { x }; print f('a')", "KQL120", "'a'"),
        ("range x from 1 to 'a' step 1", "KQL150", "range x from 1 to 'a' step 1"),
        ("range x from 1 to 5 step 0", "KQL150", "0"),
    ]);
}

#[test]
fn things_in_places_where_they_cannot_stand() {
    refused(&[
        ("Events | where count() > 1", "KQL134", "count()"),
        ("Events | extend x = sum(size)", "KQL134", "sum(size)"),
        ("Events | summarize size", "KQL130", "size"),
        ("Events | summarize x = size + 1 by action", "KQL130", "size"),
        ("Events | summarize sum(count())", "KQL141", "count()"),
        ("Events | summarize count() by sum(size)", "KQL134", "sum(size)"),
        ("Events | extend x = prev(size)", "KQL138", "prev(size)"),
        ("Events | where size == Users", "KQL110", "Users"),
        ("Events | extend x = (Users | count)", "KQL127", "Users | count"),
        ("Events | where *", "KQL127", "*"),
        ("Events | extend x = typeof(long)", "KQL127", "typeof(long)"),
        ("let a = 1; a | take 1", "KQL114", "a"),
        ("1 + 1", "KQL114", "1 + 1"),
        ("let a = 1;", "KQL115", "let a = 1"),
        ("Events | take size", "KQL110", "size"),
        ("Events | take 'a'", "KQL120", "'a'"),
        ("Events | take 1.5", "KQL120", "1.5"),
        ("Events | summarize percentiles(size, 5, 101)", "KQL187", "101"),
        ("Events | summarize dcount(size, 5)", "KQL187", "5"),
        ("Events | summarize percentile(size, code)", "KQL132", "code"),
        ("Events | summarize dcount(size, code)", "KQL132", "code"),
        ("Events | extend x = column_ifexists(action, 1)", "KQL132", "action"),
        ("datatable(a: long, b: string) [1, 'a', 2]", "KQL151", "datatable(a: long, b: string) [1, 'a', 2]"),
        ("datatable(a: long, a: long) [1, 2]", "KQL142", "a: long"),
        ("Events | join Users", "KQL002", ""),
        ("Events | join Users on $left.size == $left.code", "KQL145", "$left.size == $left.code"),
        ("Events | join Users on $left.size > $right.size", "KQL145", "$left.size > $right.size"),
        ("Events | join Users on $left.action == 'a'", "KQL145", "$left.action == 'a'"),
        (".show tables", "KQL008", ".show tables"),
        ("let f = (x: long) { f(x) }; print f(1)", "KQL135", "f"),
    ]);
}

#[test]
fn names_that_are_given_twice() {
    refused(&[
        ("let a = 1; let a = 2; print a", "KQL118", "a"),
        ("let f = () { let a = 1; let a = 2; a }; print f()", "KQL118", "a"),
        ("Events | extend a = 1, a = 2", "KQL142", "a"),
        ("Events | project a = 1, a = 2", "KQL142", "a"),
        ("Events | project size, size", "KQL142", "size"),
        ("Events | distinct size, size", "KQL142", "size"),
        ("Events | summarize count() by size, size", "KQL142", "size"),
        ("Events | summarize size = count() by size", "KQL142", "size"),
        ("Events | project-rename size = code", "KQL142", "size"),
        ("print a = 1, a = 2", "KQL142", "a"),
    ]);
}

#[test]
fn what_does_not_read() {
    refused(&[
        ("Events | where", "KQL002", ""),
        ("Events |", "KQL002", ""),
        ("Events | | take 1", "KQL002", "|"),
        ("Events | project size,", "KQL002", ""),
        ("Events | where size > 1, code > 2", "KQL001", ","),
        ("Events | where size = 1", "KQL009", "="),
        ("Events | where (size > 1", "KQL004", "("),
        ("Events | where size > 1)", "KQL004", ")"),
        ("Events | extend strlen(action) = 2", "KQL009", "="),
        ("Events | sort by size asc desc", "KQL001", "desc"),
        ("Events | sort by size nulls", "KQL002", ""),
        ("Events | where action == 'a", "KQL003", "'a"),
        ("Events | where action matches regex '(a'", "KQL131", "'(a'"),
        ("print datetime(soon)", "KQL006", "soon"),
        ("print dynamic([1,)", "KQL006", ""),
        ("print guid(abc)", "KQL006", "abc"),
        ("print int('x')", "KQL006", "'x'"),
        ("union", "KQL113", "union"),
        ("Events | summarize", "KQL002", ""),
        ("Events | top 3", "KQL002", ""),
        ("Events | where {filter}", "KQL001", "{filter}"),
    ]);
}

#[test]
fn what_kusto_takes_is_not_refused() {
    for text in [
        "Events | where action == 5 or action in (1, 2) or size !in ('1', '2')",
        "Events | where user.n > 5 and user.email == 'a' and user.email has 'b' and user.flag == true and user.n + 1 > 2",
        "Events | where * has 'a' or * == 5",
        "Events | extend a = tolower(size), b = split(size, '1'), c = substring(size, 1), d = indexof(size, '1'), e = toupper(user.a)",
        "Events | extend a = iff(true, user.a, action), b = case(isempty(user), 'none', user.email), c = coalesce(action, 'a')",
        "Events | extend a = round(size, 1), b = datetime_add('Day', 1.0, TimeGenerated), c = user[tostring(size)]",
        "Events | project tostring(size), size2 = size, user.a, user.b | summarize count(), count(), dcount(size) by bin(size2, 10)",
        "let a = 1; let f = (a: long) { a + 1 }; print f(a)",
        "Events | summarize arg_max(TimeGenerated, *) by action | sort by TimeGenerated | extend p = prev(size)",
    ] {
        assert_eq!(errors(text), [], "{text}");
    }
}

/// Without an evaluator the value of a call of constants is not known, but that it is constant is.
#[test]
fn calls_of_constants_are_constants_where_nothing_evaluates_them() {
    let text = "let a = dynamic([1, 2]); range x from 0 to array_length(a) - 1 step 1 | take array_length(a)";
    let known = Known::default();
    let context = Context {
        catalog: &House,
        now: now(),
        parameters: &[],
        timespan: None,
        window: None,
        known: &known,
        evaluate: None,
    };
    assert_eq!(bind(&parse(text).query, text, &context).diagnostics, []);
}

#[test]
fn an_open_schema_takes_what_it_cannot_know() {
    for text in [
        "SigninLogs | where TimeGenerated {TimeRange} and {filter} | summarize count() by bin(TimeGenerated, {TimeRange:grain})",
        "let ids = dynamic([{ids}]); let since = datetime({TimeRange:start}); T | where id in (ids) and t > since and x == {x}",
        "let T = Unknown; let start = {start}; T | where t > start",
        "where type =~ 'microsoft.web/sites' | project id",
        "| where x > 1\n| take {Top}",
        "{table}\n{query_project}\n| where Computer {op} \"{host}\" {more}\n{add_query_items}",
        "T | summarize a = earliest(x), latest(x + y) by z",
        "T | where * has 'a' and x == 'b' or hourofday(parse_json(d).time) > 5",
        "T | invoke FileProfile(SHA1, 1000) | evaluate anything(x) | join kind={kind} (arg('').Resources) on id",
        "let f = (a: string) { T | where b == a };",
        "T | where a like 'x*' and\u{200b}b notlike 'y' or c",
        "T | project a, a, c | extend x = iff(c, 'a', 1) | join kind=inner (workspace('w').U) on a | {operator} x",
        "let a = 1; let a = 2; T | where tostring(b) == a or c between ({low} .. {high}) or d in ({list}) or e in {list}",
        "declare pattern p = (a: string) { ('x') = { print 1 }; }; p('x')",
        "externaldata(a: string)[@'https://x'] with (format='csv') | where a > 'b'",
    ] {
        let parsed = parse_template(text);
        let known = Known::default();
        let context = Context {
            catalog: &Open,
            now: now(),
            parameters: &[],
            timespan: None,
            window: None,
            known: &known,
            evaluate: None,
        };
        let mut found = parsed.diagnostics;
        found.extend(bind(&parsed.query, text, &context).diagnostics);
        found.retain(|d| d.severity == Severity::Error);
        assert_eq!(found, [], "{text}");
    }
}
