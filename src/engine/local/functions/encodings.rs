//! Text and bytes in other notations: base64, percent encoding, compression, code points, punycode.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};

use flate2::{Compression, GzBuilder, read, write};

use super::dynamic::write_list;
use super::{Call, Eval, punycode};
use crate::engine::local::column::{Result, Vector};
use crate::event::json;
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "url_encode" => |c| map(c, |t, out| percent_encode(out, t, "+")),
        "url_encode_component" => |c| map(c, |t, out| percent_encode(out, t, "%20")),
        "url_decode" => |c| map(c, |t, out| out.push_str(&percent_decoded(t))),
        "base64_encode_tostring" => |c| map(c, |t, out| base64_encode(out, t.as_bytes())),
        "base64_decode_tostring" => |c| {
            map(c, |t, out| {
                if let Some(text) = base64_decode(t).and_then(|b| String::from_utf8(b).ok()) {
                    out.push_str(&text);
                }
            })
        },
        "base64_decode_toarray" => |c| {
            let t = c.texts(0)?;
            Ok(c.write_texts(|i, out| {
                let Some(bytes) = base64_decode(t.text(i)) else { return false };
                write_numbers(out, bytes.into_iter().map(u32::from));
                true
            }))
        },
        "base64_decode_toguid" => |c| {
            let t = c.texts(0)?;
            Ok(c.give_texts(|i| guid_of_bytes(&base64_decode(t.text(i))?)))
        },
        "base64_encode_fromarray" => |c| {
            let t = c.texts(0)?;
            Ok(c.write_texts(|i, out| {
                if let Some(bytes) = bytes_of_array(t.text(i)) {
                    base64_encode(out, &bytes);
                }
                true
            }))
        },
        "base64_encode_fromguid" => |c| {
            let t = c.texts(0)?;
            Ok(c.write_texts(|i, out| {
                if let Some(bytes) = bytes_of_guid(t.text(i)) {
                    base64_encode(out, &bytes);
                }
                true
            }))
        },
        "gzip_compress_to_base64_string" => |c| map(c, |t, out| base64_encode(out, &gzip(t.as_bytes()))),
        "zlib_compress_to_base64_string" => |c| map(c, |t, out| base64_encode(out, &zlib(t.as_bytes()))),
        "gzip_decompress_from_base64_string" => {
            |c| map(c, |t, out| decompress(out, t, |b| Box::new(read::GzDecoder::new(b))))
        }
        "zlib_decompress_from_base64_string" => {
            |c| map(c, |t, out| decompress(out, t, |b| Box::new(read::ZlibDecoder::new(b))))
        }
        "unicode_codepoints_from_string" => |c| {
            let t = c.texts(0)?;
            Ok(c.write_texts(|i, out| {
                write_numbers(out, t.text(i).chars().map(u32::from));
                true
            }))
        },
        "unicode_codepoints_to_string" => codepoints_to_string,
        "punycode_from_string" => |c| map(c, |t, out| punycode::encode(out, t)),
        "punycode_to_string" => |c| map(c, |t, out| out.push_str(&punycode::decode(t).unwrap_or_default())),
        "punycode_domain_to_string" => |c| map(c, punycode::domain_to_ascii),
        "punycode_domain_from_string" => |c| map(c, punycode::domain_from_ascii),
        _ => return None,
    })
}

fn map(call: &Call<'_>, f: impl Fn(&str, &mut String)) -> Result<Vector> {
    let t = call.texts(0)?;
    Ok(call.write_texts(|i, out| {
        f(t.text(i), out);
        true
    }))
}

fn write_numbers(out: &mut String, numbers: impl Iterator<Item = u32>) {
    write_list(out, numbers, |out, n| {
        let written = write!(out, "{n}");
        debug_assert!(written.is_ok());
    });
}

fn percent_encode(out: &mut String, text: &str, blank: &str) {
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(b));
        } else if b == b' ' {
            out.push_str(blank);
        } else {
            let written = write!(out, "%{b:02x}");
            debug_assert!(written.is_ok());
        }
    }
}

/// `%41` as its byte, `+` as a blank.
pub fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(b) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        match (b, hex) {
            (b'%', Some(hex)) => {
                out.push(u8::from_str_radix(hex, 16).unwrap_or(b'%'));
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (b, _) => out.push(*b),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64_encode(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for k in 0..4 {
            out.push(if k <= chunk.len() { char::from(BASE64[(n >> (18 - 6 * k)) as usize & 63]) } else { '=' });
        }
    }
}

/// Bytes of base64 text, padded or not. `None` where it is none.
fn base64_decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_end_matches('=');
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut n = 0u32;
        for b in chunk {
            n = n << 6 | BASE64.iter().position(|c| c == b)? as u32;
        }
        if chunk.len() == 1 {
            return None;
        }
        n <<= 6 * (4 - chunk.len());
        out.extend(&n.to_be_bytes()[1..chunk.len()]);
    }
    Some(out)
}

/// An array of numbers from 0 to 255.
fn bytes_of_array(list: &str) -> Option<Vec<u8>> {
    json::elements(list)?.into_iter().map(|e| e.parse().ok()).collect()
}

/// The order of bytes in a guid's memory: its first three groups lie little-endian.
const GUID_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

