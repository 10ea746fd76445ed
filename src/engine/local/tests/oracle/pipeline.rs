//! Pipelines in two languages: every step is an operator of KQL and a `SELECT` over the step before it.

use std::fmt::Write as _;

use fastrand::Rng;

use super::expression::Kind::{Bool, Long, Text, Time};
use super::expression::{AGGREGATES, AVERAGES, Aggregate, Column, Kind, Said, apply, expression, literal, pick};

/// A pipeline up to one of its operators.
#[derive(Debug)]
pub struct Stage {
    pub kql: String,
    pub sql: String,
    pub columns: Vec<Column>,
    /// The order of the rows is part of the answer.
    pub ordered: bool,
}

/// From the table alone to the whole.
#[derive(Debug)]
pub struct Pipeline {
    pub stages: Vec<Stage>,
}

impl Pipeline {
    pub fn generate(seed: u64) -> Self {
        let mut writer = Writer { rng: Rng::with_seed(seed), names: 0, parts: Vec::new() };
        let mut rows = writer.table();
        let mut stages = vec![writer.stage(&rows)];
        let operators = writer.rng.usize(1..7);
        for n in 1..=operators {
            writer.operator(&mut rows, n == operators);
            stages.push(writer.stage(&rows));
        }
        Self { stages }
    }
}

/// Rows under way: how they are made in KQL, and the part of the SQL that holds them.
pub struct Rows {
    pub kql: String,
    pub columns: Vec<Column>,
    pub part: String,
    order: String,
}

pub struct Writer {
    pub rng: Rng,
    names: usize,
    parts: Vec<String>,
}

pub fn names(columns: &[Column]) -> String {
    columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// What a row has where there is none.
pub fn nothing(kind: Kind) -> &'static str {
    if kind == Text { "''" } else { "NULL" }
}

impl Writer {
    fn stage(&self, rows: &Rows) -> Stage {
        let sql = format!("WITH {}\nSELECT * FROM {}{}", self.parts.join(",\n"), rows.part, rows.order);
        Stage { kql: rows.kql.clone(), sql, columns: rows.columns.clone(), ordered: !rows.order.is_empty() }
    }

    /// A part of the SQL, computed once.
    pub fn part(&mut self, select: &str) -> String {
        let name = format!("s{}", self.parts.len());
        self.parts.push(format!("{name} AS MATERIALIZED ({select})"));
        name
    }

    pub fn then(&mut self, rows: &mut Rows, kql: &str, select: &str) {
        rows.kql += " | ";
        rows.kql += kql;
        rows.part = self.part(select);
        rows.order.clear();
    }

    pub fn name(&mut self) -> String {
        self.names += 1;
        format!("c{}", self.names)
    }

    pub fn expression(&mut self, columns: &[Column], kind: Kind, depth: usize) -> Said {
        expression(&mut self.rng, columns, kind, depth)
    }

    pub fn new_column(&mut self, kind: Kind) -> Column {
        Column { name: self.name(), kind }
    }

    pub fn kind(&mut self) -> Kind {
        *pick(&mut self.rng, &Kind::ALL)
    }

    pub fn some(&mut self, columns: &[Column]) -> Vec<Column> {
        let mut some: Vec<Column> = columns.iter().filter(|_| self.rng.bool()).cloned().collect();
        if some.is_empty() {
            some.push(pick(&mut self.rng, columns).clone());
        }
        some
    }

