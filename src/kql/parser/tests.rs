use std::thread;

use proptest::prelude::*;

use super::parse;
use crate::kql::syntax::{BinaryOp, ExprKind, Node, OperatorKind, StatementKind, walk};

fn codes(text: &str) -> Vec<&'static str> {
    parse(text).diagnostics.iter().map(|d| d.code).collect()
}

/// The messages, each with the text that it points at.
fn findings(text: &str) -> Vec<(String, String)> {
    parse(text).diagnostics.iter().map(|d| (d.range.of(text).to_owned(), d.message.clone())).collect()
}

#[test]
fn a_pipeline_is_its_source_and_its_operators() {
    let parsed = parse("Events | where a == 1 | take 10");
    assert_eq!(parsed.diagnostics, []);
    let StatementKind::Expr(expr) = &parsed.query.statements[0].kind else { panic!("{parsed:?}") };
    let ExprKind::Pipe { source, operators } = &expr.kind else { panic!("{expr:?}") };
    assert_eq!(&*source.as_ref().unwrap().as_name().unwrap().text, "Events");
    assert!(
        matches!(&operators[0].kind, OperatorKind::Where { predicate } if matches!(predicate.kind, ExprKind::Binary { op: BinaryOp::Eq, .. }))
    );
    assert!(matches!(operators[1].kind, OperatorKind::Take { .. }));
}

#[test]
fn several_mistakes_are_said_at_once() {
    let text = "T | wehre a == 1 | extend b = | summarize count() c | take";
    assert_eq!(codes(text), ["KQL005", "KQL002", "KQL002", "KQL002"]);
    assert_eq!(findings(text)[0], ("wehre".into(), "there is no operator `wehre`".into()));
}

#[test]
fn a_mistake_is_said_once_with_what_to_write_instead() {
    for (text, place, code, help) in [
        ("T | wehre a", "wehre", "KQL005", "`where`"),
        ("T | WHERE a == 1", "WHERE", "KQL005", "`where`"),
        ("T | projectaway a", "projectaway", "KQL005", "`project-away`"),
        ("T | select a", "select", "KQL005", "`project`"),
        ("T | where a = 1", "=", "KQL009", "`==`"),
        ("T | where a == 1 AND b", "AND", "KQL009", "`and`"),
        ("T | where a && b", "&&", "KQL009", "`and`"),
        ("T | where a == 1 || b", "||", "KQL009", "`or`"),
        ("T | where a LIKE 'x%'", "LIKE", "KQL009", "contains"),
        ("T | where a is not null", "is", "KQL009", "isnull"),
        ("T | where a not in (1)", "not", "KQL009", "`!in`"),
        ("T | where !a", "!", "KQL009", "not("),
        ("T | where a == \u{201c}x\u{201d}", "\u{201c}x\u{201d}", "KQL007", "write \"…\""),
        ("T | where a == 'x", "'x", "KQL003", "close it"),
        ("T | where a == 'x\n| take 5", "'x", "KQL003", "close it"),
        ("T | where (a == 1 ", "(", "KQL004", ""),
        ("T | where a == 1)", ")", "KQL004", "remove it"),
        ("T | where f(a, b", "(", "KQL004", ""),
        ("T | summarize count() user", "user", "KQL002", "by"),
        ("T | summarize count(), by user", "by", "KQL002", "comma"),
        ("T | sort a", "a", "KQL002", "sort by"),
        ("T | top 5 a", "a", "KQL002", "by"),
        ("T | join (U) k", "k", "KQL002", "on key"),
        ("T | join kind=left (U) on k", "left", "KQL011", "leftouter"),
        ("T | where a in 'x', 'y'", "'x'", "KQL002", "in (…)"),
        ("T | where a between 1 and 2", "1", "KQL002", "between (low .. high)"),
        ("T | extend a = [1, 2]", "[", "KQL001", "dynamic"),
        ("T | where t > datetime(soon)", "soon", "KQL006", "year first"),
        ("T | where t > ago(2w)", "2w", "KQL006", "14d"),
        ("T | where a matches regex \"\\d\"", "\\d", "KQL006", "@"),
        ("T | extend int(a)", "a", "KQL006", "toint"),
        ("T where a", "where", "KQL002", "| where"),
        ("T | where a | ", "", "KQL002", "where"),
        ("T | where", "", "KQL002", ""),
        ("T | where a == 1 b == 2", "b", "KQL001", "missing"),
        ("let x = 1\nT | take 5", "", "KQL002", "end each statement"),
        ("let x 1; T", "1", "KQL002", "let name"),
        (".show tables", ".show tables", "KQL008", "begin with a table"),
        ("SELECT a FROM T WHERE b", "SELECT", "KQL009", "where"),
        ("/* x */ T", "/* x */", "KQL009", "//"),
        ("", "", "KQL012", "begin with a table"),
        ("T | where t > {Start}", "{Start}", "KQL001", "let"),
        ("datatable(a: strng) ['x']", "strng", "KQL011", "`string`"),
        ("T | sort by a DESC", "DESC", "KQL009", "`desc`"),
        ("range x from 1 to 5", "", "KQL002", "step"),
        ("T | take 99999999999999999999", "99999999999999999999", "KQL006", "real"),
    ] {
        let found = parse(text).diagnostics;
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert_eq!((found[0].range.of(text), found[0].code), (place, code), "{text}: {found:#?}");
        assert!(found[0].help.as_deref().unwrap_or_default().contains(help), "{text}: {found:#?}");
    }
}

