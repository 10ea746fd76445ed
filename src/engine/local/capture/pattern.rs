//! Patterns of `parse`: plain texts are searched, regular expressions matched.

use std::borrow::Cow;

use memchr::memmem::Finder;
use regex::Regex;

use super::Find;
use crate::engine::local::column::{Result, internal};
use crate::engine::local::functions::pattern::compiled;
use crate::kql::plan::PatternPart;

/// Texts in order, each searched from where the one before ended. That is what a pattern of shortest matches gives: an earlier place for
/// one text never leaves less room for the next.
#[derive(Debug)]
pub struct Pattern {
    /// A capture before the first text.
    leading: bool,
    texts: Vec<Text>,
    /// The pattern may end before the text does.
    open: bool,
}

/// A text to find, and what stands behind it.
#[derive(Debug)]
struct Text {
    finder: Finder<'static>,
    then: Then,
}

#[derive(Debug)]
enum Then {
    Nothing,
    /// Up to the next text, or the end.
    Capture,
    /// What this matches at once, if anything.
    Shape(Regex),
}

impl Pattern {
    pub fn new(parts: &[PatternPart]) -> Result<Self> {
        let mut pattern = Self { leading: false, texts: Vec::new(), open: false };
        for (n, part) in parts.iter().enumerate() {
            match part {
                // Texts are searched for anyway: only at the end does it mean something.
                PatternPart::Skip => pattern.open = n + 1 == parts.len(),
                PatternPart::Text(text) => {
                    let finder = Finder::new(text.as_bytes()).into_owned();
                    pattern.texts.push(Text { finder, then: Then::Nothing });
                }
                PatternPart::Column { shape } => {
                    let then = match shape {
                        None => Then::Capture,
                        Some(shape) => Then::Shape(compiled(&format!(r"\A(?:{shape})"))?),
                    };
                    match pattern.texts.last_mut() {
                        Some(text) => text.then = then,
                        None => pattern.leading = true,
                    }
                }
            }
        }
        Ok(pattern)
    }
}

impl Find for Pattern {
    fn find<'t>(&self, text: &'t str, found: &mut [Option<Cow<'t, str>>]) -> bool {
        let mut captures = found.iter_mut();
        let mut capture = |value: &'t str| {
            if let Some(slot) = captures.next() {
                *slot = Some(Cow::Borrowed(value));
            }
        };
        let mut at = 0;
        let mut waiting = self.leading;
        for (n, part) in self.texts.iter().enumerate() {
            let needle = part.finder.needle();
            let ends = n + 1 == self.texts.len() && !self.open && matches!(part.then, Then::Nothing);
            let start = if ends {
                // The last text ends where the whole text does.
                text.len().checked_sub(needle.len()).filter(|s| *s >= at && text.as_bytes()[*s..] == *needle)
            } else {
                part.finder.find(&text.as_bytes()[at..]).map(|found| at + found)
            };
            let Some(start) = start else { return false };
            if waiting {
                capture(&text[at..start]);
            }
            at = start + needle.len();
            waiting = match &part.then {
                Then::Nothing => false,
                Then::Capture => true,
                Then::Shape(shape) => {
                    let end = shape.find(&text[at..]).map_or(at, |m| at + m.end());
                    capture(&text[at..end]);
                    at = end;
                    false
                }
            };
        }
        if waiting {
            capture(&text[at..]);
        }
        true
    }
}

/// A regular expression whose named groups are the captures.
#[derive(Debug)]
pub struct Groups {
    regex: Regex,
    /// The number of the group of each capture.
    groups: Vec<usize>,
}

impl Groups {
    pub fn new(pattern: &str, captures: usize) -> Result<Self> {
        let regex = compiled(pattern)?;
        let group = |n: usize| {
            let name = format!("c{n}");
            regex.capture_names().position(|g| g == Some(&*name)).ok_or_else(|| internal(format!("no group {name}")))
        };
        let groups = (0..captures).map(group).collect::<Result<_>>()?;
        Ok(Self { regex, groups })
    }
}

impl Find for Groups {
    fn find<'t>(&self, text: &'t str, found: &mut [Option<Cow<'t, str>>]) -> bool {
        let Some(captures) = self.regex.captures(text) else { return false };
        for (slot, group) in found.iter_mut().zip(&self.groups) {
            // A group that took no part stands for the empty text.
            *slot = Some(Cow::Borrowed(captures.get(*group).map_or("", |m| m.as_str())));
        }
        true
    }
}
