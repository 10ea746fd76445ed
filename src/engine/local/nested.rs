//! `top-nested`: the keys with the largest values, within each of them those of the next level, and so on. A record belongs to one group a level; what
//! did not make it to the top stays together, for the row of the others, here or at a deeper level.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, UInt32Array};

use super::aggregate::Program;
use super::apply::runs;
use super::batch::Batch;
use super::column::{Result, Vector, from_values, internal, value_at};
use super::control::Control;
use super::eval::compile;
use super::intern::Keys;
use super::sort;
use crate::kql::plan::{SortKey, TopLevel};
use crate::kql::{Expr, Schema, Type, Value};

/// Records that are left out for good.
const GONE: u32 = u32::MAX;

/// Records that share their keys so far.
#[derive(Clone, Debug)]
struct Group {
    /// Key and value of each level.
    cells: Vec<Value>,
    /// It is divided further; what did not make it to the top is not.
    live: bool,
    /// It is a row of the result; else it waits for a level that counts the others.
    shown: bool,
}

/// The rows of a `top-nested` over all of its input.
pub fn top_nested(rows: &Batch, levels: &[TopLevel], schema: &Schema, control: &Control) -> Result<Batch> {
    let mut groups = vec![Group { cells: Vec::new(), live: true, shown: true }];
    let mut of = vec![0_u32; rows.rows];
    for (n, level) in levels.iter().enumerate() {
        control.check()?;
        let awaited = levels[n..].iter().any(|l| l.others.is_some());
        (groups, of) = divided(rows, level, &groups, &of, awaited)?;
    }
    groups.retain(|g| g.shown && g.cells.len() == schema.len());
    if rows.rows == 0 {
        groups.clear();
    }
    let columns = schema.iter().enumerate().map(|(at, column)| {
        let cells: Vec<&Value> = groups.iter().map(|g| &g.cells[at]).collect();
        from_values(column.ty, cells.into_iter())
    });
    Ok(Batch::new(groups.len(), columns.collect::<Result<_>>()?))
}

/// One level: each group into its top keys and the rest.
fn divided(
    rows: &Batch,
    level: &TopLevel,
    groups: &[Group],
    of: &[u32],
    awaited: bool,
) -> Result<(Vec<Group>, Vec<u32>)> {
    let live: Vec<u32> =
        (0..of.len() as u32).filter(|r| groups.get(of[*r as usize] as usize).is_some_and(|g| g.live)).collect();
    let part = with_group(&rows.take(&UInt32Array::from(live.clone()))?, live.iter().map(|r| of[*r as usize]));
    let group = Expr::column(rows.columns.len(), Type::Long);
    let ranked = Ranked::new(&part, level, &group)?;
    // The new groups, in the order of the old ones: the top keys, then the rest.
    let mut next = Vec::new();
    let mut place_of_key = vec![GONE; ranked.keys];
    let mut rest_of_group = vec![GONE; groups.len()];
    let mut tops = ranked.tops.iter().peekable();
    for (number, old) in groups.iter().enumerate() {
        let mut whole = old.live;
        if let Some((_, keys)) = tops.next_if(|(group, _)| *group == number as i64) {
            let kept = level.count.map_or(keys.len(), |n| usize::try_from(n).unwrap_or(usize::MAX).min(keys.len()));
            whole = kept == keys.len();
            for Top { code, key, value } in &keys[..kept] {
                place_of_key[*code as usize] = next.len() as u32;
                let cells = old.cells.iter().chain([key, value]).cloned().collect();
                next.push(Group { cells, live: true, shown: true });
            }
        }
        let carried = !old.live && (old.shown || awaited);
        if carried || (!whole && awaited) {
            rest_of_group[number] = next.len() as u32;
            let shown = !old.live && old.shown;
            let nothing = [Value::null(level.key.ty), Value::null(level.value.ty)];
            let cells = old.cells.iter().cloned().chain(nothing).collect();
            next.push(Group { cells, live: false, shown });
        }
    }
    let mut of: Vec<u32> = of.iter().map(|g| rest_of_group.get(*g as usize).copied().unwrap_or(GONE)).collect();
    for (record, code) in live.iter().zip(&ranked.codes) {
        let top = place_of_key[*code as usize];
        if top != GONE {
            of[*record as usize] = top;
        }
    }
    if let Some(others) = &level.others {
        count_others(rows, level, others, &mut next, &of, &group)?;
    }
    Ok((next, of))
}

