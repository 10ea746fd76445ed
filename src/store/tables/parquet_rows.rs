//! Rows of a Parquet file that somebody else wrote, as cells: its columns may have any type of Arrow's.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchReader as _};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::Result as Read;

use super::cells::Cell;
use super::source::{Columns, Each, Row, input};
use super::{SCHEMA_KEY, read_schema};
use crate::event::json;
use crate::kql::literal::{print_datetime, print_timespan};
use crate::kql::{Schema, Type};
use crate::store::StoreError;

const ROWS: usize = 8_192;

pub(super) fn each(path: &Path, held: Option<&Bytes>, columns: &mut Columns, each: Each<'_>) -> Result<(), StoreError> {
    let (reader, own) = open(path, held)?;
    let types: Vec<(usize, Type, bool)> = reader
        .schema()
        .fields()
        .iter()
        .map(|field| {
            // Of our own files the types are known; a time lies in them as ticks.
            let kept = own.as_ref().and_then(|s| s.position(field.name()).map(|at| s.0[at].ty));
            let ty = kept.unwrap_or_else(|| type_of(field.data_type()));
            let at = columns.at(field.name());
            columns.list[at].declared = columns.list[at].declared.or(Some(ty));
            (at, ty, kept.is_some())
        })
        .collect();
    let mut number = 0;
    for batch in reader {
        let batch = batch.map_err(|e| input(path, e.to_string()))?;
        let texts = texts(&batch, &types).map_err(StoreError::arrow("read a Parquet file"))?;
        for row in 0..batch.num_rows() {
            number += 1;
            let cells: Vec<_> = types
                .iter()
                .zip(&texts)
                .filter_map(|((at, ty, _), column)| {
                    let text = column[row].as_deref()?;
                    Some((*at, if *ty == Type::Dynamic { Cell::Json(text) } else { Cell::Text(text) }))
                })
                .collect();
            if !each(number, 0, Row::Cells(&cells), columns)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn open(path: &Path, held: Option<&Bytes>) -> Result<(ParquetRecordBatchReader, Option<Schema>), StoreError> {
    let failed = StoreError::parquet;
    let schema = |kv: Option<&Vec<parquet::file::metadata::KeyValue>>| {
        let text = kv?.iter().find(|kv| kv.key == SCHEMA_KEY)?.value.as_deref()?;
        read_schema(text).ok()
    };
    let parts: Read<_> = match held {
        Some(bytes) => ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).and_then(|b| {
            let own = schema(b.metadata().file_metadata().key_value_metadata());
            Ok((b.with_batch_size(ROWS).build()?, own))
        }),
        None => {
            let file = File::open(path).map_err(|e| StoreError::io(path, e))?;
            ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| {
                let own = schema(b.metadata().file_metadata().key_value_metadata());
                Ok((b.with_batch_size(ROWS).build()?, own))
            })
        }
    };
    parts.map_err(failed(path))
}

/// KQL's type of an Arrow type.
fn type_of(ty: &DataType) -> Type {
    match ty {
        DataType::Boolean => Type::Bool,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => Type::Int,
        DataType::UInt32 | DataType::Int64 | DataType::UInt64 => Type::Long,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Type::Real,
        DataType::Decimal128(..) | DataType::Decimal256(..) => Type::Decimal,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Type::DateTime,
        DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) => Type::TimeSpan,
        DataType::Struct(_) | DataType::List(_) | DataType::LargeList(_) | DataType::Map(..) => Type::Dynamic,
        DataType::Dictionary(_, values) => type_of(values),
        _ => Type::String,
    }
}

type Texts = Vec<Vec<Option<String>>>;

/// The columns as texts, `None` where null.
fn texts(batch: &RecordBatch, types: &[(usize, Type, bool)]) -> Result<Texts, arrow::error::ArrowError> {
    let columns = batch.columns().iter().zip(types).map(|(column, (_, ty, own))| {
        (0..column.len()).map(|row| text(column, row, *ty, *own)).collect::<Result<Vec<_>, _>>()
    });
    columns.collect()
}

fn text(column: &ArrayRef, row: usize, ty: Type, own: bool) -> Result<Option<String>, arrow::error::ArrowError> {
    if column.is_null(row) {
        return Ok(None);
    }
    if let Some(ticks) = column.as_primitive_opt::<arrow::datatypes::Int64Type>().map(|a| a.value(row)).filter(|_| own)
    {
        match ty {
            Type::DateTime => return Ok(Some(print_datetime(ticks))),
            Type::TimeSpan => return Ok(Some(print_timespan(ticks))),
            _ => {}
        }
    }
    if ty == Type::TimeSpan {
        let unit = match column.data_type() {
            DataType::Duration(unit) | DataType::Time64(unit) | DataType::Time32(unit) => *unit,
            _ => TimeUnit::Nanosecond,
        };
        let counts = arrow::compute::cast(&column.slice(row, 1), &DataType::Int64)?;
        let count = counts.as_primitive::<arrow::datatypes::Int64Type>().value(0);
        let ticks = match unit {
            TimeUnit::Second => count.saturating_mul(10_000_000),
            TimeUnit::Millisecond => count.saturating_mul(10_000),
            TimeUnit::Microsecond => count.saturating_mul(10),
            TimeUnit::Nanosecond => count / 100,
        };
        return Ok(Some(print_timespan(ticks)));
    }
    if ty == Type::Dynamic && !own {
        let mut out = String::new();
        write_json(&mut out, column, row)?;
        return Ok(Some(out));
    }
    let options = FormatOptions::default();
    Ok(Some(ArrayFormatter::try_new(column.as_ref(), &options)?.value(row).to_string()))
}

/// A nested value as JSON.
fn write_json(out: &mut String, column: &ArrayRef, row: usize) -> Result<(), arrow::error::ArrowError> {
    if column.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    let list = |out: &mut String, values: &ArrayRef| {
        out.push('[');
        for n in 0..values.len() {
            if n > 0 {
                out.push(',');
            }
            write_json(out, values, n)?;
        }
        out.push(']');
        Ok(())
    };
    match column.data_type() {
        DataType::Struct(fields) => {
            out.push('{');
            for (n, (field, values)) in fields.iter().zip(column.as_struct().columns()).enumerate() {
                if n > 0 {
                    out.push(',');
                }
                json::quote(out, field.name());
                out.push(':');
                write_json(out, values, row)?;
            }
            out.push('}');
            Ok(())
        }
        DataType::List(_) => list(out, &column.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(out, &column.as_list::<i64>().value(row)),
        ty => {
            let options = FormatOptions::default();
            let text = ArrayFormatter::try_new(column.as_ref(), &options)?.value(row).to_string();
            match type_of(ty) {
                Type::Bool | Type::Int | Type::Long | Type::Real | Type::Decimal if json::valid(&text) => {
                    out.push_str(&text);
                }
                _ => json::quote(out, &text),
            }
            Ok(())
        }
    }
}
