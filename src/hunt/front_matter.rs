//! A hunt's front matter: TOML in the leading `//` lines of its file.
//!
//! ```text
//! // id = "firewall-rule-change"
//! // name = "Firewall rules changed"
//! // severity = "Medium"
//! let window_start = ago(30d);
//! …
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};

use super::HuntError;
use super::facts::Fact;
use crate::base::shown::Shown;
use crate::base::suggest;
use crate::base::time::{DAY, HOUR, MINUTE, Span};
use crate::kql::Type;

/// What a hunt says of itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontMatter {
    /// What it is called on the command line: `password-spray`.
    pub id: Id,
    /// What it is called in front of people.
    pub name: String,
    /// What it looks for, and why that is worth a look.
    #[serde(default)]
    pub description: String,
    pub severity: Severity,
    /// Tactics of ATT&CK, as Sentinel writes them: `CredentialAccess`.
    #[serde(default)]
    pub tactics: Vec<Tactic>,
    /// Techniques of ATT&CK: `T1110.003`.
    #[serde(default)]
    pub techniques: Vec<Technique>,
    /// The version of ATT&CK that the techniques are of.
    #[serde(default)]
    pub attack: Option<String>,
    /// Of the hunt.
    #[serde(default)]
    pub version: Option<String>,
    /// How far back it looks when nobody says otherwise; the query's own `let window_start` agrees with it.
    #[serde(default)]
    pub window: Option<Window>,
    /// `let` statements of the query whose values may be given from outside.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Columns of the answer that name something, and what: to pivot on.
    #[serde(default)]
    pub entities: BTreeMap<String, EntityKind>,
    /// What to do when it finds something.
    #[serde(default)]
    pub response: String,
    /// What looks the same and is harmless.
    #[serde(default)]
    pub false_positives: String,
}

/// A parameter of a hunt. Its default is the value that the query's `let` gives it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default)]
    pub description: String,
    /// What the organisation's configuration knows of it.
    #[serde(default)]
    pub from: Option<Fact>,
}

/// A parameter's type: a scalar of KQL, or `table` for a `datatable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Scalar(Type),
    Table,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(ty) => f.write_str(ty.name()),
            Self::Table => f.write_str("table"),
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        if text == "table" {
            return Ok(Self::Table);
        }
        let wrong = || {
            let names: Vec<_> = Type::ALL.iter().map(|ty| ty.name()).collect();
            serde::de::Error::custom(format!("a parameter's type is `table` or one of {}", names.join(", ")))
        };
        Type::from_name(&text).map(Self::Scalar).ok_or_else(wrong)
    }
}

/// How much a finding matters, in Sentinel's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Severity {
    Informational,
    Low,
    Medium,
    High,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a column of the answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// By uuid or e-mail address.
    User,
    Vault,
    Item,
    Group,
    Device,
    Session,
    Ip,
    Country,
    App,
    /// By the event's uuid.
    Event,
}

impl EntityKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Vault => "vault",
            Self::Item => "item",
            Self::Group => "group",
            Self::Device => "device",
            Self::Session => "session",
            Self::Ip => "ip",
            Self::Country => "country",
            Self::App => "app",
            Self::Event => "event",
        }
    }
}

/// Text that is held to a form, with the error that names it.
macro_rules! held_text {
    ($(#[$doc:meta])* $name:ident, $fits:expr, $says:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                let text = String::deserialize(source)?;
                let fits: fn(&str) -> bool = $fits;
                if fits(&text) { Ok(Self(text)) } else { Err(serde::de::Error::custom($says)) }
            }
        }
    };
}

held_text!(
    /// What a hunt is called on the command line.
    Id,
    |text| (1..=60).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
    "an id has 1 to 60 lower-case letters, digits and `-`, and begins with a letter: `password-spray`"
);

held_text!(
    /// A tactic of ATT&CK as Sentinel writes it.
    Tactic,
    |text| TACTICS.contains(&text),
    "a tactic is one of ATT&CK's in Sentinel's spelling, such as `CredentialAccess` or `InitialAccess`"
);

held_text!(
    /// A technique of ATT&CK: `T1110` or `T1110.003`.
    Technique,
    |text| {
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        text.strip_prefix('T').is_some_and(|rest| match rest.split_once('.') {
            Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
            None => digits(rest, 4),
        })
    },
    "a technique is written like `T1110` or `T1110.003`"
);

const TACTICS: [&str; 17] = [
    "Reconnaissance",
    "ResourceDevelopment",
    "InitialAccess",
    "Execution",
    "Persistence",
    "PrivilegeEscalation",
    "DefenseEvasion",
    "CredentialAccess",
    "Discovery",
    "LateralMovement",
    "Collection",
    "CommandAndControl",
    "Exfiltration",
    "Impact",
    "PreAttack",
    "ImpairProcessControl",
    "InhibitResponseFunction",
];

/// A length of time, written like `14d`, `12h` or `30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(pub Span);

