//! The user properties by which a record is known again, whatever the broker does to the message.
//!
//! **Invariant.** What [`encode`] writes, [`decode`] reads back to the same record.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::kernel::Time;
use crate::trace::{Body, Record, RecordId};

/// The record: identity, event time, size, hash of the key, marks.
const RECORD: &str = "brokersim-record";
/// The key, in hexadecimal; only where somebody reads contents.
const KEY: &str = "brokersim-key";
/// Whose will a message is.
pub(super) const WILL: &str = "brokersim-will";

/// The properties and the payload of a record. Where nobody reads contents, the payload is as long as it would be.
pub(super) fn encode(record: &Record, body: Option<&Body>) -> (Vec<(String, String)>, Vec<u8>) {
    let hash = record.key_hash().map(|hash| format!("{:x}", hash as u32)).unwrap_or_default();
    let mut marks = String::new();
    marks.push_str(if record.is_poison() { "p" } else { "" });
    marks.push_str(if body.is_some() { "b" } else { "" });
    let (id, created, bytes) = (record.id.to_bits(), record.created.as_nanos(), record.bytes());
    let mut properties = vec![(RECORD.to_owned(), format!("{id:x}.{created:x}.{bytes:x}.{hash}.{marks}"))];
    if let Some(key) = body.and_then(|body| body.key.as_deref()) {
        let hex = key.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes everything");
            hex
        });
        properties.push((KEY.to_owned(), hex));
    }
    let filler = || vec![b'.'; record.bytes() as usize];
    let payload = match body {
        Some(body) => body.value.as_deref().map(<[u8]>::to_vec).unwrap_or_default(),
        None => filler(),
    };
    // A retained message without payload would delete the one before it.
    (properties, if payload.is_empty() { vec![b'.'] } else { payload })
}

/// The record and its body; none when it is not one of ours.
pub(super) fn decode(properties: &[(String, String)], payload: &[u8]) -> Option<(Record, Option<Body>)> {
    let mut parts = value(properties, RECORD)?.split('.');
    let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
    let (id, created, bytes) = (number()?, number()?, number()?);
    let (hash, marks) = (parts.next()?, parts.next()?);
    let hash = if hash.is_empty() { None } else { Some(u32::from_str_radix(hash, 16).ok()? as i32) };
    let bytes = u32::try_from(bytes).ok().filter(|bytes| *bytes < 1 << 30)?;
    let record = Record::new(RecordId::from_bits(id), Time::from_nanos(created), hash, bytes);
    let record = if marks.contains('p') { record.poisoned() } else { record };
    let body = marks
        .contains('b')
        .then(|| Body { key: value(properties, KEY).and_then(unhex), value: Some(Arc::from(payload)) });
    Some((record, body))
}

/// The value of a user property.
pub(super) fn value<'p>(properties: &'p [(String, String)], name: &str) -> Option<&'p str> {
    properties.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

fn unhex(text: &str) -> Option<Arc<[u8]>> {
    let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let id = RecordId::new(3, 1841);
        let plain = Record::new(id, Time::from_nanos(77), None, 100);
        let keyed = Record::new(id, Time::ZERO, Some(-5), 12).poisoned();
        let body = Body { key: Some(Arc::from(&b"k\xff"[..])), value: Some(Arc::from(&b"value"[..])) };
        for (record, body) in [(plain, None), (keyed, Some(body))] {
            let (properties, payload) = encode(&record, body.as_ref());
            assert_eq!(decode(&properties, &payload), Some((record, body)));
        }
        assert_eq!(encode(&plain, None).1.len(), 100, "the size is right although nobody reads it");
    }

    #[test]
    fn what_others_publish_is_no_record() {
        let said = |value: &str| [(RECORD.to_owned(), value.to_owned())];
        assert_eq!(decode(&[], b"hello"), None);
        for value in ["", "1.2.3", "x.1.1..", "1.1.ffffffff.."] {
            assert_eq!(decode(&said(value), b""), None, "{value}");
        }
    }
}
