//! `doctor`: looks at everything a run depends on, and names the fix for what is wrong.

mod accounts;
mod connect;
mod directories;
mod terminal;

use std::io::Write as _;

use anyhow::Result;

use super::args::Global;
use super::place::Place;
use super::{Outcome, collecting, output};
use crate::base::config::Config;
use crate::base::http::{HttpClient, HttpOptions};
use crate::base::paths::Paths;
use crate::store::checkpoint::copies::{self, Copy};
use crate::store::{Layout, Reader};

/// Check configuration, tokens, directories, network and terminal, and name the fix for what is wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope doctor
  vaultscope doctor --live     also asks each account's and each Connect server: name, connection, certificate, clock, token

Exit status: 0 nothing is wrong, 3 something is.")]
pub struct Args {
    /// Ask the servers too: two requests for each account and each Connect server
    #[arg(long)]
    live: bool,
}

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Fine,
    /// Works, but worth knowing.
    Doubt,
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    verdict: Verdict,
    what: &'static str,
    says: String,
    /// What to do; always there when something is wrong.
    fix: Option<String>,
}

impl Finding {
    fn fine(what: &'static str, says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fine, what, says: says.into(), fix: None }
    }

    fn doubt(what: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::Doubt, what, says: says.into(), fix: Some(fix.into()) }
    }

    fn wrong(what: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, what, says: says.into(), fix: Some(fix.into()) }
    }
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let mut findings = Vec::new();
    let place = configuration(global, &mut findings)?;
    if let Err(error) = collecting::rules(&place) {
        let fix = "correct the predicate; `vaultscope collect` does not start with it";
        findings.push(Finding::wrong("suppression", format!("{error:#}"), fix));
    }
    findings.extend(directories::look(&place.paths));
    findings.extend(store(&place));
    findings.extend(head_copies(&place));
    let http = trust(&place, &mut findings);
    findings.extend(accounts::look(&place, http.as_ref(), args.live));
    findings.extend(connect::look(&place, http.as_ref(), args.live));
    findings.extend(terminal::look(global));
    let mut out = output::Answer::new();
    for finding in &findings {
        let mark = match finding.verdict {
            Verdict::Fine => "ok   ",
            Verdict::Doubt => "note ",
            Verdict::Wrong => "WRONG",
        };
        output::columns(&mut out, &[vec![format!("{mark} {:<14}", finding.what), finding.says.clone()]])?;
        if let Some(fix) = &finding.fix {
            output::columns(&mut out, &[vec![" ".repeat(20), format!("fix: {fix}")]])?;
        }
    }
    let wrong = findings.iter().filter(|finding| finding.verdict == Verdict::Wrong).count();
    writeln!(
        out,
        "{}",
        match wrong {
            0 => "nothing is wrong".to_owned(),
            1 => "one thing is wrong".to_owned(),
            _ => format!("{wrong} things are wrong"),
        }
    )?;
    out.end()?;
    Ok(if wrong == 0 { Outcome::Done } else { Outcome::Found })
}

/// The configuration; where it is wrong, the defaults, so that the rest can be looked at.
fn configuration(global: &Global, findings: &mut Vec<Finding>) -> Result<Place> {
    match Place::of(global) {
        Ok(place) => {
            let says = match &place.config.file {
                Some(file) => format!("{} (profile {})", file.display(), place.config.profile),
                None => format!("none at {}, the defaults hold", place.paths.config_file.display()),
            };
            findings.push(Finding::fine("configuration", says));
            Ok(place)
        }
        Err(error) => {
            let fix = "correct the line; until then nothing of the file holds";
            findings.push(Finding::wrong("configuration", format!("{error:#}"), fix));
            let paths = Paths::new(global.profile.as_deref().unwrap_or("default"), global.data_dir.as_deref())?;
            Ok(Place { config: Config::default(), paths })
        }
    }
}

fn store(place: &Place) -> Vec<Finding> {
    let sqlite = rusqlite::version_number();
    let says = format!("built in, version {}", rusqlite::version());
    let mut findings = vec![if sqlite >= 3_051_003 {
        Finding::fine("SQLite", says)
    } else {
        Finding::wrong("SQLite", says, "build with SQLite 3.51.3 or later: earlier ones can lose a commit")
    }];
    let data = &place.paths.data;
    if !Layout::of(data).exists() {
        findings.push(Finding::fine("store", format!("none yet in {}", data.display())));
        return findings;
    }
    findings.push(match Reader::open(data).and_then(|reader| reader.status()) {
        Err(error) => {
            let fix = "put the store back from a backup, or name another with --data-dir; nothing here was written over";
            Finding::wrong("store", error.to_string(), fix)
        }
        Ok(status) if !status.damaged.is_empty() => {
            let says = format!("{} segments are damaged, their events are in no answer", status.damaged.len());
            let fix = "put their files back from a backup and run `vaultscope store verify`; a running collector fetches what the service still has";
            Finding::wrong("store", says, fix)
        }
        Ok(status) => {
            let writer = status.writer.as_ref().map_or_else(
                || "nobody writes it now".to_owned(),
                |holder| format!("process {} on {} writes it", holder.pid, holder.host),
            );
            let says = format!("{} events in {}; {writer}", status.events(), data.display());
            if status.gaps == 0 {
                Finding::fine("store", says)
            } else {
                let says = format!("{says}; {} gaps", status.gaps);
                Finding::doubt(
                    "store",
                    says,
                    "events of these times may be missing: collect more often than the API forgets (120 days)",
                )
            }
        }
    });
    findings
}

/// Do the places that heads are to be copied to take them?
fn head_copies(place: &Place) -> Vec<Finding> {
    let told = copies::read(&Layout::of(&place.paths.data));
    let look = |copy: &crate::base::config::ledger::Place| {
        let name = copy.to_string();
        match told.iter().find(|told| told.place == name) {
            None => Finding::doubt(
                "head copies",
                format!("{name}: nothing has been copied there yet"),
                "they are copied while a collector runs: start `vaultscope collect`",
            ),
            Some(Copy { error: Some(why), since, .. }) => Finding::wrong(
                "head copies",
                format!("{name}: not copied since {since}: {why}"),
                "make the place writable for whoever collects, or name another under [ledger] in the configuration",
            ),
            Some(Copy { since, .. }) => Finding::fine("head copies", format!("{name}: copied, as of {since}")),
        }
    };
    place.config.ledger.copies.iter().map(look).collect()
}

/// The certificate authorities, and the client that trusts them.
fn trust(place: &Place, findings: &mut Vec<Finding>) -> Option<HttpClient> {
    let client = HttpClient::new(&HttpOptions { ca_file: place.config.ca_file.clone() });
    let finding = match &client {
        Err(error) => {
            Finding::wrong("certificates", error.to_string(), "name a PEM file with --ca-file, or leave it out")
        }
        Ok(client) => {
            let trust = client.trust();
            let says = trust.to_string();
            if trust.system == 0 && trust.ca_file.is_none() {
                let fix = "install the system's ca-certificates, or name a PEM file with SSL_CERT_FILE or --ca-file";
                Finding::wrong("certificates", says, fix)
            } else if let Some(problem) = trust.problems.first() {
                Finding::doubt("certificates", format!("{says}; {problem}"), "look at SSL_CERT_FILE and SSL_CERT_DIR")
            } else {
                Finding::fine("certificates", says)
            }
        }
    };
    findings.push(finding);
    client.ok()
}
