//! Codecs: how a row looks on the wire, and so how large a record is.

/// How rows become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// One JSON object.
    Json,
    /// One line of RFC 4180 without header and line end.
    Csv,
    /// The `bincode` crate's standard configuration: little endian, variable-length integers.
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
        /// Where it went wrong.
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
