//! The name under which a variant without fields serialises, without a copy of it.

use std::fmt;

use serde::ser::{self, Impossible, Serialize};

/// `leader-election` for `Reason::LeaderElection`: the word that JSON would have.
///
/// # Panics
/// When the value is anything but a variant without fields.
#[inline]
pub fn variant_name(value: impl Serialize) -> &'static str {
    value.serialize(Name).expect("a variant without fields")
}

struct Name;

/// The value is no variant without fields.
#[derive(Debug)]
struct NotAName;

impl fmt::Display for NotAName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a variant without fields")
    }
}
impl std::error::Error for NotAName {}
impl ser::Error for NotAName {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

type Never = Impossible<&'static str, NotAName>;
type Told = Result<&'static str, NotAName>;

macro_rules! not_a_name {
    ($($name:ident($($type:ty),*) -> $result:ty;)*) => {$(
        fn $name(self, $(_: $type),*) -> $result {
            Err(NotAName)
        }
    )*};
}

impl ser::Serializer for Name {
    type Ok = &'static str;
    type Error = NotAName;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Told {
        Ok(variant)
    }

    not_a_name! {
        serialize_bool(bool) -> Told;
        serialize_i8(i8) -> Told;
        serialize_i16(i16) -> Told;
        serialize_i32(i32) -> Told;
        serialize_i64(i64) -> Told;
        serialize_u8(u8) -> Told;
        serialize_u16(u16) -> Told;
        serialize_u32(u32) -> Told;
        serialize_u64(u64) -> Told;
        serialize_f32(f32) -> Told;
        serialize_f64(f64) -> Told;
        serialize_char(char) -> Told;
        serialize_str(&str) -> Told;
        serialize_bytes(&[u8]) -> Told;
        serialize_none() -> Told;
        serialize_unit() -> Told;
        serialize_unit_struct(&'static str) -> Told;
        serialize_seq(Option<usize>) -> Result<Never, NotAName>;
        serialize_tuple(usize) -> Result<Never, NotAName>;
        serialize_tuple_struct(&'static str, usize) -> Result<Never, NotAName>;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Result<Never, NotAName>;
        serialize_map(Option<usize>) -> Result<Never, NotAName>;
        serialize_struct(&'static str, usize) -> Result<Never, NotAName>;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Result<Never, NotAName>;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Told {
        Err(NotAName)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Told {
        Err(NotAName)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Told {
        Err(NotAName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Reason;
    use crate::trace::kafka::{ErrorCode, GroupState};

    #[test]
    fn a_variant_is_called_in_rows_what_json_calls_it() {
        assert_eq!(variant_name(Reason::LeaderElection), "leader-election");
        assert_eq!(variant_name(ErrorCode::NotLeaderOrFollower), "NOT_LEADER_OR_FOLLOWER");
        assert_eq!(variant_name(GroupState::PreparingRebalance), "PreparingRebalance");
    }

    #[test]
    #[should_panic(expected = "a variant without fields")]
    fn a_number_has_no_name() {
        variant_name(3u8);
    }
}
