//! What travels with each record in a header, so that whoever reads it knows which one it is.
//!
//! Thirty bytes a record on the wire; the value and the key are the application's alone.

use crate::kernel::Time;
use crate::trace::{Record, RecordId};

/// The header's name. Short: it travels with every record.
pub const NAME: &str = "bs";

/// How many bytes its value has.
pub const BYTES: usize = 29;

const KEYED: u8 = 1;
const POISON: u8 = 2;
const CONTENT: u8 = 4;

/// The header of a record of run `run`. `content`: key and value are the application's own bytes, and not filled
/// in for their size.
pub fn encode(run: u32, record: &Record, content: bool) -> [u8; BYTES] {
    let hash = record.key_hash();
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    let flags = flag(hash.is_some(), KEYED) | flag(record.is_poison(), POISON) | flag(content, CONTENT);
    let mut bytes = [0; BYTES];
    bytes[0..4].copy_from_slice(&run.to_be_bytes());
    bytes[4..12].copy_from_slice(&record.id.to_bits().to_be_bytes());
    bytes[12..20].copy_from_slice(&record.created.as_nanos().to_be_bytes());
    bytes[20..24].copy_from_slice(&hash.unwrap_or(0).to_be_bytes());
    bytes[24..28].copy_from_slice(&record.bytes().to_be_bytes());
    bytes[28] = flags;
    bytes
}

/// The record behind a header, and whether its key and value are the application's own; none when the header is
/// not one of run `run`.
pub fn decode(run: u32, bytes: &[u8]) -> Option<(Record, bool)> {
    let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let (size, flags) = (word(24), bytes[28]);
    if word(0) != run || size >= 1 << 30 {
        return None;
    }
    let hash = (flags & KEYED != 0).then_some(word(20) as i32);
    let record = Record::new(RecordId::from_bits(long(4)), Time::from_nanos(long(12)), hash, size);
    Some((if flags & POISON != 0 { record.poisoned() } else { record }, flags & CONTENT != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_went() {
        let plain = Record::new(RecordId::new(3, 1841), Time::from_nanos(77), None, 100);
        let keyed = Record::new(RecordId::new(0, 0), Time::ZERO, Some(-5), 0).poisoned();
        for (record, content) in [(plain, true), (keyed, false)] {
            assert_eq!(decode(7, &encode(7, &record, content)), Some((record, content)));
        }
    }

    #[test]
    fn headers_of_other_runs_and_other_programs_are_strangers() {
        let record = Record::new(RecordId::new(3, 1841), Time::ZERO, None, 100);
        assert_eq!(decode(8, &encode(7, &record, true)), None);
        assert_eq!(decode(7, b"traceparent"), None);
    }
}
