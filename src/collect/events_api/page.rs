//! A page's bytes, split into items without re-encoding.
//!
//! A JSON parser would refuse a whole page for one item that is not JSON, or not UTF-8, and the feed would stand still
//! at it for ever. So only the page's own frame is read strictly; an item is whatever stands between the commas, strings and
//! brackets respected. What is wrong inside an item is found when it is decoded, and only that item goes to quarantine.

use bytes::Bytes;

/// A page of a feed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub items: Vec<Bytes>,
    pub cursor: Option<String>,
    pub has_more: bool,
}

/// Why the bytes are no page. Offsets are in bytes from 0.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::collect) enum NotAPage {
    #[error("something else stands where {expected} should, at byte {at}")]
    Expected { expected: &'static str, at: usize },
    #[error("it breaks off")]
    BreaksOff,
    #[error("`{key}` has a value of the wrong kind")]
    WrongKind { key: &'static str },
    #[error("it has no items")]
    NoItems,
}

/// Splits `{"cursor": …, "has_more": …, "items": […]}`. Other keys are passed over; the items share the body's memory.
pub(super) fn split(body: &Bytes) -> Result<Split, NotAPage> {
    let mut page = Split::default();
    page.items = split_object(body, "items", &mut |key, value| {
        match key {
            b"\"cursor\"" => {
                page.cursor = serde_json::from_slice(value).map_err(|_| NotAPage::WrongKind { key: "cursor" })?;
            }
            b"\"has_more\"" => {
                let more: Option<bool> =
                    serde_json::from_slice(value).map_err(|_| NotAPage::WrongKind { key: "has_more" })?;
                page.has_more = more.unwrap_or(false);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(page)
}

/// Takes a key with its quotes, and the bytes of its value.
pub(in crate::collect) type Other<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), NotAPage>;

/// The items of an object that has them as a list under `list`; `other` gets every other key.
pub(in crate::collect) fn split_object(
    body: &Bytes,
    list: &'static str,
    other: Other<'_>,
) -> Result<Vec<Bytes>, NotAPage> {
    let mut items = None;
    let mut frame = Frame { bytes: body, at: 0 };
    frame.expect(b'{', "an object")?;
    if frame.next_is(b'}') {
        return Err(NotAPage::NoItems);
    }
    loop {
        let key = frame.key()?;
        frame.expect(b':', "a colon")?;
        if key.strip_prefix(b"\"").and_then(|k| k.strip_suffix(b"\"")) == Some(list.as_bytes()) {
            frame.items(body, list, items.get_or_insert_default())?;
        } else {
            other(key, frame.value()?)?;
        }
        if frame.next_is(b'}') {
            break;
        }
        frame.expect(b',', "a comma or the end of the object")?;
    }
    frame.end()?;
    items.ok_or(NotAPage::NoItems)
}

/// The items of a body that is a list.
pub(in crate::collect) fn split_list(body: &Bytes) -> Result<Vec<Bytes>, NotAPage> {
    let mut items = Vec::new();
    let mut frame = Frame { bytes: body, at: 0 };
    frame.blanks();
    if frame.at == body.len() {
        return Err(NotAPage::BreaksOff);
    }
    frame.items(body, "the list", &mut items)?;
    frame.end()?;
    Ok(items)
}

struct Frame<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frame<'a> {
    fn blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes this byte if it comes next.
    fn next_is(&mut self, byte: u8) -> bool {
        self.blanks();
        let is = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), NotAPage> {
        if self.next_is(byte) {
            return Ok(());
        }
        if self.at >= self.bytes.len() {
            return Err(NotAPage::BreaksOff);
        }
        Err(NotAPage::Expected { expected, at: self.at })
    }

    /// A key with its quotes.
    fn key(&mut self) -> Result<&'a [u8], NotAPage> {
        self.blanks();
        let start = self.at;
        match self.bytes.get(start) {
            Some(b'"') => self.string()?,
            Some(_) => return Err(NotAPage::Expected { expected: "a key", at: start }),
            None => return Err(NotAPage::BreaksOff),
        }
        Ok(&self.bytes[start..self.at])
    }

    /// Over a string whose opening quote stands here.
    fn string(&mut self) -> Result<(), NotAPage> {
        self.at += 1;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(next) = memchr::memchr2(b'"', b'\\', rest) else { return Err(NotAPage::BreaksOff) };
            self.at += next;
            if self.bytes[self.at] == b'"' {
                self.at += 1;
                return Ok(());
            }
            // The backslash and what it escapes.
            self.at += 2;
        }
    }

    /// Whatever stands up to the comma or bracket that ends it, without blanks around it.
    fn value(&mut self) -> Result<&'a [u8], NotAPage> {
        self.blanks();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(NotAPage::BreaksOff),
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']' | b',') if depth == 0 => break,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
            }
            self.at += 1;
        }
        Ok(self.bytes[start..self.at].trim_ascii_end())
    }

    fn end(&mut self) -> Result<(), NotAPage> {
        self.blanks();
        let done = self.at >= self.bytes.len();
        if done { Ok(()) } else { Err(NotAPage::Expected { expected: "the end", at: self.at }) }
    }

    fn items(&mut self, body: &Bytes, key: &'static str, items: &mut Vec<Bytes>) -> Result<(), NotAPage> {
        self.blanks();
        if !self.next_is(b'[') {
            // A null array is an empty one.
            return if self.value()? == b"null" { Ok(()) } else { Err(NotAPage::WrongKind { key }) };
        }
        if self.next_is(b']') {
            return Ok(());
        }
        loop {
            items.push(body.slice_ref(self.value()?));
            if self.next_is(b']') {
                return Ok(());
            }
            self.expect(b',', "a comma or the end of the items")?;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &[u8]) -> Result<Split, NotAPage> {
        split(&Bytes::copy_from_slice(text))
    }

    fn items(text: &[u8]) -> Vec<Vec<u8>> {
        of(text).unwrap().items.iter().map(|item| item.to_vec()).collect()
    }

    #[test]
    fn items_keep_their_bytes() {
        let page = of(br#" { "cursor":"a\u0062c", "has_more" : true,"new":[{"x":1}], "items":[ {"a": 1.0e+1,"b":"]},{\""} ,{} ] } "#)
            .unwrap();
        assert_eq!(page.cursor.as_deref(), Some("abc"));
        assert!(page.has_more);
        assert_eq!(page.items, [br#"{"a": 1.0e+1,"b":"]},{\""}"#.as_slice(), b"{}"]);
    }

    #[test]
    fn an_item_that_is_no_json_does_not_take_the_page_with_it() {
        let got = items(
            b"{\"items\":[{\"uuid\":\"1\"},{\"uuid\" oops},7,null,{\"n\":\"\xff\"},{\"uuid\":\"2\"}],\"cursor\":\"c\"}",
        );
        let want: [&[u8]; 6] =
            [b"{\"uuid\":\"1\"}", b"{\"uuid\" oops}", b"7", b"null", b"{\"n\":\"\xff\"}", b"{\"uuid\":\"2\"}"];
        assert_eq!(got, want);
    }

    #[test]
    fn an_item_nested_a_hundred_thousand_times_is_one_item() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let page = of(format!("{{\"items\":[{deep},{{}}]}}").as_bytes()).unwrap();
        assert_eq!((page.items.len(), page.items[0].len()), (2, 200_000));
    }

    #[test]
    fn an_empty_page_is_a_page() {
        for text in [r#"{"cursor":"c","has_more":false,"items":[]}"#, r#"{"cursor":"c","has_more":null,"items":null}"#]
        {
            let want = Split { items: vec![], cursor: Some("c".into()), has_more: false };
            assert_eq!(of(text.as_bytes()).unwrap(), want);
        }
        assert_eq!(of(br#"{"items":[]}"#).unwrap().cursor, None);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for text in [
            "",
            " ",
            "404 page not found",
            "[]",
            "{}",
            "{\"cursor\":\"c\"}",
            "{\"items\":{}}",
            "{\"items\":[",
            "{\"items\":[{}",
            "{\"items\":[{}]",
            "{\"items\":[]} x",
            "{\"items\":[],\"cursor\":5}",
            "{\"items\":[],\"has_more\":\"yes\"}",
            "{items:[]}",
            "{\"items\":[\"\\",
            "<html>",
            "null",
        ] {
            assert!(of(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_alone_is_split_as_a_page_is() {
        let list = |text: &[u8]| split_list(&Bytes::copy_from_slice(text));
        assert_eq!(
            list(b" [ {\"a\":1} ,{bad]} ]\n"),
            Err(NotAPage::Expected { expected: "a comma or the end of the items", at: 17 })
        );
        assert_eq!(list(b" [ {\"a\":1} ,7 ]\n").unwrap(), [&b"{\"a\":1}"[..], b"7"]);
        assert_eq!(list(b"[]").unwrap().len(), 0);
        for text in ["", "{}", "null", "[", "[1", "[] x", "404 page not found"] {
            assert!(list(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::sample::select(b"{}[],:\"\\ abn1\xff".to_vec()), 0..60)) {
            let _ = of(&[b"{\"items\":[".as_slice(), &bytes].concat());
            let _ = of(&bytes);
            let _ = split_list(&Bytes::copy_from_slice(&bytes));
        }

        #[test]
        fn what_was_joined_is_split_again(values in proptest::collection::vec("[a-z\\[\\]{},\"\\\\ ]{0,12}", 0..8)) {
            let texts: Vec<String> = values.iter().map(|v| serde_json::json!({ "uuid": v, "list": [v, {}] }).to_string()).collect();
            let page = format!("{{\"has_more\":false,\"items\":[{}],\"cursor\":\"c\"}}", texts.join(" ,\n"));
            prop_assert_eq!(items(page.as_bytes()), texts.iter().map(|t| t.as_bytes().to_vec()).collect::<Vec<_>>());
        }
    }
}
