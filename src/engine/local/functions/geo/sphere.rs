//! The earth as a unit sphere; lengths are angles until they are multiplied by its radius.

use std::f64::consts::{PI, TAU};

/// Metres; the radius that S2 takes.
pub const RADIUS: f64 = 6_371_010.0;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub longitude: f64,
    pub latitude: f64,
}

/// A direction from the earth's centre.
pub type Direction = [f64; 3];

impl Place {
    pub fn new(longitude: f64, latitude: f64) -> Option<Self> {
        ((-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude))
            .then_some(Self { longitude, latitude })
    }

    pub fn direction(self) -> Direction {
        let ((sin_x, cos_x), (sin_y, cos_y)) =
            (self.longitude.to_radians().sin_cos(), self.latitude.to_radians().sin_cos());
        [cos_y * cos_x, cos_y * sin_x, sin_y]
    }

    pub fn of(d: Direction) -> Self {
        Self { longitude: d[1].atan2(d[0]).to_degrees(), latitude: d[2].atan2(d[0].hypot(d[1])).to_degrees() }
    }

    /// The shortest way, as an angle.
    pub fn angle_to(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = (other.longitude - self.longitude).to_radians();
        let half = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (across / 2.0).sin().powi(2);
        2.0 * half.sqrt().min(1.0).asin()
    }

    /// Clockwise from north; null for a place itself and for the one opposite, where every way leads.
    pub fn azimuth(self, other: Self) -> Option<f64> {
        let angle = self.angle_to(other);
        if angle < 1e-15 || PI - angle < 1e-12 {
            return None;
        }
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = (other.longitude - self.longitude).to_radians();
        let (east, north) = (across.sin() * b.cos(), a.cos() * b.sin() - a.sin() * b.cos() * across.cos());
        Some(east.atan2(north).rem_euclid(TAU))
    }
}

pub fn dot(a: Direction, b: Direction) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn cross(a: Direction, b: Direction) -> Direction {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub fn plus(a: Direction, b: Direction, by: f64) -> Direction {
    [a[0] + b[0] * by, a[1] + b[1] * by, a[2] + b[2] * by]
}

/// The angle between two directions.
pub fn angle(a: Direction, b: Direction) -> f64 {
    let c = cross(a, b);
    dot(c, c).sqrt().atan2(dot(a, b))
}

/// The place of an edge that is nearest to a direction.
pub fn nearest_on(edge: (Direction, Direction), to: Direction) -> Direction {
    let (a, b) = edge;
    let normal = cross(a, b);
    let foot = plus(to, normal, -dot(to, normal) / dot(normal, normal));
    // On the great circle; on the edge where it lies on the inner side of both ends.
    if dot(cross(normal, a), foot) >= 0.0 && dot(cross(b, normal), foot) >= 0.0 && dot(foot, foot) > 0.0 {
        return foot;
    }
    if angle(a, to) <= angle(b, to) { a } else { b }
}

/// The area of a triangle as a solid angle, positive where it is seen counter-clockwise.
pub fn triangle(a: Direction, b: Direction, c: Direction) -> f64 {
    2.0 * dot(a, cross(b, c)).atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
}

/// Metres between two places on the WGS-84 spheroid (Vincenty's inverse formula); on the sphere where it does not settle.
pub fn on_spheroid(from: Place, to: Place) -> f64 {
    const LONG: f64 = 6_378_137.0;
    const FLAT: f64 = 1.0 / 298.257_223_563;
    const SHORT: f64 = LONG * (1.0 - FLAT);
    let across = (to.longitude - from.longitude).to_radians();
    let reduced = |p: Place| ((1.0 - FLAT) * p.latitude.to_radians().tan()).atan().sin_cos();
    let ((sin_a, cos_a), (sin_b, cos_b)) = (reduced(from), reduced(to));
    let mut lambda = across;
    for _ in 0..200 {
        let (sin_l, cos_l) = lambda.sin_cos();
        let sin_s = (cos_b * sin_l).hypot(cos_a * sin_b - sin_a * cos_b * cos_l);
        if sin_s == 0.0 {
            return 0.0;
        }
        let cos_s = sin_a * sin_b + cos_a * cos_b * cos_l;
        let sigma = sin_s.atan2(cos_s);
        let sin_alpha = cos_a * cos_b * sin_l / sin_s;
        let square = 1.0 - sin_alpha * sin_alpha;
        let middle = if square == 0.0 { 0.0 } else { cos_s - 2.0 * sin_a * sin_b / square };
        let c = FLAT / 16.0 * square * (4.0 + FLAT * (4.0 - 3.0 * square));
        let turn = sigma + c * sin_s * (middle + c * cos_s * (2.0 * middle * middle - 1.0));
        let next = across + (1.0 - c) * FLAT * sin_alpha * turn;
        if (next - lambda).abs() < 1e-13 {
            let u = square * (LONG * LONG - SHORT * SHORT) / (SHORT * SHORT);
            let a = 1.0 + u / 16_384.0 * (4_096.0 + u * (-768.0 + u * (320.0 - 175.0 * u)));
            let b = u / 1_024.0 * (256.0 + u * (-128.0 + u * (74.0 - 47.0 * u)));
            let inner = cos_s * (2.0 * middle * middle - 1.0)
                - b / 6.0 * middle * (4.0 * sin_s * sin_s - 3.0) * (4.0 * middle * middle - 3.0);
            return SHORT * a * (sigma - b * sin_s * (middle + b / 4.0 * inner));
        }
        lambda = next;
    }
    from.angle_to(to) * RADIUS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(longitude: f64, latitude: f64) -> Place {
        Place::new(longitude, latitude).unwrap()
    }

    #[test]
    fn a_quarter_of_the_equator_is_a_right_angle() {
        let (a, b) = (place(0.0, 0.0), place(90.0, 0.0));
        assert!((a.angle_to(b) - PI / 2.0).abs() < 1e-12);
        assert!((a.azimuth(b).unwrap() - PI / 2.0).abs() < 1e-12);
        assert_eq!(a.azimuth(a), None);
        assert_eq!(Place::new(181.0, 0.0), None);
    }

    #[test]
    fn the_spheroid_is_flat_at_the_poles() {
        // A degree of latitude is 110.57 km at the equator and 111.69 km at the pole.
        assert!((on_spheroid(place(0.0, 0.0), place(0.0, 1.0)) - 110_574.4).abs() < 0.5);
        assert!((on_spheroid(place(0.0, 89.0), place(0.0, 90.0)) - 111_693.9).abs() < 0.5);
    }

    #[test]
    fn an_octant_is_an_eighth_of_the_sphere() {
        let area = triangle([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
        assert!((area - PI / 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_nearest_place_of_an_edge_may_be_its_end() {
        let edge = (place(0.0, 0.0).direction(), place(10.0, 0.0).direction());
        let inside = Place::of(nearest_on(edge, place(5.0, 3.0).direction()));
        assert!((inside.longitude - 5.0).abs() < 1e-9 && inside.latitude.abs() < 1e-9);
        let end = Place::of(nearest_on(edge, place(20.0, 3.0).direction()));
        assert!((end.longitude - 10.0).abs() < 1e-9);
    }
}
