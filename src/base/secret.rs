//! Secrets by reference: the configuration says where a token lies, never the token itself.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::shown::Shown;

/// Longest secret read from a file or a tool, in bytes. Tokens are well under 4 KiB.
const LONGEST: u64 = 64 * 1024;
/// `op` may wait for a fingerprint.
const OP_PATIENCE: Duration = Duration::from_secs(60);
/// A keyring that does not answer (no session bus over SSH) must not hang the program.
const KEYRING_PATIENCE: Duration = Duration::from_secs(10);

/// Where a secret lies. Written `env:NAME`, `file:PATH`, `op://vault/item/field` or `keyring:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretRef {
    Env(String),
    File(PathBuf),
    /// The whole reference, `op://…`, as the `op` tool takes it.
    Op(String),
    /// The account name under the service `vaultscope`.
    Keyring(String),
}

/// Why a secret could not be had. No text holds any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error(
        "this is not a secret reference. Put the token into a file that only you can read and write `file:PATH`, or use `env:NAME`, \
         `op://vault/item/field` or `keyring:NAME`. A token itself does not belong into a configuration: if it was one, revoke it"
    )]
    NotAReference,
    #[error("the environment variable {0} is not set: export it, or use `file:PATH`, `op://…` or `keyring:NAME`")]
    NoVariable(String),
    #[error("{}: {error}: put the token there, readable only by you", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} can be read by others (mode {mode:04o}): run `chmod 600 '{}'`", path.display(), path.display())]
    Readable { path: PathBuf, mode: u32 },
    #[error("{} is not a plain file", path.display())]
    NotAFile { path: PathBuf },
    #[error("{origin} is empty: put the token there")]
    Empty { origin: SecretRef },
    #[error("{origin} does not hold a token: it has blanks, line breaks or other characters that no token has")]
    NotAToken { origin: SecretRef },
    #[error("{tool} is not installed, and {origin} needs it: {fix}")]
    NoTool { tool: &'static str, origin: SecretRef, fix: &'static str },
    #[error("{tool} did not answer within {}s for {origin}: {fix}", patience.as_secs())]
    ToolHangs { tool: &'static str, origin: SecretRef, patience: Duration, fix: &'static str },
    #[error("{tool} has no {origin}: {said}. {fix}")]
    ToolFails { tool: &'static str, origin: SecretRef, said: String, fix: &'static str },
}

const OP_FIX: &str = "install the 1Password CLI and sign in (`op signin`), or use `file:PATH`";
#[cfg(target_os = "macos")]
const KEYRING_FIX: &str =
    "store it with `security add-generic-password -s vaultscope -a NAME -w`, or use `file:PATH` or `op://…`";
#[cfg(not(target_os = "macos"))]
const KEYRING_FIX: &str = "install libsecret's `secret-tool` and store it with `secret-tool store --label vaultscope service vaultscope \
     account NAME` (it needs a session bus, which SSH sessions often lack), or use `file:PATH` or `op://…`";

impl FromStr for SecretRef {
    type Err = SecretError;

    /// Anything else is refused, and not repeated: it may be a token.
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let reference = match text.split_once(':') {
            Some(("env", name)) if is_variable(name) => Self::Env(name.to_owned()),
            Some(("file", path)) if !path.is_empty() => Self::File(home_expanded(path)),
            Some(("op", rest)) if rest.starts_with("//") && rest.split('/').filter(|p| !p.is_empty()).count() >= 3 => {
                Self::Op(text.to_owned())
            }
            Some(("keyring", name)) if !name.is_empty() => Self::Keyring(name.to_owned()),
            _ => return Err(SecretError::NotAReference),
        };
        Ok(reference)
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Op(reference) => f.write_str(reference),
            Self::Keyring(name) => write!(f, "keyring:{name}"),
        }
    }
}

impl<'de> serde::Deserialize<'de> for SecretRef {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
    }
}

