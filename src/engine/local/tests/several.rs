//! Operators that give several tables, some of the rows, or the same rows seen otherwise.

use super::ask::{gives, gives_in_any_order, refused, table, tables, tables_of_one_run};

const T: &str = "datatable(k: string, v: long)['a', 1, 'b', 5, 'a', 3]";

#[test]
fn fork_gives_a_table_a_branch() {
    let got = tables(&format!("{T} | fork (where v > 2 | as Large) Count = (count) (project k | take 1)"));
    let names: Vec<_> = got.iter().map(|(name, lines)| (name.as_str(), lines.len() - 1)).collect();
    assert_eq!(names, [("Large", 2), ("Count", 1), ("Results_3", 1)]);
    assert_eq!(got[1].1, ["Count:long", "3"]);
    assert_eq!(
        refused(&format!("{T} | fork (count) (take 1) | count")),
        "KQL164 count: nothing can follow `fork` and `facet`: they give several tables"
    );
}

#[test]
fn fork_reads_rows_once_where_twice_would_differ() {
    let text = "range x from 1 to 100 step 1 | extend r = rand() | fork (summarize max(r)) (top 1 by r | project r)";
    let got = tables_of_one_run(text, false);
    assert_eq!(got[0].1[1], got[1].1[1]);
}

#[test]
fn facet_counts_the_values_of_each_column() {
    let got = tables(&format!("{T} | facet by k, v with (where v > 1 | project v)"));
    let names: Vec<_> = got.iter().map(|(name, lines)| (name.as_str(), lines[0].as_str())).collect();
    assert_eq!(
        names,
        [("PrimaryResult", "v:long"), ("Facet", "k:string, count_k:long"), ("Facet_2", "v:long, count_v:long")]
    );
    let mut counts = got[1].1[1..].to_vec();
    counts.sort();
    assert_eq!(counts, ["a|2", "b|1"]);
    assert!(refused(&format!("{T} | facet by strlen(k)")).starts_with("KQL127 strlen(k)"));
}

#[test]
fn a_sample_has_so_many_of_the_rows() {
    gives("range x from 1 to 1000 step 1 | sample 7 | summarize dcount(x)", &["dcount_x:long", "7"]);
    gives(
        "range x from 1 to 3 step 1 | sample 7 | summarize make_set(x), sum(x) | project sum_x",
        &["sum_x:long", "6"],
    );
    gives("range x from 1 to 1000 step 1 | extend y = x % 5 | sample-distinct 3 of y | count", &["Count:long", "3"]);
    gives(
        "range x from 1 to 10 step 1 | extend y = x % 2 | sample-distinct 3 of y | sort by y asc",
        &["y:long", "0", "1"],
    );
}

#[test]
fn top_hitters_are_the_values_with_most_rows_or_the_largest_sum() {
    gives(&format!("{T} | top-hitters 1 of k"), &["k:string, approximate_count_k:long", "a|2"]);
    gives(&format!("{T} | top-hitters 5 of k by v"), &["k:string, approximate_sum_v:long", "b|5", "a|4"]);
    assert!(refused(&format!("{T} | top-hitters 1 of v by k")).starts_with("KQL120 k"));
}

#[test]
fn columns_are_chosen_by_texts_patterns_and_lists() {
    let t = "datatable(Name: string, Age: int, City: string, Country: string)['P', 39, 'N', 'U']";
    gives(&format!("{t} | project-by-names \"City\", \"Name\""), &["City:string, Name:string", "N|P"]);
    gives(&format!("{t} | project-by-names \"C*\""), &["City:string, Country:string", "N|U"]);
    gives(&format!("{t} | project-by-names dynamic(['Country', 'None', 'Age'])"), &["Country:string, Age:int", "U|39"]);
    gives(
        &format!(
            "let keep = (S: (Name: string), more: dynamic) {{ S | extend x = 1 | project-by-names column_names_of(S), more }}; {t} | project Name, Age | invoke keep(dynamic(['x']))"
        ),
        &["Name:string, Age:int, x:long", "P|39|1"],
    );
}

#[test]
fn consume_runs_and_gives_no_row() {
    gives(&format!("{T} | consume"), &["k:string, v:long"]);
    gives(&format!("{T} | consume decodeblocks=true"), &["k:string, v:long"]);
}

#[test]
fn as_names_what_is_so_far() {
    gives_in_any_order(
        "range x from 1 to 2 step 1 | as T1 | union withsource=name (range x from 3 to 3 step 1 | as T2)",
        &["name:string, x:long", "T1|1", "T1|2", "T2|3"],
    );
    gives_in_any_order(
        &format!(
            "{T} | as hint.materialized=true M | where v > 2 | join kind=inner (M | where v < 2) on k | project k, v, v1"
        ),
        &["k:string, v:long, v1:long", "a|3|1"],
    );
}

#[test]
fn schemas_are_rows_with_the_names_of_their_types() {
    assert_eq!(
        table(
            "print a = 1, b = 'x', c = 1.5, d = now(), e = dynamic(1), f = 1d, g = true, h = int(1), i = decimal(1), j = guid(null) | getschema"
        )[1..],
        [
            "a|0|System.Int64|long",
            "b|1|System.String|string",
            "c|2|System.Double|real",
            "d|3|System.DateTime|datetime",
            "e|4|System.Object|dynamic",
            "f|5|System.TimeSpan|timespan",
            "g|6|System.SByte|bool",
            "h|7|System.Int32|int",
            "i|8|System.Data.SqlTypes.SqlDecimal|decimal",
            "j|9|System.Guid|guid"
        ]
    );
}

#[test]
fn functions_are_invoked_plain_and_by_their_database() {
    let f = "let f = (S: (v: long), least: long) { S | where v > least | count };";
    gives(&format!("{f} {T} | invoke f(2)"), &["Count:long", "2"]);
    gives(&format!("{f} {T} | invoke database('d').f(4)"), &["Count:long", "1"]);
}

#[test]
fn counts_of_rows_may_be_computed() {
    gives(&format!("{T} | take toscalar(print 2) | count"), &["Count:long", "2"]);
    gives(&format!("let n = 1; {T} | top n + 1 by v"), &["k:string, v:long", "b|5", "a|3"]);
}

#[test]
fn charts_and_what_they_are_told_are_known_words() {
    gives("print x = 1 | render table with (title='t', xcolumn=x)", &["x:long", "1"]);
    assert_eq!(refused("print x = 1 | render timechrt"), "KQL163 timechrt: no chart is called `timechrt`");
    assert_eq!(refused("print x = 1 | render table with (titel='t')"), "KQL163 titel: a chart has no `titel`");
}
