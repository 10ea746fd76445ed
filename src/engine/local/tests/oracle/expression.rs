//! Expressions in two languages. `RULES` is the law: what each means in KQL, as SQL.

use fastrand::Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Long,
    Real,
    Text,
    Bool,
    Time,
}

use Kind::{Bool, Long, Real, Text, Time};

impl Kind {
    pub const ALL: [Self; 5] = [Long, Real, Text, Bool, Time];

    pub fn name(self) -> &'static str {
        match self {
            Long => "long",
            Real => "real",
            Text => "string",
            Bool => "bool",
            Time => "datetime",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// The same thing said twice.
#[derive(Clone, Debug)]
pub struct Said {
    pub kql: String,
    pub sql: String,
}

impl Said {
    fn new(kql: impl Into<String>, sql: impl Into<String>) -> Self {
        Self { kql: kql.into(), sql: sql.into() }
    }
}

/// What it gives, of what, in KQL, in SQL. `{0}` is the first argument; `M` the low 32 bits, `(a + b)` wraps by adding the halves.
pub type Rule = (Kind, &'static [Kind], &'static str, &'static str);

#[rustfmt::skip]
const RULES: &[Rule] = &[
    // Whole numbers wrap, divide towards zero, give null for zero; a remainder is never negative.
    (Long, &[Long, Long], "({0} + {1})", "(((({0} >> 32) + ({1} >> 32) + ((({0} & M) + ({1} & M)) >> 32)) << 32) | ((({0} & M) + ({1} & M)) & M))"),
    (Long, &[Long, Long], "({0} - {1})", "(((({0} >> 32) + (~{1} >> 32) + ((({0} & M) + (~{1} & M) + 1) >> 32)) << 32) | ((({0} & M) + (~{1} & M) + 1) & M))"),
    (Long, &[Long], "({0} * 7)", "(((({0} >> 32) * 7 + ((({0} & M) * 7) >> 32)) << 32) | ((({0} & M) * 7) & M))"),
    (Long, &[Long], "(-3 * {0})", "(((({0} >> 32) * -3 + ((({0} & M) * -3) >> 32)) << 32) | ((({0} & M) * -3) & M))"),
    (Long, &[Long], "(-({0}))", "(CASE WHEN {0} = -9223372036854775808 THEN {0} ELSE -({0}) END)"),
    (Long, &[Long, Long], "({0} / {1})", "(CASE WHEN {1} = 0 THEN NULL WHEN {1} = -1 AND {0} = -9223372036854775808 THEN {0} ELSE {0} / {1} END)"),
    (Long, &[Long, Long], "({0} % {1})", "(CASE WHEN {1} = 0 THEN NULL WHEN {0} % {1} >= 0 THEN {0} % {1} WHEN {1} < 0 THEN {0} % {1} - {1} ELSE {0} % {1} + {1} END)"),
    (Long, &[Long], "({0} % 3)", "((({0} % 3) + 3) % 3)"),
    (Long, &[Long], "bin(-({0} % 100), 7)", "(-((({0} % 100) + 100) % 100) - ((-((({0} % 100) + 100) % 100) % 7) + 7) % 7)"),
    (Long, &[Long], "abs({0} % 50 - 25)", "abs((({0} % 50) + 50) % 50 - 25)"),
    (Long, &[Long, Long], "max_of({0}, {1})", "(CASE WHEN {0} IS NULL OR {0} < {1} THEN {1} ELSE {0} END)"),
    (Long, &[Long, Long], "min_of({0}, {1})", "(CASE WHEN {0} IS NULL OR {0} > {1} THEN {1} ELSE {0} END)"),
    (Long, &[Long, Long], "binary_and({0}, {1})", "({0} & {1})"),
    (Long, &[Long, Long], "binary_xor({0}, {1})", "(~({0} & {1}) & ({0} | {1}))"),
    (Long, &[Text], "strlen({0})", "length({0})"),
    (Long, &[Text], "indexof({0}, 'b')", "(instr({0}, 'b') - 1)"),
    (Long, &[Time, Time], "datetime_diff('minute', {0}, {1})", "({0} / 600000000 - {1} / 600000000)"),
    (Long, &[Time], "hourofday({0})", "({0} / 36000000000 % 24)"),
    (Long, &[Long], "tolong(tostring({0}))", "{0}"),
    (Long, &[Real], "tolong({0})", "CAST({0} AS INTEGER)"),
    (Long, &[Bool], "tolong({0})", "{0}"),
    (Long, &[Long], "binary_shift_left({0}, 3)", "({0} << 3)"),
    (Long, &[Text], "countof({0}, 'a')", "(length({0}) - length(replace({0}, 'a', '')))"),
    (Long, &[Text], "array_length(split({0}, ' '))", "(length({0}) - length(replace({0}, ' ', '')) + 1)"),
    (Long, &[Time], "datetime_part('minute', {0})", "({0} / 600000000 % 60)"),
    // Reals: multiples of powers of two, so that every sum is exact.
    (Real, &[Real, Real], "({0} + {1})", "({0} + {1})"),
    (Real, &[Real, Real], "({0} - {1})", "({0} - {1})"),
    (Real, &[Real], "({0} * -0.5)", "({0} * -0.5)"),
    (Real, &[Real], "({0} / 4)", "({0} / 4)"),
    (Real, &[Real, Long], "({0} + {1} % 10)", "({0} + (({1} % 10) + 10) % 10)"),
    (Real, &[Long], "toreal({0} % 100)", "CAST((({0} % 100) + 100) % 100 AS REAL)"),
    (Real, &[Real], "round({0})", "round({0})"),
    (Real, &[Real], "abs({0})", "abs({0})"),
    (Real, &[Real], "bin({0}, 0.5)", "((CAST({0} * 2 AS INTEGER) - ({0} * 2 < CAST({0} * 2 AS INTEGER))) * 0.5)"),
    (Real, &[Time, Time], "(({0} - {1}) / 1s)", "(CAST({0} - {1} AS REAL) / 10000000)"),
    // Text has no null: what has no value is "".
    (Text, &[Text, Text], "strcat({0}, {1})", "({0} || {1})"),
    (Text, &[Text, Long], "strcat({0}, '-', {1})", "({0} || '-' || COALESCE(CAST({1} AS TEXT), ''))"),
    (Text, &[Text], "toupper({0})", "upper({0})"),
    (Text, &[Text], "tolower({0})", "lower({0})"),
    (Text, &[Long], "tostring({0})", "COALESCE(CAST({0} AS TEXT), '')"),
    (Text, &[Bool], "tostring({0})", "(CASE WHEN {0} THEN 'True' WHEN NOT {0} THEN 'False' ELSE '' END)"),
    (Text, &[Time], "tostring({0})", "COALESCE(strftime('%Y-%m-%dT%H:%M:%S', {0} / 10000000 - 62135596800, 'unixepoch') || '.0000000Z', '')"),
    (Text, &[Text], "substring({0}, 1, 2)", "substr({0}, 2, 2)"),
    (Text, &[Text], "replace_string({0}, 'a', 'zz')", "replace({0}, 'a', 'zz')"),
    (Text, &[Text], "trim_end('b', {0})", "(CASE WHEN substr({0}, -1) = 'b' THEN substr({0}, 1, length({0}) - 1) ELSE {0} END)"),
    (Text, &[Text, Text], "strcat_delim('+', {0}, {1})", "({0} || '+' || {1})"),
    (Text, &[Text], "tostring(split({0}, ' ')[0])", "substr({0}, 1, instr({0} || ' ', ' ') - 1)"),
    // Equality with one null is false, inequality true; of two nulls it is null. An order with a null is null.
    (Bool, &[Long, Long], "({0} == {1})", "(CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL ELSE {0} IS {1} END)"),
    (Bool, &[Long, Long], "({0} != {1})", "(CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL ELSE {0} IS NOT {1} END)"),
    (Bool, &[Long, Long], "({0} < {1})", "({0} < {1})"),
    (Bool, &[Long, Long], "({0} >= {1})", "({0} >= {1})"),
    (Bool, &[Long, Real], "({0} % 10 > {1})", "((({0} % 10) + 10) % 10 > {1})"),
    (Bool, &[Real, Real], "({0} == {1})", "(CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL ELSE {0} IS {1} END)"),
    (Bool, &[Real, Real], "({0} != {1})", "(CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL ELSE {0} IS NOT {1} END)"),
    (Bool, &[Real, Real], "({0} <= {1})", "({0} <= {1})"),
    (Bool, &[Time, Time], "({0} == {1})", "(CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL ELSE {0} IS {1} END)"),
    (Bool, &[Time, Time], "({0} > {1})", "({0} > {1})"),
    (Bool, &[Bool, Bool], "({0} == {1})", "(CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL ELSE {0} IS {1} END)"),
    (Bool, &[Bool, Bool], "({0} != {1})", "(CASE WHEN {0} IS NULL AND {1} IS NULL THEN NULL ELSE {0} IS NOT {1} END)"),
    (Bool, &[Text, Text], "({0} == {1})", "({0} = {1})"),
    (Bool, &[Text, Text], "({0} != {1})", "({0} <> {1})"),
    (Bool, &[Text, Text], "({0} =~ {1})", "(lower({0}) = lower({1}))"),
    (Bool, &[Text, Text], "({0} !~ {1})", "(lower({0}) <> lower({1}))"),
    (Long, &[Text, Text], "strcmp({0}, {1})", "(({0} > {1}) - ({0} < {1}))"),
    (Bool, &[Text, Text], "({0} contains {1})", "(instr(lower({0}), lower({1})) > 0)"),
    (Bool, &[Text, Text], "({0} !contains_cs {1})", "(instr({0}, {1}) = 0)"),
    (Bool, &[Text], "({0} startswith 'a')", "(lower(substr({0}, 1, 1)) = 'a')"),
    (Bool, &[Text], "({0} !endswith_cs 'b')", "(substr({0}, -1) <> 'b')"),
    (Bool, &[Text], "({0} has 'a')", "((' ' || lower({0}) || ' ') GLOB '*[^a-z0-9]a[^a-z0-9]*')"),
    (Bool, &[Text], "({0} !hasprefix 'ab')", "((' ' || lower({0})) NOT GLOB '*[^a-z0-9]ab*')"),
    (Bool, &[Text], "({0} hassuffix_cs 'b')", "(({0} || ' ') GLOB '*b[^a-zA-Z0-9]*')"),
    (Bool, &[Text], "({0} has_any ('b', '50', 'x'))", "((' ' || lower({0}) || ' ') GLOB '*[^a-z0-9]b[^a-z0-9]*' OR (' ' || lower({0}) || ' ') GLOB '*[^a-z0-9]50[^a-z0-9]*' OR (' ' || lower({0}) || ' ') GLOB '*[^a-z0-9]x[^a-z0-9]*')"),
    (Bool, &[Text, Text, Text], "({0} in ({1}, {2}))", "({0} IN ({1}, {2}))"),
    (Bool, &[Text], "({0} in ('a', 'b', ''))", "({0} IN ('a', 'b', ''))"),
    (Bool, &[Text], "({0} !in~ ('AB', 'x_y'))", "(lower({0}) NOT IN ('ab', 'x_y'))"),
    (Bool, &[Long], "({0} in (1, 3))", "COALESCE({0} IN (1, 3), 0)"),
    (Bool, &[Long], "({0} !in (1, 3))", "COALESCE({0} NOT IN (1, 3), 1)"),
    (Bool, &[Long, Long, Long], "({0} between ({1} .. {2}))", "({0} >= {1} AND {0} <= {2})"),
    (Bool, &[Long], "({0} !between (0 .. 2))", "({0} < 0 OR {0} > 2)"),
    (Bool, &[Time, Time], "({0} between ({1} .. 10m))", "({0} >= {1} AND {0} <= {1} + 6000000000)"),
    (Bool, &[Time, Time], "({0} - {1} > 5m)", "({0} - {1} > 3000000000)"),
    (Bool, &[Bool, Bool], "({0} and {1})", "({0} AND {1})"),
    (Bool, &[Bool, Bool], "({0} or {1})", "({0} OR {1})"),
    (Bool, &[Bool], "not({0})", "(NOT {0})"),
    (Bool, &[Text], "isempty({0})", "({0} = '')"),
    (Bool, &[Text], "isnull({0})", "({0} IS NULL)"),
    (Bool, &[Long], "isnull({0})", "({0} IS NULL)"),
    (Bool, &[Real], "isnotnull({0})", "({0} IS NOT NULL)"),
    (Bool, &[Time], "isempty({0})", "({0} IS NULL)"),
    (Bool, &[Bool], "isnull({0})", "({0} IS NULL)"),
    (Bool, &[Long], "tobool({0})", "({0} <> 0)"),
    (Time, &[Time], "({0} + 5m)", "({0} + 3000000000)"),
    (Time, &[Time, Long], "({0} - ({1} % 10) * 1s)", "({0} - (({1} % 10) + 10) % 10 * 10000000)"),
    (Time, &[Time], "bin({0}, 10m)", "({0} - {0} % 6000000000)"),
    (Time, &[Time], "startofday({0})", "({0} - {0} % 864000000000)"),
    (Time, &[Time], "todatetime(tostring({0}))", "{0}"),
    (Time, &[Time], "datetime_add('hour', 1, {0})", "({0} + 36000000000)"),
];

/// As a `Rule`.
pub type Aggregate = Rule;

/// A text that looks like a time is sorted as one, hence the `_`. Aggregates skip nulls; of nothing a sum is 0 and a least is null. Text is never null, so that "" counts.
#[rustfmt::skip]
pub const AGGREGATES: &[Aggregate] = &[
    (Long, &[], "count()", "COUNT(*)"),
    (Long, &[Bool], "countif({0})", "COUNT(CASE WHEN {0} THEN 1 END)"),
    (Long, &[Long], "sum({0})", "COALESCE(((SUM({0} >> 32) + (SUM({0} & M) >> 32)) << 32) | (SUM({0} & M) & M), 0)"),
    (Long, &[Long, Bool], "sumif({0} % 10, {1})", "COALESCE(SUM((({0} % 10) + 10) % 10) FILTER (WHERE {1}), 0)"),
    (Real, &[Real], "sum({0})", "TOTAL({0})"),
    (Long, &[Long], "min({0})", "MIN({0})"),
    (Long, &[Long], "max({0})", "MAX({0})"),
    (Long, &[Long, Bool], "maxif({0}, {1})", "MAX({0}) FILTER (WHERE {1})"),
    (Real, &[Real], "min({0})", "MIN({0})"),
    (Real, &[Real, Bool], "minif({0}, {1})", "MIN({0}) FILTER (WHERE {1})"),
    (Time, &[Time], "max({0})", "MAX({0})"),
    (Time, &[Time], "min({0})", "MIN({0})"),
    (Text, &[Text], "min({0})", "COALESCE(MIN({0}), '')"),
    (Text, &[Text], "max({0})", "COALESCE(MAX({0}), '')"),
    (Long, &[Long], "dcount({0})", "COUNT(DISTINCT {0})"),
    (Long, &[Text], "dcount({0})", "COUNT(DISTINCT {0})"),
    (Long, &[Time, Bool], "dcountif({0}, {1})", "COUNT(DISTINCT {0}) FILTER (WHERE {1})"),
    (Long, &[Bool], "dcount({0})", "COUNT(DISTINCT {0})"),
    (Bool, &[Long], "min({0}) < 2", "(MIN({0}) < 2)"),
    (Long, &[Long, Long], "sum({0} % 10) - max({1} % 10)", "(COALESCE(SUM((({0} % 10) + 10) % 10), 0) - MAX((({1} % 10) + 10) % 10))"),
    (Long, &[Real], "count_distinct({0})", "COUNT(DISTINCT {0})"),
    (Text, &[Long], "tostring(array_sort_asc(make_set({0})))", "json_group_array(DISTINCT {0} ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL)"),
    (Text, &[Long], "tostring(array_sort_asc(make_list({0})))", "json_group_array({0} ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL)"),
    (Text, &[Text], "tostring(array_sort_asc(make_set(strcat('_', {0}))))", "json_group_array(DISTINCT '_' || {0} ORDER BY '_' || {0})"),
    (Text, &[Text, Bool], "tostring(array_sort_asc(make_list_if(strcat('_', {0}), {1})))", "json_group_array('_' || {0} ORDER BY {0}) FILTER (WHERE {1})"),
];

/// An average of nothing is NaN, which SQLite has not: only at the end of a pipeline.
pub const AVERAGES: &[Aggregate] = &[
    (Real, &[Long], "avg({0} % 10)", "COALESCE(AVG((({0} % 10) + 10) % 10), 'NaN')"),
    (Real, &[Real], "avg({0})", "COALESCE(AVG({0}), 'NaN')"),
    (Real, &[Real, Bool], "avgif({0}, {1})", "COALESCE(AVG({0}) FILTER (WHERE {1}), 'NaN')"),
];

/// What every type has. A condition that is null is false; text counts as missing where it is empty.
const ANY: [(&str, &str); 3] = [
    ("iff({c}, {0}, {1})", "(CASE WHEN {c} THEN {0} ELSE {1} END)"),
    ("case({c}, {0}, {d}, {1}, {2})", "(CASE WHEN {c} THEN {0} WHEN {d} THEN {1} ELSE {2} END)"),
    ("coalesce({0}, {1}, {2})", "COALESCE({0}, {1}, {2})"),
];

const COALESCE_TEXT: &str = "COALESCE(NULLIF({0}, ''), NULLIF({1}, ''), {2})";

/// 2026-01-01 in ticks.
const NEW_YEAR: i64 = 639_028_224_000_000_000;

pub fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}

/// A value of a kind. A null is rarely a text's.
pub fn literal(rng: &mut Rng, kind: Kind) -> Said {
    if kind != Text && rng.u8(..6) == 0 {
        return Said::new(format!("{}(null)", kind.name()), "NULL");
    }
    match kind {
        Long => {
            let n = if rng.u8(..20) == 0 { *pick(rng, &[i64::MAX, i64::MIN, 1 << 40]) } else { rng.i64(-4..6) };
            Said::new(n.to_string(), n.to_string())
        }
        Real => {
            let n = format!("{:?}", f64::from(rng.i32(-8..12)) / 4.0);
            Said::new(n.clone(), n)
        }
        Text => {
            let text = format!("'{}'", pick(rng, &["", "a", "b", "a b", "Ab", "x_y", "50%", "7", "aab"]));
            Said::new(text.clone(), text)
        }
        Bool => {
            let value = rng.bool();
            Said::new(value.to_string(), i32::from(value).to_string())
        }
        Time => {
            let minutes = rng.i64(0..300);
            let text = format!("datetime(2026-01-01 {:02}:{:02}:00)", minutes / 60, minutes % 60);
            Said::new(text, (NEW_YEAR + minutes * 600_000_000).to_string())
        }
    }
}

/// The low half of a whole number.
const LOW: &str = "& 4294967295)";

fn filled(template: &str, arguments: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out += &rest[..open];
        let (name, argument) = arguments.iter().find(|(name, _)| rest[open..].starts_with(name)).unwrap();
        out += argument;
        rest = &rest[open + name.len()..];
    }
    out + rest
}

/// An expression of a kind over the columns.
pub fn expression(rng: &mut Rng, columns: &[Column], kind: Kind, depth: usize) -> Said {
    let own: Vec<&Column> = columns.iter().filter(|c| c.kind == kind).collect();
    if depth == 0 || rng.u8(..3) == 0 {
        if own.is_empty() || rng.u8(..5) == 0 {
            return literal(rng, kind);
        }
        let name = &pick(rng, &own).name;
        return Said::new(name, name);
    }
    let names = ["{0}", "{1}", "{2}", "{c}", "{d}"];
    let (kinds, kql, sql): ([Kind; 5], &str, &str) = if rng.u8(..4) == 0 {
        let (kql, sql) = *pick(rng, &ANY);
        let sql = if kind == Text && kql.starts_with("coalesce") { COALESCE_TEXT } else { sql };
        ([kind, kind, kind, Bool, Bool], kql, sql)
    } else {
        let rules: Vec<&Rule> = RULES.iter().filter(|rule| rule.0 == kind).collect();
        let (_, of, kql, sql) = **pick(rng, &rules);
        let at = |n: usize| of.get(n).copied().unwrap_or(Bool);
        ([at(0), at(1), at(2), Bool, Bool], kql, sql)
    };
    let mut arguments = Vec::new();
    for (name, kind) in names.into_iter().zip(kinds) {
        if kql.contains(name) {
            arguments.push((name, expression(rng, columns, kind, depth - 1)));
        }
    }
    let of = |pick: fn(&Said) -> &str| arguments.iter().map(|(name, said)| (*name, pick(said))).collect::<Vec<_>>();
    Said::new(filled(kql, &of(|said| &said.kql)), filled(&sql.replace("& M)", LOW), &of(|said| &said.sql)))
}

/// A rule with its arguments in place.
pub fn apply(kql: &str, sql: &str, arguments: &[Said]) -> Said {
    let names = ["{0}", "{1}"].into_iter().zip(arguments);
    let of = |pick: fn(&Said) -> &str| names.clone().map(|(name, said)| (name, pick(said))).collect::<Vec<_>>();
    Said::new(filled(kql, &of(|said| &said.kql)), filled(&sql.replace("& M)", LOW), &of(|said| &said.sql)))
}
