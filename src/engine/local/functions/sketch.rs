//! Sketches as dynamic values: HyperLogLog (Flajolet et al., 2007) behind `hll`, and weighted points (Dunning's t-digest) behind `tdigest`. Both lie in
//! the shapes that Kusto shows: `[[1024,14],["hash",…],[register,…]]` and `[[7],[value,…],[weight,…]]`.

pub mod digest;
pub mod hll;

use super::convert::Cells;
use super::{Call, Eval, dynamic};
use crate::engine::local::column::{Result, Vector};
use crate::event::json;
use digest::Digest;
use hll::Hll;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "dcount_hll" => |c| {
            let t = c.texts(0)?;
            Ok(c.give_longs(|i| Hll::parse(t.get(i)?).map(|h| h.count())))
        },
        "hll_isvalid" => |c| {
            let t = c.texts(0)?;
            Ok(c.bools(|i| t.get(i).is_some_and(|t| Hll::parse(t).is_some())))
        },
        "hll_merge" => hll_merge,
        "tdigest_isvalid" => |c| {
            let t = c.texts(0)?;
            Ok(c.bools(|i| t.get(i).is_some_and(|t| Digest::parse(t).is_some())))
        },
        "tdigest_merge" => tdigest_merge,
        "percentile_tdigest" => percentile,
        "percentiles_array_tdigest" => percentiles,
        "rank_tdigest" => |c| rank(c, false),
        "percentrank_tdigest" => |c| rank(c, true),
        _ => return None,
    })
}

/// The sketches of all arguments as one; null where no argument is one.
fn hll_merge(call: &Call<'_>) -> Result<Vector> {
    let all = (0..call.args.len()).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        let merged = all.iter().filter_map(|t| Hll::parse(t.get(i)?)).reduce(|mut a, b| {
            a.merge(&b);
            a
        });
        merged.is_some_and(|h| {
            h.write(out);
            true
        })
    }))
}

fn tdigest_merge(call: &Call<'_>) -> Result<Vector> {
    let all = (0..call.args.len()).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        let merged = all.iter().filter_map(|t| Digest::parse(t.get(i)?)).reduce(|mut a, b| {
            a.merge(b);
            a
        });
        merged.is_some_and(|d| {
            d.write(out);
            true
        })
    }))
}

fn percentile(call: &Call<'_>) -> Result<Vector> {
    let (t, percent) = (call.texts(0)?, call.number(1)?);
    Ok(call.give_texts(|i| Digest::parse(t.get(i)?)?.percentile(percent.get(i)?)))
}

/// Several percentiles, given one by one or as an array.
fn percentiles(call: &Call<'_>) -> Result<Vector> {
    let t = call.texts(0)?;
    let wanted = (1..call.args.len()).map(|k| Cells::of(&call.args[k], call.types[k])).collect::<Result<Vec<_>>>()?;
    let mut text = String::new();
    Ok(call.write_texts(|i, out| {
        let Some(digest) = t.get(i).and_then(Digest::parse) else { return false };
        text.clear();
        text.push('[');
        for (n, cell) in wanted.iter().enumerate() {
            if n > 0 {
                text.push(',');
            }
            cell.write_json(i, &mut text);
        }
        text.push(']');
        let list = json::elements(&text).unwrap_or_default();
        let flat = list.into_iter().flat_map(|e| json::elements(e).unwrap_or_else(|| vec![e]));
        dynamic::write_list(out, flat, |out, e| {
            let value = e.parse().ok().and_then(|p| digest.percentile(p));
            out.push_str(value.as_deref().unwrap_or("null"));
        });
        true
    }))
}

/// How many of the values, or what percentage of them, are not above one.
fn rank(call: &Call<'_>, percent: bool) -> Result<Vector> {
    let (t, value) = (call.texts(0)?, Cells::of(call.arg(1)?, call.types[1])?);
    let mut text = String::new();
    Ok(call.give_reals(|i| {
        let digest = Digest::parse(t.get(i)?)?;
        text.clear();
        value.write_json(i, &mut text);
        let below = digest.rank(&text)?;
        Some(if percent { below / digest.weight() * 100.0 } else { below })
    }))
}
