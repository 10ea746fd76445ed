//! Looking through columns and tables: `search`, `find`, `where *`, unions by pattern, patterns and restrictions.

use super::ask::{gives, refused};

const ROWS: &str = "let Rows = datatable(who: string, n: long, d: dynamic, t: datetime)[
    'ann lee', 12, dynamic({'k': 'blue sky'}), datetime(2025-03-04),
    'Bob', 345, dynamic(null), datetime(2025-05-06),
    'joann', 12, dynamic(['12x']), datetime(null)]; ";

#[track_caller]
fn finds(predicate: &str, want: &[&str]) {
    let all: Vec<&str> = [&["who:string"], want].concat();
    gives(&format!("{ROWS} Rows | search {predicate} | project who"), &all);
}

#[test]
fn a_term_is_looked_for_in_every_column() {
    finds("'ann'", &["ann lee"]);
    finds("'BOB'", &["Bob"]);
    finds("'blue'", &["ann lee"]);
    finds("'12'", &["ann lee", "joann"]);
    finds("'2025'", &["ann lee", "Bob"]);
    finds("'lue'", &[]);
    finds("*", &["ann lee", "Bob", "joann"]);
}

#[test]
fn stars_in_a_term_say_which_side_is_free() {
    finds("'*ann'", &["ann lee", "joann"]);
    finds("'an*'", &["ann lee"]);
    finds("'*oan*'", &["joann"]);
    finds("'an*lee'", &["ann lee"]);
    finds("'3*5'", &["Bob"]);
}

#[test]
fn terms_columns_and_conditions_combine() {
    finds("'12' and not('ann')", &["joann"]);
    finds("who: 'bob' or ('blue' and n == 12)", &["ann lee", "Bob"]);
    finds("who: 'jo*'", &["joann"]);
    finds("n in (345, 7) or who startswith 'jo'", &["Bob", "joann"]);
    finds("who == 'Bob'", &["Bob"]);
    finds("t between (datetime(2025-05-01) .. 10d)", &["Bob"]);
    finds("who matches regex '^[a-c]'", &["ann lee"]);
}

#[test]
fn a_case_sensitive_search_regards_case_everywhere() {
    let finds = |predicate: &str, want: &[&str]| {
        let all: Vec<&str> = [&["who:string"], want].concat();
        gives(&format!("{ROWS} Rows | search kind=case_sensitive {predicate} | project who"), &all);
    };
    finds("'bob'", &[]);
    finds("'Bob'", &["Bob"]);
    finds("who: 'B*' or who has 'ANN'", &["Bob"]);
    finds("who in~ ('bob', 'joann')", &["joann"]);
}

#[test]
fn the_table_of_a_row_stands_first() {
    gives("datatable(a: string)['x y', 'z'] | search 'x'", &["$table:string, a:string", "search_arg0|x y"]);
    gives("datatable(a: string)['x y', 'z'] | as T | search 'x' | search 'y'", &["$table:string, a:string", "T|x y"]);
    gives(
        "let A = view () { print a = 'one', n = 1 }; let B = view () { print b = 'two one', n = 2 };
         search in (A, B) 'one' and n > 0 | sort by n asc",
        &["$table:string, a:string, n:long, b:string", "A|one|1|", "B||2|two one"],
    );
    gives(
        "let A = view () { print a = 'one', n = 1 }; let B = view () { print b = 'two one', n = 2 }; search b: 'one'",
        &["$table:string, a:string, n:long, b:string", "B||2|two one"],
    );
}

#[test]
fn a_star_in_where_is_any_column() {
    let keeps = |predicate: &str, want: &[&str]| {
        let all: Vec<&str> = [&["who:string"], want].concat();
        gives(&format!("{ROWS} Rows | where {predicate} | project who"), &all);
    };
    keeps("* has 'ann'", &["ann lee"]);
    keeps("* == 'Bob'", &["Bob"]);
    keeps("* == 345", &["Bob"]);
    keeps("* contains 'ann' and n == 12", &["ann lee", "joann"]);
    keeps("* startswith 'j' or n > 300", &["Bob", "joann"]);
    keeps("not(* has 'ann')", &["Bob", "joann"]);
    keeps("* in ('Bob', 'joann')", &["Bob", "joann"]);
    keeps("* !contains 'ann'", &["Bob"]);
}