/// Gives the rest of each group its row.
fn count_others(
    rows: &Batch,
    level: &TopLevel,
    others: &Value,
    groups: &mut [Group],
    of: &[u32],
    group: &Expr,
) -> Result<()> {
    let rest: Vec<u32> =
        (0..of.len() as u32).filter(|r| groups.get(of[*r as usize] as usize).is_some_and(|g| !g.live)).collect();
    if rest.is_empty() {
        return Ok(());
    }
    let part = with_group(&rows.take(&UInt32Array::from(rest.clone()))?, rest.iter().map(|r| of[*r as usize]));
    let program = Program::new(std::slice::from_ref(group), &level.aggregates)?;
    let mut partial = program.start()?;
    partial.update(&program, &part)?;
    let found = partial.finish()?;
    let (numbers, aggregates) = split_first(&found)?;
    let values = compile(&level.value)?.array(&aggregates)?;
    for row in 0..found.rows {
        let number = Vector::Array(Arc::clone(&numbers)).longs()?.get(row).unwrap_or(-1);
        let Some(group) = usize::try_from(number).ok().and_then(|n| groups.get_mut(n)) else { continue };
        let own = group.cells.len() - 2;
        group.cells[own] = others.clone();
        group.cells[own + 1] = value_at(&values, row, level.value.ty)?;
        group.shown = true;
    }
    Ok(())
}

/// A level's keys by group, the first ones first.
struct Ranked {
    /// Of each record of the part, which key of which group it has.
    codes: Vec<u32>,
    keys: usize,
    tops: Vec<(i64, Vec<Top>)>,
}

/// One key of a group.
struct Top {
    code: u32,
    key: Value,
    value: Value,
}

impl Ranked {
    fn new(part: &Batch, level: &TopLevel, group: &Expr) -> Result<Self> {
        let by = [group.clone(), level.key.clone()];
        let program = Program::new(&by, &level.aggregates)?;
        let mut partial = program.start()?;
        partial.update(&program, part)?;
        let found = partial.finish()?;
        // The same keys in the same order get the same codes.
        let key = compile(&level.key)?.eval(part)?;
        let last = part.columns.last().ok_or_else(|| internal("records without groups"))?;
        let codes =
            Keys::new(&[Type::Long, level.key.ty]).groups(&[Vector::Array(Arc::clone(last)), key], part.rows)?;
        let (groups, rest) = split_first(&found)?;
        let (keys, aggregates) = split_first(&rest)?;
        let values = compile(&level.value)?.array(&aggregates)?;
        let ranking = Batch::new(found.rows, vec![Arc::clone(&groups), Arc::clone(&values)]);
        let order = sort::Keys::new(&[
            SortKey { expr: Expr::column(0, Type::Long), descending: false, nulls_first: true },
            SortKey {
                expr: Expr::column(1, level.value.ty),
                descending: level.descending,
                nulls_first: !level.descending,
            },
        ])?;
        let sorted = order.rows(&ranking)?;
        let mut order: Vec<u32> = (0..found.rows as u32).collect();
        order.sort_by(|a, b| sorted.row(*a as usize).cmp(&sorted.row(*b as usize)));
        let numbers = Vector::Array(groups);
        let numbers = numbers.longs()?;
        let of: Vec<i64> = order.iter().map(|r| numbers.get(*r as usize).unwrap_or(-1)).collect();
        let mut tops = Vec::new();
        for (from, to) in runs(&of) {
            let top = |code: &u32| -> Result<Top> {
                let row = *code as usize;
                let key = value_at(&keys, row, level.key.ty)?;
                Ok(Top { code: *code, key, value: value_at(&values, row, level.value.ty)? })
            };
            tops.push((of[from], order[from..to].iter().map(top).collect::<Result<_>>()?));
        }
        Ok(Self { codes, keys: found.rows, tops })
    }
}

