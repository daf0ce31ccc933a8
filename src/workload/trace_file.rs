//! Reads a recorded trace from a CSV or Parquet file, when a scenario is loaded. The only room of the workload
//! that touches a file.
//!
//! The columns of a CSV file are of the narrowest kind that holds all of their cells: whole numbers, numbers,
//! `true`/`false`, text; an empty cell is null. Numbers written with leading zeros, as codes are, stay text.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchReader};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit as ArrowUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::row::{Field, FieldKind, Row, Schema, Value};
use super::timestamp::TimeUnit;
use super::trace::{Table, Trace, TraceError, TraceOptions};

/// Reads the trace in the file at `path`, which ends in `.csv` or `.parquet`.
///
/// # Errors
/// When the file cannot be read, a column is missing, a time is none, or time goes backwards; with the line.
pub fn load_trace(path: &Path, options: &TraceOptions) -> Result<Trace, TraceError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let table = match extension.to_ascii_lowercase().as_str() {
        "csv" => {
            csv::Reader::from_path(path).map_err(words).and_then(|reader| read_csv(reader, path, options))
        }
        "parquet" => read_parquet(path, options),
        _ => return Err(TraceError::Format(path.to_owned())),
    };
    let broken = |reason| TraceError::File { path: path.to_owned(), reason };
    table.map_err(broken)?.into_trace(options)
}

/// Reads a trace that is at hand as the text of a CSV file; `path` names it.
///
/// # Errors
/// As [`load_trace`].
pub fn read_trace(path: &Path, text: &[u8], options: &TraceOptions) -> Result<Trace, TraceError> {
    let broken = |reason| TraceError::File { path: path.to_owned(), reason };
    read_csv(csv::Reader::from_reader(text), path, options).map_err(broken)?.into_trace(options)
}

/// A reason why a file cannot be read, in words.
type Reason = String;

fn words(error: impl std::fmt::Display) -> Reason {
    error.to_string()
}

fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

fn read_csv(
    mut reader: csv::Reader<impl std::io::Read>,
    path: &Path,
    options: &TraceOptions,
) -> Result<Table, Reason> {
    let names: Vec<String> = reader.headers().map_err(words)?.iter().map(str::to_owned).collect();
    if let Some((_, twice)) = names.iter().enumerate().find(|(place, name)| names[..*place].contains(name)) {
        return Err(format!("there are two columns `{twice}`"));
    }
    let mut records = Vec::new();
    for record in reader.records() {
        records.push(record.map_err(words)?);
    }
    let field = |(place, name): (usize, &String)| {
        let cells = || records.iter().map(|record| record.get(place).unwrap_or_default());
        let kind = if options.is_verbatim(name) { FieldKind::Text } else { narrowest(cells()) };
        Field { name: name.clone(), kind, optional: cells().any(str::is_empty) }
    };
    let fields: Vec<Field> = names.iter().enumerate().map(field).collect();
    let row = |record: &csv::StringRecord| {
        fields.iter().zip(record).map(|(field, cell)| typed(field, cell)).collect()
    };
    let rows: Vec<Row> = records.iter().map(row).collect();
    let lines = records.iter().map(|record| record.position().map_or(0, csv::Position::line)).collect();
    Ok(Table { schema: Schema { name: name_of(path), fields }, rows, lines, unit: None })
}

/// The narrowest kind that holds all of the cells that are not empty.
fn narrowest<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> FieldKind {
    let all = |holds: fn(&str) -> bool| cells.clone().filter(|cell| !cell.is_empty()).all(holds);
    if all(str::is_empty) {
        FieldKind::Text
    } else if all(|cell| is_plain_number(cell) && cell.parse::<i64>().is_ok()) {
        FieldKind::Int
    } else if all(|cell| is_plain_number(cell) && cell.parse().is_ok_and(f64::is_finite)) {
        FieldKind::Float
    } else if all(|cell| matches!(cell, "true" | "false")) {
        FieldKind::Bool
    } else {
        FieldKind::Text
    }
}

/// Digits, no leading zeros, no `inf`: what a person would call a number and not a code.
fn is_plain_number(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    digits.starts_with(|first: char| first.is_ascii_digit()) && !leading_zero
}

fn typed(field: &Field, cell: &str) -> Value {
    let holds = "the kind was chosen so that it holds every cell";
    match field.kind {
        _ if cell.is_empty() => Value::Null,
        FieldKind::Int | FieldKind::Timestamp => Value::Int(cell.parse().expect(holds)),
        FieldKind::Float => Value::Float(cell.parse().expect(holds)),
        FieldKind::Bool => Value::Bool(cell == "true"),
        FieldKind::Text => Value::text(cell),
    }
}