    fn table(&mut self) -> Rows {
        if self.rng.u8(..4) == 0 {
            let (n, column) = (self.rng.u32(1..150), self.new_column(Long));
            let name = &column.name;
            let select = format!(
                "WITH RECURSIVE r({name}) AS (SELECT 1 UNION ALL SELECT {name} + 1 FROM r WHERE {name} < {n}) SELECT {name} FROM r"
            );
            let kql = format!("range {name} from 1 to {n} step 1");
            let mut rows = Rows { kql, part: self.part(&select), columns: vec![column], order: String::new() };
            self.extend(&mut rows, Text);
            self.extend(&mut rows, Time);
            return rows;
        }
        let mut columns = vec![self.new_column(Long), self.new_column(Text), self.new_column(Time)];
        for _ in 0..self.rng.usize(..4) {
            let kind = self.kind();
            columns.push(self.new_column(kind));
        }
        let (mut cells, mut selects) = (Vec::new(), Vec::new());
        for _ in 0..self.rng.usize(..14) {
            let mut row = Vec::new();
            for column in &columns {
                let value = literal(&mut self.rng, column.kind);
                cells.push(value.kql);
                row.push(format!("{} AS {}", value.sql, column.name));
            }
            selects.push(format!("SELECT {}", row.join(", ")));
        }
        if selects.is_empty() {
            let row: Vec<String> = columns.iter().map(|c| format!("NULL AS {}", c.name)).collect();
            selects.push(format!("SELECT {} WHERE 0", row.join(", ")));
        }
        let schema: Vec<String> = columns.iter().map(|c| format!("{}: {}", c.name, c.kind.name())).collect();
        let kql = format!("datatable({})[{}]", schema.join(", "), cells.join(", "));
        Rows { kql, part: self.part(&selects.join(" UNION ALL ")), columns, order: String::new() }
    }

    /// Other rows, by a few operators over a table of their own.
    pub fn other(&mut self) -> Rows {
        let mut rows = self.table();
        for _ in 0..self.rng.usize(..3) {
            self.simple(&mut rows);
        }
        rows
    }

    fn operator(&mut self, rows: &mut Rows, last: bool) {
        match self.rng.u8(..20) {
            0 => self.union(rows),
            1..=5 => self.join(rows),
            6 => self.member(rows),
            7 => {
                let other = self.other();
                let column = self.new_column(Long);
                let select =
                    format!("SELECT *, (SELECT COUNT(*) FROM {}) AS {} FROM {}", other.part, column.name, rows.part);
                self.then(rows, &format!("extend {} = toscalar({} | count)", column.name, other.kql), &select);
                rows.columns.push(column);
            }
            8 if last => {
                self.then(rows, "count", &format!("SELECT COUNT(*) AS Count FROM {}", rows.part));
                rows.columns = vec![Column { name: "Count".into(), kind: Long }];
            }
            9 | 10 if last => self.summarize(rows, AVERAGES),
            11 if last => self.sort(rows, None),
            _ => self.simple(rows),
        }
    }

    /// An operator over one table.
    fn simple(&mut self, rows: &mut Rows) {
        match self.rng.u8(..14) {
            0..=2 => {
                let predicate = self.expression(&rows.columns, Bool, 3);
                let select = format!("SELECT * FROM {} WHERE {}", rows.part, predicate.sql);
                self.then(rows, &format!("where {}", predicate.kql), &select);
            }
            3 | 4 => {
                let kind = self.kind();
                self.extend(rows, kind);
            }
            5 => self.replace(rows),
            6 => self.project(rows),
            7 => {
                rows.columns = self.some(&rows.columns);
                let names = names(&rows.columns);
                self.then(rows, &format!("distinct {names}"), &format!("SELECT DISTINCT {names} FROM {}", rows.part));
            }
            8 | 9 => self.summarize(rows, AGGREGATES),
            10 | 11 => {
                let count = self.rng.usize(..9);
                self.sort(rows, Some(count));
            }
            12 => self.window(rows),
            _ => self.choose(rows),
        }
    }

    pub fn extend(&mut self, rows: &mut Rows, kind: Kind) {
        let value = self.expression(&rows.columns, kind, 3);
        let column = self.new_column(kind);
        let select = format!("SELECT *, {} AS {} FROM {}", value.sql, column.name, rows.part);
        self.then(rows, &format!("extend {} = {}", column.name, value.kql), &select);
        rows.columns.push(column);
    }

