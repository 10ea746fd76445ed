//! `store verify`

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::base::paths::check_readable;
use crate::base::shown::Shown;
use crate::cli::args::Global;
use crate::cli::output::{self, size};
use crate::cli::place::Place;
use crate::cli::{Outcome, WrongUse};
use crate::store::doubts::{self, Told};
use crate::store::export::check_folder;
use crate::store::signing::{Verifier, hex};
use crate::store::verify::{Copies, Finding, Options, Report, verify};

/// Check that every event is what was committed, and that none is missing
///
/// Follows the whole chain: every event's bytes, every batch, the signed checkpoints, the head file. Names the first event that was changed,
/// removed, added or moved, and goes on to count the rest. May run beside a collector; people who may only read the store can run it too.
///
/// It changes no evidence. A segment that cannot be read any more is brought to the notice of whoever writes the store: it is marked, answers say
/// that it is missing, and the collector fetches its stretch again; one that is back from a backup as it was signed is read again. An event that
/// was altered is never replaced. Ends with 0 when all is sound, 3 when something was found, 1 when something could not be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope store verify
  vaultscope store verify --against /mnt/worm/vaultscope.heads
  vaultscope store verify --key /mnt/usb/vaultscope.pub --format json
  vaultscope store verify --bundle case-17

The store's own signatures show what somebody without its key did. What its owner did shows against heads that were copied where the owner
cannot change them: see `copies` in the [ledger] part of the configuration.")]
pub struct Args {
    /// A file of copied heads, or a log that has them: the store must go on from each of them
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// Check an evidence bundle of `store export` instead of the store
    #[arg(long, value_name = "DIR", conflicts_with_all = ["against", "all_columns"])]
    bundle: Option<PathBuf>,
    /// The public key that must have signed, as a file (a copy of evidence/signing.pub) or as text
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Decode every event again and compare each column, also where the signed digest of a segment vouches for it
    #[arg(long)]
    all_columns: bool,
    /// Look, and do no more: what cannot be read is not marked
    #[arg(long)]
    look_only: bool,
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
    /// Findings to print; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    show: usize,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    if let Some(folder) = &args.bundle {
        return bundle(folder, args);
    }
    let place = Place::of(global)?;
    let against = args.against.iter().map(|path| Copies::read(path)).collect::<Result<Vec<_>, _>>()?;
    let key = args.key.as_deref().map(key).transpose()?;
    if place.paths.data.exists() {
        check_readable(&place.paths.data)?;
    }
    place.remind_of_demo();
    let options = Options { every_column: args.all_columns, against, key, ..Options::default() };
    let began = Instant::now();
    let told = Mutex::new(began);
    let progress = |done: u64, of: u64| {
        let Ok(mut told) = told.try_lock() else { return };
        if told.elapsed() >= Duration::from_millis(200) {
            *told = Instant::now();
            output::progress(&format!("verifying: {done} of {of} events"));
        }
    };
    let report = verify(&place.paths.data, &options, &progress);
    output::progress("");
    let mut report = report?;
    if !report.doubts.is_empty() {
        let doubts = std::mem::take(&mut report.doubts);
        report.notes.push(if args.look_only { told_nobody(&doubts) } else { bring_to_notice(&place, &doubts)? });
    }
    let mut out = output::Answer::new();
    match args.format {
        Format::Text => text(&mut out, &report, began.elapsed(), args.show)?,
        Format::Json => writeln!(out, "{}", as_json(&report, began.elapsed(), args.show))?,
    }
    out.end()?;
    Ok(if report.is_sound() { Outcome::Done } else { Outcome::Found })
}

