//! Times as queries see them; the expectations are the documentation's.

use crate::engine::local::asked::{columns, refusal, rows};

#[track_caller]
fn is(expressions: &str, want: &str) {
    assert_eq!(rows(&format!("print {expressions}")), want, "{expressions}");
}

#[test]
fn differences_count_boundaries_of_every_unit() {
    is(
        "datetime_diff('year', datetime(2017-01-01), datetime(2000-12-31)), datetime_diff('quarter', datetime(2017-07-01), datetime(2017-03-30)),
         datetime_diff('month', datetime(2017-01-01), datetime(2015-12-30)), datetime_diff('week', datetime(2017-10-29), datetime(2017-09-30 23:59)),
         datetime_diff('day', datetime(2017-10-29), datetime(2017-09-30 23:59)), datetime_diff('hour', datetime(2017-10-31 01:00), datetime(2017-10-30 23:59))",
        "17 | 2 | 13 | 5.0 | 29 | 2",
    );
    is(
        "datetime_diff('minute', datetime(2017-10-30 23:05:01), datetime(2017-10-30 23:00:59)), datetime_diff('SECOND', datetime(2017-10-30 23:00:10.100), datetime(2017-10-30 23:00:00.900)),
         datetime_diff('millisecond', datetime(2017-10-30 23:00:00.200100), datetime(2017-10-30 23:00:00.100900)),
         datetime_diff('microsecond', datetime(2017-10-30 23:00:00.1009001), datetime(2017-10-30 23:00:00.1008009)),
         datetime_diff('nanosecond', datetime(2017-10-30 23:00:00.0000000), datetime(2017-10-30 23:00:00.0000007))",
        "5 | 10 | 100 | 100 | -700",
    );
}

#[test]
fn parts_of_a_time() {
    let part = |name: &str| format!("datetime_part('{name}', datetime(2017-10-30 01:02:03.7654321))");
    let all = ["year", "Quarter", "month", "week_of_year", "day", "dayOfYear", "hour", "minute", "second"].map(part);
    is(&all.join(", "), "2017 | 4 | 10 | 44 | 30 | 303 | 1 | 2 | 3");
    let fine = ["millisecond", "microsecond", "nanosecond"].map(part);
    is(&fine.join(", "), "765 | 765432 | 765432100");
    assert_eq!(
        columns("print a = getyear(now()), b = monthofyear(now()), c = hourofday(now()), d = dayofweek(now())"),
        "a:long b:long c:long d:timespan"
    );
}

#[test]
fn formats_of_times_and_spans() {
    is("format_datetime(datetime(2017-01-29 09:00:05), 'yy-MM-dd [HH:mm:ss]')", "\"17-01-29 [09:00:05]\"");
    is("format_datetime(datetime(2017-01-29 09:00:05), 'yyyy-M-dd [H:mm:ss]')", "\"2017-1-29 [9:00:05]\"");
    is("format_datetime(datetime(2017-01-29 09:00:05), 'yy-MM-dd [hh:mm:ss tt]')", "\"17-01-29 [09:00:05 AM]\"");
    is(
        "format_timespan(time(29.09:00:05.12345), 'dd.hh:mm:ss:FF'), format_timespan(time(29.09:00:05.12345), 'ddd.h:mm:ss [fffffff]')",
        "\"29.09:00:05:12\" | \"029.9:00:05 [1234500]\"",
    );
}

#[test]
fn text_is_a_time_in_every_documented_form() {
    for text in [
        "2014-11-08 15:05:00",
        "2014-11-08T15:05",
        "Sat, 8 Nov 14 15:05:00 GMT",
        "8 Nov 14 15:05",
        "Saturday, 08-Nov-14 15:05:00",
        "2014-11-08 15:05 GMT",
        "11/8/2014 3:05 PM",
    ] {
        is(&format!("todatetime('{text}') == datetime(2014-11-08 15:05)"), "true");
        is(&format!("datetime({text}) == datetime(2014-11-08 15:05)"), "true");
    }
    is("isnull(todatetime('soon')), isnull(datetime(null))", "true | true");
    is(
        "make_timespan(1,12,30,55.123), make_datetime(2017,10,01,12,10,0.1234567)",
        "\"1.12:30:55.1230000\" | \"2017-10-01T12:10:00.1234567Z\"",
    );
    is(
        "totimespan('0.00:01:00'), totimespan('1.5h'), todatetime('2015-12-31 23:59:59.9')",
        "\"00:01:00\" | \"01:30:00\" | \"2015-12-31T23:59:59.9000000Z\"",
    );
}

#[test]
fn starts_and_ends_move_by_whole_periods() {
    is(
        "startofweek(datetime(2017-01-01 10:10:17), -1), endofmonth(datetime(2017-01-01), 1)",
        "\"2016-12-25T00:00:00.0000000Z\" | \"2017-02-28T23:59:59.9999999Z\"",
    );
    is(
        "bin(datetime(1970-05-11 13:45:07), 1d), bin(4.5, 1), bin(-5, 2), floor(16d + 3h, 7d)",
        "\"1970-05-11T00:00:00.0000000Z\" | 4.0 | -6 | \"14.00:00:00\"",
    );
    is(
        "bin_at(6.5, 2.5, 7), bin_at(1h, 1d, 12h), bin_at(datetime(2017-05-15 10:20:00), 1d, datetime(1970-01-01 12:00))",
        "4.5 | \"-12:00:00\" | \"2017-05-14T12:00:00.0000000Z\"",
    );
}

#[test]
fn bin_auto_rounds_to_what_is_set() {
    let query = "range t from datetime(2017-01-01 00:05) to datetime(2017-01-01 02:00) step 1m | summarize count() by bin_auto(t) | sort by t asc";
    assert_eq!(
        rows(&format!("set query_bin_auto_size=1h;\nset query_bin_auto_at=datetime(2017-01-01 00:05);\n{query}")),
        "\"2017-01-01T00:05:00.0000000Z\" | 60\n\"2017-01-01T01:05:00.0000000Z\" | 56"
    );
    assert_eq!(rows("set query_bin_auto_size=10; print bin_auto(27)"), "20");
    assert_eq!(refusal("print bin_auto(27)"), "KQL132 `bin_auto` needs the size of its bins");
}

#[test]
fn an_unknown_time_zone_is_named() {
    let said = refusal("print t = now(), z = 'Mars/Phobos' | extend u = datetime_local_to_utc(t, z)");
    assert!(said.contains("Mars/Phobos") || said.contains("tzdata"), "{said}");
}
