//! `iff`, `case`, `coalesce`, tests for null and emptiness, `not`. A null condition counts as false.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray};

use super::{Call, Eval};
use crate::engine::local::column::{Bools, Result, Vector, flat};
use crate::kql::{Type, Value};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "iff" | "iif" | "case" => case,
        "coalesce" => coalesce,
        "not" => not,
        "isnull" => |c| nulls(c, false),
        "isnotnull" => |c| nulls(c, true),
        "isempty" => |c| empties(c, false),
        "isnotempty" | "notempty" => |c| empties(c, true),
        _ => return None,
    })
}

fn not(call: &Call<'_>) -> Result<Vector> {
    match call.arg(0)?.bools()? {
        Bools::Array(array) => Ok(Vector::Array(Arc::new(BooleanArray::new(!array.values(), array.nulls().cloned())))),
        Bools::Constant(b) => Ok(call.maybe_bools(|_| b.map(|b| !b))),
    }
}

fn nulls(call: &Call<'_>, negated: bool) -> Result<Vector> {
    let nulls = call.arg(0)?.nulls(call.types[0]);
    Ok(call.bools(|i| nulls.at(i) != negated))
}

fn empties(call: &Call<'_>, negated: bool) -> Result<Vector> {
    if matches!(call.types.first(), Some(Type::String | Type::Guid)) {
        let texts = call.texts(0)?;
        return Ok(call.bools(|i| texts.text(i).is_empty() != negated));
    }
    if matches!(call.types.first(), Some(Type::Dynamic)) {
        let texts = call.texts(0)?;
        return Ok(call.bools(|i| texts.get(i).is_none_or(|t| t == "\"\"") != negated));
    }
    nulls(call, negated)
}

/// condition, value, condition, value, …, else. `iff` is the case of three.
fn case(call: &Call<'_>) -> Result<Vector> {
    let n = call.args.len();
    let conditions = (0..n - 1).step_by(2).map(|k| call.arg(k)?.bools()).collect::<Result<Vec<_>>>()?;
    let chosen =
        (0..call.rows).map(|i| conditions.iter().position(|c| c.get(i) == Some(true)).map_or(n - 1, |k| 2 * k + 1));
    select(call, &chosen.collect::<Vec<_>>())
}

fn coalesce(call: &Call<'_>) -> Result<Vector> {
    let n = call.args.len();
    // For strings, empty is what null is elsewhere.
    if call.ty == Type::String {
        let texts = (0..n).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
        let chosen = (0..call.rows).map(|i| texts.iter().position(|t| !t.text(i).is_empty()).unwrap_or(n - 1));
        return select(call, &chosen.collect::<Vec<_>>());
    }
    let nulls: Vec<_> = call.args.iter().zip(call.types).map(|(a, ty)| a.nulls(*ty)).collect();
    let chosen = (0..call.rows).map(|i| nulls.iter().position(|n| !n.at(i)).unwrap_or(n - 1));
    select(call, &chosen.collect::<Vec<_>>())
}

/// Each row from the argument that `chosen` names for it.
fn select(call: &Call<'_>, chosen: &[usize]) -> Result<Vector> {
    let Some(first) = chosen.first().copied() else {
        return Ok(Vector::Array(arrow::array::new_empty_array(&crate::engine::local::column::data_type(call.ty))));
    };
    if chosen.iter().all(|c| *c == first) {
        return Ok(match call.arg(first)? {
            Vector::Constant(value) => Vector::Constant(typed(value, call.ty)),
            array @ Vector::Array(_) => array.clone(),
        });
    }
    // A constant is one row that every choice of it points at.
    let mut arrays = Vec::with_capacity(call.args.len());
    let mut used: Vec<Option<usize>> = vec![None; call.args.len()];
    for c in chosen {
        if used[*c].is_none() {
            used[*c] = Some(arrays.len());
            arrays.push(match &call.args[*c] {
                Vector::Constant(value) => {
                    (flat(&crate::engine::local::column::repeat(&typed(value, call.ty), 1))?, true)
                }
                Vector::Array(array) => (flat(array)?, false),
            });
        }
    }
    let indices: Vec<(usize, usize)> = chosen
        .iter()
        .enumerate()
        .map(|(row, c)| {
            let at = used[*c].unwrap_or(0);
            (at, if arrays[at].1 { 0 } else { row })
        })
        .collect();
    let parts: Vec<&dyn Array> = arrays.iter().map(|(a, _)| a.as_ref()).collect();
    Ok(Vector::Array(arrow::compute::interleave(&parts, &indices)?))
}

/// A constant of the answer's type: an untyped null takes it.
fn typed(value: &Value, ty: Type) -> Value {
    if value.is_null() { Value::null(ty) } else { value.clone() }
}
