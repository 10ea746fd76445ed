//! The store's signature: an Ed25519 key made on first use, and signed notes as C2SP writes them down (c2sp.org/signed-note), which other
//! programs verify as they are.
//!
//! A **note** is a text whose lines each end in a line break, an empty line, and a line a signature:
//!
//! ```text
//! vaultscope/5f0c2a9be1d37764
//! 128
//! nnvrOzvzkSHZt6pFh4KTKbhEhHs1LGYkLI8aW9yvYX0=
//!
//! — vaultscope/5f0c2a9be1d37764 Az3grlgtzPICa5OS8npVmf1Myq/…
//! ```
//!
//! The signature line is an em dash, the name of the key, and base64 of the key's hash (4 bytes: SHA-256 of name ‖ `0x0A` ‖ `0x01` ‖ public
//! key) and the Ed25519 signature (64 bytes) of the text, its last line break included.
//!
//! The private key lies in `evidence/signing.key` (`PRIVATE+KEY+name+hash+base64`, read by its owner alone), the public one beside it in
//! `evidence/signing.pub` (`name+hash+base64`). The name is drawn with the key and names the store. Whoever has the key can sign
//! anything: what a copy elsewhere of heads or of the public key proves, see `heads`.

mod file;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use secrecy::zeroize::Zeroizing;

use super::chain::sha256;

/// C2SP's number of plain Ed25519.
const ED25519_NOTE: u8 = 1;
const PRIVATE: &str = "PRIVATE+KEY+";
const DASH: &str = "\u{2014} ";
/// A signed text longer than this is none of ours.
const LONGEST: usize = 1 << 20;

/// Why a key or a note is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    #[error("this is not a key as notes are verified with: name+hash+base64")]
    NotAKey,
    #[error("this is not a signed note: lines of text, an empty line, and lines of signatures")]
    NotANote,
    #[error("the note has no signature of {0}")]
    NotSigned(String),
    #[error("the signature of {0} is not that of this text: one of them was changed")]
    Forged(String),
}

/// What a note is verified with: the public half of a key, and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verifier {
    name: String,
    key: [u8; 32],
}

impl Verifier {
    fn new(name: &str, key: [u8; 32]) -> Option<Self> {
        // As C2SP wants names, and no more than one line of ASCII shows plainly.
        let fits = (1..=100).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
        fits.then(|| Self { name: name.to_owned(), key })
    }

    /// The name of the key, which is the store's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the public key.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// What tells this key from others of the same name.
    fn hash(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = sha256(&[self.name.as_bytes(), b"\n", &[ED25519_NOTE], &self.key]);
        [a, b, c, d]
    }

    /// Is this the signature of that text?
    pub fn verify(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(text.as_bytes(), signature).is_ok()
    }

    /// The text of a note that this key has signed.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, SigningError> {
        let note = Note::parse(note)?;
        let mine = note.signatures.iter().find(|s| s.name == self.name && s.hash == self.hash());
        let signature = mine.ok_or_else(|| SigningError::NotSigned(self.name.clone()))?;
        let sound = self.verify(note.text, &signature.signature);
        sound.then_some(note.text).ok_or_else(|| SigningError::Forged(self.name.clone()))
    }

    /// The signature line of a note for a signature made elsewhere.
    pub fn line(&self, signature: &[u8]) -> String {
        format!("{DASH}{} {}", self.name, STANDARD.encode([&self.hash()[..], signature].concat()))
    }
}

/// `name+hash+base64`, as C2SP writes verifier keys.
impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_NOTE][..], &self.key].concat());
        write!(f, "{}+{}+{key}", self.name, hex(&self.hash()))
    }
}

impl FromStr for Verifier {
    type Err = SigningError;

