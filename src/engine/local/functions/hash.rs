//! Hashes and chance.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::convert::Cells;
use super::{Call, Eval, Whole, digest};
use crate::engine::local::column::{Result, Vector};
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "hash" | "hash_xxhash64" => hash,
        "hash_combine" => |c| {
            let all = (0..c.args.len()).map(|k| c.whole(k)).collect::<Result<Vec<_>>>()?;
            Ok(c.give_longs(|i| all.iter().map(|h| h.get(i)).reduce(|a, b| Some(combined(a?, b?))).flatten()))
        },
        "hash_many" => |c| {
            let all = (0..c.args.len()).map(|k| Hashed::of(c, k)).collect::<Result<Vec<_>>>()?;
            let mut text = String::new();
            Ok(c.give_longs(|i| {
                all.iter().map(|h| h.get(i, &mut text)).reduce(|a, b| Some(combined(a?, b?))).flatten()
            }))
        },
        "hash_sha256" => |c| digest(c, |bytes| Sha256::digest(bytes).to_vec()),
        "hash_sha1" => |c| digest(c, |bytes| digest::sha1(bytes).to_vec()),
        "hash_md5" => |c| digest(c, |bytes| digest::md5(bytes).to_vec()),
        _ => return None,
    })
}

/// Those that differ from row to row.
pub fn find_per_row(name: &str) -> Option<Eval> {
    Some(match name {
        "rand" => rand,
        // Rows of no table never arrived; those of a table have the call replaced by a column (`arrival`).
        "ingestion_time" => |c| Ok(c.give_longs(|_| None)),
        "new_guid" => |c| Ok(c.give_texts(|_| Some(new_guid()))),
        _ => return None,
    })
}

/// The hash of a value's text, in hexadecimal.
fn digest(call: &Call<'_>, f: impl Fn(&[u8]) -> Vec<u8>) -> Result<Vector> {
    let cells = Cells::of(call.arg(0)?, call.types[0])?;
    let mut text = String::new();
    Ok(call.write_texts(|i, out| {
        text.clear();
        cells.write(i, &mut text);
        for b in f(text.as_bytes()) {
            let written = write!(out, "{b:02x}");
            debug_assert!(written.is_ok());
        }
        true
    }))
}

/// An argument to be hashed: whole numbers and times by their eight bytes, anything else by its text.
#[derive(Debug)]
pub struct Hashed<'a> {
    numbers: Option<Whole<'a>>,
    cells: Cells<'a>,
}

impl<'a> Hashed<'a> {
    pub fn of(call: &Call<'a>, n: usize) -> Result<Self> {
        let ty = call.types[n];
        let numbers = match ty {
            Type::Int | Type::Long | Type::DateTime | Type::TimeSpan => Some(call.whole(n)?),
            _ => None,
        };
        Ok(Self { numbers, cells: Cells::of(call.arg(n)?, ty)? })
    }

    pub fn get(&self, row: usize, text: &mut String) -> Option<i64> {
        let hash = if let Some(n) = &self.numbers {
            xxh64(&n.get(row)?.to_le_bytes())
        } else {
            text.clear();
            self.cells.write(row, text);
            xxh64(text.as_bytes())
        };
        Some(hash as i64)
    }
}

/// Two hashes as one; which is the same in every query here, but not Kusto's number, whose rule is not published and may change.
fn combined(a: i64, b: i64) -> i64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&a.to_le_bytes());
    bytes[8..].copy_from_slice(&b.to_le_bytes());
    xxh64(&bytes) as i64
}

fn hash(call: &Call<'_>) -> Result<Vector> {
    let value = Hashed::of(call, 0)?;
    let modulo = if call.args.len() > 1 { Some(call.whole(1)?) } else { None };
    let mut text = String::new();
    Ok(call.give_longs(|i| {
        let h = value.get(i, &mut text)?;
        match &modulo {
            None => Some(h),
            Some(m) => m.get(i).filter(|m| *m != 0).map(|m| h.rem_euclid(m)),
        }
    }))
}

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

fn round(acc: u64, lane: u64) -> u64 {
    acc.wrapping_add(lane.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// xxHash64 with seed 0.
pub fn xxh64(bytes: &[u8]) -> u64 {
    let mut rest = bytes;
    let mut h = if bytes.len() >= 32 {
        let mut v = [P1.wrapping_add(P2), P2, 0, 0_u64.wrapping_sub(P1)];
        while rest.len() >= 32 {
            for (lane, chunk) in v.iter_mut().zip(rest[..32].chunks_exact(8)) {
                *lane = round(*lane, word(chunk));
            }
            rest = &rest[32..];
        }
        let mut h = v[0]
            .rotate_left(1)
            .wrapping_add(v[1].rotate_left(7))
            .wrapping_add(v[2].rotate_left(12))
            .wrapping_add(v[3].rotate_left(18));
        for lane in v {
            h = (h ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4);
        }
        h
    } else {
        P5
    };
    h = h.wrapping_add(bytes.len() as u64);
    while rest.len() >= 8 {
        h = (h ^ round(0, word(&rest[..8]))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
        rest = &rest[8..];
    }
    if rest.len() >= 4 {
        h = (h ^ word(&rest[..4]).wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
        rest = &rest[4..];
    }
    for b in rest {
        h = (h ^ u64::from(*b).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    h = (h ^ (h >> 33)).wrapping_mul(P2);
    h = (h ^ (h >> 29)).wrapping_mul(P3);
    h ^ (h >> 32)
}

fn rand(call: &Call<'_>) -> Result<Vector> {
    let below = if call.args.is_empty() { None } else { Some(call.whole(0)?) };
    Ok(call.give_reals(|i| {
        Some(match below.as_ref().and_then(|b| b.get(i)).filter(|b| *b > 1) {
            None => fastrand::f64(),
            Some(b) => fastrand::i64(0..b) as f64,
        })
    }))
}

/// A random guid, version 4.
fn new_guid() -> String {
    let n = fastrand::u128(..) & !(0xF000 << 64) & !(0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48;
    let h = format!("{n:032x}");
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xxhash_gives_its_published_values() {
        assert_eq!(xxh64(b""), 0xEF46_DB37_51D8_E999);
        assert_eq!(xxh64(b"abc"), 0x44BC_2CF5_AD77_0999);
    }
}
