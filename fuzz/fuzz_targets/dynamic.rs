//! Dynamic values: literals keep what they say when printed; JSON is taken apart without reading past it, and compact text stays itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vaultscope::event::json::{compact, elements, members, string, valid};
use vaultscope::kql::Value;
use vaultscope::kql::literal::{parse_dynamic, print_literal};
use vaultscope::kql::parser::parse;
use vaultscope::kql::syntax::{ExprKind, StatementKind};

fuzz_target!(|text: &str| {
    if let Ok(value) = parse_dynamic(text) {
        let printed = format!("print {}", print_literal(&value));
        let parsed = parse(&printed);
        assert!(parsed.diagnostics.is_empty(), "{printed}");
        let StatementKind::Expr(e) = &parsed.query.statements[0].kind else { panic!("{printed}") };
        let ExprKind::Print(columns) = &e.kind else { panic!("{printed}") };
        assert_eq!(columns[0].value.as_literal(), Some(&value), "{printed}");
        if let Value::Dynamic(json) = &value {
            assert!(valid(json), "{json}");
            assert_eq!(&*compact(json), &**json);
        }
    }
    if valid(text) {
        let tight = compact(text).into_owned();
        assert!(valid(&tight), "{tight}");
        assert_eq!(compact(&tight), tight);
        for part in elements(&tight).into_iter().flatten() {
            assert!(valid(part), "{part}");
        }
        for (_, part) in members(&tight).into_iter().flatten() {
            assert!(valid(part), "{part}");
        }
        let _ = string(&tight);
    }
});
