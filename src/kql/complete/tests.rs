use super::{Item, ItemKind, World, complete, help_at, schema_of, signature_at};
use crate::kql::catalog::Catalog;
use crate::kql::types::{Column, Schema, Type};

struct House;

impl Catalog for House {
    fn table(&self, name: &str) -> Option<Schema> {
        (name == "Events").then(|| {
            [("timestamp", Type::DateTime), ("user", Type::String), ("odd name", Type::Long)]
                .map(|(n, t)| Column::new(n, t))
                .into_iter()
                .collect()
        })
    }

    fn view(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<String> {
        vec!["Events".into(), "1Password".into()]
    }

    fn keys(&self, column: &str) -> Vec<&'static str> {
        if column == "session" { vec!["ip", "uuid"] } else { Vec::new() }
    }

    fn values(&self, column: &str) -> Vec<&'static str> {
        if column == "category" { vec!["success", "mfa_failed"] } else { Vec::new() }
    }
}

/// What is offered at the `¦` of a text. Queries are bound by nobody, so that the fall-back is seen.
fn at(text: &str) -> Vec<Item> {
    let offset = text.find('¦').unwrap();
    complete(&text.replace('¦', ""), offset, World { catalog: &House, schema_of: &|_| None })
}

fn labels(text: &str) -> Vec<String> {
    at(text).into_iter().map(|item| item.label).collect()
}

fn offers(text: &str, label: &str) -> bool {
    labels(text).iter().any(|l| l == label)
}

#[test]
fn operators_follow_a_pipe() {
    assert_eq!(labels("Events | su¦"), ["summarize", "consume"]);
    assert_eq!(labels("Events | where user == 'a' | proj¦")[0], "project");
    assert!(offers("Events | ¦", "where"));
    assert!(offers("Events | join (Events | ¦", "extend"));
}

#[test]
fn the_word_being_written_is_replaced() {
    let item = &at("Events | summ¦")[0];
    assert_eq!((item.range.start, item.range.end, &*item.insert), (9, 13, "summarize "));
}

#[test]
fn columns_and_functions_stand_where_an_operand_does() {
    for text in [
        "Events | where ¦",
        "Events | where (user == ¦",
        "Events | extend x = ¦",
        "Events | summarize count() by ¦",
        "Events | project user, ¦",
    ] {
        assert!(offers(text, "timestamp"), "{text}");
        assert!(offers(text, "tostring"), "{text}");
        assert!(!offers(text, "has"), "{text}");
    }
    assert!(offers("Events | summarize ¦", "count"));
    assert!(!offers("Events | summarize count() by ¦", "dcount"));
    assert!(!offers("Events | where ¦", "dcount"));
}

#[test]
fn a_column_that_is_no_plain_word_is_inserted_quoted() {
    assert_eq!(at("Events | where odd¦")[0].insert, "[\"odd name\"]");
}

#[test]
fn what_the_pipeline_defines_is_offered_when_it_cannot_be_bound() {
    assert!(offers("Events | extend risk = 1 | where ri¦", "risk"));
}

#[test]
fn the_binder_is_asked_for_the_pipeline_with_its_lets() {
    let text = "let a = 5;\nlet b = Events | take a;\nb | extend c = 1 | where ";
    let asked = std::cell::RefCell::new(String::new());
    let schema_of = |query: &str| {
        *asked.borrow_mut() = query.to_owned();
        Some(Schema(vec![Column::new("bound", Type::Bool)]))
    };
    let items = complete(text, text.len(), World { catalog: &House, schema_of: &schema_of });
    assert_eq!(asked.borrow().as_str(), "let a = 5;\nlet b = Events | take a;\n\nb | extend c = 1 ");
    assert_eq!((items[0].label.as_str(), items[0].detail.as_str(), items[0].kind), ("bound", "bool", ItemKind::Column));
    assert!(items.iter().any(|item| item.label == "a" && item.kind == ItemKind::Let));
}

#[test]
fn columns_are_those_at_the_pipe_when_the_text_can_be_bound() {
    let offered = |text: &str| -> Vec<(String, String)> {
        let world = World { catalog: &House, schema_of: &|query| schema_of(query, &House) };
        let columns = complete(text, text.len(), world).into_iter().filter(|item| item.kind == ItemKind::Column);
        columns.map(|item| (item.label, item.detail)).collect()
    };
    let pair = |name: &str, ty: &str| (name.to_owned(), ty.to_owned());
    assert_eq!(
        offered("let first = Events; first | summarize n = count(), dcount(user) by day = bin(timestamp, 1d) | where "),
        [pair("day", "datetime"), pair("n", "long"), pair("dcount_user", "long")]
    );
    assert_eq!(offered("Events | project user | where "), [pair("user", "string")]);
}

