//! The file beside a store whose events are made up: it says so, and keeps what hunts need to know of the made-up organisation.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use crate::base::config::{Config, Organisation};
use crate::demo::{self, Options};

const NAME: &str = "DEMO.toml";
pub const GEOGRAPHY: &str = "geography.csv";

/// Is the store in this data folder a demo's?
pub fn is_there(data: &Path) -> bool {
    data.join(NAME).exists()
}

/// What the demo's organisation would have written into its configuration.
pub fn organisation(data: &Path) -> Option<Organisation> {
    let text = std::fs::read_to_string(data.join(NAME)).ok()?;
    Config::parse(&text, None, None).ok().map(|config| config.organisation)
}

/// Where the demo's addresses are, for `geo_info_from_ip_address`.
pub fn geography(data: &Path) -> Option<PathBuf> {
    let file = data.join(GEOGRAPHY);
    (is_there(data) && file.exists()).then_some(file)
}

/// Writes where the addresses of a simulated organisation are.
pub fn write_geography(data: &Path, options: &Options) -> Result<()> {
    let path = data.join(GEOGRAPHY);
    std::fs::write(&path, demo::Organisation::new(options)?.geography()).with_context(|| path.display().to_string())
}

pub fn write(data: &Path, organisation: &Organisation) -> Result<()> {
    let path = data.join(NAME);
    let text = format!("# The events beside this file are made up.\n{}", table(organisation));
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

#[cfg(test)]
pub fn remove(data: &Path) -> std::io::Result<()> {
    std::fs::remove_file(data.join(NAME))
}

/// The part of `[organisation]` that a demo knows.
fn table(organisation: &Organisation) -> Table {
    let list = |items: &[String]| Value::from(items.to_vec());
    let leavers = organisation.leavers.iter().map(|leaver| {
        let day = leaver.left.0.to_string()[..10].to_owned();
        Value::Table(Table::from_iter([
            ("user".to_owned(), leaver.user.clone().into()),
            ("left".to_owned(), day.into()),
        ]))
    });
    let privileged = &organisation.privileged;
    let privileged = Table::from_iter([
        ("users".to_owned(), list(&privileged.users)),
        ("groups".to_owned(), list(&privileged.groups)),
        ("vaults".to_owned(), list(&privileged.vaults)),
    ]);
    let networks: Vec<String> = organisation.internal_networks.iter().map(ToString::to_string).collect();
    let mut inside = Table::from_iter([
        ("canary_items".to_owned(), list(&organisation.canary_items)),
        ("internal_networks".to_owned(), list(&networks)),
        ("leavers".to_owned(), Value::Array(leavers.collect())),
        ("privileged".to_owned(), Value::Table(privileged)),
    ]);
    if let Some(name) = &organisation.name {
        inside.insert("name".to_owned(), name.clone().into());
    }
    Table::from_iter([("organisation".to_owned(), Value::Table(inside))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Ticks;
    use crate::demo::{Options, Simulation};

    #[test]
    fn what_the_demo_knows_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let now = Ticks::parse_rfc3339("2026-03-04T12:00:00Z").unwrap();
        let options = Options { users: 30, days: 2, ..Options::new(1, now) };
        let simulation = Simulation::new(&options).unwrap();
        assert!(!is_there(dir.path()));
        write(dir.path(), simulation.facts()).unwrap();
        assert_eq!(organisation(dir.path()).as_ref(), Some(simulation.facts()));
    }
}
