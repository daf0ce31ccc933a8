//! The scenarios that come with the program.

use crate::scenario::templates::Template;

macro_rules! bundled {
    ($($name:literal: $file:literal),* $(,)?) => {
        &[$(Template { name: $name, text: include_str!(concat!("../../sim-configs/", $file)) }),*]
    };
}

/// By name, as `list` shows them and `new` copies them.
pub const BUNDLED: &[Template] = bundled! {
    "calm": "kafka/calm.toml",
};
