//! What a query names with `let`, and what its names give.

use super::ask::{gives, gives_in_any_order, refused};

const T: &str = "datatable(s: string)['a,b', 'c']";

#[test]
fn a_let_inside_a_function_reads_the_row_that_the_function_is_called_on() {
    gives(
        &format!(
            "let last = (s: string) {{ let parts = split(s, ','); let n = array_length(parts); strcat(parts[n - 1], n) }};
             {T} | extend r = last(s) | project r"
        ),
        &["r:string", "b2", "c1"],
    );
    gives(
        "let f = (x: long) { let g = x * 2; let h = (q: long) { let w = q + g; w * 2 }; h(g) };
         range x from 1 to 2 step 1 | summarize sum(f(x)) by odd = f(x) % 3 == 2 | sort by odd asc",
        &["odd:bool, sum_:long", "false|16", "true|8"],
    );
    assert!(
        refused(
            "let f = (x: long) { let g = x * 2; toscalar(range i from 1 to 2 step 1 | summarize max(i + g)) };
             range x from 1 to 2 step 1 | extend z = f(x)"
        )
        .starts_with("KQL128 g")
    );
}

#[test]
fn a_function_without_parameters_is_its_value_by_its_bare_name() {
    gives(
        "let dozen = () { 12 }; let same = dozen; range x from 1 to 1 step 1 | where dozen > 1 | project x * dozen, dozen(), same",
        &["Column1:long, Column2:long, same:long", "12|12|12"],
    );
    gives("let two = () { range x from 1 to 2 step 1 }; union two, (two()) | count", &["Count:long", "4"]);
    assert!(refused("let two = () { range x from 1 to 2 step 1 }; print two + 1").starts_with("KQL127 two"));
    assert!(refused("let f = (x: long) { x }; print f + 1").starts_with("KQL127 f"));
}

#[test]
fn rows_of_a_view_say_the_views_name() {
    let views = "let Low = view () { range x from 1 to 2 step 1 }; let High = view () { range x from 2 to 3 step 1 };";
    gives_in_any_order(
        &format!("{views} union withsource=t Low, High, (High | where x > 2)"),
        &["t:string, x:long", "Low|1", "Low|2", "High|2", "High|3", "union_arg2|3"],
    );
    gives_in_any_order(&format!("{views} search x == 2"), &["$table:string, x:long", "Low|2", "High|2"]);
}

#[test]
fn a_column_keeps_its_name_where_another_would_get_it_by_its_type() {
    gives(
        "union (print x = 1), (print x = 'a'), (print x_long = 3)",
        &["x_long1:long, x_string:string, x_long:long", "1||∅", "∅|a|∅", "∅||3"],
    );
}

#[test]
fn elements_of_a_dynamic_list_of_another_type_are_not_equal() {
    gives(
        "print '1' in (dynamic([true, '1'])), '2' in (dynamic([true, '1']))",
        &["print_0:bool, print_1:bool", "true|false"],
    );
    gives(
        "print datetime(2026-01-01) in (dynamic(['x'])), 1h !in (dynamic([true]))",
        &["print_0:bool, print_1:bool", "false|true"],
    );
    assert!(refused("print true in ('x')").starts_with("KQL121"));
}

#[test]
fn nan_stands_next_to_null_at_either_end() {
    let t = "datatable(r: real)[1.0, real(nan), real(null), real(-inf), real(+inf)]";
    gives(&format!("{t} | sort by r asc nulls last"), &["r:real", "-Infinity", "1", "Infinity", "NaN", "∅"]);
    gives(&format!("{t} | sort by r desc nulls first"), &["r:real", "∅", "NaN", "Infinity", "1", "-Infinity"]);
    gives(&format!("{t} | top 2 by r asc nulls last"), &["r:real", "-Infinity", "1"]);
}

#[test]
fn of_no_value_there_is_no_sketch() {
    gives(
        "datatable(x: long)[] | summarize h = hll(x), d = tdigest(x) | project isnull(h), isnull(d), dcount_hll(h)",
        &["Column1:bool, Column2:bool, dcount_hll_h:long", "true|true|∅"],
    );
}

#[test]
fn toscalar_evaluates_once() {
    gives(
        "let once = toscalar(new_guid()); let each = new_guid();
         range x from 1 to 9 step 1 | extend a = once, b = each | summarize dcount(a), dcount(b)",
        &["dcount_a:long, dcount_b:long", "1|9"],
    );
}
