//! Checkpoints: what the store says of its chain, signed. The text is that of C2SP's tlog-checkpoint:
//!
//! ```text
//! vaultscope/5f0c2a9be1d37764                    origin: the name of the store's key
//! 128                                            batches committed
//! nnvrOzvzkSHZt6pFh4KTKbhEhHs1LGYkLI8aW9yvYX0=   root of the newest batch (see `chain`), base64
//! through 120311                                 newest sequence number
//! at 639000000000000000                          when it was signed: 100 ns ticks since 0001-01-01T00:00:00Z
//! ```
//!
//! The root is that of the chain of batches, each over the one before it, and not of one tree over all: that the store goes on from a
//! checkpoint is shown by the batches in between.

mod copied;
pub mod copies;
mod notary;

pub use copied::{CopiedHead, Line};
pub(super) use notary::{Notary, attestation, file_digest};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use rusqlite::OptionalExtension as _;

use super::chain::Root;
use super::heads::Head;
use super::signing::{Signer, SigningError, Verifier};
use super::{Reader, StoreError};
use crate::base::time::Ticks;

/// A head, whose store says so, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the store's key.
    pub origin: String,
    pub head: Head,
    pub at: Ticks,
}

impl Checkpoint {
    pub fn text(&self) -> String {
        let Head { batches, through, root } = self.head;
        format!("{}\n{batches}\n{}\nthrough {through}\nat {}\n", self.origin, STANDARD.encode(root), self.at.0)
    }

    /// The checkpoint of such a text; further lines are let be.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
        let batches = number(lines.next()?)?;
        let root: Root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let through = i64::try_from(number(lines.next()?.strip_prefix("through ")?)?).ok()?;
        let at = i64::try_from(number(lines.next()?.strip_prefix("at ")?)?).ok()?;
        Some(Self { origin, head: Head { batches, through, root }, at: Ticks(at) })
    }

    /// The checkpoint of a note that this key has signed, under its own name.
    pub fn open(note: &str, key: &Verifier) -> Result<Self, SigningError> {
        let checkpoint = Self::parse(key.open(note)?).ok_or(SigningError::NotANote)?;
        (checkpoint.origin == key.name()).then_some(checkpoint).ok_or(SigningError::NotANote)
    }
}

/// A checkpoint with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    pub checkpoint: Checkpoint,
    pub key: Verifier,
    pub signature: Vec<u8>,
}

impl SignedHead {
    /// As a signed note.
    pub fn note(&self) -> String {
        format!("{}\n{}\n", self.checkpoint.text(), self.key.line(&self.signature))
    }

    /// In one line of ASCII, for a log or a file elsewhere.
    pub fn line(&self) -> String {
        CopiedHead::line(&self.checkpoint, &self.key, &self.signature)
    }
}

impl Reader {
    /// The newest checkpoint, if anything is signed.
    pub fn checkpoint(&self) -> Result<Option<SignedHead>, StoreError> {
        let found = self.with("read the newest checkpoint", |db| {
            if db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? < 2 {
                return Ok(None);
            }
            db.prepare_cached(
                "SELECT batch, through, root, at, signature, key FROM checkpoint JOIN signer ON signer.id = signer \
                 ORDER BY batch DESC LIMIT 1",
            )?
            .query_row([], |row| {
                let batches: i64 = row.get(0)?;
                let head = Head { batches: batches as u64, through: row.get(1)?, root: row.get(2)? };
                Ok((head, Ticks(row.get(3)?), row.get::<_, Vec<u8>>(4)?, row.get::<_, String>(5)?))
            })
            .optional()
        })?;
        found
            .map(|(head, at, signature, key)| {
                let key: Verifier = key.parse().map_err(|_| StoreError::damaged("the catalogue's list of keys"))?;
                let checkpoint = Checkpoint { origin: key.name().to_owned(), head, at };
                Ok(SignedHead { checkpoint, key, signature })
            })
            .transpose()
    }
}

/// A decimal number in its only form.
fn number(text: &str) -> Option<u64> {
    let n: u64 = text.parse().ok()?;
    (n.to_string() == text).then_some(n)
}

impl Signer {
    /// The checkpoint of a head, and its signature.
    pub fn checkpoint(&self, head: Head, at: Ticks) -> (Checkpoint, [u8; 64]) {
        let checkpoint = Checkpoint { origin: self.verifier().name().to_owned(), head, at };
        let signature = self.sign(&checkpoint.text());
        (checkpoint, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_signed_read_back_and_bound_to_its_origin() {
        let signer = Signer::from_seed("vaultscope/test", &[7; 32]).unwrap();
        let head = Head { batches: 12, through: 3_400, root: [5; 32] };
        let (checkpoint, signature) = signer.checkpoint(head, Ticks(639_000_000_000_000_000));
        let text = checkpoint.text();
        assert_eq!(
            text,
            "vaultscope/test\n12\nBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\nthrough 3400\nat 639000000000000000\n"
        );
        assert!(signer.verifier().verify(&text, &signature));
        assert_eq!(Checkpoint::open(&signer.note(&text), signer.verifier()), Ok(checkpoint));
        let borrowed = signer.note(&text.replace("vaultscope/test", "vaultscope/other"));
        assert!(Checkpoint::open(&borrowed, signer.verifier()).is_err());
        for wrong in ["012", "+12", "-1", "", "12 "] {
            assert_eq!(Checkpoint::parse(&text.replace("\n12\n", &format!("\n{wrong}\n"))), None, "{wrong}");
        }
    }
}