#[test]
fn find_shows_what_tables_share_what_is_asked_and_a_bag() {
    let two = "let E1 = datatable(id: long, level: string, v: string)[1, 'bad', 'x', 2, 'good', 'y'];
        let E2 = datatable(id: long, level: string, name: string)[1, 'bad', 'n1', 3, 'bad', 'n3']; ";
    gives(
        &format!("{two} find in (E1, E2) where id == 1"),
        &[
            "source_:string, id:long, level:string, pack_:dynamic",
            r#"find_arg0|1|bad|{"v":"x"}"#,
            r#"find_arg1|1|bad|{"name":"n1"}"#,
        ],
    );
    gives(
        &format!("{two} find withsource=src in (E1, E2) where v == 'y' or name == 'n3' project id, v, name"),
        &["src:string, id:long, v:string, name:string", "find_arg0|2|y|", "find_arg1|3||n3"],
    );
    gives(
        &format!("{two} find in (E1, E2) where id == 1 and level == 'bad' project id: string, pack_all()"),
        &[
            "source_:string, id:string, pack_:dynamic",
            r#"find_arg0|1|{"level":"bad","v":"x"}"#,
            r#"find_arg1|1|{"level":"bad","name":"n1"}"#,
        ],
    );
    gives(
        &format!("{two} find in (E1, E2) where name == 'n3'"),
        &["source_:string, id:long, level:string, name:string", "find_arg1|3|bad|n3"],
    );
    gives(
        &format!("{two} find in (E1, E2) where 'good' project-away level, pack_"),
        &["source_:string, id:long", "find_arg0|2"],
    );
    let clash = "let A = datatable(p: string)['7']; let B = datatable(p: long)[7]; ";
    gives(
        &format!("{clash} find in (A, B) where p == 7"),
        // Text and a number are compared as text.
        &["source_:string, p_string:string, p_long:long", "find_arg0|7|∅", "find_arg1||7"],
    );
}

#[test]
fn a_union_by_pattern_takes_what_the_query_named() {
    gives(
        "let View_1 = view () { print x = 1 }; let View_2 = view () { print x = 2 }; let Other = view () { print x = 3 };
         union isfuzzy=true View*, Nothing* | summarize s = sum(x)",
        &["s:long", "3"],
    );
    gives(
        "union withsource=s (print x = 1), (print x = 2) | sort by x asc",
        &["s:string, x:long", "union_arg0|1", "union_arg1|2"],
    );
}

#[test]
fn a_pattern_is_what_its_case_says() {
    let p = "declare pattern city = (country: string)[state: string] {
        ('it').['north'] = { print where_to = strcat('Milan ', country) };
        ('it').['south'] = { range n from 1 to 2 step 1 | project where_to = strcat('Naples ', n) };
    }; ";
    gives(&format!("{p} city('it').north"), &["where_to:string", "Milan it"]);
    gives(&format!("{p} city('it').['south'] | count"), &["Count:long", "2"]);
    gives(&format!("{p} union city('it').north, city('it').south | count"), &["Count:long", "3"]);
    gives("declare pattern one = (a: string) { ('x') = { print b = a } }; one('x')", &["b:string", "x"]);
    assert_eq!(
        refused(&format!("{p} city('de').north")),
        "KQL164 city('de').north: the pattern has no case for city('de').north"
    );
    assert_eq!(refused("declare pattern p; p('x')"), "KQL164 p('x'): the pattern has no case for p('x')");
}

#[test]
fn an_alias_of_a_database_stands_before_its_tables() {
    gives(
        "alias database d = cluster('c').database('x'); set truncationmaxrecords = 5; let T = print a = 1; d.T | union d.T | count",
        &["Count:long", "2"],
    );
}

#[test]
fn behind_a_restriction_only_what_it_names_is_read() {
    let two = "let A = view () { print x = 1 }; let B = view () { A | extend y = 2 }; ";
    gives(&format!("{two} restrict access to (B); B"), &["x:long, y:long", "1|2"]);
    gives(&format!("{two} restrict access to (B); let C = B | project y; C"), &["y:long", "2"]);
    gives(&format!("{two} restrict access to (*); A"), &["x:long", "1"]);
    assert_eq!(
        refused(&format!("{two} restrict access to (B); A")),
        "KQL165 A: `A` may not be read: access is restricted"
    );
}

#[test]
fn parameters_of_every_type_have_defaults() {
    gives(
        "declare query_parameters(a: string = 'x', b: long = 2, c: datetime = datetime(2025-01-01), d: timespan = 1h,
             e: bool = true, f: real = 0.5, g: dynamic = dynamic([1]), h: int = 3, i: guid = guid(11111111-2222-3333-4444-555555555555),
             j: decimal = decimal(1.5));
         print a, b, c, d, e, f, g, h, i, j",
        &[
            "a:string, b:long, c:datetime, d:timespan, e:bool, f:real, g:dynamic, h:int, i:guid, j:decimal",
            "x|2|2025-01-01T00:00:00.0000000Z|01:00:00|true|0.5|[1]|3|11111111-2222-3333-4444-555555555555|1.500000000000000000",
        ],
    );
}

#[test]
fn wrong_use_says_where_it_belongs() {
    assert_eq!(
        refused("print a = 1 | search in (T) 'x'"),
        "KQL162 search: `search in (…)` begins a query: here it looks in what comes before it"
    );
    assert_eq!(refused("search 'x'"), "KQL162 search: there is no table to look in");
    assert_eq!(refused("print a = 1 | search b == 2"), "KQL110 b: no column is called `b`");
    assert_eq!(refused("print a = 1 | where * has b"), "KQL110 b: no column is called `b`");
    assert_eq!(
        refused(
            "let A = datatable(p: string)['7']; let B = datatable(p: long)[7]; find in (A, B) where p == 7 project p"
        ),
        "KQL163 p: `p` has another type in another table"
    );
}