impl Window {
    /// `None` when the text is not a length from a minute to ten years.
    pub fn new(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit = match unit {
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            _ => return None,
        };
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let span = number.parse::<i64>().ok()?.checked_mul(unit)?;
        (MINUTE..=3_660 * DAY).contains(&span).then_some(Self(Span(span)))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticks = self.0.0;
        match (ticks % DAY, ticks % HOUR) {
            (0, _) => write!(f, "{}d", ticks / DAY),
            (_, 0) => write!(f, "{}h", ticks / HOUR),
            _ => write!(f, "{}m", ticks / MINUTE),
        }
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        Self::new(&text).ok_or_else(|| serde::de::Error::custom("a window is written like `14d`, `12h` or `30m`"))
    }
}

/// Does a text begin with front matter? A query that begins with an ordinary comment, or none, does not.
pub fn is_there(text: &str) -> bool {
    let first = text.lines().next().and_then(|line| line.strip_prefix("//")).map(str::trim_start);
    first.is_some_and(|line| {
        let word = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(line.len());
        word > 0 && line[word..].trim_start().starts_with('=')
    })
}

/// Reads the front matter of a hunt's text.
pub(super) fn read(text: &str) -> Result<FrontMatter, HuntError> {
    // Line for line, so that a line of the TOML is the same line of the file.
    let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//")).collect();
    if lines.is_empty() {
        let help = "a hunt begins with lines like `// id = \"…\"`, `// name = \"…\"`, `// severity = \"Medium\"`";
        return Err(HuntError::at((1, 1), "this has no front matter").help(help));
    }
    let front = lines.join("\n");
    let about: FrontMatter = toml::from_str(&front).map_err(|error| wrong_toml(&front, &error))?;
    for (at, parameter) in about.parameters.iter().enumerate() {
        let twice = about.parameters[..at].iter().any(|other| other.name == parameter.name);
        if twice {
            let name = Shown::with_limit(&parameter.name, 60);
            return Err(HuntError::at((1, 1), format!("two parameters are called `{name}`")));
        }
        if let Some(fact) = parameter.from
            && fact.kind() != parameter.kind
        {
            let message = format!("the parameter `{}` is a {}", Shown::with_limit(&parameter.name, 60), parameter.kind);
            let help = format!("from `{}` comes a {}", fact.name(), fact.kind());
            return Err(HuntError::at((1, 1), message).help(help));
        }
    }
    Ok(about)
}

fn wrong_toml(front: &str, error: &toml::de::Error) -> HuntError {
    let message = Shown::with_limit(error.message().trim(), 1_000).into_string();
    let (message, help) = suggest::explain(&message);
    // Two columns and a line's own `//` stand before what TOML saw.
    let (line, column) = error.span().map_or((1, 1), |span| suggest::line_column(front, span.start));
    HuntError { help, ..HuntError::at((line, column + 2), message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
// id = \"a-hunt\"
// name = \"A hunt\"
// severity = \"High\"
// tactics = [\"CredentialAccess\"]
// techniques = [\"T1110.003\"]
// window = \"14d\"
// parameters = [
//   { name = \"least\", type = \"long\", description = \"rows\" },
// ]
// entities = { client_ip = \"ip\" }
let least = 3;
print least
";

    #[test]
    fn what_a_hunt_says_of_itself_is_read() {
        let about = read(WHOLE).unwrap();
        assert_eq!((&*about.id, about.severity, about.window), ("a-hunt", Severity::High, Window::new("14d")));
        assert_eq!(about.parameters[0].kind, Kind::Scalar(Type::Long));
        assert_eq!(about.entities["client_ip"], EntityKind::Ip);
        assert!(is_there(WHOLE));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest() {
        let error = read(&WHOLE.replace("severity", "severety")).unwrap_err();
        assert_eq!(error.place, Some((3, 4)));
        assert_eq!(error.to_string(), "line 3, column 4: unknown key `severety` (did you mean `severity`?)");
    }

    #[test]
    fn wrong_values_are_named_with_what_would_be_right() {
        for (right, wrong, says) in [
            ("\"High\"", "\"Hihg\"", "did you mean `High`?"),
            ("T1110.003", "T11", "T1110.003"),
            ("CredentialAccess", "Credential Access", "Sentinel's spelling"),
            ("\"14d\"", "\"2 weeks\"", "14d"),
            ("a-hunt", "A hunt", "lower-case"),
            ("\"long\"", "\"number\"", "timespan"),
            ("\"ip\"", "\"address\"", "known here"),
        ] {
            let error = read(&WHOLE.replacen(right, wrong, 1)).unwrap_err();
            assert!(error.to_string().contains(says), "{wrong}: {error}");
            assert!(error.place.is_some_and(|(line, _)| line > 0), "{wrong}");
        }
    }

    #[test]
    fn a_query_without_front_matter_is_not_taken_for_a_hunt() {
        for text in ["print 1", "// find = all users\nprint 1", "// One shape for all.\nT", ""] {
            let there = is_there(text);
            assert_eq!(there, text.contains("find ="), "{text}");
        }
        assert!(read("print 1").unwrap_err().to_string().contains("no front matter"));
    }

    #[test]
    fn windows_print_as_they_are_written() {
        for text in ["14d", "36h", "5m"] {
            assert_eq!(Window::new(text).unwrap().to_string(), text);
        }
        for wrong in ["", "d", "-1d", "0d", "1y", "99999999999999d", "1 d", "é"] {
            assert_eq!(Window::new(wrong), None, "{wrong}");
        }
    }
}
