//! One event, whole: its text laid out, as it came, and where the view stands in it.

use crate::base::shown::Shown;
use crate::event::json::{self, Step};
use crate::hunt::EntityKind;

/// Rows of one event at most; an event is at most 1 MiB, so this cuts only what nobody reads.
const MAX_ROWS: usize = 20_000;
/// Columns of a row of the text as it came.
const RAW_COLUMNS: usize = 120;

/// A piece of a row and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub kind: Kind,
    pub text: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Mark,
    Field,
    String,
    Number,
    Literal,
}

/// What the store adds to an event, for the top of the view: a name and a value a row.
pub type Facts = Vec<(&'static str, Box<str>)>;

/// An event that is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The sequence number.
    pub seq: i64,
    pub facts: Facts,
    laid_out: Vec<Vec<Piece>>,
    as_it_came: Vec<Vec<Piece>>,
    pub raw: bool,
    pub scroll: usize,
    /// The event's own bytes, for copying.
    pub text: String,
    pub loading: bool,
    pub problem: Option<Box<str>>,
}

impl Record {
    pub fn loading(seq: i64) -> Self {
        Self { seq, loading: true, ..Self::default() }
    }

    /// Lays the event out: some milliseconds for the largest, so not for the console's own thread.
    pub fn new(seq: i64, facts: Facts, raw: &[u8]) -> Self {
        let laid_out = match std::str::from_utf8(raw) {
            Ok(text) if json::valid(text) => {
                let mut rows = Rows::default();
                rows.value(text, 0, "");
                rows.end_row();
                rows.done
            }
            // Kept byte for byte, and shown as it is.
            _ => Vec::new(),
        };
        let text = String::from_utf8_lossy(raw).into_owned();
        let shown = Shown::bytes(raw, 1 << 20).into_string();
        let letters: Vec<char> = shown.chars().collect();
        let as_it_came = letters
            .chunks(RAW_COLUMNS)
            .take(MAX_ROWS)
            .map(|row| vec![Piece { kind: Kind::String, text: row.iter().collect::<String>().into() }])
            .collect();
        Self { seq, facts, raw: laid_out.is_empty(), laid_out, as_it_came, text, ..Self::default() }
    }

    /// The user, vault or address that the event names, as it has it.
    pub fn names(&self, kind: EntityKind) -> Option<String> {
        let text = |path: &[&str]| {
            let steps: Vec<_> = path.iter().map(|key| Step::Key(key)).collect();
            json::path(&self.text, &steps).and_then(json::string).filter(|text| !text.is_empty())
        };
        let paths: &[&[&str]] = match kind {
            EntityKind::User => &[
                &["target_user", "email"],
                &["user", "email"],
                &["actor_details", "email"],
                &["target_user", "uuid"],
                &["user", "uuid"],
                &["actor_uuid"],
            ],
            EntityKind::Vault => match text(&["object_type"]).as_deref() {
                Some("vault" | "uva" | "gva" | "items") => &[&["object_uuid"]],
                Some("item") => &[&["aux_uuid"]],
                _ => &[&["vault_uuid"]],
            },
            EntityKind::Ip => &[&["client", "ip_address"], &["session", "ip"], &["client", "ip"]],
            _ => &[],
        };
        paths.iter().find_map(|path| text(path)).map(std::borrow::Cow::into_owned)
    }

    pub fn rows(&self) -> &[Vec<Piece>] {
        if self.raw { &self.as_it_came } else { &self.laid_out }
    }

    pub fn scroll_by(&mut self, rows: isize, height: usize) {
        let most = self.rows().len().saturating_sub(height);
        self.scroll = self.scroll.saturating_add_signed(rows).min(most);
    }
}

/// Lays a value out, two blanks a level, in the event's own order; numbers as they are written, repeated keys repeated.
#[derive(Default)]
struct Rows {
    done: Vec<Vec<Piece>>,
    row: Vec<Piece>,
}

