//! Parts of text, joining, replacing, encodings.

use std::fmt::Write as _;

use super::convert::Cells;
use super::{Call, Eval, dynamic};
use crate::engine::local::column::{Result, Vector};
use crate::event::json;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "strlen" => |c| measure(c, |t| t.chars().count()),
        "string_size" => |c| measure(c, str::len),
        "tolower" => |c| map(c, |t, out| out.extend(t.chars().flat_map(char::to_lowercase))),
        "toupper" => |c| map(c, |t, out| out.extend(t.chars().flat_map(char::to_uppercase))),
        "reverse" => |c| {
            let cells = Cells::of(c.arg(0)?, c.types[0])?;
            let mut text = String::new();
            Ok(c.write_texts(|i, out| {
                text.clear();
                cells.write(i, &mut text);
                out.extend(text.chars().rev());
                true
            }))
        },
        "strcat" => |c| join(c, None, 0),
        "strcat_delim" => |c| join(c, Some(0), 1),
        "strcat_array" => strcat_array,
        "strcmp" => |c| {
            let (a, b) = (c.texts(0)?, c.texts(1)?);
            Ok(c.give_whole(|i| Some(a.text(i).cmp(b.text(i)) as i64)))
        },
        "strrep" => strrep,
        "substring" => substring,
        "split" => split,
        "indexof" => indexof,
        "replace_string" => |c| {
            let (t, what, with) = (c.texts(0)?, c.texts(1)?, c.texts(2)?);
            Ok(c.give_texts(|i| {
                let what = what.text(i);
                Some(if what.is_empty() { t.text(i).to_owned() } else { t.text(i).replace(what, with.text(i)) })
            }))
        },
        "isascii" => |c| {
            let t = c.texts(0)?;
            Ok(c.bools(|i| t.text(i).is_ascii()))
        },
        "translate" => translate,
        "tohex" => tohex,
        "url_encode" => url_encode,
        "url_decode" => |c| map(c, |t, out| out.push_str(&percent_decoded(t, true))),
        "base64_encode_tostring" => |c| map(c, |t, out| base64_encode(out, t.as_bytes())),
        "base64_decode_tostring" => |c| {
            map(c, |t, out| {
                if let Some(text) = base64_decode(t).and_then(|b| String::from_utf8(b).ok()) {
                    out.push_str(&text);
                }
            })
        },
        "parse_url" => |c| map(c, parse_url),
        "parse_urlquery" => |c| {
            map(c, |t, out| {
                out.push_str("{\"Query Parameters\":");
                query_parameters(out, t);
                out.push('}');
            })
        },
        _ => return None,
    })
}

fn measure(call: &Call<'_>, f: impl Fn(&str) -> usize) -> Result<Vector> {
    let t = call.texts(0)?;
    Ok(call.give_longs(|i| Some(f(t.text(i)) as i64)))
}

fn map(call: &Call<'_>, f: impl Fn(&str, &mut String)) -> Result<Vector> {
    let t = call.texts(0)?;
    Ok(call.write_texts(|i, out| {
        f(t.text(i), out);
        true
    }))
}

fn join(call: &Call<'_>, delimiter: Option<usize>, from: usize) -> Result<Vector> {
    let cells = (from..call.args.len()).map(|k| Cells::of(&call.args[k], call.types[k])).collect::<Result<Vec<_>>>()?;
    let delimiter = delimiter.map(|k| call.texts(k)).transpose()?;
    Ok(call.write_texts(|i, out| {
        for (n, cell) in cells.iter().enumerate() {
            if n > 0
                && let Some(d) = &delimiter
            {
                out.push_str(d.text(i));
            }
            cell.write(i, out);
        }
        true
    }))
}

fn strcat_array(call: &Call<'_>) -> Result<Vector> {
    let (a, d) = (call.texts(0)?, call.texts(1)?);
    Ok(call.write_texts(|i, out| {
        for (n, e) in json::elements(a.text(i)).unwrap_or_default().into_iter().enumerate() {
            if n > 0 {
                out.push_str(d.text(i));
            }
            match json::string(e) {
                Some(text) => out.push_str(&text),
                None if e == "null" => {}
                None => out.push_str(e),
            }
        }
        true
    }))
}

fn strrep(call: &Call<'_>) -> Result<Vector> {
    /// Kusto's own bound.
    const MOST: i64 = 1024;
    let (cells, n) = (Cells::of(call.arg(0)?, call.types[0])?, call.whole(1)?);
    let delimiter = if call.args.len() > 2 { Some(call.texts(2)?) } else { None };
    let mut text = String::new();
    Ok(call.write_texts(|i, out| {
        text.clear();
        cells.write(i, &mut text);
        for k in 0..n.get(i).unwrap_or(0).min(MOST) {
            if k > 0
                && let Some(d) = &delimiter
            {
                out.push_str(d.text(i));
            }
            out.push_str(&text);
        }
        true
    }))
}

/// Byte offset of the n-th character; the text's length past its end.
fn offset(text: &str, n: usize) -> usize {
    if text.is_ascii() { n.min(text.len()) } else { text.char_indices().nth(n).map_or(text.len(), |(at, _)| at) }
}

fn substring(call: &Call<'_>) -> Result<Vector> {
    let (t, from) = (call.texts(0)?, call.whole(1)?);
    let length = if call.args.len() > 2 { Some(call.whole(2)?) } else { None };
    Ok(call.give_texts(|i| {
        let text = t.text(i);
        let from = from.get(i).unwrap_or(0);
        let from = if from < 0 { (text.chars().count() as i64).saturating_add(from) } else { from };
        if from < 0 {
            // Before the beginning there is nothing.
            return Some("");
        }
        let rest = &text[offset(text, usize::try_from(from).unwrap_or(usize::MAX))..];
        match length.as_ref().map(|l| l.get(i)) {
            None => Some(rest),
            Some(n) => {
                let n = n.unwrap_or(0);
                // A negative length means to the end, as in Kusto.
                if n < 0 { Some(rest) } else { Some(&rest[..offset(rest, usize::try_from(n).unwrap_or(usize::MAX))]) }
            }
        }
    }))
}

