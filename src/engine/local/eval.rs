//! Scalar expressions over batches. An expression is compiled once a pipeline: functions looked up, sets and patterns prepared. Then it is
//! evaluated a batch at a time, and over the distinct values of a dictionary instead of its rows where a call looks at one text column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Int32Type};

use super::batch::Batch;
use super::column::{Result, Texts, Vector, internal};
use super::functions::{self, Call, ScalarFn};
use crate::kql::plan::Step;
use crate::kql::{Expr, ExprKind, Type, Value};

mod set;

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
    Call { function: ScalarFn, args: Vec<Compiled>, types: Vec<Type> },
    And(Vec<Compiled>),
    Or(Vec<Compiled>),
    Path { base: Box<Compiled>, steps: Vec<Step> },
    In { value: Box<Compiled>, set: Set, negated: bool },
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
        ExprKind::Path { base, steps } => Node::Path { base: Box::new(compile(base)?), steps: steps.clone() },
        ExprKind::In { value, set, negated, fold_case } => {
            Node::In { value: Box::new(compile(value)?), set: Set::new(value.ty, set, *fold_case)?, negated: *negated }
        }
    };
    Ok(Compiled { node, ty: expr.ty })
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
                over_dictionary(std::slice::from_ref(&base), self.ty, batch.rows, &|args, rows| {
                    functions::dynamic::path(&args[0], steps, rows)
                })
            }
            Node::In { value, set, negated } => {
                let value = value.eval(batch)?;
                over_dictionary(std::slice::from_ref(&value), Type::Bool, batch.rows, &|args, rows| {
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
    over_dictionary(args, ty, rows, &|args, rows| (function.eval)(&Call { args, types, ty, rows }))
}

type Over<'a> = &'a dyn Fn(&[Vector], usize) -> Result<Vector>;

/// Evaluates over the distinct values where the only column among the arguments is a dictionary smaller than the batch.
fn over_dictionary(args: &[Vector], ty: Type, rows: usize, eval: Over<'_>) -> Result<Vector> {
    let mut columns = args.iter().enumerate().filter_map(|(i, a)| match a {
        Vector::Array(array) => Some((i, array)),
        Vector::Constant(_) => None,
    });
    let (Some((at, array)), None) = (columns.next(), columns.next()) else { return eval(args, rows) };
    let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() else { return eval(args, rows) };
    if dictionary.values().len() >= rows {
        return eval(args, rows);
    }
    // A null code is one more distinct value.
    let nulls = dictionary.keys().nulls().filter(|n| n.null_count() > 0);
    let distinct = dictionary.values().len() + usize::from(nulls.is_some());
    let values: ArrayRef = if nulls.is_some() {
        let values = dictionary.values().as_string_opt::<i32>().ok_or_else(|| internal("dictionary values"))?;
        Arc::new(values.iter().chain([None]).collect::<StringArray>())
    } else {
        Arc::clone(dictionary.values())
    };
    let mut over: Vec<Vector> = args.to_vec();
    over[at] = Vector::Array(values);
    let answer = eval(&over, distinct)?.to_array(distinct);
    let last = distinct as i32 - 1;
    let code = |row: usize| match nulls {
        Some(n) if n.is_null(row) => last,
        _ => dictionary.keys().values()[row],
    };
    Ok(Vector::Array(spread(&answer, ty, rows, code)?))
}

/// The answer for each distinct value, given to each row of that code.
fn spread(answer: &ArrayRef, ty: Type, rows: usize, code: impl Fn(usize) -> i32) -> Result<ArrayRef> {
    if let Some(bools) = answer.as_boolean_opt()
        && bools.null_count() == 0
    {
        let table: Vec<bool> = bools.values().iter().collect();
        let bits = BooleanBuffer::collect_bool(rows, |row| table[code(row) as usize]);
        return Ok(Arc::new(BooleanArray::new(bits, None)));
    }
    let codes: Int32Array = (0..rows).map(&code).collect::<Vec<_>>().into();
    if matches!(ty, Type::String | Type::Guid | Type::Dynamic) {
        let texts = Texts::of(answer)?;
        let values: StringArray = (0..answer.len()).map(|i| texts.get(i)).collect();
        if values.null_count() == 0 {
            return Ok(Arc::new(DictionaryArray::<Int32Type>::new(codes, Arc::new(values))));
        }
        // Nulls live in the codes, so that whoever looks at codes alone sees them.
        let codes: Int32Array = codes.values().iter().map(|c| values.is_valid(*c as usize).then_some(*c)).collect();
        return Ok(Arc::new(DictionaryArray::<Int32Type>::new(codes, Arc::new(values))));
    }
    debug_assert!(!matches!(answer.data_type(), DataType::Dictionary(..)));
    Ok(arrow::compute::take(answer.as_ref(), &codes, None)?)
}
