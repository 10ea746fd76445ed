use super::lint;
use crate::kql::catalog::Catalog;
use crate::kql::parser::parse;
use crate::kql::types::{Column, Schema, Type};

/// One table with a time, an enumerated column and a bag.
struct One;

impl Catalog for One {
    fn table(&self, name: &str) -> Option<Schema> {
        let columns = [("TimeGenerated", Type::DateTime), ("category", Type::String), ("session", Type::Dynamic)];
        (name == "T").then(|| Schema(columns.map(|(name, ty)| Column::new(name, ty)).into()))
    }

    fn view(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<String> {
        vec!["T".into()]
    }

    fn keys(&self, column: &str) -> Vec<&'static str> {
        if column == "session" { vec!["uuid", "ip"] } else { Vec::new() }
    }

    fn values(&self, column: &str) -> Vec<&'static str> {
        if column == "category" { vec!["success", "mfa_failed"] } else { Vec::new() }
    }
}

/// The codes of what is found, with the text of each place.
fn found(text: &str) -> Vec<(&'static str, String)> {
    let parsed = parse(text);
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    lint(&parsed.query, text, &One).into_iter().map(|d| (d.code, d.range.of(text).to_owned())).collect()
}

#[track_caller]
fn only(text: &str, code: &'static str, place: &str) {
    assert_eq!(found(text), [(code, place.to_owned())], "{text}");
}

#[track_caller]
fn nothing(text: &str) {
    assert_eq!(found(text), [], "{text}");
}

#[test]
fn a_let_that_nothing_uses_is_named() {
    only("let a = 1; print 2", "KQL200", "a");
    only("let f = () { let b = 1; 2 }; print f()", "KQL200", "b");
    nothing("let a = 1; let f = (x: long) { x + a }; print f(1)");
    nothing("let SignA = datatable(x: long)[1]; union Sign*");
    nothing("let a = 1; let b = 2");
}

#[test]
fn a_join_says_its_kind() {
    let on = |kind: &str| format!("datatable(a: long)[1] | join {kind}(datatable(a: long)[1]) on a");
    only(&on(""), "KQL201", "join");
    nothing(&on("kind=innerunique "));
    nothing("datatable(a: long)[1] | lookup (datatable(a: long)[1]) on a");
}

#[test]
fn contains_of_a_whole_word_is_rather_has() {
    only("print x = 'a' | where x contains 'export'", "KQL202", "'export'");
    nothing("print x = 'a' | where x contains '.exe' or x contains 'ex' or x has 'export'");
}

#[test]
fn and_beside_or_wants_brackets() {
    let of = |condition: &str| format!("print a = 1, b = 2, c = 3 | where {condition}");
    only(&of("a == 1 or b == 2 and c == 3"), "KQL203", "b == 2 and c == 3");
    nothing(&of("a == 1 or (b == 2 and c == 3)"));
    nothing(&of("(a == 1 or b == 2) and c == 3"));
}

#[test]
fn a_stored_table_is_bounded_in_time() {
    only("T | count", "KQL204", "T");
    only("union T, (T | where TimeGenerated > ago(1d)) | count", "KQL204", "T");
    nothing("T | where TimeGenerated > ago(1d) | count");
    nothing("T | where category == 'success' and TimeGenerated between (ago(2d) .. ago(1d))");
    nothing("let mine = T | where category == 'success'; mine | where TimeGenerated > ago(1d)");
    nothing("union T | where ingestion_time() > ago(1d)");
    nothing("datatable(a: long)[1] | count");
}

#[test]
fn nothing_equals_null() {
    only("print x = 1 | where x == int(null)", "KQL205", "x == int(null)");
    only("print x = 1 | where dynamic(null) != x", "KQL205", "dynamic(null) != x");
    nothing("print x = 1 | where isnull(x)");
}

#[test]
fn text_is_compared_in_the_case_it_can_have() {
    only("print x = 'a' | where tolower(x) == 'ABC'", "KQL206", "'ABC'");
    only("print x = 'a' | where toupper(x) in ('ABC', 'Def')", "KQL206", "'Def'");
    only("print x = 'a' | where tolower(x) == 'abc'", "KQL210", "'abc'");
    nothing("print x = 'a' | where tolower(x) has 'ABC' or x =~ 'ABC'");
}

#[test]
fn values_that_a_column_never_has_are_doubted_but_new_ones_may_come() {
    let of = |condition: &str| format!("T | where TimeGenerated > ago(1d) and {condition}");
    only(&of("category == 'Success'"), "KQL207", "'Success'");
    only(&of("category !in ('success', 'mfa_failled')"), "KQL207", "'mfa_failled'");
    nothing(&of("category in ('success', 'firewall_failed', '')"));
    // A column of the query's own may hold anything.
    nothing("T | where TimeGenerated > ago(1d) | extend category = 'Success' | where category == 'Success'");
}

#[test]
fn keys_that_no_event_has_are_named_also_behind_a_join() {
    only("T | where TimeGenerated > ago(1d) | extend a = session.ip_address", "KQL208", "ip_address");
    let joined = "T | where TimeGenerated > ago(1d) | join kind=inner (T | where TimeGenerated > ago(1d)) on category";
    assert_eq!(found(&format!("{joined} | project session1['ip_address']"))[0].0, "KQL208");
    nothing(&format!("{joined} | project session1.ip, session.uuid"));
    nothing("print session = dynamic({'a': 1}) | extend b = session.a");
}

#[test]
fn a_baseline_ends_before_what_is_compared_with_it() {
    let hunt = |upper: &str| {
        format!(
            "let known = T | where TimeGenerated between (ago(14d) .. {upper}) | distinct category; \
             T | where TimeGenerated > ago(1h) | where category !in (known)"
        )
    };
    only(&hunt("now()"), "KQL209", "known");
    only(&hunt("ago(30m)"), "KQL209", "known");
    nothing(&hunt("ago(1h)"));
    // Bounds may be lets, and arithmetic on now.
    let text = "let start = 14d; let known = T | where TimeGenerated >= ago(start) | distinct category; \
                let fresh = now() - 1h; T | where TimeGenerated > fresh | join kind=leftanti known on category";
    only(text, "KQL209", "known");
    // The same window on both sides is a question about the window, not a baseline.
    nothing(
        "let ok = T | where TimeGenerated > ago(1h) | where category == 'success' | distinct category; \
         T | where TimeGenerated > ago(1h) | where category !in (ok)",
    );
}

#[test]
fn several_things_are_found_in_the_order_of_their_places() {
    let text = "let unused = 1; T | where category contains 'failed' | join (T) on category";
    let codes: Vec<&str> = found(text).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["KQL200", "KQL204", "KQL202", "KQL201"]);
}
