//! Requests that are made by a query: version 3's audit events, and a Connect server's activity.

use reqwest::Url;

use crate::base::time::Ticks;
use crate::demo::{HOUR, Nanos, SECOND, nanos};

const DEFAULT_LIMIT: u16 = 100;
const MOST: u16 = 1_000;

/// What version 3 is asked for: the next page, or a window of times of insertion, both ends excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Window {
    Page(String),
    Times { limit: u16, after: Nanos, before: Nanos },
}

/// The keys and values of a query, decoded.
fn pairs(query: &str) -> Vec<(String, String)> {
    let url = Url::parse(&format!("http://demo/?{query}"));
    url.map(|url| url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
        .unwrap_or_default()
}

impl Window {
    /// Reads a query; the error is what the API would answer with its 400.
    pub fn read(query: &str, now: Nanos) -> Result<Self, &'static str> {
        let (mut limit, mut page, mut after, mut before) = (DEFAULT_LIMIT, None, None, None);
        for (key, value) in pairs(query) {
            let time = || time(&value).ok_or("times must be RFC 3339");
            match key.as_str() {
                "max_page_size" => {
                    let asked = value.parse().ok().filter(|n| *n <= MOST).ok_or("max_page_size must be 0 to 1000")?;
                    limit = if asked == 0 { DEFAULT_LIMIT } else { asked };
                }
                "page_token" => page = Some(value),
                "start_time" => after = Some(time()?),
                "end_time" => before = Some(time()?),
                _ => return Err("the query has an unknown parameter"),
            }
        }
        match page {
            Some(_) if after.is_some() || before.is_some() => Err("page_token must not be sent with times"),
            Some(token) => Ok(Self::Page(token)),
            None => {
                let after = after.unwrap_or_else(|| before.unwrap_or(now).saturating_sub(HOUR));
                Ok(Self::Times { limit, after, before: before.unwrap_or(Nanos::MAX) })
            }
        }
    }
}

/// A time with all nine digits of its fraction.
fn time(text: &str) -> Option<Nanos> {
    let ticks = nanos(Ticks::parse_rfc3339(text)?);
    let digits: String =
        text.split_once('.').map_or("", |(_, rest)| rest).chars().take_while(char::is_ascii_digit).take(9).collect();
    Some(ticks - ticks.rem_euclid(SECOND) + format!("{digits:0<9}").parse::<Nanos>().ok()?)
}

/// What a Connect server is asked for: so many, after so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub limit: u64,
    pub offset: u64,
}

impl Stretch {
    pub fn read(query: &str) -> Result<Self, &'static str> {
        let mut stretch = Self { limit: 50, offset: 0 };
        for (key, value) in pairs(query) {
            let number = value.parse().map_err(|_| "limit and offset must be whole numbers")?;
            match key.as_str() {
                "limit" => stretch.limit = number,
                "offset" => stretch.offset = number,
                _ => {}
            }
        }
        Ok(stretch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_times_or_a_token_and_all_digits_count() {
        let read = |query| Window::read(query, 10 * HOUR);
        assert_eq!(read(""), Ok(Window::Times { limit: 100, after: 9 * HOUR, before: Nanos::MAX }));
        let times = read("max_page_size=7&start_time=1970-01-01T00:00:01.123456789Z&end_time=1970-01-01T01%3A00%3A02Z");
        assert_eq!(times, Ok(Window::Times { limit: 7, after: 1_123_456_789, before: HOUR + 2 * SECOND }));
        assert_eq!(read("page_token=a%2Bb&max_page_size=0"), Ok(Window::Page("a+b".into())));
        for wrong in
            ["page_token=a&start_time=1970-01-01T00:00:01.1Z", "max_page_size=1001", "page_size=5", "start_time=soon"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
