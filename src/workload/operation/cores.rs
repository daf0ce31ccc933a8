//! `cores`: the mean over a host's cores for each tick of its `cpu` records, whatever they are keyed by. A core
//! that reports twice within a tick counts with its latest value.

use std::collections::BTreeMap;

use crate::kernel::{Duration, Time};

use super::super::row::{Field, FieldKind, Row, Schema, Value, rounded};
use super::windowed::head;
use super::windows::{Closed, Windows};
use super::{Emitted, OperationError, position_of};

#[derive(Clone, Debug)]
pub(super) struct Cores {
    host: usize,
    core: usize,
    utilisation: usize,
    /// The utilisation of each core, and when it was that.
    windows: Windows<BTreeMap<i64, (Time, f64)>>,
}

impl Cores {
    pub(super) fn bind(
        input: &Schema,
        every: Duration,
        lateness: Duration,
    ) -> Result<(Self, Schema), OperationError> {
        let place = |field, kind, wants| position_of(input, field, &[kind], wants);
        let host = place("host", FieldKind::Text, "a text is wanted")?;
        let core = place("core", FieldKind::Int, "a whole number is wanted")?;
        let utilisation = place("utilisation", FieldKind::Float, "a float is wanted")?;
        let windows = Windows::new(every, every, lateness)?;
        let mut schema = head("cores");
        schema.fields.pop().expect("the head ends with the key, which is the host here");
        schema.fields.push(Field::required("host", FieldKind::Text));
        schema.fields.push(Field::required("cores", FieldKind::Int));
        schema.fields.push(Field::required("utilisation", FieldKind::Float));
        schema.fields.push(Field::required("busiest", FieldKind::Float));
        Ok((Self { host, core, utilisation, windows }, schema))
    }

    pub(super) fn apply(&mut self, at: Time, row: &Row, out: &mut Vec<Emitted>) {
        let values = (&row[self.host], &row[self.core], &row[self.utilisation]);
        let (Value::Text(host), Value::Int(core), Value::Float(utilisation)) = values else { return };
        let gather = |cores: &mut BTreeMap<i64, (Time, f64)>| {
            let known = cores.entry(*core).or_insert((at, *utilisation));
            if at >= known.0 {
                *known = (at, *utilisation);
            }
        };
        self.windows
            .add(Some(host.as_bytes()), at, BTreeMap::new, gather, |closed| out.push(emitted(closed)));
    }

    pub(super) fn flush(&mut self, out: &mut Vec<Emitted>) {
        self.windows.flush(|closed| out.push(emitted(closed)));
    }

    pub(super) fn late(&self) -> u64 {
        self.windows.late()
    }

    pub(super) fn open(&self) -> usize {
        self.windows.open()
    }
}

fn emitted(closed: Closed<BTreeMap<i64, (Time, f64)>>) -> Emitted {
    let values = || closed.gathered.values().map(|(_, utilisation)| *utilisation);
    let (count, sum) = (closed.gathered.len(), values().sum::<f64>());
    let busiest = values().fold(f64::NEG_INFINITY, f64::max);
    let mut row = Row::from(closed.bounds());
    row.extend([
        closed.key_text(),
        Value::Int(count as i64),
        Value::Float(rounded(sum / count as f64, 3)),
        Value::Float(busiest),
    ]);
    Emitted { event_time: closed.event_time(), row, key: closed.key }
}
