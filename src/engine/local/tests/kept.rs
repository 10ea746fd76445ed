//! Queries over a store: what its tables hold.

use bytes::Bytes;

use crate::base::time::Ticks;
use crate::engine::format::cell;
use crate::engine::local::{Local, Options};
use crate::engine::{QueryEngine as _, Request};
use crate::event::{Feed, Source};
use crate::store::{Page, Reader, Writer, WriterHandle};

/// A store in a folder of its own.
pub struct Kept {
    pub dir: tempfile::TempDir,
    pub writer: WriterHandle,
    _open: Writer,
}

impl Kept {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let open = Writer::open(dir.path()).unwrap();
        Self { dir, writer: open.handle(), _open: open }
    }

    pub fn put(&self, feed: Feed, items: &[&str]) {
        let items = items.iter().map(|item| Bytes::copy_from_slice(item.as_bytes())).collect();
        let page = Page::new("ACC".into(), feed, Source::Import, Ticks(9), items);
        let done = self.writer.commit_blocking(page).unwrap();
        assert_eq!(done.quarantined, 0);
    }

    pub fn seal(&self) {
        self.writer.seal(0).blocking_recv().unwrap().unwrap();
    }

    /// The rows of the first table, cells joined by bars.
    #[track_caller]
    pub fn ask(&self, text: &str) -> Vec<String> {
        Self::ask_of(
            &Local::new(Reader::open(self.dir.path()).unwrap(), Options { workers: 2, unoptimised: false }),
            text,
        )
    }

    #[track_caller]
    pub fn ask_of(local: &Local, text: &str) -> Vec<String> {
        let answer = local.run(&Request::new(text, Ticks::parse_rfc3339("2026-01-02T03:04:05Z").unwrap()));
        let answer = answer.unwrap_or_else(|error| panic!("{text}\n{error:#?}"));
        let table = &answer.tables[0];
        let mut lines = Vec::new();
        for batch in &table.batches {
            for row in 0..batch.num_rows() {
                let cells = table.schema.iter().zip(batch.columns());
                let cells = cells.map(|(c, array)| {
                    cell::text(array, row, c.ty).map_or("∅".to_owned(), std::borrow::Cow::into_owned)
                });
                lines.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
        lines
    }
}

const REQUEST: &str = r#"{"requestId":"R1","timestamp":"2026-01-01T10:00:00Z","action":"READ","result":"DENY",
    "actor":{"id":"TOKEN","account":"ACCOUNT","jti":"J","userAgent":"sdk/1","requestIp":"192.0.2.7"},
    "resource":{"type":"ITEM","vault":{"id":"vvv"},"item":{"id":"iii"},"itemVersion":3}}"#;

