//! Which hunts there are: those of the program, and the user's own from `hunts/` beside the configuration.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Hunt, HuntError, Origin};
use crate::base::shown::Shown;
use crate::base::suggest;

/// Bytes of one hunt's file.
const LARGEST: u64 = 1024 * 1024;
/// Files of one folder; more are left out, and that is said.
const MOST: usize = 1_000;

/// The hunts of the program: `queries/NAME.kql`, compiled in. A test holds the list to the folder.
macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../queries/", $name, ".kql")))),*]
    };
}

const BUILT_IN: &[(&str, &str)] = built_in![
    "bulk-export",
    "canary-item",
    "export-then-leave",
    "firewall-rule-change",
    "impossible-travel",
    "leaver-active",
    "mfa-switched-off",
    "new-country-sign-in",
    "passkey-failures-new-device",
    "password-spray",
    "recovery-by-one-administrator",
    "reveal-spike",
    "self-grant-then-read",
    "service-account-new-network",
    "success-after-spray",
];

/// Hunts by id, and what was wrong with those that are not among them.
#[derive(Clone, Debug, Default)]
pub struct Pack {
    hunts: Vec<Hunt>,
    pub problems: Vec<HuntError>,
}

impl Pack {
    /// The program's hunts alone.
    pub fn built_in() -> Self {
        let mut pack = Self::default();
        for (name, text) in BUILT_IN {
            pack.add(Hunt::parse(*text, Origin::BuiltIn(name)));
        }
        pack.sort();
        pack
    }

    /// The program's hunts and those in `hunts/` of a configuration's folder. A file that cannot be used is a problem of its own
    /// and keeps no other from being used.
    pub fn load(config: &Path) -> Self {
        let mut pack = Self::built_in();
        let folder = config.join("hunts");
        let (files, problem) = files_in(&folder);
        pack.problems.extend(problem);
        for file in files {
            pack.add(read(&file));
        }
        pack.sort();
        pack
    }

    /// Adds a hunt. Of two with one id the first stays.
    pub fn add(&mut self, hunt: Result<Hunt, HuntError>) {
        match hunt {
            Err(problem) => self.problems.push(problem),
            Ok(hunt) => match self.get(hunt.id()) {
                None => self.hunts.push(hunt),
                Some(first) => {
                    let message = format!("the id `{}` is taken by {}", hunt.id(), first.origin);
                    let problem = HuntError::new(message).help("give this hunt another id").of(&hunt.origin);
                    self.problems.push(problem);
                }
            },
        }
    }

    fn sort(&mut self) {
        self.hunts.sort_by(|a, b| {
            (b.about.severity, &a.about.name, &a.about.id).cmp(&(a.about.severity, &b.about.name, &b.about.id))
        });
    }

    /// The hunts, the gravest first, then by name.
    pub fn iter(&self) -> std::slice::Iter<'_, Hunt> {
        self.hunts.iter()
    }

    pub fn get(&self, id: &str) -> Option<&Hunt> {
        self.hunts.iter().find(|hunt| hunt.id() == id)
    }

    /// The hunt of an id, or an error with the nearest one.
    pub fn find(&self, id: &str) -> Result<&Hunt, HuntError> {
        self.get(id).ok_or_else(|| {
            let error = HuntError::new(format!("there is no hunt `{}`", Shown::with_limit(id, 60)));
            match suggest::nearest(id, self.hunts.iter().map(Hunt::id)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("`vaultscope hunt list` lists them"),
            }
        })
    }
}

impl<'a> IntoIterator for &'a Pack {
    type Item = &'a Hunt;
    type IntoIter = std::slice::Iter<'a, Hunt>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Reads one hunt from a file.
pub fn read(path: &Path) -> Result<Hunt, HuntError> {
    let origin = Origin::File(path.to_owned());
    let text = read_text(path).map_err(|why| HuntError::new(why).of(&origin))?;
    Hunt::parse(text, origin)
}

fn read_text(path: &Path) -> Result<String, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err("it is larger than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

/// The `.kql` files of a folder by name, and what was wrong with the folder. None is fine.
fn files_in(folder: &Path) -> (Vec<PathBuf>, Option<HuntError>) {
    let problem = |message: String| Some(HuntError::new(message).of(&Origin::File(folder.to_owned())));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Vec::new(), None),
        Err(error) => return (Vec::new(), problem(error.to_string())),
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "kql"))
        .collect();
    files.sort();
    let more = files.len().saturating_sub(MOST);
    files.truncate(MOST);
    (files, if more == 0 { None } else { problem(format!("{more} hunts are left out: the most are {MOST}")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "// id = \"own\"\n// name = \"Own\"\n// severity = \"Low\"\nprint 1\n";

    #[test]
    fn every_hunt_of_the_folder_is_in_the_program_and_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let names: Vec<String> =
            files_in(&folder).0.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(names, BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
        let pack = Pack::built_in();
        assert_eq!(pack.problems, []);
        assert!(pack.iter().count() >= 12);
        for hunt in &pack {
            let Origin::BuiltIn(name) = hunt.origin else { panic!("{hunt:?}") };
            let about = &hunt.about;
            assert_eq!(name, hunt.id());
            for (what, missing) in [
                ("description", about.description.is_empty()),
                ("response", about.response.is_empty()),
                ("false positives", about.false_positives.is_empty()),
                ("techniques", about.techniques.is_empty() || about.attack.is_none()),
                ("entities", about.entities.is_empty()),
                ("version", about.version.is_none()),
            ] {
                assert!(!missing, "{name} has no {what}");
            }
        }
    }

    #[test]
    fn own_hunts_join_those_of_the_program_and_bad_ones_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("hunts");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("own.kql"), OWN).unwrap();
        fs::write(folder.join("twice.kql"), OWN).unwrap();
        fs::write(folder.join("bad.kql"), OWN.replace("name", "nmae")).unwrap();
        fs::write(folder.join("latin.kql"), b"// id = \"\xE9\"").unwrap();
        fs::write(folder.join("large.kql"), vec![b' '; LARGEST as usize + 1]).unwrap();
        fs::write(folder.join("notes.txt"), "no hunt").unwrap();
        let pack = Pack::load(dir.path());
        assert!(pack.get("own").is_some());
        let said: Vec<String> = pack.problems.iter().map(ToString::to_string).collect();
        for (file, says) in [
            ("bad.kql:2:4", "did you mean `name`?"),
            ("large.kql", "larger than 1 MiB"),
            ("latin.kql", "not UTF-8"),
            ("twice.kql", "taken by"),
        ] {
            assert!(said.iter().any(|line| line.contains(file) && line.contains(says)), "{file}: {said:?}");
        }
        assert_eq!(said.len(), 4);
    }

    #[test]
    fn a_hunt_that_is_not_there_is_told_with_the_nearest() {
        let error = Pack::built_in().find("pasword-spray").unwrap_err();
        assert!(error.to_string().contains("did you mean `password-spray`?"), "{error}");
    }
}
