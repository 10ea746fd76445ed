//! A column of values while a query runs: an Arrow array, or one constant for every row; and typed looks into it.
//!
//! Physical types are fixed by KQL's (`kql::types`). Text (string, guid, dynamic) may lie as `Utf8View`, as
//! `Dictionary(Int32, Utf8)` or, as the values of such a dictionary, as `Utf8`; `Texts` reads all three.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array,
    PrimitiveArray, StringArray, StringViewArray, StringViewBuilder,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, ArrowPrimitiveType, DataType, Decimal128Type, Float64Type, Int32Type, Int64Type,
};

use crate::engine::QueryError;
use crate::kql::{Type, Value};

/// Digits behind the point of every decimal in a batch.
pub const DECIMAL_SCALE: u8 = 18;

pub type Result<T> = std::result::Result<T, QueryError>;

/// One column of a batch, or of an expression's answer.
#[derive(Clone, Debug)]
pub enum Vector {
    Array(ArrayRef),
    Constant(Value),
}

/// A fault of ours: a plan that breaks its contract. Named, so that it can be found.
pub fn internal(what: impl std::fmt::Display) -> QueryError {
    QueryError::Internal(what.to_string())
}

impl From<arrow::error::ArrowError> for QueryError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl Vector {
    /// The values as an array of `rows` rows.
    pub fn to_array(&self, rows: usize) -> ArrayRef {
        match self {
            Self::Array(array) => Arc::clone(array),
            Self::Constant(value) => repeat(value, rows),
        }
    }

    pub fn texts(&self) -> Result<Texts<'_>> {
        match self {
            Self::Array(array) => Texts::of(array),
            Self::Constant(Value::String(s) | Value::Guid(s) | Value::Dynamic(s)) => Ok(Texts::Constant(Some(s))),
            Self::Constant(Value::Null(_)) => Ok(Texts::Constant(None)),
            Self::Constant(other) => Err(internal(format!("text expected, {} found", other.ty()))),
        }
    }

    pub fn longs(&self) -> Result<Numbers<'_, i64>> {
        match self {
            Self::Array(array) => Numbers::of::<Int64Type>(array),
            Self::Constant(Value::Long(n) | Value::DateTime(n) | Value::TimeSpan(n)) => Ok(Numbers::Constant(Some(*n))),
            Self::Constant(Value::Null(_)) => Ok(Numbers::Constant(None)),
            Self::Constant(other) => Err(internal(format!("long expected, {} found", other.ty()))),
        }
    }

    pub fn ints(&self) -> Result<Numbers<'_, i32>> {
        match self {
            Self::Array(array) => Numbers::of::<Int32Type>(array),
            Self::Constant(Value::Int(n)) => Ok(Numbers::Constant(Some(*n))),
            Self::Constant(Value::Null(_)) => Ok(Numbers::Constant(None)),
            Self::Constant(other) => Err(internal(format!("int expected, {} found", other.ty()))),
        }
    }

    pub fn reals(&self) -> Result<Numbers<'_, f64>> {
        match self {
            Self::Array(array) => Numbers::of::<Float64Type>(array),
            Self::Constant(Value::Real(n)) => Ok(Numbers::Constant(Some(*n))),
            Self::Constant(Value::Null(_)) => Ok(Numbers::Constant(None)),
            Self::Constant(other) => Err(internal(format!("real expected, {} found", other.ty()))),
        }
    }

    pub fn decimals(&self) -> Result<Numbers<'_, i128>> {
        match self {
            Self::Array(array) => Numbers::of::<Decimal128Type>(array),
            Self::Constant(Value::Decimal(n, scale)) => Ok(Numbers::Constant(Some(rescale(*n, *scale)))),
            Self::Constant(Value::Null(_)) => Ok(Numbers::Constant(None)),
            Self::Constant(other) => Err(internal(format!("decimal expected, {} found", other.ty()))),
        }
    }

    pub fn bools(&self) -> Result<Bools<'_>> {
        match self {
            Self::Array(array) => array
                .as_any()
                .downcast_ref::<BooleanArray>()
                .map(Bools::Array)
                .ok_or_else(|| internal(format!("bool expected, {} found", array.data_type()))),
            Self::Constant(Value::Bool(b)) => Ok(Bools::Constant(Some(*b))),
            Self::Constant(Value::Null(_)) => Ok(Bools::Constant(None)),
            Self::Constant(other) => Err(internal(format!("bool expected, {} found", other.ty()))),
        }
    }

    /// One cell.
    pub fn value(&self, row: usize, ty: Type) -> Result<Value> {
        match self {
            Self::Array(array) => value_at(array, row, ty),
            Self::Constant(value) => Ok(value.clone()),
        }
    }

    /// Whether a cell is null; a string never is.
    pub fn nulls(&self, ty: Type) -> Nulls<'_> {
        match self {
            _ if ty == Type::String => Nulls::None,
            Self::Constant(value) if value.is_null() => Nulls::All,
            Self::Constant(_) => Nulls::None,
            Self::Array(array) => array.nulls().filter(|n| n.null_count() > 0).map_or(Nulls::None, Nulls::Some),
        }
    }
}

