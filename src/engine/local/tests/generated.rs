//! Generated pipelines: the optimised answer is the answer of the plan as it was written, and what comes has the schema that the binder said.

mod wide;

use fastrand::Rng;

use super::oracle::soak;
use crate::base::time::Ticks;
use crate::engine::local::column::{data_type, value_at};
use crate::engine::local::{Local, Options};
use crate::engine::{Answer, QueryEngine as _, Request};

/// A column of a pipeline under way: its name, and which of `KINDS` it is.
type Column = (String, &'static str);

const KINDS: [&str; 5] = ["long", "string", "datetime", "bool", "real"];

struct Writer {
    rng: Rng,
    names: usize,
}

impl Writer {
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.rng.usize(..from.len())]
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("c{}", self.names)
    }

    fn literal(&mut self, kind: &str) -> String {
        let n = self.rng.i64(-2..5);
        match kind {
            "long" => {
                if n == -2 {
                    "long(null)".into()
                } else {
                    n.to_string()
                }
            }
            "string" => format!("'{}'", self.pick(&["", "a", "b", "a b", "Ab"])),
            "datetime" if n == -2 => "datetime(null)".into(),
            "datetime" => format!("datetime(2026-01-01 00:{:02}:00)", self.rng.u32(0..40)),
            "dynamic" => "dynamic([1, 'x', {'a': 2}])".into(),
            "bool" => (*self.pick(&["true", "false", "bool(null)"])).into(),
            _ => {
                if n == -2 {
                    "real(null)".into()
                } else {
                    format!("{n}.5")
                }
            }
        }
    }

    fn table(&mut self) -> (String, Vec<Column>) {
        let mut columns: Vec<Column> = vec![(self.name(), "long"), (self.name(), "string"), (self.name(), "datetime")];
        for _ in 0..self.rng.usize(0..3) {
            let kind = *self.pick(&KINDS);
            columns.push((self.name(), kind));
        }
        if self.rng.u8(..4) == 0 {
            // Many rows of few values.
            let rows = self.rng.usize(1..120);
            let (long, text, time) = (&columns[0].0, &columns[1].0, &columns[2].0);
            let made = format!(
                "range {long} from 1 to {rows} step 1 | extend {text} = tostring({long} % 3), {time} = datetime(2026-01-01) + ({long} % 40) * 1m"
            );
            return (made, columns[..3].to_vec());
        }
        let schema: Vec<String> = columns.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        let mut cells = Vec::new();
        for _ in 0..self.rng.usize(0..14) {
            cells.extend(columns.iter().map(|(_, kind)| self.literal(kind)));
        }
        (format!("datatable({})[{}]", schema.join(", "), cells.join(", ")), columns)
    }

    /// An expression of a kind.
    fn expr(&mut self, columns: &[Column], kind: &str, depth: usize) -> String {
        let own: Vec<&String> = columns.iter().filter(|(_, k)| *k == kind).map(|(name, _)| name).collect();
        if depth == 0 || kind == "dynamic" || self.rng.u8(..3) == 0 {
            return if own.is_empty() || self.rng.u8(..5) == 0 {
                self.literal(kind)
            } else {
                (*self.pick(&own)).clone()
            };
        }
        let (choice, depth) = (self.rng.u8(..10), depth - 1);
        let mut of = |kind: &str| self.expr(columns, kind, depth);
        match (kind, choice) {
            ("bool", 0) => format!("({} and {})", of("bool"), of("bool")),
            ("bool", 1) => format!("({} or {})", of("bool"), of("bool")),
            ("bool", 2) => format!("not({})", of("bool")),
            ("bool", 3) => format!("({} < {})", of("long"), of("long")),
            ("bool", 4) => format!("({} == {})", of("string"), of("string")),
            ("bool", 5) => format!("({} has 'a')", of("string")),
            ("bool", 6) => format!("({} in ('a', 'b', ''))", of("string")),
            ("bool", 7) => format!("({} between ({} .. 10m))", of("datetime"), of("datetime")),
            ("bool", 8) => format!("isempty({})", of("string")),
            ("bool", _) => format!("({} >= {})", of("datetime"), of("datetime")),
            (_, 0 | 1) => format!("iff({}, {}, {})", of("bool"), of(kind), of(kind)),
            (_, 2 | 3) => format!("coalesce({}, {}, {})", of(kind), of(kind), of(kind)),
            (_, 4) => {
                format!("case({}, {}, {}, {}, {})", of("bool"), of(kind), of("bool"), of(kind), of(kind))
            }
            ("long", 5 | 6) => format!("({} + {})", of("long"), of("long")),
            ("long", 7) => format!("strlen({})", of("string")),
            ("long", _) => format!("datetime_diff('minute', {}, {})", of("datetime"), of("datetime")),
            ("string", 5 | 6) => format!("strcat({}, {})", of("string"), of("string")),
            ("string", 7) => format!("toupper({})", of("string")),
            ("string", _) => format!("tostring({})", of("long")),
            ("datetime", 5 | 6) => format!("({} + 5m)", of("datetime")),
            ("datetime", _) => format!("bin({}, 10m)", of("datetime")),
            (_, 5 | 6) => format!("toreal({})", of("long")),
            (_, _) => format!("({} * 2.0)", of("real")),
        }
    }

    /// Every column, so that no two orders are right.
    fn whole_order(&mut self, columns: &[Column]) -> String {
        let mut keys: Vec<String> = Vec::new();
        for (name, _) in columns {
            keys.push(format!("{name} {}", self.pick(&["asc", "desc"])));
        }
        self.rng.shuffle(&mut keys);
        keys.join(", ")
    }

    fn some(&mut self, columns: &[Column]) -> Vec<Column> {
        let mut some: Vec<Column> = columns.iter().filter(|_| self.rng.bool()).cloned().collect();
        if some.is_empty() {
            some.push(columns[0].clone());
        }
        some
    }

    fn operator(&mut self, columns: &mut Vec<Column>, joins: bool) -> String {
        match self.rng.u8(..if joins { 11 } else { 8 }) {
            0 | 1 => format!("where {}", self.expr(columns, "bool", 3)),
            2 => {
                let (kind, name) = (*self.pick(&KINDS), self.name());
                let text = format!("extend {name} = {}", self.expr(columns, kind, 3));
                columns.push((name, kind));
                text
            }
            3 => {
                let (kind, name) = (*self.pick(&KINDS), self.name());
                let made = self.expr(columns, kind, 2);
                *columns = self.some(columns);
                let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
                columns.push((name.clone(), kind));
                format!("project {}, {name} = {made}", names.join(", "))
            }
            4 => {
                *columns = self.some(columns);
                let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
                format!("distinct {}", names.join(", "))
            }
            5 => {
                let mut keys = self.some(columns);
                keys.truncate(2);
                let names: Vec<String> = keys.iter().map(|(name, _)| name.clone()).collect();
                let (count, sum, least, distinct, some) =
                    (self.name(), self.name(), self.name(), self.name(), self.name());
                let kind = *self.pick(&KINDS[..3]);
                let text = format!(
                    "summarize {count} = count(), {sum} = sum({}), {least} = min({}), {distinct} = dcount({}), {some} = countif({}) by {}",
                    self.expr(columns, "long", 1),
                    self.expr(columns, kind, 1),
                    self.expr(columns, "string", 1),
                    self.expr(columns, "bool", 2),
                    names.join(", ")
                );
                keys.extend([(count, "long"), (sum, "long"), (least, kind), (distinct, "long"), (some, "long")]);
                *columns = keys;
                text
            }
            6 => format!("sort by {} | take {}", self.whole_order(columns), self.rng.u8(..8)),
            7 => {
                let name = self.name();
                let text = format!("sort by {} | extend {name} = row_number()", self.whole_order(columns));
                columns.push((name, "long"));
                text
            }
            8 => {
                // The other rows take these columns' names.
                let (other, theirs) = self.pipeline(false);
                let made: Vec<String> =
                    columns.iter().map(|(name, kind)| format!("{name} = {}", self.expr(&theirs, kind, 1))).collect();
                format!("union ({other} | project {})", made.join(", "))
            }
            _ => self.join(columns),
        }
    }

    fn join(&mut self, columns: &mut Vec<Column>) -> String {
        let (other, theirs) = self.pipeline(false);
        let kinds = [
            "inner",
            "inner",
            "leftouter",
            "rightouter",
            "fullouter",
            "leftsemi",
            "leftanti",
            "rightsemi",
            "rightanti",
        ];
        let (kind, own_kind) = (*self.pick(&kinds), *self.pick(&KINDS[..3]));
        let (left, right) = (self.name(), self.name());
        let (own, their) = (self.expr(columns, own_kind, 1), self.expr(&theirs, own_kind, 1));
        let text = format!(
            "extend {left} = {own} | join kind={kind} ({other} | extend {right} = {their}) on $left.{left} == $right.{right}"
        );
        columns.push((left, own_kind));
        let mut others = theirs;
        others.push((right, own_kind));
        let times = |columns: &[Column]| columns.iter().find(|(_, k)| *k == "datetime").map(|(name, _)| name.clone());
        let range = times(columns).zip(times(&others));
        match kind {
            "leftsemi" | "leftanti" => {}
            "rightsemi" | "rightanti" => *columns = others,
            _ => {
                columns.extend(others);
                if let Some((a, b)) = range.filter(|_| self.rng.bool()) {
                    return format!("{text} | where {b} between ({a} .. 7m)");
                }
            }
        }
        text
    }

    fn pipeline(&mut self, joins: bool) -> (String, Vec<Column>) {
        let (mut text, mut columns) = self.table();
        for _ in 0..self.rng.usize(0..6) {
            text += " | ";
            text += &self.operator(&mut columns, joins);
        }
        (text, columns)
    }
}

