//! Rows and their schema: what a record says, before a codec makes bytes of it.
//!
//! **Invariant.** A [`Row`] has as many values as its [`Schema`] has fields, in the same order; a value is of
//! its field's kind, and [`Value::Null`] only where the field is optional.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What kind of value a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A signed whole number.
    Int,
    /// A finite number.
    Float,
    /// A string of UTF-8 text.
    Text,
    /// True or false.
    Bool,
    /// Milliseconds since the scenario began, as a [`Value::Int`].
    Timestamp,
}

/// One field of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, unique in the schema.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it may be [`Value::Null`].
    pub optional: bool,
}

impl Field {
    /// A field that always has a value.
    pub fn required(name: &str, kind: FieldKind) -> Self {
        Self { name: name.to_owned(), kind, optional: false }
    }

    /// A field that may be null.
    pub fn optional(name: &str, kind: FieldKind) -> Self {
        Self { name: name.to_owned(), kind, optional: true }
    }

    /// Whether `value` may stand in this field.
    pub fn accepts(&self, value: &Value) -> bool {
        match value {
            Value::Int(_) => matches!(self.kind, FieldKind::Int | FieldKind::Timestamp),
            Value::Float(_) => self.kind == FieldKind::Float,
            Value::Text(_) => self.kind == FieldKind::Text,
            Value::Bool(_) => self.kind == FieldKind::Bool,
            Value::Null => self.optional,
        }
    }
}

/// The fields of a kind of record, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// What such a record is called.
    pub name: String,
    /// The fields, in the order of a row's values.
    pub fields: Vec<Field>,
}

impl Schema {
    /// A schema whose fields are all required.
    pub fn of(name: &str, fields: &[(&str, FieldKind)]) -> Self {
        let fields = fields.iter().map(|(name, kind)| Field::required(name, *kind)).collect();
        Self { name: name.to_owned(), fields }
    }

    /// The place of the field called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The field name most like `name`, when one is near enough to be a slip of the finger.
    pub fn similar(&self, name: &str) -> Option<&str> {
        let distance = |field: &Field| strsim::damerau_levenshtein(&field.name, name);
        let nearest = self.fields.iter().min_by_key(|field| distance(field))?;
        (distance(nearest) <= 1 + name.chars().count() / 3).then_some(nearest.name.as_str())
    }

    /// Whether `row` keeps to this schema.
    pub fn accepts(&self, row: &Row) -> bool {
        self.fields.len() == row.len()
            && self.fields.iter().zip(row).all(|(field, value)| field.accepts(value))
    }
}

/// The values of one record, in the order of its schema.
pub type Row = Vec<Value>;

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A whole number, or a timestamp in milliseconds since the scenario began.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// Text; cheap to clone.
    Text(Arc<str>),
    /// True or false.
    Bool(bool),
    /// Nothing, in an optional field.
    Null,
}

impl Value {
    /// A text value.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// The number in it: of an int, a float or a bool (1 and 0).
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Text(_) | Self::Null => None,
        }
    }

    /// The text in it, when it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Int(_) | Self::Float(_) | Self::Bool(_) | Self::Null => None,
        }
    }
}

/// As people and CSV files write it; null is nothing at all.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Null => Ok(()),
        }
    }
}

/// The end of a message about an unknown name: a similar one, when there is one.
pub(crate) fn did_you_mean(similar: Option<&str>) -> String {
    similar.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// `value` rounded half away from zero to `decimals` places (at most 9), as an instrument reports it.
///
/// Values beyond 2^53 steps are returned as they are: they have no such decimals.
pub(crate) fn rounded(value: f64, decimals: u32) -> f64 {
    let scale = POWERS_OF_TEN[decimals as usize];
    let scaled = value * scale;
    if scaled.abs() >= 9_007_199_254_740_992.0 {
        return value;
    }
    let half = if scaled < 0.0 { -0.5 } else { 0.5 };
    ((scaled + half) as i64) as f64 / scale
}

const POWERS_OF_TEN: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_field_and_nonsense_finds_none() {
        let schema = Schema::of("ticks", &[("asset", FieldKind::Text), ("last", FieldKind::Float)]);
        assert_eq!(schema.similar("aset"), Some("asset"));
        assert_eq!(schema.similar("lats"), Some("last"));
        assert_eq!(schema.similar("temperature"), None);
    }

    #[test]
    fn null_stands_only_in_an_optional_field() {
        assert!(!Field::required("a", FieldKind::Int).accepts(&Value::Null));
        assert!(Field::optional("a", FieldKind::Int).accepts(&Value::Null));
        assert!(!Field::optional("a", FieldKind::Int).accepts(&Value::Float(1.0)));
    }

    #[test]
    fn rounding_goes_away_from_zero_at_the_half() {
        assert_eq!([rounded(2.5, 0), rounded(-2.5, 0), rounded(1.2345, 2)], [3.0, -3.0, 1.23]);
        assert_eq!(rounded(1e300, 4), 1e300);
    }
}
