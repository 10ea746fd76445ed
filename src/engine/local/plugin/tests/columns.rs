//! `bag_unpack` and `pivot`: columns that hang on data.

use super::{table, wrong};

const PEOPLE: &str = "datatable(Name: string, d: dynamic)[
    'old', dynamic({'Name': 'Ann', 'Age': 20}),
    'old', dynamic({'Name': 'Bob', 'Age': 40, 'Tall': 1.5}),
    'old', dynamic(null)]";

#[test]
fn a_bag_becomes_columns_sorted_by_name_and_typed_by_their_values() {
    let query = "datatable(d: dynamic)[
        dynamic({'s': 'x', 'n': 1, 'r': 0.5, 'b': true, 'l': [1], 'mixed': 1, 't': datetime(2026-01-02 03:04:05), 'day': '2026-01-02T03:04:05Z'}),
        dynamic({'s': '', 'n': null, 'mixed': 'one'})] | evaluate bag_unpack(d)";
    assert_eq!(
        table(query),
        "b:bool,day:string,l:dynamic,mixed:dynamic,n:long,r:real,s:string,t:datetime\n\
         ,,,\"\"\"one\"\"\",,,,\n\
         true,2026-01-02T03:04:05Z,[1],1,1,0.5,x,2026-01-02T03:04:05.0000000Z"
    );
}

#[test]
fn a_property_of_the_columns_own_name_takes_its_place() {
    let query = "print a = 1, d = dynamic({'b': 2, 'd': {'e': 4}}) | evaluate bag_unpack(d)";
    assert_eq!(table(query), "a:long,d:dynamic,b:long\n1,\"{\"\"e\"\":4}\",2");
}

#[test]
fn a_property_like_another_column_needs_a_word() {
    let said = wrong(&format!("{PEOPLE} | evaluate bag_unpack(d)"));
    assert!(said.starts_with("KQL185 d: a property of the bags is called like the column `Name`"), "{said}");
    let keep = format!("{PEOPLE} | evaluate bag_unpack(d, columnsConflict='keep_source') | project Age, Name");
    assert_eq!(table(&keep), "Age:long,Name:string\n,old\n20,old\n40,old");
    let replace = format!("{PEOPLE} | evaluate bag_unpack(d, columnsConflict='replace_source')");
    assert_eq!(table(&replace), "Age:long,Name:string,Tall:real\n,,\n20,Ann,\n40,Bob,1.5");
    let prefixed = format!("{PEOPLE} | evaluate bag_unpack(d, 'p_')");
    assert_eq!(
        table(&prefixed),
        "Name:string,p_Age:long,p_Name:string,p_Tall:real\nold,,,\nold,20,Ann,\nold,40,Bob,1.5"
    );
    assert!(wrong(&format!("{PEOPLE} | evaluate bag_unpack(d, columnsConflict='drop')")).contains("keep_source"));
}

#[test]
fn ignored_properties_are_no_columns() {
    let query = format!("{PEOPLE} | project d | evaluate bag_unpack(d, ignoredProperties=dynamic(['Age', 'Tall']))");
    assert_eq!(table(&query), "Name:string\n\nAnn\nBob");
}

#[test]
fn a_written_schema_names_the_columns() {
    let bags =
        "datatable(d: dynamic, who: string)[dynamic({'Name': 'John', 'Age': 20}), 'x', dynamic({'Name': 'Dave'}), 'y']";
    let query = format!("{bags} | evaluate bag_unpack(d) : (*, Name: string, Age: long)");
    assert_eq!(table(&query), "who:string,Name:string,Age:long\nx,John,20\ny,Dave,");
    let query = format!("{bags} | evaluate bag_unpack(d) : (Age: real, who: string)");
    assert_eq!(table(&query), "Age:real,who:string\n,y\n20,x");
}

#[test]
fn unpacked_columns_may_be_used_at_once() {
    let query =
        format!("{PEOPLE} | project d | evaluate bag_unpack(d) | where Age > 30 | summarize n = count() by Name");
    assert_eq!(table(&query), "Name:string,n:long\nBob,1");
    let twice = "print d = dynamic({'a': {'b': 1}}) | evaluate bag_unpack(d) | evaluate bag_unpack(a)";
    assert_eq!(table(twice), "b:long\n1");
    let said = wrong(&format!("{PEOPLE} | project d | evaluate bag_unpack(d) | where Agge > 30"));
    assert!(said.starts_with("KQL110 Agge") && said.contains("`Age`"), "{said}");
}

const EVENTS: &str = "datatable(user: string, action: string, size: long)[
    'ann', 'grant', 2, 'ann', 'view', 3, 'bob', 'view', 4, 'ann', 'view', 5]";

#[test]
fn a_pivot_counts_by_the_columns_that_are_left() {
    let query = format!("{EVENTS} | project user, action | evaluate pivot(action)");
    assert_eq!(table(&query), "user:string,grant:long,view:long\nann,1,2\nbob,0,1");
    let query = format!("{EVENTS} | evaluate pivot(action, sum(size))");
    assert_eq!(table(&query), "user:string,grant:long,view:long\nann,2,8\nbob,0,4");
    let query = format!("{EVENTS} | evaluate pivot(action, max(size), user)");
    assert_eq!(table(&query), "user:string,grant:long,view:long\nann,2,5\nbob,,4");
    let query = format!("{EVENTS} | evaluate pivot(user, make_list(size), action, size) | project action, size, ann");
    assert_eq!(table(&query), "action:string,size:long,ann:dynamic\ngrant,2,[2]\nview,3,[3]\nview,4,[]\nview,5,[5]");
}

#[test]
fn a_pivot_over_numbers_names_columns_by_their_text() {
    let query = format!("{EVENTS} | project action, size | evaluate pivot(size) | project-reorder *");
    assert_eq!(table(&query), "action:string,2:long,3:long,4:long,5:long\ngrant,1,0,0,0\nview,0,1,1,1");
}

#[test]
fn a_pivot_with_a_written_schema_drops_other_values_but_no_rows() {
    let query =
        format!("{EVENTS} | project user, action | evaluate pivot(action) : (user: string, grant: long, none: long)");
    assert_eq!(table(&query), "user:string,grant:long,none:long\nann,1,0\nbob,0,0");
}

#[test]
fn wrong_use_says_what_to_write() {
    for (query, said) in [
        ("print d = 'x' | evaluate bag_unpack(d)", "KQL120 d: `bag_unpack` takes a dynamic column"),
        ("print d = 'x' | evaluate bag_unpack(dd)", "KQL110 dd"),
        (
            "print d = 'x' | evaluate bag_unpack(parse_json(d))",
            "KQL183 parse_json(d): `bag_unpack` takes a column here",
        ),
        ("print d = 'x' | evaluate bag_unpack()", "KQL112 bag_unpack"),
        (
            "print d = 'x' | evaluate bag_unpak(d)",
            "KQL180 bag_unpak: no plugin is called `bag_unpak` (did you mean `bag_unpack`?)",
        ),
        ("print d = 'x' | evaluate python(typeof(*, n: long), 'x')", "KQL181 python: `python` runs in the sandbox"),
        ("evaluate bag_unpack(d)", "KQL182 evaluate"),
        ("print d = 1 | evaluate pivot(d, d)", "KQL183 d: the second argument of `pivot` is an aggregate"),
        ("print d = 1, e = 2 | evaluate pivot(d, percentile(e, 5))", "KQL183 percentile(e, 5)"),
        ("print d = dynamic(1) | evaluate pivot(d)", "KQL140 d"),
    ] {
        let got = wrong(query);
        assert!(got.starts_with(said), "{query}\n{got}");
    }
}
