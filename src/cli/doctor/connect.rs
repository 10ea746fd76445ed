//! The Connect servers: whether each token can be read, whether the server answers, and whether it lets the token see its activity.

use super::Finding;
use super::accounts::{clock, readable};
use crate::base::config::ConnectServer;
use crate::base::http::HttpClient;
use crate::base::time::{HOUR, Span, Ticks};
use crate::cli::place::Place;
use crate::cli::probe;
use crate::collect::budget::Budget;
use crate::collect::collector::expiry_warning;
use crate::collect::{Connect, EventSource as _, EventsApi, FetchError};

pub fn look(place: &Place, http: Option<&HttpClient>, live: bool) -> Vec<Finding> {
    let Some(http) = http else { return Vec::new() };
    place.config.connect.iter().flat_map(|server| one(place, server, http, live)).collect()
}

fn one(place: &Place, server: &ConnectServer, http: &HttpClient, live: bool) -> Vec<Finding> {
    let name = server.name.as_str();
    let access = match EventsApi::connect(http.clone(), Some(&server.host), &server.token) {
        Ok(access) => access,
        // The error's text holds the fix.
        Err(error) => {
            let says = format!("{name} (Connect): {error}");
            return vec![Finding::wrong("token", says, "put right what it says, and run doctor again")];
        }
    };
    let mut findings = vec![readable(&format!("{name} (Connect)"), &server.token, &access, http)];
    let source = Connect::new(access);
    if live {
        findings.extend(ask(place, name, &source));
    } else {
        let says = format!("{name} (Connect): {} was not asked; --live asks it", source.place());
        findings.push(Finding::fine("server", says));
    }
    findings
}

/// Asks for the newest requests. A Connect server has no limits that are known; its calls are counted all the same.
fn ask(place: &Place, name: &str, source: &Connect) -> Vec<Finding> {
    let of = |what: &str| format!("{name} (Connect): {}: {what}", source.place());
    let probe = match probe::ask(source, &Budget::new(place.config.budget_share), 1, Span(HOUR)) {
        Ok(Ok(probe)) => probe,
        Ok(Err(error)) => return vec![Finding::wrong("server", of(&error.to_string()), fix(&error))],
        Err(error) => {
            return vec![Finding::wrong("server", of(&error.to_string()), "close other programs and try again")];
        }
    };
    let mut findings = vec![Finding::fine("server", of("answers; the token may read its activity"))];
    if let Some(warning) = probe.identity.expires.and_then(|expires| expiry_warning(expires, Ticks::now())) {
        findings.push(Finding::doubt("token", of(&warning), NEW_TOKEN));
    }
    for (_, page) in &probe.pages {
        match page {
            Ok(page) => findings.extend(page.server_time.map(clock)),
            Err(error) => findings.push(Finding::wrong("server", of(&error.to_string()), fix(error))),
        }
    }
    findings
}

const NEW_TOKEN: &str =
    "issue a token of this Connect server (`op connect token create`) and store it where the configuration points";

/// What to do about it; a Connect server is the organisation's own, so there is more to look at than a token.
fn fix(error: &FetchError) -> &'static str {
    match error {
        FetchError::Unauthorized(_) | FetchError::NotPermitted | FetchError::NoToken(_) => NEW_TOKEN,
        FetchError::Malformed(_) => "name the Connect server's API with `host`: its /v1/activity is what is read",
        FetchError::RateLimited { .. } | FetchError::Server { .. } => {
            "look at the log of the Connect server, and try again"
        }
        _ => "check that the Connect server runs, the host, its certificate (--ca-file) and the proxy settings",
    }
}
