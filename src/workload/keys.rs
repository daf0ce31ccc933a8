//! Keys: which key a record carries.
//!
//! A key is a dense [`KeyId`] on hot paths; its bytes are interned once, in a [`KeyTable`]. Which partition a
//! key goes to is the messaging system's affair, not decided here.
//!
//! **Invariant.** The same bytes have the same id for as long as a table lives; ids count up from zero in the
//! order in which keys first appear. Drawing a Zipf key compares integers only.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use crate::kernel::Rng;

use super::row::{Row, Schema, Value};

/// How records get their keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// Records carry no key.
    None,
    /// The value of a field of the payload, as text; a null is no key.
    Field(String),
    /// Each of `n` keys (`key-0`, `key-1`, ...) equally often.
    Uniform {
        /// How many keys, at least 1.
        n: u32,
    },
    /// Few keys often, most seldom: the k-th of `n` keys has a share proportional to `1 / k^exponent`.
    Zipf {
        /// How many keys, at least 1.
        n: u32,
        /// How skewed, at least 0 (0 is uniform; 1 is the classic law).
        exponent: f64,
    },
}

/// Why keys cannot be drawn as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The payload has no such field.
    #[error("`{schema}` has no field `{field}`{}", super::row::did_you_mean(.similar.as_deref()))]
    UnknownField {
        /// The schema's name.
        schema: String,
        /// The field that was asked for.
        field: String,
        /// A field of a similar name.
        similar: Option<String>,
    },
    /// No key can be drawn from none.
    #[error("at least one key is needed, not 0")]
    NoKeys,
    /// The exponent is negative or not a number.
    #[error("a Zipf exponent is a number of at least 0")]
    Exponent,
}

/// The number of a key in its [`KeyTable`], dense from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub u32);

/// Keys seen so far: bytes to id and back.
#[derive(Clone, Debug, Default)]
pub struct KeyTable {
    ids: BTreeMap<Arc<[u8]>, KeyId>,
    bytes: Vec<Arc<[u8]>>,
}

impl KeyTable {
    /// The id of `bytes`, a new one when they were never seen.
    ///
    /// # Panics
    /// Beyond 2^32 different keys.
    #[inline]
    pub fn intern(&mut self, bytes: &[u8]) -> KeyId {
        if let Some(id) = self.ids.get(bytes) {
            return *id;
        }
        let id = KeyId(u32::try_from(self.bytes.len()).expect("there are fewer than 2^32 keys"));
        let bytes: Arc<[u8]> = bytes.into();
        self.bytes.push(Arc::clone(&bytes));
        self.ids.insert(bytes, id);
        id
    }

    /// The bytes of a key.
    ///
    /// # Panics
    /// When the id is another table's.
    #[inline]
    pub fn bytes(&self, id: KeyId) -> &Arc<[u8]> {
        &self.bytes[id.0 as usize]
    }

    /// How many different keys there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no key was seen yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Where a generator stands with its keys.
#[derive(Clone, Debug)]
pub struct KeyState {
    source: Source,
    table: KeyTable,
    /// The text of a number, before it is interned.
    scratch: Vec<u8>,
}

impl KeyState {
    /// The beginning of `keys` for payloads of `schema`.
    ///
    /// # Errors
    /// When the schema has no such field, or a number is outside its bounds.
    pub fn new(keys: &Keys, schema: &Schema) -> Result<Self, KeyError> {
        let source = match keys {
            Keys::None => Source::None,
            Keys::Field(field) => Source::Field(position(schema, field)?),
            Keys::Uniform { n } => Source::Uniform(Numbered::new(*n)?),
            Keys::Zipf { n, exponent } => Source::Zipf(Numbered::new(*n)?, Alias::zipf(*n, *exponent)?),
        };
        Ok(Self { source, table: KeyTable::default(), scratch: Vec::new() })
    }

