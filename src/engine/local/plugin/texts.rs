//! Texts that are alike: `reduce`, `diffpatterns_text`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use hashbrown::{HashMap, HashSet};

use super::Rows;
use crate::engine::QueryError;
use crate::engine::local::batch::Batch;
use crate::engine::local::column::{Result, collect_texts};
use crate::engine::local::pipeline::{MORSEL, Runner};

/// Runs of words that are looked at before it is too many.
const MOST_RUNS: usize = 2_000_000;
/// Rows that `diffpatterns_text` chooses.
const MOST_CHOSEN: usize = 50;
/// The pattern of texts that share nothing with enough others.
const OTHERS: &str = "others";

/// (column, …, text) → (pattern, count, representative), or with `keep_rows` the columns and the pattern.
///
/// Words that stand at one place of enough texts are kept (the idea of SLCT, on which Kusto's `reduce` is based), others are `*`, and so are
/// numbers: of those there are many alike.
pub fn reduce(
    runner: &Runner,
    mut rows: Rows,
    threshold: f64,
    separators: Option<&str>,
    keep_rows: bool,
) -> Result<Batch> {
    let last = rows.types.len() - 1;
    let n = rows.batch.rows;
    let column = rows.column(last)?;
    let texts = column.texts()?;
    let separates = |c: char| match separators {
        None => !c.is_ascii_alphanumeric(),
        Some(list) => list.contains(c),
    };
    let mut words: HashMap<(usize, &str), u32> = HashMap::new();
    for row in 0..n {
        if row % 4096 == 0 {
            runner.control.check()?;
        }
        for (at, word) in texts.text(row).split(separates).filter(|w| !w.is_empty()).enumerate() {
            *words.entry((at, word)).or_default() += 1;
        }
    }
    rows.account.add((words.capacity() * 40) as u64)?;
    let least = threshold * n as f64;
    let is_kept = |at: usize, word: &str| {
        word.bytes().any(|b| !b.is_ascii_digit())
            && words.get(&(at, word)).is_some_and(|count| f64::from(*count) > least)
    };
    let mut patterns: Vec<String> = Vec::new();
    let mut known: HashMap<String, u32> = HashMap::new();
    // Of each pattern: its rows, and the first of them.
    let mut found: Vec<(i64, usize)> = Vec::new();
    let mut of = Vec::with_capacity(n);
    for row in 0..n {
        if row % 4096 == 0 {
            runner.control.check()?;
        }
        let pattern = pattern(texts.text(row), &separates, separators.is_none(), &is_kept);
        let next = patterns.len() as u32;
        let own = *known.entry(pattern.clone()).or_insert(next);
        if own == next {
            patterns.push(pattern);
            found.push((0, row));
        }
        found[own as usize].0 += 1;
        of.push(own as usize);
    }
    rows.account.add((n * 8 + patterns.iter().map(|p| p.len() + 64).sum::<usize>()) as u64)?;
    if keep_rows {
        let mut batch = rows.batch.clone();
        batch.columns.truncate(last);
        batch.columns.push(collect_texts(n, |row| Some(&*patterns[of[row]])));
        return Ok(batch);
    }
    let mut order: Vec<usize> = (0..patterns.len()).collect();
    order.sort_by_key(|p| (patterns[*p] == OTHERS, std::cmp::Reverse(found[*p].0)));
    let count = order.len();
    let columns: Vec<ArrayRef> = vec![
        collect_texts(count, |i| Some(&*patterns[order[i]])),
        Arc::new(Int64Array::from_iter_values(order.iter().map(|p| found[*p].0))),
        collect_texts(count, |i| Some(if patterns[order[i]] == OTHERS { "" } else { texts.text(found[order[i]].1) })),
    ];
    Ok(Batch::new(count, columns))
}

/// A text with `*` for what is not kept; `others` where nothing is.
fn pattern(
    text: &str,
    separates: &dyn Fn(char) -> bool,
    keep_separators: bool,
    is_kept: &dyn Fn(usize, &str) -> bool,
) -> String {
    let mut out = String::new();
    let (mut kept, mut starred, mut at) = (false, false, 0);
    let mut rest = text;
    while !rest.is_empty() {
        let gap = rest.find(|c| !separates(c)).unwrap_or(rest.len());
        let (between, behind) = rest.split_at(gap);
        let end = behind.find(separates).unwrap_or(behind.len());
        let (word, behind) = behind.split_at(end);
        rest = behind;
        let keeps = !word.is_empty() && is_kept(at, word);
        at += usize::from(!word.is_empty());
        kept |= keeps;
        // Wildcards beside each other are one; separators that were asked for vanish beside one.
        if keeps || word.is_empty() {
            if keep_separators || !starred {
                out.push_str(between);
            }
            out.push_str(word);
            starred = false;
        } else if !starred {
            if keep_separators {
                out.push_str(between);
            }
            out.push('*');
            starred = true;
        }
    }
    if kept { out } else { OTHERS.to_owned() }
}

