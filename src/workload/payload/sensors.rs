//! `sensors`: what a phone's sensors report. Each axis of each phone is a smooth signal around its own mean.
//!
//! **Not modelled:** correlation between the sensors of one phone (each sensor is a generator of its own).

use std::sync::Arc;

use crate::kernel::{Rng, Time};

use super::super::row::{FieldKind, Row, Schema, Value, rounded};
use super::drift::{Drift, Shape, Since};
use super::{take_turn, timestamp};

/// A sensor of a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensor {
    /// Acceleration with gravity, three axes, m/s².
    Accelerometer,
    /// Angular rate, three axes, rad/s.
    Gyroscope,
    /// Magnetic field, three axes, µT.
    Magnetometer,
    /// Gravity alone, three axes, m/s².
    Gravity,
    /// Acceleration without gravity, three axes, m/s².
    LinearAcceleration,
    /// Illuminance, lux.
    Light,
    /// Air pressure, hPa.
    Pressure,
    /// Distance to the nearest thing, cm: 0 near, 5 far.
    Proximity,
    /// Air temperature, °C.
    Temperature,
    /// Relative humidity, %.
    Humidity,
}

/// Readings of one sensor of several phones, one record per phone in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensors {
    /// Which sensor; there is one topic per sensor.
    pub sensor: Sensor,
    /// How many phones, at least 1.
    pub devices: u32,
}

impl Sensor {
    /// Every sensor.
    pub const ALL: [Self; 10] = [
        Self::Accelerometer,
        Self::Gyroscope,
        Self::Magnetometer,
        Self::Gravity,
        Self::LinearAcceleration,
        Self::Light,
        Self::Pressure,
        Self::Proximity,
        Self::Temperature,
        Self::Humidity,
    ];

    /// What it is called: `accelerometer`, `linear_acceleration`, ...
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accelerometer => "accelerometer",
            Self::Gyroscope => "gyroscope",
            Self::Magnetometer => "magnetometer",
            Self::Gravity => "gravity",
            Self::LinearAcceleration => "linear_acceleration",
            Self::Light => "light",
            Self::Pressure => "pressure",
            Self::Proximity => "proximity",
            Self::Temperature => "temperature",
            Self::Humidity => "humidity",
        }
    }

    /// The sensor of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sensor| sensor.name() == name)
    }

    /// How often a phone reports it, times a second.
    pub const fn hertz(self) -> f64 {
        match self.nature() {
            Nature::Motion(_) => 100.0,
            Nature::Field { .. } => 50.0,
            Nature::Scalar { .. } | Nature::NearOrFar => 5.0,
        }
    }

    const fn nature(self) -> Nature {
        match self {
            Self::Accelerometer => Nature::Field { strength: 9.806_65, deviation: 0.6, half_life_secs: 0.2 },
            Self::Gyroscope => Nature::Motion(fast(0.15)),
            Self::Magnetometer => Nature::Field { strength: 48.0, deviation: 1.5, half_life_secs: 5.0 },
            Self::Gravity => Nature::Field { strength: 9.806_65, deviation: 0.05, half_life_secs: 2.0 },
            Self::LinearAcceleration => Nature::Motion(fast(0.6)),
            Self::Light => scalar(320.0, 90.0, 20.0, 0.0, 100_000.0),
            Self::Pressure => scalar(1_013.25, 0.8, 120.0, 300.0, 1_100.0),
            Self::Proximity => Nature::NearOrFar,
            Self::Temperature => scalar(23.5, 0.6, 120.0, -40.0, 85.0),
            Self::Humidity => scalar(45.0, 3.0, 120.0, 0.0, 100.0),
        }
    }

    const fn has_axes(self) -> bool {
        matches!(self.nature(), Nature::Motion(_) | Nature::Field { .. })
    }
}

impl Sensors {
    pub(super) fn schema(&self) -> Schema {
        use FieldKind::{Float, Text, Timestamp};
        let head = [("time", Timestamp), ("device", Text)];
        let values: &[_] = if self.sensor.has_axes() {
            &[("x", Float), ("y", Float), ("z", Float)]
        } else {
            &[("value", Float)]
        };
        Schema::of(self.sensor.name(), &[&head, values].concat())
    }
}

/// How a sensor's signal behaves.
enum Nature {
    /// Three axes around zero.
    Motion(Shape),
    /// Three axes around a vector of a known length, which points anywhere.
    Field { strength: f64, deviation: f64, half_life_secs: f64 },
    /// One value within the range of the instrument.
    Scalar { shape: Shape, low: f64, high: f64 },
    /// Something is near now and then.
    NearOrFar,
}

const fn fast(deviation: f64) -> Shape {
    Shape { mean: 0.0, deviation, half_life_secs: 0.2 }
}

const fn scalar(mean: f64, deviation: f64, half_life_secs: f64, low: f64, high: f64) -> Nature {
    Nature::Scalar { shape: Shape { mean, deviation, half_life_secs }, low, high }
}

#[derive(Clone, Debug)]
pub(super) struct State {
    sensor: Sensor,
    phones: Vec<Phone>,
    turn: usize,
}

#[derive(Clone, Debug)]
struct Phone {
    name: Arc<str>,
    /// One signal, or one for each axis.
    signals: Vec<Drift>,
    since: Since,
}

impl State {
    pub(super) fn new(config: &Sensors, instance: u32, rng: &mut Rng) -> Self {
        let first = u64::from(instance) * u64::from(config.devices);
        let phones = (first..first + u64::from(config.devices)).map(|id| Phone {
            name: format!("phone-{id}").into(),
            signals: signals(config.sensor, rng),
            since: Since::default(),
        });
        Self { sensor: config.sensor, phones: phones.collect(), turn: 0 }
    }

    pub(super) fn fill(&mut self, at: Time, rng: &mut Rng, row: &mut Row) {
        let turn = take_turn(&mut self.turn, self.phones.len());
        let phone = &mut self.phones[turn];
        let seconds = phone.since.step(at);
        row.extend([timestamp(at), Value::Text(Arc::clone(&phone.name))]);
        for signal in &mut phone.signals {
            row.push(Value::Float(reading(self.sensor, signal.step(seconds, rng))));
        }
    }
}

fn signals(sensor: Sensor, rng: &mut Rng) -> Vec<Drift> {
    match sensor.nature() {
        Nature::Motion(shape) => vec![Drift::new(shape); 3],
        Nature::Field { strength, deviation, half_life_secs } => direction(rng)
            .map(|part| Drift::new(Shape { mean: strength * part, deviation, half_life_secs }))
            .into(),
        Nature::Scalar { shape, .. } => vec![Drift::new(shape)],
        Nature::NearOrFar => vec![Drift::new(Shape { mean: 0.0, deviation: 1.0, half_life_secs: 5.0 })],
    }
}

/// What the instrument shows for a signal.
fn reading(sensor: Sensor, signal: f64) -> f64 {
    match sensor.nature() {
        Nature::Motion(_) | Nature::Field { .. } => rounded(signal, 4),
        Nature::Scalar { low, high, .. } => rounded(signal.clamp(low, high), 2),
        Nature::NearOrFar => {
            if signal > 1.3 {
                0.0
            } else {
                5.0
            }
        }
    }
}

/// A vector of length 1 that points anywhere, no way more likely than another.
fn direction(rng: &mut Rng) -> [f64; 3] {
    let vector = [(); 3].map(|()| rng.normal());
    let length = vector.iter().map(|part| part * part).sum::<f64>().sqrt();
    if length > 0.0 { vector.map(|part| part / length) } else { [0.0, 0.0, 1.0] }
}
