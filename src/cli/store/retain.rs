//! `store retain`

use std::io::Write as _;

use anyhow::Result;

use super::seal::watch;
use crate::base::config::Retention;
use crate::base::paths::{check_readable, ensure_private};
use crate::base::time::{MINUTE, Span, Ticks};
use crate::cli::args::Global;
use crate::cli::import::feed;
use crate::cli::output::size;
use crate::cli::place::Place;
use crate::cli::{Outcome, WrongUse, output};
use crate::event::Feed;
use crate::store::retain::run::Request;
use crate::store::retain::{Policy, Retained};
use crate::store::{Layout, Reader, StoreError, Writer};

/// Let go what the retention policy does not keep
///
/// The policy is [retention] in the configuration: `days` for every feed, a feed's name for its own days, `hold = true` for a legal hold, under
/// which nothing goes. A collector and the console carry it out once a day; without a policy nothing ever goes by itself.
///
/// An event is as old as its timestamp, one without as its arrival, counted in whole days to the last midnight UTC. What goes takes its
/// variants along, and names that no other event tells; what is left of its batch still proves the rest, and a signed tombstone says what went. It does not come back with a later import:
/// the last run draws a line for each feed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope store retain --dry-run               what would go
  vaultscope store retain --dry-run --days 365    what another policy would let go
  vaultscope store retain                         let it go
  vaultscope query VaultscopeTombstones           what went, and who signed for it")]
pub struct Args {
    /// Show what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Keep so many days, whatever the configuration says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_525))]
    days: Option<u32>,
    /// This feed alone
    #[arg(long, value_name = "FEED", value_parser = feed)]
    feed: Option<Feed>,
}

/// The policy that a configuration asks for, if it has one.
pub fn policy(retention: &Retention) -> Option<Policy> {
    let feeds = retention.feeds.iter().filter_map(|(name, days)| Some((Feed::from_name(name)?, *days)));
    let policy = Policy::new(retention.days, feeds, retention.hold);
    (policy.is_set() || policy.hold).then_some(policy)
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let place = Place::of(global)?;
    let data = &place.paths.data;
    if !Layout::of(data).exists() {
        return Err(StoreError::Missing { dir: data.clone() }.into());
    }
    let configured = policy(&place.config.retention);
    let hold = configured.as_ref().is_some_and(|policy| policy.hold);
    let policy = match args.days {
        Some(days) => Policy::new(Some(days), [], hold),
        None => configured.unwrap_or_default(),
    };
    if !policy.is_set() && !hold {
        let help = "no retention is configured, so everything is kept: say `days = 400` under [retention] in the configuration, or --days";
        return Err(WrongUse(help.to_owned()).into());
    }
    place.remind_of_demo();
    let now = Ticks::now();
    let policy = args.feed.map_or_else(|| policy.clone(), |feed| policy.clone().only(feed));
    let mut out = output::Answer::new();
    if hold {
        writeln!(out, "legal hold: nothing goes while `hold = true` stands under [retention] in the configuration")?;
    }
    let outcome = if args.dry_run || hold {
        check_readable(data)?;
        let plan = Reader::open(data)?.retention(&policy, now)?;
        tell(&mut out, &policy, &plan, "would go")?
    } else {
        ensure_private(data)?;
        let writer = Writer::open(data)?;
        let reader = Reader::open(data)?;
        let request = Request::new(policy.clone(), args.feed, "store retain", now);
        let done = watch(&reader, "letting events go", writer.handle().retain(request))?;
        writer.close();
        let outcome = tell(&mut out, &policy, &done, "went")?;
        if let Some(at) = done.files_until {
            writeln!(
                out,
                "the catalogue holds none of it any more; the old files of {} segments are removed after {}, when no query can still read them, \
                 by the collector or the next command that writes the store",
                done.dropped + done.rewritten,
                minute(at + Span(MINUTE)),
            )?;
        }
        outcome
    };
    out.end()?;
    Ok(outcome)
}

fn tell(out: &mut output::Answer, policy: &Policy, plan: &Retained, went: &str) -> Result<Outcome> {
    let mut rows = vec![["FEED", "KEPT", "EVENTS", "FROM", "TO", "BYTES ABOUT"].map(str::to_owned).to_vec()];
    for feed in Feed::STORED {
        let going = plan.going.of(feed);
        // Without a Connect server nobody misses its row.
        if !feed.is_of_events_api() && going.events == 0 {
            continue;
        }
        let (from, to) = going.times.map_or_else(Default::default, |(a, b)| (minute(a), minute(b)));
        let kept = policy.days(feed).map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
        rows.push(vec![feed.name().to_owned(), kept, going.events.to_string(), from, to, size(going.bytes)]);
    }
    output::columns(out, &rows)?;
    let names = match plan.names {
        0 => String::new(),
        n => format!(", and {n} names that no event tells any more"),
    };
    writeln!(
        out,
        "{} events {went}: {} segments whole, {} written anew, {} fresh pages; with them {} variants and {} unreadable items{names}",
        plan.going.events(),
        plan.dropped,
        plan.rewritten,
        plan.pages,
        plan.variants,
        plan.quarantined
    )?;
    for kept in &plan.kept {
        output::note(format_args!("vaultscope: {kept}"));
    }
    Ok(if plan.kept.is_empty() { Outcome::Done } else { Outcome::Failed })
}

/// A time to the minute, UTC.
fn minute(at: Ticks) -> String {
    let text = at.to_string();
    format!("{} {}Z", &text[..10], &text[11..16])
}
