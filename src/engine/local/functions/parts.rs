//! Structure inside text: a record of CSV, a file's path, a version, a command line, the parts of a URL.

use std::borrow::Cow;

use super::bags::write_bag;
use super::dynamic::{quote, write_list};
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector, decimals};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "parse_csv" => |c| lists(c, csv_record),
        "parse_command_line" => |c| lists(c, command_line),
        "parse_path" => |c| map(c, parse_path),
        "parse_url" => |c| map(c, parse_url),
        "parse_urlquery" => |c| {
            map(c, |t, out| {
                out.push_str("{\"Query Parameters\":");
                query_parameters(out, t.strip_prefix('?').unwrap_or(t));
                out.push('}');
            })
        },
        "parse_version" => |c| {
            let t = c.texts(0)?;
            Ok(Vector::Array(decimals((0..c.rows).map(|i| version(t.text(i))))))
        },
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

fn lists(call: &Call<'_>, f: impl Fn(&str) -> Vec<String>) -> Result<Vector> {
    let t = call.texts(0)?;
    Ok(call.write_texts(|i, out| {
        write_list(out, f(t.text(i)).iter(), |out, part| quote(out, part));
        true
    }))
}

/// The fields of the first record; a quote inside a quoted field stands twice.
fn csv_record(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        let Some(field) = fields.last_mut() else { break };
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(String::new()),
            '\n' if !quoted => break,
            '\r' if !quoted && matches!(chars.peek(), None | Some('\n')) => break,
            c => field.push(c),
        }
    }
    fields
}

/// The arguments as Windows divides a command line: backslashes escape only where they stand before a quote, and not in the program's name.
fn command_line(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let blank = |c: char| c == ' ' || c == '\t';
    let text = text.trim_start_matches(blank);
    if text.is_empty() {
        return all;
    }
    let (program, rest) = match text.strip_prefix('"') {
        Some(inside) => inside.split_once('"').unwrap_or((inside, "")),
        None => text.split_at(text.find(blank).unwrap_or(text.len())),
    };
    all.push(program.to_owned());
    let mut chars = rest.trim_start_matches(blank).chars().peekable();
    while chars.peek().is_some() {
        let (mut argument, mut quoted) = (String::new(), false);
        while let Some(c) = chars.next_if(|c| quoted || !blank(*c)) {
            match c {
                '\\' => {
                    let mut slashes = 1;
                    while chars.next_if_eq(&'\\').is_some() {
                        slashes += 1;
                    }
                    let before_quote = chars.peek() == Some(&'"');
                    argument.extend(std::iter::repeat_n('\\', if before_quote { slashes / 2 } else { slashes }));
                    if before_quote && slashes % 2 == 1 {
                        chars.next();
                        argument.push('"');
                    }
                }
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    argument.push('"');
                }
                '"' => quoted = !quoted,
                c => argument.push(c),
            }
        }
        all.push(argument);
        while chars.next_if(|c| blank(*c)).is_some() {}
    }
    all
}

/// A bag of texts, in the order given.
pub fn write_texts_bag<T: AsRef<str>>(out: &mut String, parts: &[(&str, T)]) {
    let quoted: Vec<String> = parts
        .iter()
        .map(|(_, value)| {
            let mut text = String::new();
            quote(&mut text, value.as_ref());
            text
        })
        .collect();
    write_bag(out, parts.iter().zip(&quoted).map(|((key, _), value)| (Cow::Borrowed(*key), value.as_str())));
}

/// A path of either system: scheme, root (a drive), directory, file, extension and alternate data stream.
fn parse_path(path: &str, out: &mut String) {
    let (scheme, rest) = path.split_once("://").unwrap_or(("", path));
    let rest = rest.strip_prefix(r"\\?\").unwrap_or(rest);
    let slash = |c: char| c == '/' || c == '\\';
    let drive = rest.len() > 1 && rest.as_bytes()[0].is_ascii_alphabetic() && rest.as_bytes()[1] == b':';
    let root = if drive { &rest[..2] } else { "" };
    let (directory, file) = match rest.rfind(slash) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => ("", rest),
    };
    let (file, stream) = file.split_once(':').filter(|_| !(drive && directory.is_empty())).unwrap_or((file, ""));
    let name = directory.rfind(slash).map_or(directory, |at| &directory[at + 1..]);
    let extension = file.rfind('.').map_or("", |at| &file[at + 1..]);
    write_texts_bag(
        out,
        &[
            ("Scheme", scheme),
            ("RootPath", root),
            ("DirectoryPath", directory),
            ("DirectoryName", name),
            ("Filename", file),
            ("Extension", extension),
            ("AlternateDataStreamName", stream),
        ],
    );
}

