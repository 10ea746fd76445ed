//! Plugins over timelines and sequences.

use super::{answer, table, wrong};

/// Days of January 2026 on which users were seen.
fn days(seen: &[(&str, &[u32])]) -> String {
    let cells: Vec<String> = seen
        .iter()
        .flat_map(|(user, days)| days.iter().map(move |day| format!("'{user}', datetime(2026-01-{day:02})")))
        .collect();
    format!("datatable(u: string, t: datetime)[{}]", cells.join(", "))
}

/// `d` is the day of January.
fn by_day(query: &str) -> String {
    table(&format!("{query} | project-rename d = t | extend d = tolong(dayofmonth(d))"))
}

fn visits() -> String {
    days(&[("a", &[1]), ("b", &[1, 3]), ("j", &[1, 2, 3]), ("c", &[2]), ("t", &[2, 3, 3]), ("s", &[3, 4])])
}

#[test]
fn counts_say_who_is_new() {
    let query = format!(
        "{} | evaluate activity_counts_metrics(u, t, datetime(2026-01-01), datetime(2026-01-04), 1d)",
        visits()
    );
    assert_eq!(
        by_day(&query),
        "d:long,count:long,dcount:long,new_dcount:long,aggregated_dcount:long\n1,3,3,3,3\n2,3,3,2,5\n3,5,4,1,6\n4,1,1,0,6"
    );
}

#[test]
fn a_sliding_window_sees_the_bins_before_and_those_before_the_start() {
    let query = |start: u32| {
        let call = format!("sliding_window_counts(u, t, datetime(2026-01-{start:02}), datetime(2026-01-06), 3d, 1d)");
        by_day(&format!("{} | evaluate {call}", visits()))
    };
    let all = "d:long,Count:long,Dcount:long\n1,3,3\n2,6,5\n3,11,6\n4,9,5\n5,6,4\n6,1,1";
    assert_eq!(query(1), all);
    assert_eq!(query(3), "d:long,Count:long,Dcount:long\n3,11,6\n4,9,5\n5,6,4\n6,1,1");
}

#[test]
fn bins_may_be_parts_of_the_calendar() {
    let query = "datatable(u: string, t: datetime)['a', datetime(2026-01-31), 'b', datetime(2026-02-01), 'a', datetime(2026-03-15)]
        | evaluate sliding_window_counts(u, t, datetime(2026-01-01), datetime(2026-03-31), 62d, 'month')";
    assert_eq!(
        table(&format!("{query} | extend t = format_datetime(t, 'MM-dd')")),
        "t:string,Count:long,Dcount:long\n01-01,1,1\n02-01,2,2\n03-01,2,2"
    );
}

#[test]
fn dimensions_are_counted_apart() {
    let query = "datatable(u: string, t: long, k: string)['a', 1, 'x', 'b', 1, 'y', 'a', 2, 'y', 'a', 2, 'x']
        | evaluate activity_counts_metrics(u, t, 0, 5, 1, k)";
    assert_eq!(
        table(query),
        "t:long,k:string,count:long,dcount:long,new_dcount:long,aggregated_dcount:long\n1,x,1,1,1,1\n1,y,1,1,1,1\n2,x,1,1,0,1\n2,y,1,1,1,2"
    );
}

#[test]
fn engagement_is_the_share_of_the_longer_window() {
    let query = format!(
        "{} | evaluate activity_engagement(u, t, datetime(2026-01-01), datetime(2026-01-04), 1d, 2d)",
        visits()
    );
    assert_eq!(
        by_day(&query),
        "d:long,dcount_activities_inner:long,dcount_activities_outer:long,activity_ratio:real\n1,3,3,1\n2,3,5,0.6\n3,4,5,0.8\n4,1,4,0.25"
    );
    let open = format!("{} | evaluate activity_engagement(u, t, 1d, 2d) | count", visits());
    assert_eq!(table(&open), "Count:long\n4");
}

#[test]
fn retention_and_churn_are_of_the_bin_before() {
    let query =
        format!("{} | evaluate activity_metrics(u, t, datetime(2026-01-01), datetime(2026-01-04), 1d)", visits());
    assert_eq!(
        by_day(&query),
        "d:long,dcount_values:long,dcount_newvalues:long,retention_rate:real,churn_rate:real\n\
         1,3,3,NaN,NaN\n2,3,2,0.3333333333333333,0.6666666666666666\n3,4,2,0.6666666666666666,0.3333333333333333\n4,1,0,0.25,0.75"
    );
}

