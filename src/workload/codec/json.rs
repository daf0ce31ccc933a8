//! JSON: one flat object. Numbers are written shortest and read exactly, which a general reader does not
//! promise; members may come in any order and unknown ones are skipped.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::de::IgnoredAny;

use super::super::row::{Field, FieldKind, Row, Schema, Value};
use super::CodecError;

pub(super) fn encode(schema: &Schema, row: &Row, out: &mut impl Write) -> io::Result<()> {
    let mut before: &[u8] = b"{";
    for (field, value) in schema.fields.iter().zip(row) {
        out.write_all(before)?;
        serde_json::to_writer(&mut *out, &field.name)?;
        out.write_all(b":")?;
        write_value(value, out)?;
        before = b",";
    }
    out.write_all(if row.is_empty() { b"{}" } else { b"}" })
}

/// Writes a value as JSON writes it.
pub(super) fn write_value(value: &Value, out: &mut impl Write) -> io::Result<()> {
    match value {
        Value::Int(value) => serde_json::to_writer(out, value)?,
        Value::Float(value) => serde_json::to_writer(out, value)?,
        Value::Text(text) => serde_json::to_writer(out, &**text)?,
        Value::Bool(value) => serde_json::to_writer(out, value)?,
        Value::Null => out.write_all(b"null")?,
    }
    Ok(())
}

pub(super) fn decode(schema: &Schema, bytes: &[u8]) -> Result<Row, CodecError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(error.valid_up_to(), "bytes that are not UTF-8"))?;
    let mut scanner = Scanner { text, at: 0 };
    let mut row = vec![None; schema.fields.len()];
    let mut expected = 0;
    scanner.object(|scanner, name| {
        // Members nearly always come in the schema's order.
        let in_order = schema.fields.get(expected).is_some_and(|field| field.name == name);
        let Some(place) = (if in_order { Some(expected) } else { schema.position(name) }) else {
            return scanner.skip_value();
        };
        row[place] = Some(scanner.value(&schema.fields[place])?);
        expected = place + 1;
        Ok(())
    })?;
    let complete = |(field, value): (&Field, Option<Value>)| match value {
        Some(value) => Ok(value),
        None if field.optional => Ok(Value::Null),
        None => Err(CodecError::field(field, "it is missing")),
    };
    schema.fields.iter().zip(row).map(complete).collect()
}

fn malformed(at: usize, reason: &str) -> CodecError {
    CodecError::malformed("JSON", at, reason)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        self.expect('{')?;
        if !self.eat('}') {
            loop {
                let name = self.string()?;
                self.expect(':')?;
                member(self, &name)?;
                if !self.eat(',') {
                    break;
                }
            }
            self.expect('}')?;
        }
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(malformed(self.at, "more after the object")) }
    }

    /// A value of the field's kind.
    fn value(&mut self, field: &Field) -> Result<Value, CodecError> {
        self.skip_space();
        if self.rest().starts_with('"') {
            let text = self.string()?;
            return match field.kind {
                FieldKind::Text => Ok(Value::text(&text)),
                kind => Err(CodecError::field(field, format!("text where {kind:?} is expected"))),
            };
        }
        if self.rest().starts_with(['{', '[']) {
            return Err(CodecError::field(field, "a nested value"));
        }
        scalar(field, self.word())
    }

    fn skip_value(&mut self) -> Result<(), CodecError> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<IgnoredAny>();
        let skipped = values.next().is_some_and(|value| value.is_ok());
        let length = values.byte_offset();
        if !skipped {
            return Err(malformed(self.at, "no value"));
        }
        self.at += length;
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, CodecError> {
        self.skip_space();
        let rest = self.rest();
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        if let Some(text) = rest.strip_prefix('"')
            && let Some(end) = text.as_bytes().iter().position(special)
            && text.as_bytes()[end] == b'"'
        {
            self.at += end + 2;
            return Ok(Cow::Borrowed(&text[..end]));
        }
        self.escaped_string().map(Cow::Owned)
    }

    /// A string with escapes in it, or something that is none.
    fn escaped_string(&mut self) -> Result<String, CodecError> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
        let string = values.next().and_then(Result::ok);
        let length = values.byte_offset();
        let string = string.ok_or_else(|| malformed(self.at, "no string"))?;
        self.at += length;
        Ok(string)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        let end = rest.as_bytes().iter().position(ends).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn expect(&mut self, wanted: char) -> Result<(), CodecError> {
        if self.eat(wanted) { Ok(()) } else { Err(malformed(self.at, &format!("`{wanted}` is expected"))) }
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_space();
        let eaten = self.rest().starts_with(wanted);
        self.at += if eaten { wanted.len_utf8() } else { 0 };
        eaten
    }

    fn skip_space(&mut self) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.text.as_bytes()[self.at..].iter().take_while(|byte| space(byte)).count();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
}

fn scalar(field: &Field, word: &str) -> Result<Value, CodecError> {
    let value = match (word, field.kind) {
        ("null", _) => Some(Value::Null),
        ("true", FieldKind::Bool) => Some(Value::Bool(true)),
        ("false", FieldKind::Bool) => Some(Value::Bool(false)),
        (number, FieldKind::Int | FieldKind::Timestamp) => number.parse().ok().map(Value::Int),
        (number, FieldKind::Float) => float(number).map(Value::Float),
        (_, FieldKind::Bool | FieldKind::Text) => None,
    };
    let value = value.ok_or_else(|| CodecError::field(field, format!("`{word}` is not {:?}", field.kind)))?;
    if field.accepts(&value) { Ok(value) } else { Err(CodecError::field(field, "null, but it is required")) }
}

/// A finite number; the standard library reads to the nearest double.
pub(super) fn float(text: &str) -> Option<f64> {
    // "inf", "nan" and their like are no numbers here.
    let numeric = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    numeric.then(|| text.parse::<f64>().ok()).flatten().filter(|value| value.is_finite())
}