impl SecretRef {
    /// Fetches the secret. Blocks: on a file, or on a tool that may ask for a fingerprint (up to a minute).
    pub fn resolve(&self) -> Result<SecretString, SecretError> {
        let found = match self {
            Self::Env(name) => {
                Zeroizing::new(env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?.into_bytes())
            }
            Self::File(path) => read_private(path)?,
            Self::Op(reference) => self.run("op", &["read", "--no-newline", reference], OP_PATIENCE, OP_FIX)?,
            #[cfg(target_os = "macos")]
            Self::Keyring(name) => self.run(
                "security",
                &["find-generic-password", "-s", "vaultscope", "-a", name, "-w"],
                KEYRING_PATIENCE,
                KEYRING_FIX,
            )?,
            #[cfg(not(target_os = "macos"))]
            Self::Keyring(name) => self.run(
                "secret-tool",
                &["lookup", "service", "vaultscope", "account", name],
                KEYRING_PATIENCE,
                KEYRING_FIX,
            )?,
        };
        let token = found.trim_ascii();
        if token.is_empty() {
            return Err(SecretError::Empty { origin: self.clone() });
        }
        // It goes into a header: anything but visible ASCII there would be refused later with a worse message.
        match std::str::from_utf8(token) {
            Ok(token) if token.bytes().all(|b| b.is_ascii_graphic()) => Ok(SecretString::from(token)),
            _ => Err(SecretError::NotAToken { origin: self.clone() }),
        }
    }

    /// Runs a tool that prints the secret, without a shell, and gives up after `patience`.
    fn run(
        &self,
        tool: &'static str,
        arguments: &[&str],
        patience: Duration,
        fix: &'static str,
    ) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let origin = self.clone();
        let fails = |origin, said: &str| SecretError::ToolFails { tool, origin, said: said.to_owned(), fix };
        let mut child = match Command::new(tool)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
        {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SecretError::NoTool { tool, origin, fix });
            }
            Err(error) => return Err(fails(origin, &error.to_string())),
        };
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(fails(origin, "its output cannot be read"));
        };
        // Read beside waiting: a tool that writes more than a pipe holds would otherwise never end.
        let answer = std::thread::spawn(move || read_all(stdout));
        let complaint = std::thread::spawn(move || read_all(stderr));
        let start = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if start.elapsed() < patience => std::thread::sleep(Duration::from_millis(10)),
                Ok(None) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(SecretError::ToolHangs { tool, origin, patience, fix });
                }
                Err(error) => return Err(fails(origin, &error.to_string())),
            }
        };
        let answer = answer.join().unwrap_or_default();
        let complaint = complaint.join().unwrap_or_default();
        if status.success() {
            return Ok(answer);
        }
        let said = redact(Shown::bytes(complaint.trim_ascii(), 200).as_str());
        Err(fails(origin, if said.is_empty() { "it said nothing" } else { &said }))
    }
}

fn read_all(pipe: impl io::Read) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let _ = pipe.take(LONGEST).read_to_end(&mut bytes);
    bytes
}

/// Reads a file that nobody but its owner may read.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let fail = |error| SecretError::File { path: path.to_owned(), error };
    // Looked at through the open handle, so that what was checked is what is read.
    let file = File::open(path).map_err(fail)?;
    let found = file.metadata().map_err(fail)?;
    if !found.is_file() {
        return Err(SecretError::NotAFile { path: path.to_owned() });
    }
    if found.mode() & 0o077 != 0 {
        return Err(SecretError::Readable { path: path.to_owned(), mode: found.mode() & 0o7777 });
    }
    Ok(read_all(file))
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `~/` at the start is the home directory, as people write it.
fn home_expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), directories::BaseDirs::new()) {
        (Some(rest), Some(dirs)) => dirs.home_dir().join(rest),
        _ => PathBuf::from(path),
    }
}

