//! Faults on demand: `429`, `429:retry-after=2,requests=3`, `slow:ms=500,feed=auditevents`, …

use std::fmt;
use std::str::FromStr;

use crate::event::Feed;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 429, with `Retry-After` in seconds or without.
    TooMany { retry_after: Option<u32> },
    /// 500.
    Internal,
    /// The answer takes its time.
    Slow { millis: u64 },
    /// The connection ends in the middle of the body.
    Truncated,
    /// The body is compressed, asked for or not.
    Gzip,
    /// Events of the page before are told once more.
    Duplicates,
    /// 400 for a cursor that was good.
    InvalidCursor,
    /// 401.
    ExpiredToken,
}

/// A fault: what goes wrong, where, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub trouble: Trouble,
    /// `None`: on every feed, and introspection.
    pub feed: Option<Feed>,
    /// How many more requests it hits; `None`: all.
    pub requests: Option<u32>,
}

/// A fault that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no fault: {why}; write KIND or KIND:KEY=VALUE,…, where KIND is 429, 500, slow, truncated, gzip, duplicates, \
     invalid-cursor or expired-token, and KEY is requests, feed, retry-after (429) or ms (slow)"
)]
pub struct BadFault {
    pub text: String,
    pub why: &'static str,
}

impl FromStr for Fault {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        let bad = |why| BadFault { text: text.to_owned(), why };
        let (kind, settings) = text.split_once(':').unwrap_or((text, ""));
        let mut fault = Self {
            trouble: match kind.trim() {
                "429" => Trouble::TooMany { retry_after: None },
                "500" => Trouble::Internal,
                "slow" => Trouble::Slow { millis: 2_000 },
                "truncated" => Trouble::Truncated,
                "gzip" => Trouble::Gzip,
                "duplicates" => Trouble::Duplicates,
                "invalid-cursor" => Trouble::InvalidCursor,
                "expired-token" => Trouble::ExpiredToken,
                _ => return Err(bad("unknown kind")),
            },
            feed: None,
            requests: None,
        };
        for setting in settings.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            let (key, value) = setting.split_once('=').ok_or_else(|| bad("a setting is KEY=VALUE"))?;
            let number = || value.trim().parse::<u32>().map_err(|_| bad("a number is expected"));
            match (key.trim(), &mut fault.trouble) {
                ("requests", _) => fault.requests = Some(number()?),
                ("feed", _) => {
                    fault.feed = Some(Feed::from_name(value.trim()).ok_or_else(|| bad("unknown feed"))?);
                }
                ("retry-after", Trouble::TooMany { retry_after }) => *retry_after = Some(number()?),
                ("ms", Trouble::Slow { millis }) => *millis = number()?.into(),
                _ => return Err(bad("unknown setting")),
            }
        }
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut settings = Vec::new();
        let kind = match self.trouble {
            Trouble::TooMany { retry_after } => {
                settings.extend(retry_after.map(|s| format!("retry-after={s}")));
                "429"
            }
            Trouble::Internal => "500",
            Trouble::Slow { millis } => {
                settings.push(format!("ms={millis}"));
                "slow"
            }
            Trouble::Truncated => "truncated",
            Trouble::Gzip => "gzip",
            Trouble::Duplicates => "duplicates",
            Trouble::InvalidCursor => "invalid-cursor",
            Trouble::ExpiredToken => "expired-token",
        };
        settings.extend(self.feed.map(|feed| format!("feed={feed}")));
        settings.extend(self.requests.map(|n| format!("requests={n}")));
        f.write_str(kind)?;
        if settings.is_empty() { Ok(()) } else { write!(f, ":{}", settings.join(",")) }
    }
}

/// Takes the troubles of one request out of the faults that are set, counting them down.
pub(super) fn strike(faults: &mut Vec<Fault>, feed: Option<Feed>, continues: bool) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for fault in faults.iter_mut() {
        let here = fault.feed.is_none_or(|f| Some(f) == feed);
        // These two need something to spoil.
        let fits = match fault.trouble {
            Trouble::InvalidCursor => continues,
            Trouble::Duplicates => feed.is_some(),
            _ => true,
        };
        if here && fits && fault.requests != Some(0) {
            fault.requests = fault.requests.map(|n| n - 1);
            troubles.push(fault.trouble);
        }
    }
    faults.retain(|fault| fault.requests != Some(0));
    troubles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_written_as_they_are_read() {
        for text in [
            "429",
            "429:retry-after=2,feed=itemusages,requests=3",
            "500:requests=1",
            "slow:ms=50",
            "truncated",
            "gzip",
            "duplicates",
            "invalid-cursor:feed=auditevents",
            "expired-token",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for text in ["", "418", "429:ms=5", "slow:ms=x", "500:requests", "gzip:feed=nope"] {
            assert_eq!(text.parse::<Fault>().unwrap_err().text, text);
        }
    }

    #[test]
    fn a_fault_hits_as_often_as_it_says_and_only_where_it_says() {
        let mut faults = vec!["500:requests=2,feed=itemusages".parse().unwrap(), "gzip".parse().unwrap()];
        let mut hit = |feed| strike(&mut faults, feed, false).len();
        assert_eq!(hit(Some(Feed::AuditEvents)), 1);
        assert_eq!(hit(Some(Feed::ItemUsages)), 2);
        assert_eq!(hit(Some(Feed::ItemUsages)), 2);
        assert_eq!(hit(Some(Feed::ItemUsages)), 1);
        assert_eq!(hit(None), 1);
    }
}
