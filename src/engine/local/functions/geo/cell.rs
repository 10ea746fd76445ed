//! S2 cells (s2geometry.io): six faces of a cube, each divided into quarters along a Hilbert curve, thirty levels deep.

use super::sphere::{Direction, Place};

const LEVELS: u32 = 30;
/// Leaf cells along a face's side.
const SIDE: u32 = 1 << LEVELS;
/// Where the Hilbert curve goes next: for each orientation the quarter (i, j) of each position.
const QUARTERS: [[u32; 4]; 4] = [[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]];
/// How each position turns the curve: axes exchanged (1), turned over (2).
const TURNS: [usize; 4] = [1, 0, 0, 3];

/// A cell by its number: three bits of face, two a level, then a one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell(u64);

/// From a cube's face to the sphere, by the square that keeps areas alike.
fn unit_of(s: f64) -> f64 {
    if s >= 0.5 { (4.0 * s * s - 1.0) / 3.0 } else { (1.0 - 4.0 * (1.0 - s) * (1.0 - s)) / 3.0 }
}

fn side_of(u: f64) -> f64 {
    if u >= 0.0 { 0.5 * (1.0 + 3.0 * u).sqrt() } else { 1.0 - 0.5 * (1.0 - 3.0 * u).sqrt() }
}

fn direction(face: u64, u: f64, v: f64) -> Direction {
    match face {
        0 => [1.0, u, v],
        1 => [-u, 1.0, v],
        2 => [-u, -v, 1.0],
        3 => [-1.0, -v, -u],
        4 => [v, -1.0, -u],
        _ => [v, u, -1.0],
    }
}

fn face_of(d: Direction) -> (u64, f64, f64) {
    let [x, y, z] = d;
    let axis = if x.abs() > y.abs() {
        if x.abs() > z.abs() { 0 } else { 2 }
    } else if y.abs() > z.abs() {
        1
    } else {
        2
    };
    match (axis, d[axis] < 0.0) {
        (0, false) => (0, y / x, z / x),
        (1, false) => (1, -x / y, z / y),
        (2, false) => (2, -x / z, -y / z),
        (0, true) => (3, z / x, y / x),
        (1, true) => (4, z / y, -x / y),
        _ => (5, -y / z, -x / z),
    }
}

impl Cell {
    /// The leaf cell at (i, j) of a face.
    fn leaf(face: u64, i: u32, j: u32) -> Self {
        let mut id = face;
        let mut turn = (face & 1) as usize;
        for level in (0..LEVELS).rev() {
            let quarter = (i >> level & 1) << 1 | (j >> level & 1);
            let position = QUARTERS[turn].iter().position(|q| *q == quarter).unwrap_or(0);
            id = id << 2 | position as u64;
            turn ^= TURNS[position];
        }
        Self(id << 1 | 1)
    }

    fn of(d: Direction) -> Self {
        let (face, u, v) = face_of(d);
        let step = |u: f64| (side_of(u) * f64::from(SIDE)).floor().clamp(0.0, f64::from(SIDE - 1)) as u32;
        Self::leaf(face, step(u), step(v))
    }

    fn level(self) -> u32 {
        LEVELS - self.0.trailing_zeros() / 2
    }

    fn parent(self, level: u32) -> Self {
        let bit = 1_u64 << (2 * (LEVELS - level));
        Self(self.0 & bit.wrapping_neg() | bit)
    }

    /// The number in hexadecimal without the zeros at its end.
    fn token(self) -> String {
        format!("{:016x}", self.0).trim_end_matches('0').to_owned()
    }

    pub fn parse(token: &str) -> Option<Self> {
        if token.is_empty() || token.len() > 16 || !token.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let cell = Self(u64::from_str_radix(token, 16).ok()? << (4 * (16 - token.len())));
        let valid = cell.0 >> 61 < 6 && cell.0 != 0 && cell.0.trailing_zeros().is_multiple_of(2);
        valid.then_some(cell)
    }

