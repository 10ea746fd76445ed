use super::{Bound, Known, Open, bound, now};
use crate::kql::bind::{Context, bind};
use crate::kql::parser::parse;

/// `code "place": message; help` of each finding.
fn said(text: &str) -> Vec<String> {
    let outcome = bound(text);
    assert_eq!(outcome.bound, Bound::Invalid, "{text}");
    outcome
        .diagnostics
        .iter()
        .map(|d| format!("{} {:?}: {}; {}", d.code, d.range.of(text), d.message, d.help.as_deref().unwrap_or("")))
        .collect()
}

#[track_caller]
fn all_say(cases: &[(&str, &[&str])]) {
    for (text, want) in cases {
        assert_eq!(said(text), *want, "{text}");
    }
}

#[test]
fn names_that_are_not_known_are_told_with_the_nearest_one() {
    all_say(&[
        ("Event | count", &["KQL113 \"Event\": no table is called `Event`; did you mean `Events`?"]),
        ("Events | where acton == 'x'", &["KQL110 \"acton\": no column is called `acton`; did you mean `action`?"]),
        (
            "Events | extend a = tolowr(action)",
            &["KQL111 \"tolowr\": no function is called `tolowr`; did you mean `tolower`?"],
        ),
        ("Events | project-away sise", &["KQL110 \"sise\": no column is called `sise`; did you mean `size`?"]),
    ]);
}

#[test]
fn one_fault_does_not_hide_another_nor_is_it_said_twice() {
    let said = said("Events | where acton == 'x' | extend a = acton | where sise > 1 | project b = strlen()");
    assert_eq!(said.len(), 4, "{said:#?}");
    let said = self::said("Nothing | where a == 1 and b + c > 2 | summarize count() by d | join Users on d");
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].contains("`Nothing`") && said[1].contains("no column is called `d`"), "{said:#?}");
}

#[test]
fn types_that_do_not_go_together_are_told_with_the_conversion() {
    all_say(&[
        (
            "Events | where TimeGenerated > '2020-01-01'",
            &[
                "KQL121 \"TimeGenerated > '2020-01-01'\": datetime cannot be compared with string; convert the text: todatetime(…)",
            ],
        ),
        (
            "Events | where user.a == user.b",
            &[
                "KQL121 \"user.a == user.b\": dynamic cannot be compared with dynamic; say what they are: tostring(…) or tolong(…) on each side",
            ],
        ),
        (
            "Events | extend a = action + 'x'",
            &["KQL123 \"action + 'x'\": `+` does not take string and string; texts are joined with strcat(a, b)"],
        ),
        (
            "Events | where action",
            &["KQL120 \"action\": a condition is bool, but `action` is string; convert it: tobool(action)"],
        ),
        (
            "Events | summarize count() by user.email",
            &[
                "KQL140 \"user.email\": `user.email` is dynamic: rows cannot be grouped by it; group by its text: tostring(user.email)",
            ],
        ),
        (
            "Events | sort by user",
            &[
                "KQL140 \"user\": `user` is dynamic: rows cannot be sorted by it; sort by its text, tostring(user), or its number, tolong(user)",
            ],
        ),
        (
            "Events | extend a = action.x",
            &[
                "KQL125 \"action.x\": `action.x`: a string has nothing inside; read the text as JSON first: parse_json(…)",
            ],
        ),
    ]);
}

#[test]
fn functions_stand_where_they_may() {
    all_say(&[
        (
            "Events | where count() > 3",
            &[
                "KQL134 \"count()\": `count` is an aggregate: it stands in `summarize` only; … | summarize count(…), or toscalar(T | summarize count(…)) for one value",
            ],
        ),
        (
            "Events | extend a = prev(size)",
            &["KQL138 \"prev(size)\": `prev` needs rows in an order; put `| sort by …` or `| serialize` before"],
        ),
        (
            "Events | summarize max(sum(size))",
            &[
                "KQL141 \"sum(size)\": `sum` stands inside another aggregate; aggregate twice: … | summarize a = … by … | summarize …",
            ],
        ),
        (
            "Events | summarize size",
            &[
                "KQL130 \"size\": `size` stands outside an aggregate; take one value of it, take_any(size), or group by it: by size",
            ],
        ),
        (
            "Events | extend a = substring(action)",
            &[
                "KQL112 \"substring(action)\": `substring` takes 2 to 3 arguments, not 1; substring(text, start, [length]) — A part of the text; a negative start counts from the end.",
            ],
        ),
        ("let f = (x: long) { f(x) }; print f(1)", &["KQL135 \"f\": `f` calls itself; functions cannot be recursive"]),
        ("Loop", &["KQL135 \"Loop\": in Loop: `Loop` calls itself; views and saved functions cannot be recursive"]),
        (
            "Events | extend a = 1, a = 2",
            &["KQL142 \"a\": `a` is written twice in one `extend`; use two: | extend … | extend …"],
        ),
    ]);
}

#[test]
fn a_view_that_is_wrong_is_named() {
    let said = said("Faulty | count");
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("KQL110 \"Faulty\": in Faulty: no column is called `nothing`"), "{said:#?}");
}

