//! `doctor`: each finding with its fix.

use super::Home;

#[test]
fn a_sound_place_without_accounts_has_nothing_wrong_and_gets_nothing_made() {
    let home = Home::new();
    // The system's certificates may be missing where this runs; these are enough.
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/ca.pem");
    let ran = home.run(["doctor", "--ca-file", ca]).ended(0);
    assert!(ran.out.contains("nothing is wrong") && ran.out.contains("vaultscope connect"), "{}", ran.out);
    assert_eq!(home.entries(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn what_is_wrong_is_found_with_its_fix() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let token = home.file("token", "eyJ.c4n4ry0c4n4ry0c4n4ry0.sig");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    home.configuration(&format!("[[accounts]]\nname = \"acme\"\ntoken = \"file:{}\"\n", token.display()));
    let data = home.path("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o777)).unwrap();
    let ran = home.run(["doctor".as_ref(), "--data-dir".as_ref(), data.as_os_str()]).ended(3);
    assert!(ran.out.contains("chmod go-w") && ran.out.contains("chmod 600"), "{}", ran.out);
    assert!(!ran.out.contains("c4n4ry") && !ran.err.contains("c4n4ry"));
}

#[test]
fn a_wrong_configuration_is_a_finding_and_the_rest_is_looked_at() {
    let home = Home::new();
    home.configuration("pol_interval = \"5m\"\n");
    let ran = home.run(["doctor"]).ended(3);
    assert!(ran.out.contains("did you mean `poll_interval`?") && ran.out.contains("SQLite"), "{}", ran.out);
}
