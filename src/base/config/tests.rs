use super::values::Network;
use super::*;

const WHOLE: &str = r#"
poll_interval = "2m"
live_interval = "5s"
budget_share = 0.25
theme = "light"
ca_file = "corp.pem"

[[accounts]]
name = "acme"
token = "file:/run/secrets/acme"
host = "events.1password.eu"
feeds = ["auditevents", "signinattempts"]

[[accounts]]
name = "acme-labs"
token = "op://Security/events/credential"

[organisation]
name = "Acme"
time_zone = "+02:00"
business_hours = { start = "07:30", end = "17:00", days = ["mon", "sat"] }
internal_networks = ["10.0.0.0/8", "2001:db8::/32"]
canary_items = ["abcdefghijklmnopqrstuvwxyz"]
privileged = { users = ["root@acme.example"], groups = ["owners"] }
leavers = [{ user = "gone@acme.example", left = 2026-05-31 }, { user = "B", left = "2026-06-30" }]

[[organisation.vault_owners]]
vault = "v1"
owners = ["ann@acme.example"]

[limits.console]
time = "30s"
memory = "256 MiB"

[profiles.wall]
theme = "high-contrast"
poll_interval = "10s"
limits.console.rows = 500
"#;

fn error(text: &str) -> String {
    Config::parse(text, Some(Path::new("/etc/vs.toml")), None).unwrap_err().to_string()
}

#[test]
fn without_a_file_everything_has_a_value() {
    let config = Config::default();
    assert_eq!(config, Config::load(None, None).unwrap());
    assert_eq!((config.profile.as_str(), config.theme.as_str()), ("default", "dark"));
    assert_eq!(config.poll_interval, Duration::from_secs(300));
    assert!((config.budget_share - 0.5).abs() < f64::EPSILON);
    assert_eq!(config.console_limits.rows, 100_000);
    assert_eq!(config.headless_limits, Limits { time: Duration::from_secs(600), memory: 1 << 30, rows: 500_000 });
}

#[test]
fn a_whole_file_is_read() {
    let config = Config::parse(WHOLE, Some(Path::new("/etc/vs/config.toml")), None).unwrap();
    assert_eq!(config.accounts.len(), 2);
    let acme = &config.accounts[0];
    assert_eq!(acme.name.as_str(), "acme");
    assert_eq!(acme.host.as_ref().unwrap().to_string(), "https://events.1password.eu");
    assert_eq!(acme.feeds.0, ["auditevents", "signinattempts"]);
    assert_eq!(config.accounts[1].token, SecretRef::Op("op://Security/events/credential".into()));
    assert_eq!(config.organisation.time_zone, organisation::TimeZone::Offset(120));
    assert_eq!(config.organisation.internal_networks[0], Network::new("10.0.0.0/8").unwrap());
    assert_eq!(config.organisation.leavers[0].left.0.to_string(), "2026-05-31T00:00:00.0000000Z");
    assert!(config.organisation.leavers[1].left > config.organisation.leavers[0].left);
    assert_eq!(config.ca_file.as_deref(), Some(Path::new("/etc/vs/corp.pem")));
    assert_eq!(config.watchlists.as_deref(), Some(Path::new("/etc/vs/watchlists")));
    assert_eq!(config.console_limits, Limits { time: Duration::from_secs(30), memory: 256 << 20, rows: 100_000 });
}

#[test]
fn a_profile_stands_on_top_of_the_rest() {
    let config = Config::parse(WHOLE, None, Some("wall")).unwrap();
    assert_eq!((config.theme.as_str(), config.poll_interval), ("high-contrast", Duration::from_secs(10)));
    assert_eq!(config.accounts.len(), 2);
    assert_eq!(config.console_limits, Limits { time: Duration::from_secs(30), memory: 256 << 20, rows: 500 });
    assert_eq!(Config::parse(WHOLE, None, Some("demo")).unwrap().profile, "demo");
    let error = Config::parse(WHOLE, None, Some("wal")).unwrap_err().to_string();
    assert!(error.contains("`wal`") && error.contains("did you mean `wall`?"), "{error}");
}

