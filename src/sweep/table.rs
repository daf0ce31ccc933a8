//! Rows as a table of Arrow, and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef};

use super::order::Order;
use super::plan::Plan;
use super::row::{Check, Demand, MEASURES, Number, Row};

/// The table of some rows of a sweep.
pub(super) fn table(order: &Order, plan: &Plan, rows: &[Row]) -> RecordBatch {
    let mut columns = Columns::default();
    columns.whole("index", rows.iter().map(|row| row.index));
    columns.whole("seed", rows.iter().map(|row| row.seed));
    let settings: Vec<Vec<&str>> = (0..plan.settings()).map(|setting| plan.values(setting)).collect();
    for (at, vary) in order.vary.iter().enumerate() {
        let values = rows.iter().map(|row| settings[row.setting][at]);
        columns.push(&vary.path, false, typed(kind(&vary.values), values));
    }
    columns.push("digest", false, texts(rows.iter().map(|row| Some(row.digest.as_str()))));
    for (at, measure) in MEASURES.iter().enumerate() {
        columns.numbers(measure.name, rows.iter().map(|row| row.measures[at]));
    }
    for (at, name) in order.checks.iter().enumerate() {
        let checks = || rows.iter().map(|row| row.checks[at]);
        let demand = Demand::of(name);
        let word = |check: Option<Check>| check.map(|check| demand.word(check.hit));
        columns.push(name, true, texts(checks().map(word)));
        let counts = checks().map(|check| check.map(|check| check.count as i64));
        columns.push(&format!("{name}.count"), true, Arc::new(Int64Array::from_iter(counts)));
    }
    columns.finish()
}

/// The table of each run's wall time, in seconds.
pub(super) fn wall_table(walls: &[(u64, f64)]) -> RecordBatch {
    let mut columns = Columns::default();
    columns.whole("index", walls.iter().map(|(index, _)| *index));
    let seconds = Float64Array::from_iter_values(walls.iter().map(|(_, seconds)| *seconds));
    columns.push("wall_seconds", false, Arc::new(seconds));
    columns.finish()
}

/// Columns under construction.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn push(&mut self, name: &str, nullable: bool, array: ArrayRef) {
        self.fields.push(Field::new(name, array.data_type().clone(), nullable));
        self.arrays.push(array);
    }

    fn whole(&mut self, name: &str, values: impl Iterator<Item = u64>) {
        self.push(name, false, Arc::new(Int64Array::from_iter_values(values.map(|value| value as i64))));
    }

    fn numbers(&mut self, name: &str, values: impl Iterator<Item = Number> + Clone) {
        if is_rate(name) {
            self.push(name, false, Arc::new(Float64Array::from_iter_values(values.map(Number::as_f64))));
            return;
        }
        let whole = |number| match number {
            Number::Whole(number) => number,
            Number::Real(_) => panic!("{name} is a count"),
        };
        self.whole(name, values.map(whole));
    }

    fn finish(self) -> RecordBatch {
        let schema: SchemaRef = Arc::new(Schema::new(self.fields));
        RecordBatch::try_new(schema, self.arrays).expect("every column has as many rows")
    }
}

/// Rates are fractions; all else is counted.
fn is_rate(name: &str) -> bool {
    name.ends_with("_per_s")
}

/// The narrowest kind that holds every value of a setting.
fn kind(values: &[String]) -> DataType {
    let all = |holds: fn(&str) -> bool| values.iter().all(|value| holds(value));
    if all(|value| value.parse::<i64>().is_ok_and(|number| number.to_string() == value)) {
        DataType::Int64
    } else if all(|value| value.parse::<f64>().is_ok_and(f64::is_finite)) {
        DataType::Float64
    } else if all(|value| matches!(value, "true" | "false")) {
        DataType::Boolean
    } else {
        DataType::Utf8
    }
}

fn typed<'a>(kind: DataType, values: impl Iterator<Item = &'a str>) -> ArrayRef {
    let holds = "the kind was chosen so that it holds every value";
    match kind {
        DataType::Int64 => {
            Arc::new(Int64Array::from_iter_values(values.map(|value| value.parse::<i64>().expect(holds))))
        }
        DataType::Float64 => {
            Arc::new(Float64Array::from_iter_values(values.map(|value| value.parse::<f64>().expect(holds))))
        }
        DataType::Boolean => Arc::new(BooleanArray::from_iter(values.map(|value| Some(value == "true")))),
        _ => texts(values.map(Some)),
    }
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

/// The rows of a table that [`table`] made for the same order.
///
/// # Errors
/// When it is the table of another sweep.
pub(super) fn rows(order: &Order, plan: &Plan, table: &RecordBatch) -> Result<Vec<Row>, String> {
    let index = wholes(table, "index")?;
    let digest = column(table, "digest", &DataType::Utf8)?.as_string::<i32>();
    let measures: Vec<Vec<Number>> =
        MEASURES.iter().map(|measure| numbers(table, measure.name)).collect::<Result<_, _>>()?;
    let checks: Vec<Vec<Option<Check>>> =
        order.checks.iter().map(|name| checks(table, name)).collect::<Result<_, _>>()?;
    let row = |at: usize| {
        let index = index[at];
        if index >= plan.runs() {
            return Err(format!("there is no run {index} in this sweep"));
        }
        let (seed, setting) = plan.run(index);
        Ok(Row {
            index,
            seed,
            setting,
            digest: digest.value(at).to_owned(),
            measures: measures.iter().map(|column| column[at]).collect(),
            checks: checks.iter().map(|column| column[at]).collect(),
        })
    };
    (0..table.num_rows()).map(row).collect()
}

fn column<'t>(table: &'t RecordBatch, name: &str, kind: &DataType) -> Result<&'t ArrayRef, String> {
    let column = table.column_by_name(name).filter(|column| column.data_type() == kind);
    column.ok_or_else(|| format!("it has no column `{name}` of type {kind}"))
}

fn wholes(table: &RecordBatch, name: &str) -> Result<Vec<u64>, String> {
    let column = column(table, name, &DataType::Int64)?.as_primitive::<Int64Type>();
    Ok(column.values().iter().map(|value| *value as u64).collect())
}

fn numbers(table: &RecordBatch, name: &str) -> Result<Vec<Number>, String> {
    if !is_rate(name) {
        return Ok(wholes(table, name)?.into_iter().map(Number::Whole).collect());
    }
    let column = column(table, name, &DataType::Float64)?.as_primitive::<Float64Type>();
    Ok(column.values().iter().map(|value| Number::Real(*value)).collect())
}

fn checks(table: &RecordBatch, name: &str) -> Result<Vec<Option<Check>>, String> {
    let words = column(table, name, &DataType::Utf8)?.as_string::<i32>();
    let counts = column(table, &format!("{name}.count"), &DataType::Int64)?.as_primitive::<Int64Type>();
    let hit = Demand::of(name).word(true);
    let check = |at: usize| Check { hit: words.value(at) == hit, count: counts.value(at) as u64 };
    Ok((0..words.len()).map(|at| (!words.is_null(at)).then(|| check(at))).collect())
}

/// The rows of a table that [`wall_table`] made.
///
/// # Errors
/// When it is another table.
pub(super) fn walls(table: &RecordBatch) -> Result<Vec<(u64, f64)>, String> {
    let seconds = column(table, "wall_seconds", &DataType::Float64)?.as_primitive::<Float64Type>();
    Ok(wholes(table, "index")?.into_iter().zip(seconds.values().iter().copied()).collect())
}
