//! The worked example of docs/ledger.md, computed.

use super::pruned::Pruned;
use super::*;
use crate::store::checkpoint::Checkpoint;
use crate::store::heads::Head;
use crate::store::signing::{Signer, hex};

#[test]
fn every_number_of_the_documentation_is_what_the_program_computes() {
    let page = include_str!("../../../docs/ledger.md");
    let says = |what: &str| assert!(page.contains(what), "docs/ledger.md does not say {what}");
    let at = Ticks(639_309_760_000_000_000);
    let leaf = |feed, uuid: &str, arrived| {
        let raw = format!(r#"{{"uuid":"{uuid}"}}"#);
        Leaf { account: "ACCT", feed, uuid, arrived, source: Source::Live, raw: raw.as_bytes() }.hash()
    };
    let first = ["U1", "U2", "U3"].map(|uuid| leaf(Feed::ItemUsages, uuid, at));
    let second = [leaf(Feed::AuditEvents, "U4", Ticks(at.0 + 50_000_000))];
    let one = root(1, &[0; 32], 1, 3, &tree(&first));
    let two = root(2, &one, 4, 1, &tree(&second));
    for hash in first.iter().chain(&second).chain([&tree(&first[..2]), &tree(&first), &one, &two]) {
        says(&format!("`{}`", hex(hash)));
    }
    says(&format!("`{}`", hex(&tag(&first[0]).to_be_bytes())));
    says(&format!("`{}`", hex(&Pruned::of(&first, &[false, false, true]).to_bytes())));

    let line = page.lines().find(|line| line.starts_with("0001 0004")).unwrap().replace(' ', "");
    let bytes: Vec<u8> = (0..line.len()).step_by(2).map(|i| u8::from_str_radix(&line[i..i + 2], 16).unwrap()).collect();
    assert_eq!(sha256(&[&bytes]), first[0]);

    let signer = Signer::from_seed("vaultscope/example", &[7; 32]).unwrap();
    says(&format!("\n{}\n", signer.verifier()));
    let head = Head { batches: 2, through: 4, root: two };
    let (checkpoint, signature) = signer.checkpoint(head, Ticks(at.0 + 60_000_000));
    checkpoint.text().lines().for_each(says);
    says(&signer.verifier().line(&signature));
    assert!(Checkpoint::parse(&checkpoint.text()).is_some());
}
