//! Codecs: how a row looks on the wire, and so how large a record is.
//!
//! **Invariant.** What was encoded decodes to the same row under the same schema, floats to the last bit.
//! Decoding bytes that are not such a row is an error, never a panic.
//!
//! **Not modelled:** not-a-number and infinities (rows do not hold them), Avro and schema registries.

use std::io::{self, Write};

use super::row::{Field, Row, Schema};

mod binary;
mod csv;
mod json;

/// How rows become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// One JSON object, its members in the schema's order; null members are written as `null`.
    Json,
    /// One line of RFC 4180 without header and line end; null is nothing, empty text is `""`.
    Csv,
    /// The `bincode` crate's standard configuration (little endian, variable-length integers), as it would write
    /// a struct of the schema's fields; optional fields are `Option`s.
    Bincode,
}

/// Why bytes are not a row of a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not in the format at all.
    #[error("not {format} at byte {at}: {reason}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// Where it went wrong, from 0.
        at: usize,
        /// What is wrong.
        reason: String,
    },
    /// A field is missing, null though required, or of another kind.
    #[error("field `{field}`: {reason}")]
    Field {
        /// Its name.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl CodecError {
    fn malformed(format: &'static str, at: usize, reason: impl Into<String>) -> Self {
        Self::Malformed { format, at, reason: reason.into() }
    }

    fn field(field: &Field, reason: impl Into<String>) -> Self {
        Self::Field { field: field.name.clone(), reason: reason.into() }
    }
}

impl Codec {
    /// Every codec.
    pub const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Bincode];

    /// What it is called: `json`, `csv`, `bincode`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Bincode => "bincode",
        }
    }

    /// The codec of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// Appends the bytes of `row` to `out`.
    ///
    /// # Panics
    /// When the row does not keep to the schema.
    pub fn encode(self, schema: &Schema, row: &Row, out: &mut Vec<u8>) {
        self.write(schema, row, out);
    }

    /// How many bytes [`encode`](Self::encode) would append.
    ///
    /// # Panics
    /// When the row does not keep to the schema.
    pub fn size(self, schema: &Schema, row: &Row) -> usize {
        let mut counter = Counter(0);
        self.write(schema, row, &mut counter);
        counter.0
    }

    /// The row that `bytes` stand for.
    ///
    /// # Errors
    /// When they are not a row of the schema in this format.
    pub fn decode(self, schema: &Schema, bytes: &[u8]) -> Result<Row, CodecError> {
        match self {
            Self::Json => json::decode(schema, bytes),
            Self::Csv => csv::decode(schema, bytes),
            Self::Bincode => binary::decode(schema, bytes),
        }
    }

    fn write(self, schema: &Schema, row: &Row, out: &mut impl Write) {
        assert!(schema.accepts(row), "a row keeps to its schema `{}`: {row:?}", schema.name);
        let written = match self {
            Self::Json => json::encode(schema, row, out),
            Self::Csv => csv::encode(row, out),
            Self::Bincode => binary::encode(schema, row, out),
        };
        written.expect("memory can be written to");
    }
}

/// Counts what is written and keeps nothing.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
