use crate::engine::local::tests::ask::{gives, refused};

/// What the query is refused for, without its place.
fn fault_of(text: &str) -> String {
    let refusal = refused(text);
    let (code, rest) = refusal.split_once(' ').unwrap();
    format!("{code} {}", rest.split_once(": ").unwrap().1)
}

#[test]
fn captures_end_where_the_next_text_first_stands() {
    gives(
        "print s = 'job=backup host=db-1 took=12s' | parse s with 'job=' job ' host=' host ' took=' took:long 's'",
        &["s:string, job:string, host:string, took:long", "job=backup host=db-1 took=12s|backup|db-1|12"],
    );
    gives("print s = 'a1b2b3' | parse s with 'a' x 'b' y | project x, y", &["x:string, y:string", "1|2b3"]);
    gives("print s = 'x;y' | parse s with a ';' b | project a, b", &["a:string, b:string", "x|y"]);
}

#[test]
fn a_pattern_may_begin_anywhere_and_reaches_to_the_end_unless_it_ends_with_a_star() {
    let x = |text: &str, pattern: &str, want: &str| {
        gives(&format!("print s = '{text}' | parse s with {pattern} | project x"), &["x:string", want]);
    };
    x("see id=7", "'id=' x", "7");
    x("aXcYc", "'a' x 'c'", "XcY");
    x("aXcYc", "'a' x 'c' *", "X");
    x("abcbd", "'a' x 'b'", "");
    x("y=1,x=2,x=9", "* 'x=' x ','", "");
    x("y=1,x=2,x=9", "* 'x=' x ',' *", "2");
    x("aa", "'a' x 'a'", "");
    x("a", "'a' x 'a'", "");
}

#[test]
fn a_typed_capture_that_fails_misses_the_row_when_strict_and_itself_when_relaxed() {
    let rows = "datatable(s: string)['a=1 b=two c=3', 'a=1 b=2 c=3', 'none']";
    gives(
        &format!("{rows} | parse s with 'a=' a:int ' b=' b:long ' c=' c | project a, b, c"),
        &["a:int, b:long, c:string", "∅|∅|", "1|2|3", "∅|∅|"],
    );
    gives(
        &format!("{rows} | parse kind=relaxed s with 'a=' a:int ' b=' b:long ' c=' c | project a, b, c"),
        &["a:int, b:long, c:string", "1|∅|3", "1|2|3", "∅|∅|"],
    );
    gives(
        &format!("{rows} | parse-where s with 'a=' a:int ' b=' b:long ' c=' c | project a, b, c"),
        &["a:int, b:long, c:string", "1|2|3"],
    );
    gives("print s = 'a=,b=2' | parse s with 'a=' a:long ',b=' b | project a, b", &["a:long, b:string", "∅|"]);
}

#[test]
fn before_a_star_the_type_says_where_a_capture_ends() {
    let rows = "datatable(s: string)['n=27, then m=5 x', 'n=no m=1', 'p n=x n= -4.5 m=6']";
    gives(
        &format!("{rows} | parse s with 'n=' n:long * 'm=' m:int * | project n, m"),
        &["n:long, m:int", "27|5", "∅|∅", "-4|6"],
    );
    gives(
        "print s = 'at 2025-03-04 05:06:07 UTC level 3' | parse s with 'at ' t:datetime * 'level ' l:int | project t, l",
        &["t:datetime, l:int", "2025-03-04T05:06:07.0000000Z|3"],
    );
    gives("print s = 'q=12x' | parse s with 'q=' b:bool * | project b", &["b:bool", "true"]);
    gives("print s = '7 apples' | parse s with n:int * | project n", &["n:int", "7"]);
}

#[test]
fn every_type_is_read_as_its_conversion_reads_it() {
    gives(
        "print s = '1|2.5|true|00:00:05|11111111-2222-3333-4444-555555555555|{\"k\": 1}|0.25'
         | parse s with a:long '|' b:real '|' c:bool '|' d:timespan '|' e:guid '|' f:dynamic '|' g:decimal
         | project a, b, c, d, e, k = f.k, g",
        &[
            "a:long, b:real, c:bool, d:timespan, e:guid, k:dynamic, g:decimal",
            "1|2.5|true|00:00:05|11111111-2222-3333-4444-555555555555|1|0.250000000000000000",
        ],
    );
}

