//! Operators beyond the relational core: arrays, bags, text cut apart, series, windows, columns chosen by name.

use super::{Column, Writer};

impl Writer {
    /// A column of a kind, if there is one.
    fn one(&mut self, columns: &[Column], kind: &str) -> Option<String> {
        let own: Vec<&String> = columns.iter().filter(|(_, k)| *k == kind).map(|(name, _)| name).collect();
        (!own.is_empty()).then(|| (*self.pick(&own)).clone())
    }

    /// A bag or an array of what the row has.
    fn dynamic(&mut self, columns: &[Column]) -> String {
        let (n, m) = (self.expr(columns, "long", 1), self.expr(columns, "long", 1));
        let text = self.expr(columns, "string", 1);
        match self.rng.u8(..5) {
            0 => format!("pack_array({n}, {text}, {m})"),
            1 => format!("bag_pack('a', {n}, 'b', pack_array({m}, {text}), 'c', bag_pack('d', {text}))"),
            2 => format!("parse_json(strcat('{{\"a\":', {n}, ',\"b\":[1,\"x\"],\"c\":{{\"d\":\"', {text}, '\"}}}}'))"),
            3 => "dynamic({'a': 7, 'b': ['x', null, 2], 'c': {'d': 'e'}})".into(),
            _ => format!("iff({}, dynamic([1, 2, 3]), dynamic(null))", self.expr(columns, "bool", 1)),
        }
    }

    /// A path into a dynamic column, converted.
    fn path(&mut self, of: &str) -> (String, &'static str) {
        let path = *self.pick(&[".a", ".b", ".b[0]", ".b[-1]", "[0]", ".c.d", "['c']['d']", ".none"]);
        let (function, kind) = *self.pick(&[
            ("tolong", "long"),
            ("tostring", "string"),
            ("toreal", "real"),
            ("tobool", "bool"),
            ("", "dynamic"),
        ]);
        (if function.is_empty() { format!("{of}{path}") } else { format!("{function}({of}{path})") }, kind)
    }

    /// An operator of this file, or one of the core.
    pub(super) fn wide_operator(&mut self, columns: &mut Vec<Column>) -> String {
        match self.rng.u8(..14) {
            0 | 1 => {
                let (name, made) = (self.name(), self.dynamic(columns));
                columns.push((name.clone(), "dynamic"));
                format!("extend {name} = {made}")
            }
            2 | 3 => match self.one(columns, "dynamic") {
                Some(of) => {
                    let ((made, kind), name) = (self.path(&of), self.name());
                    columns.push((name.clone(), kind));
                    format!("extend {name} = {made}")
                }
                None => self.core(columns),
            },
            4 => match self.one(columns, "dynamic") {
                Some(of) => {
                    let ((made, _), name) = (self.path(&of), self.name());
                    format!("extend {name} = {made} | where isnotempty({name}) | project-away {name}")
                }
                None => self.core(columns),
            },
            5 => self.mv_expand(columns),
            6 => {
                let (name, list) = (self.name(), self.dynamic(columns));
                let (least, sum) = (self.expr(columns, "long", 1), self.name());
                columns.push((sum.clone(), "long"));
                format!(
                    "mv-apply {name} = {list} to typeof(long) on (where {name} >= {least} | summarize {sum} = sum({name}))"
                )
            }
            7 => {
                let (text, n) = (self.expr(columns, "string", 1), self.expr(columns, "long", 1));
                let (a, b) = (self.name(), self.name());
                columns.extend([(a.clone(), "string"), (b.clone(), "long")]);
                let word = *self.pick(&["parse", "parse-where", "parse kind=relaxed"]);
                format!("{word} strcat({text}, '=', {n}) with {a} '=' {b}: long")
            }
            8 => self.make_series(columns),
            9 | 10 => self.choice_of_columns(columns),
            11 => self.window(columns),
            12 => match self.one(columns, "string") {
                Some(by) => {
                    let (name, list) = (self.name(), self.expr(columns, "long", 1));
                    let text = format!("summarize {name} = array_sort_asc(make_set({list})) by {by}");
                    *columns = vec![(by, "string"), (name, "dynamic")];
                    text
                }
                None => self.core(columns),
            },
            _ => self.core(columns),
        }
    }