/// Which rows are null.
#[derive(Clone, Copy, Debug)]
pub enum Nulls<'a> {
    None,
    All,
    Some(&'a NullBuffer),
}

impl Nulls<'_> {
    pub fn at(&self, row: usize) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(nulls) => nulls.is_null(row),
        }
    }
}

/// A look into text, however it lies.
#[derive(Clone, Copy, Debug)]
pub enum Texts<'a> {
    Constant(Option<&'a str>),
    View(&'a StringViewArray),
    Plain(&'a StringArray),
    Dictionary { keys: &'a [i32], nulls: Option<&'a NullBuffer>, values: &'a StringArray },
}

impl<'a> Texts<'a> {
    pub fn of(array: &'a ArrayRef) -> Result<Self> {
        match array.data_type() {
            DataType::Utf8View => Ok(Self::View(array.as_string_view())),
            DataType::Utf8 => Ok(Self::Plain(array.as_string())),
            DataType::Dictionary(..) => {
                let dictionary = array.as_dictionary_opt::<Int32Type>().ok_or_else(|| internal("dictionary keys"))?;
                let values = dictionary.values().as_string_opt().ok_or_else(|| internal("dictionary values"))?;
                Ok(Self::Dictionary { keys: dictionary.keys().values(), nulls: dictionary.keys().nulls(), values })
            }
            other => Err(internal(format!("text expected, {other} found"))),
        }
    }

    #[inline]
    pub fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Constant(text) => *text,
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Plain(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Dictionary { keys, nulls, values } => {
                let valid = nulls.is_none_or(|n| n.is_valid(row));
                let code = keys[row] as usize;
                (valid && values.is_valid(code)).then(|| values.value(code))
            }
        }
    }

    /// The text of a row, "" where there is none: what KQL sees of a string.
    #[inline]
    pub fn text(&self, row: usize) -> &'a str {
        self.get(row).unwrap_or_default()
    }
}

/// A look into numbers of one physical type.
#[derive(Clone, Copy, Debug)]
pub enum Numbers<'a, T> {
    Constant(Option<T>),
    Array(&'a [T], Option<&'a NullBuffer>),
}

impl<'a, T: ArrowNativeType> Numbers<'a, T> {
    fn of<P: ArrowPrimitiveType<Native = T>>(array: &'a ArrayRef) -> Result<Self> {
        let array = array
            .as_any()
            .downcast_ref::<PrimitiveArray<P>>()
            .ok_or_else(|| internal(format!("{} expected, {} found", P::DATA_TYPE, array.data_type())))?;
        Ok(Self::Array(array.values(), array.nulls().filter(|n| n.null_count() > 0)))
    }
}

impl<T: Copy> Numbers<'_, T> {
    #[inline]
    pub fn get(&self, row: usize) -> Option<T> {
        match self {
            Self::Constant(value) => *value,
            Self::Array(values, None) => Some(values[row]),
            Self::Array(values, Some(nulls)) => nulls.is_valid(row).then(|| values[row]),
        }
    }
}

/// A look into booleans.
#[derive(Clone, Copy, Debug)]
pub enum Bools<'a> {
    Constant(Option<bool>),
    Array(&'a BooleanArray),
}

