//! Whatever the text is, nothing panics: from the tokens to the binder, the formatter, the linter, completion and help.

mod grammar;

use proptest::prelude::*;

use super::bind::{Bound, Context, Known, bind};
use super::complete::{World, complete, help_at, signature_at};
use super::format::format;
use super::highlight::highlight;
use super::lint::lint;
use super::parser::{parse, parse_template};
use super::rename::rename;
use super::report::{json_line, report};
use super::{Catalog, Column, Schema, Type};
use crate::base::time::Ticks;

/// One table, or any.
struct Tables {
    open: bool,
}

impl Catalog for Tables {
    fn table(&self, name: &str) -> Option<Schema> {
        let columns = [("t", Type::DateTime), ("a", Type::String), ("b", Type::Long), ("d", Type::Dynamic)];
        (name == "T" && !self.open).then(|| columns.into_iter().map(|(name, ty)| Column::new(name, ty)).collect())
    }

    fn view(&self, name: &str) -> Option<&str> {
        (name == "V").then_some("(x: long = 1) { T | where b == x }")
    }

    fn names(&self) -> Vec<String> {
        vec!["T".into(), "V".into()]
    }

    fn is_open(&self) -> bool {
        self.open
    }
}

/// Everything that reads a query reads this one. The offset is anywhere in it.
fn read_by_all(text: &str, offset: usize) {
    for open in [false, true] {
        let parsed = if open { parse_template(text) } else { parse(text) };
        let catalog = Tables { open };
        let known = Known::default();
        let context = Context {
            catalog: &catalog,
            now: Ticks::default(),
            parameters: &[],
            timespan: None,
            window: None,
            known: &known,
            evaluate: None,
        };
        let outcome = bind(&parsed.query, text, &context);
        let refused = parsed.diagnostics.iter().chain(&outcome.diagnostics).next().is_some();
        // An open schema may leave a query without a plan and without a word.
        assert!(open || refused || outcome.bound != Bound::Invalid, "{text:?}");
        for found in parsed.diagnostics.iter().chain(&outcome.diagnostics) {
            let (start, end) = (found.range.start as usize, found.range.end as usize);
            assert!(text.get(start..end).is_some(), "{found:?} has no place in {text:?}");
        }
        report("q", text, &outcome.diagnostics, false);
        json_line("q", text, &parsed.diagnostics);
        lint(&parsed.query, text, &catalog);
        signature_at(text, offset, &catalog);
        complete(text, offset, World { catalog: &catalog, schema_of: &|_| None });
    }
    if let Some(formatted) = format(text) {
        assert_eq!(format(&formatted).as_deref(), Some(&*formatted), "{text:?}");
    }
    highlight(text);
    help_at(text, offset);
    let _ = rename(text, offset, "x");
}

/// One of most things.
const SEEDS: &[&str] = &[
    "T | where t > ago(1d) and a has 'x' or b in (1, 2) and not(d.e['f'][0] == 3) | extend c = strcat(a, \"y\"), (e, f) = d",
    "let n = toscalar(T | summarize max(b)); let f = (x: long, y: string = 'a') { T | where b == x and a == y }; f(n) | count",
    "T | summarize n = count(), arg_max(t, *), make_set_if(a, b > 1, 10) by bin(t, 1h), a | sort by n desc nulls last | take 5",
    "T | join kind=leftouter hint.strategy=broadcast (T | distinct a) on a, $left.b == $right.b | project-away a1, *_x | as Q",
    "union isfuzzy=true withsource=s (T | extend u = 1), V, Nothing* | project-rename z = u | project-reorder z, * asc | getschema",
    "T | mv-expand x = d.list to typeof(long) limit 3 | mv-apply y = d on (where y > 1 | top 1 by tolong(y)) | serialize r = row_number(), p = prev(r)",
    "T | make-series avg(b) default=0 on t from ago(1d) to now() step 1h by a | evaluate pivot(a) | render timechart with (title='x')",
    "T | parse kind=regex a with * 'k=' k:long ';' * | parse-kv a as (u: string) with (pair_delimiter=' ') | top-nested 2 of a by sum(b)",
    "datatable(k: string, v: dynamic) ['a', dynamic({\"x\": [1, 2.5, null]}), 'b', dynamic(null)] | evaluate bag_unpack(v)",
    "range x from 1 to 10 step 1 | extend y = case(x > 5, 'a', x > 3, 'b', 'c'), z = datetime_diff('day', now(), datetime(2024-01-01)) / 2",
    "T | scan declare (s: long = 0) with (step a output=all: b > 1 => s = s + b; step c: true;) | partition by a (take 1) | sample 3",
    "search in (T, V) 'x' and a: 'y' | find in (T) where b == 1 project a, pack(*) | facet by a with (count) | fork (take 1) (count)",
    "T | where t between ({TimeRange:start} .. {TimeRange:end}) and a {op} '{x}' | {steps} | summarize count() by {{by}} // end",
    "print h'secret', @'c:\\x', ```many\nlines```, 0x1F, 1e3, -5, 1.5d, guid(74be27de-1e4e-49d9-b579-fe0b331d3642), '\\u00e9', ['odd name'] = 1",
    "declare query_parameters(p: long = 3); set notruncation; T | where b > p | lookup V on b | invoke f(1) | reduce by a with threshold=0.1",
];