/// Has whoever writes the store look at segments, and says who that is.
fn bring_to_notice(place: &Place, doubts: &[i64]) -> Result<String> {
    Ok(match doubts::tell(&place.paths.data, doubts)? {
        Told::Writer(holder) => format!(
            "process {} on {} writes the store, and looks within seconds at the segments that are doubted: see `vaultscope store status`",
            holder.pid, holder.host
        ),
        Told::Settled { marked, back, refiltered } => {
            let mut said = Vec::new();
            if marked > 0 {
                said.push(format!(
                    "{marked} segments that cannot be read were marked, and the collector fetches their stretch again"
                ));
            }
            if back > 0 {
                said.push(format!("{back} segments are back as they were signed"));
            }
            if refiltered > 0 {
                said.push(format!("the membership filters of {refiltered} segments were made anew"));
            }
            if said.is_empty() { "nothing had to be marked, or made anew".into() } else { said.join("; ") }
        }
        Told::Nobody => told_nobody(doubts),
    })
}

fn told_nobody(doubts: &[i64]) -> String {
    format!(
        "{} segments are doubted, and nothing was changed: the store's owner runs `vaultscope store verify` to have them fetched, read or filtered again",
        doubts.len()
    )
}

/// A bundle needs no store, and no configuration.
fn bundle(folder: &Path, args: &Args) -> Result<Outcome> {
    let key = args.key.as_deref().map(key).transpose()?;
    let name = folder.display();
    let checked = check_folder(folder, key.as_ref()).with_context(|| format!("the bundle {name} cannot be read"))?;
    let mut out = output::Answer::new();
    match (&checked, args.format) {
        (Ok(c), Format::Json) => {
            let key = c.key.as_deref().map(|key| Shown::new(key).into_string());
            writeln!(
                out,
                "{}",
                json!({"sound": true, "events": c.events, "batches": c.batches, "key": key, "signed": c.signed})
            )?;
        }
        (Err(w), Format::Json) => {
            writeln!(out, "{}", json!({"sound": false, "line": w.line, "seq": w.seq, "what": w.why}))?;
        }
        (Ok(c), Format::Text) => {
            writeln!(out, "SOUND: {} events of {} batches are what was committed", c.events, c.batches)?;
            match &c.key {
                Some(key) => writeln!(out, "key     {}", Shown::new(key))?,
                None => writeln!(out, "note    nothing in it is signed: the store had no key")?,
            }
            if !c.signed {
                writeln!(out, "note    the manifest is not signed: whoever had it may have left events out")?;
            }
        }
        (Err(wrong), Format::Text) => {
            writeln!(out, "NOT SOUND. The first that is wrong: {}", Shown::new(&wrong.to_string()))?;
        }
    }
    out.end()?;
    Ok(if checked.is_ok() { Outcome::Done } else { Outcome::Found })
}

/// A public key: a file of it, or itself.
fn key(text: &str) -> Result<Verifier> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let read = std::fs::read_to_string(text).with_context(|| format!("the key {text} cannot be read"))?;
    // A file of copied heads names its key too.
    let key = read.lines().find_map(|line| line.trim().trim_start_matches("vaultscope-key ").parse().ok());
    key.ok_or_else(|| WrongUse(format!("{text} holds no public key (name+hash+base64)")).into())
}

