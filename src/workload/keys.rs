//! Keys: which key a record carries.

/// How records get their keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// Records carry no key.
    None,
    /// The value of a field of the payload, as text.
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
