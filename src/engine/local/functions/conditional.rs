//! `iff`, `case`, `coalesce`, tests for null and emptiness, `not`. A null condition counts as false.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Int32Type;

use super::{Call, Eval};
use crate::engine::local::column::{Bools, Nulls, Result, Texts, Vector, data_type, flat, internal, repeat};
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
    let Some(last) = call.args.len().checked_sub(1) else { return Err(internal("case without arguments")) };
    let mut chosen = vec![last as u32; call.rows];
    // From the last: what an earlier condition takes, it takes from all after it.
    for k in (0..last).step_by(2).rev() {
        match call.arg(k)?.bools()? {
            Bools::Constant(Some(true)) => chosen.fill(k as u32 + 1),
            Bools::Constant(_) => {}
            Bools::Array(array) => {
                let known = array.nulls().map(|nulls| array.values() & nulls.inner());
                let rows = known.as_ref().unwrap_or(array.values()).set_indices();
                rows.for_each(|row| chosen[row] = k as u32 + 1);
            }
        }
    }
    select(call, &chosen)
}

fn coalesce(call: &Call<'_>) -> Result<Vector> {
    let Some(last) = call.args.len().checked_sub(1) else { return Err(internal("coalesce without arguments")) };
    let mut chosen = vec![last as u32; call.rows];
    for k in (0..last).rev() {
        let arg = call.arg(k)?;
        // For strings, empty is what null is elsewhere.
        if call.ty == Type::String {
            take_filled(arg, k as u32, &mut chosen)?;
            continue;
        }
        match arg.nulls(call.types[k]) {
            Nulls::None => chosen.fill(k as u32),
            Nulls::All => {}
            Nulls::Some(nulls) => nulls.inner().set_indices().for_each(|row| chosen[row] = k as u32),
        }
    }
    select(call, &chosen)
}

/// The rows whose text is not empty choose `k`.
fn take_filled(arg: &Vector, k: u32, chosen: &mut [u32]) -> Result<()> {
    match arg.texts()? {
        Texts::Constant(text) => {
            if text.is_some_and(|t| !t.is_empty()) {
                chosen.fill(k);
            }
        }
        Texts::Dictionary { keys, nulls, values } => {
            let filled: Vec<bool> =
                (0..values.len()).map(|code| values.is_valid(code) && values.value_length(code) > 0).collect();
            for (row, key) in keys.iter().enumerate() {
                if filled.get(*key as usize) == Some(&true) && nulls.is_none_or(|n| n.is_valid(row)) {
                    chosen[row] = k;
                }
            }
        }
        texts => {
            for (row, chosen) in chosen.iter_mut().enumerate() {
                if !texts.text(row).is_empty() {
                    *chosen = k;
                }
            }
        }
    }
    Ok(())
}

/// Each row from the argument that `chosen` names for it.
fn select(call: &Call<'_>, chosen: &[u32]) -> Result<Vector> {
    let Some(first) = chosen.first().copied() else {
        return Ok(Vector::Array(arrow::array::new_empty_array(&data_type(call.ty))));
    };
    if chosen.iter().all(|c| *c == first) {
        return Ok(match call.arg(first as usize)? {
            Vector::Constant(value) => Vector::Constant(typed(value, call.ty)),
            array @ Vector::Array(_) => array.clone(),
        });
    }
    let mut used = vec![false; call.args.len()];
    for c in chosen {
        used[*c as usize] = true;
    }
    if matches!(call.ty, Type::String | Type::Guid | Type::Dynamic)
        && let Some(coded) = select_codes(call, chosen, &used)?
    {
        return Ok(coded);
    }
    // A constant is one row that every choice of it points at.
    let mut arrays = Vec::with_capacity(call.args.len());
    let mut places = vec![(0, false); call.args.len()];
    for (k, arg) in call.args.iter().enumerate().filter(|(k, _)| used[*k]) {
        places[k] = (arrays.len(), matches!(arg, Vector::Constant(_)));
        arrays.push(match arg {
            Vector::Constant(value) => flat(&repeat(&typed(value, call.ty), 1))?,
            Vector::Array(array) => flat(array)?,
        });
    }
    let indices: Vec<(usize, usize)> = chosen
        .iter()
        .enumerate()
        .map(|(row, c)| {
            let (at, constant) = places[*c as usize];
            (at, if constant { 0 } else { row })
        })
        .collect();
    let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    Ok(Vector::Array(arrow::compute::interleave(&parts, &indices)?))
}

/// What an argument gives where texts are chosen by their codes.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// Not chosen by any row, or null in all.
    Nothing,
    Code(i32),
    Codes {
        keys: &'a [i32],
        nulls: Option<&'a NullBuffer>,
        offset: i32,
    },
}

