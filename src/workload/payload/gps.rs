//! `gps`: moving tracks. A device keeps its heading for a while, turns, speeds up and slows down; its position
//! follows, with a receiver's error of a few metres that wanders slowly.
//!
//! **Not modelled:** roads, and the poles (a track turns back at 85 degrees).

use std::sync::Arc;

use crate::kernel::{Rng, Time};

use super::super::row::{FieldKind, Row, Schema, Value, rounded};
use super::drift::{Drift, Shape, Since};
use super::{take_turn, timestamp};

/// Tracks of moving devices, one fix per device in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Gps {
    /// How many devices, at least 1.
    pub devices: u32,
    /// Where they set out, degrees north, within ±80.
    pub latitude: f64,
    /// Where they set out, degrees east, within ±180.
    pub longitude: f64,
}

impl Default for Gps {
    /// One device in Berlin.
    fn default() -> Self {
        Self { devices: 1, latitude: 52.52, longitude: 13.405 }
    }
}

impl Gps {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.devices == 0 {
            Err("at least one device moves")
        } else if self.latitude.abs() <= 80.0 && self.longitude.abs() <= 180.0 {
            Ok(())
        } else {
            Err("a track begins within 80 degrees of latitude and 180 of longitude")
        }
    }
}

pub(super) fn schema() -> Schema {
    use FieldKind::{Float, Text, Timestamp};
    Schema::of(
        "gps",
        &[
            ("time", Timestamp),
            ("device", Text),
            ("latitude", Float),
            ("longitude", Float),
            ("altitude", Float),
            ("speed", Float),
            ("heading", Float),
        ],
    )
}

/// Metres per second.
const SPEED: Shape = Shape { mean: 12.0, deviation: 4.0, half_life_secs: 10.0 };
/// Radians per second.
const TURN: Shape = Shape { mean: 0.0, deviation: 0.06, half_life_secs: 4.0 };
/// Metres above the sea.
const ALTITUDE: Shape = Shape { mean: 60.0, deviation: 15.0, half_life_secs: 120.0 };
/// Metres beside the truth.
const ERROR: Shape = Shape { mean: 0.0, deviation: 2.5, half_life_secs: 20.0 };

const METRES_PER_DEGREE: f64 = 111_320.0;
const FULL_TURN: f64 = 2.0 * std::f64::consts::PI;

#[derive(Clone, Debug)]
pub(super) struct State {
    devices: Vec<Device>,
    turn: usize,
}

#[derive(Clone, Debug)]
struct Device {
    name: Arc<str>,
    latitude: f64,
    longitude: f64,
    /// Radians clockwise from north.
    heading: f64,
    speed: Drift,
    turn: Drift,
    altitude: Drift,
    error: [Drift; 2],
    since: Since,
}

impl State {
    pub(super) fn new(config: &Gps, instance: u32, rng: &mut Rng) -> Self {
        let first = u64::from(instance) * u64::from(config.devices);
        let ids = first..first + u64::from(config.devices);
        Self { devices: ids.map(|id| Device::new(config, id, rng)).collect(), turn: 0 }
    }

    pub(super) fn fill(&mut self, at: Time, rng: &mut Rng, row: &mut Row) {
        let turn = take_turn(&mut self.turn, self.devices.len());
        self.devices[turn].fill(at, rng, row);
    }
}

impl Device {
    fn new(config: &Gps, id: u64, rng: &mut Rng) -> Self {
        Self {
            name: format!("tracker-{id}").into(),
            latitude: config.latitude,
            longitude: config.longitude,
            heading: rng.unit() * FULL_TURN,
            speed: Drift::new(SPEED),
            turn: Drift::new(TURN),
            altitude: Drift::new(ALTITUDE),
            error: [Drift::new(ERROR), Drift::new(ERROR)],
            since: Since::default(),
        }
    }

    fn fill(&mut self, at: Time, rng: &mut Rng, row: &mut Row) {
        let seconds = self.since.step(at);
        let speed = self.speed.step(seconds, rng).clamp(0.0, 40.0);
        self.heading = wrapped(self.heading + self.turn.step(seconds, rng) * seconds, FULL_TURN);
        self.advance(speed * seconds);
        let [north, east] = [0, 1].map(|axis: usize| self.error[axis].step(seconds, rng));
        let altitude = self.altitude.step(seconds, rng);
        let (latitude, longitude) = self.displaced(north, east);
        let heading = rounded(self.heading * 360.0 / FULL_TURN, 1);
        row.extend([timestamp(at), Value::Text(Arc::clone(&self.name))]);
        row.extend([rounded(latitude, 6), rounded(longitude, 6), rounded(altitude, 1)].map(Value::Float));
        row.extend([rounded(speed, 2), if heading >= 360.0 { 0.0 } else { heading }].map(Value::Float));
    }

    fn advance(&mut self, metres: f64) {
        let (north, east) = (metres * libm::cos(self.heading), metres * libm::sin(self.heading));
        (self.latitude, self.longitude) = self.displaced(north, east);
        if self.latitude.abs() > 85.0 {
            self.heading = if self.latitude > 0.0 { FULL_TURN / 2.0 } else { 0.0 };
        }
    }

    /// The place so many metres north and east of here.
    fn displaced(&self, north: f64, east: f64) -> (f64, f64) {
        let shrink = libm::cos(self.latitude / 360.0 * FULL_TURN);
        let longitude = self.longitude + east / (METRES_PER_DEGREE * shrink);
        (self.latitude + north / METRES_PER_DEGREE, wrapped(longitude + 180.0, 360.0) - 180.0)
    }
}

/// `value` moved into `0..range`, from at most one range outside it.
fn wrapped(value: f64, range: f64) -> f64 {
    if value >= range {
        value - range
    } else if value < 0.0 {
        value + range
    } else {
        value
    }
}