/// The text with every run that could be a token replaced: 24 or more of the characters tokens are made of, a digit
/// among them. For messages of tools and parsers, which repeat what they were given.
pub fn redact(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '=');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_token) {
        out.push_str(&rest[..start]);
        let run = &rest[start..];
        let run = &run[..run.find(|c| !is_token(c)).unwrap_or(run.len())];
        let hidden = run.len() >= 24 && run.bytes().any(|b| b.is_ascii_digit());
        out.push_str(if hidden { "[hidden]" } else { run });
        rest = &rest[start + run.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    const CANARY: &str = "eyJhbGciOiJFUzI1NiJ9.c4n4ry0c4n4ry0c4n4ry0.sig";

    fn token_file(mode: u32, content: &str) -> (tempfile::TempDir, SecretRef) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (dir, SecretRef::File(path))
    }

    #[test]
    fn references_are_read_and_print_as_written() {
        for text in
            ["env:OP_EVENTS_TOKEN", "file:/run/secrets/token", "op://Ops/events token/credential", "keyring:acme"]
        {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
        for text in ["", "env:", "env:A B", "file:", "op://vault/item", "op:/v/i/f", "keyring:", "token", CANARY] {
            assert!(matches!(text.parse::<SecretRef>(), Err(SecretError::NotAReference)), "{text}");
        }
    }

    #[test]
    fn a_private_file_gives_its_token_without_the_line_end() {
        let (_dir, reference) = token_file(0o600, &format!("{CANARY}\n"));
        assert_eq!(reference.resolve().unwrap().expose_secret(), CANARY);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_fix() {
        for mode in [0o644, 0o640, 0o604] {
            let (_dir, reference) = token_file(mode, CANARY);
            let error = reference.resolve().unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn what_is_not_a_token_is_refused() {
        for content in ["", " \n", "two words", "line\nbreak", "nul\0byte", "über"] {
            let (_dir, reference) = token_file(0o600, content);
            assert!(
                matches!(reference.resolve(), Err(SecretError::Empty { .. } | SecretError::NotAToken { .. })),
                "{content:?}"
            );
        }
        assert!(matches!(SecretRef::File("/dev/null".into()).resolve(), Err(SecretError::NotAFile { .. })));
        assert!(matches!(SecretRef::Env("VAULTSCOPE_NOT_SET".into()).resolve(), Err(SecretError::NoVariable(_))));
    }

    #[test]
    fn a_tool_that_is_missing_fails_or_hangs_is_named_with_the_fix() {
        let reference = SecretRef::Keyring("acme".into());
        let patience = Duration::from_secs(5);
        let missing = reference.run("vaultscope-no-such-tool", &[], patience, "install it").unwrap_err();
        assert!(missing.to_string().contains("install it"), "{missing}");
        let script = format!("echo 'no such item {CANARY}' >&2; exit 1");
        let fails = reference.run("sh", &["-c", &script], patience, "fix").unwrap_err();
        assert!(fails.to_string().contains("no such item [hidden]"), "{fails}");
        let hangs = reference.run("sleep", &["60"], Duration::from_millis(30), "fix").unwrap_err();
        assert!(matches!(hangs, SecretError::ToolHangs { .. }));
        let works = reference.run("printf", &["%s", CANARY], patience, "fix").unwrap();
        assert_eq!(works.as_slice(), CANARY.as_bytes());
    }

    #[test]
    fn no_error_and_no_debug_text_shows_the_canary() {
        let (_dir, open) = token_file(0o644, CANARY);
        let (_dir, private) = token_file(0o600, CANARY);
        let (_dir, two) = token_file(0o600, &format!("{CANARY} {CANARY}"));
        let refused = CANARY.parse::<SecretRef>().unwrap_err();
        let said = [
            format!("{:?} {}", open.resolve().unwrap_err(), open.resolve().unwrap_err()),
            format!("{private} {private:?} {:?}", private.resolve().unwrap()),
            format!("{0} {0:?}", two.resolve().unwrap_err()),
            format!("{refused} {refused:?}"),
        ]
        .concat();
        assert!(!said.contains("c4n4ry"), "{said}");
    }

    #[test]
    fn redaction_hides_tokens_and_leaves_words() {
        assert_eq!(redact(&format!("bad value \"{CANARY}\" here")), "bad value \"[hidden]\" here");
        assert_eq!(
            redact("unknown field `internationalisation_of_names`"),
            "unknown field `internationalisation_of_names`"
        );
    }
}