/// Records and the numbers of their groups, as one more column.
fn with_group(rows: &Batch, groups: impl Iterator<Item = u32>) -> Batch {
    let mut rows = rows.clone();
    rows.columns.push(Arc::new(Int64Array::from_iter_values(groups.map(i64::from))));
    rows
}

fn split_first(rows: &Batch) -> Result<(ArrayRef, Batch)> {
    let (first, rest) = rows.columns.split_first().ok_or_else(|| internal("a column is missing"))?;
    Ok((Arc::clone(first), Batch::new(rows.rows, rest.to_vec())))
}

#[cfg(test)]
mod tests {
    use crate::engine::local::tests::ask::{gives, gives_in_any_order, refused};

    const SALES: &str = "let sales = datatable(region: string, who: string, n: long)[
        'north', 'ada', 10, 'north', 'bob', 7, 'north', 'cy', 1, 'south', 'ada', 9, 'south', 'dee', 4, 'west', 'eve', 3, 'east', 'fay', 2];";

    #[test]
    fn the_top_of_each_level_stands_within_the_top_of_the_one_before() {
        gives(
            &format!("{SALES} sales | top-nested 2 of region by sum(n), top-nested 1 of who by sum(n)"),
            &[
                "region:string, aggregated_region:long, who:string, aggregated_who:long",
                "north|18|ada|10",
                "south|13|ada|9",
            ],
        );
        gives(
            &format!("{SALES} sales | top-nested 1 of place = region by total = sum(n) asc"),
            &["place:string, total:long", "east|2"],
        );
    }

    #[test]
    fn others_are_one_row_and_deeper_levels_count_what_is_left_above() {
        gives(
            &format!(
                "{SALES} sales | top-nested 2 of region with others = 'elsewhere' by sum(n), top-nested 1 of who by max(n)"
            ),
            &[
                "region:string, aggregated_region:long, who:string, aggregated_who:long",
                "north|18|ada|10",
                "south|13|ada|9",
                "elsewhere|5||∅",
            ],
        );
        gives(
            &format!(
                "{SALES} sales | top-nested 1 of region by sum(n), top-nested 1 of who with others = 'rest' by sum(n)"
            ),
            &[
                "region:string, aggregated_region:long, who:string, aggregated_who:long",
                "north|18|ada|10",
                "north|18|rest|8",
                "|∅|rest|18",
            ],
        );
    }

    #[test]
    fn a_level_without_a_count_has_every_key() {
        gives_in_any_order(
            "datatable(id: string, t: datetime, info: string)['B', datetime(2015-01-01), '1', 'B', datetime(2016-01-01), '2', 'B', datetime(2017-01-20), '3', 'D', datetime(2017-01-20), '4', 'D', datetime(2017-01-18), '5', 'D', datetime(2017-01-19), '6']
             | top-nested of id by a = max(1), top-nested 2 of t by b = max(t), top-nested of info by c = max(1) | project-away a, b, c",
            &["id:string, t:datetime, info:string", "B|2016-01-01T00:00:00.0000000Z|2", "B|2017-01-20T00:00:00.0000000Z|3", "D|2017-01-19T00:00:00.0000000Z|6", "D|2017-01-20T00:00:00.0000000Z|4"],
        );
        gives(
            &format!("{SALES} sales | where n > 100 | top-nested of region by count()"),
            &["region:string, aggregated_region:long"],
        );
    }

    #[test]
    fn values_may_be_computed_from_several_aggregates() {
        gives(
            &format!("{SALES} sales | top-nested 1 of region by sum(n) * 1.0 / count()"),
            &["region:string, aggregated_region:real", "south|6.5"],
        );
    }

    #[test]
    fn wrong_levels_are_refused() {
        assert!(refused("print x = 1 | top-nested 1 of x by y = x").starts_with("KQL130"));
        assert!(refused("print x = 1 | top-nested 1 of x with others = 'text' by count()").starts_with("KQL120"));
    }
}
