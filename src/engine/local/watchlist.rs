//! Watch-lists: `NAME.csv` in the watch-list folder, as `_GetWatchlist('NAME')`. Sentinel gives every list a few columns of its own before
//! those of the file.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewBuilder};

use super::batch::Batch;
use crate::base::csv::{Csv, Record};
use crate::base::time::{Ticks, UNIX_EPOCH};
use crate::kql::catalog::watchlist::{self, SEARCH_KEY};
use crate::kql::{Column, Schema, Type};

/// A list is small; one that is not is refused rather than held in memory.
const LARGEST: u64 = 64 << 20;

/// A watch-list's rows.
#[derive(Debug)]
pub struct Watchlist {
    pub schema: Schema,
    pub rows: Batch,
}

/// The names of the lists in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")));
    let mut names: Vec<String> = names.filter_map(|p| Some(p.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

/// All lists by name, as a table.
pub fn aliases(folder: &Path) -> Watchlist {
    let names = names(folder);
    let mut column = StringViewBuilder::new();
    for name in &names {
        column.append_value(name);
    }
    let schema = Schema(vec![Column::new("WatchlistAlias", Type::String)]);
    Watchlist { schema, rows: Batch::new(names.len(), vec![Arc::new(column.finish())]) }
}

/// Reads a list. Names are matched as Sentinel matches aliases, without regard to case; a name can never lead out of the folder.
pub fn read(folder: &Path, name: &str) -> Option<Watchlist> {
    let file = names(folder).into_iter().find(|n| n.eq_ignore_ascii_case(name))?;
    let path = ["csv", "CSV"].iter().map(|end| folder.join(format!("{file}.{end}"))).find(|p| p.is_file())?;
    match parse(&path) {
        Ok(list) => Some(list),
        Err(why) => {
            tracing::warn!("the watch-list {} cannot be read: {why}", path.display());
            None
        }
    }
}

fn parse(path: &Path) -> Result<Watchlist, String> {
    let said = |e: &dyn std::fmt::Display| e.to_string();
    let file = File::open(path).map_err(|e| said(&e))?;
    let found = file.metadata().map_err(|e| said(&e))?;
    if found.len() > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    let since_epoch = found.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    let changed = since_epoch.map_or(Ticks(0), |d| Ticks(UNIX_EPOCH + (d.as_nanos() / 100) as i64)).to_string();
    let mut csv = Csv::new(BufReader::new(file), b',');
    let mut record = Record::default();
    let mut header: Vec<String> = Vec::new();
    if csv.read(&mut record).map_err(|e| said(&e))? {
        header = record.fields().map(|f| f.trim().to_owned()).collect();
    }
    let key = header.iter().position(|h| h == SEARCH_KEY);
    let mut schema = watchlist::empty();
    schema.0.extend(header.iter().filter(|h| *h != SEARCH_KEY).map(|h| Column::new(h.as_str(), Type::String)));
    let mut columns: Vec<StringViewBuilder> = schema.iter().map(|_| StringViewBuilder::new()).collect();
    let mut rows = 0;
    while csv.read(&mut record).map_err(|e| format!("line {}: {e}", record.line))? {
        rows += 1;
        let own = [rows.to_string(), changed.clone(), record.field(key.unwrap_or(0)).trim().to_owned()];
        let others = (0..header.len()).filter(|at| Some(*at) != key).map(|at| record.field(at).trim().to_owned());
        for (column, value) in columns.iter_mut().zip(own.into_iter().chain(others)) {
            column.append_value(value);
        }
    }
    let columns = columns.iter_mut().map(|c| Arc::new(c.finish()) as ArrayRef).collect();
    Ok(Watchlist { schema, rows: Batch::new(rows, columns) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::local::column::value_at;
    use crate::kql::Value;

    fn list(text: &str) -> (Schema, Vec<Vec<String>>) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("PV1PW.csv"), text).unwrap();
        let list = read(dir.path(), "pv1pw").unwrap();
        let cell = |row, at: usize| match value_at(&list.rows.columns[at], row, Type::String).unwrap() {
            Value::String(s) => s.to_string(),
            other => panic!("{other:?}"),
        };
        let rows = (0..list.rows.rows).map(|row| (2..list.schema.len()).map(|at| cell(row, at)).collect()).collect();
        (list.schema, rows)
    }

    #[test]
    fn the_search_key_is_the_column_of_that_name_or_the_first() {
        let (schema, rows) = list("owner,SearchKey\nann,v1\n\"b, c\",v2\n");
        let names: Vec<_> = schema.iter().map(|c| &*c.name).collect();
        assert_eq!(names, ["_DTItemId", "LastUpdatedTimeUTC", "SearchKey", "owner"]);
        assert_eq!(rows, [["v1", "ann"], ["v2", "b, c"]]);
        let (schema, rows) = list("vault,name\nv1,Payroll\n");
        assert_eq!(schema.len(), 5);
        assert_eq!(rows, [["v1", "v1", "Payroll"]]);
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("lists")).unwrap();
        fs::write(dir.path().join("secret.csv"), "a\n1\n").unwrap();
        assert!(read(&dir.path().join("lists"), "../secret").is_none());
    }
}
