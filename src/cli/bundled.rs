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
    "hot-key": "kafka/hot-key.toml",
    "slow-consumer": "kafka/slow-consumer.toml",
    "scale-out": "kafka/scale-out.toml",
    "broker-loss": "kafka/broker-loss.toml",
    "trace-replay": "kafka/trace-replay.toml",
    "ventilator": "zeromq/ventilator.toml",
};
