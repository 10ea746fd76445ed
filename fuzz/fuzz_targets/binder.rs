//! Any text is bound, over the shipped tables and over an open world, doubted and completed, without an end before its time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vaultscope::base::time::{Ticks, UNIX_EPOCH};
use vaultscope::engine::local::tables::StoreCatalog;
use vaultscope::hunt::lint;
use vaultscope::kql::complete::{World, complete, help_at, schema_of, signature_at};

fuzz_target!(|text: &str| {
    let read = lint::bind(text, &StoreCatalog, Ticks(UNIX_EPOCH));
    for found in &read.diagnostics {
        assert!(found.range.end as usize <= text.len() && !found.message.is_empty());
    }
    let schema = |query: &str| schema_of(query, &StoreCatalog);
    let middle = text.len() / 2;
    for offset in [middle, text.len()] {
        let _ = complete(text, offset, World { catalog: &StoreCatalog, schema_of: &schema });
        let _ = (help_at(text, offset), signature_at(text, offset, &StoreCatalog));
    }
});
