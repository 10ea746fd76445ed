#![allow(clippy::unnecessary_box_returns)] // tests read better so
use proptest::prelude::*;

use super::{Strength, name_of, print, print_expr, print_name, strength};
use crate::kql::diagnostic::TextRange;
use crate::kql::literal::any_value;
use crate::kql::parser::parse;
use crate::kql::plan::JoinKind;
use crate::kql::syntax::*;
use crate::kql::types::Type;

const NOWHERE: TextRange = TextRange { start: 0, end: 0 };

/// Reads without complaint.
fn read(text: &str) -> Query {
    let parsed = parse(text);
    assert_eq!(parsed.diagnostics, [], "{text}");
    parsed.query
}

#[test]
fn every_construct_reads_back_as_it_was() {
    for text in QUERIES {
        let query = read(text);
        let printed = print(&query);
        assert_eq!(read(&printed), query, "{text}\n{printed}");
    }
}

/// One of everything.
const QUERIES: &[&str] = &[
    "T | evaluate python(typeof(*, a: long), 'x') : (*, b: string) | evaluate r(typeof(a: long), 'y') | evaluate r(typeof(['a b']: long)) : (*)",
    "union database('d').*_CL, database('d').A*b | fork (project) (execute_and_cache)",
    "let a = 1; let f = (x: long, T: (*), U: (b: string), d: timespan = 1h) { T | where b > x }; f(a, (Events), Events)",
    "let v = view () { print 1 }; v | count",
    "declare query_parameters(user: string = 'a', since: datetime); Events | where user_name == user",
    "declare pattern p = (a: string)[b: string] { ('x').['y'] = { print 1 }; ('z').['w'] = { print 2; }; }; p('x').y",
    "set notruncation; set truncationmaxsize = 1000; alias database d = cluster('c').database('d'); restrict access to (a*, b); T",
    "T | where a == 1 and (b != 2 or not(c)) and d in ('x', 'y') and e !in~ (T | project k) or f has_any ('a') and g has_all (x)",
    "T | where t between (ago(1d) .. now()) and n !between (1 .. 2 + 3) and s matches regex @'\\d+' and -x < -1 and - -x > +y",
    "T | where a =~ 'x' and b !~ 'y' and c <> 3 and s !has_cs 'q' and s notcontains 'z' and s !hassuffix 'w' and * has 'any'",
    "T | extend a = b.c['d e'][0][-1].f, (g, h) = i(j), ['odd name'] = 1, strcat('a', 'b' 'c'), x = y % 2 * 3 - 4 / 5",
    "T | project a, b = c | project-away x*, *_y, ['a b'] | project-keep a* | project-rename n = o | project-reorder a, b* desc, c granny-asc",
    "T | summarize hint.strategy=shuffle hint.shufflekey=k count(), n = dcount(a), (x, y) = arg_max(t, *) by bin(t, 1h), k",
    "T | summarize by a | distinct a, b | distinct * | sort by a, b asc nulls last, c desc nulls first | order by d",
    "T | top 5 by a desc, b | top-hitters 3 of c by d | take 10 | limit 5 | count | as hint.materialized=true X | count as n",
    "T | top-nested 3 of a by n = sum(b) desc, top-nested of c with others = 'rest' by max(1)",
    "T | join kind=leftanti hint.remote=left (U | where x) on k, $left.a == $right.b | join U on k | lookup kind=inner U on k",
    "union withsource=s kind=inner isfuzzy=true A*, B, (C | where x), database('d').E, cluster('c').database('d').F* | count",
    "find withsource=s in (A, B*) where x == 1 project a, b: string, pack(*)",
    "search kind=case_sensitive in (A, B) 'x' and (user: 'y' or * has 'z') | where a",
    "T | parse-where kind=regex flags=Ui s with * 'a=' a: long ' b' b ['c d']: datetime * | parse s with 'x' y",
    "T | parse-kv s as (a: string, b: long) with (pair_delimiter=';', kv_delimiter='=', greedy=true)",
    "T | mv-expand bagexpansion=array with_itemindex=i x = a to typeof(long), b limit 10 | mvexpand c",
    "T | mv-apply with_itemindex=i x = a to typeof(string) limit 5 on (where x > 1 | top 1 by x | union (U))",
    "T | make-series kind=nonempty n = count() default=0, avg(v) on t from ago(1d) to now() step 1h by k, l = m",
    "T | make-series sum(v) on t in range(a, b, 1d)",
    "T | serialize r = row_number() | serialize | extend p = prev(r, 1, -999)",
    "T | scan with_match_id=m partition by k order by t asc declare (s: long = 0, q: string) with (step a output=last: x => s = s + 1; step b optional: true;)",
    "T | partition hint.strategy=native by k (top 1 by t) | partition by a.b { U | count }",
    "T | evaluate hint.distribution=single bag_unpack(d, 'p_', columnsConflict='keep') : (*, a: long) | invoke f(1) | invoke database('d').g()",
    "T | render timechart with (title='x', ycolumns=a, b, ymin=-5, xaxis=linear) | render table",
    "T | facet by a, b with (where c | take 1) | fork x=(count) (where y | take 2) | consume decodeblocks=true",
    "T | getschema | sample 5 | sample-distinct 10 of a | reduce by s with threshold=0.2, characters='-' | assert-schema (a: long)",
    "datatable(a: long, ['b c']: dynamic) [1, dynamic({'k': [1, 2]}), 2, dynamic(null),] | extend q = typeof(long)",
    "externaldata(a: string) [h@'https://example.com/x;key', 'y'] with (format='csv', ignoreFirstRecord=true)",
    "range x from -5 to 10 step 1 | extend t = datetime(8:00), l = long(null), g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642)",
    "print a = 1, 'x', dynamic([1]), 1.5e10, 2.5h, time(1.02:03:04.5), real(+inf), decimal(1.50), int(3), true",
    "materialize(T | where x) | where a == toscalar(U | summarize max(b)) | project-by-names 'a', b*",
];

