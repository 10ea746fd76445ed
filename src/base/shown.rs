//! Text from outside, made safe to show.
//!
//! An event's strings are chosen by whoever causes the event: names, hosts, user agents. Escape sequences, direction
//! overrides and invisible characters in them would let an attacker draw on the analyst's screen, or make two
//! different names look the same. [`Shown`] is the one way from such text to a widget, a stream, a log or a title:
//! what cannot be seen becomes a mark that can, `‹U+202E›`, and nothing is dropped without a count.
//!
//! The map is injective as long as nothing is cut: every mark begins with `‹`, and a `‹` of the text's own is marked
//! itself, so no text can imitate a mark.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthChar as _;

/// Bytes of a text that are shown before the rest is only counted.
pub const DEFAULT_LIMIT: usize = 4 * 1024;
/// Zero-width marks kept on one base character. Zalgo text has hundreds; no orthography needs more than four.
const MARKS_PER_BASE: usize = 4;
/// Bytes of one grapheme, which is one cell of the screen.
const BYTES_PER_GRAPHEME: usize = 32;

/// Text that holds no control, format, bidi, zero-width, tag, private-use or non-characters, no line breaks, and no
/// grapheme of more than 32 bytes. Borrowed when the text was already so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shown<'a>(Cow<'a, str>);

impl<'a> Shown<'a> {
    /// At most [`DEFAULT_LIMIT`] bytes of the text; the rest is counted at its end, `‹+904 bytes›`.
    pub fn new(text: &'a str) -> Self {
        Self::with_limit(text, DEFAULT_LIMIT)
    }

    /// At most `limit` bytes of the text (never half a character); the rest is counted at its end.
    pub fn with_limit(text: &'a str, limit: usize) -> Self {
        if text.len() <= limit && text.chars().all(is_plain) {
            return Self(Cow::Borrowed(text));
        }
        let end = (0..=limit.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let kept = &text[..end];
        let mut out = String::with_capacity(kept.len() + 16);
        for grapheme in kept.graphemes(true) {
            push_grapheme(&mut out, grapheme);
        }
        let rest = text.len() - kept.len();
        if rest > 0 {
            let _ = write!(out, "‹+{rest} bytes›");
        }
        if out == text { Self(Cow::Borrowed(text)) } else { Self(Cow::Owned(out)) }
    }

    /// Bytes that should be UTF-8: a byte that is not becomes `‹xFF›`.
    pub fn bytes(bytes: &'a [u8], limit: usize) -> Self {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self::with_limit(text, limit);
        }
        let kept = &bytes[..bytes.len().min(limit)];
        let mut out = String::with_capacity(kept.len() + 16);
        for chunk in kept.utf8_chunks() {
            out.push_str(Shown::with_limit(chunk.valid(), usize::MAX).as_ref());
            for byte in chunk.invalid() {
                let _ = write!(out, "‹x{byte:02X}›");
            }
        }
        if kept.len() < bytes.len() {
            let _ = write!(out, "‹+{} bytes›", bytes.len() - kept.len());
        }
        Self(Cow::Owned(out))
    }

    /// Whether anything had to be marked or cut: worth a badge on the row.
    pub fn is_altered(&self) -> bool {
        matches!(self.0, Cow::Owned(_))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, on its own.
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }

    /// The same text, without the borrow. It counts as altered from then on only if it was.
    pub fn into_cow(self) -> Cow<'a, str> {
        self.0
    }
}

/// Controls, bidi, zero-width and other characters that are not seen where they stand: what an export escapes.
pub fn is_unseen(c: char) -> bool {
    is_hidden(u32::from(c))
}

/// JSON text with such characters, which stand only inside its strings, as escapes: `\u202e`. It means the same, on a screen too.
pub fn in_json(json: &str) -> Cow<'_, str> {
    // Line breaks stand between tokens as well, and a no-break space is a letter of many languages' numbers.
    let escaped = |c: char| c >= '\u{7f}' && is_unseen(c) && c != '\u{a0}';
    if json.is_ascii() || !json.chars().any(escaped) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if escaped(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

impl AsRef<str> for Shown<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One grapheme, its hidden characters marked, its flood of combining marks cut and counted.
fn push_grapheme(out: &mut String, grapheme: &str) {
    let (mut marks, mut bytes, mut cut) = (0, 0, 0_usize);
    for c in grapheme.chars() {
        let zero_width = c.width() == Some(0);
        match visible(c) {
            Some(Visible::Glyph(glyph)) => out.push(glyph),
            Some(Visible::Code) => push_code(out, c),
            // At the very start a combining mark would land on whatever the screen shows before it.
            None if zero_width && out.is_empty() => push_code(out, c),
            None if (zero_width && marks == MARKS_PER_BASE) || bytes + c.len_utf8() > BYTES_PER_GRAPHEME => {
                cut += 1;
                continue;
            }
            None => {
                marks = if zero_width { marks + 1 } else { 0 };
                bytes += c.len_utf8();
                out.push(c);
                continue;
            }
        }
        // What follows a mark stands on the mark's closing `›`.
        (marks, bytes) = (0, '›'.len_utf8());
    }
    if cut > 0 {
        let _ = write!(out, "‹+{cut} marks›");
    }
}

fn push_code(out: &mut String, c: char) {
    let _ = write!(out, "‹U+{:04X}›", u32::from(c));
}

/// Letters that always stand alone in their cell and need no mark: ASCII, Latin, Greek, Cyrillic, Kana, Han. A "no" costs
/// the slow path only.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | 'À'..='\u{2ff}' | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{52f}' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '\u{3400}'..='\u{9fff}')
}

/// How a character that may not stand as itself is made visible.
enum Visible {
    Glyph(char),
    Code,
}

fn visible(c: char) -> Option<Visible> {
    match c {
        ' '..='~' => None,
        '\n' => Some(Visible::Glyph('␊')),
        '\t' => Some(Visible::Glyph('␉')),
        // The signs of our own marks: a text's own are marked, so that none can be imitated.
        '‹' | '␊' | '␉' => Some(Visible::Code),
        c if is_hidden(u32::from(c)) => Some(Visible::Code),
        _ => None,
    }
}

/// Controls, format characters, default-ignorables, separators, blanks that look like a space, surrogate-free private
/// use, and non-characters. A test holds this table to the regex crate's Unicode data.
fn is_hidden(c: u32) -> bool {
    matches!(
        c,
        0x00..=0x1F | 0x7F..=0xA0 | 0xAD // C0, DEL, C1, no-break space, soft hyphen
        | 0x034F // combining grapheme joiner
        | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x0890..=0x0891 | 0x08E2 // Arabic and Syriac format
        | 0x115F..=0x1160 | 0x3164 | 0xFFA0 // Hangul fillers
        | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x2800 // blanks
        | 0x17B4..=0x17B5 | 0x180B..=0x180F // Khmer and Mongolian invisibles
        | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F // zero width, line ends, bidi
        | 0xE000..=0xF8FF // private use
        | 0xFDD0..=0xFDEF // non-characters
        | 0xFE00..=0xFE0F // variation selectors
        | 0xFEFF | 0xFFF0..=0xFFFB // byte order mark, interlinear annotation
        | 0x110BD | 0x110CD | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A // format of other scripts
        | 0xE0000..=0x10_FFFF // tags, variation selectors, private use
    ) || c & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests;
