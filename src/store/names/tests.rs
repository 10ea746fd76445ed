use bytes::Bytes;

use super::read::names;
use super::*;
use crate::event::{Feed, Source};
use crate::store::{Page, Writer};

fn file(text: &str, kind: Option<Kind>) -> Vec<read::Row> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("names");
    std::fs::write(&path, text).unwrap();
    let mut rows = Vec::new();
    names(&path, kind, |row| rows.push(row)).unwrap();
    rows
}

fn short(rows: Vec<read::Row>) -> Vec<String> {
    let names = |row: read::Row| match row {
        (_, Ok(names)) => names.into_iter().map(|n| format!("{} {} {} {}", n.kind, n.uuid, n.name, n.email)).collect(),
        (line, Err(why)) => vec![format!("{line}: {}", why.split([':', ',']).next().unwrap())],
    };
    rows.into_iter().flat_map(names).map(|text: String| text.trim_end().to_owned()).collect()
}

#[test]
fn lists_of_op_are_told_by_their_keys() {
    let vaults = r#"[{"id":"v1","name":"Payroll","content_version":7},
        {"id":"v2","name":"Break glass","content_version":1}]"#;
    assert_eq!(short(file(vaults, None)), ["vault v1 Payroll", "vault v2 Break glass"]);
    let items = r#"[{"id":"i1","title":"Root","version":1,"vault":{"id":"v1","name":"Payroll"},"category":"LOGIN"}]"#;
    assert_eq!(short(file(items, None)), ["item i1 Root", "vault v1 Payroll"]);
    let users = r#"[{"id":"U1","name":"Ann","email":"ann@example.com","type":"MEMBER","state":"ACTIVE"}]"#;
    assert_eq!(short(file(users, None)), ["user U1 Ann ann@example.com"]);
    let groups = r#"[{"id":"g1","name":"Owners","description":"all","state":"ACTIVE"}]"#;
    assert_eq!(short(file(groups, None)), ["group g1 Owners"]);
    let one = "{\n \"id\": \"d1\", \"name\": \"Laptop\" }";
    assert_eq!(short(file(one, Some(Kind::Device))), ["device d1 Laptop"]);
    assert_eq!(
        short(file("{\"id\":\"g\",\"name\":\"G\",\"kind\":\"group\"}\nno\n", None)),
        ["group g G", "2: the line is no JSON"]
    );
}

#[test]
fn csv_has_its_columns_in_any_order_and_bad_rows_their_line() {
    let text = "uuid,Kind,name\nv1,vault,\"Pay, roll\"\nx,planet,Mars\n,item,No uuid\ni1,item,\n";
    let rows = short(file(text, None));
    assert_eq!(rows, ["vault v1 Pay, roll", "3: its kind is none of user", "4: it has no uuid", "5: it has no name"]);
    assert_eq!(short(file("id,title\ni1,Root\n", Some(Kind::Item))), ["item i1 Root"]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.csv");
    for (text, says) in [("a,b\n", "kind,uuid,name"), ("uuid,name\na,b\n", "--kind"), ("[{\"id\":", "breaks off")] {
        std::fs::write(&path, text).unwrap();
        let error = names(&path, None, |_| ()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

fn put(writer: &Writer, items: &[&str]) {
    let items = items.iter().map(|item| Bytes::copy_from_slice(item.as_bytes())).collect();
    let page = Page::new("ACC".into(), Feed::AuditEvents, Source::Import, Ticks(9), items);
    assert_eq!(writer.handle().commit_blocking(page).unwrap().quarantined, 0);
}

fn learned(dir: &std::path::Path) -> Vec<String> {
    let names = Reader::open(dir).unwrap().learned_names().unwrap();
    let mut names: Vec<String> =
        names.iter().map(|n| format!("{} {} {} {}", n.kind, n.uuid, n.name, n.email).trim_end().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn events_teach_who_their_people_are_and_the_newest_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let actor = |id: u32, day: u32, name: &str| {
        format!(
            r#"{{"uuid":"E{id}","timestamp":"2026-01-{day:02}T00:00:00Z","action":"suspend","object_type":"user","object_uuid":"B",
            "actor_details":{{"uuid":"A","name":"{name}","email":"a@example.com"}},"object_details":{{"uuid":"B","name":"Bo"}}}}"#
        )
    };
    let writer = Writer::open(dir.path()).unwrap();
    put(&writer, &[&actor(1, 5, "Ann"), &actor(2, 6, "Ann Lee")]);
    assert_eq!(learned(dir.path()), ["user A Ann Lee a@example.com", "user B Bo"]);
    // An older one that comes late changes nothing, whether the writer remembers or is another.
    put(&writer, &[&actor(3, 4, "Anna")]);
    drop(writer);
    let writer = Writer::open(dir.path()).unwrap();
    put(&writer, &[&actor(4, 3, "Anna")]);
    assert_eq!(learned(dir.path()), ["user A Ann Lee a@example.com", "user B Bo"]);
    put(&writer, &[&actor(5, 9, "Ann Q"), r#"{"uuid":"E6","actor_details":{"uuid":"","name":"nobody"}}"#]);
    assert_eq!(learned(dir.path()), ["user A Ann Q a@example.com", "user B Bo"]);
}

#[test]
fn an_imported_name_stands_and_the_learned_one_stays_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    put(&writer, &[r#"{"uuid":"E","actor_details":{"uuid":"A","name":"Ann","email":"a@example.com"}}"#]);
    let workspace = Workspace::open(dir.path()).unwrap();
    let new = |kind, uuid: &str, name: &str| NewName {
        kind,
        uuid: uuid.into(),
        name: name.into(),
        email: String::new(),
        vault: String::new(),
    };
    let list = [new(Kind::User, "A", "Ann (on call)"), new(Kind::Vault, "v", "Payroll")];
    assert_eq!(workspace.import_names(&list, Ticks(5)).unwrap(), Kept { new: 2, changed: 0, same: 0 });
    let again = [list[0].clone(), new(Kind::Vault, "v", "Wages")];
    assert_eq!(workspace.import_names(&again, Ticks(6)).unwrap(), Kept { new: 0, changed: 1, same: 1 });
    let reader = Reader::open(dir.path()).unwrap();
    let directory = Directory::read(Some(&reader), Some(&workspace)).unwrap();
    assert_eq!(directory.name("A").map(Name::label), Some("Ann (on call)"));
    assert_eq!(directory.name("v").map(Name::label), Some("Wages"));
    assert_eq!(directory.name("x"), None);
    let beside: Vec<_> = directory.all().iter().filter(|n| &*n.uuid == "A").map(|n| (n.origin, n.stands)).collect();
    assert_eq!(beside, [(Origin::Learned, false), (Origin::Imported, true)]);
    assert_eq!(workspace.forget_names(Some("A"), None).unwrap(), 1);
    assert_eq!(workspace.forget_names(None, Some(Kind::Item)).unwrap(), 0);
    let directory = Directory::read(Some(&reader), Some(&workspace)).unwrap();
    assert_eq!(directory.name("A").map(Name::label), Some("Ann"));
    assert_eq!(workspace.forget_names(None, None).unwrap(), 1);
}
