//! The accounts: whether each token can be read, where it would be sent, and, asked live, what the server says to it.

use super::Finding;
use crate::base::config::Account;
use crate::base::http::HttpClient;
use crate::base::secret::SecretRef;
use crate::base::time::{HOUR, MINUTE, SECOND, Span, Ticks};
use crate::cli::place::Place;
use crate::cli::probe;
use crate::collect::budget::{self, Budget};
use crate::collect::collector::expiry_warning;
use crate::collect::{EventSource as _, EventsApi};

pub fn look(place: &Place, http: Option<&HttpClient>, live: bool) -> Vec<Finding> {
    if place.config.accounts.is_empty() {
        if !place.config.connect.is_empty() {
            return Vec::new();
        }
        return vec![Finding::doubt(
            "accounts",
            "none is connected",
            "`vaultscope connect --token REFERENCE` adds one",
        )];
    }
    place.config.accounts.iter().flat_map(|account| one(place, account, http, live)).collect()
}

fn one(place: &Place, account: &Account, http: Option<&HttpClient>, live: bool) -> Vec<Finding> {
    let name = account.name.as_str();
    let Some(http) = http else { return Vec::new() };
    let api = match EventsApi::connect(http.clone(), account.host.as_ref(), &account.token) {
        Ok(api) => api.reading_audit(account.audit_version),
        // The error's text holds the fix.
        Err(error) => {
            return vec![Finding::wrong(
                "token",
                format!("{name}: {error}"),
                "put right what it says, and run doctor again",
            )];
        }
    };
    let mut findings = vec![readable(name, &account.token, &api, http)];
    if let Some(used) = budget::used(place.config.budget_share, &place.paths.data, name) {
        let says = format!(
            "{name}: {} of {} calls this minute, {} of {} this hour, of all processes together",
            used.minute, used.minute_limit, used.hour, used.hour_limit
        );
        findings.push(if used.minute >= used.minute_limit || used.hour >= used.hour_limit {
            Finding::doubt("budget", says, "poll less often, or raise `budget_share` in the configuration")
        } else {
            Finding::fine("budget", says)
        });
    }
    if live {
        findings.extend(ask(name, &api, &probe::budget(place, name)));
    } else {
        findings.push(Finding::fine("server", format!("{name}: {} was not asked; --live asks it", api.place())));
    }
    findings
}

/// The token of a server can be read; where it goes.
pub(super) fn readable(name: &str, token: &SecretRef, api: &EventsApi, http: &HttpClient) -> Finding {
    let base = api.base();
    let proxy = base.as_ref().and_then(|base| http.proxy_for(base));
    let proxy = proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
    let server = base.map_or_else(|| api.place(), |base| base.to_string());
    Finding::fine("token", format!("{name}: {token} can be read, and is sent to {server}{proxy}"))
}

fn ask(name: &str, api: &EventsApi, budget: &Budget) -> Vec<Finding> {
    let fix = "check the host, the token, the network and the proxy settings above";
    let probe = match probe::ask(api, budget, 1, Span(HOUR)) {
        Ok(Ok(probe)) => probe,
        Ok(Err(error)) => return vec![Finding::wrong("server", format!("{name}: {}: {error}", api.place()), fix)],
        Err(error) => {
            return vec![Finding::wrong("server", format!("{name}: {error}"), "close other programs and try again")];
        }
    };
    let feeds: Vec<_> = probe.identity.feeds.iter().map(|feed| feed.name()).collect();
    let mut findings = Vec::new();
    findings.push(if feeds.is_empty() {
        let fix = "give the integration at least one feature in 1Password";
        Finding::wrong("server", format!("{name}: the token may read nothing"), fix)
    } else {
        Finding::fine("server", format!("{name}: answers; the token may read {}", feeds.join(", ")))
    });
    if let Some(warning) = probe.identity.expires.and_then(|expires| expiry_warning(expires, Ticks::now())) {
        let fix = "issue a new one in 1Password and store it where the configuration points";
        findings.push(Finding::doubt("token", format!("{name}: {warning}"), fix));
    }
    for (feed, page) in &probe.pages {
        match page {
            Ok(page) => findings.extend(page.server_time.map(clock)),
            Err(error) => findings.push(Finding::wrong("server", format!("{name}: {feed}: {error}"), fix)),
        }
    }
    findings
}

/// The server's clock against ours.
pub(super) fn clock(server: Ticks) -> Finding {
    let apart = (server - Ticks::now()).0;
    let says = format!("{} s from the server's", apart / SECOND);
    if apart.abs() <= 2 * MINUTE {
        Finding::fine("clock", says)
    } else {
        Finding::wrong("clock", says, "set this machine's clock (NTP): arrivals are dated by it")
    }
}
