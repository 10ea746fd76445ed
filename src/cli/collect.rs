//! `collect`: poll without a screen, as a service does.

use std::io::Write as _;

use anyhow::Result;
use tokio::sync::watch;

use super::args::Global;
use super::collecting::{self, Collecting};
use super::interrupt::Interrupt;
use super::place::Place;
use super::{Outcome, output};
use crate::base::time::{SECOND, Ticks};
use crate::collect::collector::expiry_step;
use crate::collect::{FeedHealth, FeedState, Health, expiry_warning};

/// Poll the Events API without a screen, until Ctrl-C or SIGTERM
///
/// Consoles and queries of the same user, and of others in the group of the data directory, read the store beside it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope collect           as a service: systemd-run --user vaultscope collect
  vaultscope collect --once    read every feed to its end, then stop: for cron")]
pub struct Args {
    /// Read every feed to its end, print what came, and stop
    #[arg(long)]
    once: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let place = Place::of(global)?;
    let jobs = collecting::jobs(&place)?;
    let _log = place.log();
    let collecting = Collecting::start(&place, collecting::runtime()?, jobs)?;
    let interrupt = Interrupt::listen(|| output::note("vaultscope: stopping after the pages under way"))?;
    let outcome = if args.once { one_pass(&collecting, &interrupt)? } else { until_stopped(&collecting, &interrupt) };
    collecting.stop();
    Ok(outcome)
}

fn one_pass(collecting: &Collecting, interrupt: &Interrupt) -> Result<Outcome> {
    let mut out = output::Answer::new();
    let mut outcome = Outcome::Done;
    for collector in &collecting.collectors {
        let settled = collecting.runtime.block_on(async {
            tokio::select! {
                health = collector.settled() => Some(health),
                () = interrupt.wait() => None,
            }
        });
        let Some(health) = settled else { return Ok(Outcome::Failed) };
        for feed in &health.feeds {
            let taken = feed.taken;
            writeln!(
                out,
                "{} {}: {} new, {} there already, {} variants, {} unreadable{}{}",
                health.account,
                feed.feed,
                taken.stored,
                taken.duplicates,
                taken.variants,
                taken.quarantined,
                if taken.discarded > 0 { format!(", {} discarded by rules", taken.discarded) } else { String::new() },
                if feed.found_late > 0 {
                    format!(", {} found late by a sweep", feed.found_late)
                } else {
                    String::new()
                },
            )?;
            if !matches!(feed.state, FeedState::Idle { .. }) {
                outcome = Outcome::Failed;
                output::note(format_args!("{} {}: {}", health.account, feed.feed, trouble(feed)));
            }
        }
    }
    out.end()?;
    if outcome == Outcome::Failed {
        output::note(
            "vaultscope: not every feed came to its end; what came is kept, and the next run goes on from there",
        );
    }
    Ok(outcome)
}

/// Tells when a feed falls ill or recovers, and nothing else.
fn until_stopped(collecting: &Collecting, interrupt: &Interrupt) -> Outcome {
    for collector in &collecting.collectors {
        collecting.runtime.spawn(tell(collector.health()));
    }
    collecting.runtime.spawn(tell_of_copies(collecting.heads.trouble()));
    collecting.runtime.block_on(interrupt.wait());
    Outcome::Done
}

/// Follows one account's health and says on standard error what changes for the worse and for the better.
pub async fn tell(mut health: watch::Receiver<Health>) {
    let mut said: Vec<Option<String>> = Vec::new();
    let (mut end, mut skewed) = (None, false);
    loop {
        let now = health.borrow_and_update().clone();
        let nearer = now.token_expires.and_then(|expires| expiry_step(expires, Ticks::now()));
        if nearer != end
            && let Some(warning) = now.token_expires.and_then(|expires| expiry_warning(expires, Ticks::now()))
        {
            output::note(format_args!("vaultscope: {}: {warning}", now.account));
        }
        end = nearer;
        if let Some(skew) = now.clock_skew.filter(|_| !skewed) {
            let seconds = skew.0.abs() / SECOND;
            output::note(format_args!(
                "vaultscope: {}: this machine's clock is {seconds} s from the service's: set it (NTP)",
                now.account
            ));
        }
        skewed = now.clock_skew.is_some();
        said.resize(now.feeds.len(), None);
        for (feed, said) in now.feeds.iter().zip(&mut said) {
            let ill = is_ill(feed).then(|| trouble(feed));
            if ill.is_some() != said.is_some() {
                let how = ill.as_deref().unwrap_or("well again");
                output::note(format_args!("vaultscope: {} {}: {how}", now.account, feed.feed));
                *said = ill;
            }
        }
        if health.changed().await.is_err() {
            return;
        }
    }
}

/// Says when heads cannot be copied, and when they can again.
async fn tell_of_copies(mut trouble: watch::Receiver<Vec<(String, Option<String>)>>) {
    let mut said = trouble.borrow_and_update().clone();
    while trouble.changed().await.is_ok() {
        let now = trouble.borrow_and_update().clone();
        for ((place, now), (_, before)) in now.iter().zip(&said) {
            match now {
                Some(why) if before.is_none() => {
                    output::note(format_args!("vaultscope: heads are not copied to {place}: {why}"));
                }
                None if before.is_some() => output::note(format_args!("vaultscope: heads are copied to {place} again")),
                _ => {}
            }
        }
        said = now;
    }
}

fn is_ill(feed: &FeedHealth) -> bool {
    use FeedState::{BackingOff, NotPermitted, Stopped, Unauthorised};
    match feed.state {
        BackingOff { .. } | Unauthorised { .. } | NotPermitted { .. } => true,
        Stopped => feed.last_error.is_some(),
        _ => false,
    }
}

fn trouble(feed: &FeedHealth) -> String {
    feed.last_error.clone().unwrap_or_else(|| match feed.state {
        FeedState::NotPermitted { .. } => "the token may not read this feed".to_owned(),
        _ => "it did not come to its end".to_owned(),
    })
}
