//! Arrays as sets. Elements are the same where their JSON text is; order is that of the first array.

use hashbrown::HashSet;

use super::arrays::equal;
use super::convert::Cells;
use super::dynamic::give_list;
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};
use crate::event::json;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "set_union" => |c| set(c, |sets| distinct(sets.concat())),
        "set_intersect" => |c| {
            set(c, |sets| {
                let (first, rest) = split(sets);
                distinct(first.into_iter().filter(|e| rest.iter().all(|s| s.contains(e))).collect())
            })
        },
        "set_difference" => |c| {
            set(c, |sets| {
                let (first, rest) = split(sets);
                distinct(first.into_iter().filter(|e| !rest.iter().any(|s| s.contains(e))).collect())
            })
        },
        "set_has_element" => |c| {
            let (a, e) = (c.texts(0)?, Cells::of(c.arg(1)?, c.types[1])?);
            let mut wanted = String::new();
            Ok(c.maybe_bools(|i| {
                wanted.clear();
                e.write_json(i, &mut wanted);
                Some(json::elements(a.get(i)?)?.iter().any(|e| equal(e, &wanted)))
            }))
        },
        "set_equals" => |c| {
            let (a, b) = (c.texts(0)?, c.texts(1)?);
            Ok(c.maybe_bools(|i| {
                let (a, b) = (json::elements(a.get(i)?)?, json::elements(b.get(i)?)?);
                let (a, b): (HashSet<_>, HashSet<_>) = (a.into_iter().collect(), b.into_iter().collect());
                Some(a == b)
            }))
        },
        "jaccard_index" => |c| {
            let (a, b) = (c.texts(0)?, c.texts(1)?);
            Ok(c.give_reals(|i| {
                let (a, b) = (json::elements(a.get(i)?)?, json::elements(b.get(i)?)?);
                let (a, b): (HashSet<_>, HashSet<_>) = (a.into_iter().collect(), b.into_iter().collect());
                Some(a.intersection(&b).count() as f64 / a.union(&b).count() as f64)
            }))
        },
        _ => return None,
    })
}

type Elements<'a> = Vec<&'a str>;

/// The first array, and the others as sets.
fn split<'a>(sets: &[Elements<'a>]) -> (Elements<'a>, Vec<HashSet<&'a str>>) {
    let rest = sets.iter().skip(1).map(|s| s.iter().copied().collect()).collect();
    (sets.first().cloned().unwrap_or_default(), rest)
}

fn distinct(list: Vec<&str>) -> Vec<&str> {
    let mut seen = HashSet::new();
    list.into_iter().filter(|e| seen.insert(*e)).collect()
}

fn set(call: &Call<'_>, f: for<'a> fn(&[Elements<'a>]) -> Elements<'a>) -> Result<Vector> {
    let all = (0..call.args.len()).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        let Some(sets) = all.iter().map(|t| t.get(i).and_then(json::elements)).collect::<Option<Vec<_>>>() else {
            return false;
        };
        give_list(out, f(&sets));
        true
    }))
}
