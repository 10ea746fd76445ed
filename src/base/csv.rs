//! Records of comma-separated text: RFC 4180, and what exports make of it (line breaks inside quotes, CRLF, a byte order mark, other
//! delimiters).

use std::io::{self, BufRead, Read as _};

/// A longer record is no record: a quote that is never closed would else take the whole file into memory.
const LONGEST: usize = 64 << 20;

/// Reads records one after the other.
#[derive(Debug)]
pub struct Csv<R> {
    input: R,
    delimiter: u8,
    /// Quotes mean nothing: every line is a record.
    plain: bool,
    /// Lines read so far.
    lines: u64,
    line: Vec<u8>,
}

/// One record: its fields as they are meant, and where it began.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The line of its first byte, from 1.
    pub line: u64,
    text: Vec<u8>,
    /// Where each field ends in `text`.
    ends: Vec<usize>,
}

/// Why a record cannot be read. The reader stands behind it and may go on, but for `Unclosed`.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("a quote is opened and never closed")]
    Unclosed,
}

impl<R: BufRead> Csv<R> {
    pub fn new(input: R, delimiter: u8) -> Self {
        Self { input, delimiter, plain: false, lines: 0, line: Vec::new() }
    }

    /// As tab-separated files are often written: quotes are characters like others.
    #[must_use]
    pub fn without_quotes(mut self) -> Self {
        self.plain = true;
        self
    }

    /// The next record that is not an empty line; false at the end.
    pub fn read(&mut self, record: &mut Record) -> Result<bool, CsvError> {
        loop {
            if !self.next_line()? {
                return Ok(false);
            }
            if !self.line.is_empty() {
                break;
            }
        }
        record.line = self.lines;
        record.text.clear();
        record.ends.clear();
        let mut quoted = false;
        loop {
            let mut at = 0;
            while at < self.line.len() {
                let byte = self.line[at];
                let start = record.text.len() == record.ends.last().copied().unwrap_or(0);
                if quoted {
                    if byte != b'"' {
                        record.text.push(byte);
                    } else if self.line.get(at + 1) == Some(&b'"') {
                        record.text.push(b'"');
                        at += 1;
                    } else {
                        quoted = false;
                    }
                } else if byte == self.delimiter {
                    record.ends.push(record.text.len());
                } else if byte == b'"' && start && !self.plain {
                    quoted = true;
                } else {
                    record.text.push(byte);
                }
                at += 1;
            }
            if !quoted {
                break;
            }
            // The line break belongs to the field.
            record.text.push(b'\n');
            if record.text.len() > LONGEST || !self.next_line()? {
                return Err(CsvError::Unclosed);
            }
        }
        record.ends.push(record.text.len());
        if std::str::from_utf8(&record.text).is_err() {
            return Err(CsvError::NotUtf8);
        }
        Ok(true)
    }

    fn next_line(&mut self) -> Result<bool, CsvError> {
        self.line.clear();
        let read = (&mut self.input).take(LONGEST as u64).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(false);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
        }
        self.lines += 1;
        if self.lines == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
            self.line.drain(..3);
        }
        Ok(true)
    }
}

impl Record {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A field, "" where the record has no such.
    pub fn field(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).copied().unwrap_or(self.text.len()) };
        let end = self.ends.get(at).copied().unwrap_or(start);
        // Checked when it was read; a delimiter is one ASCII byte, so fields end between characters.
        self.text.get(start..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    pub fn fields(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.field(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut csv = Csv::new(text.as_bytes(), b',');
        let mut record = Record::default();
        let mut all = Vec::new();
        while csv.read(&mut record).unwrap() {
            all.push((record.line, record.fields().map(str::to_owned).collect()));
        }
        all
    }

    fn row(line: u64, fields: &[&str]) -> (u64, Vec<String>) {
        (line, fields.iter().map(|f| (*f).to_owned()).collect())
    }

    #[test]
    fn quotes_hold_delimiters_line_breaks_and_quotes() {
        let text = "\u{feff}a,b\r\n\"x, y\",\"he said \"\"no\"\"\"\r\n\r\n\"two\nlines\",\n,\"\"\n";
        assert_eq!(
            records(text),
            [row(1, &["a", "b"]), row(2, &["x, y", "he said \"no\""]), row(4, &["two\nlines", ""]), row(6, &["", ""])]
        );
    }

    #[test]
    fn a_quote_inside_a_field_is_a_character() {
        assert_eq!(records("5\" disk,{\"a\":1}"), [row(1, &["5\" disk", "{\"a\":1}"])]);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let mut record = Record::default();
        let mut csv = Csv::new(&b"a,\"b"[..], b',');
        assert!(matches!(csv.read(&mut record), Err(CsvError::Unclosed)));
        let mut csv = Csv::new(&b"\xff\nb"[..], b',');
        assert!(matches!(csv.read(&mut record), Err(CsvError::NotUtf8)));
        assert!(csv.read(&mut record).unwrap() && record.line == 2 && record.field(0) == "b");
    }

    #[test]
    fn a_field_that_is_not_there_is_empty() {
        let mut record = Record::default();
        assert!(Csv::new(&b"a;b"[..], b';').read(&mut record).unwrap());
        assert_eq!((record.field(1), record.field(2), record.field(9)), ("b", "", ""));
    }
}