/// The rows, sorted, as text; after holding them to their schema.
fn rows(answer: &Answer, text: &str) -> Vec<String> {
    let table = &answer.tables[0];
    let mut rows = Vec::new();
    for batch in &table.batches {
        for (column, array) in table.schema.iter().zip(batch.columns()) {
            assert_eq!(array.data_type(), &data_type(column.ty), "{} of {text}", column.name);
        }
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = table
                .schema
                .iter()
                .zip(batch.columns())
                .map(|(column, array)| format!("{:?}", value_at(array, row, column.ty).unwrap()))
                .collect();
            rows.push(cells.join(" "));
        }
    }
    rows.sort();
    rows
}

/// Runs generated pipelines both ways, and holds the answers to each other and to what the binder said.
fn compare(cases: u64, write: impl Fn(&mut Writer) -> (String, Vec<Column>)) {
    let engine = |unoptimised| Local::without_store(Options { workers: 2, unoptimised });
    let (optimised, as_written) = (engine(false), engine(true));
    for seed in 0..cases * soak() {
        let (text, columns) = write(&mut Writer { rng: Rng::with_seed(seed), names: 0 });
        let request = Request::new(text.clone(), Ticks(0));
        match (optimised.run(&request), as_written.run(&request)) {
            (Ok(ours), Ok(plain)) => {
                let names: Vec<(&str, &str)> = ours.tables[0].schema.iter().map(|c| (&*c.name, c.ty.name())).collect();
                let want: Vec<(&str, &str)> = columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
                assert_eq!(names, want, "{seed}: {text}");
                assert_eq!(ours.tables[0].schema, plain.tables[0].schema, "{seed}: {text}");
                assert_eq!(rows(&ours, &text), rows(&plain, &text), "{seed}: {text}");
            }
            (ours, plain) => panic!("{seed}: {text}\n{:?}\n{:?}", ours.map(drop), plain.map(drop)),
        }
    }
}

#[test]
fn the_optimised_answer_is_the_answer_of_the_plan_as_written() {
    compare(400, |writer| writer.pipeline(true));
}

#[test]
fn the_optimised_answer_over_arrays_series_and_windows_is_that_of_the_plan_as_written() {
    compare(250, |writer| {
        let (mut text, mut columns) = writer.table();
        for _ in 0..writer.rng.usize(1..7) {
            text += " | ";
            text += &writer.wide_operator(&mut columns);
        }
        (text, columns)
    });
}