impl Bools<'_> {
    #[inline]
    pub fn get(&self, row: usize) -> Option<bool> {
        match self {
            Self::Constant(value) => *value,
            Self::Array(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// A decimal's unscaled digits at the scale of batches; digits that do not fit are cut or saturate.
fn rescale(digits: i128, scale: u8) -> i128 {
    let ten = |n: u8| 10_i128.saturating_pow(u32::from(n));
    if scale > DECIMAL_SCALE {
        digits / ten(scale - DECIMAL_SCALE)
    } else {
        digits.saturating_mul(ten(DECIMAL_SCALE - scale))
    }
}

/// Decimals with the type of batches.
pub fn decimals(values: impl IntoIterator<Item = Option<i128>>) -> ArrayRef {
    let array: Decimal128Array = values.into_iter().collect();
    Arc::new(array.with_data_type(DataType::Decimal128(38, DECIMAL_SCALE as i8)))
}

/// The Arrow type of an array that we build for a KQL type.
pub fn data_type(ty: Type) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int32,
        Type::Long | Type::DateTime | Type::TimeSpan => DataType::Int64,
        Type::Real => DataType::Float64,
        Type::Decimal => DataType::Decimal128(38, DECIMAL_SCALE as i8),
        Type::String | Type::Guid | Type::Dynamic => DataType::Utf8View,
    }
}

/// Texts made row by row into one scratch buffer: `write` answers whether the row has a value.
pub fn build_texts(rows: usize, mut write: impl FnMut(usize, &mut String) -> bool) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(rows);
    let mut scratch = String::new();
    for row in 0..rows {
        scratch.clear();
        if write(row, &mut scratch) {
            builder.append_value(&scratch);
        } else {
            builder.append_null();
        }
    }
    Arc::new(builder.finish())
}

/// Texts borrowed row by row.
pub fn collect_texts<S: AsRef<str>>(rows: usize, mut text: impl FnMut(usize) -> Option<S>) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(rows);
    for row in 0..rows {
        builder.append_option(text(row));
    }
    Arc::new(builder.finish())
}

/// One value in every row.
pub fn repeat(value: &Value, rows: usize) -> ArrayRef {
    match value {
        Value::Null(ty) => arrow::array::new_null_array(&data_type(*ty), rows),
        Value::Bool(b) => Arc::new(BooleanArray::from(vec![*b; rows])),
        Value::Int(n) => Arc::new(Int32Array::from(vec![*n; rows])),
        Value::Long(n) | Value::DateTime(n) | Value::TimeSpan(n) => Arc::new(Int64Array::from(vec![*n; rows])),
        Value::Real(n) => Arc::new(Float64Array::from(vec![*n; rows])),
        Value::Decimal(n, scale) => decimals(std::iter::repeat_n(Some(rescale(*n, *scale)), rows)),
        Value::String(text) | Value::Guid(text) | Value::Dynamic(text) if rows > 1 => {
            let values = StringArray::from(vec![&**text]);
            Arc::new(DictionaryArray::<Int32Type>::new(
                Int32Array::new(ScalarBuffer::from(vec![0; rows]), None),
                Arc::new(values),
            ))
        }
        Value::String(text) | Value::Guid(text) | Value::Dynamic(text) => collect_texts(rows, |_| Some(&**text)),
    }
}

