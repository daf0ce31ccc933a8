//! The scenarios that come with the program, and the data that they replay.

use std::path::Path;

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

/// Recorded data, by the name of its file.
const DATA: &[(&str, &[u8])] =
    &[("earthquakes-2018-02.csv", include_bytes!("../../sim-configs/data/earthquakes-2018-02.csv"))];

/// The bundled CSV file of this name, wherever the path says that it lies.
pub fn data(path: &Path) -> Option<&'static [u8]> {
    let name = path.file_name()?.to_str()?;
    DATA.iter().find(|(bundled, _)| *bundled == name).map(|(_, text)| *text)
}
