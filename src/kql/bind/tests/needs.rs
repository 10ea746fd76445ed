use super::{Known, bound, bound_with};
use crate::kql::bind::{Answer, Bound, What};
use crate::kql::value::Value;

/// Answers each need in turn and gives the plan and how many rounds it took.
fn rounds(text: &str, answers: &[Answer]) -> (String, usize) {
    let mut known = Known::default();
    let mut answers = answers.iter();
    for round in 0.. {
        match bound_with(text, &known).bound {
            Bound::Plan(plan) => return (plan.to_string(), round),
            Bound::Needs(needs) => known.put(&*needs[0].key, answers.next().unwrap().clone()),
            Bound::Invalid => panic!("{:?}", bound_with(text, &known).diagnostics),
        }
    }
    unreachable!()
}

#[test]
fn a_need_inside_a_need_is_answered_first() {
    let text = "let a = toscalar(Events | count); let b = toscalar(Events | where size > a | count); print x = a + b";
    let (plan, rounds) = rounds(text, &[Answer::Cell(Value::Long(1)), Answer::Cell(Value::Long(2))]);
    assert_eq!((plan.trim_end(), rounds), ("values (x: long) [3]", 2));
}

#[test]
fn the_values_of_a_subquery_become_a_set() {
    let text = "Users | where name in ((Events | project action)) | count";
    let Bound::Needs(needs) = bound(text).bound else { panic!() };
    assert_eq!(needs[0].what, What::Column);
    let (plan, _) = rounds(text, &[Answer::Column(vec![Value::string("a"), Value::string("b")])]);
    assert!(plan.contains("name in (\"a\", \"b\")"), "{plan}");
}

#[test]
fn one_row_with_one_array_is_flattened() {
    let text = "let known = Events | summarize make_list(action); Users | where name !in (known) | count";
    let (plan, _) = rounds(text, &[Answer::Column(vec![Value::Dynamic("[\"a\",\"b\"]".into())])]);
    assert!(plan.contains("name !in (\"a\", \"b\")"), "{plan}");
}

#[test]
fn a_range_may_hang_on_data() {
    let text = "range x from 1 to toscalar(Events | count) step 1";
    let (plan, _) = rounds(text, &[Answer::Cell(Value::Long(5))]);
    assert_eq!(plan.trim_end(), "range x from 1 to 5 step 1");
}

#[test]
fn columns_that_hang_on_data_are_a_need_and_no_error() {
    for text in [
        "Events | evaluate bag_unpack(user) | where email == 'x' and size > 1 | summarize count() by city, action",
        "Events | evaluate pivot(action) | where grant > 1 | project view, size",
        "let t = Events | evaluate bag_unpack(user, 'u_'); t | join kind=inner (Users) on $left.u_name == $right.name | sort by u_age",
    ] {
        let outcome = bound(text);
        assert_eq!(outcome.diagnostics, [], "{text}");
        assert!(matches!(outcome.bound, Bound::Needs(_)), "{text}");
    }
    let found = |texts: &[&str]| Answer::Column(texts.iter().map(|t| Value::string(*t)).collect());
    let text = "Events | project user | evaluate bag_unpack(user) | where age > 3";
    let (plan, _) = rounds(text, &[found(&["string email", "long age"])]);
    assert!(
        plan.starts_with("where (age > 3)\n  project age = tolong(user.age), email = tostring(user.email)"),
        "{plan}"
    );
    let (plan, _) = rounds("Events | project action | evaluate pivot(action)", &[found(&["b", "a"])]);
    assert!(plan.contains("evaluate pivot of 2 values -> (a: long, b: long)"), "{plan}");
}

#[test]
fn a_written_schema_is_no_need() {
    let text = "Events | project user, size | evaluate bag_unpack(user) : (*, email: string)";
    assert!(rounds(text, &[]).0.starts_with("project size, email = tostring(user.email)"));
    let text = "Events | project action, code | evaluate pivot(action) : (code: int, grant: long)";
    assert_eq!(rounds(text, &[]).1, 0);
}
