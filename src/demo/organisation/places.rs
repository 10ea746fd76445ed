//! Cities: those with an office, those people travel to, and those nobody here has to do with.

use fastrand::Rng;

/// A city. Coordinates are text, as they stand in an event; `offset` is minutes east of UTC, all year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub city: &'static str,
    pub region: &'static str,
    pub country: &'static str,
    pub iso: &'static str,
    pub latitude: &'static str,
    pub longitude: &'static str,
    pub offset: i32,
}

const fn place(
    city: &'static str,
    region: &'static str,
    country: (&'static str, &'static str),
    at: (&'static str, &'static str),
    offset: i32,
) -> Place {
    Place { city, region, country: country.0, iso: country.1, latitude: at.0, longitude: at.1, offset }
}

const OFFICES: usize = 6;
const FAR: usize = 6;

pub(super) const PLACES: &[Place] = &[
    place("Toronto", "Ontario", ("Canada", "CA"), ("43.6532", "-79.3832"), -300),
    place("London", "England", ("United Kingdom", "GB"), ("51.5072", "-0.1276"), 0),
    place("Berlin", "Land Berlin", ("Germany", "DE"), ("52.5244", "13.4105"), 60),
    place("San Francisco", "California", ("United States", "US"), ("37.7749", "-122.4194"), -480),
    place("Singapore", "Singapore", ("Singapore", "SG"), ("1.2897", "103.8501"), 480),
    place("São Paulo", "São Paulo", ("Brazil", "BR"), ("-23.5475", "-46.6361"), -180),
    // For travellers.
    place("Lisbon", "Lisbon", ("Portugal", "PT"), ("38.7167", "-9.1333"), 0),
    place("New York", "New York", ("United States", "US"), ("40.7143", "-74.006"), -300),
    place("Zürich", "Zurich", ("Switzerland", "CH"), ("47.3667", "8.5501"), 60),
    place("Tokyo", "Tokyo", ("Japan", "JP"), ("35.6895", "139.6917"), 540),
    // For strangers.
    place("Ulaanbaatar", "Ulaanbaatar Hot", ("Mongolia", "MN"), ("47.9077", "106.8832"), 480),
    place("Windhoek", "Khomas", ("Namibia", "NA"), ("-22.5594", "17.0832"), 120),
    place("Montevideo", "Montevideo", ("Uruguay", "UY"), ("-34.9033", "-56.1882"), -180),
    place("Reykjavík", "Capital Region", ("Iceland", "IS"), ("64.1355", "-21.8954"), 0),
    place("Almaty", "Almaty", ("Kazakhstan", "KZ"), ("43.25", "76.9166"), 300),
    place("Suva", "Central", ("Fiji", "FJ"), ("-18.1416", "178.4415"), 720),
];

/// The cities with an office; the n-th origin of the organisation is the n-th of them.
pub(super) fn offices() -> impl Iterator<Item = (usize, &'static Place)> {
    PLACES.iter().enumerate().take(OFFICES)
}

/// The cities of strangers.
pub(super) fn far() -> std::ops::Range<usize> {
    PLACES.len() - FAR..PLACES.len()
}

/// An office (as origin) and its city, by a share of the staff.
pub(super) fn office_of(share: f64) -> (u32, usize) {
    let at = [0.35, 0.55, 0.72, 0.87, 0.95].iter().take_while(|&&limit| share >= limit).count();
    (at as u32, at)
}

/// A city that somebody from `place` travels to.
pub(super) fn elsewhere(place: usize, rng: &mut Rng) -> usize {
    loop {
        let at = rng.usize(0..PLACES.len() - FAR);
        if at != place {
            return at;
        }
    }
}