    /// `extend` over a name that is there: the column keeps its place.
    fn replace(&mut self, rows: &mut Rows) {
        let (at, kind) = (self.rng.usize(..rows.columns.len()), self.kind());
        let value = self.expression(&rows.columns, kind, 2);
        let mut columns: Vec<String> = rows.columns.iter().map(|c| c.name.clone()).collect();
        let name = columns[at].clone();
        columns[at] = format!("{} AS {name}", value.sql);
        rows.columns[at].kind = kind;
        let select = format!("SELECT {} FROM {}", columns.join(", "), rows.part);
        self.then(rows, &format!("extend {name} = {}", value.kql), &select);
    }

    fn project(&mut self, rows: &mut Rows) {
        let kind = self.kind();
        let value = self.expression(&rows.columns, kind, 2);
        let made = self.new_column(kind);
        rows.columns = self.some(&rows.columns);
        self.rng.shuffle(&mut rows.columns);
        let names = names(&rows.columns);
        let select = format!("SELECT {names}, {} AS {} FROM {}", value.sql, made.name, rows.part);
        self.then(rows, &format!("project {names}, {} = {}", made.name, value.kql), &select);
        rows.columns.push(made);
    }

    /// `project-away`, `project-keep`, `project-reorder`, `project-rename`
    fn choose(&mut self, rows: &mut Rows) {
        let some = self.some(&rows.columns);
        let chosen = |c: &Column| some.iter().any(|s| s.name == c.name);
        let rest: Vec<Column> = rows.columns.iter().filter(|c| !chosen(c)).cloned().collect();
        let listed = names(&some);
        let (kql, columns) = match self.rng.u8(..4) {
            0 if !rest.is_empty() => (format!("project-away {listed}"), rest),
            1 => (format!("project-keep {listed}"), some),
            2 => (format!("project-reorder {listed}"), [some, rest].concat()),
            _ => {
                let (at, new) = (self.rng.usize(..rows.columns.len()), self.name());
                let old = std::mem::replace(&mut rows.columns[at].name, new.clone());
                let columns =
                    rows.columns.iter().map(|c| if c.name == new { format!("{old} AS {new}") } else { c.name.clone() });
                let select = format!("SELECT {} FROM {}", columns.collect::<Vec<_>>().join(", "), rows.part);
                return self.then(rows, &format!("project-rename {new} = {old}"), &select);
            }
        };
        let select = format!("SELECT {} FROM {}", names(&columns), rows.part);
        rows.columns = columns;
        self.then(rows, &kql, &select);
    }

    fn summarize(&mut self, rows: &mut Rows, of: &[Aggregate]) {
        let (mut keys, mut columns) = (Vec::new(), Vec::new());
        for _ in 0..self.rng.usize(..3) {
            let column = if self.rng.u8(..3) == 0 {
                let kind = self.kind();
                let (value, column) = (self.expression(&rows.columns, kind, 1), self.new_column(kind));
                keys.push(Said {
                    kql: format!("{} = {}", column.name, value.kql),
                    sql: format!("{} AS {}", value.sql, column.name),
                });
                column
            } else {
                let column = pick(&mut self.rng, &rows.columns).clone();
                keys.push(Said { kql: column.name.clone(), sql: column.name.clone() });
                column
            };
            if columns.iter().any(|c: &Column| c.name == column.name) {
                keys.pop();
            } else {
                columns.push(column);
            }
        }
        let mut aggregates = Vec::new();
        for _ in 0..self.rng.usize(1..4) {
            let (kind, kinds, kql, sql) = *pick(&mut self.rng, of);
            let arguments: Vec<Said> = kinds.iter().map(|kind| self.expression(&rows.columns, *kind, 1)).collect();
            let (said, column) = (apply(kql, sql, &arguments), self.new_column(kind));
            aggregates.push(Said {
                kql: format!("{} = {}", column.name, said.kql),
                sql: format!("{} AS {}", said.sql, column.name),
            });
            columns.push(column);
        }
        let kql = |all: &[Said]| all.iter().map(|s| s.kql.as_str()).collect::<Vec<_>>().join(", ");
        let sql: Vec<&str> = keys.iter().chain(&aggregates).map(|s| s.sql.as_str()).collect();
        let (mut text, mut select) =
            (format!("summarize {}", kql(&aggregates)), format!("SELECT {} FROM {}", sql.join(", "), rows.part));
        if !keys.is_empty() {
            let places: Vec<String> = (1..=keys.len()).map(|n| n.to_string()).collect();
            let _ = write!(text, " by {}", kql(&keys));
            let _ = write!(select, " GROUP BY {}", places.join(", "));
        }
        rows.columns = columns;
        self.then(rows, &text, &select);
    }

