//! The digest of a stream of facts: 128 bits that two runs share only if they saw the same things.
//!
//! **Invariant.** The digest depends on the serialised values alone: the same on every machine, in debug
//! and release. It guards against divergence, not against forgery.

use std::fmt;

use serde::Serialize;
use serde::ser;

/// A running digest. Feed it anything that serialises; print it with `{}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest {
    low: u64,
    high: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self { low: 0x243f_6a88_85a3_08d3, high: 0x1319_8a2e_0370_7344 }
    }
}

impl Digest {
    /// Takes in a value.
    #[inline]
    pub fn feed<T: Serialize + ?Sized>(&mut self, value: &T) {
        value.serialize(&mut *self).expect("a digest takes every value");
    }

    /// Takes in one word: a folded 64 x 64 bit multiplication for each half, as wyhash and its kin do.
    #[inline]
    pub fn word(&mut self, word: u64) {
        let low = u128::from(self.low ^ word) * 0x9e37_79b9_7f4a_7c15_u128;
        let high = u128::from(self.high ^ word.rotate_left(32)) * 0xe703_7ed1_a0b4_28db_u128;
        let (old_low, old_high) = (self.low, self.high);
        self.low = (low as u64) ^ ((low >> 64) as u64) ^ old_high.rotate_left(23);
        self.high = (high as u64) ^ ((high >> 64) as u64) ^ old_low.rotate_left(41);
    }

    /// Takes in these words, one after the other. A loop in one place: code that is the same for every fact stays in the
    /// CPU's cache.
    #[inline(never)]
    pub fn words(&mut self, words: &[u64]) {
        let mut digest = *self;
        for word in words {
            digest.word(*word);
        }
        *self = digest;
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    /// The low half, for a short fingerprint.
    pub fn short(&self) -> u64 {
        let mut last = *self;
        last.word(0x5bd1_e995);
        last.low ^ last.high.rotate_left(32)
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.high, self.low)
    }
}

/// What cannot go wrong.
#[derive(Debug)]
pub struct Impossible;

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("impossible")
    }
}
impl std::error::Error for Impossible {}
impl ser::Error for Impossible {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! words {
    ($($name:ident: $type:ty),*) => {$(
        #[inline]
        fn $name(self, value: $type) -> Result<(), Impossible> {
            self.word(value as u64);
            Ok(())
        }
    )*};
}

impl ser::Serializer for &mut Digest {
    type Ok = ();
    type Error = Impossible;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    words! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_char: char
    }

    fn serialize_f32(self, value: f32) -> Result<(), Impossible> {
        self.word(u64::from(value.to_bits()));
        Ok(())
    }
    fn serialize_f64(self, value: f64) -> Result<(), Impossible> {
        self.word(value.to_bits());
        Ok(())
    }
    fn serialize_str(self, value: &str) -> Result<(), Impossible> {
        self.bytes(value.as_bytes());
        Ok(())
    }
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Impossible> {
        self.bytes(value);
        Ok(())
    }
    fn serialize_none(self) -> Result<(), Impossible> {
        self.word(0);
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Impossible> {
        self.word(1);
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Impossible> {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Impossible> {
        Ok(())
    }
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), Impossible> {
        self.word(u64::from(index));
        Ok(())
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Impossible> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Impossible> {
        self.word(u64::from(index));
        value.serialize(self)
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Impossible> {
        self.word(len.map_or(u64::MAX, |len| len as u64));
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, Impossible> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Impossible> {
        Ok(self)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Impossible> {
        self.word(u64::from(index));
        Ok(self)
    }
    fn serialize_map(self, len: Option<usize>) -> Result<Self, Impossible> {
        self.serialize_seq(len)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Impossible> {
        Ok(self)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Impossible> {
        self.word(u64::from(index));
        Ok(self)
    }
}

macro_rules! compound {
    ($($trait:ident: $method:ident),*) => {$(
        impl ser::$trait for &mut Digest {
            type Ok = ();
            type Error = Impossible;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Impossible> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), Impossible> {
                Ok(())
            }
        }
    )*};
}
compound! {
    SerializeSeq: serialize_element, SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field
}

macro_rules! compound_struct {
    ($($trait:ident),*) => {$(
        impl ser::$trait for &mut Digest {
            type Ok = ();
            type Error = Impossible;
            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Impossible> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), Impossible> {
                Ok(())
            }
        }
    )*};
}
compound_struct! { SerializeStruct, SerializeStructVariant }

impl ser::SerializeMap for &mut Digest {
    type Ok = ();
    type Error = Impossible;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Impossible> {
        key.serialize(&mut **self)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Impossible> {
        value.serialize(&mut **self)
    }
    fn end(self) -> Result<(), Impossible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(value: impl Serialize) -> String {
        let mut digest = Digest::default();
        digest.feed(&value);
        digest.to_string()
    }

    #[test]
    fn what_differs_differs() {
        #[derive(Serialize)]
        enum Fact {
            A { x: u64, y: Option<u32> },
            B { x: u64, y: Option<u32> },
        }
        let all = [
            digest_of(Fact::A { x: 1, y: None }),
            digest_of(Fact::A { x: 1, y: Some(0) }),
            digest_of(Fact::B { x: 1, y: None }),
            digest_of(Fact::A { x: 2, y: None }),
            digest_of((1u64, 2u64)),
            digest_of((2u64, 1u64)),
            digest_of("ab"),
            digest_of("ba"),
        ];
        let mut unique = all.to_vec();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), all.len(), "{all:?}");
    }

    #[test]
    fn the_digest_is_pinned() {
        assert_eq!(digest_of((1u64, "two", 3.0f64)), PINNED);
    }
    const PINNED: &str = "991a15a8a0c16779de3e68aba7db756d";
}
