//! Lines and polygons of GeoJSON. Edges are the shortest ways between their ends.

use super::sphere::{Direction, Place, angle, cross, dot, nearest_on, plus, triangle};
use crate::engine::local::functions::real_text::write_real;
use crate::event::json;

/// Writes `[longitude,latitude]`.
pub fn write_place(out: &mut String, place: Place) {
    out.push('[');
    write_real(out, place.longitude);
    out.push(',');
    write_real(out, place.latitude);
    out.push(']');
}

fn places(text: &str) -> Option<Vec<Direction>> {
    let place = |text: &str| -> Option<Direction> {
        let parts = json::elements(text)?;
        let [x, y] = parts.get(..2)? else { return None };
        Some(Place::new(x.parse().ok()?, y.parse().ok()?)?.direction())
    };
    json::elements(text)?.into_iter().map(place).collect()
}

/// The coordinates of a shape: of the single kind as a list of one.
fn coordinates(text: &str, single: &str, several: &str) -> Option<Vec<String>> {
    let kind = json::string(json::key(text, "type")?)?;
    let body = json::key(text, "coordinates")?;
    if kind == single {
        Some(vec![body.to_owned()])
    } else if kind == several {
        Some(json::elements(body)?.into_iter().map(str::to_owned).collect())
    } else {
        None
    }
}

fn edges(ring: &[Direction]) -> impl Iterator<Item = (Direction, Direction)> + '_ {
    ring.windows(2).map(|w| (w[0], w[1]))
}

/// One or several lines.
#[derive(Debug)]
pub struct Lines(Vec<Vec<Direction>>);

impl Lines {
    pub fn parse(text: &str) -> Option<Self> {
        let lines = coordinates(text, "LineString", "MultiLineString")?
            .iter()
            .map(|line| places(line).filter(|l| l.len() >= 2))
            .collect::<Option<Vec<_>>>()?;
        (!lines.is_empty()).then_some(Self(lines))
    }

    fn edges(&self) -> impl Iterator<Item = (Direction, Direction)> + '_ {
        self.0.iter().flat_map(|line| edges(line))
    }

    /// As an angle.
    pub fn length(&self) -> f64 {
        self.edges().map(|(a, b)| angle(a, b)).sum()
    }

    /// How far a place is, and which place of the line is nearest to it.
    pub fn closest(&self, to: Place) -> (f64, Place) {
        let to = to.direction();
        let near = self.edges().map(|edge| nearest_on(edge, to)).map(|place| (angle(place, to), place));
        let (far, place) = near.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, to));
        (far, Place::of(place))
    }

    pub fn distance(&self, to: Place) -> f64 {
        self.closest(to).0
    }

    pub fn centroid(&self) -> Place {
        // The mean over an edge points to its middle; its length there is twice the sine of half the angle.
        let sum = self.edges().fold([0.0; 3], |sum, (a, b)| {
            let middle = plus(a, b, 1.0);
            let length = dot(middle, middle).sqrt();
            if length == 0.0 { sum } else { plus(sum, middle, 2.0 * (angle(a, b) / 2.0).sin() / length) }
        });
        Place::of(sum)
    }

    /// The place after a part of the way; of one line only.
    pub fn at(&self, part: f64) -> Option<Place> {
        let [line] = self.0.as_slice() else { return None };
        let mut left = part * self.length();
        for (a, b) in edges(line) {
            let length = angle(a, b);
            if left <= length && length > 0.0 {
                let (from, to) = ((length - left).sin() / length.sin(), left.sin() / length.sin());
                return Some(Place::of(plus([a[0] * from, a[1] * from, a[2] * from], b, to)));
            }
            left -= length;
        }
        line.last().map(|end| Place::of(*end))
    }
}

/// One or several polygons: each a shell and its holes.
#[derive(Debug)]
pub struct Polygons(Vec<Vec<Vec<Direction>>>);

impl Polygons {
    /// Rings are closed, of three places at least, none of which stands twice.
    pub fn parse(text: &str) -> Option<Self> {
        let ring = |text: &str| {
            let ring = places(text)?;
            let (first, last) = (ring.first()?, ring.last()?);
            let twice = |at: usize| ring[..at].contains(&ring[at]);
            (ring.len() >= 4 && angle(*first, *last) < 1e-12 && !(1..ring.len() - 1).any(twice)).then_some(ring)
        };
        let polygons = coordinates(text, "Polygon", "MultiPolygon")?
            .iter()
            .map(|polygon| json::elements(polygon)?.into_iter().map(ring).collect::<Option<Vec<_>>>())
            .collect::<Option<Vec<_>>>()?;
        (!polygons.is_empty() && polygons.iter().all(|p| !p.is_empty())).then_some(Self(polygons))
    }

    fn rings(&self) -> impl Iterator<Item = &Vec<Direction>> {
        self.0.iter().flatten()
    }

    /// Whether a place lies inside a shell and in none of its holes.
    pub fn holds(&self, place: Place) -> bool {
        let place = place.direction();
        self.0.iter().any(|rings| rings.iter().enumerate().all(|(n, ring)| within(ring, place) == (n == 0)))
    }

