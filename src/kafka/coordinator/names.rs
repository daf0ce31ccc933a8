//! Which partition of the offsets topic keeps which group.

/// Kafka's `Utils.abs(name.hashCode())`: Java's hash of a string (over its UTF-16 units), its sign dropped;
/// the one number without a positive counterpart becomes 0.
pub fn java_hash_abs(name: &str) -> u32 {
    let hash =
        name.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_javas() {
        let names = ["", "a", "hello", "group-id", "polygenelubricants", "äö"];
        // Known values of String.hashCode: 97, 99162322, and Integer.MIN_VALUE for the long one.
        assert_eq!(names.map(java_hash_abs), [0, 97, 99_162_322, 506_313_513, 0, 7_314]);
    }
}
