//! Punycode (RFC 3492), of single labels and of domain names.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_CODE: u32 = 128;
/// What a label in punycode begins with inside a domain name.
const PREFIX: &str = "xn--";

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

fn threshold(k: u32, bias: u32) -> u32 {
    k.saturating_sub(bias).clamp(T_MIN, T_MAX)
}

fn digit(n: u32) -> char {
    char::from(if n < 26 { b'a' + n as u8 } else { b'0' + (n - 26) as u8 })
}

/// Writes a label's ASCII characters, and behind them where the others stand. What is too long for the counters is left out.
pub fn encode(out: &mut String, text: &str) {
    let start = out.len();
    if write(out, text).is_none() {
        out.truncate(start);
    }
}

fn write(out: &mut String, text: &str) -> Option<()> {
    let codes: Vec<u32> = text.chars().map(u32::from).collect();
    out.extend(text.chars().filter(char::is_ascii));
    let basic = codes.iter().filter(|c| **c < FIRST_CODE).count() as u32;
    if basic > 0 {
        out.push('-');
    }
    let (mut code, mut delta, mut bias, mut handled) = (FIRST_CODE, 0_u32, FIRST_BIAS, basic);
    while (handled as usize) < codes.len() {
        let next = *codes.iter().filter(|c| **c >= code).min()?;
        delta = delta.checked_add((next - code).checked_mul(handled + 1)?)?;
        code = next;
        for c in &codes {
            if *c < code {
                delta = delta.checked_add(1)?;
            }
            if *c != code {
                continue;
            }
            let (mut rest, mut k) = (delta, BASE);
            loop {
                let t = threshold(k, bias);
                if rest < t {
                    break;
                }
                out.push(digit(t + (rest - t) % (BASE - t)));
                rest = (rest - t) / (BASE - t);
                k += BASE;
            }
            out.push(digit(rest));
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            handled += 1;
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(())
}

/// The label of a punycode text; `None` where it is none.
pub fn decode(text: &str) -> Option<String> {
    let (basic, rest) = text.rsplit_once('-').unwrap_or(("", text));
    if !basic.is_ascii() {
        return None;
    }
    let mut out: Vec<char> = basic.chars().collect();
    let (mut code, mut at, mut bias) = (FIRST_CODE, 0_u32, FIRST_BIAS);
    let mut digits = rest.bytes().peekable();
    while digits.peek().is_some() {
        let (before, mut weight, mut k) = (at, 1_u32, BASE);
        loop {
            let value = match digits.next()? {
                b @ b'a'..=b'z' => u32::from(b - b'a'),
                b @ b'A'..=b'Z' => u32::from(b - b'A'),
                b @ b'0'..=b'9' => u32::from(b - b'0') + 26,
                _ => return None,
            };
            at = at.checked_add(value.checked_mul(weight)?)?;
            let t = threshold(k, bias);
            if value < t {
                break;
            }
            weight = weight.checked_mul(BASE - t)?;
            k += BASE;
        }
        let points = out.len() as u32 + 1;
        bias = adapt(at - before, points, before == 0);
        code = code.checked_add(at / points)?;
        at %= points;
        out.insert(at as usize, char::from_u32(code)?);
        at += 1;
    }
    Some(out.into_iter().collect())
}

/// A domain name, label by label; the full stops of other scripts divide labels too.
pub fn domain_to_ascii(domain: &str, out: &mut String) {
    for (n, label) in domain.split(['.', '\u{3002}', '\u{FF0E}', '\u{FF61}']).enumerate() {
        if n > 0 {
            out.push('.');
        }
        if label.is_ascii() {
            out.push_str(label);
        } else {
            out.push_str(PREFIX);
            encode(out, label);
        }
    }
}

/// The domain name that an encoded one stands for; nothing where a label is broken.
pub fn domain_from_ascii(domain: &str, out: &mut String) {
    let label = |label: &str| match label.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => decode(&label[PREFIX.len()..]),
        _ => Some(label.to_owned()),
    };
    if let Some(labels) = domain.split('.').map(label).collect::<Option<Vec<_>>>() {
        out.push_str(&labels.join("."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_back_from_punycode() {
        for text in ["bücher", "münchen-ost", "日本語", "plain", "", "ñ", "a\u{10FFFF}b"] {
            let mut encoded = String::new();
            encode(&mut encoded, text);
            assert!(encoded.is_ascii());
            assert_eq!(decode(&encoded).as_deref(), Some(text), "{encoded}");
        }
        let mut encoded = String::new();
        encode(&mut encoded, "bücher");
        assert_eq!(encoded, "bcher-kva");
    }

    #[test]
    fn only_labels_beyond_ascii_are_encoded() {
        let mut out = String::new();
        domain_to_ascii("shop.bücher。example", &mut out);
        assert_eq!(out, "shop.xn--bcher-kva.example");
        let mut back = String::new();
        domain_from_ascii(&out, &mut back);
        assert_eq!(back, "shop.bücher.example");
    }

    #[test]
    fn broken_punycode_is_nothing() {
        assert_eq!(decode("!!!"), None);
        assert_eq!(decode("99999999"), None);
        let mut out = String::new();
        domain_from_ascii("xn--!!!.com", &mut out);
        assert_eq!(out, "");
    }
}
