//! `connect`: tries a token, shows what it may read, and writes the configuration.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::args::Global;
use super::place::Place;
use super::probe::{self, Probe};
use super::{Outcome, WrongUse, output};
use crate::base::config::Config;
use crate::base::config::values::Name;
use crate::base::http::BaseUrl;
use crate::base::paths::ensure_private;
use crate::base::secret::SecretRef;
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::collect::collector::expiry_warning;
use crate::collect::events_api::PAGE;
use crate::collect::{EventSource as _, EventsApi};
use crate::event::Feed;

/// Try an Events API token, show what it may read, and write the configuration
///
/// The token itself never stands on the command line or in the configuration: name where it lies. Its server is 1Password's that the
/// token names, unless --host says otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope connect --token file:~/.op-events-token --write
  vaultscope connect --token 'op://Security/Events API/credential' --name acme --write
  vaultscope connect --token env:OP_EVENTS_TOKEN --host events.1password.eu

A token is issued in 1Password under Integrations > Events Reporting > Other.")]
pub struct Args {
    /// Where the token lies: file:PATH, env:NAME, op://vault/item/field or keyring:NAME
    #[arg(long, value_name = "REFERENCE")]
    token: String,
    /// The account's Events API server [default: the one of 1Password's that the token names]
    #[arg(long)]
    host: Option<String>,
    /// What the account is to be called here
    #[arg(long, default_value = "main")]
    name: String,
    /// Add the account to the configuration file
    #[arg(long)]
    write: bool,
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let place = Place::of(global)?;
    let token: SecretRef = args.token.parse().map_err(wrong_use)?;
    let host: Option<BaseUrl> = args.host.as_deref().map(str::parse).transpose().map_err(wrong_use)?;
    let name = Name::new(&args.name)
        .ok_or_else(|| WrongUse("--name takes 1 to 40 letters, digits, `.`, `_` or `-`".to_owned()))?;
    let api = EventsApi::connect(place.http()?, host.as_ref(), &token)?;
    output::note(format_args!("asking {}", api.place()));
    let probe = probe::ask(&api, &probe::budget(&place, name.as_str()), Feed::ALL.len(), probe::ALL)?
        .with_context(|| api.place())?;
    show(&probe, &api)?;
    let entry = entry(&name, &token, host.as_ref());
    if args.write {
        write(&place.paths.config_file, &entry, &name)?;
        output::note(format_args!("written to {}; `vaultscope` opens the console", place.paths.config_file.display()));
    } else {
        let file = place.paths.config_file.display();
        output::note(format_args!("add --write to put this into {file}:"));
        output::report(&format!("\n{entry}"));
    }
    let works = probe.pages.iter().any(|(_, page)| page.is_ok());
    Ok(if works { Outcome::Done } else { Outcome::Failed })
}

fn wrong_use(error: impl std::fmt::Display) -> WrongUse {
    WrongUse(error.to_string())
}

fn show(probe: &Probe, api: &EventsApi) -> Result<()> {
    let identity = &probe.identity;
    let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "not told by the server".to_owned());
    let day = |at: Option<Ticks>| at.map(|at| at.to_string()[..10].to_owned());
    let mut out = output::Answer::new();
    let mut rows = vec![
        ("server", api.base().map_or_else(|| api.place(), |base| base.to_string())),
        ("account", told(&identity.account)),
        ("integration", told(&identity.integration)),
        ("issued", day(identity.issued).unwrap_or_else(|| "not told by the server".to_owned())),
        ("expires", day(identity.expires).unwrap_or_else(|| "not told by the token".to_owned())),
    ];
    for feed in Feed::ALL {
        let page = probe.pages.iter().find(|(of, _)| *of == feed).map(|(_, page)| page);
        rows.push((
            feed.name(),
            match page {
                None => "not in the token's scope".to_owned(),
                Some(Err(error)) => format!("FAILED: {error}"),
                Some(Ok(page)) => {
                    let more = if page.has_more || page.items.len() == PAGE { ", more follow" } else { "" };
                    format!("readable; {} events on the first page{more}", page.items.len())
                }
            },
        ));
    }
    let rows: Vec<_> = rows.into_iter().map(|(what, says)| vec![what.to_owned(), says]).collect();
    output::columns(&mut out, &rows)?;
    out.end()?;
    if let Some(warning) = identity.expires.and_then(|expires| expiry_warning(expires, Ticks::now())) {
        output::note(warning);
    }
    Ok(())
}

/// The account as the configuration has it. What stands in it was read by our own types, so a TOML string holds it.
fn entry(name: &Name, token: &SecretRef, host: Option<&BaseUrl>) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let host = host.map_or_else(String::new, |host| format!("host = {}\n", quoted(&host.to_string())));
    format!("[[accounts]]\nname = {}\ntoken = {}\n{host}", quoted(name.as_str()), quoted(&token.to_string()))
}

/// Adds the entry at the end of the file, or makes the file. What comes of it is read first: a configuration is never broken by us.
fn write(file: &Path, entry: &str, name: &Name) -> Result<()> {
    let shown = file.display();
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("{shown}")),
    };
    let between = if before.is_empty() || before.ends_with("\n\n") {
        ""
    } else if before.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    };
    let text = format!("{before}{between}{entry}");
    let config = Config::parse(&text, Some(file), None)
        .with_context(|| format!("`{}` was not added", Shown::new(name.as_str())))?;
    debug_assert!(config.accounts.iter().any(|account| account.name == *name));
    let folder = file.parent().unwrap_or(Path::new("."));
    ensure_private(folder)?;
    let beside = folder.join(format!(".config.toml.{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut new = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, file)?;
        fs::File::open(folder)?.sync_all()
    };
    write().inspect_err(|_| drop(fs::remove_file(&beside))).with_context(|| format!("{shown} cannot be written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_added_and_what_stood_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let add = |name: &str, token: &str| {
            let name = Name::new(name).unwrap();
            write(&file, &entry(&name, &token.parse().unwrap(), None), &name)
        };
        add("one", "env:A").unwrap();
        add("two", "file:/with \"quotes\"/t").unwrap();
        let config = Config::load(Some(&file), None).unwrap();
        assert_eq!(config.accounts.len(), 2);
        assert_eq!(config.accounts[1].token.to_string(), "file:/with \"quotes\"/t");
        let error = add("one", "env:B").unwrap_err();
        assert!(format!("{error:#}").contains("two accounts are called `one`"), "{error:#}");
        assert_eq!(Config::load(Some(&file), None).unwrap(), config);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