fn cohorts() -> String {
    days(&[
        ("0", &[1, 2, 3, 4, 5]),
        ("1", &[2, 4, 5]),
        ("2", &[1, 3, 4, 5]),
        ("3", &[1, 2, 4, 5]),
        ("4", &[1, 2, 3, 5]),
        ("5", &[2, 3]),
    ])
}

#[test]
fn new_users_are_followed_from_their_first_bin() {
    let call = "new_activity_metrics(u, t, datetime(2026-01-01), datetime(2026-01-07) - 1tick, 1d)";
    let query = format!(
        "{} | evaluate {call} | where from_t < datetime(2026-01-03) | extend from_t = tolong(dayofmonth(from_t)), to_t = tolong(dayofmonth(to_t))",
        cohorts()
    );
    assert_eq!(
        table(&query),
        "from_t:long,to_t:long,dcount_new_values:long,dcount_retained_values:long,dcount_churn_values:long,retention_rate:real,churn_rate:real\n\
         1,1,4,4,0,1,0\n1,2,2,3,1,0.75,0.25\n1,3,1,3,1,0.75,0.25\n1,4,1,3,1,0.75,0.25\n1,5,1,4,0,1,0\n1,6,0,0,4,0,1\n\
         2,2,2,2,0,1,0\n2,3,0,1,1,0.5,0.5\n2,4,0,1,1,0.5,0.5\n2,5,0,1,1,0.5,0.5\n2,6,0,0,2,0,1"
    );
}

#[test]
fn a_cohort_and_a_lookback_narrow_who_is_new() {
    let query = format!(
        "let known = datatable(u: string)['0', '9']; {} | evaluate new_activity_metrics(u, t, datetime(2026-01-01), datetime(2026-01-02), 1d, datetime(2026-01-01), known) | project dcount_new_values, dcount_retained_values",
        cohorts()
    );
    assert_eq!(table(&query), "dcount_new_values:long,dcount_retained_values:long\n2,2\n3,3");
}

#[test]
fn active_users_are_those_with_enough_periods_behind_them() {
    let seen = days(&[("b", &[1, 2, 6, 10, 26]), ("a", &[4, 12, 16, 19, 22])]);
    let query = format!(
        "{seen} | evaluate active_users_count(u, t, datetime(2026-01-03), datetime(2026-01-31), 8d, 1d, 3, 7d)"
    );
    assert_eq!(by_day(&query), "d:long,dcount:long\n17,1\n3,1");
}

#[test]
fn a_session_lasts_while_its_id_comes_back_in_time() {
    let query = "range t from 1 to 30 step 1 | where t in (1, 3, 9, 10, 21) | extend u = 'a'
        | union (datatable(t: long, u: string)[2, 'b', 12, 'b'])
        | evaluate session_count(u, t, 1, 30, 10, 5)";
    // a: 1-3, 9-10 and 21; b: 2 and 12.
    assert_eq!(table(query), "t:long,count_sessions:long\n1,3\n11,1\n21,1");
}

#[test]
fn a_rolling_percentile_looks_back_over_bins() {
    let hours = "range i from 0 to 239 step 1 | project t = datetime(2026-01-01) + 1h * i, v = i + 1 | extend k = iff(v % 2 == 0, 'even', 'odd')";
    let query = format!("{hours} | evaluate rolling_percentile(v, 50, t, 1d, 3) | where t < datetime(2026-01-06)");
    assert_eq!(by_day(&query), "d:long,rolling_3_percentile_v_50:long\n1,12\n2,24\n3,36\n4,60\n5,84");
    let query = format!("{hours} | evaluate rolling_percentile(v, 50, t, 1d, 3, k) | where t < datetime(2026-01-03)");
    assert_eq!(
        by_day(&query),
        "d:long,k:string,rolling_3_percentile_v_50:long\n1,even,12\n1,odd,11\n2,even,24\n2,odd,23"
    );
}

