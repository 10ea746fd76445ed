//! `names`: what UUIDs stand for, brought by the analyst from `op`, and learned from events.

mod list;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use super::args::Global;
use super::interrupt::Interrupt;
use super::place::Place;
use super::{Outcome, WrongUse, output};
use crate::base::paths::ensure_private;
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::store::names::read;
use crate::store::names::{Directory, Kept, Kind, NewName};
use crate::store::{Layout, Reader, Workspace};

/// Rows that are kept in one step.
const TOGETHER: usize = 5_000;
/// Rows that are named when they cannot be read.
const NAMED: u64 = 20;

/// What UUIDs stand for: names of vaults, items, groups, users and devices
///
/// Events carry UUIDs. Names of users are learned from events as they come; those of vaults, items and groups are only known to
/// people who may open them. Imported names lie in your own workspace, are read by nobody else and are in no export of evidence. Queries find them as
/// vault_name, item_name, group_name, device_name of OnePasswordEvents and in the table VaultscopeNames; the console shows them beside their UUIDs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  op vault list --format json > vaults.json && vaultscope names import vaults.json
  op item list --format json | vaultscope names import -
  vaultscope names import --kind group groups.csv
  vaultscope names show jaqxqf5qylslqiitnduawrndc5
  vaultscope names forget --kind item")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Keep names from files: JSON of `op … list --format json`, JSON a line, or CSV with the columns kind,uuid,name
    Import {
        /// The files, or - for standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What rows name that do not say it: user, vault, item, group, device
        #[arg(long, value_parser = kind)]
        kind: Option<Kind>,
    },
    List(list::Args),
    /// What is known of a UUID, from every source
    Show {
        uuid: String,
    },
    /// Forget imported names
    Forget {
        /// Those of these UUIDs
        uuids: Vec<String>,
        /// All of a kind
        #[arg(long, value_parser = kind, conflicts_with = "uuids")]
        kind: Option<Kind>,
        /// Every one
        #[arg(long, conflicts_with_all = ["uuids", "kind"])]
        all: bool,
    },
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::from_name(text).ok_or_else(|| format!("a kind is one of {}", Kind::ALL.map(Kind::name).join(", ")))
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let place = Place::of(global)?;
    match &args.command {
        Command::Import { files, kind } => import(&place, files, *kind),
        Command::List(args) => list::run(args, &directory(&place)?),
        Command::Show { uuid } => show(&directory(&place)?, uuid),
        Command::Forget { uuids, kind, all } => forget(&place, uuids, *kind, *all),
    }
}

/// Everything that is known; nothing is made for the question.
fn directory(place: &Place) -> Result<Directory> {
    let data = &place.paths.data;
    let reader = Layout::of(data).exists().then(|| Reader::open(data)).transpose()?;
    let workspace = Workspace::open_if_there(&place.paths.own)?;
    Ok(Directory::read(reader.as_ref(), workspace.as_ref())?)
}

fn import(place: &Place, files: &[PathBuf], kind: Option<Kind>) -> Result<Outcome> {
    for file in files {
        // Before a workspace is made for nothing.
        if file.as_os_str() != "-" && !file.exists() {
            return Err(WrongUse(format!("{}: there is no such file", Shown::new(&file.to_string_lossy()))).into());
        }
    }
    ensure_private(&place.paths.own)?;
    let workspace = place.workspace()?;
    let interrupt = Interrupt::listen(|| output::note("vaultscope: stopping; what is kept stays"))?;
    let mut out = output::Answer::new();
    let mut outcome = Outcome::Done;
    for file in files {
        let shown = Shown::new(&file.to_string_lossy()).into_string();
        let path = if file.as_os_str() == "-" { "/dev/stdin".into() } else { file.clone() };
        let (mut found, mut bad) = (Vec::<NewName>::new(), 0_u64);
        read::names(&path, kind, |(line, row)| match row {
            Ok(names) => found.extend(names),
            Err(why) => {
                bad += 1;
                if bad <= NAMED {
                    output::note(format_args!("{shown}:{line}: left out: {why}"));
                }
            }
        })?;
        if bad > NAMED {
            output::note(format_args!("{} more rows were left out", bad - NAMED));
        }
        let found = latest(found);
        let mut kept = Kept::default();
        for (at, some) in found.chunks(TOGETHER).enumerate() {
            output::progress(&format!("{} of {} names", at * TOGETHER, found.len()));
            kept.add(workspace.import_names(some, Ticks::now())?);
            if interrupt.is_asked() {
                outcome = Outcome::Failed;
                break;
            }
        }
        output::progress("");
        let Kept { new, changed, same } = kept;
        writeln!(out, "{shown}: {new} new, {changed} changed, {same} same{}", left_out(bad))?;
        if bad > 0 {
            outcome = Outcome::Failed;
        }
        if interrupt.is_asked() {
            break;
        }
    }
    out.end()?;
    Ok(outcome)
}

/// One name a UUID, the last that came: every item of a list tells its vault's again.
fn latest(found: Vec<NewName>) -> Vec<NewName> {
    let mut place = std::collections::HashMap::new();
    let mut once: Vec<NewName> = Vec::new();
    for name in found {
        match place.entry((name.kind, name.uuid.clone())) {
            std::collections::hash_map::Entry::Occupied(at) => once[*at.get()] = name,
            std::collections::hash_map::Entry::Vacant(at) => {
                at.insert(once.len());
                once.push(name);
            }
        }
    }
    once
}

fn left_out(bad: u64) -> String {
    if bad == 0 { String::new() } else { format!(", {bad} left out") }
}

fn show(directory: &Directory, uuid: &str) -> Result<Outcome> {
    let known: Vec<_> = directory.all().iter().filter(|name| &*name.uuid == uuid).collect();
    if known.is_empty() {
        output::note(format_args!("nothing names {}", Shown::new(uuid)));
        return Ok(Outcome::Failed);
    }
    let mut out = output::Answer::new();
    output::columns(&mut out, &list::rows(known))?;
    out.end()?;
    Ok(Outcome::Done)
}

fn forget(place: &Place, uuids: &[String], kind: Option<Kind>, all: bool) -> Result<Outcome> {
    if uuids.is_empty() && kind.is_none() && !all {
        return Err(WrongUse("name what to forget: UUIDs, --kind KIND or --all".to_owned()).into());
    }
    let mut gone = 0;
    if let Some(workspace) = Workspace::open_if_there(&place.paths.own)? {
        for uuid in uuids {
            gone += workspace.forget_names(Some(uuid), None)?;
        }
        if uuids.is_empty() {
            gone += workspace.forget_names(None, kind)?;
        }
    }
    let mut out = output::Answer::new();
    writeln!(out, "{gone} imported names forgotten")?;
    out.end()?;
    Ok(Outcome::Done)
}
