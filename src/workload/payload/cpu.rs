//! `cpu`: utilisation of each core of a machine. The load of the machine drifts over half a minute, each core
//! around it.

use std::sync::Arc;

use crate::kernel::{Rng, Time};

use super::super::row::{FieldKind, Row, Schema, Value, rounded};
use super::drift::{Drift, Shape, Since};
use super::{take_turn, timestamp};

/// Utilisation of each core of a machine, one record per core in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// How many cores, at least 1.
    pub cores: u32,
}

pub(super) fn schema() -> Schema {
    use FieldKind::{Float, Int, Text, Timestamp};
    Schema::of("cpu", &[("time", Timestamp), ("host", Text), ("core", Int), ("utilisation", Float)])
}

/// Per cent.
const MACHINE: Shape = Shape { mean: 35.0, deviation: 18.0, half_life_secs: 30.0 };
const CORE: Shape = Shape { mean: 0.0, deviation: 12.0, half_life_secs: 2.0 };

#[derive(Clone, Debug)]
pub(super) struct State {
    host: Arc<str>,
    machine: Drift,
    machine_since: Since,
    load: f64,
    cores: Vec<(Drift, Since)>,
    turn: usize,
}

impl State {
    pub(super) fn new(config: &Cpu, instance: u32) -> Self {
        Self {
            host: format!("host-{instance}").into(),
            machine: Drift::new(MACHINE),
            machine_since: Since::default(),
            load: MACHINE.mean,
            cores: vec![(Drift::new(CORE), Since::default()); config.cores as usize],
            turn: 0,
        }
    }

    pub(super) fn fill(&mut self, at: Time, rng: &mut Rng, row: &mut Row) {
        let turn = take_turn(&mut self.turn, self.cores.len());
        if turn == 0 {
            self.load = self.machine.step(self.machine_since.step(at), rng);
        }
        let (core, since) = &mut self.cores[turn];
        let utilisation = (self.load + core.step(since.step(at), rng)).clamp(0.0, 100.0);
        row.extend([
            timestamp(at),
            Value::Text(Arc::clone(&self.host)),
            Value::Int(turn as i64),
            Value::Float(rounded(utilisation, 1)),
        ]);
    }
}
