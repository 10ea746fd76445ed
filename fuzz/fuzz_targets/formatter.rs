//! What is laid out once stays as it is, and says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vaultscope::kql::format::format;
use vaultscope::kql::parser::parse;

fuzz_target!(|text: &str| {
    let Some(once) = format(text) else { return };
    assert_eq!(format(&once).as_deref(), Some(&*once));
    assert!(parse(&once).query == parse(text).query, "{once}");
});
