//! Any text is read; what is wrong has a place in it; what is right says the same when it is printed and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vaultscope::kql::parser::{parse, parse_template};
use vaultscope::kql::print::print;

fuzz_target!(|text: &str| {
    let _ = parse_template(text);
    let parsed = parse(text);
    for found in &parsed.diagnostics {
        assert!(found.range.start <= found.range.end && found.range.end as usize <= text.len());
        assert!(text.is_char_boundary(found.range.start as usize) && text.is_char_boundary(found.range.end as usize));
    }
    if parsed.diagnostics.is_empty() {
        let printed = print(&parsed.query);
        let again = parse(&printed);
        assert!(again.diagnostics.is_empty(), "{printed}");
        assert!(again.query == parsed.query, "{printed}");
    }
});
