//! Hashes and chance.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::convert::Cells;
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "hash" => hash,
        "hash_sha256" => |c| {
            let cells = Cells::of(c.arg(0)?, c.types[0])?;
            let mut text = String::new();
            Ok(c.write_texts(|i, out| {
                text.clear();
                cells.write(i, &mut text);
                Sha256::digest(text.as_bytes()).iter().for_each(|b| {
                    let written = write!(out, "{b:02x}");
                    debug_assert!(written.is_ok());
                });
                true
            }))
        },
        "geo_distance_2points" => geo_distance,
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

fn hash(call: &Call<'_>) -> Result<Vector> {
    let ty = call.types[0];
    let cells = Cells::of(call.arg(0)?, ty)?;
    let modulo = if call.args.len() > 1 { Some(call.whole(1)?) } else { None };
    let numbers = match ty {
        Type::Int | Type::Long | Type::DateTime | Type::TimeSpan => Some(call.whole(0)?),
        _ => None,
    };
    let mut text = String::new();
    Ok(call.give_longs(|i| {
        let h = if let Some(n) = &numbers {
            xxh64(&n.get(i)?.to_le_bytes())
        } else {
            text.clear();
            cells.write(i, &mut text);
            xxh64(text.as_bytes())
        } as i64;
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
fn xxh64(bytes: &[u8]) -> u64 {
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

/// On a sphere of the earth's mean radius; null where a place is none.
fn geo_distance(call: &Call<'_>) -> Result<Vector> {
    const RADIUS: f64 = 6_371_008.8;
    let n = (0..4).map(|k| call.number(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.give_reals(|i| {
        let (x1, y1, x2, y2) = (n[0].get(i)?, n[1].get(i)?, n[2].get(i)?, n[3].get(i)?);
        let place = |x: f64, y: f64| (-180.0..=180.0).contains(&x) && (-90.0..=90.0).contains(&y);
        if !place(x1, y1) || !place(x2, y2) {
            return None;
        }
        let (a, b) = (y1.to_radians(), y2.to_radians());
        let half = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * ((x2 - x1).to_radians() / 2.0).sin().powi(2);
        Some(2.0 * RADIUS * half.sqrt().min(1.0).asin())
    }))
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
