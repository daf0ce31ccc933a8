//! Codecs: what goes in comes out, and what is no row is refused.

use super::super::payload::tests::{every_kind, rows};
use super::super::row::{FieldKind, Value};
use super::*;
use crate::kernel::{Duration, Rng};

/// A schema of every kind of field, required and optional.
fn everything() -> Schema {
    use FieldKind::{Bool, Float, Int, Text, Timestamp};
    let kinds = [("int", Int), ("float", Float), ("text", Text), ("bool", Bool), ("time", Timestamp)];
    let optional = kinds.map(|(name, kind)| Field::optional(&format!("maybe_{name}"), kind));
    let mut schema = Schema::of("everything", &kinds);
    schema.fields.extend(optional);
    schema
}

fn arbitrary(kind: FieldKind, rng: &mut Rng) -> Value {
    const PIECES: [&str; 10] = ["a", ",", "\"", "\n", "\\", "é", "😀", " ", "null", "\u{1}"];
    match kind {
        FieldKind::Int | FieldKind::Timestamp => Value::Int((rng.bits() >> rng.below(64)) as i64),
        FieldKind::Float => Value::Float(finite(rng)),
        FieldKind::Text => {
            Value::text(&(0..rng.below(6)).map(|_| PIECES[rng.below(10) as usize]).collect::<String>())
        }
        FieldKind::Bool => Value::Bool(rng.chance(0.5)),
    }
}

/// Any finite double, all exponents alike.
fn finite(rng: &mut Rng) -> f64 {
    loop {
        let value = f64::from_bits(rng.bits());
        if value.is_finite() {
            return value;
        }
    }
}

fn assert_round_trip(codec: Codec, schema: &Schema, row: &Row) {
    let mut bytes = Vec::new();
    codec.encode(schema, row, &mut bytes);
    let decoded = codec.decode(schema, &bytes);
    assert_eq!(decoded.as_ref(), Ok(row), "{codec:?}: {}", String::from_utf8_lossy(&bytes));
    for (was, is) in row.iter().zip(&decoded.unwrap()) {
        if let (Value::Float(was), Value::Float(is)) = (was, is) {
            assert_eq!(was.to_bits(), is.to_bits(), "{codec:?} keeps every bit of {was:?}");
        }
    }
    assert_eq!(codec.size(schema, row), bytes.len(), "{codec:?}");
}

#[test]
fn every_kind_survives_every_codec() {
    for kind in every_kind() {
        for row in rows(&kind, 500, Duration::from_millis(33)) {
            Codec::ALL.into_iter().for_each(|codec| assert_round_trip(codec, &kind.schema(), &row));
        }
    }
}

#[test]
fn any_row_survives_every_codec() {
    let (schema, mut rng) = (everything(), Rng::named(12, "rows"));
    for _ in 0..5_000 {
        let value = |field: &Field| {
            if field.optional && rng.chance(0.3) { Value::Null } else { arbitrary(field.kind, &mut rng) }
        };
        let row: Row = schema.fields.iter().map(value).collect();
        Codec::ALL.into_iter().for_each(|codec| assert_round_trip(codec, &schema, &row));
    }
}

#[test]
fn awkward_floats_survive_every_codec() {
    let schema = Schema::of("floats", &[("value", FieldKind::Float)]);
    // Read one bit off by readers that round twice.
    let subnormal = "2.2250738585072011e-308".parse().unwrap();
    for value in [0.0, -0.0, 0.1, 5e-324, f64::MAX, f64::MIN_POSITIVE, 1e23, subnormal] {
        Codec::ALL
            .into_iter()
            .for_each(|codec| assert_round_trip(codec, &schema, &vec![Value::Float(value)]));
    }
}

#[test]
fn damaged_bytes_are_refused_or_read_but_never_a_panic() {
    let (schema, mut rng) = (everything(), Rng::named(13, "damage"));
    let row: Row = schema.fields.iter().map(|field| arbitrary(field.kind, &mut rng)).collect();
    for codec in Codec::ALL {
        let mut bytes = Vec::new();
        codec.encode(&schema, &row, &mut bytes);
        for length in 0..bytes.len() {
            let cut = codec.decode(&schema, &bytes[..length]);
            assert!(cut.is_err() || codec == Codec::Csv, "{codec:?} cut to {length} is no row");
        }
        for _ in 0..5_000 {
            let mut damaged = bytes.clone();
            damaged[rng.below(bytes.len() as u64) as usize] = rng.bits() as u8;
            let _read_or_refused = codec.decode(&schema, &damaged);
        }
    }
}

fn two() -> Schema {
    Schema::of("two", &[("name", FieldKind::Text), ("count", FieldKind::Int)])
}

#[test]
fn a_row_looks_as_its_format_says() {
    let row = vec![Value::text("a \"b\""), Value::Int(300)];
    let bytes = |codec: Codec| {
        let mut bytes = Vec::new();
        codec.encode(&two(), &row, &mut bytes);
        bytes
    };
    assert_eq!(bytes(Codec::Json), br#"{"name":"a \"b\"","count":300}"#);
    assert_eq!(bytes(Codec::Csv), br#""a ""b""",300"#);
    // Length 5, text, then 300 in zigzag (600) behind the mark of two bytes.
    assert_eq!(bytes(Codec::Bincode), b"\x05a \"b\"\xfb\x58\x02");
}

#[test]
fn json_members_may_come_in_any_order_and_strange_ones_are_skipped() {
    let text = br#" { "count" : -7 , "more": {"x": [1, "}", null]}, "name": "\u00e9" } "#;
    assert_eq!(Codec::Json.decode(&two(), text), Ok(vec![Value::text("é"), Value::Int(-7)]));
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let error = |codec: Codec, text: &str| codec.decode(&two(), text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error(Codec::Json, r#"{"name":"a"}"#), "field `count`: it is missing");
    assert_eq!(error(Codec::Json, r#"{"name":"a","count":1.5}"#), "field `count`: `1.5` is not Int");
    assert_eq!(error(Codec::Json, r#"{"name":null,"count":1}"#), "field `name`: null, but it is required");
    assert_eq!(
        error(Codec::Json, r#"{"name":"a","count":"1"}"#),
        "field `count`: text where Int is expected"
    );
    assert_eq!(error(Codec::Json, r#"{"name":"a" "count":1}"#), "not JSON at byte 12: `}` is expected");
    assert_eq!(error(Codec::Csv, "a"), "field `count`: it is missing");
    assert_eq!(error(Codec::Csv, "a,1,2"), "not CSV at byte 3: more than the schema's fields");
    assert_eq!(error(Codec::Csv, "\"a,1"), "not CSV at byte 0: a quote that is not closed");
}

#[test]
#[should_panic(expected = "a row keeps to its schema")]
fn a_row_of_another_schema_is_a_mistake_of_the_program() {
    Codec::Json.size(&two(), &vec![Value::Int(1)]);
}