fn guid_of_bytes(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let mut out = String::with_capacity(36);
    for (n, at) in GUID_ORDER.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        write!(out, "{:02x}", bytes[*at]).ok()?;
    }
    Some(out)
}

fn bytes_of_guid(guid: &str) -> Option<[u8; 16]> {
    let hex: String = guid.chars().filter(|c| *c != '-').collect();
    let value = u128::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == 32)?.to_be_bytes();
    Some(GUID_ORDER.map(|at| value[at]))
}

/// Bytes that a decompressed text may have.
const LARGEST: u64 = 16 << 20;

/// One stored block where deflating gains nothing: what Kusto's compressor writes for short texts.
fn stored(bytes: &[u8], deflated: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(bytes.len()).ok().filter(|_| deflated.len() >= bytes.len())?;
    let mut block = vec![1];
    block.extend(length.to_le_bytes());
    block.extend((!length).to_le_bytes());
    block.extend(bytes);
    Some(block)
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = write::DeflateEncoder::new(Vec::new(), Compression::default());
    match encoder.write_all(bytes).and_then(|()| encoder.finish()) {
        Ok(all) => stored(bytes, &all).unwrap_or(all),
        // Writing to memory cannot fail.
        Err(_) => Vec::new(),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    const UNKNOWN_SYSTEM: u8 = 255;
    let body = deflated(bytes);
    let encoder = GzBuilder::new().operating_system(UNKNOWN_SYSTEM).write(Vec::new(), Compression::default());
    // The header is what an empty stream begins with.
    let mut out = encoder.finish().unwrap_or_default();
    out.truncate(10);
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    out.extend(body);
    out.extend(sum.sum().to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    const PRIME: u32 = 65_521;
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), b| {
        let low = (low + u32::from(*b)) % PRIME;
        (low, (high + low) % PRIME)
    });
    let mut out = vec![0x78, 0x9C];
    out.extend(deflated(bytes));
    out.extend((high << 16 | low).to_be_bytes());
    out
}

/// Text out of base64 and a compressed stream; nothing where either is broken.
fn decompress<'a>(
    out: &mut String,
    text: &str,
    open: impl Fn(std::io::Cursor<Vec<u8>>) -> Box<dyn std::io::Read + 'a>,
) {
    let Some(bytes) = base64_decode(text) else { return };
    let mut plain = Vec::new();
    if open(std::io::Cursor::new(bytes)).take(LARGEST).read_to_end(&mut plain).is_ok()
        && let Ok(text) = String::from_utf8(plain)
    {
        out.push_str(&text);
    }
}

/// Whole numbers, or arrays of them, as the characters they stand for.
fn codepoints_to_string(call: &Call<'_>) -> Result<Vector> {
    enum Codes<'a> {
        One(super::Whole<'a>),
        List(crate::engine::local::column::Texts<'a>),
    }
    let codes = (0..call.args.len())
        .map(|k| {
            Ok(match call.types[k] {
                Type::Dynamic => Codes::List(call.texts(k)?),
                _ => Codes::One(call.whole(k)?),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let character = |n: i64| u32::try_from(n).ok().and_then(char::from_u32);
    Ok(call.write_texts(|i, out| {
        // One code that stands for no character makes all of it nothing.
        let start = out.len();
        for code in &codes {
            let valid = match code {
                Codes::One(n) => n.get(i).and_then(character).map(|c| out.push(c)).is_some(),
                Codes::List(t) => {
                    let text = t.text(i);
                    let list = json::elements(text).unwrap_or_else(|| vec![text]);
                    list.into_iter().all(|e| e.parse().ok().and_then(character).map(|c| out.push(c)).is_some())
                }
            };
            if !valid {
                out.truncate(start);
                return true;
            }
        }
        true
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_and_its_bytes_are_each_others_inverse() {
        let guid = "10e99626-bc2b-4c75-bb3e-fe606de25700";
        let bytes = bytes_of_guid(guid).unwrap();
        assert_eq!(bytes[..4], [0x26, 0x96, 0xe9, 0x10]);
        assert_eq!(guid_of_bytes(&bytes).as_deref(), Some(guid));
        assert_eq!(guid_of_bytes(&bytes[1..]), None);
    }

    #[test]
    fn compressed_text_comes_back() {
        let long = "vault item group ".repeat(500);
        for text in ["", "a", "1234567890", &long] {
            for (packed, unpacked) in [(gzip(text.as_bytes()), true), (zlib(text.as_bytes()), false)] {
                let mut base64 = String::new();
                base64_encode(&mut base64, &packed);
                let mut out = String::new();
                if unpacked {
                    decompress(&mut out, &base64, |b| Box::new(read::GzDecoder::new(b)));
                } else {
                    decompress(&mut out, &base64, |b| Box::new(read::ZlibDecoder::new(b)));
                }
                assert_eq!(out, text);
            }
        }
        assert!(zlib(long.as_bytes()).len() < 200);
    }

    #[test]
    fn broken_base64_decompresses_to_nothing() {
        let mut out = String::new();
        decompress(&mut out, "H4sI!!", |b| Box::new(read::GzDecoder::new(b)));
        decompress(&mut out, "AAAA", |b| Box::new(read::ZlibDecoder::new(b)));
        assert_eq!(out, "");
    }
}
