//! How many bytes a record takes in a batch, by Kafka's record format v2.
//!
//! A record is: length (varint), attributes (1), timestamp delta (varint, milliseconds), offset delta
//! (varint), key length (varint), key, value length (varint), value, header count (1). Varints are zigzag
//! coded. A [`Record`] knows the bytes of key and value together, so the key's length is taken to fit one
//! byte (absent, or shorter than 64 bytes) and the value's length to be the sum: off by one byte at most
//! for keys below 8 KiB.

use crate::trace::Record;

/// Bytes of a batch without records (`RECORD_BATCH_OVERHEAD`).
pub const BATCH_HEADER: u32 = 61;
/// The most that length, attributes, timestamp and offset take (`MAX_RECORD_OVERHEAD`).
const RECORD_OVERHEAD_MAX: u32 = 21;
/// Attributes, key length and header count: a byte each.
const FIXED: u32 = 3;

/// Bytes of a zigzag varint.
const fn varint(value: i64) -> u32 {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    (70 - (zigzag | 1).leading_zeros()) / 7
}

/// Bytes of `record` as number `offset_delta` of a batch whose first record was made at `base_ms`.
#[inline]
pub fn record_bytes(record: &Record, offset_delta: u32, base_ms: u64) -> u32 {
    let delta_ms = record.created.as_millis() as i64 - base_ms as i64;
    let value = varint(i64::from(record.bytes())) + record.bytes();
    let body = FIXED + varint(delta_ms) + varint(i64::from(offset_delta)) + value;
    varint(i64::from(body)) + body
}

/// The most that a batch with this record alone takes (`estimateSizeInBytesUpperBound`): what is held
/// against `max.request.size`, and what is taken from `buffer.memory` when it exceeds `batch.size`.
#[inline]
pub fn upper_bound(record: &Record) -> u32 {
    // Key length and header count are the two bytes.
    BATCH_HEADER + RECORD_OVERHEAD_MAX + 2 + varint(i64::from(record.bytes())) + record.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::trace::RecordId;

    #[test]
    fn varints_grow_where_zigzag_does() {
        let edges = [(0, 1), (63, 1), (64, 2), (-64, 1), (-65, 2), (8_191, 2), (8_192, 3), (i64::MAX, 10)];
        for (value, bytes) in edges {
            assert_eq!(varint(value), bytes, "{value}");
        }
    }

    #[test]
    fn a_record_of_a_hundred_bytes_has_nine_bytes_of_overhead() {
        let record = Record::new(RecordId::new(0, 0), Time::ZERO, None, 100);
        // 2 length + 1 attributes + 1 timestamp + 1 offset + 1 key + 2 value length + 100 + 1 headers
        assert_eq!(record_bytes(&record, 0, 0), 109);
        assert_eq!(record_bytes(&record, 64, 0), 110, "the offset delta takes two bytes");
        assert_eq!(upper_bound(&record), 61 + 21 + 2 + 2 + 100);
    }
}
