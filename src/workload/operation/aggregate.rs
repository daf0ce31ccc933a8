//! Aggregates: functions of a field over the rows of a window.
//!
//! **Not modelled:** sums that cannot overflow (a sum of ints saturates), compensated summation of floats (they
//! are added in the order in which rows arrive).

use crate::kernel::Time;

use super::super::row::{Field, FieldKind, Row, Schema, Value};
use super::{OperationError, position, position_of};

/// One aggregate of a window: a function of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// The function.
    pub function: Function,
    /// The field; `None` only for [`Function::Count`], which then counts rows.
    pub field: Option<String>,
    /// The name of the result; `None` is the function and the field: `mean_last`, or `count`.
    pub name: Option<String>,
}

/// What an aggregate computes. Nulls are left out; of nothing but nulls everything but the count is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The arithmetic mean of a number, a float.
    Mean,
    /// The sum of a number, of the field's kind.
    Sum,
    /// The least number.
    Min,
    /// The greatest number.
    Max,
    /// The value of the earliest event time; the first to arrive among equals.
    First,
    /// The value of the latest event time; the last to arrive among equals.
    Last,
    /// How many values.
    Count,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 7] =
        [Self::Mean, Self::Sum, Self::Min, Self::Max, Self::First, Self::Last, Self::Count];

    /// What it is called: `mean`, `sum`, ...
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::First => "first",
            Self::Last => "last",
            Self::Count => "count",
        }
    }

    /// The function of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }
}

/// An aggregate whose field was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    function: Function,
    place: Option<usize>,
}

impl Aggregate {
    /// The aggregate on rows of `input`, and the field it results in.
    pub(super) fn bind(&self, input: &Schema) -> Result<(Bound, Field), OperationError> {
        let place = self.place(input)?;
        let source = place.map(|place| &input.fields[place]);
        let kind = match (self.function, source) {
            (Function::Count, _) | (_, None) => FieldKind::Int,
            (Function::Mean, Some(_)) => FieldKind::Float,
            (_, Some(source)) => source.kind,
        };
        let optional = self.function != Function::Count && source.is_some_and(|source| source.optional);
        let name = self.name.clone().unwrap_or_else(|| self.default_name());
        Ok((Bound { function: self.function, place }, Field { name, kind, optional }))
    }

    fn default_name(&self) -> String {
        let function = self.function.name();
        self.field.as_ref().map_or_else(|| function.to_owned(), |field| format!("{function}_{field}"))
    }

    fn place(&self, input: &Schema) -> Result<Option<usize>, OperationError> {
        const NUMBERS: [FieldKind; 2] = [FieldKind::Int, FieldKind::Float];
        const ORDERED: [FieldKind; 3] = [FieldKind::Int, FieldKind::Float, FieldKind::Timestamp];
        match (self.function, &self.field) {
            (Function::Count, None) => Ok(None),
            (_, None) => Err(OperationError::Setting("only `count` does without a field")),
            (Function::Mean | Function::Sum, Some(field)) => {
                position_of(input, field, &NUMBERS, "a number is wanted").map(Some)
            }
            (Function::Min | Function::Max, Some(field)) => {
                position_of(input, field, &ORDERED, "a number or a time is wanted").map(Some)
            }
            (Function::First | Function::Last | Function::Count, Some(field)) => {
                position(input, field).map(Some)
            }
        }
    }
}

impl Bound {
    pub(super) fn empty(self) -> Accumulator {
        match self.function {
            Function::Mean => Accumulator::Mean { sum: 0.0, count: 0 },
            Function::Sum => Accumulator::Sum(Value::Null),
            Function::Min => Accumulator::Min(Value::Null),
            Function::Max => Accumulator::Max(Value::Null),
            Function::First => Accumulator::First(None),
            Function::Last => Accumulator::Last(None),
            Function::Count => Accumulator::Count(0),
        }
    }

    /// Takes the row's value into `accumulator`.
    pub(super) fn gather(self, accumulator: &mut Accumulator, at: Time, row: &Row) {
        match self.place {
            None => accumulator.gather(at, &Value::Bool(true)),
            Some(place) if row[place] != Value::Null => accumulator.gather(at, &row[place]),
            Some(_) => {}
        }
    }
}

/// What is known of the values so far.
#[derive(Clone, Debug)]
pub(super) enum Accumulator {
    Mean { sum: f64, count: u64 },
    Sum(Value),
    Min(Value),
    Max(Value),
    First(Option<(Time, Value)>),
    Last(Option<(Time, Value)>),
    Count(i64),
}

impl Accumulator {
    fn gather(&mut self, at: Time, value: &Value) {
        match self {
            Self::Mean { sum, count } => {
                *sum += value.as_number().expect("means are taken of numbers");
                *count += 1;
            }
            Self::Sum(sum) => *sum = added(sum, value),
            Self::Min(least) if is_less(value, least) => *least = value.clone(),
            Self::Max(greatest) if is_less(greatest, value) => *greatest = value.clone(),
            Self::Min(_) | Self::Max(_) => {}
            Self::First(first) => {
                if first.as_ref().is_none_or(|(time, _)| at < *time) {
                    *first = Some((at, value.clone()));
                }
            }
            Self::Last(last) => {
                if last.as_ref().is_none_or(|(time, _)| at >= *time) {
                    *last = Some((at, value.clone()));
                }
            }
            Self::Count(count) => *count += 1,
        }
    }

    pub(super) fn result(self) -> Value {
        match self {
            Self::Mean { count: 0, .. } => Value::Null,
            Self::Mean { sum, count } => Value::Float(sum / count as f64),
            Self::Sum(value) | Self::Min(value) | Self::Max(value) => value,
            Self::First(found) | Self::Last(found) => found.map_or(Value::Null, |(_, value)| value),
            Self::Count(count) => Value::Int(count),
        }
    }
}

fn added(sum: &Value, value: &Value) -> Value {
    match (sum, value) {
        (Value::Int(sum), Value::Int(value)) => Value::Int(sum.saturating_add(*value)),
        (Value::Float(sum), Value::Float(value)) => Value::Float(sum + value),
        (_, first) => first.clone(),
    }
}

/// Whether one number is below another; everything is beyond null, on both sides.
fn is_less(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Null, _) | (_, Value::Null) => true,
        (Value::Int(one), Value::Int(other)) => one < other,
        (one, other) => one.as_number() < other.as_number(),
    }
}