fn split(call: &Call<'_>) -> Result<Vector> {
    let (t, d) = (call.texts(0)?, call.texts(1)?);
    let index = if call.args.len() > 2 { Some(call.whole(2)?) } else { None };
    Ok(call.write_texts(|i, out| {
        let (text, d) = (t.text(i), d.text(i));
        let parts: Vec<&str> = if d.is_empty() { vec![text] } else { text.split(d).collect() };
        let chosen = match &index {
            None => parts.as_slice(),
            Some(n) => {
                let at = n.get(i).unwrap_or(0);
                let at = if at < 0 { parts.len() as i64 + at } else { at };
                match usize::try_from(at).ok().and_then(|at| parts.get(at..=at)) {
                    Some(one) => one,
                    None => return false,
                }
            }
        };
        out.push('[');
        for (n, part) in chosen.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            dynamic::quote(out, part);
        }
        out.push(']');
        true
    }))
}

/// Where the n-th occurrence stands, in characters, within [start, start + length).
fn indexof(call: &Call<'_>) -> Result<Vector> {
    let (cells, what) = (Cells::of(call.arg(0)?, call.types[0])?, Cells::of(call.arg(1)?, call.types[1])?);
    let option = |k: usize| if call.args.len() > k { call.whole(k).map(Some) } else { Ok(None) };
    let (start, length, occurrence) = (option(2)?, option(3)?, option(4)?);
    let (mut text, mut needle) = (String::new(), String::new());
    Ok(call.give_longs(|i| {
        text.clear();
        needle.clear();
        cells.write(i, &mut text);
        what.write(i, &mut needle);
        if needle.is_empty() {
            return None;
        }
        let count = text.chars().count() as i64;
        let from = start.as_ref().and_then(|s| s.get(i)).unwrap_or(0);
        let from = if from < 0 { (count + from).max(0) } else { from };
        let most = length.as_ref().and_then(|l| l.get(i)).unwrap_or(-1);
        let begin = offset(&text, usize::try_from(from).unwrap_or(usize::MAX));
        let rest = &text[begin..];
        let within = if most < 0 { rest } else { &rest[..offset(rest, usize::try_from(most).unwrap_or(usize::MAX))] };
        let nth = occurrence.as_ref().and_then(|o| o.get(i)).unwrap_or(1);
        let (mut left, mut found) = (nth, None);
        if nth <= 0 {
            return if nth == 0 { None } else { Some(-1) };
        }
        super::fold::Needle::exact(&needle).any(within, |at, _| {
            left -= 1;
            if left == 0 {
                found = Some(at);
            }
            left == 0
        });
        Some(found.map_or(-1, |at| from + within[..at].chars().count() as i64))
    }))
}

fn translate(call: &Call<'_>) -> Result<Vector> {
    let (search, with, t) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    Ok(call.write_texts(|i, out| {
        let with: Vec<char> = with.text(i).chars().collect();
        for c in t.text(i).chars() {
            match search.text(i).chars().position(|s| s == c) {
                None => out.push(c),
                Some(at) => out.extend(with.get(at).or(with.last())),
            }
        }
        true
    }))
}

fn tohex(call: &Call<'_>) -> Result<Vector> {
    let n = call.whole(0)?;
    let width = if call.args.len() > 1 { Some(call.whole(1)?) } else { None };
    Ok(call.write_texts(|i, out| {
        let Some(n) = n.get(i) else { return true };
        let width = width.as_ref().and_then(|w| w.get(i)).unwrap_or(0).clamp(0, 64) as usize;
        write!(out, "{n:0width$x}").is_ok()
    }))
}

fn url_encode(call: &Call<'_>) -> Result<Vector> {
    map(call, |text, out| {
        for b in text.bytes() {
            if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') {
                out.push(char::from(b));
            } else if b == b' ' {
                out.push('+');
            } else {
                let written = write!(out, "%{b:02x}");
                debug_assert!(written.is_ok());
            }
        }
    })
}

fn percent_decoded(text: &str, plus: bool) -> String {
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
            (b'+', _) if plus => out.push(b' '),
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
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
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

fn query_parameters(out: &mut String, query: &str) {
    out.push('{');
    let pairs = query.split('&').filter(|p| !p.is_empty());
    for (n, pair) in pairs.enumerate() {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if n > 0 {
            out.push(',');
        }
        dynamic::quote(out, key);
        out.push(':');
        dynamic::quote(out, value);
    }
    out.push('}');
}

fn parse_url(text: &str, out: &mut String) {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let (host, port) = match host.rsplit_once(':') {
        Some((h, p)) if p.bytes().all(|b| b.is_ascii_digit()) => (h, p),
        _ => (host, ""),
    };
    let parts = [
        ("Scheme", scheme),
        ("Host", host),
        ("Port", port),
        ("Path", path),
        ("Username", name),
        ("Password", password),
    ];
    out.push('{');
    for (key, value) in parts {
        dynamic::quote(out, key);
        out.push(':');
        dynamic::quote(out, value);
        out.push(',');
    }
    out.push_str("\"Query Parameters\":");
    query_parameters(out, query);
    out.push_str(",\"Fragment\":");
    dynamic::quote(out, fragment);
    out.push('}');
}
