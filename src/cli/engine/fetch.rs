//! What a query's `externaldata` may fetch: https, and only from hosts that the configuration names.

use std::path::PathBuf;
use std::time::Duration;

use crate::base::http::{BaseUrl, HttpClient, HttpOptions};
use crate::engine::local::surroundings::Fetch;

/// Between two looks at whether somebody still waits.
const LOOK: Duration = Duration::from_millis(50);

/// Fetches from the hosts that are allowed.
#[derive(Debug)]
pub struct AllowedHosts {
    pub hosts: Vec<String>,
    pub ca_file: Option<PathBuf>,
}

impl AllowedHosts {
    /// The server and the path of an address, if its host is allowed.
    fn place(&self, address: &str) -> Result<(BaseUrl, String), String> {
        let rest = address.strip_prefix("https://").ok_or("only https is read")?;
        let (host, path) = match rest.find(['/', '?']) {
            Some(at) if rest.as_bytes()[at] == b'/' => (&rest[..at], rest[at..].to_owned()),
            Some(at) => (&rest[..at], format!("/{}", &rest[at..])),
            None => (rest, "/".to_owned()),
        };
        let path = path.split('#').next().unwrap_or_default().to_owned();
        let base: BaseUrl = format!("https://{host}").parse().map_err(|_| "it is no address of a server".to_owned())?;
        let authority = base.authority();
        if self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&authority)) {
            return Ok((base, path));
        }
        Err(format!(
            "{authority} is not allowed: add it in the configuration, [external_data] hosts = [\"{authority}\"]"
        ))
    }
}

impl Fetch for AllowedHosts {
    fn fetch(&self, address: &str, most: u64, within: Duration, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, String> {
        let (base, path) = self.place(address)?;
        let client = HttpClient::new(&HttpOptions { ca_file: self.ca_file.clone() }).map_err(|e| e.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let host = base.authority();
        let answer = runtime.block_on(async {
            let waiting = async {
                while !stop() {
                    tokio::time::sleep(LOOK).await;
                }
            };
            tokio::select! {
                answer = client.download(&base, &path) => answer.map_err(|e| e.to_string()),
                () = waiting => Err("stopped".to_owned()),
                () = tokio::time::sleep(within) => Err(format!("{host} did not answer within {} seconds", within.as_secs())),
            }
        })?;
        if answer.status != 200 {
            return Err(format!("{host} answers with status {}", answer.status));
        }
        if answer.body.len() as u64 > most {
            return Err(format!("{host} answers with more than {} MiB", most >> 20));
        }
        Ok(answer.body.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_are_asked_and_no_error_repeats_a_signature() {
        let allowed = AllowedHosts { hosts: vec!["lists.example.com".into()], ca_file: None };
        let (base, path) = allowed.place("https://Lists.example.com/a.csv?sig=SECRET#x").unwrap();
        assert_eq!((base.to_string().as_str(), path.as_str()), ("https://lists.example.com", "/a.csv?sig=SECRET"));
        for address in [
            "https://other.example.com/a?sig=SECRET",
            "http://lists.example.com/a?sig=SECRET",
            "https://lists.example.com@evil.example.com/SECRET",
            "https://u:SECRET@lists.example.com/",
            "https://lists.example.com:8443/SECRET",
        ] {
            let error = allowed.place(address).unwrap_err();
            assert!(!error.contains("SECRET"), "{error}");
        }
    }
}
