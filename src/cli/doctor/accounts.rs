//! The accounts: whether each token can be read, where it would be sent, and, asked live, what the server says to it.

use super::Finding;
use crate::base::config::Account;
use crate::base::http::HttpClient;
use crate::base::time::{MINUTE, Ticks};
use crate::cli::place::Place;
use crate::cli::probe;
use crate::collect::collector::expiry_warning;
use crate::collect::{EventSource as _, EventsApi};

pub fn look(place: &Place, http: Option<&HttpClient>, live: bool) -> Vec<Finding> {
    if place.config.accounts.is_empty() {
        return vec![Finding::doubt("accounts", "none is connected", "`vaultscope connect --token REFERENCE` adds one")];
    }
    place.config.accounts.iter().flat_map(|account| one(account, http, live)).collect()
}

fn one(account: &Account, http: Option<&HttpClient>, live: bool) -> Vec<Finding> {
    let name = account.name.as_str();
    let Some(http) = http else { return Vec::new() };
    let api = match EventsApi::connect(http.clone(), account.host.as_ref(), &account.token) {
        Ok(api) => api,
        // The error's text holds the fix.
        Err(error) => return vec![Finding::wrong("token", format!("{name}: {error}"), "put right what it says, and run doctor again")],
    };
    let says = format!("{name}: {} can be read, and is sent to {}", account.token, api.base());
    let mut findings = vec![Finding::fine("token", says)];
    if live {
        findings.extend(ask(name, &api));
    } else {
        findings.push(Finding::fine("server", format!("{name}: {} was not asked; --live asks it", api.place())));
    }
    findings
}

fn ask(name: &str, api: &EventsApi) -> Vec<Finding> {
    let answer = match probe::once(api.identify()) {
        Ok(answer) => answer,
        Err(error) => return vec![Finding::wrong("server", format!("{name}: {error}"), "see the log of the system, and try again")],
    };
    let identity = match answer {
        Ok(identity) => identity,
        Err(error) => {
            let fix = "check the host, the token, the network and the proxy settings above";
            return vec![Finding::wrong("server", format!("{name}: {}: {error}", api.place()), fix)];
        }
    };
    let feeds: Vec<_> = identity.feeds.iter().map(|feed| feed.name()).collect();
    let mut findings = Vec::new();
    findings.push(if feeds.is_empty() {
        let fix = "give the integration at least one feature in 1Password";
        Finding::wrong("server", format!("{name}: the token may read nothing"), fix)
    } else {
        Finding::fine("server", format!("{name}: answers; the token may read {}", feeds.join(", ")))
    });
    if let Some(warning) = identity.expires.and_then(|expires| expiry_warning(expires, Ticks::now())) {
        findings.push(Finding::doubt("token", format!("{name}: {warning}"), "issue a new one in 1Password and store it where the configuration points"));
    }
    findings
}

/// The server's clock against ours.
#[expect(dead_code, reason = "asked with the first page")]
fn clock(server: Ticks) -> Finding {
    let skew = (server - Ticks::now()).0;
    let says = format!("{} s from the server's", skew / 10_000_000);
    if skew.abs() <= 2 * MINUTE {
        Finding::fine("clock", says)
    } else {
        Finding::wrong("clock", says, "set this machine's clock (NTP): arrivals are dated by it")
    }
}
