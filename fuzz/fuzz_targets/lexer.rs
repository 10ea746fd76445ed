//! Tokens cover the text: every byte once, in order, on the edges of characters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vaultscope::kql::lexer::lex;

fuzz_target!(|text: &str| {
    let mut at = 0;
    for token in lex(text) {
        assert_eq!(token.range.start, at, "a gap, or a token twice");
        assert!(text.is_char_boundary(token.range.end as usize));
        at = token.range.end;
    }
    assert_eq!(at as usize, text.len());
});
