//! Stored rows as the tail's lines: the one place where an event's text becomes text that is safe to draw.

use arrow::array::RecordBatch;

use crate::base::shown::Shown;
use crate::console::state::line::Line;
use crate::event::Source;
use crate::event::columns::text_at;
use crate::event::summary::{EventLine, Lines};
use crate::store::names::{Directory, Name};

/// Bytes of one field of a row; the event's own view has it whole.
const FIELD: usize = 256;

/// The stored columns that lines are made of.
pub const COLUMNS: &[&str] = &[
    "seq",
    "feed",
    "source",
    "arrived",
    "timestamp",
    "country",
    "category",
    "action_type",
    "actor_uuid",
    "action",
    "object_type",
    "object_uuid",
    "aux_uuid",
    "vault_uuid",
    "item_uuid",
    "target_user.uuid",
    "target_user.name",
    "target_user.email",
    "user.uuid",
    "user.name",
    "user.email",
    "actor_details.uuid",
    "actor_details.name",
    "actor_details.email",
    "object_details.email",
    "aux_details.email",
    "client.app_name",
    "client.app_version",
    "client.platform_name",
    "client.ip_address",
    "location.country",
    "location.region",
    "location.city",
    "session.ip",
    "raw",
];

/// The lines of a batch. What a UUID stands for is shown in its place where that is known; the event's own view has both.
pub fn lines(batch: &RecordBatch, names: &Directory) -> Vec<Line> {
    let summary = Lines::new(batch);
    let text = |column: &str, row: usize| {
        batch.column_by_name(column).and_then(|column| text_at(column.as_ref(), row)).unwrap_or_default()
    };
    let all = (0..batch.num_rows()).filter_map(|row| {
        let event = summary.line(row)?;
        let place = joined(&[text("location.city", row), text("location.region", row)], ", ");
        let platform = text("client.platform_name", row);
        let client = joined(&[text("client.app_name", row), text("client.app_version", row)], " ");
        let client = if platform.is_empty() { client } else { joined(&[&client, platform], " on ") };
        let first = |columns: &[&str]| -> Box<str> {
            columns.iter().map(|column| text(column, row)).find(|text| !text.is_empty()).unwrap_or_default().into()
        };
        let user = first(&[
            "target_user.email",
            "user.email",
            "actor_details.email",
            "target_user.uuid",
            "user.uuid",
            "actor_uuid",
        ]);
        let vault = first(match text("object_type", row) {
            "vault" | "uva" | "gva" | "items" => &["object_uuid"],
            "item" => &["aux_uuid"],
            _ => &["vault_uuid"],
        });
        let pivots = [user, vault, event.ip.as_str().into()];
        let source = Source::from_name(text("source", row));
        let late = source.zip(event.timestamp).and_then(|(source, at)| source.late(at, event.arrived)).is_some();
        Some(Line { late, ..line(&event, &place, &client, pivots, names) })
    });
    all.collect()
}

fn joined(parts: &[&str], between: &str) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(between)
}

fn line(event: &EventLine, place: &str, client: &str, pivots: [Box<str>; 3], names: &Directory) -> Line {
    let mut altered = false;
    let mut shown = |text: &str| -> Box<str> {
        let shown = Shown::with_limit(text, FIELD);
        altered |= shown.is_altered();
        shown.into_string().into()
    };
    let label = |text: &str| names.name(text).map(Name::label).filter(|label| !label.is_empty()).map(str::to_owned);
    let (actor, thing) = (label(&event.who), label(&event.target));
    let who = shown(actor.as_deref().unwrap_or(&event.who));
    let target = shown(thing.as_deref().unwrap_or(&event.target));
    let address = shown(&event.ip);
    let (action, country) = (shown(&event.what), shown(&event.country));
    let (place, client) = (shown(place), shown(client));
    let mut line = Line {
        seq: event.seq,
        time: event.timestamp,
        arrived: event.arrived,
        feed: event.feed,
        severity: event.severity,
        outcome: event.outcome,
        plumbing: event.plumbing,
        action,
        who,
        target,
        address,
        country,
        place,
        client,
        names: pivots,
        altered,
        late: false,
        suppressed: false,
        haystack: Box::default(),
    }
    .indexed();
    // Whoever looks for the UUID finds the row as well.
    for (label, uuid) in [(actor, &event.who), (thing, &event.target)] {
        if label.is_some() {
            line.haystack = format!("{}\u{1f}{}", line.haystack, uuid.to_lowercase()).into();
        }
    }
    line
}
