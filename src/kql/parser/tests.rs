use super::parse;
use crate::kql::syntax::{BinaryOp, ExprKind, OperatorKind, StatementKind};

fn codes(text: &str) -> Vec<&'static str> {
    parse(text).diagnostics.iter().map(|d| d.code).collect()
}

/// The messages, each with the text that it points at.
fn findings(text: &str) -> Vec<(String, String)> {
    parse(text).diagnostics.iter().map(|d| (d.range.of(text).to_owned(), d.message.clone())).collect()
}

#[test]
fn a_pipeline_is_its_source_and_its_operators() {
    let parsed = parse("Events | where a == 1 | take 10");
    assert_eq!(parsed.diagnostics, []);
    let StatementKind::Expr(expr) = &parsed.query.statements[0].kind else { panic!("{parsed:?}") };
    let ExprKind::Pipe { source, operators } = &expr.kind else { panic!("{expr:?}") };
    assert_eq!(&*source.as_ref().unwrap().as_name().unwrap().text, "Events");
    assert!(
        matches!(&operators[0].kind, OperatorKind::Where { predicate } if matches!(predicate.kind, ExprKind::Binary { op: BinaryOp::Eq, .. }))
    );
    assert!(matches!(operators[1].kind, OperatorKind::Take { .. }));
}

#[test]
fn several_mistakes_are_said_at_once() {
    let text = "T | wehre a == 1 | extend b = | summarize count() c | take";
    assert_eq!(codes(text), ["KQL005", "KQL002", "KQL002", "KQL002"]);
    assert_eq!(findings(text)[0], ("wehre".into(), "there is no operator `wehre`".into()));
}
