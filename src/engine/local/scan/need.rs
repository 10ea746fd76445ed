//! For which rows an expression's answer depends on columns that are dear to read. `coalesce(a, b, c)` looks at `c` only where `a` and `b` are empty, a
//! `case` at what its first true condition chooses, an `and` at its rest where it is not false yet.
//!
//! The dear columns may be anything in the other rows: the answer is the same.

use arrow::array::{Array, BooleanArray};
use arrow::buffer::BooleanBuffer;

use super::super::batch::Batch;
use super::super::column::{Nulls, Result, Vector, internal};
use super::super::eval::{Compiled, compile};
use crate::kql::{Expr, ExprKind, Type};

/// Where the dear columns count.
#[derive(Debug)]
pub enum Need {
    Never,
    Always,
    Any(Vec<Need>),
    /// Looked at in turn, until a row is settled.
    Turns(Vec<Turn>),
}

/// One look: what it needs itself; then the rows that it settles, if that can be told without dear columns. Where it chooses (a condition of a `case`)
/// the rows that it settles need what it chose.
#[derive(Debug)]
pub struct Turn {
    looks: Need,
    settles: Option<Settles>,
    chosen: Need,
}

#[derive(Debug)]
enum Settles {
    /// Rows with a value: `coalesce`.
    Filled(Compiled),
    /// Rows for which this is true, or false: `case` and `or`, or `and`.
    Bool(Compiled, bool),
}

impl Settles {
    fn rows(&self, batch: &Batch) -> Result<BooleanBuffer> {
        let all = |on: bool| if on { BooleanBuffer::new_set(batch.rows) } else { BooleanBuffer::new_unset(batch.rows) };
        match self {
            Self::Filled(value) => {
                let vector = value.eval(batch)?;
                if value.ty == Type::String {
                    let texts = vector.texts()?;
                    return Ok(BooleanBuffer::collect_bool(batch.rows, |i| !texts.text(i).is_empty()));
                }
                Ok(match vector.nulls(value.ty) {
                    Nulls::None => all(true),
                    Nulls::All => all(false),
                    Nulls::Some(nulls) => nulls.inner().clone(),
                })
            }
            Self::Bool(test, wanted) => match test.eval(batch)? {
                Vector::Constant(value) => Ok(all(value == crate::kql::Value::Bool(*wanted))),
                Vector::Array(array) => {
                    let bools = array
                        .as_any()
                        .downcast_ref::<BooleanArray>()
                        .ok_or_else(|| internal("a condition that is no bool"))?;
                    let values = if *wanted { bools.values().clone() } else { !bools.values() };
                    Ok(match bools.nulls() {
                        Some(nulls) => &values & nulls.inner(),
                        None => values,
                    })
                }
            },
        }
    }
}

impl Need {
    /// What an expression needs of the columns that are `dear`.
    pub fn of(expr: &Expr, dear: &dyn Fn(usize) -> bool) -> Result<Self> {
        let of = |e: &Expr| Self::of(e, dear);
        Ok(match &expr.kind {
            ExprKind::Column(at) => {
                if dear(*at) {
                    Self::Always
                } else {
                    Self::Never
                }
            }
            ExprKind::Literal(_) => Self::Never,
            ExprKind::And(terms) => Self::in_turn(terms, dear, |t| Settles::Bool(t, false))?,
            ExprKind::Or(terms) => Self::in_turn(terms, dear, |t| Settles::Bool(t, true))?,
            ExprKind::Path { base, .. } => of(base)?,
            ExprKind::In { value, .. } => of(value)?,
            ExprKind::Call { function, args } => match (function.name, args.as_slice()) {
                ("coalesce", args) => Self::in_turn(args, dear, Settles::Filled)?,
                ("iff" | "iif" | "case", [branches @ .., last]) => {
                    let mut turns = Vec::new();
                    for pair in branches.chunks(2) {
                        let [condition, value] = pair else { return Ok(Self::Always) };
                        let looks = of(condition)?;
                        let settles =
                            if looks.is_never() { Some(Settles::Bool(compile(condition)?, true)) } else { None };
                        turns.push(Turn { looks, settles, chosen: of(value)? });
                    }
                    turns.push(Turn { looks: of(last)?, settles: None, chosen: Self::Never });
                    Self::turns(turns)
                }
                (_, args) => Self::any(args.iter().map(of).collect::<Result<_>>()?),
            },
        })
    }

