//! Scalar expressions over batches. An expression is compiled once a pipeline: functions looked up, sets and patterns prepared. Then it is
//! evaluated a batch at a time, and over the distinct values of a dictionary instead of its rows where a call looks at such columns alone.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};

use super::batch::Batch;
use super::column::{Result, Vector, internal};
use super::functions::{self, Call, ScalarFn};
use crate::kql::plan::Step;
use crate::kql::{Expr, ExprKind, Type, Value};

mod dictionary;
mod set;

use dictionary::over_distinct;
use set::Set;

/// A compiled expression.
#[derive(Debug)]
pub struct Compiled {
    node: Node,
    pub ty: Type,
}

#[derive(Debug)]
enum Node {
    Column(usize),
    Constant(Value),
    Call {
        function: ScalarFn,
        args: Vec<Compiled>,
        types: Vec<Type>,
    },
    And(Vec<Compiled>),
    Or(Vec<Compiled>),
    Path {
        base: Box<Compiled>,
        steps: Vec<Step>,
    },
    /// A path inside text that is parsed for it alone: found without making the value of the whole.
    Inside {
        text: Box<Compiled>,
        steps: Vec<Step>,
    },
    In {
        value: Box<Compiled>,
        set: Set,
        negated: bool,
    },
}

/// Looks up what the expression needs. An operator or function without an implementation is a fault of ours, and named.
pub fn compile(expr: &Expr) -> Result<Compiled> {
    let all = |list: &[Expr]| list.iter().map(compile).collect::<Result<Vec<_>>>();
    let node = match &expr.kind {
        ExprKind::Column(at) => Node::Column(*at),
        ExprKind::Literal(value) => Node::Constant(value.clone()),
        ExprKind::Call { function, args } => Node::Call {
            function: functions::scalar(function.name)
                .ok_or_else(|| internal(format!("{} has no implementation here", function.name)))?,
            args: all(args)?,
            types: args.iter().map(|a| a.ty).collect(),
        },
        ExprKind::And(list) => Node::And(all(list)?),
        ExprKind::Or(list) => Node::Or(all(list)?),
        ExprKind::Path { base, steps } if parsed(base).is_some() => {
            let text = parsed(base).ok_or_else(|| internal("a text that is parsed"))?;
            Node::Inside { text: Box::new(compile(text)?), steps: steps.clone() }
        }
        ExprKind::Path { base, steps } => Node::Path { base: Box::new(compile(base)?), steps: steps.clone() },
        ExprKind::In { value, set, negated, fold_case } => {
            Node::In { value: Box::new(compile(value)?), set: Set::new(value.ty, set, *fold_case)?, negated: *negated }
        }
    };
    Ok(Compiled { node, ty: expr.ty })
}

/// The text of `parse_json(text)`.
fn parsed(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Call { function, args } if matches!(function.name, "parse_json" | "todynamic") => {
            args.first().filter(|text| args.len() == 1 && text.ty == Type::String)
        }
        _ => None,
    }
}

/// Several at once.
pub fn compile_all<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> Result<Vec<Compiled>> {
    exprs.into_iter().map(compile).collect()
}

/// An expression without columns, now.
pub fn constant(expr: &Expr) -> Result<Value> {
    compile(expr)?.eval(&Batch::new(1, Vec::new()))?.value(0, expr.ty)
}

impl Compiled {
    /// The values of the expression over a batch.
    pub fn eval(&self, batch: &Batch) -> Result<Vector> {
        match &self.node {
            Node::Column(at) => batch
                .columns
                .get(*at)
                .map(|c| Vector::Array(Arc::clone(c)))
                .ok_or_else(|| internal(format!("column {at} of a batch of {}", batch.columns.len()))),
            Node::Constant(value) => Ok(Vector::Constant(value.clone())),
            Node::Call { function, args, types } => {
                let args = args.iter().map(|a| a.eval(batch)).collect::<Result<Vec<_>>>()?;
                call(*function, &args, types, self.ty, batch.rows)
            }
            Node::And(list) => chain(list, batch, false),
            Node::Or(list) => chain(list, batch, true),
            Node::Path { base, steps } => {
                let base = base.eval(batch)?;
                over_distinct(std::slice::from_ref(&base), self.ty, batch.rows, &|args, rows| {
                    functions::dynamic::path(&args[0], steps, rows)
                })
            }
            Node::Inside { text, steps } => {
                let text = text.eval(batch)?;
                over_distinct(std::slice::from_ref(&text), self.ty, batch.rows, &|args, rows| {
                    functions::dynamic::path_in_text(&args[0], steps, rows)
                })
            }
            Node::In { value, set, negated } => {
                let value = value.eval(batch)?;
                over_distinct(std::slice::from_ref(&value), Type::Bool, batch.rows, &|args, rows| {
                    set.contains(&args[0], rows, *negated)
                })
            }
        }
    }

    /// The values as an array.
    pub fn array(&self, batch: &Batch) -> Result<ArrayRef> {
        Ok(self.eval(batch)?.to_array(batch.rows))
    }

    /// The rows for which the expression is true.
    pub fn mask(&self, batch: &Batch) -> Result<BooleanArray> {
        match self.eval(batch)? {
            Vector::Array(array) => {
                let mask = array.as_boolean_opt().ok_or_else(|| internal("a predicate that is no bool"))?;
                Ok(if mask.null_count() == 0 { mask.clone() } else { arrow::compute::prep_null_mask_filter(mask) })
            }
            Vector::Constant(value) => Ok(BooleanArray::from(vec![value == Value::Bool(true); batch.rows])),
        }
    }
}

/// `and` (decided by false) or `or` (decided by true) in three-valued logic; later terms are not looked at once every row is decided.
fn chain(list: &[Compiled], batch: &Batch, decides: bool) -> Result<Vector> {
    let mut so_far: Option<BooleanArray> = None;
    for term in list {
        let next = match term.eval(batch)? {
            Vector::Constant(Value::Bool(b)) if b == decides => return Ok(Vector::Constant(Value::Bool(decides))),
            Vector::Constant(Value::Bool(_)) => continue,
            other => other.to_array(batch.rows),
        };
        let next = next.as_boolean_opt().ok_or_else(|| internal("and/or over what is no bool"))?;
        let joined = match &so_far {
            None => next.clone(),
            Some(before) if decides => arrow::compute::or_kleene(before, next)?,
            Some(before) => arrow::compute::and_kleene(before, next)?,
        };
        let decided = joined.null_count() == 0
            && if decides { joined.true_count() == batch.rows } else { joined.true_count() == 0 };
        so_far = Some(joined);
        if decided {
            break;
        }
    }
    Ok(so_far.map_or(Vector::Constant(Value::Bool(!decides)), |array| Vector::Array(Arc::new(array))))
}

fn call(function: ScalarFn, args: &[Vector], types: &[Type], ty: Type, rows: usize) -> Result<Vector> {
    if function.per_row {
        return (function.eval)(&Call { args, types, ty, rows });
    }
    if rows > 0 && args.iter().all(|a| matches!(a, Vector::Constant(_))) {
        let one = (function.eval)(&Call { args, types, ty, rows: 1 })?;
        return Ok(Vector::Constant(one.value(0, ty)?));
    }
    over_distinct(args, ty, rows, &|args, rows| (function.eval)(&Call { args, types, ty, rows }))
}
