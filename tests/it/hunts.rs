//! Every shipped hunt against the demo's organisation: it finds its story, tells who and which events, and stays silent about everybody
//! else; in an organisation where nothing happened it finds nothing.

use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use vaultscope::base::config::{Config, Organisation};
use vaultscope::base::time::Ticks;
use vaultscope::demo::fill::fill;
use vaultscope::demo::{Options, Simulation, Truth};
use vaultscope::engine::format::cell;
use vaultscope::engine::local::{Local, Options as EngineOptions};
use vaultscope::engine::{QueryEngine as _, Request};
use vaultscope::event::{Feed, Source};
use vaultscope::hunt::{Asked, Hunt, Pack};
use vaultscope::store::{Page, Reader, Writer};

fn options() -> Options {
    let now = Ticks::parse_rfc3339("2026-03-04T12:00:00Z").unwrap();
    Options { users: 40, ..Options::new(11, now) }
}

/// A store with everything that happened in the organisation up to `now`.
fn told(simulation: &Simulation, now: Ticks) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let account: Arc<str> = "ACCOUNT".into();
    for feed in Feed::ALL {
        let mut items = Vec::new();
        let mut text = Vec::new();
        for position in 0..simulation.count(feed) {
            text.clear();
            simulation.render(feed, position, &mut text);
            items.push(Bytes::copy_from_slice(&text));
        }
        for page in items.chunks(1_000) {
            let page = Page::new(Arc::clone(&account), feed, Source::Backfill, now, page.to_vec());
            writer.handle().commit_blocking(page).unwrap();
        }
    }
    writer.close();
    dir
}

/// The cells of a hunt's answer: column names, then rows of text.
struct Found {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Found {
    fn of(hunt: &Hunt, engine: &Local, organisation: &Organisation, now: Ticks) -> Self {
        let ready = hunt.ask(&Asked { organisation: Some(organisation), ..Asked::default() }).unwrap();
        assert_eq!(ready.missing, [""; 0], "{}", hunt.id());
        let answer = engine.run(&Request::new(ready.text.clone(), now)).unwrap_or_else(|error| {
            panic!("{}: {error:?}\n{}", hunt.id(), ready.text);
        });
        let table = &answer.tables[0];
        let mut rows = Vec::new();
        for batch in &table.batches {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().zip(&table.schema);
                rows.push(
                    cells.map(|(array, of)| cell::text(array, row, of.ty).unwrap_or_default().into_owned()).collect(),
                );
            }
        }
        Self { columns: table.schema.iter().map(|column| column.name.to_string()).collect(), rows }
    }

    /// Whether a cell of the row holds the text.
    fn holds(row: &[String], text: &str) -> bool {
        row.iter().any(|cell| cell.contains(text))
    }
}

/// What is wrong with a hunt's answer, held against the ground truth.
fn wrong(hunt: &Hunt, found: &Found, truths: &[Truth]) -> Vec<String> {
    let id = hunt.id();
    let mut wrong = Vec::new();
    let stories: Vec<&Truth> = truths.iter().filter(|truth| !truth.live && truth.trips(id)).collect();
    if stories.is_empty() {
        wrong.push(format!("{id}: no story trips it"));
    }
    for column in hunt.about.entities.keys().filter(|column| !found.columns.contains(column)) {
        wrong.push(format!("{id}: the entity {column} is no column of {:?}", found.columns));
    }
    let of = |truth: &Truth, row: &[String]| {
        let who = truth.who.first().zip(truth.users.first());
        who.is_some_and(|(email, user)| Found::holds(row, email) || Found::holds(row, user))
            && truth.uuids.iter().any(|uuid| Found::holds(row, uuid))
    };
    for story in &stories {
        if !found.rows.iter().any(|row| of(story, row)) {
            wrong.push(format!("{id}: {} is not found ({:?}, {} rows)", story.story, story.who, found.rows.len()));
        }
    }
    for row in found.rows.iter().filter(|row| !stories.iter().any(|story| of(story, row))) {
        wrong.push(format!("{id}: found where nothing happened: {row:?}"));
    }
    wrong
}

#[test]
fn every_hunt_finds_its_story_and_nobody_else() {
    let options = options();
    let simulation = Simulation::new(&options).unwrap();
    let dir = told(&simulation, options.now);
    let engine = Local::new(Reader::open(dir.path()).unwrap(), EngineOptions::default());
    let mut all = Vec::new();
    for hunt in &Pack::built_in() {
        let found = Found::of(hunt, &engine, simulation.facts(), options.now);
        all.extend(wrong(hunt, &found, simulation.truths()));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn where_nothing_happened_nothing_is_found() {
    let options = options();
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    fill(&writer.handle(), &options, 6_000, |_| std::ops::ControlFlow::Continue(())).unwrap();
    writer.close();
    // Nobody stops working here, so whoever leaves must be somebody else.
    let text =
        "[organisation]\ncanary_items = [\"none\"]\nleavers = [{ user = \"nobody@example.com\", left = 2026-03-01 }]\n";
    let organisation = Config::parse(text, None, None).unwrap().organisation;
    let engine = Local::new(Reader::open(dir.path()).unwrap(), EngineOptions::default());
    let mut all = Vec::new();
    for hunt in &Pack::built_in() {
        let found = Found::of(hunt, &engine, &organisation, options.now);
        all.extend(found.rows.iter().map(|row| format!("{}: {row:?}", hunt.id())));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
