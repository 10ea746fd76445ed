//! `[[suppress]]`: rules that keep ordinary events out of sight, or out of the store.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::error::ConfigError;
use super::values::{Feeds, Name};
use crate::base::suggest::line_column;

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppress {
    pub name: Name,
    /// A predicate in KQL over `OnePasswordEvents`.
    pub predicate: String,
    /// Line and column, from 1, at which the predicate's text begins in the file.
    pub place: (usize, usize),
    /// The feeds that it is for, by name; none for all.
    pub feeds: Vec<String>,
    pub does: Suppression,
}

/// What a rule does with the events for which its predicate is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suppression {
    /// They are stored, and kept out of the tail.
    Hide,
    /// They are stored, and the tail shows one in so many.
    Sample(u32),
    /// They are not stored. What is not stored is evidence that will never be.
    Discard,
}

impl Suppression {
    /// `hide`, `sample` or `discard`: as it is counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hide => "hide",
            Self::Sample(_) => "sample",
            Self::Discard => "discard",
        }
    }
}

/// A rule as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: Spanned<Name>,
    #[serde(rename = "where")]
    predicate: Spanned<String>,
    #[serde(default)]
    feeds: Feeds,
    action: Option<Action>,
    discard: Option<bool>,
    keep_one_in: Option<Spanned<u32>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Hide,
    Sample,
}

impl Written {
    /// Holds the settings of a rule against each other.
    pub(super) fn read(self, file: Option<&Path>, text: &str) -> Result<Suppress, ConfigError> {
        let at = self.name.span().start;
        let name = self.name.into_inner();
        let wrong = |byte: usize, says: &str, help: &str| {
            ConfigError::at(file, text, byte, format!("rule `{name}`: {says}"), help)
        };
        let every = self.keep_one_in.as_ref().map(|every| (*every.get_ref(), every.span().start));
        let does = match (self.action, self.discard.unwrap_or(false), every) {
            (None, true, None) => Suppression::Discard,
            (Some(_), true, _) => {
                return Err(wrong(
                    at,
                    "`discard = true` leaves nothing to hide or sample",
                    "leave `action` out, or `discard`",
                ));
            }
            (Some(Action::Sample), false, Some((every @ 2.., _))) => Suppression::Sample(every),
            (Some(Action::Sample), false, Some((_, at))) => {
                return Err(wrong(at, "one in fewer than two is no sample", "write a number from 2 on"));
            }
            (Some(Action::Sample), false, None) => {
                return Err(wrong(at, "a sample of how many?", "add `keep_one_in = 100`"));
            }
            (Some(Action::Hide), false, None) => Suppression::Hide,
            (_, _, Some((_, at))) => {
                return Err(wrong(at, "`keep_one_in` is for samples", "add `action = \"sample\"`, or leave it out"));
            }
            (None, false, None) => {
                let help =
                    "add `action = \"hide\"` or `action = \"sample\"`; `discard = true` does not even store them";
                return Err(wrong(at, "it does not say what it does", help));
            }
        };
        let span = self.predicate.span();
        let predicate = self.predicate.into_inner();
        // Quotes in front: one, or three and perhaps a line break.
        let begins = text.get(span.clone()).and_then(|quoted| quoted.find(predicate.get(..1)?)).unwrap_or(1);
        let place = line_column(text, (span.start + begins).min(text.len()));
        Ok(Suppress { name, predicate, place, feeds: self.feeds.0, does })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn rules(text: &str) -> Result<Vec<Suppress>, String> {
        Config::parse(text, Some(Path::new("/c.toml")), None).map(|c| c.suppress).map_err(|e| e.to_string())
    }

    #[test]
    fn rules_say_what_they_do_and_where_they_stand() {
        let found = rules(
            "[[suppress]]\nname = \"a\"\nwhere = 'action == \"reveal\"'\naction = \"hide\"\nfeeds = [\"itemusages\"]\n\
             [[suppress]]\nname = \"b\"\nwhere = '''\ncountry == \"CA\"'''\naction = \"sample\"\nkeep_one_in = 10\n\
             [[suppress]]\nname = \"c\"\nwhere = \"true\"\ndiscard = true\n",
        )
        .unwrap();
        let does: Vec<_> = found.iter().map(|rule| rule.does).collect();
        assert_eq!(does, [Suppression::Hide, Suppression::Sample(10), Suppression::Discard]);
        assert_eq!((found[0].place, found[1].place), ((3, 10), (9, 1)));
        assert_eq!(
            (found[0].predicate.as_str(), found[0].feeds.as_slice()),
            ("action == \"reveal\"", &["itemusages".to_owned()][..])
        );
    }

    #[test]
    fn a_rule_that_contradicts_itself_is_refused_at_its_place() {
        for (rule, place, says) in [
            ("", ":2:", "what it does"),
            ("action = \"sample\"", ":2:", "keep_one_in = 100"),
            ("action = \"sample\"\nkeep_one_in = 1", ":5:", "from 2 on"),
            ("action = \"hide\"\nkeep_one_in = 5", ":5:", "for samples"),
            ("discard = true\nkeep_one_in = 5", ":5:", "for samples"),
            ("discard = true\naction = \"hide\"", ":2:", "nothing to hide"),
            ("action = \"drop\"", ":4:", "hide"),
            ("discards = true", ":4:", "did you mean `discard`?"),
        ] {
            let error = rules(&format!("[[suppress]]\nname = \"a\"\nwhere = 'true'\n{rule}\n")).unwrap_err();
            assert!(error.starts_with(&format!("/c.toml{place}")) && error.contains(says), "{rule}: {error}");
        }
        let twice = "[[suppress]]\nname = \"a\"\nwhere = 'true'\ndiscard = true\n".repeat(2);
        assert!(rules(&twice).unwrap_err().contains("two rules of suppression are called `a`"));
    }

    #[test]
    fn a_sweep_is_daily_unless_told_otherwise() {
        let sweep = |text: &str| Config::parse(text, None, None).map(|c| c.sweep.map(|every| every.as_secs()));
        assert_eq!(sweep("").unwrap(), Some(86_400));
        assert_eq!(sweep("sweep = \"12h\"").unwrap(), Some(43_200));
        assert_eq!(sweep("sweep = \"off\"").unwrap(), None);
        assert!(sweep("sweep = \"5m\"").unwrap_err().to_string().contains("every hour at most"));
    }
}
