use crate::engine::local::tests::ask::{gives, refused, table};

#[test]
fn a_list_gives_a_row_an_element_and_repeats_the_rest() {
    gives(
        "datatable(a: int, b: dynamic)[1, dynamic([10, 20]), 2, dynamic(['a', 'b'])] | mv-expand b",
        &["a:int, b:dynamic", "1|10", "1|20", "2|\"a\"", "2|\"b\""],
    );
}

#[test]
fn a_bag_expands_to_bags_of_one_property() {
    let bags = r#"datatable(a: int, b: dynamic)[1, dynamic({"p": "a1", "q\"": [1]}), 2, dynamic({"p": null})]"#;
    gives(
        &format!("{bags} | mv-expand b"),
        &["a:int, b:dynamic", r#"1|{"p":"a1"}"#, r#"1|{"q\"":[1]}"#, r#"2|{"p":null}"#],
    );
    gives(
        &format!("{bags} | mv-expand bagexpansion=array b | project a, key = tostring(b[0]), value = b[1]"),
        &["a:int, key:string, value:dynamic", "1|p|\"a1\"", "1|q\"|[1]", "2|p|∅"],
    );
    gives(&format!("{bags} | mv-expand kind=array b | take 1"), &["a:int, b:dynamic", r#"1|["p","a1"]"#]);
}

#[test]
fn null_is_one_row_an_empty_list_none_and_a_scalar_itself() {
    gives(
        "datatable(a: int, b: dynamic)[1, dynamic(null), 2, dynamic([]), 3, dynamic({}), 4, dynamic('x'), 5, dynamic([null, 7])] | mv-expand with_itemindex=i b",
        &["a:int, b:dynamic, i:long", "1|∅|0", "4|\"x\"|0", "5|∅|0", "5|7|1"],
    );
}

#[test]
fn columns_are_zipped_and_the_shorter_is_padded_with_null() {
    gives(
        r#"datatable(a: int, b: dynamic, c: dynamic)[1, dynamic({"p": 1, "q": 2}), dynamic([5, 4, 3]), 2, dynamic([]), dynamic("s")] | mv-expand b, c"#,
        &["a:int, b:dynamic, c:dynamic", r#"1|{"p":1}|5"#, r#"1|{"q":2}|4"#, "1|∅|3", r#"2|∅|"s""#],
    );
    gives(
        "print b = dynamic([1, 2]), c = dynamic([5, 6]) | mv-expand b | mv-expand c",
        &["b:dynamic, c:dynamic", "1|5", "1|6", "2|5", "2|6"],
    );
}

#[test]
fn a_new_name_is_a_new_column_and_the_list_stays() {
    gives("print d = dynamic([1, 2]) | mv-expand x = d", &["d:dynamic, x:dynamic", "[1,2]|1", "[1,2]|2"]);
    gives(
        "print d = dynamic({'n': [1, 2]}) | mv-expand d.n",
        &["d:dynamic, d_n:dynamic", r#"{"n":[1,2]}|1"#, r#"{"n":[1,2]}|2"#],
    );
    gives("print s = '[1,2]', k = 3 | mv-expand parse_json(s)", &["s:dynamic, k:long", "1|3", "2|3"]);
    gives("print k = 3 | mv-expand pack_array(1, 2)", &["k:long, Column1:dynamic", "3|1", "3|2"]);
}

#[test]
fn elements_become_the_type_that_is_asked_for() {
    gives(
        "datatable(s: string, b: dynamic, c: dynamic)['k', dynamic([1, 'x']), dynamic([6, 7])] | mv-expand b to typeof(string), c to typeof(int)",
        &["s:string, b:string, c:int", "k|1|6", "k|x|7"],
    );
    gives("print d = dynamic([1, 'x', null, 2.5]) | mv-expand d to typeof(long)", &["d:long", "1", "∅", "∅", "2"]);
    gives(
        "print d = range(datetime(2020-01-01), datetime(2020-01-02), 1d) | mv-expand d to typeof(datetime)",
        &["d:datetime", "2020-01-01T00:00:00.0000000Z", "2020-01-02T00:00:00.0000000Z"],
    );
    gives("print d = dynamic([null]) | mv-expand d to typeof(string) | where d == ''", &["d:string", ""]);
}

#[test]
fn the_limit_counts_for_each_row_and_the_old_form_has_one() {
    gives("print d = range(1, 10) | mv-expand d limit 2", &["d:dynamic", "1", "2"]);
    gives("print d = range(1, 500) | mvexpand d | count", &["Count:long", "128"]);
    gives("print d = range(1, 500) | mvexpand d limit 300 | count", &["Count:long", "300"]);
    gives("print d = range(1, 500) | mv-expand d | count", &["Count:long", "500"]);
    gives("print d = range(1, 10) | mv-expand d limit toscalar(print 3) | count", &["Count:long", "3"]);
}

#[test]
fn a_list_longer_than_a_batch_comes_in_several() {
    gives(
        "range r from 1 to 3 step 1 | mv-expand with_itemindex=i x = range(1, 100000) | summarize count(), sum(tolong(x)), max(i) by r | sort by r asc",
        &[
            "r:long, count_:long, sum_x:long, max_i:long",
            "1|100000|5000050000|99999",
            "2|100000|5000050000|99999",
            "3|100000|5000050000|99999",
        ],
    );
}

#[test]
fn conditions_and_columns_pass_below_the_expansion() {
    gives(
        "datatable(a: int, b: dynamic, c: dynamic)[1, dynamic([1]), dynamic({'k': 'x'}), 2, dynamic([2, 3]), dynamic({'k': 'y'})] | mv-expand b | where a == 2 and tolong(b) > 2 and c.k == 'y' | project a, b, k = tostring(c.k)",
        &["a:int, b:dynamic, k:string", "2|3|y"],
    );
    gives(
        "datatable(a: int, b: dynamic)[1, dynamic([1, 2, 3]), 2, dynamic([])] | mv-expand with_itemindex=i b | summarize count() by a",
        &["a:int, count_:long", "1|3"],
    );
}

#[test]
fn order_survives_so_window_functions_may_follow() {
    gives(
        "datatable(a: int, b: dynamic)[2, dynamic([1, 2]), 1, dynamic([3])] | sort by a asc | mv-expand b | extend n = row_number()",
        &["a:int, b:dynamic, n:long", "1|3|1", "2|1|2", "2|2|3"],
    );
}

#[test]
fn what_cannot_be_expanded_is_refused_with_the_fix() {
    assert_eq!(
        refused("print s = 'a,b' | mv-expand s"),
        "KQL161 s: `mv-expand` expands lists and bags, and `s` is string"
    );
    assert_eq!(
        refused("print n = 1 | mv-expand x = n"),
        "KQL161 n: `mv-expand` expands lists and bags, and `n` is long"
    );
    assert_eq!(refused("print d = dynamic([1]) | mv-expand e"), "KQL110 e: no column is called `e`");
    assert_eq!(refused("print d = dynamic([1]) | mv-expand d, d"), "KQL142 d: `d` is expanded twice");
}

#[test]
fn an_expansion_of_nothing_gives_its_columns() {
    assert_eq!(table("datatable(a: int, b: dynamic)[] | mv-expand with_itemindex=a b"), ["a:int, b:dynamic, a1:long"]);
}