    /// An operator of the core. Rows have no order and no groups by a bag or an array.
    fn core(&mut self, columns: &mut Vec<Column>) -> String {
        if columns.iter().all(|(_, kind)| *kind != "dynamic") {
            return self.operator(columns, true);
        }
        if self.rng.bool() {
            return format!("where {}", self.expr(columns, "bool", 2));
        }
        let (kind, name) = (*self.pick(&["long", "string", "datetime"]), self.name());
        let made = self.expr(columns, kind, 2);
        columns.push((name.clone(), kind));
        format!("extend {name} = {made}")
    }

    fn mv_expand(&mut self, columns: &mut Vec<Column>) -> String {
        let (index, list, name) = (self.name(), self.dynamic(columns), self.name());
        let (to, kind) = *self.pick(&[("", "dynamic"), (" to typeof(long)", "long"), (" to typeof(string)", "string")]);
        if self.rng.bool() {
            columns.push((name.clone(), kind));
            return format!("mv-expand {name} = {list}{to}");
        }
        columns.extend([(name.clone(), kind), (index.clone(), "long")]);
        format!("mv-expand with_itemindex={index} {name} = {list}{to}")
    }

    fn make_series(&mut self, columns: &mut Vec<Column>) -> String {
        let (count, sum, axis) = (self.name(), self.name(), self.name());
        let of = self.expr(columns, "long", 1);
        let time = self.expr(columns, "datetime", 1);
        let by = columns.iter().find(|(_, kind)| *kind == "string").cloned();
        let range = "from datetime(2026-01-01) to datetime(2026-01-01 01:00) step 10m";
        let grouped = by.as_ref().map_or(String::new(), |(name, _)| format!(" by {name}"));
        *columns = by.into_iter().collect();
        columns.extend([(count.clone(), "dynamic"), (sum.clone(), "dynamic"), (axis.clone(), "dynamic")]);
        format!(
            "extend {axis} = {time} | make-series {count} = count(), {sum} = sum({of}) default = -1 on {axis} {range}{grouped}"
        )
    }

    fn choice_of_columns(&mut self, columns: &mut Vec<Column>) -> String {
        let some = self.some(columns);
        let rest: Vec<Column> = columns.iter().filter(|c| !some.contains(c)).cloned().collect();
        let names = some.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        match self.rng.u8(..4) {
            0 if !rest.is_empty() => {
                *columns = rest;
                format!("project-away {names}")
            }
            1 => {
                *columns = some;
                format!("project-keep {names}")
            }
            2 => {
                *columns = [some, rest].concat();
                format!("project-reorder {names}")
            }
            _ => {
                let (at, new) = (self.rng.usize(..columns.len()), self.name());
                let old = std::mem::replace(&mut columns[at].0, new.clone());
                format!("project-rename {new} = {old}")
            }
        }
    }

    /// A window function over a whole order; bags and arrays have none.
    fn window(&mut self, columns: &mut Vec<Column>) -> String {
        columns.retain(|(_, kind)| *kind != "dynamic");
        if columns.is_empty() {
            let name = self.name();
            columns.push((name.clone(), "long"));
            return format!("project {name} = 1");
        }
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let (order, name) = (self.whole_order(columns), self.name());
        let (of, kind) = self.pick(columns).clone();
        let whole = self.expr(columns, "long", 1);
        let (made, kind) = match self.rng.u8(..4) {
            0 => (format!("prev({of})"), kind),
            1 => (format!("next({of}, 2)"), kind),
            2 => (format!("row_cumsum({whole})"), "long"),
            _ => (format!("row_rank_dense({of})"), "long"),
        };
        columns.push((name.clone(), kind));
        format!("project {} | sort by {order} | extend {name} = {made}", names.join(", "))
    }
}
