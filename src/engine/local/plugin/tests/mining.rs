//! Plugins and an operator that find what is common. What they choose is ours, what they count is exact.

use super::{answer, table, wrong};

const EVENTS: &str = "datatable(action: string, city: string, n: long)[
    'view', 'Bern', 1, 'view', 'Bern', 2, 'view', 'Bern', 3, 'view', 'Rome', 4, 'grant', 'Rome', 5, 'grant', 'Oslo', 6, 'view', 'Oslo', 7, 'view', 'Bern', 8]";

#[test]
fn a_basket_holds_every_frequent_pattern_once() {
    let query =
        format!("{EVENTS} | project action, city | evaluate basket(0.25) | project Count, Percent, action, city");
    assert_eq!(
        table(&query),
        "Count:long,Percent:real,action:string,city:string\n2,25,,Oslo\n2,25,,Rome\n2,25,grant,\n4,50,view,Bern\n6,75,view,"
    );
    let weighted = format!("{EVENTS} | project action, n | evaluate basket(0.5, n) | project Count, action");
    assert_eq!(table(&weighted), "Count:long,action:string\n25,view");
    let starred = format!("{EVENTS} | project action, n | evaluate basket(0.5, '~', '~', '*', -1) | project action, n");
    assert_eq!(table(&starred), "action:string,n:long\nview,-1");
    let one = format!("{EVENTS} | project action, city | evaluate basket(0.4, '~', 1) | project action, city");
    assert_eq!(table(&one), "action:string,city:string\n,Bern\nview,");
}

#[test]
fn an_autocluster_covers_rows_with_few_patterns() {
    let query = format!(
        "{EVENTS} | project action, city | evaluate autocluster() | top 1 by Count | project Count, action, city"
    );
    assert_eq!(table(&query), "Count:long,action:string,city:string\n4,view,Bern");
}

#[test]
fn patterns_tell_two_sets_apart() {
    let query = format!(
        "{EVENTS} | project action, city | evaluate diffpatterns(action, 'view', 'grant') | project CountA, CountB, PercentA, PercentB, PercentDiffAB, city"
    );
    let got = table(&query);
    assert!(
        got.starts_with("CountA:long,CountB:long,PercentA:real,PercentB:real,PercentDiffAB:real,city:string\n"),
        "{got}"
    );
    assert!(got.contains("\n4,0,66.67,0,66.67,Bern"), "{got}");
}

#[test]
fn words_tell_two_sets_of_texts_apart() {
    let query = "datatable(text: string, bad: bool)['disk one is full now', true, 'disk two is full now', true, 'all is well', false, 'now all is well', false]
        | evaluate diffpatterns_text(text, bad, 2, 0.9)";
    assert_eq!(
        table(query),
        "Count_of_True:long,Count_of_False:long,Percent_of_True:real,Percent_of_False:real,Pattern:string\n0,2,0,100,all is well\n2,0,100,0,is full now"
    );
}

#[test]
fn texts_are_reduced_to_what_they_share() {
    let query = "range x from 1 to 10 step 1 | project s = strcat('foo', 'Z', tostring(x)) | reduce by s";
    assert_eq!(table(query), "Pattern:string,Count:long,Representative:string\nothers,10,");
    assert_eq!(
        table(&format!("{query} with characters='Z'")),
        "Pattern:string,Count:long,Representative:string\nfoo*,10,fooZ1"
    );
    let users = "datatable(s: string)['user ann signed in', 'user bob signed in', 'user eve signed out', 'other text']";
    assert_eq!(
        table(&format!("{users} | reduce by s with threshold=0.4")),
        "Pattern:string,Count:long,Representative:string\nothers,1,\nuser * signed *,1,user eve signed out\nuser * signed in,2,user ann signed in"
    );
    let kept = table(&format!("{users} | reduce kind=source by s with threshold=0.4 | take 1"));
    assert_eq!(kept, "s:string,Pattern:string\nuser ann signed in,user * signed in");
}

#[test]
fn an_approximate_answer_says_so() {
    let codes = |query: &str| answer(query).unwrap().warnings.iter().map(|w| w.code).collect::<Vec<_>>();
    assert_eq!(codes(&format!("{EVENTS} | evaluate basket()")), ["KQL901"]);
    assert_eq!(codes(&format!("{EVENTS} | reduce by city")), ["KQL901"]);
    assert_eq!(codes(&format!("{EVENTS} | evaluate narrow()")), [""; 0]);
}

#[test]
fn wrong_shares_and_columns_are_said() {
    for (call, said) in [
        ("evaluate basket(2.0)", "KQL187 2.0: `Threshold` lies between 0.015 and 1"),
        ("evaluate basket(0.1, city)", "KQL120 city: a weight is a number"),
        ("evaluate basket(0.1, '~', 0)", "KQL187 0"),
        ("evaluate diffpatterns(acton, 'a', 'b')", "KQL110 acton"),
        ("reduce kind=sauce by city", "KQL184 sauce"),
        ("reduce by city with threshold=7", "KQL187 7"),
    ] {
        let got = wrong(&format!("{EVENTS} | {call}"));
        assert!(got.starts_with(said), "{call}\n{got}");
    }
}
