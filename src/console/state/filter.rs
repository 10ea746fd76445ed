//! The tail's filter: plain words, all of which must match. `-word` must not, `field:value` looks in one field.

use super::line::{Field, Line};

/// A read filter. An empty one lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    exclude: bool,
    field: Option<Field>,
    /// In lower case.
    text: String,
}

impl Filter {
    /// Reads a filter; every text is one. Words in double quotes stay together. `abc:def` is a field's only when there is such a
    /// field, so that addresses and times can be typed as they are.
    pub fn parse(text: &str) -> Self {
        let mut terms = Vec::new();
        for word in words(text) {
            let (exclude, word) = match word.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => (true, rest),
                _ => (false, word.as_str()),
            };
            let (field, value) = word
                .split_once(':')
                .and_then(|(name, value)| Some((Some(Field::from_name(name)?), value)))
                .unwrap_or((None, word));
            let text = value.to_lowercase();
            if !text.is_empty() {
                terms.push(Term { exclude, field, text });
            }
        }
        Self { text: text.trim().to_owned(), terms }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub fn matches(&self, line: &Line) -> bool {
        self.terms.iter().all(|term| {
            let found = match term.field {
                Some(field) => line.field(field).to_lowercase().contains(&term.text),
                None => line.haystack.contains(&term.text),
            };
            found != term.exclude
        })
    }
}

/// Words between blanks; double quotes, which are dropped, keep blanks in.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::state::line::tests::line;

    #[test]
    fn words_must_all_match_and_excluded_ones_must_not() {
        let mut event = line(1);
        event.who = "alice@example.com".into();
        event.action = "Sign-in failed".into();
        event.address = "2001:db8::7".into();
        event.country = "DE".into();
        let event = event.indexed();
        for (text, want) in [
            ("", true),
            ("alice", true),
            ("ALICE failed", true),
            ("alice -failed", false),
            ("-bob", true),
            ("user:alice", true),
            ("user:failed", false),
            ("-user:alice", false),
            ("country:de ip:2001:db8", true),
            ("2001:db8", true),
            ("\"sign-in failed\"", true),
            ("\"failed sign-in\"", false),
            ("user:", true),
            ("-", true),
        ] {
            assert_eq!(Filter::parse(text).matches(&event), want, "{text}");
        }
    }
}
