//! A digest of numbers or times: values and their weights. Up to some thousand distinct values it is exact; beyond, neighbours are joined, the more of
//! them the nearer they stand to the middle.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::super::dynamic::write_list;
use super::super::{parse_time, real_text};
use crate::base::time::{Span, Ticks};
use crate::event::json::{self, Kind};

/// Points kept before neighbours are joined.
const MOST: usize = 4096;
/// Points left after: Dunning's compression.
const COMPRESSION: f64 = 512.0;

/// A value of a digest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Point {
    Whole(i64),
    Real(f64),
    Time(i64),
    Span(i64),
}

impl Point {
    fn parse(value: &str) -> Option<Self> {
        match json::kind(value)? {
            Kind::Number => {
                Some(value.parse().map_or_else(|_| value.parse().ok().map(Self::Real), |n| Some(Self::Whole(n)))?)
            }
            Kind::Text => {
                let text = json::string(value)?;
                parse_time::timespan(&text).map(Self::Span).or_else(|| parse_time::datetime(&text).map(Self::Time))
            }
            _ => None,
        }
    }

    fn write(self, out: &mut String) {
        let written = match self {
            Self::Whole(n) => write!(out, "{n}"),
            Self::Real(n) if n.is_finite() => {
                real_text::write_real(out, n);
                Ok(())
            }
            Self::Real(_) => out.write_str("null"),
            Self::Time(t) => write!(out, "\"{}\"", Ticks(t)),
            Self::Span(t) => write!(out, "\"{}\"", Span(t)),
        };
        debug_assert!(written.is_ok());
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a) | Self::Time(a) | Self::Span(a), Self::Whole(b) | Self::Time(b) | Self::Span(b)) => {
                a.cmp(b)
            }
            (Self::Whole(a), Self::Real(b)) => (*a as f64).total_cmp(b),
            (Self::Real(a), Self::Whole(b)) => a.total_cmp(&(*b as f64)),
            (Self::Real(a), Self::Real(b)) => a.total_cmp(b),
            // Of different kinds: numbers before times.
            (Self::Real(_), _) => Ordering::Less,
            (_, Self::Real(_)) => Ordering::Greater,
        }
    }

    /// The mean of two by their weights.
    fn mean(self, weight: f64, other: Self, other_weight: f64) -> Self {
        let part = other_weight / (weight + other_weight);
        let whole = |a: i64, b: i64| a.saturating_add((b.saturating_sub(a) as f64 * part).round() as i64);
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Self::Whole(whole(a, b)),
            (Self::Time(a), Self::Time(b)) => Self::Time(whole(a, b)),
            (Self::Span(a), Self::Span(b)) => Self::Span(whole(a, b)),
            (Self::Real(a), Self::Real(b)) => Self::Real(a + (b - a) * part),
            (Self::Whole(a), Self::Real(b)) => Self::Real(a as f64 + (b - a as f64) * part),
            (Self::Real(a), Self::Whole(b)) => Self::Real(a + (b as f64 - a) * part),
            (a, _) => a,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Digest {
    points: Vec<(Point, f64)>,
    sorted: bool,
}

impl Digest {
    pub fn add(&mut self, point: Point, weight: f64) {
        if weight > 0.0 {
            self.points.push((point, weight));
            self.sorted = false;
            if self.points.len() >= 2 * MOST {
                self.settle();
            }
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.points.extend(other.points);
        self.sorted = false;
        self.settle();
    }

    /// Sorted, equal values as one, and neighbours joined where there are too many.
    pub fn settle(&mut self) {
        if self.sorted {
            return;
        }
        self.sorted = true;
        self.points.sort_by(|a, b| a.0.order(&b.0));
        self.points.dedup_by(|later, earlier| {
            let equal = later.0.order(&earlier.0) == Ordering::Equal;
            if equal {
                earlier.1 += later.1;
            }
            equal
        });
        if self.points.len() > MOST {
            self.join();
        }
    }

    fn join(&mut self) {
        let total = self.weight();
        let mut joined: Vec<(Point, f64)> = Vec::with_capacity(MOST);
        let mut before = 0.0;
        for (point, weight) in self.points.drain(..) {
            if let Some((last, held)) = joined.last_mut() {
                // Dunning's bound: small at both ends, so that they stay exact.
                let q = (before + f64::midpoint(*held, weight)) / total;
                if *held + weight <= 4.0 * total * q * (1.0 - q) / COMPRESSION {
                    *last = last.mean(*held, point, weight);
                    *held += weight;
                    continue;
                }
                before += *held;
            }
            joined.push((point, weight));
        }
        self.points = joined;
    }

    pub fn weight(&self) -> f64 {
        self.points.iter().map(|(_, w)| w).sum()
    }

    /// The least value that so many percent of the weight lie at or below, as JSON.
    pub fn percentile(&self, percent: f64) -> Option<String> {
        let mut own = self.clone();
        own.settle();
        let wanted = percent.clamp(0.0, 100.0) / 100.0 * own.weight();
        let mut so_far = 0.0;
        let hit = own.points.iter().find(|(_, weight)| {
            so_far += weight;
            so_far >= wanted - 1e-9 * wanted
        });
        let mut text = String::new();
        hit.or(own.points.last())?.0.write(&mut text);
        Some(text)
    }

    /// The weight of the values that are not above one.
    pub fn rank(&self, value: &str) -> Option<f64> {
        let value = Point::parse(value)?;
        Some(self.points.iter().filter(|(p, _)| p.order(&value) != Ordering::Greater).map(|(_, w)| w).sum())
    }

    pub fn write(&self, out: &mut String) {
        let mut own = self.clone();
        own.settle();
        out.push_str("[[7],");
        write_list(out, own.points.iter(), |out, (point, _)| point.write(out));
        out.push(',');
        write_list(out, own.points.iter(), |out, (_, weight)| {
            let written = write!(out, "{weight}");
            debug_assert!(written.is_ok());
        });
        out.push(']');
    }

    pub fn parse(text: &str) -> Option<Self> {
        let parts = json::elements(text)?;
        let [head, values, weights] = parts.as_slice() else { return None };
        json::elements(head)?;
        let (values, weights) = (json::elements(values)?, json::elements(weights)?);
        if values.len() != weights.len() {
            return None;
        }
        let point = |(v, w): (&str, &str)| Some((Point::parse(v)?, w.parse().ok().filter(|w: &f64| *w > 0.0)?));
        let points = values.into_iter().zip(weights).map(point).collect::<Option<Vec<_>>>()?;
        Some(Self { points, sorted: false })
    }

    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.points.capacity() * size_of::<(Point, f64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = i64>) -> Digest {
        let mut digest = Digest::default();
        values.for_each(|n| digest.add(Point::Whole(n), 1.0));
        digest
    }

    #[test]
    fn a_small_digest_is_exact() {
        let digest = of((1..=1000).rev());
        assert_eq!(digest.percentile(50.0).as_deref(), Some("500"));
        assert_eq!(digest.percentile(0.0).as_deref(), Some("1"));
        assert_eq!(digest.percentile(100.0).as_deref(), Some("1000"));
        assert_eq!(digest.rank("42"), Some(42.0));
        assert_eq!(digest.rank("\"x\""), None);
    }

    #[test]
    fn a_large_digest_is_near() {
        let mut digest = of((0..100_000).map(|n| n * 7919 % 100_000));
        digest.settle();
        assert!(digest.points.len() <= MOST);
        for percent in [1.0, 25.0, 50.0, 90.0, 99.9] {
            let got: f64 = digest.percentile(percent).unwrap().parse().unwrap();
            assert!((got / 1000.0 - percent).abs() < 0.3, "{percent}: {got}");
        }
        assert_eq!(digest.percentile(0.0).as_deref(), Some("0"));
    }

    #[test]
    fn a_digest_is_read_back_from_its_text() {
        let mut digest = Digest::default();
        digest.add(Point::Time(630_822_816_000_000_000), 2.0);
        digest.add(Point::Time(0), 1.5);
        let mut text = String::new();
        digest.write(&mut text);
        assert_eq!(text, r#"[[7],["0001-01-01T00:00:00.0000000Z","2000-01-01T00:00:00.0000000Z"],[1.5,2]]"#);
        let read = Digest::parse(&text).unwrap();
        assert_eq!(read.percentile(90.0).as_deref(), Some("\"2000-01-01T00:00:00.0000000Z\""));
        assert!(Digest::parse("[[7],[1],[]]").is_none());
    }
}
