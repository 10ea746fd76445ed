//! A strict, single-pass scanner over JSON text. It builds nothing: the caller walks the members it cares about and
//! skips the rest, and everything that was walked or skipped has been checked against the grammar.

use std::borrow::Cow;

/// Why the scanner stopped. `at` is a byte offset in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Malformed { at: usize },
    TooDeep { at: usize },
}

/// A string as it stands between its quotes: escapes checked, not yet decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quoted<'a> {
    pub inner: &'a str,
    pub escaped: bool,
}

impl<'a> Quoted<'a> {
    /// The decoded string; `None` where an escape is half of a surrogate pair, which no Rust string can hold.
    pub fn text(self) -> Option<Cow<'a, str>> {
        if self.escaped { unescape(self.inner).map(Cow::Owned) } else { Some(Cow::Borrowed(self.inner)) }
    }

    /// Whether the decoded string is `text`.
    pub fn is(self, text: &str) -> bool {
        if self.escaped { self.text().is_some_and(|t| t == text) } else { self.inner == text }
    }
}

/// A scanned value. Containers were skipped whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Null,
    Boolean,
    Number(&'a str),
    Text(Quoted<'a>),
    Container,
}

/// A position in JSON text. After an error the position is of no use.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    pub at: usize,
    depth: usize,
    limit: usize,
}

impl<'a> Scanner<'a> {
    /// `limit` is how deep containers may nest.
    pub fn new(text: &'a str, limit: usize) -> Self {
        Self { text, at: 0, depth: 0, limit }
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The text from `start` to here.
    pub fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    fn malformed<T>(&self) -> Result<T, Stop> {
        Err(Stop::Malformed { at: self.at })
    }

    pub fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Only blanks may follow.
    pub fn end(&mut self) -> Result<(), Stop> {
        self.blanks();
        if self.at == self.text.len() { Ok(()) } else { self.malformed() }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        self.malformed()
    }

    fn word(&mut self, word: &str) -> Result<(), Stop> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        self.malformed()
    }

    fn enter(&mut self) -> Result<(), Stop> {
        self.at += 1;
        self.depth += 1;
        if self.depth > self.limit { Err(Stop::TooDeep { at: self.at - 1 }) } else { Ok(()) }
    }

    /// Walks the object that opens here. `each` gets the key and must consume the value.
    pub fn members<E: From<Stop>>(
        &mut self,
        mut each: impl FnMut(&mut Self, Quoted<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.enter()?;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.blanks();
            let key = self.string()?;
            self.blanks();
            self.expect(b':')?;
            self.blanks();
            each(self, key)?;
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(Stop::Malformed { at: self.at }.into()),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Walks the list that opens here. `each` must consume the element.
    pub fn elements<E: From<Stop>>(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), E>) -> Result<(), E> {
        self.enter()?;
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.blanks();
            each(self)?;
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(Stop::Malformed { at: self.at }.into()),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Consumes the value that begins here.
    pub fn value(&mut self) -> Result<Token<'a>, Stop> {
        match self.peek() {
            Some(b'"') => self.string().map(Token::Text),
            Some(b'{') => self.members(|s, _| s.value().map(drop)).map(|()| Token::Container),
            Some(b'[') => self.elements(|s| s.value().map(drop)).map(|()| Token::Container),
            Some(b'n') => self.word("null").map(|()| Token::Null),
            Some(b't') => self.word("true").map(|()| Token::Boolean),
            Some(b'f') => self.word("false").map(|()| Token::Boolean),
            Some(b'-' | b'0'..=b'9') => self.number().map(Token::Number),
            _ => self.malformed(),
        }
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { self.malformed() } else { Ok(()) }
    }

    fn number(&mut self) -> Result<&'a str, Stop> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.since(start))
    }

    /// Consumes the string that opens here.
    pub fn string(&mut self) -> Result<Quoted<'a>, Stop> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        loop {
            self.at = plain_end(bytes, self.at);
            match bytes.get(self.at) {
                Some(b'"') => {
                    let inner = self.since(start);
                    self.at += 1;
                    return Ok(Quoted { inner, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    match bytes.get(self.at + 1) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
                        Some(b'u') if hex4(bytes, self.at + 2).is_some() => self.at += 6,
                        _ => return self.malformed(),
                    }
                }
                // The text's end, or a control character that JSON wants escaped.
                _ => return self.malformed(),
            }
        }
    }
}

/// The offset of the first quote, backslash or control character at or after `at`, or the length: eight bytes a step.
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // The lowest byte that is marked is exact; those above it may be marked by a borrow.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let marks = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control;
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|&b| b != b'"' && b != b'\\' && b >= 0x20) {
        at += 1;
    }
    at
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.iter().try_fold(0, |n, &b| Some(n * 16 + char::from(b).to_digit(16)?))
}

/// Decodes the escapes of a string that the scanner has accepted.
fn unescape(inner: &str) -> Option<String> {
    let bytes = inner.as_bytes();
    let mut out = String::with_capacity(inner.len());
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[from..]) {
        let at = from + found;
        out.push_str(&inner[from..at]);
        let mut length = 2;
        out.push(match bytes.get(at + 1)? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                length = 6;
                let first = hex4(bytes, at + 2)?;
                if (0xd800..0xdc00).contains(&first) && bytes.get(at + 6..at + 8) == Some(b"\\u") {
                    let second = hex4(bytes, at + 8).filter(|s| (0xdc00..0xe000).contains(s))?;
                    length = 12;
                    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
                } else {
                    char::from_u32(first)?
                }
            }
            &other => char::from(other),
        });
        from = at + length;
    }
    out.push_str(&inner[from..]);
    Some(out)
}
