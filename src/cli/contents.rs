//! Contents of records in words: decoded as the scenario says that they are encoded.

use crate::observe::lens::{Contents, SourceKeys};
use crate::scenario::Scenario;
use crate::scenario::wiring::{contents_of, keys_of};
use crate::trace::RecordId;
use crate::workload::codec::Codec;
use crate::workload::row::Schema;

use std::sync::Arc;

/// Knows how each source encodes.
#[derive(Clone, Debug, Default)]
pub struct Decoders(Vec<Option<(Arc<Schema>, Codec)>>);

impl Decoders {
    /// Of these sources of a scenario.
    pub fn of(scenario: &Scenario, sources: &[String]) -> Self {
        Self(sources.iter().map(|source| contents_of(scenario, source)).collect())
    }

    /// A value in words: by its schema, else as JSON or text; none when it is neither.
    pub fn decode(&self, id: RecordId, value: &[u8]) -> Option<Contents> {
        let known = self.0.get(id.source() as usize).and_then(Option::as_ref);
        known.and_then(|(schema, codec)| by_schema(schema, *codec, value)).or_else(|| by_looks(value))
    }
}

/// The keys of these sources of a scenario, where they are known beforehand.
pub fn known_keys(scenario: &Scenario, sources: &[String]) -> SourceKeys {
    sources.iter().map(|source| keys_of(scenario, source).map(Arc::new)).collect()
}

fn by_schema(schema: &Schema, codec: Codec, value: &[u8]) -> Option<Contents> {
    let row = codec.decode(schema, value).ok()?;
    let names = schema.fields.iter().map(|field| field.name.clone());
    let fields = names.zip(row.iter().map(ToString::to_string)).collect();
    Some(Contents { format: codec.name(), fields })
}

fn by_looks(value: &[u8]) -> Option<Contents> {
    let text = std::str::from_utf8(value).ok()?;
    if let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) {
        let written =
            |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fields = object.iter().map(|(name, value)| (name.clone(), written(value))).collect();
        return Some(Contents { format: "json", fields });
    }
    let readable = text.chars().all(|letter| !letter.is_control() || letter.is_whitespace());
    readable.then(|| Contents {
        format: "text",
        fields: text.lines().map(|line| (String::new(), line.to_owned())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_schema_is_told_by_its_looks() {
        let decoders = Decoders::default();
        let told = |value: &[u8]| decoders.decode(RecordId::new(0, 0), value);
        let json = told(br#"{"order":"o-1","amount":42.5}"#).expect("it is JSON");
        assert_eq!((json.format, json.fields.len()), ("json", 2));
        assert!(json.fields.contains(&("order".to_owned(), "o-1".to_owned())), "{json:?}");
        assert_eq!(told(b"two\nlines").map(|text| (text.format, text.fields.len())), Some(("text", 2)));
        assert_eq!(told(&[0xff, 0x00, 0x01]), None);
        assert_eq!(told(&[0x00, 0x01]), None);
    }

    #[test]
    fn a_row_is_told_by_its_schema_in_every_codec() {
        use crate::workload::row::{FieldKind, Value};
        let schema = Arc::new(Schema::of("order", &[("id", FieldKind::Int), ("note", FieldKind::Text)]));
        let row = vec![Value::Int(7), Value::Text("a,b".into())];
        for codec in Codec::ALL {
            let mut bytes = Vec::new();
            codec.encode(&schema, &row, &mut bytes);
            let decoders = Decoders(vec![Some((Arc::clone(&schema), codec))]);
            let told = decoders.decode(RecordId::new(0, 3), &bytes).expect("it keeps to its schema");
            let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            assert_eq!(
                (told.format, told.fields),
                (codec.name(), vec![field("id", "7"), field("note", "a,b")])
            );
        }
    }
}
