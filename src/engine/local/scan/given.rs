//! Stored arrays into the columns that a scan gives.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use hashbrown::HashMap;

use super::super::column::{Result, Texts, build_texts, collect_texts, internal, repeat};
use super::super::control::Control;
use super::super::functions::dynamic::{compact, quote, walk};
use super::columns::Origin;
use crate::event::json;
use crate::kql::plan::Step;
use crate::store::names::{Directory, Name};

/// The column, given its stored array (none for constants).
pub fn give(
    origin: &Origin,
    stored: Option<&ArrayRef>,
    rows: usize,
    names: &Directory,
    control: &Control,
) -> Result<ArrayRef> {
    let stored = || stored.ok_or_else(|| internal("a stored column that was not read"));
    match origin {
        Origin::Constant(value) => Ok(repeat(value, rows)),
        Origin::Stored(_) => Ok(Arc::clone(stored()?)),
        Origin::Narrowed(_) => {
            let long = stored()?.as_primitive_opt::<Int64Type>().ok_or_else(|| internal("a long"))?;
            let narrow: Int32Array = long.iter().map(|n| n.and_then(|n| i32::try_from(n).ok())).collect();
            let lost = narrow.null_count() - long.null_count();
            control.counters.unfit.fetch_add(lost as u64, Ordering::Relaxed);
            Ok(Arc::new(narrow))
        }
        Origin::Named(_) => named(stored()?, names),
        Origin::Path { text, .. } => path(stored()?, *text),
        Origin::Raw { .. } => Err(internal("a column of the event's text among the stored")),
    }
}

/// The names of a column of UUIDs. Each is looked up once; several UUIDs may have one name.
fn named(uuids: &ArrayRef, names: &Directory) -> Result<ArrayRef> {
    let uuids = uuids.as_dictionary_opt::<Int32Type>().ok_or_else(|| internal("UUIDs in a dictionary"))?;
    let values = uuids.values().as_string_opt::<i32>().ok_or_else(|| internal("dictionary values"))?;
    let mut codes: HashMap<&str, i32> = HashMap::new();
    let mut found: Vec<&str> = Vec::new();
    let of_code: Vec<i32> = values
        .iter()
        .map(|uuid| {
            let name = uuid.and_then(|uuid| names.name(uuid)).map_or("", Name::label);
            *codes.entry(name).or_insert_with(|| {
                found.push(name);
                found.len() as i32 - 1
            })
        })
        .collect();
    let keys: Int32Array =
        uuids.keys().iter().map(|key| key.and_then(|key| of_code.get(key as usize).copied())).collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(found)))?))
}

/// A stored path as text, or as a dynamic value.
fn path(stored: &ArrayRef, text: bool) -> Result<ArrayRef> {
    if let Some(reals) = stored.as_primitive_opt::<Float64Type>() {
        // As JSON had it: whole numbers without a point. Places repeat, so each is written once.
        let mut codes: HashMap<u64, i32> = HashMap::new();
        let mut values: Vec<String> = Vec::new();
        let keys: Int32Array = reals
            .iter()
            .map(|real| {
                real.map(|real| {
                    *codes.entry(real.to_bits()).or_insert_with(|| {
                        values.push(real.to_string());
                        values.len() as i32 - 1
                    })
                })
            })
            .collect();
        return Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(values)))?));
    }
    if text {
        return Ok(Arc::clone(stored));
    }
    if let Some(dictionary) = stored.as_dictionary_opt::<Int32Type>() {
        let values = dictionary.values().as_string_opt::<i32>().ok_or_else(|| internal("dictionary values"))?;
        let mut scratch = String::new();
        let quoted: StringArray = (0..values.len())
            .map(|i| {
                scratch.clear();
                quote(&mut scratch, if values.is_valid(i) { values.value(i) } else { "" });
                Some(scratch.clone())
            })
            .collect();
        return Ok(Arc::new(DictionaryArray::<Int32Type>::new(dictionary.keys().clone(), Arc::new(quoted))));
    }
    let texts = Texts::of(stored)?;
    Ok(build_texts(stored.len(), |i, out| {
        texts.get(i).is_some_and(|t| {
            quote(out, t);
            true
        })
    }))
}

/// A dynamic column or a path, out of the events' text.
pub fn from_raw(raw: &Texts<'_>, rows: usize, column: &str, steps: &[Step], text: bool) -> ArrayRef {
    let find = |i: usize| -> Option<&str> { walk(json::key(raw.get(i)?, column)?, steps) };
    if text {
        return build_texts(rows, |i, out| {
            if let Some(value) = find(i) {
                match json::string(value) {
                    Some(plain) => out.push_str(&plain),
                    None => out.push_str(&compact(value)),
                }
            }
            true
        });
    }
    collect_texts(rows, |i| find(i).map(compact))
}

/// A stored path with its irregular rows read from the events' text.
pub fn patched(given: &ArrayRef, irregular: &BooleanArray, from_raw: &ArrayRef) -> Result<ArrayRef> {
    let (kept, read) = (Texts::of(given)?, Texts::of(from_raw)?);
    Ok(collect_texts(given.len(), |i| if irregular.value(i) { read.get(i) } else { kept.get(i) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Float64Array;

    #[test]
    fn a_stored_number_is_the_text_that_the_event_had() {
        let stored: ArrayRef = Arc::new(Float64Array::from(vec![Some(43.5), None, Some(-7.0), Some(43.5)]));
        let given = path(&stored, false).unwrap();
        let texts = Texts::of(&given).unwrap();
        assert_eq!([0, 1, 2, 3].map(|i| texts.get(i)), [Some("43.5"), None, Some("-7"), Some("43.5")]);
        assert_eq!(given.as_dictionary::<Int32Type>().values().len(), 2);
    }
}