#[test]
fn in_regex_kind_texts_are_patterns_and_captures_are_greedy() {
    let v = |options: &str, text: &str, pattern: &str, want: &str| {
        gives(
            &format!("print s = '{text}' | parse kind=regex {options} s with {pattern} | project v"),
            &["v:string", want],
        );
    };
    v("", "aXcYc", "'a' v 'c' *", "XcY");
    v("flags=U", "aXcYc", "'a' v 'c' *", "X");
    v("", "tag99end", r"v @'\d' *", "tag9");
    v("", "KEY: v", r"@'key:\s+' v", "");
    v("flags=i", "KEY: v", r"@'key:\s+' v", "v");
    v("", "1-(x)-2", r"@'\d-\((\w)' v", ")-2");
    v("", "b=1", "'a|b' '=' v", "1");
    gives(
        r"datatable(s: string)['n=27 junk', 'n=x'] | parse kind=regex s with 'n=' n: long | project n",
        &["n:long", "27", "∅"],
    );
    gives(
        r"datatable(s: string)['n=27 junk', 'n=x'] | parse-where kind=regex s with 'n=' n: long | project n",
        &["n:long", "27"],
    );
}

#[test]
fn a_capture_takes_the_place_of_a_column_of_its_name() {
    gives(
        "datatable(s: string, a: long, z: long)['a=1;2', 5, 6, 'no', 7, 8] | parse s with 'a=' a ';' b: long",
        &["s:string, a:string, z:long, b:long", "a=1;2|1|6|2", "no||8|∅"],
    );
}

#[test]
fn what_is_no_text_is_read_as_text_and_repeated_texts_once() {
    gives("print n = 1234 | parse n with '12' r:int | project r", &["r:int", "34"]);
    gives(
        "range i from 1 to 4 step 1 | extend s = iff(i % 2 == 0, 'k=1', 'none') | as T | parse s with 'k=' k:int
         | union (range i from 1 to 3 step 1 | parse 'k=9' with 'k=' k:int) | summarize n = count() by k | sort by k asc",
        &["k:int, n:long", "∅|2", "1|2", "9|3"],
    );
}

#[test]
fn conditions_after_a_parse_hold_whichever_side_they_read() {
    gives(
        "datatable(n: long, s: string)[1, 'k=1', 2, 'k=2', 3, 'k=3'] | parse s with 'k=' k:long | where n > 1 and k < 3 | take 5",
        &["n:long, s:string, k:long", "2|k=2|2"],
    );
    gives("datatable(s: string)['k=1', 'x'] | parse-where s with 'k=' k | count", &["Count:long", "1"]);
    gives("datatable(s: string)['k=1', 'x'] | parse s with 'k=' k | count", &["Count:long", "2"]);
}

#[test]
fn wrong_patterns_say_what_is_missing() {
    let fault = |operator: &str| fault_of(&format!("print s = '', n = 1 | {operator}"));
    assert_eq!(fault("parse s with 'a' x * 'b'"), "KQL160 `*` after a column of text: where the text ends is not said");
    assert_eq!(fault("parse s with 'a' x y"), "KQL160 before `y` a text must stand: where it begins is not said");
    assert_eq!(fault("parse s with * x"), "KQL160 after `*` a text must follow: where to go on is not said");
    assert_eq!(fault("parse s with 'a' x 'b' x"), "KQL142 `x` is taken out twice");
    assert_eq!(fault("parse-where kind=relaxed s with 'a' x"), "KQL160 `parse-where` is simple or regex, not relaxed");
    assert_eq!(fault("parse kind=regex flags=q s with 'a' x"), "KQL160 `q` is no flag of a regular expression");
    assert!(fault("parse kind=regex s with '(a' x").starts_with("KQL131 \"(a\" is no regular expression"));
    assert_eq!(fault("parse t with 'a' x | where x == y"), "KQL110 no column is called `t`");
}

