//! A checkpoint in one line of ASCII, for log collectors and append-only files:
//!
//! ```text
//! vaultscope-head vaultscope/5f0c2a9be1d37764|128|nnvrOzvz…X0=|through 120311|at 639000000000000000||vaultscope/5f0c2a9be1d37764 Az3grl…
//! vaultscope-key vaultscope/5f0c2a9be1d37764+c74f20a3+ARpc2QcU…
//! ```
//!
//! The first is a signed note whose line breaks are bars and whose signature line has lost its dash. Whatever a log puts before it (a time,
//! a host) is let be, and what follows after a blank too. The second names the key, so that a file that nobody can write over also holds
//! what to verify it with.

use super::Checkpoint;
use crate::store::signing::Verifier;

const HEAD: &str = "vaultscope-head ";
const KEY: &str = "vaultscope-key ";

/// A line with a head, not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedHead {
    note: String,
    origin: String,
}

/// What a line of such a file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Head(CopiedHead),
    Key(Verifier),
    /// Something that begins as one of ours and is none.
    Broken,
    /// Nothing of ours.
    Other,
}

impl Line {
    pub fn parse(line: &str) -> Self {
        if let Some(at) = line.find(HEAD) {
            return CopiedHead::parse(&line[at + HEAD.len()..]).map_or(Self::Broken, Self::Head);
        }
        let Some(at) = line.find(KEY) else { return Self::Other };
        let key = line[at + KEY.len()..].split_ascii_whitespace().next().and_then(|key| key.parse().ok());
        key.map_or(Self::Broken, Self::Key)
    }
}

impl CopiedHead {
    /// The line of a signed checkpoint.
    pub fn line(checkpoint: &Checkpoint, key: &Verifier, signature: &[u8]) -> String {
        let text = checkpoint.text().replace('\n', "|");
        let signed = key.line(signature);
        format!("{HEAD}{text}|{}", signed.trim_start_matches("\u{2014} "))
    }

    /// The line that names a key.
    pub fn key_line(key: &Verifier) -> String {
        format!("{KEY}{key}")
    }

    fn parse(rest: &str) -> Option<Self> {
        let (text, signature) = rest.split_once("||")?;
        let mut words = signature.split_ascii_whitespace();
        let (name, signature) = (words.next()?, words.next()?);
        let text = format!("{}\n", text.replace('|', "\n"));
        let origin = Checkpoint::parse(&text)?.origin;
        Some(Self { note: format!("{text}\n\u{2014} {name} {signature}\n"), origin })
    }

    /// Whose head it says it is.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The checkpoint, if this key signed it.
    pub fn open(&self, key: &Verifier) -> Option<Checkpoint> {
        Checkpoint::open(&self.note, key).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Ticks;
    use crate::store::heads::Head;
    use crate::store::signing::Signer;

    #[test]
    fn a_head_survives_a_log_and_no_change_to_it() {
        let signer = Signer::from_seed("vaultscope/test", &[7; 32]).unwrap();
        let key = signer.verifier();
        let (checkpoint, signature) = signer.checkpoint(Head { batches: 3, through: 99, root: [9; 32] }, Ticks(1_000));
        let line = CopiedHead::line(&checkpoint, key, &signature);
        assert!(line.is_ascii() && !line.contains('\n'), "{line}");
        for logged in [line.clone(), format!("Nov 22 19:35:14 host vaultscope[7]: {line}"), format!("{line} #012 more")]
        {
            let Line::Head(copied) = Line::parse(&logged) else { panic!("{logged}") };
            assert_eq!((copied.origin(), copied.open(key)), ("vaultscope/test", Some(checkpoint.clone())));
        }
        for at in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let opened = match Line::parse(&changed) {
                Line::Head(copied) => copied.open(key),
                _ => None,
            };
            assert_eq!(opened, None, "{changed}");
        }
        assert_eq!(Line::parse(&CopiedHead::key_line(key)), Line::Key(key.clone()));
        assert_eq!(Line::parse("vaultscope-key x"), Line::Broken);
        assert_eq!(Line::parse("something else"), Line::Other);
    }
}