    fn from_str(text: &str) -> Result<Self, SigningError> {
        let read = || {
            let (name, rest) = text.trim_ascii().split_once('+')?;
            let (hash, key) = rest.split_once('+')?;
            let key = STANDARD.decode(key).ok()?;
            let (&algorithm, key) = key.split_first()?;
            let verifier = Self::new(name, key.try_into().ok()?)?;
            (algorithm == ED25519_NOTE && hash == hex(&verifier.hash())).then_some(verifier)
        };
        read().ok_or(SigningError::NotAKey)
    }
}

/// A note taken apart; nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// With its last line break.
    pub text: &'a str,
    pub signatures: Vec<Signature<'a>>,
}

/// A signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature<'a> {
    pub name: &'a str,
    pub hash: [u8; 4],
    pub signature: Vec<u8>,
}

impl<'a> Note<'a> {
    pub fn parse(note: &'a str) -> Result<Self, SigningError> {
        let read = || {
            let plain = |c: char| c == '\n' || !c.is_control();
            let (split, sane) = (note.rfind("\n\n")?, note.len() <= LONGEST && note.chars().all(plain));
            let (text, lines) = (&note[..=split], &note[split + 2..]);
            let lines = lines.strip_suffix('\n').filter(|lines| sane && !lines.is_empty())?;
            let signatures = lines.split('\n').map(Signature::parse).collect::<Option<_>>()?;
            Some(Self { text, signatures })
        };
        read().ok_or(SigningError::NotANote)
    }
}

impl<'a> Signature<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, bytes) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = STANDARD.decode(bytes).ok()?;
        let (hash, signature) = bytes.split_first_chunk::<4>()?;
        (!name.is_empty()).then(|| Self { name, hash: *hash, signature: signature.to_vec() })
    }
}

/// The store's key. It is never formatted, and leaves memory with the program.
pub struct Signer {
    // `ring` keeps the expanded key and offers no way to wipe it; the seed and every text of it are wiped here.
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("name", &self.verifier.name).finish_non_exhaustive()
    }
}

impl Signer {
    /// A new key with a name of its own, and its text for the file.
    fn generate() -> Option<(Self, Zeroizing<String>)> {
        let random = SystemRandom::new();
        let (mut name, mut seed) = ([0; 8], Zeroizing::new([0; 32]));
        random.fill(&mut name).ok()?;
        random.fill(&mut seed[..]).ok()?;
        let signer = Self::from_seed(&format!("vaultscope/{}", hex(&name)), &seed)?;
        let text = signer.text(&seed);
        Some((signer, text))
    }

    pub(super) fn from_seed(name: &str, seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let verifier = Verifier::new(name, pair.public_key().as_ref().try_into().ok()?)?;
        Some(Self { pair, verifier })
    }

    /// The key's file: `PRIVATE+KEY+name+hash+base64`.
    fn text(&self, seed: &[u8; 32]) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([ED25519_NOTE; 33]);
        bytes[1..].copy_from_slice(seed);
        let key = Zeroizing::new(STANDARD.encode(&bytes[..]));
        let mut text = Zeroizing::new(String::with_capacity(256));
        for part in [PRIVATE, &self.verifier.name, "+", &hex(&self.verifier.hash()), "+", &key, "\n"] {
            text.push_str(part);
        }
        text
    }

    /// The key of such a file. The hash in it says whether the bytes are still those of this name's key.
    fn from_text(text: &str) -> Option<Self> {
        let (name, rest) = text.trim_ascii().strip_prefix(PRIVATE)?.split_once('+')?;
        let (hash, key) = rest.split_once('+')?;
        let key = Zeroizing::new(STANDARD.decode(key).ok()?);
        let (&algorithm, seed) = key.split_first()?;
        let signer = Self::from_seed(name, seed.try_into().ok()?)?;
        (algorithm == ED25519_NOTE && hash == hex(&signer.verifier.hash())).then_some(signer)
    }

    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signature of a text.
    pub fn sign(&self, text: &str) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        signature
    }

    /// The text as a signed note. It must end in a line break.
    pub fn note(&self, text: &str) -> String {
        format!("{text}\n{}\n", self.verifier.line(&self.sign(text)))
    }
}

/// Bytes as lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