    pub fn distance(&self, to: Place) -> f64 {
        if self.holds(to) {
            return 0.0;
        }
        let to = to.direction();
        let near = self.rings().flat_map(|ring| edges(ring)).map(|edge| angle(nearest_on(edge, to), to));
        near.fold(f64::INFINITY, f64::min)
    }

    pub fn perimeter(&self) -> f64 {
        self.rings().flat_map(|ring| edges(ring)).map(|(a, b)| angle(a, b)).sum()
    }

    /// As a solid angle. Polygons that overlap count twice where they do.
    pub fn area(&self) -> f64 {
        let of_one = |rings: &Vec<Vec<Direction>>| -> f64 {
            let areas = rings.iter().map(|ring| ring_area(ring).abs());
            areas.enumerate().map(|(n, area)| if n == 0 { area } else { -area }).sum()
        };
        self.0.iter().map(of_one).sum()
    }

    pub fn centroid(&self) -> Place {
        let mut sum = [0.0; 3];
        for rings in &self.0 {
            for (n, ring) in rings.iter().enumerate() {
                // The integral over a ring's inside, from its edges (Stokes); turned outwards for shells and inwards for holes.
                let inside = edges(ring).fold([0.0; 3], |sum, (a, b)| {
                    let normal = cross(a, b);
                    let length = dot(normal, normal).sqrt();
                    if length == 0.0 { sum } else { plus(sum, normal, angle(a, b) / (2.0 * length)) }
                });
                let outwards = if (ring_area(ring) > 0.0) == (n == 0) { 1.0 } else { -1.0 };
                sum = plus(sum, inside, outwards);
            }
        }
        Place::of(sum)
    }
}

/// Positive where the ring runs counter-clockwise around the smaller side.
fn ring_area(ring: &[Direction]) -> f64 {
    let Some((first, rest)) = ring.split_first() else { return 0.0 };
    let area: f64 = rest.windows(2).map(|w| triangle(*first, w[0], w[1])).sum();
    // The smaller of the two regions is meant.
    let whole = 4.0 * std::f64::consts::PI;
    if area.abs() > whole / 2.0 { area - whole * area.signum() } else { area }
}

/// Whether a place lies on the smaller side of a ring: the ring turns around it once.
fn within(ring: &[Direction], place: Direction) -> bool {
    let turn: f64 = edges(ring)
        .map(|(a, b)| {
            let (a, b) = (cross(place, a), cross(place, b));
            dot(place, cross(a, b)).atan2(dot(a, b))
        })
        .sum();
    turn.abs() > std::f64::consts::PI && {
        // The place opposite has the ring around it too.
        let middle = ring.iter().fold([0.0; 3], |sum, d| plus(sum, *d, 1.0));
        dot(middle, place) > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::sphere::RADIUS;
    use super::*;

    const SQUARE: &str =
        r#"{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[4,6],[6,6],[6,4],[4,4]]]}"#;

    fn place(longitude: f64, latitude: f64) -> Place {
        Place::new(longitude, latitude).unwrap()
    }

    #[test]
    fn a_hole_is_outside() {
        let square = Polygons::parse(SQUARE).unwrap();
        assert!(square.holds(place(1.0, 1.0)));
        assert!(!square.holds(place(5.0, 5.0)));
        assert!(!square.holds(place(11.0, 5.0)));
        assert!(!square.holds(place(-179.0, -1.0)));
        let far = square.distance(place(11.0, 5.0)) * RADIUS;
        assert!((far - 110_773.0).abs() < 500.0, "{far}");
    }

    #[test]
    fn a_small_square_has_the_area_of_a_flat_one() {
        let text = r#"{"type":"Polygon","coordinates":[[[0,0],[0.1,0],[0.1,0.1],[0,0.1],[0,0]]]}"#;
        let square = Polygons::parse(text).unwrap();
        let side = 0.1_f64.to_radians();
        assert!((square.area() / (side * side) - 1.0).abs() < 1e-5);
        assert!((square.perimeter() / (4.0 * side) - 1.0).abs() < 1e-5);
        let middle = square.centroid();
        assert!((middle.longitude - 0.05).abs() < 1e-6 && (middle.latitude - 0.05).abs() < 1e-6);
    }

    #[test]
    fn half_way_along_a_line_is_its_middle() {
        let line = Lines::parse(r#"{"type":"LineString","coordinates":[[0,0],[20,0]]}"#).unwrap();
        assert!((line.at(0.5).unwrap().longitude - 10.0).abs() < 1e-9);
        assert!((line.centroid().longitude - 10.0).abs() < 1e-9);
        assert!((line.at(1.0).unwrap().longitude - 20.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_shape_is_none() {
        assert!(Polygons::parse(r#"{"type":"Polygon","coordinates":[[[0,0],[10,10],[10,10],[0,0]]]}"#).is_none());
        assert!(Lines::parse(r#"{"type":"LineString","coordinates":[[1,1]]}"#).is_none());
        assert!(Lines::parse("[]").is_none());
    }
}
