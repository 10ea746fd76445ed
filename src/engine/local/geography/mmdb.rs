//! A reader of the MaxMind DB format, version 2 (<https://maxmind.github.io/MaxMind-DB/>): a binary tree over the bits of an address, whose
//! leaves point into a section of typed data. The file is whatever somebody put there: every offset is checked, nothing recurses without
//! bound.

use std::net::IpAddr;

use super::Place;

/// Stands before the metadata, at the end of the file.
const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Zero bytes between the tree and the data.
const GAP: usize = 16;
/// Maps and lists in one another; pointers from one to the next.
const DEPTH: usize = 32;

/// A database.
pub struct Mmdb {
    bytes: Vec<u8>,
    nodes: usize,
    /// Bits of a record: 24, 28 or 32.
    record: usize,
    /// Addresses have 128 bits, IPv4 in the last 32.
    six: bool,
    /// Where the data begins, and ends.
    data: (usize, usize),
}

/// What stands at an offset: its kind, its size, and where its content begins.
#[derive(Clone, Copy)]
struct Field {
    kind: u8,
    size: usize,
    at: usize,
}

const POINTER: u8 = 1;
const TEXT: u8 = 2;
const DOUBLE: u8 = 3;
const MAP: u8 = 7;
const LIST: u8 = 11;
const BOOL: u8 = 14;
const FLOAT: u8 = 15;

impl Mmdb {
    pub fn new(bytes: Vec<u8>) -> Result<Self, String> {
        let wrong = || "it is no MaxMind database".to_owned();
        let mark = memchr::memmem::rfind(&bytes, MARK).ok_or_else(wrong)?;
        let start = mark + MARK.len();
        // While the metadata is read, it is the data.
        let mut file = Self { nodes: 0, record: 24, six: false, data: (start, bytes.len()), bytes };
        let number = |name: &str| file.get(0, name).and_then(|at| file.number(at));
        let (nodes, record, version) = (number("node_count"), number("record_size"), number("ip_version"));
        let (Some(nodes), Some(record @ (24 | 28 | 32)), Some(version @ (4 | 6))) = (nodes, record, version) else {
            return Err(wrong());
        };
        let tree = (nodes as usize).checked_mul(record as usize / 4).ok_or_else(wrong)?;
        if tree.checked_add(GAP).is_none_or(|data| data > mark) {
            return Err("it is cut short".to_owned());
        }
        (file.nodes, file.record, file.six) = (nodes as usize, record as usize, version == 6);
        file.data = (tree + GAP, mark);
        Ok(file)
    }

    pub fn place(&self, address: IpAddr) -> Option<Place> {
        let at = self.leaf(address)?;
        let name = |at: Option<usize>| {
            let at = self.get(at?, "names").and_then(|names| self.get(names, "en"))?;
            self.text(at).map(str::to_owned)
        };
        let state = self.get(at, "subdivisions").and_then(|list| self.first(list));
        let location = self.get(at, "location");
        let real = |key| location.and_then(|l| self.get(l, key)).and_then(|at| self.real(at));
        Some(Place {
            country: name(self.get(at, "country")).unwrap_or_default(),
            state: name(state).unwrap_or_default(),
            city: name(self.get(at, "city")).unwrap_or_default(),
            at: real("latitude").zip(real("longitude")),
        })
    }

    /// Where the data of an address stands, in the data section.
    fn leaf(&self, address: IpAddr) -> Option<usize> {
        let (bits, length) = match (address, self.six) {
            (IpAddr::V4(v4), false) => (u128::from(v4.to_bits()) << 96, 32),
            (IpAddr::V4(v4), true) => (u128::from(v4.to_bits()), 128),
            (IpAddr::V6(v6), true) => (v6.to_bits(), 128),
            (IpAddr::V6(v6), false) => (u128::from(v6.to_ipv4_mapped()?.to_bits()) << 96, 32),
        };
        let mut node = 0;
        for bit in 0..length {
            if node >= self.nodes {
                break;
            }
            node = self.child(node, (bits >> (127 - bit)) & 1 == 1)?;
        }
        // The number of nodes itself says that nothing is known.
        node.checked_sub(self.nodes)?.checked_sub(GAP)
    }