#[test]
fn requests_of_a_connect_server_are_in_their_own_table_and_in_no_table_of_events() {
    let kept = Kept::new();
    kept.put(
        Feed::AuditEvents,
        &[r#"{"uuid":"A","timestamp":"2026-01-01T09:00:00Z","action":"create","object_type":"vault"}"#],
    );
    let look = || {
        let count = |table: &str| kept.ask(&format!("{table} | count")).swap_remove(0);
        let events = kept.ask("OnePasswordEvents | summarize dcount(uuid), max(timestamp) by feed | sort by feed asc");
        (count("OnePasswordEventLogs_CL"), count("OnePasswordConnectActivity"), events)
    };
    assert_eq!(look(), ("1".into(), "0".into(), vec!["auditevents|1|2026-01-01T09:00:00.0000000Z".into()]));
    kept.put(Feed::ConnectActivity, &[REQUEST]);
    kept.put(
        Feed::ItemUsages,
        &[r#"{"uuid":"R1","timestamp":"2026-01-01T11:00:00Z","action":"reveal","user":{"email":7}}"#],
    );
    for _ in 0..2 {
        let (events, requests, feeds) = look();
        assert_eq!((events.as_str(), requests.as_str(), feeds.len()), ("2", "1", 2));
        assert_eq!(
            kept.ask("OnePasswordConnectActivity | project-away raw"),
            [
                "2026-01-01T10:00:00.0000000Z|2026-01-01T10:00:00.0000000Z|ACC|R1|READ|DENY|TOKEN|ACCOUNT|J|sdk/1|192.0.2.7|ITEM|vvv|iii|3"
            ]
        );
        assert_eq!(
            kept.ask(
                "OnePasswordConnectActivity | where raw has 'sdk' and timestamp > datetime(2026-01-01) | project result"
            ),
            ["DENY"]
        );
        assert_eq!(
            kept.ask("OnePasswordEventLogs_CL | top 1 by timestamp desc | project uuid_s, log_source"),
            ["R1|itemusages"]
        );
        // An irregular row is read from its text, and still is no request.
        assert_eq!(
            kept.ask("OnePasswordEventLogs_CL | where tostring(user.email) == '7' | project action"),
            ["reveal"]
        );
        // The same once they lie in a segment together.
        kept.seal();
    }
    kept.put(Feed::ConnectActivity, &[REQUEST]);
    assert_eq!(kept.ask("OnePasswordConnectActivity | count"), ["1"], "the same request is known again");
}

#[test]
fn names_stand_beside_uuids_and_can_be_asked_for() {
    use crate::engine::local::surroundings::Surroundings;
    use crate::store::Workspace;
    use crate::store::names::{Kind, NewName};
    let kept = Kept::new();
    kept.put(
        Feed::AuditEvents,
        &[
            r#"{"uuid":"A1","timestamp":"2026-01-01T01:00:00Z","action":"grant","object_type":"uva","object_uuid":"v1","actor_uuid":"U1",
                "aux_uuid":"U2","aux_details":{"uuid":"U2","email":"bo@example.com","name":"Bo"},"session":{"device_uuid":"d1"}}"#,
            r#"{"uuid":"A2","timestamp":"2026-01-01T02:00:00Z","action":"join","object_type":"gm","object_uuid":"g1","actor_uuid":"U2"}"#,
            r#"{"uuid":"A3","timestamp":"2026-01-01T03:00:00Z","action":"share","object_type":"item","object_uuid":"i1","aux_uuid":"v1"}"#,
        ],
    );
    kept.put(
        Feed::ItemUsages,
        &[r#"{"uuid":"I1","timestamp":"2026-01-01T04:00:00Z","action":"reveal","vault_uuid":"v2","item_uuid":"i2"}"#],
    );
    let workspace = Workspace::open(kept.dir.path()).unwrap();
    let new = |kind, uuid: &str, name: &str| NewName {
        kind,
        uuid: uuid.into(),
        name: name.into(),
        email: String::new(),
        vault: String::new(),
    };
    let list = [
        new(Kind::Vault, "v1", "Payroll"),
        new(Kind::Item, "i1", "Root"),
        new(Kind::Item, "i2", "Root"),
        new(Kind::Group, "g1", "Owners"),
        new(Kind::Device, "d1", "Laptop"),
        new(Kind::User, "U1", "Ann"),
    ];
    workspace.import_names(&list, Ticks(9)).unwrap();
    let around = Surroundings { workspace: Some(kept.dir.path().into()), ..Surroundings::default() };
    let reader = Reader::open(kept.dir.path()).unwrap();
    let local = Local::new(reader, Options { workers: 2, unoptimised: false }).among(around);
    for _ in 0..2 {
        assert_eq!(
            Kept::ask_of(
                &local,
                "OnePasswordEvents | sort by uuid asc | project uuid, user_name, target_name, device_name, vault_name, item_name, group_name"
            ),
            ["A1|Ann|Bo|Laptop|Payroll||", "A2|Bo|||||Owners", "A3||||Payroll|Root|", "I1|||||Root|"]
        );
        assert_eq!(
            Kept::ask_of(
                &local,
                "OnePasswordEvents | where vault_name == 'Payroll' | summarize n = count() by vault_name"
            ),
            ["Payroll|2"]
        );
        assert_eq!(
            Kept::ask_of(
                &local,
                "OnePasswordEvents | summarize n = dcount(item_uuid) by item_name | where item_name != ''"
            ),
            ["Root|2"]
        );
        assert_eq!(
            Kept::ask_of(
                &local,
                "VaultscopeNames | where kind == 'user' | sort by uuid asc | project uuid, name, email, source, account, stands"
            ),
            ["U1|Ann||imported||true", "U2|Bo|bo@example.com|learned|ACC|true"]
        );
        kept.seal();
    }
}
