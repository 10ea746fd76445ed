//! `vaultscope` alone: the console.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;

use super::args::{self, Global};
use super::collecting::{self, Collecting};
use super::place::Place;
use super::{Outcome, demo, engine, output, terminal};
use crate::base::clock::Clock;
use crate::base::config::Limits;
use crate::console::action::Action;
use crate::console::{self, Exit, Options};
use crate::engine::{Limits as EngineLimits, QueryEngine};
use crate::hunt::Pack;
use crate::store::{Layout, Reader};

pub fn run(global: &Global) -> Result<Outcome> {
    if !terminal::is_there() {
        return Ok(args::name_the_commands());
    }
    let place = Place::of(global)?;
    let _log = place.log();
    let stored = Layout::of(&place.paths.data).exists();
    let (collecting, reader) = if place.config.accounts.is_empty() && place.config.connect.is_empty() {
        (None, stored.then(|| Reader::open(&place.paths.data)).transpose()?)
    } else {
        match Collecting::start(&place, collecting::runtime()?, collecting::jobs(&place)?) {
            Ok(collecting) => {
                let reader = collecting.reader.clone();
                (Some(collecting), Some(reader))
            }
            // Its events are seen here as they are committed.
            Err(error) if collecting::is_elsewhere(&error) => (None, Some(Reader::open(&place.paths.data)?)),
            Err(error) => return Err(error),
        }
    };
    let exit = open(global, &place, reader, collecting.as_ref(), Clock::System)?;
    if let Some(collecting) = collecting {
        collecting.stop();
    }
    match exit {
        Exit::Chosen(Action::StartDemo) => demo::run(&demo::Args::default(), global),
        Exit::Chosen(Action::StartConnect) => {
            output::note(
                "vaultscope connect --token REFERENCE --write   connects an account; `vaultscope connect --help` explains",
            );
            Ok(Outcome::Done)
        }
        Exit::Chosen(Action::StartImport) => {
            output::note("vaultscope import FILE…   stores events from files; `vaultscope import --help` explains");
            Ok(Outcome::Done)
        }
        _ => Ok(Outcome::Done),
    }
}

/// Opens the console over what there is, and waits until the analyst leaves.
pub fn open(
    global: &Global,
    place: &Place,
    reader: Option<Reader>,
    collecting: Option<&Collecting>,
    clock: Clock,
) -> Result<Exit> {
    let first_run = reader.is_none() && place.config.accounts.is_empty() && place.config.connect.is_empty();
    let options = Options {
        profile: place.config.profile.clone(),
        demo: place.is_demo(),
        first_run,
        theme: place.config.theme.clone(),
        themes: Some(place.paths.config.join("themes")),
        depth: terminal::depth(global, |name| std::env::var(name).ok()),
        ascii: global.ascii || global.plain,
        keys: BTreeMap::new(),
        clock,
        engine: reader.clone().map(|reader| Arc::new(engine::over(reader, place)) as Arc<dyn QueryEngine>),
        workspace: reader.as_ref().and_then(|_| place.workspace().ok()).map(Arc::new),
        rules: collecting::rules(place)?,
        limits: {
            let Limits { time, memory, rows } = place.config.console_limits;
            EngineLimits { time, memory, rows }
        },
        hunts: Pack::load(&place.paths.config),
        organisation: place.config.organisation.clone(),
        reader,
        collectors: collecting
            .map(|collecting| collecting.collectors.iter().map(Arc::clone).collect())
            .unwrap_or_default(),
    };
    Ok(console::run(options)?)
}