    fn child(&self, node: usize, right: bool) -> Option<usize> {
        let width = self.record / 4;
        let bytes = self.bytes.get(node * width..(node + 1) * width)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
        Some(match (self.record, right) {
            // The four bits in the middle are the highest of both.
            (28, false) => usize::from(bytes[3] >> 4) << 24 | number(&bytes[..3]),
            (28, true) => usize::from(bytes[3] & 15) << 24 | number(&bytes[4..]),
            (_, false) => number(&bytes[..width / 2]),
            (_, true) => number(&bytes[width / 2..]),
        })
    }

    fn byte(&self, at: usize) -> Option<u8> {
        let at = self.data.0.checked_add(at)?;
        (at < self.data.1).then(|| self.bytes[at])
    }

    fn slice(&self, at: usize, size: usize) -> Option<&[u8]> {
        let start = self.data.0.checked_add(at)?;
        let end = start.checked_add(size).filter(|end| *end <= self.data.1)?;
        self.bytes.get(start..end)
    }

    fn unsigned(&self, at: usize, size: usize) -> Option<u64> {
        Some(self.slice(at, size.min(8))?.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    /// What stands at an offset. Of a pointer the content is where it leads, and `size` how many bytes it takes here.
    fn field(&self, at: usize) -> Option<Field> {
        let control = self.byte(at)?;
        let mut next = at + 1;
        let mut kind = control >> 5;
        if kind == POINTER {
            let extra = usize::from(control >> 3 & 3) + 1;
            let low = usize::try_from(self.unsigned(next, extra)?).ok()?;
            let high = usize::from(control & 7);
            let to = match extra {
                1 => high << 8 | low,
                2 => (high << 16 | low) + 2_048,
                3 => (high << 24 | low) + 526_336,
                _ => low,
            };
            return Some(Field { kind, size: 1 + extra, at: to });
        }
        if kind == 0 {
            kind = self.byte(next)?.checked_add(7)?;
            next += 1;
        }
        let size = usize::from(control & 31);
        let (size, more) = match size {
            29 => (29 + self.unsigned(next, 1)?, 1),
            30 => (285 + self.unsigned(next, 2)?, 2),
            31 => (65_821 + self.unsigned(next, 3)?, 3),
            size => (size as u64, 0),
        };
        Some(Field { kind, size: usize::try_from(size).ok()?, at: next + more })
    }

    /// The same, where a pointer is followed.
    fn value(&self, at: usize) -> Option<Field> {
        let field = self.field(at)?;
        if field.kind == POINTER { self.field(field.at).filter(|f| f.kind != POINTER) } else { Some(field) }
    }

    /// Where the value behind this one begins.
    fn after(&self, at: usize, depth: usize) -> Option<usize> {
        let field = self.field(at)?;
        let values = match field.kind {
            POINTER => return Some(at + field.size),
            MAP => field.size.checked_mul(2)?,
            LIST => field.size,
            // Its size is its value.
            BOOL => return Some(field.at),
            _ => return field.at.checked_add(field.size),
        };
        if depth == 0 {
            return None;
        }
        let mut next = field.at;
        for _ in 0..values {
            next = self.after(next, depth - 1)?;
        }
        Some(next)
    }

    /// Where the value of a key of the map at an offset stands.
    fn get(&self, at: usize, key: &str) -> Option<usize> {
        let map = self.value(at).filter(|f| f.kind == MAP)?;
        let mut next = map.at;
        for _ in 0..map.size {
            let value = self.after(next, DEPTH)?;
            if self.text(next) == Some(key) {
                return Some(value);
            }
            next = self.after(value, DEPTH)?;
        }
        None
    }

    fn first(&self, at: usize) -> Option<usize> {
        self.value(at).filter(|f| f.kind == LIST && f.size > 0).map(|f| f.at)
    }

    fn text(&self, at: usize) -> Option<&str> {
        let field = self.value(at).filter(|f| f.kind == TEXT)?;
        std::str::from_utf8(self.slice(field.at, field.size)?).ok()
    }

    fn number(&self, at: usize) -> Option<u64> {
        let field = self.value(at).filter(|f| matches!(f.kind, 5 | 6 | 9) && f.size <= 8)?;
        self.unsigned(field.at, field.size)
    }

    fn real(&self, at: usize) -> Option<f64> {
        let field = self.value(at)?;
        match (field.kind, field.size) {
            (DOUBLE, 8) => Some(f64::from_bits(self.unsigned(field.at, 8)?)),
            (FLOAT, 4) => Some(f64::from(f32::from_bits(self.unsigned(field.at, 4)? as u32))),
            _ => None,
        }
        .filter(|n| n.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(out: &mut Vec<u8>, text: &str) {
        out.push(TEXT << 5 | text.len() as u8);
        out.extend(text.bytes());
    }

    fn names(out: &mut Vec<u8>, name: &str) {
        out.push(MAP << 5 | 1);
        text(out, "names");
        out.push(MAP << 5 | 2);
        text(out, "de");
        text(out, "x");
        text(out, "en");
        text(out, name);
    }

    /// A database of one network, 128.0.0.0/1, in a tree of one node.
    fn database(record: u8) -> Vec<u8> {
        let mut data = Vec::new();
        names(&mut data, "Canada");
        let leaf = data.len();
        data.push(MAP << 5 | 4);
        text(&mut data, "country");
        // A pointer to the first value of the section.
        data.extend([POINTER << 5, 0]);
        text(&mut data, "city");
        names(&mut data, "Toronto");
        text(&mut data, "subdivisions");
        data.extend([1, LIST - 7]);
        names(&mut data, "Ontario");
        text(&mut data, "location");
        data.push(MAP << 5 | 2);
        for (key, value) in [("latitude", 43.5_f64), ("longitude", -79.25)] {
            text(&mut data, key);
            data.push(DOUBLE << 5 | 8);
            data.extend(value.to_be_bytes());
        }
        let (none, found) = (1_u32, 1 + 16 + leaf as u32);
        let mut file = match record {
            24 => [&none.to_be_bytes()[1..], &found.to_be_bytes()[1..]].concat(),
            28 => [&none.to_be_bytes()[1..], &[0], &found.to_be_bytes()[1..]].concat(),
            _ => [none.to_be_bytes(), found.to_be_bytes()].concat(),
        };
        file.extend([0; GAP]);
        file.extend(data);
        file.extend(MARK);
        file.push(MAP << 5 | 3);
        for (key, value) in [("node_count", 1), ("record_size", record), ("ip_version", 4)] {
            text(&mut file, key);
            file.extend([5 << 5 | 1, value]);
        }
        file
    }

    #[test]
    fn an_address_is_found_with_its_place() {
        for record in [24, 28, 32] {
            let file = Mmdb::new(database(record)).unwrap();
            let place = file.place("200.1.2.3".parse().unwrap()).unwrap();
            assert_eq!(
                place,
                Place {
                    country: "Canada".into(),
                    state: "Ontario".into(),
                    city: "Toronto".into(),
                    at: Some((43.5, -79.25))
                }
            );
            assert_eq!(file.place("1.2.3.4".parse().unwrap()), None);
            assert_eq!(file.place("2001:db8::1".parse().unwrap()), None);
        }
    }

    #[test]
    fn a_damaged_database_gives_nothing_and_never_panics() {
        let whole = database(24);
        for cut in 0..whole.len() {
            let _ = Mmdb::new(whole[cut..].to_vec()).map(|f| f.place("200.1.2.3".parse().unwrap()));
            let mut damaged = whole.clone();
            damaged[cut] ^= 0xff;
            let _ = Mmdb::new(damaged).map(|f| f.place("200.1.2.3".parse().unwrap()));
        }
        assert!(Mmdb::new(Vec::new()).is_err());
    }
}
