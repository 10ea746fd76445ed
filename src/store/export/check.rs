//! Checking a bundle without its store, as `tools/verify_export.py` does it: the same steps in the same order, so that both name the same line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::bundle::{self, BatchProof, Line, Manifest, signed_text, unhex};
use crate::base::time::Ticks;
use crate::event::{Feed, Source};
use crate::store::chain::pruned::Pruned;
use crate::store::chain::{self, Leaf, Root};
use crate::store::checkpoint::Checkpoint;
use crate::store::signing::{Verifier, hex};

/// A manifest longer than this is none.
const LONGEST: u64 = 1 << 30;

/// A bundle that is what was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub events: u64,
    pub batches: u64,
    /// The key that the checkpoint is signed with.
    pub key: Option<String>,
    /// Is the manifest signed with it too?
    pub signed: bool,
}

/// The first that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", place(*line, *seq))]
pub struct Wrong {
    /// Of the events' file, from 1; 0 for the manifest and its signature.
    pub line: u64,
    /// The event that belongs there.
    pub seq: Option<i64>,
    pub why: String,
}

fn place(line: u64, seq: Option<i64>) -> String {
    match (line, seq) {
        (0, None) => String::new(),
        (0, Some(seq)) => format!("event {seq}: "),
        (line, None) => format!("line {line}: "),
        (line, Some(seq)) => format!("line {line}, event {seq}: "),
    }
}

fn wrong(why: impl Into<String>) -> Wrong {
    Wrong { line: 0, seq: None, why: why.into() }
}

/// Checks the export in a folder. `key` is a public key that is trusted from elsewhere.
pub fn check_folder(folder: &Path, key: Option<&Verifier>) -> io::Result<Result<Checked, Wrong>> {
    use std::io::Read as _;
    let mut manifest = Vec::new();
    File::open(folder.join("manifest.json"))?.take(LONGEST).read_to_end(&mut manifest)?;
    let signature = match std::fs::read_to_string(folder.join("manifest.sig")) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Some(String::new()),
        Err(e) => return Err(e),
    };
    let name = serde_json::from_slice::<Manifest>(&manifest).map(|m| m.events.file).unwrap_or_default();
    // The name of a file in this folder, and no way out of it.
    if !["events.ndjson", "DEMO-events.ndjson"].contains(&name.as_str()) {
        return Ok(Err(wrong("the manifest is not that of an NDJSON export")));
    }
    let events = BufReader::with_capacity(256 * 1024, File::open(folder.join(name))?);
    check(events, &manifest, signature.as_deref(), key)
}