/// A run of words, where it occurs, and in how many texts of each kind.
struct Run {
    /// (row, word) at which it begins.
    places: Vec<(u32, u32)>,
    yes: i64,
    no: i64,
}

/// (text, condition) → counts and percentages where it is true and false, and the words.
pub fn difference(runner: &Runner, mut rows: Rows, least: usize, threshold: f64, most: usize) -> Result<Batch> {
    let n = rows.batch.rows;
    let (column, condition) = (rows.column(0)?, rows.column(1)?);
    let (texts, condition) = (column.texts()?, condition.bools()?);
    let words: Vec<Vec<&str>> = (0..n).map(|row| texts.text(row).split_whitespace().collect()).collect();
    let is_true: Vec<bool> = (0..n).map(|row| condition.get(row) == Some(true)).collect();
    let all = (is_true.iter().filter(|t| **t).count() as f64, is_true.iter().filter(|t| !**t).count() as f64);
    rows.account.add(words.iter().map(|w| 24 + 16 * w.len() as u64).sum())?;
    let share = |part: i64, whole: f64| if whole > 0.0 { part as f64 / whole } else { 0.0 };
    let counted = |places: Vec<(u32, u32)>| {
        let distinct: HashSet<u32> = places.iter().map(|(row, _)| *row).collect();
        let yes = distinct.iter().filter(|row| is_true[**row as usize]).count() as i64;
        Run { places, yes, no: distinct.len() as i64 - yes }
    };
    let may_grow = |run: &Run| share(run.yes, all.0) >= threshold || share(run.no, all.1) >= threshold;
    let differs = |run: &Run| (share(run.yes, all.0) - share(run.no, all.1)).abs() >= threshold;
    let mut singles: HashMap<&str, Vec<(u32, u32)>> = HashMap::new();
    for (row, words) in words.iter().enumerate() {
        if row % MORSEL == 0 {
            runner.control.check()?;
        }
        for (at, word) in words.iter().enumerate() {
            singles.entry(word).or_default().push((row as u32, at as u32));
        }
    }
    let mut level: Vec<(usize, Run)> =
        singles.into_values().map(|places| (1, counted(places))).filter(|(_, run)| may_grow(run)).collect();
    let (mut found, mut seen): (Vec<(usize, Run)>, usize) = (Vec::new(), 0);
    while !level.is_empty() {
        let mut next = Vec::new();
        for (length, run) in level {
            runner.control.check()?;
            seen += 1;
            if seen > MOST_RUNS {
                return Err(QueryError::Runtime("too many runs of words are frequent: raise the threshold".into()));
            }
            let mut longer: HashMap<&str, Vec<(u32, u32)>> = HashMap::new();
            if length < most {
                for (row, at) in &run.places {
                    if let Some(word) = words[*row as usize].get(*at as usize + length) {
                        longer.entry(word).or_default().push((*row, *at));
                    }
                }
            }
            let longer: Vec<Run> = longer.into_values().map(&counted).filter(&may_grow).collect();
            // A run that always goes on in one way is no pattern of its own.
            let covered = longer.iter().any(|l| (l.yes, l.no) == (run.yes, run.no));
            next.extend(longer.into_iter().map(|run| (length + 1, run)));
            if length >= least && differs(&run) && !covered {
                found.push((length, run));
            }
        }
        level = next;
    }
    let text = |(length, run): &(usize, Run)| {
        let (row, at) = run.places[0];
        words[row as usize][at as usize..at as usize + length].join(" ")
    };
    let gain = |run: &Run| (share(run.yes, all.0) - share(run.no, all.1)).abs();
    found.sort_by(|a, b| {
        gain(&b.1).total_cmp(&gain(&a.1)).then_with(|| b.0.cmp(&a.0)).then_with(|| text(a).cmp(&text(b)))
    });
    // Parts of what was chosen, in the same texts, say nothing more.
    let mut chosen: Vec<(usize, Run)> = Vec::new();
    for one in found {
        let part = chosen.iter().any(|c| (c.1.yes, c.1.no) == (one.1.yes, one.1.no) && text(c).contains(&text(&one)));
        if !part && chosen.len() < MOST_CHOSEN {
            chosen.push(one);
        }
    }
    let longs =
        |f: &dyn Fn(&Run) -> i64| Arc::new(Int64Array::from_iter_values(chosen.iter().map(|c| f(&c.1)))) as ArrayRef;
    let percents = |f: &dyn Fn(&Run) -> f64| {
        let rounded = chosen.iter().map(|c| (f(&c.1) * 10_000.0).round() / 100.0);
        Arc::new(Float64Array::from_iter_values(rounded)) as ArrayRef
    };
    let columns = vec![
        longs(&|r| r.yes),
        longs(&|r| r.no),
        percents(&|r| share(r.yes, all.0)),
        percents(&|r| share(r.no, all.1)),
        collect_texts(chosen.len(), |i| Some(text(&chosen[i]))),
    ];
    Ok(Batch::new(chosen.len(), columns))
}