    /// The key of the next record, whose payload is `row` when it has one.
    #[inline]
    pub fn draw(&mut self, row: Option<&Row>, rng: &mut Rng) -> Option<KeyId> {
        match &mut self.source {
            Source::None => None,
            Source::Field(position) => of_value(row?.get(*position)?, &mut self.table, &mut self.scratch),
            Source::Uniform(keys) => {
                let number = rng.below(keys.ids.len() as u64) as u32;
                Some(keys.id(number, &mut self.table))
            }
            Source::Zipf(keys, alias) => Some(keys.id(alias.draw(rng), &mut self.table)),
        }
    }

    /// The id of a key that comes from elsewhere, a trace for example.
    #[inline]
    pub fn intern(&mut self, bytes: &[u8]) -> KeyId {
        self.table.intern(bytes)
    }

    /// The keys drawn so far.
    pub fn table(&self) -> &KeyTable {
        &self.table
    }
}

#[derive(Clone, Debug)]
enum Source {
    None,
    Field(usize),
    Uniform(Numbered),
    Zipf(Numbered, Alias),
}

fn position(schema: &Schema, field: &str) -> Result<usize, KeyError> {
    schema.position(field).ok_or_else(|| KeyError::UnknownField {
        schema: schema.name.clone(),
        field: field.to_owned(),
        similar: schema.similar(field).map(str::to_owned),
    })
}

#[inline]
fn of_value(value: &Value, table: &mut KeyTable, scratch: &mut Vec<u8>) -> Option<KeyId> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(table.intern(text.as_bytes())),
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
            scratch.clear();
            write!(scratch, "{value}").expect("memory can be written to");
            Some(table.intern(scratch))
        }
    }
}

/// The keys `key-0`, `key-1`, ...; each is interned when it is first drawn.
#[derive(Clone, Debug)]
struct Numbered {
    ids: Vec<Option<KeyId>>,
}

impl Numbered {
    fn new(n: u32) -> Result<Self, KeyError> {
        if n == 0 { Err(KeyError::NoKeys) } else { Ok(Self { ids: vec![None; n as usize] }) }
    }

    #[inline]
    fn id(&mut self, number: u32, table: &mut KeyTable) -> KeyId {
        *self.ids[number as usize].get_or_insert_with(|| table.intern(format!("key-{number}").as_bytes()))
    }
}

/// An alias table: one 64-bit number picks a column and decides between its two keys.
///
/// Walker 1974, built by Vose's method (1991). Shared, because it never changes.
#[derive(Clone, Debug)]
pub(super) struct Alias {
    columns: Arc<[Column]>,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    /// Below it, the column's own key.
    threshold: u64,
    other: u32,
}

impl Alias {
    pub(super) fn zipf(n: u32, exponent: f64) -> Result<Self, KeyError> {
        if !(exponent >= 0.0 && exponent.is_finite()) {
            return Err(KeyError::Exponent);
        }
        let weights: Vec<f64> = (1..=n).map(|rank| libm::pow(f64::from(rank), -exponent)).collect();
        Ok(Self::new(&weights))
    }

    fn new(weights: &[f64]) -> Self {
        let scale = weights.len() as f64 / weights.iter().sum::<f64>();
        let mut left: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let mut columns: Vec<Column> =
            (0..weights.len() as u32).map(|own| Column { threshold: u64::MAX, other: own }).collect();
        let (mut poor, mut rich): (Vec<u32>, Vec<u32>) =
            (0..weights.len() as u32).partition(|key| left[*key as usize] < 1.0);
        while let (Some(small), Some(large)) = (poor.pop(), rich.last().copied()) {
            let share = left[small as usize];
            // A cast saturates; 2^64 is exact.
            columns[small as usize] =
                Column { threshold: (share * 18_446_744_073_709_551_616.0) as u64, other: large };
            left[large as usize] -= 1.0 - share;
            if left[large as usize] < 1.0 {
                rich.pop();
                poor.push(large);
            }
        }
        Self { columns: columns.into() }
    }

