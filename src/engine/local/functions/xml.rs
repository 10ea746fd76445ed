//! `parse_xml`: an element as a bag of its attributes (`@name`), its text (`#text`) and its children; children of one name as an array.
//! What is neither element, attribute nor text is passed over.

use std::borrow::Cow;

use super::dynamic::quote;
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};

/// Kusto reads no more of one value.
const LONGEST: usize = 1 << 20;
/// How deep elements may lie in one another.
const DEEPEST: usize = 128;

pub fn find(name: &str) -> Option<Eval> {
    (name == "parse_xml").then_some(parse_xml as Eval)
}

fn parse_xml(call: &Call<'_>) -> Result<Vector> {
    let t = call.texts(0)?;
    Ok(call.write_texts(|i, out| {
        let text = t.text(i);
        text.len() <= LONGEST && Reader { text, at: 0 }.document(out).is_some()
    }))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// A property of an element and its JSON values, in the order of the text.
type Members<'a> = Vec<(Cow<'a, str>, Vec<String>)>;

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, start: &str) -> bool {
        let found = self.rest().starts_with(start);
        self.at += if found { start.len() } else { 0 };
        found
    }

    /// What stands before `end`, which is passed.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let inside = self.rest().split_once(end)?.0;
        self.at += inside.len() + end.len();
        Some(inside)
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "=/><\"'&".contains(c)).unwrap_or(rest.len());
        self.at += end;
        (end > 0).then(|| &rest[..end])
    }

    /// Comments, processing instructions and declarations.
    fn skipped(&mut self) -> Option<bool> {
        if self.take("<!--") {
            self.until("-->")?;
        } else if self.take("<?") {
            self.until("?>")?;
        } else if self.rest().starts_with("<!") && !self.rest().starts_with("<![CDATA[") {
            self.until(">")?;
        } else {
            return Some(false);
        }
        Some(true)
    }

    fn document(mut self, out: &mut String) -> Option<()> {
        self.take("\u{FEFF}");
        self.outside()?;
        out.push('{');
        let (name, value) = self.element(0)?;
        quote(out, name);
        out.push(':');
        out.push_str(&value);
        out.push('}');
        self.outside()?;
        self.rest().is_empty().then_some(())
    }

    fn outside(&mut self) -> Option<()> {
        self.blanks();
        while self.skipped()? {
            self.blanks();
        }
        Some(())
    }

    /// The name of the element that begins here, and its JSON.
    fn element(&mut self, depth: usize) -> Option<(&'a str, String)> {
        if depth > DEEPEST || !self.take("<") {
            return None;
        }
        let name = self.name()?;
        let mut members: Members<'a> = Vec::new();
        loop {
            self.blanks();
            if self.take("/>") {
                return Some((name, written(members, None)));
            }
            if self.take(">") {
                break;
            }
            let attribute = self.name()?;
            self.blanks();
            if !self.take("=") {
                return None;
            }
            self.blanks();
            let value = if self.take("\"") {
                self.until("\"")?
            } else if self.take("'") {
                self.until("'")?
            } else {
                return None;
            };
            members.push((Cow::Owned(format!("@{attribute}")), vec![json_of(&plain(value)?)]));
        }
        let mut text = String::new();
        let mut text_at = None;
        loop {
            if self.take("</") {
                let end = self.until(">")?;
                return (end.trim_end() == name).then(|| (name, finished(members, &text, text_at)));
            }
            let piece = if self.take("<![CDATA[") {
                Cow::Borrowed(self.until("]]>")?)
            } else if self.skipped()? {
                continue;
            } else if self.rest().starts_with('<') {
                let (child, value) = self.element(depth + 1)?;
                match members.iter_mut().find(|(name, _)| name == child) {
                    Some((_, values)) => values.push(value),
                    None => members.push((Cow::Borrowed(child), vec![value])),
                }
                continue;
            } else {
                let length = self.rest().find('<')?;
                let piece = &self.rest()[..length];
                self.at += length;
                plain(piece)?
            };
            if text_at.is_none() && !piece.trim().is_empty() {
                text_at = Some(members.len());
            }
            text.push_str(&piece);
        }
    }
}

fn finished(mut members: Members<'_>, text: &str, text_at: Option<usize>) -> String {
    let text = text.trim();
    if let Some(at) = text_at
        && !members.is_empty()
    {
        members.insert(at, (Cow::Borrowed("#text"), vec![json_of(text)]));
        return written(members, None);
    }
    written(members, text_at.map(|_| text))
}

fn written(members: Members<'_>, text: Option<&str>) -> String {
    if members.is_empty() {
        return text.map_or_else(|| "null".to_owned(), json_of);
    }
    let mut out = String::from("{");
    for (n, (name, values)) in members.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        quote(&mut out, &name);
        out.push(':');
        match values.as_slice() {
            [one] => out.push_str(one),
            several => {
                out.push('[');
                out.push_str(&several.join(","));
                out.push(']');
            }
        }
    }
    out.push('}');
    out
}

/// Text as Kusto keeps it in a dynamic value: what reads as a JSON number or boolean is one.
fn json_of(text: &str) -> String {
    let number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    if (number || matches!(text, "true" | "false")) && crate::event::json::valid(text) && text.len() < 19 {
        return text.to_owned();
    }
    let mut out = String::new();
    quote(&mut out, text);
    out
}

/// Text with its entities replaced.
fn plain(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('&') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = after.split_once(';')?;
        out.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let code = entity.strip_prefix('#')?;
                let code = match code.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => code.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Option<String> {
        let mut out = String::new();
        Reader { text, at: 0 }.document(&mut out).map(|()| out)
    }

    #[test]
    fn elements_attributes_and_text_have_their_places() {
        for (xml, want) in [
            ("<e/>", r#"{"e":null}"#),
            ("<e>vault</e>", r#"{"e":"vault"}"#),
            ("<e id='7' />", r#"{"e":{"@id":7}}"#),
            ("<e id=\"a\">vault</e>", r##"{"e":{"@id":"a","#text":"vault"}}"##),
            ("<e> <a>1.50</a> <b>x</b> </e>", r#"{"e":{"a":1.50,"b":"x"}}"#),
            ("<e><a>x</a><a>y</a></e>", r#"{"e":{"a":["x","y"]}}"#),
            ("<e> hi <a>x</a></e>", r##"{"e":{"#text":"hi","a":"x"}}"##),
        ] {
            assert_eq!(json(xml).as_deref(), Some(want), "{xml}");
        }
    }

    #[test]
    fn what_is_no_element_is_passed_over() {
        let xml = "<?xml version=\"1.0\"?><!-- c --><!DOCTYPE e><e><!-- d --><![CDATA[a<b]]>&amp;&#65;</e>\n";
        assert_eq!(json(xml).as_deref(), Some(r#"{"e":"a<b&A"}"#));
    }

    #[test]
    fn broken_markup_is_nothing() {
        for xml in ["", "x", "<e>", "<e></f>", "<e a=1/>", "<e>&nope;</e>", "<e/><f/>", "<e a='1'"] {
            assert_eq!(json(xml), None, "{xml}");
        }
        let deep = "<a>".repeat(100_000);
        assert_eq!(json(&deep), None);
    }
}
