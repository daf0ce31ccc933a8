//! `sensors`: what a phone's sensors report.

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
    /// Distance to the nearest thing, cm.
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