#[test]
fn a_misspelt_key_is_refused_with_its_place_and_the_nearest_key() {
    assert_eq!(
        error("theme = \"dark\"\npol_interval = \"5m\"\n"),
        "/etc/vs.toml:2:1: unknown key `pol_interval` (did you mean `poll_interval`?)"
    );
    assert_eq!(
        error("[[accounts]]\nname = \"a\"\ntokn = \"env:T\"\n"),
        "/etc/vs.toml:3:1: unknown key `tokn` (did you mean `token`?)"
    );
    let far = error("[organisation]\nzzzzzzzzz = 1\n");
    assert!(far.starts_with("/etc/vs.toml:2:1: unknown key `zzzzzzzzz` (known here: name, "), "{far}");
    let feed = error("[[accounts]]\nname = \"a\"\ntoken = \"env:T\"\nfeeds = [\"auditevent\"]\n");
    assert!(feed.contains("/etc/vs.toml:4:") && feed.contains("did you mean `auditevents`?"), "{feed}");
    let profile = error("[profiles.wall]\nthem = \"dark\"\n");
    assert!(profile.contains("/etc/vs.toml:2:1") && profile.contains("did you mean `theme`?"), "{profile}");
}

#[test]
fn a_wrong_value_is_refused_at_its_place() {
    for (text, place, says) in [
        ("poll_interval = \"5 minutes\"", ":1:17", "\"5m\""),
        ("poll_interval = \"0s\"", ":1:17", "from a second"),
        ("budget_share = 1.5", ":1:16", "at most 1"),
        ("[limits.console]\nmemory = \"lots\"", ":2:10", "512 MiB"),
        ("[organisation]\ninternal_networks = [\"10/8\"]", ":2:", "10.0.0.0/8"),
        ("[organisation]\ntime_zone = \"+2\"", ":2:13", "+02:00"),
        ("[organisation]\nbusiness_hours = { start = \"25:00\" }", ":2:", "09:00"),
        ("[[accounts]]\nname = \"a b\"\ntoken = \"env:T\"", ":2:8", "letters, digits"),
        ("[[accounts]]\nname = \"a\"\ntoken = \"env:T\"\nhost = \"http://events.1password.com\"", ":4:8", "https"),
        ("[[accounts]]\nname = \"a\"\n", ":1:1", "token"),
        ("theme = ", ":1:", ""),
    ] {
        let error = error(text);
        assert!(error.starts_with(&format!("/etc/vs.toml{place}")) && error.contains(says), "{text}: {error}");
    }
    let twice = error("[[accounts]]\nname = \"a\"\ntoken = \"env:T\"\n[[accounts]]\nname = \"a\"\ntoken = \"env:U\"\n");
    assert!(twice.contains("two accounts are called `a`"), "{twice}");
    assert!(error("[profiles.a.profiles.b]\ntheme = \"dark\"").contains("profiles of its own"));
}

#[test]
fn a_token_in_the_configuration_is_refused_and_not_repeated() {
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJhdWQiOlsiYyJdfQ.c4n4ry0c4n4ry0c4n4ry0";
    for text in [
        format!("[[accounts]]\nname = \"a\"\ntoken = \"{token}\"\n"),
        format!("[[accounts]]\nname = \"a\"\ntoken = \"env:T\"\nfeeds = [\"{token}\"]\n"),
        format!("[[accounts]]\nname = \"{token}\"\ntoken = \"env:T\"\n"),
        format!("budget_share = \"{token}\"\n"),
        format!("\"{token}\" = 1\n"),
        format!("theme = {token}\n"),
    ] {
        let error = Config::parse(&text, None, None).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("c4n4ry"), "{error}");
    }
    let error = error(&format!("[[accounts]]\nname = \"a\"\ntoken = \"{token}\"\n"));
    assert!(
        error.starts_with("/etc/vs.toml:3:9: this is not a secret reference") && error.contains("file:PATH"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_missing_or_open_to_all_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    assert!(Config::load(Some(&path), None).unwrap_err().to_string().contains("cannot be read"));
    assert_eq!(Config::load_if_there(&path, None).unwrap(), Config::default());
    fs::write(&path, "theme = \"mono\"").unwrap();
    assert_eq!(Config::load(Some(&path), None).unwrap().theme, "mono");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(Config::load(Some(&path), None).unwrap_err().to_string().contains("chmod o-w"));
}

#[test]
fn retention_is_in_days_by_feed_and_says_what_it_does_not_know() {
    let config = Config::parse("[retention]\ndays = 400\nsigninattempts = 90\nhold = true\n", None, None).unwrap();
    let retention = config.retention;
    assert_eq!((retention.days, retention.feeds["signinattempts"], retention.hold), (Some(400), 90, true));
    assert_eq!(Config::default().retention, Retention::default());
    for (text, want) in [
        ("days = 0", "1 to 36525 days"),
        ("days = -5", "1 to 36525 days"),
        ("auditevents = 99999", "1 to 36525 days"),
        ("signins = 9", "signinattempts"),
        ("days = \"400d\"", "400d"),
    ] {
        let error = error(&format!("[retention]\n{text}\n"));
        assert!(error.contains(want) && error.starts_with("/etc/vs.toml:"), "{error}");
    }
}