#[test]
fn pairs_are_told_apart_by_two_delimiters() {
    gives(
        "print s = 'user: ann, role: admin , size: 12, user: bob, odd, at: noon:1'
         | parse-kv s as (size: long, user: string, at: string, none: datetime) with (pair_delimiter = ',', kv_delimiter = ':')
         | project-away s",
        &["size:long, user:string, at:string, none:datetime", "12|ann|noon:1|∅"],
    );
    gives(
        "print s = '<a=1><b=2>' | parse-kv s as (a: string, b: string) with (pair_delimiter = '><', kv_delimiter = '=')",
        &["s:string, a:string, b:string", "<a=1><b=2>||2>"],
    );
    gives(
        "print s = 'n=x' | parse-kv s as (n: int) with (pair_delimiter = ';', kv_delimiter = '=') | project n",
        &["n:int", "∅"],
    );
}

#[test]
fn quotes_hold_delimiters_and_escapes_hold_quotes() {
    gives(
        r#"print s = 'why="disk full, \\"again\\"" [when at]=[1, 2] n=3'
         | parse-kv s as (why: string, ['when at']: string, n: int)
           with (pair_delimiter = ' ', kv_delimiter = '=', quote = '"', quote = '[]', escape = '\\') | project-away s"#,
        &["why:string, when at:string, n:int", r#"disk full, "again"|1, 2|3"#],
    );
    gives(
        r#"print s = 'a="open b=2' | parse-kv s as (a: string, b: string) with (pair_delimiter = ' ', kv_delimiter = '=', quote = '"') | project-away s"#,
        &["a:string, b:string", r#""open|2"#],
    );
}

#[test]
fn a_greedy_value_goes_on_until_the_next_key() {
    let q = |greedy: &str| {
        format!(
            "print s = 'who=Ann Lee tel=1 2 3 at=home now' | parse-kv s as (who: string, tel: string, at: string)
             with (pair_delimiter = ' ', kv_delimiter = '='{greedy}) | project-away s"
        )
    };
    gives(&q(""), &["who:string, tel:string, at:string", "Ann|1|home"]);
    gives(&q(", greedy = true"), &["who:string, tel:string, at:string", "Ann Lee|1 2 3|home now"]);
}

#[test]
fn without_delimiters_anything_between_words_is_one() {
    gives(
        "print s = '2025-01-01 [WARN] Job:77, State -> done; Note: \"not yet\"'
         | parse-kv s as (State: string, Job: long, Note: string) with (quote = '\"') | project-away s",
        &["State:string, Job:long, Note:string", "done|77|not yet"],
    );
}

#[test]
fn a_pattern_of_two_groups_tells_pairs_apart() {
    gives(
        r#"print s = '{"one key" -> 1}{"two" -> 2}{"two" -> 3}'
         | parse-kv s as (['one key']: int, two: int) with (regex = @'"([\w ]+)" -> (\d+)') | project-away s"#,
        &["one key:int, two:int", "1|2"],
    );
}

#[test]
fn wrong_options_of_pairs_say_what_is_right() {
    let fault = |with: &str| fault_of(&format!("print s = '' | parse-kv s as (a: string) with ({with})"));
    assert_eq!(fault("pair_delimeter = ';'"), "KQL161 `parse-kv` has no option `pair_delimeter`");
    assert_eq!(fault("pair_delimiter = ';'"), "KQL161 `kv_delimiter` is missing");
    assert_eq!(fault("regex = 'a(b)'"), "KQL161 the pattern has 1 groups, it needs two");
    assert_eq!(fault("quote = '<->'"), "KQL161 `quote` is one character, or two that open and close");
    assert_eq!(fault("pair_delimiter = '', kv_delimiter = '='"), "KQL161 `pair_delimiter` is empty");
    assert_eq!(fault("greedy = 1"), "KQL161 `greedy` is true or false, not long");
}
