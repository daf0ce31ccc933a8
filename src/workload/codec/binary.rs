//! Bincode: the values one after another, as the crate writes the fields of a struct.

use std::io::{self, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::row::{Field, FieldKind, Row, Schema, Value};
use super::CodecError;

/// The crate's standard configuration, with a bound on what a forged length may allocate.
const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<{ 1 << 26 }>,
> = bincode::config::standard().with_limit::<{ 1 << 26 }>();

pub(super) fn encode(schema: &Schema, row: &Row, out: &mut impl Write) -> io::Result<()> {
    for (field, value) in schema.fields.iter().zip(row) {
        match value {
            Value::Int(value) => put(field, value, out)?,
            Value::Float(value) => put(field, value, out)?,
            Value::Text(text) => put(field, &**text, out)?,
            Value::Bool(value) => put(field, value, out)?,
            Value::Null => put_plain(&None::<()>, out)?,
        }
    }
    Ok(())
}

fn put<T: Serialize + ?Sized>(field: &Field, value: &T, out: &mut impl Write) -> io::Result<()> {
    if field.optional { put_plain(&Some(value), out) } else { put_plain(value, out) }
}

fn put_plain<T: Serialize + ?Sized>(value: &T, out: &mut impl Write) -> io::Result<()> {
    bincode::serde::encode_into_std_write(value, out, CONFIG).map(drop).map_err(io::Error::other)
}

pub(super) fn decode(schema: &Schema, bytes: &[u8]) -> Result<Row, CodecError> {
    let (mut at, mut row) = (0, Row::with_capacity(schema.fields.len()));
    for field in &schema.fields {
        let value = match field.kind {
            FieldKind::Int | FieldKind::Timestamp => take(field, bytes, &mut at)?.map(Value::Int),
            FieldKind::Float => take(field, bytes, &mut at)?.map(Value::Float),
            FieldKind::Text => take::<String>(field, bytes, &mut at)?.map(|text| Value::text(&text)),
            FieldKind::Bool => take(field, bytes, &mut at)?.map(Value::Bool),
        };
        row.push(value.unwrap_or(Value::Null));
    }
    if at == bytes.len() {
        Ok(row)
    } else {
        Err(CodecError::malformed("bincode", at, "more than the schema's fields"))
    }
}

fn take<T: DeserializeOwned>(field: &Field, bytes: &[u8], at: &mut usize) -> Result<Option<T>, CodecError> {
    let rest = &bytes[*at..];
    let taken = if field.optional {
        bincode::serde::decode_from_slice::<Option<T>, _>(rest, CONFIG)
    } else {
        bincode::serde::decode_from_slice::<T, _>(rest, CONFIG).map(|(value, length)| (Some(value), length))
    };
    let (value, length) = taken.map_err(|error| CodecError::field(field, error.to_string()))?;
    *at += length;
    Ok(value)
}
