//! Help, exit statuses, what stands on which stream.

use std::process::Stdio;

use super::Home;

#[test]
fn help_teaches_with_examples_and_leaves_nothing_behind() {
    let home = Home::new();
    for args in [&["--help"][..], &["import", "--help"], &["hunt", "--help"], &["connect", "--help"], &["--version"]] {
        let ran = home.run(args).ended(0);
        assert!(ran.err.is_empty(), "{}", ran.err);
        assert!(args.contains(&"--version") || ran.out.contains("Examples:"), "{}", ran.out);
    }
    assert_eq!(home.entries(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn without_a_terminal_the_commands_are_named() {
    let ran = Home::new().run([""; 0]).ended(2);
    assert!(ran.out.is_empty(), "{}", ran.out);
    for command in ["import", "hunt", "store", "doctor"] {
        assert!(ran.err.contains(command), "{}", ran.err);
    }
}

#[test]
fn wrong_use_exits_2_and_says_what_would_be_right() {
    let home = Home::new();
    for (args, says) in [
        (&["qurey"][..], "query"),
        (&["hunt", "lst"], "list"),
        (&["hunt", "run"], "--all"),
        (&["import"], "FILE"),
        (&["import", "nowhere.json"], "no such file"),
        (&["import", "--feed", "audit", "x"], "auditevents"),
        (&["hunt", "list", "--colour"], "--color"),
        (&["wall"], "not there yet"),
        (&["hunt", "test"], "not there yet"),
        (&["--profile", "acme", "hunt", "list"], "no profile `acme`"),
        (&["--config", "nowhere.toml", "hunt", "list"], "nowhere.toml"),
        (&["collect"], "vaultscope connect"),
    ] {
        let ran = home.run(args).ended(2);
        assert!(ran.out.is_empty(), "{args:?}: {}", ran.out);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    assert_eq!(home.entries(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_misspelt_configuration_key_is_named_with_its_place_and_the_nearest() {
    let home = Home::new();
    home.configuration("theme = \"dark\"\npol_interval = \"5m\"\n");
    let ran = home.run(["hunt", "list"]).ended(2);
    assert!(ran.err.contains("config.toml:2:1") && ran.err.contains("did you mean `poll_interval`?"), "{}", ran.err);
}

#[test]
fn a_hostile_argument_draws_nothing_on_the_screen() {
    let ran = Home::new().run(["hunt", "show", "\u{1b}[2Jx\u{202e}"]).ended(1);
    assert!(!ran.err.contains('\u{1b}') && ran.err.contains("‹U+202E›"), "{}", ran.err);
}

#[test]
fn hunts_are_listed_shown_and_missed_with_the_nearest() {
    let home = Home::new();
    let listed = home.run(["hunt", "list"]).ended(0);
    assert!(listed.out.starts_with("ID ") && listed.out.contains("password-spray"), "{}", listed.out);
    let shown = home.run(["hunt", "show", "password-spray"]).ended(0);
    assert!(shown.out.starts_with("// id = \"password-spray\""), "{}", shown.out);
    let missed = home.run(["hunt", "show", "pasword-spray"]).ended(1);
    assert!(missed.err.contains("did you mean `password-spray`?"), "{}", missed.err);
}

#[test]
fn hunts_of_ones_own_are_found_and_broken_ones_told_beside_the_answer() {
    let home = Home::new();
    home.file(
        ".config/vaultscope/hunts/mine.kql",
        "// id = \"mine\"\n// name = \"Mine\"\n// severity = \"Low\"\nprint 1\n",
    );
    home.file(".config/vaultscope/hunts/bad.kql", "// id = \"bad\"\n// naem = \"Bad\"\nprint 1\n");
    let ran = home.run(["hunt", "list", "--format", "ndjson"]).ended(0);
    let ids: Vec<String> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(ids.contains(&"mine".to_owned()) && !ids.contains(&"bad".to_owned()), "{ids:?}");
    assert!(ran.err.contains("bad.kql:2:4"), "{}", ran.err);
}

#[test]
fn completions_are_made_for_each_shell() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(home.run(["completions", shell]).ended(0).out.contains("vaultscope"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = Home::new();
    let mut child =
        home.command().args(["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap()), (Some(0), String::new()));
}
