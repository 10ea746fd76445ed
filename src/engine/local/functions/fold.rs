//! Case folding as Kusto does it: character by character, one to one ("Straße" is "straße" but not "STRASSE"), and finding text that way.

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2_iter, memmem};

/// A character without its case. Nothing outside ASCII folds into ASCII.
pub fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(l), None) if !l.is_ascii() => l,
        _ => c,
    }
}

/// Text without case, borrowed where it has none.
pub fn folded(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(fold).collect())
    }
}

/// `=~`.
pub fn equal(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() { a.eq_ignore_ascii_case(b) } else { a.chars().map(fold).eq(b.chars().map(fold)) }
}

/// A text to find, with or without regard to case.
#[derive(Debug)]
pub struct Needle {
    how: How,
    len: usize,
}

#[derive(Debug)]
enum How {
    Exact(Box<memmem::Finder<'static>>),
    /// ASCII, lower case; searched by the byte of it that is rarest in logs.
    Ascii {
        text: Box<[u8]>,
        rare: usize,
    },
    /// Anything else, folded.
    Folded(String),
}

impl Needle {
    pub fn exact(text: &str) -> Self {
        Self { len: text.len(), how: How::Exact(Box::new(memmem::Finder::new(text.as_bytes()).into_owned())) }
    }

    pub fn any_case(text: &str) -> Self {
        let folded = folded(text).into_owned();
        let len = folded.len();
        let how = if folded.is_ascii() {
            let rare = folded.bytes().enumerate().max_by_key(|(_, b)| rarity(*b)).map_or(0, |(i, _)| i);
            How::Ascii { text: folded.into_bytes().into(), rare }
        } else {
            How::Folded(folded)
        };
        Self { how, len }
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the needle stands in `text`, first to last, overlapping ones too, as byte ranges, until `found` says true.
    pub fn any(&self, text: &str, mut found: impl FnMut(usize, usize) -> bool) -> bool {
        let hay = text.as_bytes();
        match &self.how {
            How::Exact(finder) => {
                let mut from = 0;
                while let Some(at) = finder.find(&hay[from..]) {
                    let start = from + at;
                    if found(start, start + self.len) {
                        return true;
                    }
                    from = start + 1;
                    if from > hay.len() {
                        break;
                    }
                }
                false
            }
            How::Ascii { text: needle, rare } => {
                let Some(byte) = needle.get(*rare).copied() else { return found(0, 0) };
                let mut check = |at: usize| {
                    at.checked_sub(*rare).is_some_and(|start| {
                        hay.get(start..start + needle.len()).is_some_and(|h| h.eq_ignore_ascii_case(needle))
                            && found(start, start + needle.len())
                    })
                };
                let upper = byte.to_ascii_uppercase();
                if upper == byte {
                    memchr_iter(byte, hay).any(&mut check)
                } else {
                    memchr2_iter(byte, upper, hay).any(&mut check)
                }
            }
            How::Folded(needle) => text.char_indices().any(|(start, _)| {
                let mut rest = text[start..].chars();
                needle.chars().all(|n| rest.next().is_some_and(|c| fold(c) == n))
                    && found(start, text.len() - rest.as_str().len())
            }),
        }
    }

    pub fn is_in(&self, text: &str) -> bool {
        if let How::Exact(finder) = &self.how {
            return finder.find(text.as_bytes()).is_some();
        }
        self.any(text, |_, _| true)
    }
}

/// How rare a byte is in logs and JSON, roughly; digits and letters of every word come last.
const fn rarity(byte: u8) -> u8 {
    match byte {
        b'e' | b'a' | b't' | b'i' | b'o' | b'n' | b's' | b'r' | b' ' | b'"' => 0,
        b'c' | b'd' | b'l' | b'u' | b'm' | b'p' | b'_' | b':' | b',' | b'0'..=b'9' => 1,
        b'f' | b'g' | b'h' | b'b' | b'v' | b'y' | b'w' | b'.' | b'-' => 2,
        b'k' | b'x' | b'{' | b'}' => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_is_one_to_one() {
        assert!(equal("Straße", "STRAßE"));
        assert!(!equal("Straße", "STRASSE"));
        assert!(!equal("\u{212A}", "k")); // the Kelvin sign is no k
    }

    #[test]
    fn a_needle_is_found_in_any_case_and_place() {
        for (needle, text, want) in [
            ("FireFox/", "x firefox/1", true),
            ("ß", "STRAßE", true),
            ("ÄB", "xäb", true),
            ("abc", "ab", false),
            ("", "x", true),
        ] {
            assert_eq!(Needle::any_case(needle).is_in(text), want, "{needle} in {text}");
        }
        assert!(!Needle::exact("A").is_in("a"));
        let mut at = Vec::new();
        Needle::any_case("aa").any("AaA", |start, _| {
            at.push(start);
            false
        });
        assert_eq!(at, [0, 1]);
    }
}
