//! Who sits here, for the query log: the system's name for the user, and where they came from over SSH.

use std::fmt::Write as _;
use std::net::IpAddr;

/// `anna: hunt`, or `anna from 192.0.2.7: hunt`: who asks, and by what.
pub fn doing(what: &str) -> String {
    let id = rustix::process::geteuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut text = name_of(id, &users).map_or_else(|| format!("user {id}"), str::to_owned);
    // Anyone can set it; it is taken for an address and nothing else.
    let from = std::env::var("SSH_CONNECTION").ok().and_then(|text| address(&text));
    if let Some(from) = from {
        let _ = write!(text, " from {from}");
    }
    let _ = write!(text, ": {what}");
    text
}

/// The name of a user in the lines of `/etc/passwd`. `USER` would be whatever somebody says.
fn name_of(id: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, found) = (fields.next()?, fields.next()?, fields.next()?);
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b)) && name.len() <= 64;
        (plain && found.parse() == Ok(id)).then_some(name)
    })
}

/// The client's address in what `sshd` says of a connection: `ADDRESS PORT ADDRESS PORT`.
fn address(connection: &str) -> Option<IpAddr> {
    connection.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_called_as_the_system_calls_them() {
        let users = "root:x:0:0::/root:/bin/sh\nanna:x:1001:1001::/home/anna:/bin/sh\n\u{1b}[2J:x:1002:1::/:/bin/sh\n";
        assert_eq!(name_of(1001, users), Some("anna"));
        assert_eq!(name_of(1002, users), None);
        assert_eq!(name_of(7, users), None);
    }

    #[test]
    fn only_an_address_is_taken_from_the_connection() {
        assert_eq!(address("192.0.2.7 50022 192.0.2.1 22"), Some([192, 0, 2, 7].into()));
        assert_eq!(address("\u{1b}]0;x 1 2 3"), None);
        assert_eq!(address(""), None);
    }

    #[test]
    fn what_is_done_ends_the_line() {
        assert!(doing("query").ends_with(": query"));
    }
}
