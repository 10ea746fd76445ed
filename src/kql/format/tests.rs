use super::format;
use crate::kql::parser::parse;

fn formatted(text: &str) -> String {
    let once = format(text).unwrap_or_else(|| panic!("{text}: {:?}", parse(text).diagnostics));
    assert_eq!(format(&once).as_deref(), Some(&*once), "twice is not once:\n{once}");
    once
}

#[test]
fn one_operator_stands_on_a_line() {
    assert_eq!(
        formatted("Events|where a==1 and b  !in('x','y')| summarize n=count( ),dcount( user ) by bin(t,1h)|take 10"),
        "Events\n| where a == 1 and b !in ('x', 'y')\n| summarize n = count(), dcount(user) by bin(t, 1h)\n| take 10\n"
    );
}

#[test]
fn statements_begin_lines_and_keep_one_blank_line() {
    assert_eq!(formatted("let a=1;let b = -2 ;\n\n\n\nT|take a-b"), "let a = 1;\nlet b = -2;\n\nT\n| take a - b\n");
}

#[test]
fn comments_stay_where_they_are() {
    assert_eq!(
        formatted("// first\nT   // the table\n  // about where\n|where a // why\n  and b\n// last"),
        "// first\nT // the table\n// about where\n| where a // why\n    and b\n// last\n"
    );
}

#[test]
fn a_pipeline_in_brackets_is_indented_when_it_is_long_or_was_broken() {
    assert_eq!(
        formatted("T|join kind = inner (U|where x==1\n|project y) on y|where z == toscalar(U|count)"),
        "T\n| join kind=inner (\n    U\n    | where x == 1\n    | project y\n) on y\n| where z == toscalar(U | count)\n"
    );
}

#[test]
fn names_options_paths_and_signs_keep_together() {
    assert_eq!(
        formatted(
            "T | project-away a*,*_b | extend c=d . e [ 'f' ] [0], g = - h, i = j * -1, k = ['l m'] | render timechart with ( title='x' ) | sort by a desc nulls last"
        ),
        "T\n| project-away a*, *_b\n| extend c = d.e['f'][0], g = -h, i = j * -1, k = ['l m']\n| render timechart with (title='x')\n| sort by a desc nulls last\n"
    );
}

#[test]
fn line_breaks_inside_lists_stay() {
    assert_eq!(
        formatted("datatable(a:long,b:string)[\n1,'x',\n  2,'y',\n]\n| where a in (\n1,\n2\n)"),
        "datatable(a: long, b: string) [\n    1, 'x',\n    2, 'y',\n]\n| where a in (\n    1,\n    2\n)\n"
    );
    assert_eq!(
        formatted("let f = (x:long) {\nT | where a > x;\n};\nf(1)"),
        "let f = (x: long) {\n    T\n    | where a > x;\n};\nf(1)\n"
    );
}

#[test]
fn a_text_with_a_mistake_is_left_alone() {
    assert_eq!(format("T | wehre a"), None);
}

#[test]
fn formatting_keeps_the_tree() {
    for text in [
        "let v = view () { print 1 }; v | mv-apply x = a to typeof(string) on (where x > 1 | top 1 by x)",
        "T | scan declare (s: long = 0) with (step a: x => s = s + 1; step b optional: true;)",
        "T | parse s with * 'a=' a: long ' b' b | search user: 'x' and (* has 'y')",
        "union withsource=s isfuzzy=true A*, (B | where x), database('d').C | evaluate bag_unpack(d) : (*, a: long)",
        "T | make-series n = count() default=0 on t from ago(1d) to now() step 1h by k\n| fork (count) (take 1)",
        "print ```a\n  b```, dynamic({\n 'a': 1 }), 1 .. 2",
    ] {
        if parse(text).diagnostics.is_empty() {
            let after = formatted(text);
            assert_eq!(parse(&after).query, parse(text).query, "{text}");
        }
    }
}

#[test]
fn text_with_something_that_is_no_token_is_left_alone() {
    assert_eq!(format("T\n|macro-expand where a between (w~ 'open .. b)\n| where c'V* d"), None);
}
