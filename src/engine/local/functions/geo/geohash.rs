//! Geohash: five bits a letter, longitude and latitude halved in turns.

use super::sphere::Place;

const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
const LONGEST: usize = 18;

/// The rectangle that a geohash names.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Bounds {
    pub fn center(self) -> Place {
        Place { longitude: f64::midpoint(self.west, self.east), latitude: f64::midpoint(self.south, self.north) }
    }

    /// Counter-clockwise from the south-west.
    pub fn corners(self) -> [Place; 4] {
        let at = |longitude, latitude| Place { longitude, latitude };
        [at(self.west, self.south), at(self.east, self.south), at(self.east, self.north), at(self.west, self.north)]
    }
}

pub fn of(place: Place, length: i64) -> Option<String> {
    let length = usize::try_from(length).ok().filter(|n| (1..=LONGEST).contains(n))?;
    let mut bounds = Bounds { west: -180.0, east: 180.0, south: -90.0, north: 90.0 };
    let mut by_longitude = true;
    let mut out = String::with_capacity(length);
    for _ in 0..length {
        let mut code = 0;
        for _ in 0..5 {
            let (low, high, value) = if by_longitude {
                (&mut bounds.west, &mut bounds.east, place.longitude)
            } else {
                (&mut bounds.south, &mut bounds.north, place.latitude)
            };
            let middle = f64::midpoint(*low, *high);
            let upper = value >= middle;
            code = code << 1 | usize::from(upper);
            *if upper { low } else { high } = middle;
            by_longitude = !by_longitude;
        }
        out.push(char::from(LETTERS[code]));
    }
    Some(out)
}

pub fn bounds(hash: &str) -> Option<Bounds> {
    if hash.is_empty() || hash.len() > LONGEST {
        return None;
    }
    let mut bounds = Bounds { west: -180.0, east: 180.0, south: -90.0, north: 90.0 };
    let mut by_longitude = true;
    for letter in hash.bytes() {
        let code = LETTERS.iter().position(|l| *l == letter.to_ascii_lowercase())?;
        for bit in (0..5).rev() {
            let (low, high) = if by_longitude {
                (&mut bounds.west, &mut bounds.east)
            } else {
                (&mut bounds.south, &mut bounds.north)
            };
            let middle = f64::midpoint(*low, *high);
            *if code >> bit & 1 == 1 { low } else { high } = middle;
            by_longitude = !by_longitude;
        }
    }
    Some(bounds)
}

/// The eight around, in Kusto's order. Beyond a pole there is none.
pub fn neighbours(hash: &str) -> Option<Vec<String>> {
    const AROUND: [(f64, f64); 8] =
        [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, -1.0)];
    let b = bounds(hash)?;
    let (center, width, height) = (b.center(), b.east - b.west, b.north - b.south);
    let near = AROUND.iter().filter_map(|(x, y)| {
        let longitude = (center.longitude + x * width + 180.0).rem_euclid(360.0) - 180.0;
        of(Place::new(longitude, center.latitude + y * height)?, hash.len() as i64)
    });
    Some(near.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_lies_in_its_geohash() {
        let place = Place::new(8.5417, 47.3769).unwrap();
        let hash = of(place, 7).unwrap();
        assert_eq!(hash.len(), 7);
        let b = bounds(&hash).unwrap();
        assert!((b.west..b.east).contains(&place.longitude) && (b.south..b.north).contains(&place.latitude));
        assert_eq!(of(place, 0), None);
        assert_eq!(of(place, 19), None);
        assert!(bounds("a").is_none());
    }

    #[test]
    fn a_geohash_is_its_neighbours_neighbour() {
        for near in neighbours("u0qj").unwrap() {
            assert!(neighbours(&near).unwrap().contains(&"u0qj".to_owned()), "{near}");
        }
        assert_eq!(neighbours("u0qj").unwrap().len(), 8);
    }
}