fn text(out: &mut output::Answer, report: &Report, took: Duration, show: usize) -> Result<()> {
    let rate = report.events as f64 / took.as_secs_f64().max(1e-6);
    writeln!(
        out,
        "{} events in {} batches, {} segments and {} fresh pages, {} of event text: {:.1} s, {rate:.0} events/s",
        report.events,
        report.batches,
        report.segments,
        report.pages,
        size(report.raw_bytes),
        took.as_secs_f64(),
    )?;
    if report.purged > 0 {
        writeln!(
            out,
            "{} events were purged by policy; their batches and {} signed tombstones account for them",
            report.purged, report.tombstones
        )?;
    }
    if let Some(head) = report.head {
        writeln!(out, "head    batch {}, event {}, root {}", head.batches, head.through, hex(&head.root))?;
    }
    if let Some((key, at)) = report.key.as_ref().zip(report.signed) {
        writeln!(out, "signed  {at} with {} ({} checkpoints)", Shown::new(key), report.checkpoints)?;
    }
    if report.copies > 0 {
        writeln!(out, "copies  the store goes on from all {} copied heads that are its own", report.copies)?;
    }
    for note in &report.notes {
        writeln!(out, "note    {}", Shown::new(note))?;
    }
    let Some(first) = report.first() else {
        writeln!(out, "SOUND: every event is what was committed, and none is missing")?;
        return Ok(());
    };
    writeln!(out)?;
    writeln!(out, "NOT SOUND. The first of what was found:")?;
    tell(out, first)?;
    let rest: Vec<&Finding> = report.findings.iter().skip(1).take(show.saturating_sub(1)).collect();
    if !rest.is_empty() {
        writeln!(out, "\nThen:")?;
        rest.into_iter().try_for_each(|finding| tell(out, finding))?;
    }
    writeln!(out)?;
    let mut rows = vec![["WHAT", "FINDINGS", "EVENTS"].map(str::to_owned).to_vec()];
    for (kind, (findings, events)) in &report.counts {
        rows.push(vec![kind.name().to_owned(), findings.to_string(), events.to_string()]);
    }
    output::columns(out, &rows)?;
    Ok(())
}

fn tell(out: &mut output::Answer, finding: &Finding) -> Result<()> {
    let subject = match finding.seq {
        i64::MAX => finding.kind.name().to_owned(),
        seq => format!("{}, event {seq}", finding.kind.name()),
    };
    writeln!(out, "  {subject}: {}", Shown::new(&finding.what))?;
    let mut about = Vec::new();
    if let Some(event) = &finding.event {
        about.push(format!("{} {}", Shown::new(&event.feed), Shown::new(&event.uuid)));
        about.push(format!("arrived {}", event.arrived));
        about.push(format!("account {}", Shown::new(&event.account)));
    }
    about.extend(finding.batch.map(|batch| format!("batch {batch}")));
    about.extend(finding.place.as_deref().map(|place| Shown::new(place).into_string()));
    if !about.is_empty() {
        writeln!(out, "    {}", about.join(", "))?;
    }
    Ok(())
}

fn as_json(report: &Report, took: Duration, show: usize) -> Value {
    let shown = |text: &str| Shown::new(text).into_string();
    let finding = |f: &Finding| {
        let seq = (f.seq != i64::MAX).then_some(f.seq);
        json!({
            "kind": f.kind.name(), "seq": seq, "batch": f.batch, "what": shown(&f.what), "events": f.events,
            "place": f.place.as_deref().map(shown),
            "feed": f.event.as_ref().map(|e| shown(&e.feed)), "uuid": f.event.as_ref().map(|e| shown(&e.uuid)),
            "account": f.event.as_ref().map(|e| shown(&e.account)), "arrived": f.event.as_ref().map(|e| e.arrived.to_string()),
        })
    };
    let counts: serde_json::Map<String, Value> = report
        .counts
        .iter()
        .map(|(kind, (findings, events))| (kind.name().to_owned(), json!({"findings": findings, "events": events})))
        .collect();
    json!({
        "sound": report.is_sound(), "events": report.events, "purged": report.purged, "batches": report.batches,
        "segments": report.segments, "pages": report.pages, "raw_bytes": report.raw_bytes,
        "seconds": took.as_secs_f64(), "tombstones": report.tombstones, "checkpoints": report.checkpoints, "copied_heads": report.copies,
        "head": report.head.map(|h| json!({"batches": h.batches, "through": h.through, "root": hex(&h.root)})),
        "key": report.key.as_deref().map(shown), "signed": report.signed.map(|at| at.to_string()),
        "counts": counts, "findings": report.findings.iter().take(show).map(finding).collect::<Vec<_>>(),
        "notes": report.notes.iter().map(|note| shown(note)).collect::<Vec<_>>(),
    })
}
