//! `parse-kv`: keys and their values in text, told apart by delimiters, by anything, or by a pattern. Of a repeated key the first counts.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memmem::Finder;
use regex::Regex;

use super::Find;
use crate::engine::local::column::Result;
use crate::engine::local::functions::pattern::compiled;
use crate::kql::plan::{Pairs, Separated};

pub(super) fn finder(pairs: &Pairs) -> Result<Box<dyn Find>> {
    let keys = pairs.keys.clone();
    let quotes = Quotes { pairs: pairs.quotes.clone(), escapes: pairs.escapes.clone() };
    Ok(match &pairs.separated {
        Separated::By { pair, kv, greedy } => Box::new(Delimited {
            keys,
            quotes,
            pair: Finder::new(pair.as_bytes()).into_owned(),
            kv: Finder::new(kv.as_bytes()).into_owned(),
            blank_pair: pair.starts_with(char::is_whitespace),
            greedy: *greedy,
        }),
        Separated::ByAnything => Box::new(Words { keys, quotes }),
        Separated::Regex(regex) => Box::new(Matched { keys, regex: compiled(regex)? }),
    })
}

/// Notes a value of a key, unless the key had one, or is not asked for. True once every key has one.
fn note<'t>(keys: &[Arc<str>], found: &mut [Option<Cow<'t, str>>], key: &str, value: Cow<'t, str>) -> bool {
    if let Some(slot) = keys.iter().position(|k| **k == *key).and_then(|n| found.get_mut(n)) {
        slot.get_or_insert(value);
    }
    found.iter().all(Option::is_some)
}

#[derive(Debug)]
struct Quotes {
    pairs: Vec<(char, char)>,
    escapes: Vec<char>,
}

impl Quotes {
    /// What stands in quotes at the start of a text, and what comes after them; `None` where there are none, or they do not close.
    fn read<'t>(&self, text: &'t str) -> Option<(Cow<'t, str>, &'t str)> {
        let first = text.chars().next()?;
        let (_, close) = self.pairs.iter().find(|(open, _)| *open == first)?;
        let inside = &text[first.len_utf8()..];
        let mut plain: Option<String> = None;
        let mut chars = inside.char_indices();
        while let Some((at, c)) = chars.next() {
            if self.escapes.contains(&c) {
                let text = plain.get_or_insert_with(|| inside[..at].to_owned());
                text.extend(chars.next().map(|(_, escaped)| escaped));
            } else if c == *close {
                let rest = &inside[at + c.len_utf8()..];
                return Some((plain.map_or(Cow::Borrowed(&inside[..at]), Cow::Owned), rest));
            } else if let Some(text) = &mut plain {
                text.push(c);
            }
        }
        None
    }
}

/// `a=1;b=2` by two delimiters.
#[derive(Debug)]
struct Delimited {
    keys: Vec<Arc<str>>,
    quotes: Quotes,
    pair: Finder<'static>,
    kv: Finder<'static>,
    /// The pair delimiter begins with a blank: blanks after the other one may be it.
    blank_pair: bool,
    greedy: bool,
}