/// Why a Parquet file cannot be read; most often it is compressed in a way that is not built in, which has names of its own
/// there.
fn unpacked(error: impl std::fmt::Display) -> Reason {
    let text = error.to_string();
    let Some((_, name)) = text.split_once("Disabled feature at compile time: ") else { return text };
    let name = match name.trim() {
        "flate2" => "gzip",
        other => other,
    };
    format!(
        "it is compressed with {name}, and only snappy and zstd are built in: write it with compression = \"zstd\" (pandas and polars: to_parquet or write_parquet), or without any"
    )
}

fn read_parquet(path: &Path, options: &TraceOptions) -> Result<Table, Reason> {
    let file = File::open(path).map_err(words)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.build())
        .map_err(unpacked)?;
    let arrow_schema = reader.schema();
    let unit = arrow_schema
        .field_with_name(&options.time)
        .ok()
        .filter(|field| is_instant(field.data_type()))
        .map(|_| TimeUnit::Nanoseconds);
    let mut columns: Vec<Vec<Value>> = vec![Vec::new(); arrow_schema.fields().len()];
    for batch in reader {
        append(&batch.map_err(unpacked)?, options, &mut columns)?;
    }
    let field = |(source, values): (&arrow::datatypes::FieldRef, &Vec<Value>)| Field {
        name: source.name().clone(),
        kind: kind_of(source.data_type(), *source.name() == options.time),
        optional: values.contains(&Value::Null),
    };
    let fields: Vec<Field> = arrow_schema.fields().iter().zip(&columns).map(field).collect();
    let count = columns.first().map_or(0, Vec::len);
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    let next = |column: &mut std::vec::IntoIter<Value>| column.next().expect("columns are equally long");
    let rows = (0..count).map(|_| columns.iter_mut().map(next).collect()).collect();
    Ok(Table {
        schema: Schema { name: name_of(path), fields },
        rows,
        lines: (1..=count as u64).collect(),
        unit,
    })
}

fn append(batch: &RecordBatch, options: &TraceOptions, columns: &mut [Vec<Value>]) -> Result<(), Reason> {
    let schema = batch.schema();
    for ((field, array), column) in schema.fields().iter().zip(batch.columns()).zip(columns) {
        let read = values(array, *field.name() == options.time);
        column.extend(read.map_err(|reason| format!("column `{}`: {reason}", field.name()))?);
    }
    Ok(())
}

fn is_instant(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64)
}

/// The kind of value that a Parquet column is read as; instants other than the time become text.
fn kind_of(kind: &DataType, is_time: bool) -> FieldKind {
    if is_time && is_instant(kind) || kind.is_integer() && *kind != DataType::UInt64 {
        FieldKind::Int
    } else if kind.is_floating() || matches!(kind, DataType::Decimal128(_, _)) {
        FieldKind::Float
    } else if *kind == DataType::Boolean {
        FieldKind::Bool
    } else {
        FieldKind::Text
    }
}

fn values(array: &ArrayRef, is_time: bool) -> Result<Vec<Value>, Reason> {
    let to = |kind: &DataType| cast(array, kind).map_err(words);
    Ok(match kind_of(array.data_type(), is_time) {
        FieldKind::Int | FieldKind::Timestamp => {
            let array = if is_instant(array.data_type()) {
                cast(&to(&DataType::Timestamp(ArrowUnit::Nanosecond, None))?, &DataType::Int64)
                    .map_err(words)?
            } else {
                to(&DataType::Int64)?
            };
            array
                .as_primitive::<Int64Type>()
                .iter()
                .map(|cell| cell.map_or(Value::Null, Value::Int))
                .collect()
        }
        FieldKind::Float => {
            let array = to(&DataType::Float64)?;
            let finite =
                |cell: Option<f64>| cell.filter(|value| value.is_finite()).map_or(Value::Null, Value::Float);
            array.as_primitive::<Float64Type>().iter().map(finite).collect()
        }
        FieldKind::Bool => {
            array.as_boolean().iter().map(|cell| cell.map_or(Value::Null, Value::Bool)).collect()
        }
        FieldKind::Text => {
            let array = to(&DataType::Utf8)?;
            array.as_string::<i32>().iter().map(|cell| cell.map_or(Value::Null, Value::text)).collect()
        }
    })
}

#[cfg(test)]
mod tests;