    #[inline]
    pub(super) fn draw(&self, rng: &mut Rng) -> u32 {
        // The high half picks the column, the low half is what is left of the number: independent enough
        // for fewer than 2^32 columns.
        let wide = u128::from(rng.bits()) * self.columns.len() as u128;
        let (own, within) = ((wide >> 64) as u32, wide as u64);
        let column = self.columns[own as usize];
        if within < column.threshold { own } else { column.other }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::FieldKind;
    use super::*;

    fn schema() -> Schema {
        Schema::of("cpu", &[("host", FieldKind::Text), ("core", FieldKind::Int)])
    }

    fn shares(keys: &Keys, draws: u32) -> Vec<f64> {
        let mut state = KeyState::new(keys, &schema()).unwrap();
        let mut rng = Rng::named(9, "keys");
        let mut counts = BTreeMap::new();
        for _ in 0..draws {
            let id = state.draw(None, &mut rng).unwrap();
            *counts.entry(id).or_insert(0u32) += 1;
        }
        let named = |number: usize| {
            let bytes: &[u8] = &format!("key-{number}").into_bytes();
            state.table().ids.get(bytes).map_or(0, |id| counts[id])
        };
        (0..state.table().len()).map(|number| f64::from(named(number)) / f64::from(draws)).collect()
    }

    #[test]
    fn a_zipf_key_is_drawn_as_often_as_its_rank_says() {
        for exponent in [0.0, 0.8, 1.0, 1.5] {
            let shares = shares(&Keys::Zipf { n: 100, exponent }, 1_000_000);
            let sum: f64 = (1..=100).map(|rank| f64::from(rank).powf(-exponent)).sum();
            for (number, share) in shares.iter().enumerate() {
                let expected = ((number + 1) as f64).powf(-exponent) / sum;
                let error = 5.0 * (expected / 1_000_000.0).sqrt();
                assert!(
                    (share - expected).abs() < error,
                    "s={exponent} key {number}: {share} not {expected}"
                );
            }
        }
    }

    #[test]
    fn uniform_keys_are_drawn_evenly() {
        let shares = shares(&Keys::Uniform { n: 10 }, 100_000);
        assert!(
            shares.len() == 10 && shares.iter().all(|share| (0.095..0.105).contains(share)),
            "{shares:?}"
        );
    }

    #[test]
    fn a_field_is_a_key_in_its_text_form_and_null_is_none() {
        let mut rng = Rng::named(0, "unused");
        let mut state = KeyState::new(&Keys::Field("core".into()), &schema()).unwrap();
        let mut draw = |core| state.draw(Some(&vec![Value::text("a"), core]), &mut rng);
        assert_eq!(draw(Value::Int(7)), Some(KeyId(0)));
        assert_eq!(draw(Value::Int(-3)), Some(KeyId(1)));
        assert_eq!((draw(Value::Int(7)), draw(Value::Null)), (Some(KeyId(0)), None));
        assert_eq!(
            (&**state.table().bytes(KeyId(0)), &**state.table().bytes(KeyId(1))),
            (&b"7"[..], &b"-3"[..])
        );
    }

    #[test]
    fn an_unknown_field_is_refused_with_a_similar_one() {
        let error = KeyState::new(&Keys::Field("hots".into()), &schema()).unwrap_err();
        assert_eq!(error.to_string(), "`cpu` has no field `hots`; did you mean `host`?");
        assert_eq!(KeyState::new(&Keys::Uniform { n: 0 }, &schema()).unwrap_err(), KeyError::NoKeys);
        let negative = Keys::Zipf { n: 3, exponent: -1.0 };
        assert_eq!(KeyState::new(&negative, &schema()).unwrap_err(), KeyError::Exponent);
    }

    #[test]
    fn a_single_key_is_always_drawn() {
        assert_eq!(shares(&Keys::Zipf { n: 1, exponent: 2.0 }, 100), [1.0]);
    }

    /// Golden draws: a change of these bits changes the digest of every run.
    #[test]
    fn zipf_draws_have_the_same_bits_everywhere() {
        let alias = Alias::zipf(10_000, 1.1).unwrap();
        let mut rng = Rng::named(42, "golden");
        let sum =
            (0..100_000).fold(0u64, |sum, _| sum.wrapping_mul(31).wrapping_add(alias.draw(&mut rng).into()));
        assert_eq!(sum, GOLDEN);
    }
    const GOLDEN: u64 = 18_272_330_543_718_307_361;
}