    fn in_turn(args: &[Expr], dear: &dyn Fn(usize) -> bool, settles: impl Fn(Compiled) -> Settles) -> Result<Self> {
        let mut turns = Vec::with_capacity(args.len());
        for arg in args {
            let looks = Self::of(arg, dear)?;
            let settles = if looks.is_never() { Some(settles(compile(arg)?)) } else { None };
            turns.push(Turn { looks, settles, chosen: Self::Never });
        }
        Ok(Self::turns(turns))
    }

    fn turns(turns: Vec<Turn>) -> Self {
        if turns.iter().all(|t| t.looks.is_never() && t.chosen.is_never()) { Self::Never } else { Self::Turns(turns) }
    }

    /// Where any of them counts.
    pub fn any(mut needs: Vec<Self>) -> Self {
        needs.retain(|n| !n.is_never());
        if needs.iter().any(Self::is_always) {
            return Self::Always;
        }
        match needs.len() {
            0 => Self::Never,
            1 => needs.remove(0),
            _ => Self::Any(needs),
        }
    }

    pub fn is_never(&self) -> bool {
        matches!(self, Self::Never)
    }

    pub fn is_always(&self) -> bool {
        matches!(self, Self::Always)
    }

    /// The rows where the dear columns count. The others must be in the batch.
    pub fn rows(&self, batch: &Batch) -> Result<BooleanBuffer> {
        self.among(batch, &BooleanBuffer::new_set(batch.rows))
    }

    fn among(&self, batch: &Batch, rows: &BooleanBuffer) -> Result<BooleanBuffer> {
        let none = || BooleanBuffer::new_unset(batch.rows);
        match self {
            Self::Never => Ok(none()),
            Self::Always => Ok(rows.clone()),
            Self::Any(needs) => needs.iter().try_fold(none(), |all, need| Ok(&all | &need.among(batch, rows)?)),
            Self::Turns(turns) => {
                let (mut left, mut needed) = (rows.clone(), none());
                for turn in turns {
                    if left.count_set_bits() == 0 {
                        break;
                    }
                    needed = &needed | &turn.looks.among(batch, &left)?;
                    let Some(settles) = &turn.settles else {
                        // Nobody knows yet whether it is chosen.
                        needed = &needed | &turn.chosen.among(batch, &left)?;
                        continue;
                    };
                    let settled = &left & &settles.rows(batch)?;
                    needed = &needed | &turn.chosen.among(batch, &settled)?;
                    left = &left & &!&settled;
                }
                Ok(needed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringViewArray};

    use super::*;
    use crate::kql::Value;
    use crate::kql::functions::{operator, scalar};

    fn call(name: &str, args: Vec<Expr>, ty: Type) -> Expr {
        Expr::call(operator(name).or_else(|| scalar(name)).unwrap(), args, ty)
    }

    fn column(at: usize) -> Expr {
        Expr::column(at, Type::String)
    }

    fn is(at: usize, text: &str) -> Expr {
        call("==", vec![column(at), Expr::literal(Value::string(text))], Type::Bool)
    }

    /// Columns 0 and 1 are there, 2 is dear.
    fn needed(expr: &Expr) -> Vec<bool> {
        let texts = |list: [&str; 4]| Arc::new(StringViewArray::from(list.to_vec())) as ArrayRef;
        let batch = Batch::new(4, vec![texts(["a", "", "", "a"]), texts(["x", "x", "", ""])]);
        Need::of(expr, &|at| at == 2).unwrap().rows(&batch).unwrap().iter().collect()
    }

    #[test]
    fn a_coalesce_needs_what_stands_last_where_all_before_it_is_empty() {
        let e = call("coalesce", vec![column(0), column(1), column(2)], Type::String);
        assert_eq!(needed(&e), [false, false, true, false]);
        // What stands before a column is not spared by what stands after it.
        let e = call("coalesce", vec![column(0), column(2), column(1)], Type::String);
        assert_eq!(needed(&e), [false, true, true, false]);
    }

    #[test]
    fn a_case_needs_what_its_first_true_condition_chooses() {
        let e = call("case", vec![is(0, "a"), column(1), is(1, "x"), column(2), column(1)], Type::String);
        assert_eq!(needed(&e), [false, true, false, false]);
        let e = call("case", vec![is(2, "a"), column(1), column(1)], Type::String);
        assert_eq!(needed(&e), [true; 4]);
    }

    #[test]
    fn a_chain_needs_its_rest_where_it_is_not_decided() {
        let and = Expr { kind: ExprKind::And(vec![is(0, "a"), is(2, "b")]), ty: Type::Bool };
        assert_eq!(needed(&and), [true, false, false, true]);
        let or = Expr { kind: ExprKind::Or(vec![is(0, "a"), is(1, "x"), is(2, "b")]), ty: Type::Bool };
        assert_eq!(needed(&or), [false, false, true, false]);
    }
}
