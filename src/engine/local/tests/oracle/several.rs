//! Operators over several tables: `union`, `join` and `lookup`, `in` over a table.

use super::expression::Kind::{Long, Text, Time};
use super::expression::{Column, Said, pick};
use super::pipeline::{Rows, Writer, names, nothing};

impl Writer {
    /// `where x in (other rows)`
    pub fn member(&mut self, rows: &mut Rows) {
        let other = self.other();
        let kind = *pick(&mut self.rng, &[Long, Text, Time]);
        let (own, their) = (self.expression(&rows.columns, kind, 1), self.expression(&other.columns, kind, 1));
        let y = self.name();
        let list = self.part(&format!("SELECT {} AS {y} FROM {}", their.sql, other.part));
        let (not, absent) = *pick(&mut self.rng, &[("", 0), ("!", 1)]);
        let word = if absent == 1 { "NOT " } else { "" };
        let kql =
            format!("where {} {not}in (({} | project {y} = {} | where isnotnull({y})))", own.kql, other.kql, their.kql);
        let select = format!(
            "SELECT * FROM {} WHERE COALESCE({} {word}IN (SELECT {y} FROM {list} WHERE {y} IS NOT NULL), {absent})",
            rows.part, own.sql
        );
        self.then(rows, &kql, &select);
    }

    /// A union with rows that have some of these columns and some of their own.
    pub fn union(&mut self, rows: &mut Rows) {
        let other = self.other();
        let shared = self.some(&rows.columns);
        let added = if self.rng.bool() { Vec::new() } else { vec![pick(&mut self.rng, &other.columns).clone()] };
        let mut made: Vec<Said> = Vec::new();
        for column in &shared {
            let value = self.expression(&other.columns, column.kind, 1);
            made.push(Said {
                kql: format!("{} = {}", column.name, value.kql),
                sql: format!("{} AS {}", value.sql, column.name),
            });
        }
        made.extend(added.iter().map(|c| Said { kql: c.name.clone(), sql: c.name.clone() }));
        let list = |of: fn(&Said) -> &str| made.iter().map(of).collect::<Vec<_>>().join(", ");
        let right = self.part(&format!("SELECT {} FROM {}", list(|s| &s.sql), other.part));
        let inner = self.rng.u8(..4) == 0;
        let columns: Vec<Column> = if inner {
            rows.columns.iter().filter(|c| shared.iter().any(|s| s.name == c.name)).cloned().collect()
        } else {
            rows.columns.iter().chain(&added).cloned().collect()
        };
        let side = |has: &[Column], from: &str| {
            let cells = columns.iter().map(|c| {
                let own = has.iter().any(|h| h.name == c.name);
                if own { c.name.clone() } else { format!("{} AS {}", nothing(c.kind), c.name) }
            });
            format!("SELECT {} FROM {from}", cells.collect::<Vec<_>>().join(", "))
        };
        let both = [side(&rows.columns, &rows.part), side(&[shared, added].concat(), &right)].join(" UNION ALL ");
        let kind = if inner { "kind=inner " } else { "" };
        rows.columns = columns;
        self.then(rows, &format!("union {kind}({} | project {})", other.kql, list(|s| &s.kql)), &both);
    }

    /// A join on one or two keys, each an expression of either side. Null matches null.
    pub fn join(&mut self, rows: &mut Rows) {
        let mut other = self.other();
        let (mut on, mut matches, mut their_keys) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rng.usize(1..3) {
            let kind = self.kind();
            self.extend(rows, kind);
            self.extend(&mut other, kind);
            let (own, their) =
                (&rows.columns[rows.columns.len() - 1].name, &other.columns[other.columns.len() - 1].name);
            on.push(format!("$left.{own} == $right.{their}"));
            matches.push(format!("l.{own} IS r.{their}"));
            their_keys.push(their.clone());
        }
        let kinds = [
            "innerunique",
            "inner",
            "leftouter",
            "rightouter",
            "fullouter",
            "leftsemi",
            "leftanti",
            "rightsemi",
            "rightanti",
            "lookup",
        ];
        let (kind, on, matches) = (*pick(&mut self.rng, &kinds), on.join(", "), matches.join(" AND "));
        let word = if kind == "lookup" { "lookup kind=leftouter".to_owned() } else { format!("join kind={kind}") };
        if kind == "innerunique" {
            // The left side has each key once, so that there is no choice.
            let keys = rows.columns.len() - their_keys.len();
            rows.columns.drain(..keys);
            let names = names(&rows.columns);
            self.then(rows, &format!("distinct {names}"), &format!("SELECT DISTINCT {names} FROM {}", rows.part));
        }
        let (l, r) = (rows.part.clone(), other.part.clone());
        let exists = |not: &str, from: &str, of: &str| {
            format!("SELECT * FROM {from} WHERE {not}EXISTS (SELECT 1 FROM {of} WHERE {matches})")
        };
        let (own, their) = (format!("{l} AS l"), format!("{r} AS r"));
        let kql = format!("{word} ({}) on {on}", other.kql);
        let select = match kind {
            "leftsemi" => exists("", &own, &their),
            "leftanti" => exists("NOT ", &own, &their),
            "rightsemi" => exists("", &their, &own),
            "rightanti" => exists("NOT ", &their, &own),
            _ => {
                let side = match kind {
                    "leftouter" | "lookup" => "LEFT",
                    "rightouter" => "RIGHT",
                    "fullouter" => "FULL",
                    _ => "INNER",
                };
                if kind == "lookup" {
                    other.columns.retain(|c| !their_keys.contains(&c.name));
                }
                let columns: Vec<Column> = rows.columns.iter().chain(&other.columns).cloned().collect();
                let cells = columns
                    .iter()
                    .map(|c| if c.kind == Text { format!("COALESCE({0}, '') AS {0}", c.name) } else { c.name.clone() });
                let select = format!(
                    "SELECT {} FROM {own} {side} JOIN {their} ON {matches}",
                    cells.collect::<Vec<_>>().join(", ")
                );
                rows.columns = columns;
                select
            }
        };
        if kind.starts_with("right") && !kind.ends_with("outer") {
            rows.columns = other.columns;
        }
        self.then(rows, &kql, &select);
    }
}
