use super::columns;

#[track_caller]
fn all_are(cases: &[(&str, &str)]) {
    for (text, want) in cases {
        assert_eq!(columns(text), *want, "{text}");
    }
}

#[test]
fn aggregates_are_named_by_their_prefix_and_argument() {
    all_are(&[
        ("Events | summarize count()", "count_:long"),
        ("Events | summarize countif(size > 1), countif(size > 2)", "countif_:long, countif_1:long"),
        ("Events | summarize sum(size), avg(size), dcount(action)", "sum_size:long, avg_size:real, dcount_action:long"),
        ("Events | summarize avg(size + 1)", "avg_:real"),
        ("Events | summarize make_set(action), make_list(size)", "set_action:dynamic, list_size:dynamic"),
        ("Events | summarize make_set(size), make_set(size)", "set_size:dynamic, set_size1:dynamic"),
        ("Events | summarize percentiles(size, 5, 99.9)", "percentile_size_5:long, percentile_size_99_9:long"),
        ("Events | summarize percentile(ratio, 50)", "percentile_ratio_50:real"),
        ("Events | summarize take_any(action), any(size)", "action:string, any_size:long"),
        ("Events | summarize x = round(avg(size), 2)", "x:real"),
    ]);
}

#[test]
fn by_columns_come_first_and_are_named_by_what_they_are_made_of() {
    all_are(&[
        (
            "Events | summarize count() by action, bin(TimeGenerated, 1h)",
            "action:string, TimeGenerated:datetime, count_:long",
        ),
        ("Events | summarize n = count() by tostring(user.email)", "user_email:string, n:long"),
        ("Events | summarize count() by size > 3", "Column1:bool, count_:long"),
        ("Events | extend count_ = 1 | summarize count() by count_", "count_:long, count_1:long"),
        ("Events | summarize by action", "action:string"),
        ("Events | distinct action, tolower(action)", "action:string, Column1:string"),
    ]);
}

#[test]
fn arg_max_gives_the_columns_that_it_names() {
    all_are(&[
        (
            "Events | project action, size, code | summarize arg_max(size, *) by action",
            "action:string, size:long, code:int",
        ),
        (
            "Events | summarize arg_max(size, action), arg_min(size, action)",
            "size:long, action:string, size1:long, action1:string",
        ),
        ("Events | summarize last = arg_max(size, action)", "last:long, action:string"),
        (
            "Events | project action, size, code | summarize arg_max(size, code, *) by action",
            "action:string, size:long, code:int",
        ),
        (
            "Events | project size, code | summarize arg_max(tostring(size), *), arg_min(code, twice = code * 2)",
            "size:string, size1:long, code:int, code1:int, twice:long",
        ),
        ("Events | project action, code | summarize take_any(code, *) by action", "action:string, code:int"),
        ("Events | summarize (a, b) = arg_max(size, action)", "a:long, b:string"),
    ]);
}

#[test]
fn print_and_project_number_what_has_no_name() {
    all_are(&[
        ("print 1, 'a'", "print_0:long, print_1:string"),
        ("print 0 + 1, x = 'Wow'", "print_0:long, x:string"),
        ("Events | project size + 1, action, code * 2", "Column1:long, action:string, Column2:long"),
        (
            "Events | project user.email, user['a b'], user.list[0]",
            "user_email:dynamic, user_a b:dynamic, user_list_0:dynamic",
        ),
        ("print strlen('a'), gettype(1)", "strlen_:long, type_:string"),
    ]);
}

#[test]
fn extend_keeps_the_place_of_a_column_that_it_writes_again() {
    all_are(&[
        ("Users | extend size = strlen(size), more = 1", "name:string, size:long, since:datetime, more:long"),
        ("Users | extend strlen(size)", "name:string, size:string, since:datetime, strlen_size:long"),
        ("Users | project-rename who = name", "who:string, size:string, since:datetime"),
        ("Users | project-reorder s* desc", "size:string, since:datetime, name:string"),
        ("Users | project-away s*", "name:string"),
        ("Users | project-keep s*", "size:string, since:datetime"),
    ]);
}

#[test]
fn a_join_renames_what_the_right_side_has_too() {
    let users = "let U = Users | project name, size, since; ";
    all_are(&[
        (
            &format!("{users} U | join kind=inner U on name"),
            "name:string, size:string, since:datetime, name1:string, size1:string, since1:datetime",
        ),
        (&format!("{users} U | join kind=leftanti U on name"), "name:string, size:string, since:datetime"),
        (
            &format!("{users} Events | project action, size | join kind=rightsemi U on $left.action == $right.name"),
            "name:string, size:string, since:datetime",
        ),
        (
            &format!("{users} Events | project action, size | lookup U on $left.action == $right.name"),
            "action:string, size:long, size1:string, since:datetime",
        ),
    ]);
}

#[test]
fn a_union_has_columns_by_name_and_type() {
    all_are(&[
        (
            "Users | union (Events | project size, name = action)",
            "name:string, size_string:string, since:datetime, size_long:long",
        ),
        ("Users | union kind=inner (Events | project size, name = action)", "name:string"),
        ("union withsource=t Users, (Users | project name)", "t:string, name:string, size:string, since:datetime"),
        ("union isfuzzy=true Users, Nobody, (Nowhere | where x == 1)", "name:string, size:string, since:datetime"),
        ("let View_1 = view () { print x = 1 }; union View_*", "x:long"),
    ]);
}

#[test]
fn functions_are_put_in_place_of_their_calls() {
    all_are(&[
        ("let f = (a: long, b: long = 2) { a * b }; print x = f(3), y = f(b = 1, a = 2)", "x:long, y:long"),
        ("let f = (T: (size: long), n: long) { T | where size > n }; Events | project size | invoke f(3)", "size:long"),
        ("let f = () { Users }; f | count", "Count:long"),
        (
            "let f = (a: string) { tolower(a) }; Users | extend low = f(name)",
            "name:string, size:string, since:datetime, low:string",
        ),
        ("Grants | where who has 'x'", "TimeGenerated:datetime, who:string"),
        ("Since(ago(1d)) | count", "Count:long"),
        ("let f = (s: long) { range x from 1 to 9 step s }; let g = (s: long) { f(s) }; g(2) | count", "Count:long"),
    ]);
}

#[test]
fn column_ifexists_is_decided_by_the_schema() {
    all_are(&[("Users | project column_ifexists('name', ''), b = column_ifexists('none', 1)", "name:string, b:long")]);
}

#[test]
fn the_columns_at_a_place_are_those_of_the_operators_input() {
    let text = "let x = Users | where name == 'a'; Events | project action, size | join (Users | where size == '1') on $left.action == $right.name | where a";
    let at = |needle: &str| {
        let offset = text.find(needle).unwrap() + needle.len();
        let query = crate::kql::parser::parse(text).query;
        let schema = crate::kql::bind::schema_at(&query, text, offset, &super::House).unwrap();
        schema.iter().map(|c| c.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(at("let x = Users | where n"), "name size since");
    assert_eq!(at("Events | project ac"), "TimeGenerated action user size code ratio");
    assert_eq!(at("(Users | where si"), "name size since");
    assert_eq!(at("$right.name | where a"), "action size name size1 since");
}
