//! Functions as queries see them: names and types of what they give, and values at their edges.

use super::ask::{gives, refused};

#[test]
fn a_let_in_a_function_hangs_on_the_row_of_the_call() {
    gives(
        "let last = (s: string) { let parts = split(s, '.'); let n = array_length(parts); tostring(parts[n - 1]) };
         datatable(host: string)['a.b.c', 'x', ''] | extend zone = last(host)",
        &["host:string, zone:string", "a.b.c|c", "x|x", "|"],
    );
    assert!(refused("let f = (a: long) { let y = a + b; y }; print b = 1 | extend c = f(2)").starts_with("KQL110 b"));
}

#[test]
fn pack_array_of_a_star_holds_every_column() {
    gives(
        "datatable(k: string, n: long)['a', 1, 'b', long(null)] | project row = pack_array(*)",
        &["row:dynamic", r#"["a",1]"#, r#"["b",null]"#],
    );
}

#[test]
fn what_is_no_text_is_neither_replaced_nor_a_replacement() {
    gives(
        "print a = replace_strings('one two 3', dynamic(['two', 'one', 3]), dynamic([2, 'uno', 'tres']))",
        &["a:string", "uno two 3"],
    );
}

#[test]
fn one_code_that_is_no_character_spoils_the_text() {
    gives(
        "print a = unicode_codepoints_to_string(72, dynamic([105]), 33), b = unicode_codepoints_to_string(72, -1),
            c = unicode_codepoints_to_string(dynamic([72, 55296]))",
        &["a:string, b:string, c:string", "Hi!||"],
    );
}

#[test]
fn capitals_are_letter_by_letter() {
    gives("print a = toupper('große éç')", &["a:string", "GROßE ÉÇ"]);
}

#[test]
fn texts_are_read_from_what_is_no_text() {
    gives(
        "print a = indexof(7001, 0), b = strcmp(10, '10'), c = strcat_array(dynamic([1, 2]), 0), d = strrep('a', 3, 1)",
        &["a:long, b:long, c:string, d:string", "1|0|102|a1a1a"],
    );
}

#[test]
fn spread_of_times_is_in_ticks_and_percentiles_of_decimals_are_real() {
    gives(
        "datatable(t: timespan, d: decimal)[1tick, 1.5, 3tick, 2.5] | summarize stdevp(t), variancep(t), percentile(d, 99)",
        &["stdevp_t:real, variancep_t:real, percentile_d_99:real", "1|1|2.5"],
    );
}

#[test]
fn names_follow_what_is_given() {
    gives(
        "print x = 1.0 | project atan2(x, 1) > 0, repeat(x, 2), atan2(x, 0) | getschema | project ColumnName",
        &["ColumnName:string", "Column1", "repeat_x", "x"],
    );
    gives(
        "range v from 1 to 4 step 1 | summarize s = tdigest(v) | project percentiles_array_tdigest(s, dynamic([0, 100]), typeof(long))",
        &["percentile_tdigest_s:dynamic", "[1,4]"],
    );
}

#[test]
fn what_has_no_steps_has_no_range_and_hexadecimal_no_more_than_sixteen_signs() {
    assert!(refused("print r = range('a', 'b')").starts_with("KQL120"));
    gives(
        "print a = tohex(255, 40), b = tohex(255, 6), r = range(1, 2, 0.5), s = range(6h, 1h, -5h)",
        &[
            "a:string, b:string, r:dynamic, s:dynamic",
            r#"00000000000000ff|0000ff|[1.0,1.5,2.0]|["06:00:00","01:00:00"]"#,
        ],
    );
}

#[test]
fn a_deviation_is_the_root_of_the_variance_that_is_shown() {
    gives(
        "range v from 1 to 4 step 1 | summarize a = variance(v), b = stdev(v) | project a, round(b * b, 12) == a",
        &["a:real, Column1:bool", "1.6666666667|true"],
    );
}
