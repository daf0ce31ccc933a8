//! `cpu`: utilisation of each core of a machine.

/// Utilisation of each core of a machine, one record per core in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// How many cores, at least 1.
    pub cores: u32,
}
