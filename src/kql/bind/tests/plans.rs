use super::{Known, bound, bound_with, plan};
use crate::base::time::Ticks;
use crate::kql::bind::{Answer, Bound, Context, bind};
use crate::kql::parser::parse;
use crate::kql::value::Value;

#[track_caller]
fn is(text: &str, want: &str) {
    assert_eq!(plan(text).to_string().trim_end(), want, "{text}");
}

#[test]
fn constants_are_folded() {
    is(
        "print ago(1d), bin(now(), 1h), 3 * 4, strcat('a', 'b'), 2 * 1h",
        "values (print_0: datetime, print_1: datetime, print_2: long, print_3: string, print_4: timespan) [2026-01-01T03:04:05.0000000Z, 2026-01-02T03:00:00.0000000Z, 12, \"ab\", 02:00:00]",
    );
}

#[test]
fn conversions_stand_in_the_plan() {
    is(
        "Users | where size == '1' and since > ago(1d) | project a = strlen(name) + 1.5",
        "project a = (todouble(strlen(name)) + 1.5)\n  where ((size == \"1\") and (since > 2026-01-01T03:04:05.0000000Z))\n    scan Users (name, size, since)",
    );
    is(
        "Events | where user.email == 'x' and user.n > 3 and code == 4 | project action",
        "project action\n  where ((tostring(user.email) == \"x\") and (tolong(user.n) > 3) and (code == int(4)))\n    scan Events (TimeGenerated, action, user, size, code, ratio)",
    );
}

#[test]
fn between_is_two_comparisons_that_a_scan_can_prune_by() {
    is(
        "Events | where TimeGenerated between (ago(1d) .. 1h) | count",
        "summarize Count = count()\n  where ((TimeGenerated >= 2026-01-01T03:04:05.0000000Z) and (TimeGenerated <= 2026-01-01T04:04:05.0000000Z))\n    scan Events (TimeGenerated, action, user, size, code, ratio)",
    );
}

#[test]
fn a_window_call_that_reads_another_stands_above_it() {
    is(
        "Events | project size | sort by size asc | extend r = row_number(1, prev(size) != size), p = prev(size)",
        "project size, r = $2, p = $1\n  window row_number(1, ($1 != size))\n    window prev(size)\n      sort by size asc\n        project size\n          scan Events (TimeGenerated, action, user, size, code, ratio)",
    );
}

#[test]
fn materialize_is_shared() {
    is(
        "let m = materialize(Users | project name); m | join kind=inner m on name | project name1",
        "shared 0\n  project name\n    scan Users (name, size, since)\nproject name1\n  join Inner on name == name -> (name: string, name1: string)\n    shared 0\n    shared 0",
    );
}

#[test]
fn several_statements_give_several_results() {
    let plan = plan("print 1; print 2");
    assert_eq!(plan.outputs.iter().map(|o| &*o.name).collect::<Vec<_>>(), ["PrimaryResult", "Table_1"]);
}

#[test]
fn the_time_span_bounds_every_table_that_has_a_time() {
    let text = "Events | union Users | project action";
    let span = Some((Ticks(10), Ticks(20)));
    let known = Known::default();
    let context = Context {
        catalog: &super::House,
        now: super::now(),
        parameters: &[],
        timespan: span,
        window: None,
        known: &known,
        evaluate: None,
    };
    let Bound::Plan(plan) = bind(&parse(text).query, text, &context).bound else { panic!() };
    let shown = plan.to_string();
    assert_eq!(shown.matches("where").count(), 1, "{shown}");
    assert!(
        shown.contains(
            "(TimeGenerated >= 0001-01-01T00:00:00.0000010Z) and (TimeGenerated < 0001-01-01T00:00:00.0000020Z)"
        ),
        "{shown}"
    );
}

#[test]
fn parameters_of_the_query_are_given_or_have_defaults() {
    let text = "declare query_parameters(a: long, b: string = 'x'); print a, b";
    let known = Known::default();
    let parameters = [("a".to_owned(), Value::Long(7))];
    let context = Context {
        catalog: &super::House,
        now: super::now(),
        parameters: &parameters,
        timespan: None,
        window: None,
        known: &known,
        evaluate: None,
    };
    let Bound::Plan(plan) = bind(&parse(text).query, text, &context).bound else { panic!() };
    assert_eq!(plan.to_string().trim_end(), "values (a: long, b: string) [7, \"x\"]");
    assert_eq!(bound(text).bound, Bound::Invalid);
}

#[test]
fn an_in_list_is_a_set_and_what_is_of_the_row_is_compared() {
    is(
        "Users | where name in ('a', 'b') | count",
        "summarize Count = count()\n  where name in (\"a\", \"b\")\n    scan Users (name, size, since)",
    );
    is(
        "Users | where name !in~ (dynamic(['a', 'b'])) | count",
        "summarize Count = count()\n  where name !in~ (\"a\", \"b\")\n    scan Users (name, size, since)",
    );
    is(
        "Users | where name in ('a', size) | count",
        "summarize Count = count()\n  where (name in (\"a\") or (name == size))\n    scan Users (name, size, since)",
    );
    is(
        "Users | where name has_any ('a', 'b') | count",
        "summarize Count = count()\n  where (name has_any dynamic([\"a\",\"b\"]))\n    scan Users (name, size, since)",
    );
}

#[test]
fn rendering_is_kept_beside_the_rows() {
    let plan = plan("Users | render timechart with (title = 'x')");
    let render = plan.outputs[0].render.clone().unwrap();
    assert_eq!((&*render.kind, &*render.properties[0].0, &*render.properties[0].1), ("timechart", "title", "x"));
}

#[test]
fn toscalar_is_known_once_it_was_run() {
    let text = "let m = toscalar(Events | summarize max(size)); Events | where size == m | count";
    let Bound::Needs(needs) = bound(text).bound else { panic!() };
    let mut known = Known::default();
    known.put(&*needs[0].key, Answer::Cell(Value::Long(9)));
    let Bound::Plan(plan) = bound_with(text, &known).bound else { panic!() };
    assert!(plan.to_string().contains("where (size == 9)"), "{plan}");
}

#[test]
fn make_series_aggregates_by_key_and_bin_within_its_bounds() {
    is(
        "Events | make-series n = count() on TimeGenerated from ago(2d) to now() step 1d by action",
        "make-series of given bins step 1.00:00:00\n  summarize 2 = count() by 0 = action, 1 = bin_at(TimeGenerated, 1.00:00:00, 2025-12-31T03:04:05.0000000Z)\n    where ((TimeGenerated >= 2025-12-31T03:04:05.0000000Z) and (TimeGenerated < 2026-01-02T03:04:05.0000000Z))\n      scan Events (TimeGenerated, action, user, size, code, ratio)",
    );
}