/// Checks a bundle: its lines, its manifest, and the signature of that.
pub fn check(
    mut events: impl BufRead,
    manifest: &[u8],
    signature: Option<&str>,
    key: Option<&Verifier>,
) -> io::Result<Result<Checked, Wrong>> {
    let manifest = match open(manifest, signature, key) {
        Ok(manifest) => manifest,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let mut expected = Expected { batches: manifest.batches.iter(), line: 0, before: None };
    let mut text = Vec::new();
    let mut whole = sha2::Sha256::default();
    loop {
        let (proof, pruned) = match expected.next() {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let mut leaves = Vec::new();
        let first = pruned.present().next();
        for position in pruned.present() {
            expected.line += 1;
            let seq = proof.first_seq.saturating_add_unsigned(position);
            text.clear();
            events.read_until(b'\n', &mut text)?;
            sha2::Digest::update(&mut whole, &text);
            match leaf(&text, seq, proof.number) {
                Ok(leaf) => leaves.push(leaf),
                Err(why) => return Ok(Err(Wrong { line: expected.line, seq: Some(seq), why: why.to_owned() })),
            }
        }
        let before = expected.before.unwrap_or_default();
        let tree = pruned.tree(&leaves);
        let root = tree.map(|tree| chain::root(proof.number, &before, proof.first_seq, proof.leaves, &tree));
        if root != unhex(&proof.root) {
            let seq = first.map(|at| proof.first_seq.saturating_add_unsigned(at));
            let why = format!("the events of batch {} are not those that were committed", proof.number);
            return Ok(Err(Wrong { line: 0, seq, why }));
        }
        expected.before = root;
    }
    text.clear();
    if events.read_until(b'\n', &mut text)? > 0 {
        return Ok(Err(Wrong {
            line: expected.line + 1,
            seq: None,
            why: "there are more lines than were exported".into(),
        }));
    }
    let digest: Root = sha2::Digest::finalize(whole).into();
    if hex(&digest) != manifest.events.sha256 || expected.line != manifest.events.count {
        return Ok(Err(wrong("the manifest does not say what is in the file of events")));
    }
    let (head, root) = (manifest.batches.last().map_or(0, |b| b.number), expected.before);
    Ok(ends(&manifest, head, root, key).map(|key| Checked {
        events: expected.line,
        batches: manifest.batches.len() as u64,
        signed: signature.is_some(),
        key,
    }))
}

/// The manifest, if it is one and its signature holds.
fn open(manifest: &[u8], signature: Option<&str>, key: Option<&Verifier>) -> Result<Manifest, Wrong> {
    let read: Manifest = serde_json::from_slice(manifest).map_err(|_| wrong("the manifest cannot be read"))?;
    if (read.format.as_str(), read.version) != (bundle::FORMAT, bundle::VERSION) {
        return Err(wrong("the manifest is not one of this format"));
    }
    let named = read.key.as_deref().map(str::parse::<Verifier>).transpose();
    let named = named.map_err(|_| wrong("the manifest names no key"))?;
    if let Some(trusted) = key
        && named.as_ref() != Some(trusted)
    {
        return Err(wrong("the export is signed with another key than the one given"));
    }
    if let Some(signature) = signature {
        let text = named.as_ref().map(|key| signed_text(key.name(), &chain::sha256(&[manifest])));
        let holds = named.as_ref().zip(text).is_some_and(|(key, text)| key.open(signature) == Ok(text.as_str()));
        if !holds {
            return Err(wrong("the manifest is not the one that was signed"));
        }
    }
    Ok(read)
}

/// The batches of a manifest, one after the other.
struct Expected<'m> {
    batches: std::slice::Iter<'m, BatchProof>,
    /// Lines so far.
    line: u64,
    /// The root that the batch before came to.
    before: Option<Root>,
}

impl<'m> Expected<'m> {
    fn next(&mut self) -> Result<Option<(&'m BatchProof, Pruned)>, Wrong> {
        let Some(proof) = self.batches.next() else { return Ok(None) };
        let broken = || wrong(format!("the record of batch {} does not follow from the one before", proof.number));
        let before = unhex(&proof.before).ok_or_else(broken)?;
        if self.before.is_some_and(|known| known != before) {
            return Err(broken());
        }
        self.before = Some(before);
        Ok(Some((proof, proof.pruned().ok_or_else(broken)?)))
    }
}

/// The leaf of a line, if it is the line of this event as it was written.
fn leaf(text: &[u8], seq: i64, batch: u64) -> Result<Root, &'static str> {
    let Some(text) = text.strip_suffix(b"\n") else { return Err("the line is missing or not whole") };
    let line: Line = serde_json::from_slice(text).map_err(|_| "it is not an event's line")?;
    // One form an event: what only looks the same was written by somebody else.
    if serde_json::to_vec(&line).ok().as_deref() != Some(text) {
        return Err("it is not written as it was exported");
    }
    if line.seq != seq || line.batch != batch {
        return Err("another event stands here");
    }
    let (Some(feed), Some(source)) = (Feed::from_name(&line.feed), Source::from_name(&line.source)) else {
        return Err("it is not the event that was exported");
    };
    let leaf = Leaf {
        account: &line.account,
        feed,
        uuid: &line.uuid,
        arrived: Ticks(line.arrived),
        source,
        raw: line.raw.as_bytes(),
    }
    .hash();
    (hex(&leaf[..8]) == line.tag).then_some(leaf).ok_or("it is not the event that was exported")
}

/// Do the batches lead to the signed head? The key that signed it.
fn ends(
    manifest: &Manifest,
    head: u64,
    root: Option<Root>,
    trusted: Option<&Verifier>,
) -> Result<Option<String>, Wrong> {
    let (Some(key), Some(note)) = (&manifest.key, &manifest.checkpoint) else {
        return match trusted {
            None => Ok(None),
            Some(_) => Err(wrong("nothing in the export is signed")),
        };
    };
    let key: Verifier = key.parse().map_err(|_| wrong("the manifest names no key"))?;
    let checkpoint =
        Checkpoint::open(note, &key).map_err(|_| wrong("the checkpoint is not one that the key has signed"))?;
    let leads = root.is_none_or(|root| (checkpoint.head.batches, checkpoint.head.root) == (head, root));
    leads.then(|| Some(key.to_string())).ok_or_else(|| wrong("the batches do not lead to the signed head"))
}
