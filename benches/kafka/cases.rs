//! The scenarios that are measured.

/// A scenario, in `NAME.toml` beside this file: three brokers, three replicas, acks=all, twelve partitions, three
/// consumers.
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    /// The file.
    pub file: &'static str,
    /// How long it is simulated, where the file's time is too short: what is recorded is written for a while after a run,
    /// and that shall not be most of it.
    pub duration: Option<&'static str>,
    /// Runs only when it is asked for.
    pub long: bool,
    /// Whether the run is recorded on a tape.
    pub tape: bool,
}

impl Case {
    const fn new(name: &'static str) -> Self {
        Self { name, file: name, duration: None, long: false, tape: false }
    }

    const fn long(name: &'static str) -> Self {
        Self { long: true, ..Self::new(name) }
    }

    const fn minute(self) -> Self {
        Self { duration: Some("60s"), ..self }
    }

    const fn on_tape(name: &'static str, file: &'static str) -> Self {
        Self { file, tape: true, ..Self::new(name) }
    }
}

/// All of them.
pub const CASES: &[Case] = &[
    Case::new("full-batches").minute(),
    Case::new("one-record-a-batch"),
    Case::new("zipf-keys"),
    Case::on_tape("full-batches-on-tape", "full-batches").minute(),
    Case::on_tape("one-record-a-batch-on-tape", "one-record-a-batch"),
    Case::long("hour"),
    Case::long("hour-of-sensors"),
];
