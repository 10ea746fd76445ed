//! How many crates the program stands on. Each is build time and someone else's code: the number is watched as any other cost.

use std::collections::BTreeSet;
use std::process::Command;

/// The bound on crates of this platform's tree: what ships, what builds it, and what tests it.
const BOUND: usize = 320;

fn crates(edges: &str) -> usize {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p}", "--edges", edges])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // A crate met again is marked `(*)`, a macro crate `(proc-macro)`.
    let names = text.lines().map(|line| line.split_once(" (").map_or(line, |(name, _)| name));
    names.filter(|name| !name.is_empty()).collect::<BTreeSet<_>>().len()
}

#[test]
fn the_tree_stays_small() {
    let (shipped, all) = (crates("normal,build"), crates("normal,build,dev"));
    #[expect(clippy::disallowed_macros, reason = "the number is the test's message")]
    {
        println!("crates in the tree: {shipped} to ship, {all} with those that test");
    }
    assert!(all < BOUND, "{all} crates in the tree; the bound is {BOUND}");
}
