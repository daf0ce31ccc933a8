//! CSV: one line of RFC 4180 without its end. The reader tells `""` (empty text) from nothing (null), which
//! a general one does not.

use std::io::{self, Write};

use super::super::row::{Field, FieldKind, Row, Schema, Value};
use super::CodecError;
use super::json::{float, write_value};

pub(super) fn encode(row: &Row, out: &mut impl Write) -> io::Result<()> {
    for (place, value) in row.iter().enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        match value {
            Value::Text(text) => write_text(text, out)?,
            Value::Null => {}
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => write_value(value, out)?,
        }
    }
    Ok(())
}

fn write_text(text: &str, out: &mut impl Write) -> io::Result<()> {
    if !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        return out.write_all(text.as_bytes());
    }
    out.write_all(b"\"")?;
    for (place, part) in text.split('"').enumerate() {
        if place > 0 {
            out.write_all(b"\"\"")?;
        }
        out.write_all(part.as_bytes())?;
    }
    out.write_all(b"\"")
}

pub(super) fn decode(schema: &Schema, bytes: &[u8]) -> Result<Row, CodecError> {
    let line = std::str::from_utf8(bytes)
        .map_err(|error| malformed(error.valid_up_to(), "bytes that are not UTF-8"))?;
    let (mut at, mut row) = (0, Row::with_capacity(schema.fields.len()));
    for (place, field) in schema.fields.iter().enumerate() {
        if place > 0 {
            if !line[at..].starts_with(',') {
                return Err(CodecError::field(field, "it is missing"));
            }
            at += 1;
        }
        let cell = cell(line, &mut at)?;
        row.push(value(field, cell)?);
    }
    if at == line.len() { Ok(row) } else { Err(malformed(at, "more than the schema's fields")) }
}

fn malformed(at: usize, reason: &str) -> CodecError {
    CodecError::malformed("CSV", at, reason)
}

/// A cell as it stands in a line.
enum Cell<'a> {
    Bare(&'a str),
    Quoted(String),
}

fn cell<'a>(line: &'a str, at: &mut usize) -> Result<Cell<'a>, CodecError> {
    if line[*at..].starts_with('"') {
        return quoted(line, at).map(Cell::Quoted);
    }
    let rest = &line[*at..];
    let end = rest.find([',', '"']).unwrap_or(rest.len());
    if rest[end..].starts_with('"') {
        return Err(malformed(*at + end, "a quote within a bare cell"));
    }
    *at += end;
    Ok(Cell::Bare(&rest[..end]))
}

fn quoted(line: &str, at: &mut usize) -> Result<String, CodecError> {
    let (opened, mut text) = (*at, String::new());
    *at += 1;
    loop {
        let rest = &line[*at..];
        let end = rest.find('"').ok_or_else(|| malformed(opened, "a quote that is not closed"))?;
        text.push_str(&rest[..end]);
        *at += end + 1;
        if !line[*at..].starts_with('"') {
            return Ok(text);
        }
        text.push('"');
        *at += 1;
    }
}

fn value(field: &Field, cell: Cell<'_>) -> Result<Value, CodecError> {
    let text = match &cell {
        Cell::Bare("") if field.optional => return Ok(Value::Null),
        Cell::Bare("") => return Err(CodecError::field(field, "null, but it is required")),
        Cell::Bare(text) => text,
        Cell::Quoted(text) => text.as_str(),
    };
    let value = match field.kind {
        FieldKind::Text => Some(Value::text(text)),
        FieldKind::Int | FieldKind::Timestamp => text.parse().ok().map(Value::Int),
        FieldKind::Float => float(text).map(Value::Float),
        FieldKind::Bool => text.parse().ok().map(Value::Bool),
    };
    value.ok_or_else(|| CodecError::field(field, format!("`{text}` is not {:?}", field.kind)))
}