#[test]
fn every_way_through_the_steps_of_a_sequence_is_found() {
    let query = "datatable(t: datetime, s: string, who: string)[
            datetime(2026-01-01), 'heat', 'x', datetime(2026-01-01 16:00), 'fire', 'x', datetime(2026-01-03), 'fire', 'x',
            datetime(2026-01-01), 'heat', 'y', datetime(2026-01-09), 'fire', 'y', datetime(2026-01-02), 'fire', 'z']
        | evaluate sequence_detect(t, 5d, 5d, heat = (s == 'heat'), fire = (s == 'fire'), who) | project who, heat_t, Duration";
    assert_eq!(
        table(query),
        "who:string,heat_t:datetime,Duration:timespan\nx,2026-01-01T00:00:00.0000000Z,16:00:00\nx,2026-01-01T00:00:00.0000000Z,2.00:00:00"
    );
}

const WEATHER: &str = "datatable(id: long, t: datetime, s: string)[
    1, datetime(2026-01-01 01:00), 'hail', 1, datetime(2026-01-01 02:00), 'wind', 1, datetime(2026-01-01 02:30), 'wind', 1, datetime(2026-01-01 04:00), 'rain',
    2, datetime(2026-01-01 01:00), 'wind', 2, datetime(2026-01-01 09:00), 'rain',
    3, datetime(2026-01-02 01:00), 'hail', 3, datetime(2026-01-02 02:00), 'wind']";

#[test]
fn a_funnel_shows_what_came_before_and_after() {
    let query = format!(
        "{WEATHER} | evaluate funnel_sequence(id, t, datetime(2026-01-01), datetime(2026-01-31), 4h, 365d, s, dynamic(['wind']))"
    );
    let answer = answer(&query).unwrap();
    let names: Vec<Vec<&str>> =
        answer.tables.iter().map(|t| t.schema.iter().map(|c| &*c.name).skip(1).collect()).collect();
    assert_eq!(
        names,
        [
            vec!["prev", "next", "dcount", "samples"],
            vec!["prev", "dcount", "samples"],
            vec!["next", "dcount", "samples"]
        ]
    );
    let first = table(&format!("{query} | project prev, next, dcount, samples"));
    assert_eq!(first, "prev:string,next:string,dcount:long,samples:dynamic\n,,1,[2]\nhail,,1,[3]\nhail,rain,1,[1]");
    let longer = query.replace("['wind']", "['hail', 'wind']");
    assert_eq!(table(&format!("{longer} | project next, dcount")), "next:string,dcount:long\n,1\nrain,1");
}

#[test]
fn a_funnel_counts_how_far_ids_came_in_time() {
    let query = format!(
        "{WEATHER} | evaluate funnel_sequence_completion(id, t, datetime(2026-01-01), datetime(2026-01-31), 365d, s, dynamic(['hail', 'wind', 'rain']), dynamic([1h, 4h])) | project s, Period, dcount"
    );
    assert_eq!(
        table(&query),
        "s:string,Period:timespan,dcount:long\nhail,01:00:00,2\nhail,04:00:00,2\nrain,04:00:00,1\nwind,01:00:00,2\nwind,04:00:00,2"
    );
}

#[test]
fn wrong_timelines_say_what_to_write() {
    let visits = visits();
    for (call, said) in [
        (
            "activity_metrics(u, u, datetime(2026-01-01), datetime(2026-01-04), 1d)",
            "KQL120 u: `activity_metrics` takes a timeline",
        ),
        ("activity_metrics(u, t, datetime(2026-01-01), datetime(2026-01-04), 0s)", "KQL187 0s"),
        ("activity_counts_metrics(u, t, datetime(2026-01-01), datetime(2026-01-04), 'day')", "KQL184 'day'"),
        ("sliding_window_counts(u, t, datetime(2026-01-01), datetime(2026-01-04), 1d)", "KQL112 sliding_window_counts"),
        ("session_count(u, t, 5, datetime(2026-01-04), 1d, 1d)", "KQL120 5"),
        ("sequence_detect(t, 1d, 1d, u)", "KQL112 sequence_detect"),
        ("funnel_sequence(u, t, datetime(2026-01-01), datetime(2026-01-04), 1d, 1d, u, 'x')", "KQL120 'x'"),
    ] {
        let got = wrong(&format!("{visits} | evaluate {call}"));
        assert!(got.starts_with(said), "{call}\n{got}");
    }
    let long =
        format!("{visits} | evaluate activity_counts_metrics(u, t, datetime(2000-01-01), datetime(2026-01-04), 1s)");
    assert!(wrong(&long).contains("more than 1000000 bins"), "{}", wrong(&long));
}