#[test]
fn a_name_that_is_no_plain_word_is_quoted() {
    assert_eq!(print_name("user_email"), "user_email");
    for (name, printed) in [
        ("a b", r#"["a b"]"#),
        ("where", r#"["where"]"#),
        ("and", r#"["and"]"#),
        ("1x", r#"["1x"]"#),
        ("a'\"", r#"["a'\""]"#),
        ("", r#"[""]"#),
    ] {
        assert_eq!(print_name(name), printed);
    }
}

#[test]
fn an_expression_gets_the_brackets_that_its_tree_needs() {
    let name = |text: &str| Expr::new(ExprKind::Name(name_of(text)), NOWHERE);
    let or = Expr::new(ExprKind::Or(vec![name("a"), name("b")]), NOWHERE);
    let and = Expr::new(ExprKind::And(vec![or, name("c")]), NOWHERE);
    assert_eq!(print_expr(&and), "(a or b) and c");
}

#[test]
fn a_name_without_quotes_cannot_carry_anything_else() {
    let name = Name::new("a | take 5", NOWHERE);
    assert_eq!(print_expr(&Expr::new(ExprKind::Name(name.clone()), NOWHERE)), r#"["a | take 5"]"#);
    assert_eq!(print_expr(&Expr::new(ExprKind::Wildcard(name), NOWHERE)), r#"["a | take 5"]"#);
}

fn expr(kind: ExprKind) -> Expr {
    Expr::new(kind, NOWHERE)
}

/// The expression as the parser would give it where at least this strength is wanted.
fn held(inner: Expr, least: Strength) -> Box<Expr> {
    Box::new(if strength(&inner) >= least { inner } else { expr(ExprKind::Paren(Box::new(inner))) })
}

fn any_name() -> impl Strategy<Value = Name> + Clone {
    prop_oneof![
        4 => prop::sample::select(vec!["user", "x", "Events", "_a1", "ítem"]).prop_map(|text| Name::new(text, NOWHERE)),
        1 => any::<String>().prop_map(|text| Name { text: text.into(), quoted: true, range: NOWHERE }),
    ]
}

fn tighter(op: BinaryOp) -> Strength {
    match op.binding() {
        Binding::Equality => Strength::Binary(Binding::Relational),
        Binding::Relational => Strength::Binary(Binding::Additive),
        Binding::Additive => Strength::Binary(Binding::Multiplicative),
        Binding::Multiplicative => Strength::Binary(Binding::Text),
        Binding::Text => Strength::Unary,
    }
}

fn any_call(inner: impl Strategy<Value = Expr>) -> impl Strategy<Value = Call> {
    (any_name(), prop::collection::vec((prop::option::of(any_name()), inner), 0..3)).prop_map(|(name, arguments)| {
        Call { name, arguments: arguments.into_iter().map(|(name, value)| Argument { name, value }).collect() }
    })
}

fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        any_value().prop_map(|value| expr(ExprKind::Literal(value))),
        any_name().prop_map(|name| expr(ExprKind::Name(name))),
        any::<String>().prop_map(|text| expr(ExprKind::Hidden(text.into()))),
        Just(expr(ExprKind::TypeOf(Type::Long))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let ops = BinaryOp::ALL.iter().map(|(op, _)| *op).filter(|op| *op != BinaryOp::Search).collect::<Vec<_>>();
        let several = prop::collection::vec(inner.clone(), 2..4);
        let equality = Strength::Binary(Binding::Equality);
        prop_oneof![
            (prop::sample::select(ops), inner.clone(), inner.clone()).prop_map(|(op, left, right)| {
                let left = held(left, Strength::Binary(op.binding()));
                expr(ExprKind::Binary { op, left, right: held(right, tighter(op)) })
            }),
            several
                .clone()
                .prop_map(move |terms| expr(ExprKind::And(terms.into_iter().map(|t| *held(t, equality)).collect()))),
            several.prop_map(|terms| expr(ExprKind::Or(terms.into_iter().map(|t| *held(t, Strength::And)).collect()))),
            (
                prop::sample::select(InOp::ALL.map(|(op, _)| op).to_vec()),
                inner.clone(),
                prop::collection::vec(inner.clone(), 1..3)
            )
                .prop_map(move |(op, operand, list)| expr(ExprKind::In {
                    op,
                    operand: held(operand, equality),
                    list
                })),
            (inner.clone(), inner.clone(), inner.clone(), any::<bool>()).prop_map(
                move |(operand, low, high, negated)| {
                    let [operand, low, high] = [operand, low, high].map(|e| held(e, equality));
                    expr(ExprKind::Between { operand, low, high, negated })
                }
            ),
            (any_name(), any::<bool>()).prop_map(|(name, minus)| {
                let op = if minus { UnaryOp::Minus } else { UnaryOp::Plus };
                expr(ExprKind::Unary { op, operand: Box::new(expr(ExprKind::Name(name))) })
            }),
            any_call(inner.clone()).prop_map(|call| expr(ExprKind::Call(call))),
            (any_name(), any_name(), inner.clone()).prop_map(|(base, member, index)| {
                let step = |kind| PathStep { kind, range: NOWHERE };
                let steps = vec![step(PathStepKind::Member(member)), step(PathStepKind::Index(index))];
                expr(ExprKind::Path { base: Box::new(expr(ExprKind::Name(base))), steps })
            }),
            (any_name(), prop::collection::vec(any_operator(inner.clone().boxed()), 1..4)).prop_map(
                |(source, operators)| {
                    let source = Some(Box::new(expr(ExprKind::Name(source))));
                    expr(ExprKind::Paren(Box::new(expr(ExprKind::Pipe { source, operators }))))
                }
            ),
        ]
    })
}

fn any_named(inner: BoxedStrategy<Expr>) -> impl Strategy<Value = NamedExpr> + Clone {
    (prop::collection::vec(any_name(), 0..3), inner).prop_map(|(names, value)| NamedExpr {
        names,
        value,
        range: NOWHERE,
    })
}

fn any_operator(inner: BoxedStrategy<Expr>) -> impl Strategy<Value = Operator> {
    let named = prop::collection::vec(any_named(inner.clone()), 1..3);
    let order = prop::option::of(prop::sample::select(vec![Order::Asc, Order::Desc]));
    let nulls = prop::option::of(prop::sample::select(vec![Nulls::First, Nulls::Last]));
    let key =
        (inner.clone(), order, nulls).prop_map(|(expr, order, nulls)| SortKey { expr, order, nulls, range: NOWHERE });
    let keys = prop::collection::vec(key, 1..3);
    let kinds = vec![
        None,
        Some(JoinKind::Inner),
        Some(JoinKind::LeftOuter),
        Some(JoinKind::RightAnti),
        Some(JoinKind::FullOuter),
    ];
    let kind = prop_oneof![
        inner.clone().prop_map(|predicate| OperatorKind::Where { predicate }),
        named.clone().prop_map(|columns| OperatorKind::Extend { columns }),
        named.clone().prop_map(|columns| OperatorKind::Project { columns }),
        (named.clone(), named).prop_map(|(aggregates, by)| OperatorKind::Summarize { hints: vec![], aggregates, by }),
        keys.clone().prop_map(|keys| OperatorKind::Sort { hints: vec![], keys }),
        (inner.clone(), keys).prop_map(|(count, keys)| OperatorKind::Top { hints: vec![], count, keys }),
        inner.clone().prop_map(|count| OperatorKind::Take { count }),
        Just(OperatorKind::Count { name: None }),
        (prop::sample::select(kinds), any_name(), prop::collection::vec(inner.clone(), 1..3)).prop_map(
            |(kind, right, on)| {
                OperatorKind::Join(Box::new(Join { kind, hints: vec![], right: expr(ExprKind::Name(right)), on }))
            }
        ),
        (any_name(), any_name())
            .prop_map(|(new, old)| OperatorKind::ProjectRename { columns: vec![Rename { new, old }] }),
        (any::<bool>(), inner, any_name(), any::<String>()).prop_map(|(only_matching, input, name, text)| {
            let column = ParsePart::Column { name, ty: Some(Type::Long) };
            let pattern = vec![ParsePart::Skip, ParsePart::Text(text.into()), column];
            OperatorKind::Parse(Box::new(Parse { only_matching, kind: None, flags: None, input, pattern }))
        }),
    ];
    kind.prop_map(|kind| Operator { kind, word: NOWHERE, range: NOWHERE })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_tree_reads_back_as_the_tree(value in any_expr()) {
        // A statement that begins with a quoted name or a minus is an expression all the same.
        let query = Query {
            statements: vec![Statement {
                kind: StatementKind::Expr(expr(ExprKind::Print(vec![NamedExpr { names: vec![], value, range: NOWHERE }]))),
                range: NOWHERE,
            }],
        };
        let printed = print(&query);
        let parsed = parse(&printed);
        prop_assert_eq!(&parsed.diagnostics, &[], "{}", printed);
        prop_assert_eq!(parsed.query, query, "{}", printed);
    }
}

#[test]
fn signs_before_a_zero_are_as_many_as_were_written() {
    for text in ["print -0", "print --0", "print -----0d", "print - -0.0"] {
        let query = parse(text).query;
        assert_eq!(parse(&print(&query)).query, query, "{text}");
    }
}
