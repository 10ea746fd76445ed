//! The types of columns whose source does not say them, from every value there is.

use std::collections::HashSet;

use super::cells::{Cell, datetime};
use crate::event::json::{self, Kind};
use crate::kql::Type;

/// Distinct values up to which text lies as a dictionary.
const FEW: usize = 4_096;

/// What has been seen of a column.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    values: u64,
    longs: u64,
    reals: u64,
    bools: u64,
    times: u64,
    /// Lists and objects.
    nested: u64,
    /// "" in JSON: no value of a time, but text among texts.
    empty: u64,
    distinct: HashSet<Box<str>>,
    many: bool,
}

impl Seen {
    pub fn see(&mut self, cell: Cell<'_>) {
        if cell.is_null() {
            return;
        }
        let plain = cell.plain();
        if !self.many {
            if !self.distinct.contains(&*plain) {
                self.distinct.insert(plain.as_ref().into());
            }
            self.many = self.distinct.len() > FEW;
            if self.many {
                self.distinct = HashSet::new();
            }
        }
        let kind = match cell {
            Cell::Json(text) => json::kind(text).unwrap_or(Kind::Text),
            Cell::Text(text) => kind_of_text(text),
        };
        if plain.is_empty() {
            self.empty += 1;
            return;
        }
        self.values += 1;
        match kind {
            Kind::Number if is_long(&plain) => self.longs += 1,
            Kind::Number => self.reals += 1,
            Kind::Boolean => self.bools += 1,
            Kind::List | Kind::Object => self.nested += 1,
            _ if is_time(&plain) => self.times += 1,
            _ => {}
        }
    }

    /// The narrowest type that holds every value; string where there is none.
    pub fn ty(&self) -> Type {
        let all = |n: u64| n > 0 && n == self.values;
        match self.values {
            0 => Type::String,
            _ if self.nested > 0 => Type::Dynamic,
            _ if all(self.times) => Type::DateTime,
            _ if self.empty > 0 => Type::String,
            _ if all(self.longs) => Type::Long,
            _ if all(self.longs + self.reals) => Type::Real,
            _ if all(self.bools) => Type::Bool,
            _ => Type::String,
        }
    }

    /// Nothing but nulls.
    pub fn is_empty(&self) -> bool {
        self.values == 0
    }

    /// Few distinct values among many.
    pub fn few(&self) -> bool {
        !self.many && (self.distinct.len() as u64) * 4 <= self.values.max(64)
    }
}

/// A number as files write them; "007" and "+5" are texts that somebody meant.
fn kind_of_text(text: &str) -> Kind {
    match text.as_bytes() {
        [b'{' | b'[', ..] if json::valid(text) => json::kind(text).unwrap_or(Kind::Text),
        [b'-' | b'0'..=b'9', ..] if json::valid(text) => Kind::Number,
        _ if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => Kind::Boolean,
        _ => Kind::Text,
    }
}

fn is_long(text: &str) -> bool {
    text.parse::<i64>().is_ok() && text != "-0"
}

/// A date with a time of day, or a date year first: `1/2/2025` alone may be anything.
fn is_time(text: &str) -> bool {
    let starts = |n: usize| text.len() > n && text.as_bytes()[..n].iter().all(u8::is_ascii_digit);
    let dated = starts(4) && text.as_bytes()[4] == b'-' && text.len() >= 10;
    let month_first = text.contains('/') && text.contains(':') && (starts(1) || starts(2));
    (dated || month_first) && datetime(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(values: &[&str]) -> Type {
        let mut seen = Seen::default();
        for v in values {
            seen.see(Cell::Text(v));
        }
        seen.ty()
    }

    fn of_json(values: &[&str]) -> Type {
        let mut seen = Seen::default();
        for v in values {
            seen.see(Cell::Json(v));
        }
        seen.ty()
    }

    #[test]
    fn the_narrowest_type_that_holds_every_value_is_taken() {
        assert_eq!(of_text(&["1", "", "-20"]), Type::Long);
        assert_eq!(of_text(&["1", "2.5"]), Type::Real);
        assert_eq!(of_text(&["1", "x"]), Type::String);
        assert_eq!(of_text(&["007", "12"]), Type::String);
        assert_eq!(of_text(&["true", "False"]), Type::Bool);
        assert_eq!(of_text(&["{\"a\":1}", "", "[]"]), Type::Dynamic);
        assert_eq!(of_text(&["2025-04-18T12:55:02Z", "4/18/2025, 12:55:02.901 PM"]), Type::DateTime);
        assert_eq!(of_text(&["2025-04-18", "never"]), Type::String);
        assert_eq!(of_text(&["74be27de-1e4e-49d9-b579-fe0b331d3642"]), Type::String);
        assert_eq!(of_text(&["10.0.0.1"]), Type::String);
        assert_eq!(of_text(&["", ""]), Type::String);
    }

    #[test]
    fn json_says_more_than_text() {
        assert_eq!(of_json(&["1", "null", "2"]), Type::Long);
        assert_eq!(of_json(&["\"1\"", "\"2\""]), Type::String);
        assert_eq!(of_json(&["1e3", "2"]), Type::Real);
        assert_eq!(of_json(&["{}", "\"x\""]), Type::Dynamic);
        assert_eq!(of_json(&["\"2025-04-18T12:55:02Z\"", "\"\""]), Type::DateTime);
        assert_eq!(of_json(&["9223372036854775808"]), Type::Real);
        assert_eq!(of_json(&["true", "1"]), Type::String);
    }
}