    /// Every column, so that rows that tie are the same. Nulls are first going up and last going down, in both languages.
    fn whole_order(&mut self, columns: &[Column]) -> Said {
        let mut keys: Vec<Said> = Vec::new();
        for Column { name, .. } in columns {
            let order = *pick(&mut self.rng, &["asc", "desc"]);
            keys.push(match self.rng.u8(..4) {
                0 => Said { kql: format!("{name} {order} nulls last"), sql: format!("{name} {order} NULLS LAST") },
                1 => Said { kql: format!("{name} {order} nulls first"), sql: format!("{name} {order} NULLS FIRST") },
                2 if order == "desc" => Said { kql: name.clone(), sql: format!("{name} desc") },
                _ => Said { kql: format!("{name} {order}"), sql: format!("{name} {order}") },
            });
        }
        self.rng.shuffle(&mut keys);
        let list = |of: fn(&Said) -> &str| keys.iter().map(of).collect::<Vec<_>>().join(", ");
        Said { kql: list(|s| &s.kql), sql: list(|s| &s.sql) }
    }

    fn sort(&mut self, rows: &mut Rows, limit: Option<usize>) {
        let by = self.whole_order(&rows.columns);
        let kql = match limit {
            Some(count) if self.rng.bool() => format!("top {count} by {}", by.kql),
            Some(count) => format!("sort by {} | take {count}", by.kql),
            None => format!("sort by {}", by.kql),
        };
        let limit = limit.map_or(String::new(), |count| format!(" LIMIT {count}"));
        self.then(rows, &kql, &format!("SELECT * FROM {} ORDER BY {}{limit}", rows.part, by.sql));
        rows.order = format!(" ORDER BY {}", by.sql);
    }

    fn window(&mut self, rows: &mut Rows) {
        let by = self.whole_order(&rows.columns);
        let of = pick(&mut self.rng, &rows.columns).clone();
        let (name, over) = (&of.name, format!("OVER (ORDER BY {} ROWS UNBOUNDED PRECEDING)", by.sql));
        let (kql, sql, kind) = match self.rng.u8(..4) {
            0 => ("row_number()".into(), format!("ROW_NUMBER() {over}"), Long),
            1 => (format!("prev({name})"), format!("COALESCE(LAG({name}) {over}, {})", nothing(of.kind)), of.kind),
            2 => {
                (format!("next({name}, 2)"), format!("COALESCE(LEAD({name}, 2) {over}, {})", nothing(of.kind)), of.kind)
            }
            _ => {
                let value = self.expression(&rows.columns, Long, 1);
                let kql = format!("row_cumsum(coalesce({} % 10, 0))", value.kql);
                (kql, format!("SUM(COALESCE((({0} % 10) + 10) % 10, 0)) {over}", value.sql), Long)
            }
        };
        let column = self.new_column(kind);
        let select = format!("SELECT *, {sql} AS {} FROM {}", column.name, rows.part);
        self.then(rows, &format!("sort by {} | extend {} = {kql}", by.kql, column.name), &select);
        rows.columns.push(column);
    }
}