#[test]
fn old_spellings_are_the_same_operators() {
    for (old, new) in [
        ("T | filter a", "T | where a"),
        ("T | order by a", "T | sort by a"),
        ("T | limit 5", "T | take 5"),
        (
            "T | where a <> 1 and b notcontains 'x' and c containscs 'y'",
            "T | where a != 1 and b !contains 'x' and c contains_cs 'y'",
        ),
        ("T | join kind=anti (U) on k", "T | join kind=leftanti (U) on k"),
        ("external_data(a: string) ['u']", "externaldata(a: string) ['u']"),
        ("T | extend a = TRUE", "T | extend a = true"),
    ] {
        assert_eq!(parse(old).diagnostics, [], "{old}");
        assert_eq!(parse(old).query, parse(new).query, "{old}");
    }
}

#[test]
fn words_of_the_language_are_names_where_a_name_stands() {
    for text in [
        "print print=1, order=2, by=3, left=4, kind=5, count=6",
        "T | where kind == 1 and type has 'x' and step > to and source in ('a') and title contains 'y'",
        "T | extend time = 1, date = 2, datetime = 3 | project time, date, datetime",
        "T | summarize count=count() by kind, by=type",
        "T | project ['where'], timestamp, top, join",
        "T | where d.where.by == d.count and d['in'] == d.time",
        "(print)",
        "search | count",
        "let union = 5; print union",
    ] {
        assert_eq!(findings(text), [], "{text}");
    }
}

#[test]
fn operators_bind_as_kusto_binds_them() {
    for (text, same) in [
        ("print a or b and c", "print (a or (b and c))"),
        ("print a == b + c * d", "print (a == (b + (c * d)))"),
        ("print a - b - c", "print ((a - b) - c)"),
        ("print a has 'x' and b", "print ((a has 'x') and b)"),
        ("print a + b has 'x'", "print (a + (b has 'x'))"),
        ("print a < b == c", "print ((a < b) == c)"),
        ("print -a * b", "print ((-a) * b)"),
        ("print a == 1 in (true)", "print ((a == 1) in (true))"),
    ] {
        let bare = |text: &str| {
            let mut shape = Vec::new();
            walk(&parse(text).query, &mut |node| {
                if let Node::Expr(expr) = node
                    && !matches!(expr.kind, ExprKind::Paren(_))
                {
                    shape.push(std::mem::discriminant(&expr.kind));
                    if let ExprKind::Binary { op, .. } = expr.kind {
                        shape.push(std::mem::discriminant(&ExprKind::Star));
                        assert!(op.name().len() < 20);
                    }
                }
            });
            shape
        };
        assert_eq!(bare(text), bare(same), "{text}");
    }
}

/// Runs on the stack that test threads and async workers have.
fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap()
}

#[test]
fn ten_thousand_terms_are_one_flat_node() {
    let text = format!("T | where {}", vec!["a == 1"; 10_000].join(" or "));
    let (found, terms) = on_a_small_stack(move || {
        let parsed = parse(&text);
        let mut terms = 0;
        walk(&parsed.query, &mut |node| {
            if let Node::Expr(expr) = node
                && let ExprKind::Or(all) = &expr.kind
            {
                terms = all.len();
            }
        });
        (parsed.diagnostics, terms)
    });
    assert_eq!((found, terms), (vec![], 10_000));
}

#[test]
fn what_is_too_deep_is_refused_without_overflow() {
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("f(", "1", ")"),
        ("- ", "a", ""),
        ("a == ", "1", ""),
        ("a + ", "1", ""),
        ("a[", "1", "]"),
        ("a in (", "1", ")"),
        ("a == b < c + d * e has (", "1", ")"),
        ("a between (", "1", " .. 2)"),
        ("toscalar(T | where ", "1", ")"),
        ("(union T, ", "1", ")"),
        ("((((a + b + c + d + e", "", ") + f + g + h + i + j + k + l) + m + n + o + p) * q * r * s * t)"),
    ] {
        let text = format!("print {}{middle}{}", open.repeat(3000), close.repeat(3000));
        let codes: Vec<&str> = on_a_small_stack(move || parse(&text).diagnostics.iter().map(|d| d.code).collect());
        assert!(codes.contains(&"KQL010"), "{open}: {codes:?}");
    }
}