const PIECES: &[&str] = &[
    "|",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{x}",
    "$<c>$",
    ",",
    ";",
    ".",
    "..",
    ":",
    "=",
    "==",
    "!",
    "!in",
    "in~",
    "-",
    "*",
    "'",
    "\"",
    "@'",
    "```",
    "//",
    "\n",
    "\u{feff}",
    "\u{a0}",
    "\u{201c}",
    "é",
    "0",
    "9223372036854775808",
    "1d",
    "0x",
    "1e",
    "T",
    "V",
    "a",
    "d",
    "$left",
    "where",
    "by",
    "on",
    "let",
    "and",
    "or",
    "not",
    "between",
    "matches regex",
    "summarize",
    "join",
    "union",
    "project",
    "extend",
    "evaluate",
    "count()",
    "max(",
    "iff(",
    "toscalar(",
    "materialize(",
    "datatable(x:long)[",
    "dynamic(",
    "datetime(",
    "typeof(",
    "has_any",
    "mv-expand",
    "make-series",
    "scan",
    "render",
    "range",
];

/// A change of a text: at a place of 1000, so much taken out, this put in.
type Change = (usize, usize, usize);

fn changed(text: &str, changes: &[Change]) -> String {
    let mut text = text.to_owned();
    for (place, length, piece) in changes {
        let at = (0..=text.len() * place / 1000).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (at + length..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
        text.replace_range(at..end, PIECES[piece % PIECES.len()]);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn a_query_that_was_changed_anywhere_is_read(
        seed in 0..SEEDS.len(),
        changes in prop::collection::vec((0..1000usize, 0..25usize, 0..PIECES.len()), 1..6),
        offset in 0..1000usize,
    ) {
        let text = changed(SEEDS[seed], &changes);
        read_by_all(&text, text.len() * offset / 1000);
    }

    #[test]
    fn halves_of_two_queries_are_read(first in 0..SEEDS.len(), second in 0..SEEDS.len(), cut in 0..1000usize, from in 0..1000usize) {
        let (first, second) = (SEEDS[first], SEEDS[second]);
        let text = format!(
            "{}{}",
            first.get(..first.len() * cut / 1000).unwrap_or(first),
            second.get(second.len() * from / 1000..).unwrap_or(second)
        );
        read_by_all(&text, text.len() * cut / 1000);
    }

    #[test]
    fn any_soup_of_pieces_is_read(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40), offset in 0..1000usize) {
        for text in [pieces.join(" "), pieces.concat()] {
            read_by_all(&text, text.len() * offset / 1000);
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        read_by_all(&text, text.len() / 2);
    }
}

#[test]
fn the_seeds_read_before_they_are_changed() {
    for text in SEEDS {
        assert_eq!(parse_template(text).diagnostics, [], "{text}");
    }
}
