//! `track`: the average position of each track (by key) over windows that do not overlap.
//!
//! Longitudes are averaged as differences from the window's first, so that a track may cross the date line.

use crate::kernel::{Duration, Time};

use super::super::row::{Field, FieldKind, Row, Schema, Value, rounded};
use super::windowed::head;
use super::windows::{Closed, Windows};
use super::{Emitted, OperationError, position_of};

#[derive(Clone, Debug)]
pub(super) struct Track {
    latitude: usize,
    longitude: usize,
    speed: usize,
    windows: Windows<Fixes>,
}

#[derive(Clone, Debug)]
struct Fixes {
    count: u32,
    latitudes: f64,
    first_longitude: f64,
    /// The sum of the differences from the first.
    longitudes: f64,
    speeds: f64,
}

impl Track {
    pub(super) fn bind(
        input: &Schema,
        every: Duration,
        lateness: Duration,
    ) -> Result<(Self, Schema), OperationError> {
        let place = |field| position_of(input, field, &[FieldKind::Float], "a track has floats there");
        let (latitude, longitude, speed) = (place("latitude")?, place("longitude")?, place("speed")?);
        let windows = Windows::new(every, every, lateness)?;
        let mut schema = head("track");
        let floats = ["latitude", "longitude", "speed"].map(|name| Field::required(name, FieldKind::Float));
        schema.fields.extend(floats);
        schema.fields.push(Field::required("fixes", FieldKind::Int));
        Ok((Self { latitude, longitude, speed, windows }, schema))
    }

    pub(super) fn apply(&mut self, key: Option<&[u8]>, at: Time, row: &Row, out: &mut Vec<Emitted>) {
        let fix = [self.latitude, self.longitude, self.speed].map(|place| row[place].as_number());
        // A fix without a position is none.
        let [Some(latitude), Some(longitude), Some(speed)] = fix else { return };
        let empty =
            || Fixes { count: 0, latitudes: 0.0, first_longitude: longitude, longitudes: 0.0, speeds: 0.0 };
        let gather = |fixes: &mut Fixes| {
            fixes.count += 1;
            fixes.latitudes += latitude;
            fixes.longitudes += short_way(longitude - fixes.first_longitude);
            fixes.speeds += speed;
        };
        self.windows.add(key, at, empty, gather, |closed| out.push(emitted(closed)));
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

/// A difference of longitudes within ±180 degrees.
fn short_way(degrees: f64) -> f64 {
    if degrees > 180.0 {
        degrees - 360.0
    } else if degrees < -180.0 {
        degrees + 360.0
    } else {
        degrees
    }
}

fn emitted(closed: Closed<Fixes>) -> Emitted {
    let (fixes, count) = (&closed.gathered, f64::from(closed.gathered.count));
    let longitude = short_way(fixes.first_longitude + fixes.longitudes / count);
    let mut row = Row::from(closed.bounds());
    row.push(closed.key_text());
    row.extend([
        Value::Float(rounded(fixes.latitudes / count, 7)),
        Value::Float(rounded(longitude, 7)),
        Value::Float(rounded(fixes.speeds / count, 3)),
        Value::Int(i64::from(fixes.count)),
    ]);
    Emitted { event_time: closed.event_time(), row, key: closed.key }
}