#[test]
fn a_hundred_brackets_are_no_trouble() {
    let text = format!("print {}1{}", "(".repeat(100), ")".repeat(100));
    assert_eq!(on_a_small_stack(move || parse(&text).diagnostics), []);
    let text = format!("print {}1{}", "iff(a == 1, 2, ".repeat(90), ")".repeat(90));
    assert_eq!(on_a_small_stack(move || parse(&text).diagnostics), []);
    let text = format!("print {}", vec!["a"; 150].join(" + "));
    assert_eq!(on_a_small_stack(move || parse(&text).diagnostics), []);
}

/// What must hold of any text.
fn check(text: &str) {
    let parsed = parse(text);
    let mut end = 0;
    for token in &parsed.tokens {
        assert_eq!(token.range.start, end, "{text:?}");
        end = token.range.end;
    }
    assert_eq!(end as usize, text.len());
    let inside = |range: crate::kql::TextRange| {
        range.start <= range.end && text.get(range.start as usize..range.end as usize).is_some()
    };
    for diagnostic in &parsed.diagnostics {
        assert!(inside(diagnostic.range), "{diagnostic:?} of {text:?}");
        assert!(!diagnostic.message.is_empty());
    }
    let mut errors = 0;
    walk(&parsed.query, &mut |node| match node {
        Node::Expr(expr) => {
            assert!(inside(expr.range), "{expr:?} of {text:?}");
            errors += usize::from(matches!(expr.kind, ExprKind::Error));
        }
        Node::Operator(operator) => {
            assert!(inside(operator.range) && inside(operator.word));
            errors += usize::from(matches!(operator.kind, OperatorKind::Error));
        }
        Node::Statement(statement) => {
            assert!(inside(statement.range));
            errors += usize::from(matches!(statement.kind, StatementKind::Error));
        }
        Node::Name(name, _) => assert!(inside(name.range)),
        Node::Call(_) | Node::Pattern(_) => {}
    });
    assert!(errors == 0 || !parsed.diagnostics.is_empty(), "an error node without a word about it: {text:?}");
}

/// A query with everything in it, to be damaged.
const SAMPLE: &str = "let f = (x: long, T: (*)) { T | where b > x and s !has 'q' };\n\
    declare query_parameters(u: string = \"a\");\n\
    union isfuzzy=true A*, (B | extend t = datetime(2024-01-01), d = dynamic({'k': [1, 2.5]})), C // all\n\
    | summarize n = count(), (x, y) = arg_max(t, *) by bin(t, 1h), k = a.b['c'][0]\n\
    | join kind=leftouter (U | make-series sum(v) default=0 on t from ago(1d) to now() step 1h by k) on k, $left.a == $right.b\n\
    | mv-apply z = a to typeof(long) on (top 1 by z) | parse s with * 'a=' a: long ' b' b\n\
    | scan declare (s: long = 0) with (step a: x between (1 .. 2) => s = s + 1;)\n\
    | render timechart with (title='x', ycolumns=a, b)";

#[test]
fn the_sample_is_right_before_it_is_damaged() {
    assert_eq!(parse(SAMPLE).diagnostics, []);
    check(SAMPLE);
}

#[test]
fn every_beginning_of_a_query_is_read() {
    for (end, _) in SAMPLE.char_indices() {
        check(&SAMPLE[..end]);
        check(&SAMPLE[end..]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_row_of_tokens_is_read(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..60)) {
        check(&tokens.join(" "));
        check(&tokens.concat());
    }

    #[test]
    fn a_damaged_query_is_read(at in 0..SAMPLE.len(), length in 0..40usize, instead in prop::sample::select(TOKENS)) {
        let end = (at + length).min(SAMPLE.len());
        if let (Some(before), Some(after)) = (SAMPLE.get(..at), SAMPLE.get(end..)) {
            check(&format!("{before}{instead}{after}"));
        }
    }
}

const TOKENS: &[&str] = &[
    "|",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    ".",
    "..",
    ":",
    "=",
    "==",
    "=>",
    "!",
    "!in",
    "-",
    "*",
    "'",
    "\"x\"",
    "@'",
    "h'k'",
    "```",
    "1",
    "1.5",
    "1d",
    "0x",
    "1e",
    "T",
    "a",
    "let",
    "where",
    "by",
    "on",
    "union",
    "join",
    "kind",
    "summarize",
    "make-series",
    "mv-apply",
    "scan",
    "with",
    "step",
    "and",
    "or",
    "not",
    "in",
    "between",
    "has",
    "datetime(",
    "dynamic(",
    "typeof(",
    "print",
    "range",
    "from",
    "to",
    "search",
    "find",
    "parse",
    "evaluate",
    "fork",
    "partition",
    "top-nested",
    "of",
    "declare",
    "pattern",
    "view",
    "set",
    "datatable",
    "externaldata",
    "['a b']",
    "$left",
    "//",
    "\n",
    "é",
    "\u{202e}",
    "\u{201c}",
    "\0",
    "#",
    "?",
    "invoke",
    "render",
    "facet",
    "reduce",
    "as",
    "project-away",
];
