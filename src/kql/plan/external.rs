//! `externaldata`: rows of files that lie elsewhere, as a node of a plan without inputs.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Where the rows are, and how they are written. The node's schema says the columns.
#[derive(Clone, Debug, PartialEq)]
pub struct External {
    pub addresses: Vec<Address>,
    pub format: ExternalFormat,
    /// The first record of each file is its heading.
    pub skip_first: bool,
}

/// An address: `https://…`, or a file's path. It may hold a signature, so it is never formatted; `place` says where it leads.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    text: Arc<str>,
    /// Written as `h"…"`.
    hidden: bool,
}

/// How the files are written, by Kusto's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalFormat {
    /// Fields between these; `true` where quotes hold fields together.
    Fields(u8, bool),
    /// A JSON object a line, or a document of them; columns by name.
    Json,
    Parquet,
    /// A line is a row of one column.
    Lines,
    /// The whole file is one row of one column.
    Whole,
}

impl ExternalFormat {
    /// Every name.
    pub const ALL: [(&str, Self); 12] = [
        ("csv", Self::Fields(b',', true)),
        ("tsv", Self::Fields(b'\t', false)),
        ("tsve", Self::Fields(b'\t', false)),
        ("psv", Self::Fields(b'|', true)),
        ("scsv", Self::Fields(b';', true)),
        ("sohsv", Self::Fields(1, false)),
        ("json", Self::Json),
        ("singlejson", Self::Json),
        ("multijson", Self::Json),
        ("txt", Self::Lines),
        ("raw", Self::Whole),
        ("parquet", Self::Parquet),
    ];

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, format)| *format)
    }
}

impl Address {
    /// What follows a `;` is how Azure's storage is to be asked, and no part of the address.
    pub fn new(text: &str, hidden: bool) -> Self {
        Self { text: text.split(';').next().unwrap_or_default().trim().into(), hidden }
    }

    /// The address itself, for whoever reads what lies there.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Where it leads, safe to show: the host of an address, the path of a file, nothing of a hidden one.
    pub fn place(&self) -> &str {
        if self.hidden {
            return "a hidden address";
        }
        match self.text.split_once("://") {
            Some((_, rest)) => {
                rest.split(['/', '?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default()
            }
            None => &self.text,
        }
    }

    /// The ending of its path, without `.gz`: `csv`.
    pub fn ending(&self) -> Option<&str> {
        let path = self.text.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next()?;
        let name = name.strip_suffix(".gz").unwrap_or(name);
        name.rsplit_once('.').map(|(_, end)| end)
    }
}

/// Two addresses that differ are told apart, and neither is shown.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        write!(f, "{}#{:016x}", self.place(), hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_never_formatted() {
        let address =
            Address::new("https://user:pw@x.blob.core.windows.net/c/list.csv.gz?sig=SECRET;impersonate", false);
        assert_eq!((address.place(), address.ending()), ("x.blob.core.windows.net", Some("csv")));
        assert!(!format!("{address:?}").contains("SECRET") && !format!("{address:?}").contains("pw"));
        let hidden = Address::new("https://x/SECRET", true);
        assert!(!format!("{hidden:?}{}", hidden.place()).contains("SECRET"));
        assert_ne!(format!("{hidden:?}"), format!("{:?}", Address::new("https://x/OTHER", true)));
    }
}