/// One to four parts of up to eight digits, each worth 10^8 of the next. Kusto's number has 32 digits before the point, more than a decimal has here:
/// ours is that number divided by 10^18, which compares the same.
fn version(text: &str) -> Option<i128> {
    let parts: Vec<_> = text.trim().split('.').collect();
    if parts.len() > 4 {
        return None;
    }
    (0..4).try_fold(0, |number, n| {
        let part = parts.get(n).copied().unwrap_or("0");
        let valid = (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if valid { Some(number * 100_000_000 + part.parse::<i128>().ok()?) } else { None }
    })
}

fn query_parameters(out: &mut String, query: &str) {
    let pairs: Vec<(&str, &str)> =
        query.split('&').filter(|p| !p.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    write_texts_bag(out, &pairs);
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
    let mut head = String::new();
    write_texts_bag(
        &mut head,
        &[
            ("Scheme", scheme),
            ("Host", host),
            ("Port", port),
            ("Path", path),
            ("Username", name),
            ("Password", password),
        ],
    );
    out.push_str(head.trim_end_matches('}'));
    out.push_str(",\"Query Parameters\":");
    query_parameters(out, query);
    out.push_str(",\"Fragment\":");
    quote(out, fragment);
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_record_ends_where_its_line_ends() {
        assert_eq!(csv_record("a,\"b,\"\"c\"\"\nd\",e\r\nnext"), ["a", "b,\"c\"\nd", "e"]);
        assert_eq!(csv_record("a,,"), ["a", "", ""]);
        assert_eq!(csv_record(""), [""]);
    }

    #[test]
    fn backslashes_escape_only_before_a_quote() {
        let line = r#""C:\Program Files\op.exe" read op:\\x "two words" \"q\" a\\"b c" """#;
        assert_eq!(
            command_line(line),
            [r"C:\Program Files\op.exe", "read", r"op:\\x", "two words", "\"q\"", r"a\b c", ""]
        );
        assert!(command_line("  ").is_empty());
    }

    #[test]
    fn a_path_is_taken_apart() {
        let parts = |path: &str| {
            let mut out = String::new();
            parse_path(path, &mut out);
            out
        };
        assert!(parts(r"D:\x\notes.md").starts_with(r#"{"Scheme":"","RootPath":"D:","DirectoryPath":"D:\\x""#));
        assert!(
            parts("/etc/passwd")
                .contains(r#""DirectoryPath":"/etc","DirectoryName":"etc","Filename":"passwd","Extension":"""#)
        );
        assert!(
            parts("a.txt:hidden")
                .contains(r#""Filename":"a.txt","Extension":"txt","AlternateDataStreamName":"hidden""#)
        );
    }

    #[test]
    fn a_version_has_four_parts_at_most() {
        assert_eq!(version("0.0.1.12"), Some(100_000_012));
        assert_eq!(version("0.0.2"), version("0.0.2.0"));
        assert!(version("8.10.40") > version("8.9.99"));
        assert_eq!(version("1.2.3.4.5"), None);
        assert_eq!(version("1.x"), None);
        assert_eq!(version(""), None);
        assert_eq!(version("0.0.0.123456789"), None);
    }

    #[test]
    fn a_url_is_taken_apart() {
        let mut out = String::new();
        parse_url("https://ada:pw@start.example:8443/app/v?a=1&b=#top", &mut out);
        let want = r#"{"Scheme":"https","Host":"start.example","Port":"8443","Path":"/app/v","Username":"ada","Password":"pw","Query Parameters":{"a":"1","b":""},"Fragment":"top"}"#;
        assert_eq!(out, want);
    }
}
