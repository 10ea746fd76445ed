use crate::engine::local::tests::ask::{gives, refused};

#[test]
fn a_step_that_reads_itself_accumulates() {
    gives(
        "range x from 1 to 5 step 1 | scan declare (sum: long = 0) with (step s: true => sum = x + s.sum;)",
        &["x:long, sum:long", "1|1", "2|3", "3|6", "4|10", "5|15"],
    );
    gives(
        "range x from 1 to 4 step 1 | scan declare (a: long = 0, b: long = 1) with (step s: true => a = s.b, b = s.a + x;)",
        &["x:long, a:long, b:long", "1|1|1", "2|1|3", "3|3|4", "4|4|7"],
    );
}

#[test]
fn a_bare_declared_name_is_the_default() {
    gives(
        "range x from 1 to 3 step 1 | scan declare (sum: long = 10, note: string) with (step s: true => sum = sum + x;)",
        &["x:long, sum:long, note:string", "1|11|", "2|12|", "3|13|"],
    );
}

#[test]
fn rows_that_match_no_step_are_dropped() {
    gives(
        "range x from 1 to 6 step 1 | scan declare (even: long) with (step s: x % 2 == 0 => even = x;)",
        &["x:long, even:long", "2|2", "4|4", "6|6"],
    );
}

#[test]
fn a_value_is_carried_forward() {
    gives(
        "datatable(t: long, v: string)[1, 'a', 2, '', 3, '', 4, 'b', 5, ''] | sort by t asc
         | scan declare (last: string = '-') with (step s: true => last = iff(isempty(v), s.last, v);)",
        &["t:long, v:string, last:string", "1|a|a", "2||a", "3||a", "4|b|b", "5||b"],
    );
}

#[test]
fn a_step_without_output_ends_a_session_and_the_same_row_begins_the_next() {
    gives(
        "datatable(t: timespan)[0m, 5m, 29m, 31m, 40m, 75m] | sort by t asc
         | scan with_match_id=session declare (began: timespan) with (
             step within: true => began = iff(isnull(within.began), t, within.began);
             step over output=none: t - within.began > 30m;)",
        &[
            "t:timespan, began:timespan, session:long",
            "00:00:00|00:00:00|0",
            "00:05:00|00:00:00|0",
            "00:29:00|00:00:00|0",
            "00:31:00|00:31:00|1",
            "00:40:00|00:31:00|1",
            "01:15:00|01:15:00|2",
        ],
    );
}

#[test]
fn steps_follow_one_another_within_a_time() {
    gives(
        "datatable(t: timespan, e: string)[0m, 'x', 1m, 'on', 2m, 'p', 3m, 'q', 4m, 'off', 6m, 'r', 8m, 'on', 11m, 'y', 12m, 'off', 20m, 'off']
         | sort by t asc
         | scan with_match_id=m with (
             step a: e == 'on';
             step b: e != 'on' and e != 'off' and t - a.t <= 5m;
             step c: e == 'off' and t - a.t <= 5m;)
         | project e, m",
        &["e:string, m:long", "on|0", "p|0", "q|0", "off|0", "on|1", "y|1", "off|1"],
    );
}

#[test]
fn only_the_last_of_repeated_matches_comes_out_where_a_step_says_so() {
    gives(
        "datatable(t: long, e: string)[1, 'try', 2, 'try', 3, 'in', 4, 'try', 5, 'try', 6, 'try'] | sort by t asc
         | scan declare (tries: long = 0) with (
             step a output=last: e == 'try' => tries = a.tries + 1;
             step b: e == 'in' => tries = a.tries;)",
        &["t:long, e:string, tries:long", "2|try|2", "3|in|2", "6|try|3"],
    );
}

#[test]
fn partitions_have_sequences_of_their_own() {
    gives(
        "datatable(u: string, x: long)['a', 1, 'b', 10, 'a', 2, 'b', 20, 'a', 3]
         | scan with_match_id=m partition by u order by x asc declare (sum: long = 0) with (step s: true => sum = s.sum + x;)",
        &["u:string, x:long, sum:long, m:long", "a|1|1|0", "a|2|3|0", "a|3|6|0", "b|10|10|1", "b|20|30|1"],
    );
}

#[test]
fn what_a_step_remembers_may_be_looked_into() {
    gives(
        "datatable(x: long, d: dynamic)[1, dynamic({'k': 5}), 2, dynamic({'k': 6})] | sort by x asc
         | scan declare (before: long) with (step s: true => before = tolong(s.d.k);) | project x, before",
        &["x:long, before:long", "1|∅", "2|5"],
    );
}

#[test]
fn columns_that_are_not_read_above_are_still_read_by_steps() {
    gives(
        "datatable(x: long, y: long, z: string)[1, 5, 'u', 2, 6, 'v'] | serialize
         | scan declare (s: long = 0) with (step a: y > 1 => s = coalesce(a.y, 0) + a.s + x;) | where s > 0 | project z, s",
        &["z:string, s:long", "u|1", "v|8"],
    );
}

#[test]
fn wrong_steps_say_what_is_wrong() {
    let fault = |scan: &str| refused(&format!("range x from 1 to 2 step 1 | scan {scan}"));
    assert_eq!(
        refused("datatable(x: long)[1] | scan with (step s: true;)"),
        "KQL138 scan: `scan` needs rows in an order"
    );
    assert_eq!(fault("with (step s: true => a = 1;)"), "KQL166 a: `a` is not declared");
    assert_eq!(fault("declare (x: long) with (step s: true;)"), "KQL142 x: a column is called `x` already");
    assert_eq!(fault("with (step s: true; step s: true;)"), "KQL166 s: two steps are called `s`");
    assert_eq!(fault("with (step s: s.y == 1;)"), "KQL110 y: no column is called `y`");
    assert_eq!(fault("with (step s: u.x == 1; step u: true;)"), "KQL110 u: no column is called `u`");
    assert_eq!(
        fault("declare (a: long) with (step s: true => a = prev(x);)"),
        "KQL137 prev(x): `prev` cannot stand in `scan`"
    );
    assert_eq!(
        fault("declare (a: long = 'q') with (step s: true;)"),
        "KQL120 'q': the default of `a` is string, not long"
    );
}