impl Rows {
    fn push(&mut self, kind: Kind, text: &str) {
        self.row.push(Piece { kind, text: text.into() });
    }

    fn end_row(&mut self) {
        if self.done.len() < MAX_ROWS {
            self.done.push(std::mem::take(&mut self.row));
        } else {
            self.row.clear();
        }
    }

    fn value(&mut self, value: &str, depth: usize, comma: &str) {
        let value = value.trim_ascii();
        match json::kind(value) {
            Some(json::Kind::Object) => {
                let members = json::members(value).unwrap_or_default();
                self.container(["{", "}"], members.len(), depth, comma, |rows, at, comma| {
                    let (name, value) = &members[at];
                    rows.push(Kind::Field, &quoted(name));
                    rows.push(Kind::Mark, ": ");
                    rows.value(value, depth + 1, comma);
                });
            }
            Some(json::Kind::List) => {
                let elements = json::elements(value).unwrap_or_default();
                self.container(["[", "]"], elements.len(), depth, comma, |rows, at, comma| {
                    rows.value(elements[at], depth + 1, comma);
                });
            }
            kind => {
                let (kind, text) = match (kind, json::string(value)) {
                    (_, Some(text)) => (Kind::String, quoted(&text)),
                    (Some(json::Kind::Number), _) => (Kind::Number, Shown::new(value).into_string()),
                    _ => (Kind::Literal, Shown::new(value).into_string()),
                };
                self.push(kind, &text);
                self.push(Kind::Mark, comma);
            }
        }
    }

    fn container(
        &mut self,
        [open, close]: [&str; 2],
        members: usize,
        depth: usize,
        comma: &str,
        member: impl Fn(&mut Self, usize, &str),
    ) {
        if members == 0 {
            return self.push(Kind::Mark, &format!("{open}{close}{comma}"));
        }
        self.push(Kind::Mark, open);
        self.end_row();
        for at in 0..members {
            self.push(Kind::Mark, &"  ".repeat(depth + 1));
            member(self, at, if at + 1 < members { "," } else { "" });
            self.end_row();
        }
        self.push(Kind::Mark, &format!("{}{close}{comma}", "  ".repeat(depth)));
    }
}

/// A string in quotes, safe to look at. It is for eyes: the bytes themselves are in the view of the event as it came.
fn quoted(text: &str) -> String {
    format!("\"{}\"", Shown::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(record: &Record) -> Vec<String> {
        record.rows().iter().map(|row| row.iter().map(|piece| &*piece.text).collect()).collect()
    }

    #[test]
    fn an_event_is_laid_out_a_field_a_row_in_its_own_order() {
        let record =
            Record::new(7, Vec::new(), br#"{"uuid":"A","client":{"ip":"1.2.3.4","v":[1.50,null]},"x":{},"uuid":"B"}"#);
        assert_eq!(
            text(&record),
            [
                "{",
                "  \"uuid\": \"A\",",
                "  \"client\": {",
                "    \"ip\": \"1.2.3.4\",",
                "    \"v\": [",
                "      1.50,",
                "      null",
                "    ]",
                "  },",
                "  \"x\": {},",
                "  \"uuid\": \"B\"",
                "}"
            ]
        );
    }

    #[test]
    fn text_that_is_no_json_is_shown_as_it_came() {
        let mut record = Record::new(1, Vec::new(), b"{\"a\": \x1b[31m\xff");
        assert!(record.raw);
        assert!(text(&record).concat().chars().all(|c| !c.is_control()));
        record.scroll_by(10, 5);
        assert_eq!(record.scroll, 0);
    }

    #[test]
    fn hostile_strings_are_marked() {
        let record = Record::new(1, Vec::new(), "{\"a\":\"x\\u001b]52;c;\\u202ey\\n\"}".as_bytes());
        let all = text(&record).concat();
        assert!(all.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{all:?}");
        assert_eq!(text(&record).len(), 3, "a line break in a value makes no row");
    }
}
