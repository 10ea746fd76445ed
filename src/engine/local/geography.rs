//! Where addresses are: `geo_info_from_ip_address` over a file of the user's, a MaxMind City database or a CSV file with the columns
//! `network,country,state,city,latitude,longitude`. A file is read once, and again when it has changed.

mod mmdb;
mod networks;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::column::{Result, Vector};
use super::functions::{Call, Eval};
use crate::engine::QueryError;
use crate::event::json;
use crate::kql::{Type, Value};

use mmdb::Mmdb;
use networks::Networks;

/// A larger file would take too much memory: a City database has some 60 MB.
const LARGEST: u64 = 512 << 20;

/// A place as Kusto's function names its parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    pub country: String,
    pub state: String,
    pub city: String,
    pub at: Option<(f64, f64)>,
}

impl Place {
    fn write(&self, out: &mut String) {
        out.push('{');
        for (name, text) in [("country", &self.country), ("state", &self.state), ("city", &self.city)] {
            if !text.is_empty() {
                let comma = if out.len() > 1 { "," } else { "" };
                // Writing to a string cannot fail.
                let _ = write!(out, "{comma}\"{name}\":");
                json::quote(out, text);
            }
        }
        if let Some((latitude, longitude)) = self.at {
            let comma = if out.len() > 1 { "," } else { "" };
            let _ = write!(out, "{comma}\"latitude\":{latitude:?},\"longitude\":{longitude:?}");
        }
        out.push('}');
    }
}

enum Geography {
    Mmdb(Mmdb),
    Networks(Networks),
}

impl Geography {
    fn open(path: &Path) -> std::result::Result<Self, String> {
        let size = std::fs::metadata(path).map_err(|e| e.to_string())?;
        if !size.is_file() || size.len() > LARGEST {
            return Err(format!("it is no file of at most {} MiB", LARGEST >> 20));
        }
        let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mmdb")) {
            Mmdb::new(bytes).map(Self::Mmdb)
        } else {
            Networks::new(&bytes).map(Self::Networks)
        }
    }

    fn place(&self, address: IpAddr) -> Option<Place> {
        match self {
            Self::Mmdb(file) => file.place(address),
            Self::Networks(file) => file.place(address),
        }
    }
}

/// The geographies that were opened, with when their files had changed last.
static OPEN: Mutex<Option<Opened>> = Mutex::new(None);

type Opened = HashMap<PathBuf, (Option<SystemTime>, Arc<Geography>)>;

fn geography(path: &Path) -> Result<Arc<Geography>> {
    let changed = std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let open = open.get_or_insert_default();
    if let Some((then, known)) = open.get(path)
        && *then == changed
        && changed.is_some()
    {
        return Ok(Arc::clone(known));
    }
    let read = Geography::open(path).map_err(|why| {
        QueryError::Runtime(format!(
            "the geography {} cannot be read: {why}; `geography` in the configuration names a MaxMind database (.mmdb) or a CSV file",
            path.display()
        ))
    })?;
    let read = Arc::new(read);
    open.insert(path.to_owned(), (changed, Arc::clone(&read)));
    Ok(read)
}

pub fn find(name: &str) -> Option<Eval> {
    (name == "geo_info_from_ip_address").then_some(places as Eval)
}

/// (address, file) → the place, null where the file has none.
fn places(call: &Call<'_>) -> Result<Vector> {
    let addresses = call.texts(0)?;
    let file = if call.args.len() > 1 { call.texts(1)?.text(0).to_owned() } else { String::new() };
    if file.is_empty() {
        return Ok(Vector::Constant(Value::Null(Type::Dynamic)));
    }
    let geography = geography(Path::new(&file))?;
    Ok(call.write_texts(|row, out| {
        let place = addresses.text(row).trim().parse().ok().and_then(|address| geography.place(address));
        place.is_some_and(|place| {
            place.write(out);
            true
        })
    }))
}