    /// The face, and where on it the cell begins, in leaf cells.
    fn corner(self) -> (u64, u32, u32) {
        let face = self.0 >> 61;
        let (mut i, mut j, mut turn) = (0, 0, (face & 1) as usize);
        for level in 0..self.level() {
            let position = (self.0 >> (59 - 2 * level) & 3) as usize;
            let quarter = QUARTERS[turn][position];
            i = i << 1 | quarter >> 1;
            j = j << 1 | quarter & 1;
            turn ^= TURNS[position];
        }
        let below = LEVELS - self.level();
        (face, i << below, j << below)
    }

    fn side(self) -> u32 {
        1 << (LEVELS - self.level())
    }

    fn place(face: u64, i: f64, j: f64) -> Place {
        let unit = |n: f64| unit_of(n / f64::from(SIDE));
        Place::of(direction(face, unit(i), unit(j)))
    }

    pub fn center(self) -> Place {
        let (face, i, j) = self.corner();
        let half = f64::from(self.side()) / 2.0;
        Self::place(face, f64::from(i) + half, f64::from(j) + half)
    }

    /// Counter-clockwise around the cell, as S2 numbers them.
    pub fn corners(self) -> [Place; 4] {
        let (face, i, j) = self.corner();
        let (side, i, j) = (f64::from(self.side()), f64::from(i), f64::from(j));
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(x, y)| Self::place(face, i + x * side, j + y * side))
    }

    /// The eight around, in Kusto's order; at a corner of the cube one is missing.
    pub fn neighbours(self) -> Vec<String> {
        const AROUND: [(i64, i64); 8] = [(1, 1), (-1, -1), (1, -1), (0, -1), (0, 1), (1, 0), (-1, 0), (-1, 1)];
        let (face, i, j) = self.corner();
        let (side, level) = (i64::from(self.side()), self.level());
        let middle = |n: u32, by: i64| i64::from(n) + side / 2 + by * side;
        let mut near: Vec<String> = Vec::with_capacity(8);
        for (x, y) in AROUND {
            let (i, j) = (middle(i, x) as f64, middle(j, y) as f64);
            // Beyond the face's edge the plane of the face goes on; its places lie on the next face.
            let flat = |n: f64| 2.0 * (n + 0.5) / f64::from(SIDE) - 1.0;
            let inside = |n: f64| (0.0..f64::from(SIDE)).contains(&n);
            let d = if inside(i) && inside(j) {
                let unit = |n: f64| unit_of((n + 0.5) / f64::from(SIDE));
                direction(face, unit(i), unit(j))
            } else {
                let edge = |n: f64| {
                    if inside(n) {
                        unit_of((n + 0.5) / f64::from(SIDE))
                    } else {
                        flat(n).clamp(-1.0 - 1e-9, 1.0 + 1e-9)
                    }
                };
                direction(face, edge(i), edge(j))
            };
            let token = Self::of(d).parent(level).token();
            if token != self.token() && !near.contains(&token) {
                near.push(token);
            }
        }
        near
    }
}

pub fn token_of(place: Place, level: i64) -> Option<String> {
    let level = u32::try_from(level).ok().filter(|l| *l <= LEVELS)?;
    Some(Cell::of(place.direction()).parent(level).token())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_its_center_at_every_level() {
        for (x, y) in [(8.54, 47.37), (-122.3, 47.6), (151.2, -33.9), (-58.4, -34.6), (0.0, 89.9), (77.0, -89.0)] {
            for level in [0, 1, 5, 11, 20, 30] {
                let place = Place::new(x, y).unwrap();
                let token = token_of(place, level).unwrap();
                let cell = Cell::parse(&token).unwrap();
                assert_eq!(i64::from(cell.level()), level);
                assert_eq!(token_of(cell.center(), level).unwrap(), token);
            }
        }
    }

    #[test]
    fn what_is_no_token_is_none() {
        for token in ["", "x", "f", "00000000000000001"] {
            assert!(Cell::parse(token).is_none(), "{token}");
        }
        assert_eq!(token_of(Place::new(1.0, 1.0).unwrap(), 31), None);
    }

    #[test]
    fn a_cell_has_eight_neighbours_within_a_face() {
        let cell = Cell::parse(&token_of(Place::new(8.54, 47.37).unwrap(), 10).unwrap()).unwrap();
        let near = cell.neighbours();
        assert_eq!(near.len(), 8);
        for token in near {
            assert!(Cell::parse(&token).unwrap().neighbours().contains(&cell.token()));
        }
    }
}