/// Texts that all are dictionaries or constants, chosen among without looking at one: the answer's values are theirs, end to end. `None` where there are
/// others, or more values than rows.
fn select_codes(call: &Call<'_>, chosen: &[u32], used: &[bool]) -> Result<Option<Vector>> {
    let mut values: Vec<ArrayRef> = Vec::new();
    let mut starts: Vec<i32> = Vec::new();
    let mut next = 0_i32;
    let mut parts = vec![Part::Nothing; call.args.len()];
    for (k, arg) in call.args.iter().enumerate().filter(|(k, _)| used[*k]) {
        parts[k] = match arg {
            Vector::Constant(value) if value.is_null() && call.ty != Type::String => Part::Nothing,
            Vector::Constant(_) => {
                values.push(Arc::new(StringArray::from(vec![arg.texts()?.text(0)])));
                starts.push(next);
                next += 1;
                Part::Code(next - 1)
            }
            Vector::Array(array) => {
                let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() else { return Ok(None) };
                let own = dictionary.values();
                let offset = match values.iter().position(|v| Arc::ptr_eq(v, own)) {
                    Some(known) => starts[known],
                    None => {
                        values.push(Arc::clone(own));
                        starts.push(next);
                        next += own.len() as i32;
                        next - own.len() as i32
                    }
                };
                let nulls = dictionary.keys().nulls().filter(|n| n.null_count() > 0);
                Part::Codes { keys: dictionary.keys().values(), nulls, offset }
            }
        };
    }
    if next as usize > chosen.len() {
        return Ok(None);
    }
    let code = |(row, c): (usize, &u32)| match parts[*c as usize] {
        Part::Nothing => None,
        Part::Code(code) => Some(code),
        Part::Codes { keys, nulls, offset } => nulls.is_none_or(|n| n.is_valid(row)).then(|| keys[row] + offset),
    };
    let codes: Int32Array = chosen.iter().enumerate().map(code).collect();
    let views: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
    let values = arrow::compute::concat(&views)?;
    Ok(Some(Vector::Array(Arc::new(DictionaryArray::<Int32Type>::try_new(codes, values)?))))
}

/// A constant of the answer's type: an untyped null takes it.
fn typed(value: &Value, ty: Type) -> Value {
    if value.is_null() { Value::null(ty) } else { value.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringViewArray;

    fn coded(values: &[Option<&str>]) -> Vector {
        Vector::Array(Arc::new(values.iter().copied().collect::<DictionaryArray<Int32Type>>()))
    }

    fn plain(values: &[Option<&str>]) -> Vector {
        Vector::Array(Arc::new(StringViewArray::from(values.to_vec())))
    }

    fn run(eval: Eval, args: &[Vector], types: &[Type], ty: Type) -> Vector {
        let rows = args.iter().find_map(|a| if let Vector::Array(a) = a { Some(a.len()) } else { None });
        eval(&Call { args, types, ty, rows: rows.unwrap_or(1) }).unwrap()
    }

    #[test]
    fn the_first_text_that_is_not_empty_is_taken_however_texts_lie() {
        let a = [Some("x"), Some(""), None, Some("y"), None, Some("x"), Some("x"), None];
        let b = [Some("p"), Some("q"), None, Some("q"), Some("p"), None, None, Some("")];
        let want = ["x", "q", "-", "y", "p", "x", "x", "-"];
        let last = Vector::Constant(Value::string("-"));
        for (a, b, kept) in [(coded(&a), coded(&b), true), (coded(&a), plain(&b), false), (plain(&a), plain(&b), false)]
        {
            let answer = run(coalesce, &[a, b, last.clone()], &[Type::String; 3], Type::String);
            let texts = answer.texts().unwrap();
            assert_eq!((0..8).map(|i| texts.text(i)).collect::<Vec<_>>(), want);
            assert_eq!(matches!(texts, Texts::Dictionary { .. }), kept, "codes are kept where all have codes");
        }
    }

    #[test]
    fn a_case_takes_the_first_condition_that_holds_and_null_does_not() {
        let bools = |list: [Option<bool>; 4]| Vector::Array(Arc::new(list.into_iter().collect::<BooleanArray>()));
        let args = [
            bools([Some(true), None, Some(false), Some(false)]),
            coded(&[Some("a"), Some("b"), Some("c"), Some("d")]),
            bools([Some(true), Some(true), None, Some(false)]),
            Vector::Constant(Value::Null(Type::Dynamic)),
            coded(&[Some("e"), Some("f"), None, Some("e")]),
        ];
        let types = [Type::Bool, Type::Dynamic, Type::Bool, Type::Dynamic, Type::Dynamic];
        let answer = run(case, &args, &types, Type::Dynamic);
        let texts = answer.texts().unwrap();
        assert_eq!([0, 1, 2, 3].map(|i| texts.get(i)), [Some("a"), None, None, Some("e")]);
    }
}
