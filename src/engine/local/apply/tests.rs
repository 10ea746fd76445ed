use crate::engine::local::tests::ask::{gives, gives_in_any_order, refused};

const TWO: &str = "datatable(row: int, list: dynamic)[0, dynamic([5, 1, 3]), 1, dynamic([4, 10, 8, 7])]";

#[test]
fn each_row_goes_through_the_sub_query_beside_its_own_columns() {
    gives(
        &format!("{TWO} | mv-apply x = list to typeof(long) on (top 2 by x)"),
        &["row:int, list:dynamic, x:long", "0|[5,1,3]|5", "0|[5,1,3]|3", "1|[4,10,8,7]|10", "1|[4,10,8,7]|8"],
    );
    gives(
        &format!("{TWO} | mv-apply x = list to typeof(long) on (top 2 by x | summarize best = make_list(x))"),
        &["row:int, list:dynamic, best:dynamic", "0|[5,1,3]|[5,3]", "1|[4,10,8,7]|[10,8]"],
    );
    gives(
        &format!("{TWO} | mv-apply with_itemindex=i x = list to typeof(long) on (where i >= 2)"),
        &["row:int, list:dynamic, x:long, i:long", "0|[5,1,3]|3|2", "1|[4,10,8,7]|8|2", "1|[4,10,8,7]|7|3"],
    );
    gives(
        &format!("{TWO} | mv-apply x = list limit 1 on (project y = tolong(x) * 2)"),
        &["row:int, list:dynamic, y:long", "0|[5,1,3]|10", "1|[4,10,8,7]|8"],
    );
}

#[test]
fn a_list_expanded_under_its_own_name_leaves_the_row() {
    gives(
        &format!("{TWO} | mv-apply list on (where tolong(list) > 4)"),
        &["row:int, list:dynamic", "0|5", "1|10", "1|8", "1|7"],
    );
    gives(&format!("{TWO} | mv-apply list on (count)"), &["row:int, Count:long", "0|3", "1|4"]);
}

