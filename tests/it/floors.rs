//! A room uses rooms on lower floors only (ARCHITECTURE.md). The `use` trees and the paths of `src/` are read as text, comments
//! and strings cut out, and every `crate::room` is held against the table.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms and their floors. `demo` stands beside the house: it may use everything below `cli`, only `cli` and
/// tests may use it.
const FLOORS: &[(&str, u8)] = &[
    ("cli", 7),
    ("console", 6),
    ("collect", 5),
    ("hunt", 5),
    ("engine", 4),
    ("store", 3),
    ("kql", 2),
    ("event", 1),
    ("base", 0),
];

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// May code in `from` name `to`? Rooms on one floor stay apart.
fn allowed(from: &str, to: &str) -> bool {
    match (from, to) {
        (a, b) if a == b => true,
        (_, "demo") => from == "cli",
        ("demo", to) => floor(to).is_some_and(|f| f < 6),
        (from, to) => matches!((floor(from), floor(to)), (Some(a), Some(b)) if a > b),
    }
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The text without comments, strings and character literals, so that prose names no room.
fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let rest = &text[at..];
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("'\"'") {
            3
        } else {
            out.push(c);
            continue;
        };
        while chars.peek().is_some_and(|(next, _)| *next < at + skip) {
            chars.next();
        }
    }
    out
}

/// Every room named by a `crate::` path, use trees such as `crate::{base::time, event}` included.
fn rooms_named(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::").chain(code.match_indices("vaultscope::")) {
        let rest = code[at..].split_once("::").unwrap().1;
        if let Some(tree) = rest.strip_prefix('{') {
            let (mut depth, mut start) = (1, true);
            for (i, c) in tree.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => start = true,
                    c if start && !c.is_whitespace() => {
                        rooms.push(word(&tree[i..]));
                        start = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            rooms.push(word(rest));
        }
    }
    rooms
}

#[test]
fn a_room_uses_rooms_on_lower_floors_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let from = first.trim_end_matches(".rs");
        if matches!(from, "lib" | "main") {
            continue;
        }
        assert!(from == "demo" || floor(from).is_some(), "{from} is on no floor");
        for to in rooms_named(&code_only(&fs::read_to_string(&file).unwrap())) {
            let known = to == "demo" || floor(&to).is_some();
            if known && !allowed(from, &to) {
                wrong.push(format!("{} names {to}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reader_of_use_trees_sees_what_stands_there() {
    let code = code_only(
        "use crate::{base::time, store::{A, B}}; // crate::console\n let s = \"crate::cli\"; crate::kql::x()",
    );
    assert_eq!(rooms_named(&code), ["base", "store", "kql"]);
}