impl Delimited {
    /// A key at the start of a text, and what stands after its delimiter; or only what stands after the next pair delimiter.
    fn key<'t>(&self, text: &'t str) -> (Option<Cow<'t, str>>, &'t str) {
        if let Some((key, after)) = self.quotes.read(text.trim_start())
            && let Some(rest) = after.trim_start().as_bytes().strip_prefix(self.kv.needle())
        {
            return (Some(key), &text[text.len() - rest.len()..]);
        }
        let end = self.pair.find(text.as_bytes());
        match self.kv.find(text.as_bytes()) {
            Some(at) if end.is_none_or(|end| at < end) => {
                (Some(Cow::Borrowed(text[..at].trim())), &text[at + self.kv.needle().len()..])
            }
            _ => (None, end.map_or("", |end| &text[end + self.pair.needle().len()..])),
        }
    }

    /// The value at the start of a text, and what comes after its delimiter.
    fn value<'t>(&self, text: &'t str) -> (Cow<'t, str>, &'t str) {
        let start = if self.blank_pair { text } else { text.trim_start() };
        if let Some((value, after)) = self.quotes.read(start) {
            return (value, self.after_pair(after));
        }
        let mut from = 0;
        while let Some(at) = self.pair.find(&text.as_bytes()[from..]) {
            let end = from + at;
            let rest = &text[end + self.pair.needle().len()..];
            if !self.greedy || self.begins_with_key(rest) {
                return (Cow::Borrowed(text[..end].trim()), rest);
            }
            from = text.len() - rest.len();
        }
        (Cow::Borrowed(text.trim()), "")
    }

    fn after_pair<'t>(&self, text: &'t str) -> &'t str {
        self.pair.find(text.as_bytes()).map_or("", |at| &text[at + self.pair.needle().len()..])
    }

    fn begins_with_key(&self, text: &str) -> bool {
        match self.key(text) {
            (Some(key), _) => self.keys.iter().any(|k| **k == *key),
            (None, _) => false,
        }
    }
}

impl Find for Delimited {
    fn find<'t>(&self, text: &'t str, found: &mut [Option<Cow<'t, str>>]) -> bool {
        let mut rest = text;
        while !rest.is_empty() {
            let (key, after) = self.key(rest);
            rest = after;
            let Some(key) = key else { continue };
            let (value, after) = self.value(rest);
            rest = after;
            if note(&self.keys, found, &key, value) {
                break;
            }
        }
        true
    }
}

/// Keys anywhere at a word's start; a value is the next word, or what stands in quotes.
#[derive(Debug)]
struct Words {
    keys: Vec<Arc<str>>,
    quotes: Quotes,
}

impl Words {
    /// The key at the start of a text, and what follows.
    fn key<'t>(&self, text: &'t str) -> Option<(&'t str, &'t str)> {
        self.keys.iter().find_map(|key| {
            let rest = text.strip_prefix(&**key)?;
            (!rest.starts_with(char::is_alphanumeric)).then(|| (&text[..key.len()], rest))
        })
    }

    /// The next word, in quotes or not, and what follows it.
    fn value<'t>(&self, text: &'t str) -> (Cow<'t, str>, &'t str) {
        for (at, c) in text.char_indices() {
            if let Some(quoted) = self.quotes.read(&text[at..]) {
                return quoted;
            }
            if c.is_alphanumeric() {
                let word = &text[at..];
                let end = word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len());
                return (Cow::Borrowed(&word[..end]), &word[end..]);
            }
        }
        (Cow::Borrowed(""), "")
    }
}

impl Find for Words {
    fn find<'t>(&self, text: &'t str, found: &mut [Option<Cow<'t, str>>]) -> bool {
        let mut rest = text;
        let mut inside = false;
        while let Some(c) = rest.chars().next() {
            let quoted = self.quotes.read(rest).filter(|_| !inside);
            if let Some((key, after)) = quoted.filter(|(key, _)| self.keys.iter().any(|k| **k == **key)) {
                let (value, after) = self.value(after);
                rest = after;
                if note(&self.keys, found, &key, value) {
                    break;
                }
            } else if let Some((key, after)) = self.key(rest).filter(|_| !inside) {
                let (value, after) = self.value(after);
                rest = after;
                if note(&self.keys, found, key, value) {
                    break;
                }
            } else {
                rest = &rest[c.len_utf8()..];
                inside = c.is_alphanumeric();
                continue;
            }
            inside = false;
        }
        true
    }
}

/// A pattern of two groups: the key, the value.
#[derive(Debug)]
struct Matched {
    keys: Vec<Arc<str>>,
    regex: Regex,
}

impl Find for Matched {
    fn find<'t>(&self, text: &'t str, found: &mut [Option<Cow<'t, str>>]) -> bool {
        for captures in self.regex.captures_iter(text) {
            let group = |n: usize| captures.get(n).map_or("", |m| m.as_str()).trim();
            if note(&self.keys, found, group(1), Cow::Borrowed(group(2))) {
                break;
            }
        }
        true
    }
}