#[test]
fn tables_and_lets_begin_a_pipeline() {
    for text in [
        "¦",
        "let x = 1; ¦",
        "Events | join kind=inner (¦",
        "Events | union ¦",
        "Events | join ¦",
        "let y = ¦",
        "print toscalar(¦",
    ] {
        assert!(offers(text, "Events"), "{text}");
    }
    assert!(offers("let x = Events; Events | union ¦", "x"));
    assert_eq!(at("1Pass¦").len(), 1);
    assert_eq!(at("1Pass¦")[0].insert, "[\"1Password\"]");
}

#[test]
fn operators_between_operands_and_clauses_follow_an_operand() {
    assert!(offers("Events | where user ¦", "has"));
    assert!(offers("Events | where user == 'a' ¦", "and"));
    assert_eq!(labels("Events | summarize count() ¦")[0], "by");
    assert_eq!(labels("Events | sort by user ¦")[0], "asc");
    assert_eq!(labels("Events | top 5 ¦")[0], "by");
    assert_eq!(labels("Events | join (Events) ¦")[0], "on");
}

#[test]
fn options_offer_their_choices() {
    assert_eq!(labels("Events | join kind=left¦"), ["leftouter", "leftsemi", "leftanti"]);
    assert_eq!(labels("Events | render time¦"), ["timechart", "timepivot"]);
    assert!(offers("let f = (x: ¦", "timespan"));
    assert!(offers("Events | mv-expand a to typeof(¦", "long"));
    assert!(offers("Events | join (Events | project user) on $left.¦", "timestamp"));
    assert!(offers("Events | join kind=inner (Events) on $right.¦", "user"));
}

#[test]
fn nothing_is_offered_in_strings_comments_and_numbers() {
    for text in ["Events | where user == 'a¦", "Events // us¦", "Events | take 1¦", "Events | where user == \"a\"¦"]
    {
        assert_eq!(labels(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn every_place_of_a_broken_text_is_answered() {
    let text = "let f = (x: long) { T | where é in ( }; union (A | | summarize by , $left. | join kind= on ) '";
    for offset in 0..=text.len() + 3 {
        let _ = complete(text, offset, World { catalog: &House, schema_of: &|_| None });
        let _ = (help_at(text, offset), signature_at(text, offset, &House));
    }
}

#[test]
fn the_call_around_a_place_and_its_argument_are_found() {
    let text = "T | extend a = strcat('x', tolower(b), c";
    let written = |text: &str, offset: usize| {
        let signature = signature_at(text, offset, &House)?;
        Some((signature.form.clone(), signature.form[signature.parameter].to_owned()))
    };
    let (form, parameter) = written(text, text.len()).unwrap();
    assert!(form.starts_with("strcat(") && form.ends_with(&format!("{parameter})")), "{form} {parameter}");
    assert!(written(text, text.find("b)").unwrap()).unwrap().0.starts_with("tolower("));
    assert_eq!(written("T | where ", 10), None);
}

#[test]
fn functions_of_the_query_have_signatures_too() {
    let text = "let rare = (T: (user: string), most: long = 3) { T | take most }; rare(Events, ";
    let signature = signature_at(text, text.len(), &House).unwrap();
    assert_eq!(signature.form, "rare(T: table, [most: long])");
    assert_eq!(&signature.form[signature.parameter], "[most: long]");
}

#[test]
fn a_word_is_explained_as_what_it_is_where_it_stands() {
    let kind = |text: &str| {
        let offset = text.find('¦').unwrap();
        help_at(&text.replace('¦', ""), offset).map(|help| (help.entry.name(), help.entry.kind()))
    };
    assert_eq!(kind("T | co¦unt"), Some(("count", "tabular operator")));
    assert_eq!(kind("T | summarize co¦unt()"), Some(("count", "aggregate")));
    assert_eq!(kind("T | where a ha¦s 'b'"), Some(("has", "operator between values")));
    assert_eq!(kind("T | extend a = to¦lower(b)"), Some(("tolower", "function")));
    assert_eq!(kind("T | where tol¦ower > 1"), None);
}

#[test]
fn values_and_keys_that_the_catalogue_knows_are_offered() {
    for text in
        ["Events | where category == ¦", "Events | where category !in ('x', ¦", "Events | where category in~ (¦"]
    {
        let first = at(text).remove(0);
        assert_eq!((&*first.label, &*first.insert, first.kind), ("success", "\"success\"", ItemKind::Value), "{text}");
    }
    assert_eq!(labels("Events | where user == su¦").first().map(String::as_str), Some("substring"));
    assert_eq!(labels("Events | extend a = session1.uu¦"), ["uuid"]);
    assert!(offers("Events | evaluate bag¦", "bag_unpack"));
}
