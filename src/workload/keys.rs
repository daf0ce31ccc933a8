//! Keys: which key a record carries.
//!
//! A key is text. It is written anew for each record, into memory that is there: that is cheaper than to look it up, and a
//! run that is copied carries no table of all keys along. Which partition a key goes to is the messaging system's affair,
//! not decided here.
//!
//! **Invariant.** Drawing a Zipf key compares integers only.

use std::io::Write;
use std::sync::Arc;

use crate::kernel::Rng;
use crate::trace::KeyNames;

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

impl Keys {
    /// All the keys there are by their hash, where they are known beforehand, not many, and no two share a hash: then who
    /// sees a record's hash knows its key.
    pub fn by_hash(&self, hash: impl Fn(&[u8]) -> i32) -> Option<KeyNames> {
        let n = match *self {
            Self::None => 0,
            Self::Uniform { n } | Self::Zipf { n, .. } if n <= MANY => n,
            Self::Uniform { .. } | Self::Zipf { .. } | Self::Field(_) => return None,
        };
        let key = |number: u32| format!("{PREFIX}{number}").into_bytes();
        let names: KeyNames = (0..n).map(key).map(|key| (hash(&key), key.into())).collect();
        (names.len() == n as usize).then_some(names)
    }
}

/// More keys than this are not listed.
const MANY: u32 = 1 << 16;
/// What the name of a numbered key begins with.
const PREFIX: &str = "key-";

/// Where a generator stands with its keys.
#[derive(Clone, Debug)]
pub struct KeyState {
    source: Source,
    /// The key that was drawn last.
    text: Vec<u8>,
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
            Keys::Uniform { n: 0 } | Keys::Zipf { n: 0, .. } => return Err(KeyError::NoKeys),
            Keys::Uniform { n } => Source::Uniform(*n),
            Keys::Zipf { n, exponent } => Source::Zipf(Alias::zipf(*n, *exponent)?),
        };
        Ok(Self { source, text: Vec::new() })
    }

    /// The key of the next record, whose payload is `row` when it has one.
    #[inline]
    pub fn draw(&mut self, row: Option<&Row>, rng: &mut Rng) -> Option<&[u8]> {
        match &self.source {
            Source::None => return None,
            Source::Field(position) => write_value(row?.get(*position)?, &mut self.text)?,
            Source::Uniform(n) => write_number(rng.below(u64::from(*n)) as u32, &mut self.text),
            Source::Zipf(alias) => write_number(alias.draw(rng), &mut self.text),
        }
        Some(&self.text)
    }
}

#[derive(Clone, Debug)]
enum Source {
    None,
    Field(usize),
    Uniform(u32),
    Zipf(Alias),
}

fn position(schema: &Schema, field: &str) -> Result<usize, KeyError> {
    schema.position(field).ok_or_else(|| KeyError::UnknownField {
        schema: schema.name.clone(),
        field: field.to_owned(),
        similar: schema.similar(field).map(str::to_owned),
    })
}

/// A value as a key's text; none for a null.
#[inline]
fn write_value(value: &Value, text: &mut Vec<u8>) -> Option<()> {
    text.clear();
    match value {
        Value::Null => return None,
        Value::Text(value) => text.extend_from_slice(value.as_bytes()),
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
            write!(text, "{value}").expect("memory can be written to");
        }
    }
    Some(())
}

/// The name of a numbered key: `key-0`, `key-1`, ...
#[inline]
fn write_number(number: u32, text: &mut Vec<u8>) {
    let mut digits = [0; 10];
    let (mut rest, mut from) = (number, digits.len());
    while from == digits.len() || rest > 0 {
        from -= 1;
        digits[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text.clear();
    text.extend_from_slice(PREFIX.as_bytes());
    text.extend_from_slice(&digits[from..]);
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

    fn shares(keys: &Keys, n: usize, draws: u32) -> Vec<f64> {
        let mut state = KeyState::new(keys, &schema()).unwrap();
        let mut rng = Rng::named(9, "keys");
        let mut counts = vec![0_u32; n];
        for _ in 0..draws {
            let key = std::str::from_utf8(state.draw(None, &mut rng).unwrap()).unwrap();
            counts[key.strip_prefix("key-").unwrap().parse::<usize>().unwrap()] += 1;
        }
        counts.into_iter().map(|count| f64::from(count) / f64::from(draws)).collect()
    }

    #[test]
    fn a_zipf_key_is_drawn_as_often_as_its_rank_says() {
        for exponent in [0.0, 0.8, 1.0, 1.5] {
            let shares = shares(&Keys::Zipf { n: 100, exponent }, 100, 1_000_000);
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
        let shares = shares(&Keys::Uniform { n: 10 }, 10, 100_000);
        assert!(shares.iter().all(|share| (0.095..0.105).contains(share)), "{shares:?}");
    }

    #[test]
    fn a_field_is_a_key_in_its_text_form_and_null_is_none() {
        let mut rng = Rng::named(0, "unused");
        let mut state = KeyState::new(&Keys::Field("core".into()), &schema()).unwrap();
        let mut draw = |core| state.draw(Some(&vec![Value::text("a"), core]), &mut rng).map(<[u8]>::to_vec);
        assert_eq!(draw(Value::Int(7)), Some(b"7".to_vec()));
        assert_eq!(draw(Value::Int(-3)), Some(b"-3".to_vec()));
        assert_eq!((draw(Value::text("b")), draw(Value::Null)), (Some(b"b".to_vec()), None));
    }

    #[test]
    fn keys_are_known_by_their_hash_unless_two_share_one() {
        let keys = Keys::Uniform { n: 12 };
        let sum = |key: &[u8]| {
            key.iter().fold(0_i32, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()))
        };
        let names = keys.by_hash(sum).expect("no two have the same");
        assert_eq!((names.len(), &*names[&sum(b"key-11")]), (12, &b"key-11"[..]));
        assert_eq!(keys.by_hash(|key| key.len() as i32), None);
        assert_eq!(Keys::Field("core".into()).by_hash(sum), None);
    }

    #[test]
    fn a_numbered_key_is_called_by_its_number() {
        let mut text = Vec::new();
        for number in [0, 7, 10, 4_095, u32::MAX] {
            write_number(number, &mut text);
            assert_eq!(text, format!("key-{number}").into_bytes());
        }
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
        assert_eq!(shares(&Keys::Zipf { n: 1, exponent: 2.0 }, 1, 100), [1.0]);
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
