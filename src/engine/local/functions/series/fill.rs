//! Gaps filled. Elements that are there keep their text, so that whole numbers stay whole.

use super::elements::same;
use super::{Scalar, number};
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::functions::dynamic::write_list;
use crate::engine::local::functions::real_text::write_real;
use crate::engine::local::functions::{Call, Eval};
use crate::event::json;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "fill_const" => constant,
        "fill_forward" => |c| carried(c, true),
        "fill_backward" => |c| carried(c, false),
        "fill_linear" => linear,
        _ => return None,
    })
}

/// Is the element what stands for a missing one? Null, unless a number was named.
fn is_missing(element: &str, placeholder: Option<f64>) -> bool {
    match placeholder {
        None => number(element).is_none(),
        Some(missing) => number(element).is_some_and(|n| same(n, missing) || (n.is_nan() && missing.is_nan())),
    }
}

fn constant(call: &Call<'_>) -> Result<Vector> {
    let (texts, value, missing) = (call.texts(0)?, Scalar::of(call, 1)?, Scalar::of(call, 2)?);
    Ok(call.write_texts(|i, out| {
        let Some(elements) = texts.get(i).and_then(json::elements) else { return false };
        let (value, missing) = (value.text(i).unwrap_or_else(|| "0.0".into()), missing.get(i));
        write_list(out, elements, |out, e| out.push_str(if is_missing(e, missing) { &value } else { e }));
        true
    }))
}

/// From the left, or from the right.
fn carried(call: &Call<'_>, forward: bool) -> Result<Vector> {
    let (texts, missing) = (call.texts(0)?, Scalar::of(call, 1)?);
    Ok(call.write_texts(|i, out| {
        let Some(mut elements) = texts.get(i).and_then(json::elements) else { return false };
        let missing = missing.get(i);
        let mut last = None;
        for step in 0..elements.len() {
            let n = if forward { step } else { elements.len() - 1 - step };
            if !is_missing(elements[n], missing) {
                last = Some(elements[n]);
            } else if let Some(last) = last {
                elements[n] = last;
            }
        }
        write_list(out, elements, String::push_str);
        true
    }))
}

fn linear(call: &Call<'_>) -> Result<Vector> {
    let (texts, missing) = (call.texts(0)?, Scalar::of(call, 1)?);
    let (edges, constant) = (|row| super::flag(call, 2, row), Scalar::of(call, 3)?);
    let mut failed = None;
    let filled = call.write_texts(|i, out| {
        let Some(elements) = texts.get(i).and_then(json::elements) else { return false };
        let missing = missing.get(i);
        let edges = edges(i).unwrap_or_else(|error| {
            failed = Some(error);
            None
        });
        let constant = constant.text(i).unwrap_or_else(|| "0.0".into());
        fill_line(&elements, missing, edges.unwrap_or(true), &constant, out);
        true
    });
    failed.map_or(Ok(filled), Err)
}

fn fill_line(elements: &[&str], missing: Option<f64>, edges: bool, constant: &str, out: &mut String) {
    let known: Vec<(usize, f64)> = elements
        .iter()
        .enumerate()
        .filter(|(_, e)| !is_missing(e, missing))
        .filter_map(|(n, e)| number(e).map(|v| (n, v)))
        .collect();
    let whole = known.iter().all(|(n, _)| !elements[*n].contains(['.', 'e', 'E', '"']));
    // The first known element after the one that is written.
    let mut after = 0;
    write_list(out, elements.iter().enumerate(), |out, (n, element)| {
        while known.get(after).is_some_and(|(at, _)| *at < n) {
            after += 1;
        }
        let before = after.checked_sub(1).and_then(|b| known.get(b));
        match (before, known.get(after)) {
            _ if !is_missing(element, missing) => out.push_str(element),
            (Some((from, a)), Some((to, b))) => {
                let value = a + (b - a) * (n - from) as f64 / (to - from) as f64;
                if whole { out.push_str(&(value as i64).to_string()) } else { write_real(out, value) }
            }
            (Some((at, _)), None) | (None, Some((at, _))) if edges => out.push_str(elements[*at]),
            (None, None) => out.push_str(constant),
            _ => out.push_str(element),
        }
    });
}