/// A column of constants.
pub fn from_values<'a>(ty: Type, values: impl ExactSizeIterator<Item = &'a Value>) -> Result<ArrayRef> {
    let wrong = |v: &Value| internal(format!("{ty} expected, {} found", v.ty()));
    Ok(match ty {
        Type::Bool => Arc::new(
            values
                .map(|v| match v {
                    Value::Bool(b) => Ok(Some(*b)),
                    Value::Null(_) => Ok(None),
                    v => Err(wrong(v)),
                })
                .collect::<Result<BooleanArray>>()?,
        ),
        Type::Int => Arc::new(
            values
                .map(|v| match v {
                    Value::Int(n) => Ok(Some(*n)),
                    Value::Null(_) => Ok(None),
                    v => Err(wrong(v)),
                })
                .collect::<Result<Int32Array>>()?,
        ),
        Type::Long | Type::DateTime | Type::TimeSpan => Arc::new(
            values
                .map(|v| match v {
                    Value::Long(n) | Value::DateTime(n) | Value::TimeSpan(n) => Ok(Some(*n)),
                    Value::Int(n) => Ok(Some(i64::from(*n))),
                    Value::Null(_) => Ok(None),
                    v => Err(wrong(v)),
                })
                .collect::<Result<Int64Array>>()?,
        ),
        Type::Real => Arc::new(
            values
                .map(|v| match v {
                    Value::Real(n) => Ok(Some(*n)),
                    Value::Long(n) => Ok(Some(*n as f64)),
                    Value::Int(n) => Ok(Some(f64::from(*n))),
                    Value::Null(_) => Ok(None),
                    v => Err(wrong(v)),
                })
                .collect::<Result<Float64Array>>()?,
        ),
        Type::Decimal => decimals(
            values
                .map(|v| match v {
                    Value::Decimal(n, scale) => Ok(Some(rescale(*n, *scale))),
                    Value::Null(_) => Ok(None),
                    v => Err(wrong(v)),
                })
                .collect::<Result<Vec<_>>>()?,
        ),
        Type::String | Type::Guid | Type::Dynamic => {
            let mut builder = StringViewBuilder::with_capacity(values.len());
            for value in values {
                match value {
                    Value::String(s) | Value::Guid(s) | Value::Dynamic(s) => builder.append_value(&**s),
                    Value::Null(_) if ty == Type::String => builder.append_value(""),
                    Value::Null(_) => builder.append_null(),
                    v => return Err(wrong(v)),
                }
            }
            Arc::new(builder.finish())
        }
    })
}

/// One cell of an array.
pub fn value_at(array: &ArrayRef, row: usize, ty: Type) -> Result<Value> {
    let vector = Vector::Array(Arc::clone(array));
    let null = Value::null(ty);
    Ok(match ty {
        Type::Bool => vector.bools()?.get(row).map_or(null, Value::Bool),
        Type::Int => vector.ints()?.get(row).map_or(null, Value::Int),
        Type::Long => vector.longs()?.get(row).map_or(null, Value::Long),
        Type::DateTime => vector.longs()?.get(row).map_or(null, Value::DateTime),
        Type::TimeSpan => vector.longs()?.get(row).map_or(null, Value::TimeSpan),
        Type::Real => vector.reals()?.get(row).map_or(null, Value::Real),
        Type::Decimal => vector.decimals()?.get(row).map_or(null, |n| Value::Decimal(n, DECIMAL_SCALE)),
        Type::String => vector.texts()?.get(row).map_or(null, Value::string),
        Type::Guid => vector.texts()?.get(row).map_or(null, |s| Value::Guid(s.into())),
        Type::Dynamic => vector.texts()?.get(row).map_or(null, |s| Value::Dynamic(s.into())),
    })
}

/// Text as `Utf8View`, whatever it was; other arrays as they are.
pub fn flat(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Dictionary(..) | DataType::Utf8 => arrow::compute::cast(array, &DataType::Utf8View)?,
        _ => Arc::clone(array),
    })
}

/// Arrays of one KQL type, end to end. Text of different make becomes `Utf8View`.
pub fn concat(ty: Type, arrays: &[ArrayRef]) -> Result<ArrayRef> {
    match arrays {
        [] => Ok(arrow::array::new_empty_array(&data_type(ty))),
        [one] => Ok(Arc::clone(one)),
        _ => {
            let text = matches!(ty, Type::String | Type::Guid | Type::Dynamic);
            let shared = arrays.windows(2).all(|w| same_dictionary(&w[0], &w[1]));
            if text && !shared {
                let flat = arrays.iter().map(flat).collect::<Result<Vec<_>>>()?;
                let views: Vec<&dyn Array> = flat.iter().map(AsRef::as_ref).collect();
                return Ok(arrow::compute::concat(&views)?);
            }
            let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            Ok(arrow::compute::concat(&parts)?)
        }
    }
}

/// Do two dictionary arrays share their values, so that codes mean the same?
fn same_dictionary(a: &ArrayRef, b: &ArrayRef) -> bool {
    match (a.as_dictionary_opt::<Int32Type>(), b.as_dictionary_opt::<Int32Type>()) {
        (Some(a), Some(b)) => Arc::ptr_eq(a.values(), b.values()),
        _ => false,
    }
}
