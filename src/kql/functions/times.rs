//! Points and lengths of time, UTC throughout.

use super::{
    Function, FunctionKind, Gives, Parameter, ResultName, Takes, Type, any, args, datetime, entry, function,
    keeps_name, long, number, string, summable, takes, timespan,
};

const AT: Type = Type::DateTime;
/// Parts are documented as int; the service gives long.
const PART_OF: Type = Type::Long;
const PART: Parameter = string("part").constant();
const OFFSET: Parameter = long("offset").optional();

pub static ALL: &[Function] = &[
    // `now` and `ago` are constants of the query: the binder folds them.
    function(
        "now",
        args![timespan("offset").optional()],
        AT,
        "The time of the query, the same everywhere in it.",
        "print now(-1d)",
    ),
    function("ago", args![timespan("span")], AT, "The time of the query less a span.", "print ago(1h)"),
    keeps_name(
        "bin",
        args![summable("value"), summable("size")],
        Gives::Special,
        "Rounds down to a multiple; times are counted from 0001-01-01, so weeks begin on Monday.",
        "print bin(now(), 1h)",
    ),
    keeps_name(
        "bin_at",
        args![summable("value"), summable("size"), summable("fixed point")],
        Gives::Special,
        "Rounds down to a multiple counted from a fixed point.",
        "print bin_at(6.5, 2.5, 7)",
    ),
    keeps_name(
        "startofday",
        args![datetime("time"), OFFSET],
        Gives::Type(AT),
        "Midnight of the day, so many days on.",
        "print startofday(now())",
    ),
    function(
        "startofweek",
        args![datetime("time"), OFFSET],
        AT,
        "Midnight of the week's Sunday.",
        "print startofweek(now())",
    ),
    function(
        "startofmonth",
        args![datetime("time"), OFFSET],
        AT,
        "The first of the month.",
        "print startofmonth(now())",
    ),
    function("startofyear", args![datetime("time"), OFFSET], AT, "The first of January.", "print startofyear(now())"),
    function("endofday", args![datetime("time"), OFFSET], AT, "The last tick of the day.", "print endofday(now())"),
    function(
        "endofweek",
        args![datetime("time"), OFFSET],
        AT,
        "The last tick of the week's Saturday.",
        "print endofweek(now())",
    ),
    function(
        "endofmonth",
        args![datetime("time"), OFFSET],
        AT,
        "The last tick of the month.",
        "print endofmonth(now())",
    ),
    function("endofyear", args![datetime("time"), OFFSET], AT, "The last tick of the year.", "print endofyear(now())"),
    function(
        "dayofweek",
        args![datetime("time")],
        Type::TimeSpan,
        "Days since the last Sunday, as a timespan.",
        "print dayofweek(now())",
    ),
    function("dayofmonth", args![datetime("time")], PART_OF, "1 to 31.", "print dayofmonth(now())"),
    function("dayofyear", args![datetime("time")], PART_OF, "1 to 366.", "print dayofyear(now())"),
    function(
        "week_of_year",
        args![datetime("time")],
        PART_OF,
        "The week of the year by ISO 8601.",
        "print week_of_year(now())",
    ),
    function("hourofday", args![datetime("time")], PART_OF, "0 to 23.", "print hourofday(now())"),
    function("monthofyear", args![datetime("time")], PART_OF, "1 to 12.", "print monthofyear(now())"),
    function("getyear", args![datetime("time")], PART_OF, "The year.", "print getyear(now())"),
    keeps_name(
        "bin_auto",
        args![summable("value")],
        Gives::Special,
        "Rounds down to a multiple of what `set query_bin_auto_size` says, counted from `query_bin_auto_at`.",
        "set query_bin_auto_size=1h; print bin_auto(now())",
    ),
    function(
        "datetime_utc_to_local",
        args![datetime("time"), string("time zone")],
        AT,
        "What clocks in a time zone show at a time.",
        "print datetime_utc_to_local(now(), 'Europe/Paris')",
    ),
    function(
        "datetime_local_to_utc",
        args![datetime("local time"), string("time zone")],
        AT,
        "The time at which clocks in a time zone show this.",
        "print datetime_local_to_utc(now(), 'Europe/Paris')",
    ),
    function(
        "datetime_list_timezones",
        args![],
        Type::Dynamic,
        "The names of the time zones that this system knows.",
        "print array_length(datetime_list_timezones()) > 0",
    ),
    function(
        "datetime_add",
        args![PART, long("amount"), datetime("time")],
        AT,
        "Adds so many years, quarters, months, weeks, days, hours, … .",
        "print datetime_add('month', 1, now())",
    ),
    function(
        "datetime_part",
        args![PART, datetime("time")],
        Type::Long,
        "One part of the time: year, month, day, hour, … .",
        "print datetime_part('hour', now())",
    ),
    function(
        "datetime_diff",
        args![PART, datetime("later"), datetime("earlier")],
        Type::Long,
        "How many boundaries of the part lie between two times.",
        "print datetime_diff('day', now(), ago(36h))",
    ),
    entry(
        FunctionKind::Scalar,
        "make_datetime",
        args![
            any("year"),
            any("month").optional(),
            any("day").optional(),
            any("hour").optional(),
            any("minute").optional(),
            any("second").optional()
        ],
        Gives::Type(AT),
        ResultName::None,
        "A point in time from its parts; null where they make none.",
        "print make_datetime(2026, 1, 2, 3, 4, 5)",
    ),
    entry(
        FunctionKind::Scalar,
        "make_timespan",
        args![
            any("days or hours"),
            any("hours or minutes").optional(),
            any("minutes or seconds").optional(),
            any("seconds").optional()
        ],
        Gives::Type(Type::TimeSpan),
        ResultName::None,
        "A length of time from its parts: hours and minutes, with seconds, with days before.",
        "print make_timespan(1, 2, 30, 55)",
    ),
    keeps_name(
        "format_datetime",
        args![datetime("time"), string("format")],
        Gives::Type(Type::String),
        "The time as text: yyyy MM dd HH mm ss fffffff and the like.",
        "print format_datetime(now(), 'yyyy-MM-dd')",
    ),
    keeps_name(
        "format_timespan",
        args![timespan("span"), string("format")],
        Gives::Type(Type::String),
        "The span as text: d HH mm ss fffffff and the like.",
        "print format_timespan(90m, 'h:mm')",
    ),
    function(
        "unixtime_seconds_todatetime",
        args![number("seconds")],
        AT,
        "From seconds since 1970.",
        "print unixtime_seconds_todatetime(1767225600)",
    ),
    function(
        "unixtime_milliseconds_todatetime",
        args![number("milliseconds")],
        AT,
        "From milliseconds since 1970.",
        "print unixtime_milliseconds_todatetime(1767225600000)",
    ),
    function(
        "unixtime_microseconds_todatetime",
        args![number("microseconds")],
        AT,
        "From microseconds since 1970.",
        "print unixtime_microseconds_todatetime(1767225600000000)",
    ),
    function(
        "unixtime_nanoseconds_todatetime",
        args![takes("nanoseconds", Takes::Number)],
        AT,
        "From nanoseconds since 1970.",
        "print unixtime_nanoseconds_todatetime(1767225600000000000)",
    ),
];