#[test]
fn lists_are_zipped_for_the_sub_query() {
    gives(
        "datatable(n: int, a: dynamic, b: dynamic)[1, dynamic(['A1', 'A2']), dynamic(['B1', 'B2', 'B3']), 5, dynamic(['C1', 'C2']), dynamic(['D1'])]
         | mv-apply x = a, y = b on (extend out = strcat(x, '_', y) | summarize out = make_list(out)) | project n, out",
        &["n:int, out:dynamic", r#"1|["A1_B1","A2_B2","_B3"]"#, r#"5|["C1_D1","C2_"]"#],
    );
}

#[test]
fn the_sub_query_sees_the_rows_own_columns_and_may_change_them() {
    gives(
        &format!(
            "{TWO} | extend least = iff(row == 0, 2, 8) | mv-apply x = list to typeof(long) on (where x >= least | extend row = toint(x)) | project-away list"
        ),
        &["row:int, least:long, x:long", "5|2|5", "3|2|3", "10|8|10", "8|8|8"],
    );
}

#[test]
fn an_expansion_inside_works_on_each_rows_own() {
    gives(
        "datatable(from: string, to: string, n: long)['555-1', '555-2', 46, '555-4', '', long(null)]
         | extend bag = bag_pack('from', from, 'to', to, 'n', n)
         | mv-apply away = bag on (mv-expand kind=array bag | where bag[1] !startswith '555' | summarize names = make_set(bag[0]))
         | project left = bag_remove_keys(bag, names)",
        &["left:dynamic", r#"{"from":"555-1","to":"555-2"}"#, r#"{"from":"555-4"}"#],
    );
    gives(
        "print d = dynamic([[1, 2], [3], []]) | mv-apply x = d on (mv-apply y = x to typeof(long) on (summarize s = sum(y)) | where s > 2)",
        &["d:dynamic, x:dynamic, s:long", "[[1,2],[3],[]]|[1,2]|3", "[[1,2],[3],[]]|[3]|3"],
    );
}

#[test]
fn a_group_that_is_filtered_away_still_has_a_summary_and_an_empty_list_has_none() {
    gives(
        "datatable(a: int, d: dynamic)[1, dynamic([1, 9]), 2, dynamic([1]), 3, dynamic([]), 4, dynamic(null)] | mv-apply x = d to typeof(long) on (where x > 5 | summarize n = count(), s = sum(x), l = make_list(x)) | project-away d",
        &["a:int, n:long, s:long, l:dynamic", "1|1|9|[9]", "2|0|0|[]", "4|0|0|[]"],
    );
}

#[test]
fn order_and_counting_begin_anew_in_each_row() {
    gives(
        &format!(
            "{TWO} | mv-apply x = list to typeof(long) on (sort by x asc | extend n = row_number(), p = prev(x) | take 2) | project row, x, n, p"
        ),
        &["row:int, x:long, n:long, p:long", "0|1|1|∅", "0|3|2|1", "1|4|1|∅", "1|7|2|4"],
    );
    gives(
        &format!(
            "{TWO} | mv-apply x = list to typeof(long) on (summarize n = count() by odd = x % 2 | sort by odd asc) | project row, odd, n"
        ),
        &["row:int, odd:long, n:long", "0|1|3", "1|0|3", "1|1|1"],
    );
}

#[test]
fn a_sub_query_with_a_table_of_its_own_runs_row_by_row() {
    gives(
        &format!(
            "let names = datatable(x: long, name: string)[5, 'five', 10, 'ten', 7, 'seven']; {TWO} | mv-apply x = list to typeof(long) on (lookup kind=inner names on x | summarize names = make_list(name)) | project row, names"
        ),
        &["row:int, names:dynamic", r#"0|["five"]"#, r#"1|["ten","seven"]"#],
    );
}

#[test]
fn texts_are_parsed_within_each_row() {
    gives(
        "print d = dynamic(['a=1', 'b=2', 'c']) | mv-apply x = d to typeof(string) on (parse x with k '=' v: long | where v > 0 | summarize s = sum(v), ks = make_list(k)) | project s, ks",
        &["s:long, ks:dynamic", r#"3|["a","b"]"#],
    );
    gives(
        "print d = dynamic(['a=1']) | mv-apply x = d to typeof(string) on (where x == 'none' | parse x with k '=' v: long | count) | project Count",
        &["Count:long", "0"],
    );
}

#[test]
fn many_rows_go_through_together() {
    gives(
        "range r from 1 to 100000 step 1 | mv-apply x = range(r, r + 2) to typeof(long) on (top 2 by x | summarize s = sum(x)) | summarize count(), sum(s), min(s)",
        &["count_:long, sum_s:long, min_s:long", "100000|10000400000|5"],
    );
}

#[test]
fn partition_runs_its_sub_query_over_each_key() {
    let t = "datatable(k: string, v: long)['a', 1, 'b', 5, 'a', 3, 'b', 2, '', 9, 'a', 2]";
    gives_in_any_order(
        &format!("{t} | partition hint.strategy=native by k (top 2 by v | extend n = row_number())"),
        &["k:string, v:long, n:long", "a|3|1", "a|2|2", "b|5|1", "b|2|2", "|9|1"],
    );
    gives_in_any_order(&format!("{t} | partition by k (summarize m = max(v))"), &["m:long", "3", "5", "9"]);
    gives_in_any_order(
        &format!(
            "{t} | where k != '' | partition by k (as P | extend share = v * 100 / toscalar(P | summarize sum(v)))"
        ),
        &["k:string, v:long, share:long", "a|1|16", "a|3|50", "a|2|33", "b|5|71", "b|2|28"],
    );
    gives_in_any_order(
        &format!(
            "{t} | partition by k (join kind=inner (datatable(v: long, w: string)[3, 'x', 9, 'y']) on v | project k, w)"
        ),
        &["k:string, w:string", "a|x", "|y"],
    );
}

#[test]
fn partition_in_braces_has_a_table_of_its_own() {
    let t = "let t = datatable(n: long, s: string)[1, 'x', 2, 'y', 2, 'z', 3, 'w'];";
    gives_in_any_order(
        &format!(
            "{t} range x from 1 to 2 step 1 | partition hint.strategy=legacy by x {{ t | where x == n | project s }}"
        ),
        &["s:string", "x", "y", "z"],
    );
    gives_in_any_order(
        &format!("{t} range x from 2 to 3 step 1 | partition by x {{ t | where n == toscalar(x) | count }}"),
        &["Count:long", "2", "1"],
    );
    assert_eq!(
        refused("range x from 1 to 65 step 1 | partition by x { print x }"),
        "KQL166 x: `x` has 65 values; this form of `partition` takes 64"
    );
}

#[test]
fn wrong_sub_queries_are_refused_at_their_place() {
    assert_eq!(
        refused("print d = dynamic([1]) | mv-apply x = d on (where y > 1)"),
        "KQL110 y: no column is called `y`"
    );
    assert_eq!(
        refused("print s = 'a' | mv-apply s on (take 1)"),
        "KQL161 s: `mv-apply` expands lists and bags, and `s` is string"
    );
    assert!(refused("print d = dynamic([1]) | mv-apply x = d on (fork (take 1) (count))").starts_with("KQL164"));
    assert!(
        refused("print d = dynamic([1]) | mv-apply x = d on (as P | extend n = toscalar(P | count))")
            .starts_with("KQL165")
    );
}
