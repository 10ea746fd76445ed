//! Functions that the user saved: `functions/NAME.kql` beside the configuration.
//!
//! The file's name is the function's. Leading `//` lines say what it does. Then stands what a `let` would have after its `=`: a function,
//! or a table or a value alone for one without parameters:
//!
//! ```text
//! // Sign-ins of a user that failed.
//! (user: string, since: timespan = 7d) {
//!     OnePasswordEvents
//!     | where timestamp > ago(since) and user_email =~ user and outcome == "failure"
//! }
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A larger file is no function.
const LARGEST: u64 = 1 << 20;

/// A saved function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub text: String,
    /// For messages: `functions/NAME.kql`.
    pub file: String,
    /// The leading comment, in one line.
    pub about: String,
}

/// The functions of a folder. One whose name no query could call, or that cannot be read, is left out, and the log says why.
pub fn load(folder: &Path) -> BTreeMap<String, Saved> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for path in entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "kql")) {
        let Some(name) = path.file_stem().and_then(|s| s.to_str()) else { continue };
        let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if !fits {
            tracing::warn!("{} is no function: its name has more than letters, digits and `_`", path.display());
            continue;
        }
        let small = fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= LARGEST);
        match fs::read_to_string(&path) {
            Ok(text) if small => {
                let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
                let about = about(&text);
                all.insert(name.to_owned(), Saved { text, file: format!("functions/{name}.kql"), about });
            }
            Ok(_) => tracing::warn!("{} is larger than 1 MiB, which is no function", path.display()),
            Err(error) => tracing::warn!(%error, "{} cannot be read", path.display()),
        }
    }
    all
}

fn about(text: &str) -> String {
    let lines = text.lines().map(str::trim).take_while(|l| l.starts_with("//"));
    lines.map(|l| l.trim_start_matches('/').trim()).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_name_is_the_functions_and_its_comment_says_what_it_does() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Twice.kql"), "// Twice\n// a number.\n(x: long) { x * 2 }\n").unwrap();
        fs::write(dir.path().join("no function.kql"), "1").unwrap();
        fs::write(dir.path().join("notes.txt"), "1").unwrap();
        let all = load(dir.path());
        assert_eq!(all.keys().collect::<Vec<_>>(), ["Twice"]);
        assert_eq!(
            (all["Twice"].about.as_str(), all["Twice"].file.as_str()),
            ("Twice a number.", "functions/Twice.kql")
        );
    }
}
