//! Files of names: what `op vault list`, `item list`, `user list`, `group list --format json` and a Connect server's `/v1/vaults` print, JSON
//! a line, or CSV with the columns `kind,uuid,name`.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use super::{Kind, NewName};
use crate::base::csv::{Csv, CsvError, Record};
use crate::event::json;
use crate::store::StoreError;
use crate::store::import::Places;

/// A larger file is no list of names.
const LARGEST: u64 = 256 << 20;
/// Bytes of a UUID, and of a name.
const LONGEST_UUID: usize = 128;
const LONGEST_NAME: usize = 4_096;

/// A row: its line, and the names in it (an item's tells its vault's too), or why there are none.
pub type Row = (u64, Result<Vec<NewName>, String>);

/// Reads a file. `kind` says what rows are that do not say it themselves.
pub fn names(path: &Path, kind: Option<Kind>, mut each: impl FnMut(Row)) -> Result<(), StoreError> {
    let io = |e| StoreError::io(path, e);
    let wrong = |what: String| StoreError::Input { path: path.into(), what };
    let mut text = Vec::new();
    File::open(path).map_err(io)?.take(LARGEST + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > LARGEST {
        return Err(wrong(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    let text = String::from_utf8(text)
        .map_err(|e| wrong(format!("it is no text: byte {} is not UTF-8", e.utf8_error().valid_up_to())))?;
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with(['[', '{']) {
        return csv(text, kind, &mut each).map_err(wrong);
    }
    if let Some(rows) = json::elements(text.trim()) {
        let mut places = Places::of(text);
        for row in rows {
            each((places.line_of(row), of_json(row, kind)));
        }
    } else if json::valid(text.trim()) {
        each((1, of_json(text.trim(), kind)));
    } else if text.trim_start().starts_with('[') {
        return Err(wrong("it is a list that is no JSON, or breaks off: print it again".to_owned()));
    } else {
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row = if json::valid(line) { of_json(line, kind) } else { Err("the line is no JSON".to_owned()) };
            each((at as u64 + 1, row));
        }
    }
    Ok(())
}

/// An object as `op` prints it. What it is of shows in its keys.
fn of_json(row: &str, kind: Option<Kind>) -> Result<Vec<NewName>, String> {
    if json::kind(row) != Some(json::Kind::Object) {
        return Err("it is no JSON object".to_owned());
    }
    let text = |of: &str, keys: &[&str]| {
        keys.iter().find_map(|key| json::key(of, key).and_then(json::string)).map(String::from).unwrap_or_default()
    };
    let has = |keys: &[&str]| keys.iter().any(|key| json::key(row, key).is_some());
    let said = json::key(row, "kind").and_then(json::string).and_then(|kind| Kind::from_name(&kind));
    let vault = json::key(row, "vault").unwrap_or("{}");
    let found = said
        .or_else(|| has(&["title"]).then_some(Kind::Item))
        .or(kind)
        .or_else(|| has(&["email"]).then_some(Kind::User))
        .or_else(|| {
            has(&["content_version", "contentVersion", "attribute_version", "attributeVersion"]).then_some(Kind::Vault)
        })
        .or_else(|| has(&["description", "state"]).then_some(Kind::Group));
    let Some(kind) = found else {
        return Err("nothing tells what it names: add --kind user, vault, item, group or device".to_owned());
    };
    let vault_uuid = text(vault, &["id", "uuid"]);
    let mut names = vec![checked(NewName {
        kind,
        uuid: text(row, &["id", "uuid"]),
        name: text(row, &["title", "name", "display_name"]),
        email: text(row, &["email"]),
        vault: if kind == Kind::Item { vault_uuid.clone() } else { String::new() },
    })?];
    let vault_name = text(vault, &["name"]);
    if kind == Kind::Item && !vault_uuid.is_empty() && !vault_name.is_empty() {
        let (email, of) = (String::new(), String::new());
        names.push(checked(NewName { kind: Kind::Vault, uuid: vault_uuid, name: vault_name, email, vault: of })?);
    }
    Ok(names)
}

fn checked(name: NewName) -> Result<NewName, String> {
    if name.uuid.is_empty() {
        return Err("it has no uuid: a text under `id` or `uuid`".to_owned());
    }
    if name.name.is_empty() && name.email.is_empty() {
        return Err("it has no name: a text under `name` or `title`".to_owned());
    }
    if name.uuid.len() > LONGEST_UUID || name.name.len().max(name.email.len()) > LONGEST_NAME {
        return Err(format!("its uuid is longer than {LONGEST_UUID} bytes, or its name than {LONGEST_NAME}"));
    }
    Ok(name)
}

/// Rows of CSV under a header that names `uuid` and `name`, and `kind` where `--kind` does not.
fn csv(text: &str, kind: Option<Kind>, each: &mut dyn FnMut(Row)) -> Result<(), String> {
    let mut csv = Csv::new(BufReader::new(text.as_bytes()), b',');
    let mut record = Record::default();
    let no_csv = |e: CsvError| format!("it is no CSV: {e}");
    if !csv.read(&mut record).map_err(no_csv)? {
        return Ok(());
    }
    let header: Vec<String> = record.fields().map(|field| field.trim().to_ascii_lowercase()).collect();
    let column = |names: &[&str]| header.iter().position(|field| names.contains(&field.as_str()));
    let (Some(uuid), Some(name)) = (column(&["uuid", "id"]), column(&["name", "title"])) else {
        return Err("its first line does not name the columns `uuid` and `name`: write `kind,uuid,name`".to_owned());
    };
    let (kinds, email, vault) = (column(&["kind", "type"]), column(&["email"]), column(&["vault", "vault_uuid"]));
    if kinds.is_none() && kind.is_none() {
        return Err("it has no column `kind`: add one, or say with --kind what the rows name".to_owned());
    }
    loop {
        match csv.read(&mut record) {
            Ok(false) => return Ok(()),
            Err(error) => return Err(format!("line {}: it is no CSV: {error}", record.line)),
            Ok(true) => {}
        }
        let field = |at: Option<usize>| at.map_or_else(String::new, |at| record.field(at).trim().to_owned());
        let said = field(kinds);
        let row = match Kind::from_name(&said).or(kind.filter(|_| said.is_empty())) {
            None => Err("its kind is none of user, vault, item, group, device".to_owned()),
            Some(kind) => checked(NewName {
                kind,
                uuid: field(Some(uuid)),
                name: field(Some(name)),
                email: field(email),
                vault: field(vault),
            })
            .map(|name| vec![name]),
        };
        each((record.line, row));
    }
}