#[test]
fn a_regular_expression_that_is_none_is_told() {
    let said = said("Events | where action matches regex '(a'");
    assert_eq!(
        said,
        [
            "KQL131 \"'(a'\": not a regular expression: unclosed group; look-around and back-references are not part of it; write the pattern as @\"…\" to keep backslashes"
        ]
    );
}

#[test]
fn an_open_catalogue_knows_every_table_column_and_function() {
    for text in [
        "SigninLogs | where ResultType == 0 and Location has 'x' | summarize n = count(), dcount(IPAddress) by UserPrincipalName, bin(TimeGenerated, 1h) | where n > 3 | sort by n",
        "let T = AuditLogs | extend a = tostring(TargetResources[0].x), b = Some + Other; T | join kind=inner (Q | where z > ago(1d)) on a | project a, z, Foo(1)",
        "SigninLogs | make-series n = count(), dcount(IP) default = 0 on TimeGenerated from ago(7d) to now() step 1h by User | where n[0] > 3",
        "let T = Unknown | summarize a = min(b); Q | make-series n = avg(x) on t in range(toscalar(T), now(), 1h) by tostring(k.x) | project n, t, k_x",
        "_GetWatchlist('x') | project SearchKey",
        "A | mv-expand with_itemindex=i Targets, P = Targets.mods to typeof(string), parse_json(Raw) | extend n = tostring(Targets.name), q = strcat(P, i)",
        "A | mv-apply T = Targets on (where T.type =~ 'User' | extend u = tostring(T.name), i = Identity) | where u has 'x' | summarize make_set(u) by i, Foo",
        "A | mv-apply T = Targets to typeof(long) limit 3 on (top 1 by T) | project T, Bar",
        "A | partition hint.strategy=native by User (top 3 by Time | extend n = row_number()) | where n < 3",
        "A | partition by User (as P | extend share = x / toscalar(P | summarize sum(x))) | sort by share",
        "A | partition by User { B | where k == User | count }",
        "A | top-nested 3 of State with others = 'x' by sum(n), top-nested of City by c = dcount(User) | where c > 3",
        "A | top-hitters 3 of User by n | project User, approximate_sum_n",
        "A | fork (where x > 1 | count) rest = (summarize max(y) by z)",
        "A | facet by x, y with (take 10)",
        "A | sample 3 | sample-distinct 3 of x | where x > 3",
        "A | summarize arg_max(T, *), n = count() by User | where n > 3 and Place == 'x' | project Device",
        "A | summarize take_any(*) by User | join kind=leftanti B on User, $left.Place == $right.Where",
        "union Sign* | where Place == 'x'",
        "search Place has 'x' and n > 5 | project Place",
        "A | project-by-names 'a', 'b*', c | extend d = a + c",
        "A | invoke FileProfile(SHA1, 100) | where GlobalPrevalence < 10 | as hint.materialized=true M | union M | consume",
        "imAuthentication(starttime=ago(1d)) | where TargetUsername == 'x' | extend p = prev(SrcIpAddr)",
    ] {
        let known = Known::default();
        let parsed = parse(text);
        let context = Context {
            catalog: &Open,
            now: now(),
            parameters: &[],
            timespan: None,
            window: None,
            known: &known,
            evaluate: None,
        };
        assert_eq!(bind(&parsed.query, text, &context).diagnostics, [], "{text}");
    }
}

#[test]
fn depth_is_bounded_whatever_makes_it() {
    let nested = (0..60).fold("x".to_owned(), |text, _| format!("f({text})"));
    let doubling: String = (1..60).map(|n| format!("let a{n} = (x: long) {{ a{0}(x) + a{0}(x) }}; ", n - 1)).collect();
    let calls: String = (1..1000).map(|n| format!("let a{n} = (x: long) {{ 1 + a{}(x) }}; ", n - 1)).collect();
    let texts = [
        format!(
            "let f = (x: long) {{ {}x{} }}; range x from 1 to 2 step 1 | extend y = {nested}",
            "1 + (".repeat(90),
            ")".repeat(90)
        ),
        format!("let a0 = (x: long) {{ x * 2 }}; {doubling} range x from 1 to 2 step 1 | extend y = a59(x)"),
        format!("let a0 = (x: long) {{ x * 2 }}; {calls} range x from 1 to 2 step 1 | extend y = a999(x)"),
        format!("Users {}", "| where name has 'x' ".repeat(3000)),
    ];
    for text in &texts {
        let parsed = parse(text);
        let known = Known::default();
        let context = Context {
            catalog: &super::House,
            now: now(),
            parameters: &[],
            timespan: None,
            window: None,
            known: &known,
            evaluate: None,
        };
        let outcome = bind(&parsed.query, text, &context);
        assert_eq!(outcome.bound, Bound::Invalid);
        assert!(
            outcome.diagnostics.iter().any(|d| ["KQL101", "KQL102", "KQL103"].contains(&d.code)),
            "{:?}",
            &outcome.diagnostics[..1]
        );
    }
}
