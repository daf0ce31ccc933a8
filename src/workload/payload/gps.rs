//! `gps`: moving tracks.

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
