use super::{json_line, report};
use crate::kql::diagnostic::{Diagnostic, TextRange, code};
use crate::kql::parser::parse;

#[test]
fn a_report_shows_the_line_the_place_and_the_help() {
    let text = "Events\n| wehre a == 1";
    let shown = report("hunt.kql", text, &parse(text).diagnostics, false);
    insta::assert_snapshot!(shown, @r"
    error[KQL005]: there is no operator `wehre`
     --> hunt.kql:2:3
      |
    2 | | wehre a == 1
      |   ^^^^^
      |
      = help: did you mean `where`?
    ");
}

#[test]
fn hostile_text_is_marked_in_source_message_and_file_name() {
    let text = "T | \u{1b}[31m\u{202e}wehre\ta";
    let start = text.find("wehre").unwrap();
    let diagnostic = Diagnostic::error(code::UNKNOWN_OPERATOR, TextRange::new(start, start + 5), "no \u{1b}[2J")
        .with_help("\u{200b}");
    let shown = report("a\u{1b}]0;x\u{7}.kql", text, &[diagnostic], false);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    assert!(!shown.contains(['\u{202e}', '\u{200b}']), "{shown:?}");
    let line = shown.lines().find(|line| line.contains("wehre")).unwrap();
    let marks = shown.lines().find(|line| line.contains('^')).unwrap();
    let column = |line: &str, of: &str| line[..line.find(of).unwrap()].chars().count();
    assert_eq!(column(line, "wehre"), column(marks, "^^^^^"));
}

#[test]
fn a_finding_at_the_end_of_the_text_has_a_place() {
    let text = "T | where";
    assert!(report("q", text, &parse(text).diagnostics, false).contains("q:1:10"));
}

#[test]
fn the_json_of_a_file_is_one_line_with_places_in_characters() {
    let text = "T\n| where é == 'open";
    let line = json_line("a.kql", text, &parse(text).diagnostics);
    assert_eq!(
        line,
        r#"{"file":"a.kql","diagnostics":[{"severity":"error","code":"KQL003","message":"this string is not closed","line":2,"column":14,"length":5,"help":"close it with '; text of several lines stands between ``` and ```"}]}"#
    );
    assert_eq!(json_line("b.kql", "T", &[]), r#"{"file":"b.kql","diagnostics":[]}"#);
}
