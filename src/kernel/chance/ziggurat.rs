//! The ziggurat method for exponential and normal variates (Marsaglia and Tsang 2000), 256 layers.
//!
//! Tables are computed once with `libm`, so their bits are the same everywhere.

use std::sync::LazyLock;

use super::Rng;

const LAYERS: usize = 256;

/// Where the exponential's tail begins, and the area of each layer.
const EXPONENTIAL: (f64, f64) = (7.697_117_470_131_05, 0.003_949_659_822_581_557);
/// The same for the half normal.
const NORMAL: (f64, f64) = (3.654_152_885_361_009, 0.004_928_673_233_974_655);

/// Right edges of the layers, and the density there; `x[0]` is wider than the tail's start.
struct Tables {
    x: [f64; LAYERS + 1],
    density: [f64; LAYERS + 1],
}

impl Tables {
    fn new((tail, area): (f64, f64), density: fn(f64) -> f64, inverse: fn(f64) -> f64) -> Self {
        let mut x = [0.0; LAYERS + 1];
        x[0] = area / density(tail);
        x[1] = tail;
        for layer in 2..LAYERS {
            x[layer] = inverse(density(x[layer - 1]) + area / x[layer - 1]);
        }
        Self { x, density: x.map(density) }
    }
}

static EXPONENTIAL_TABLES: LazyLock<Tables> =
    LazyLock::new(|| Tables::new(EXPONENTIAL, |x| libm::exp(-x), |y| -libm::log(y)));
static NORMAL_TABLES: LazyLock<Tables> =
    LazyLock::new(|| Tables::new(NORMAL, |x| libm::exp(-x * x / 2.0), |y| libm::sqrt(-2.0 * libm::log(y))));

/// The layer from the low 8 bits, and a number in `0.0..1.0` from the 53 high ones.
#[inline]
fn layer_and_unit(bits: u64) -> (usize, f64) {
    ((bits & 0xff) as usize, (bits >> 11) as i64 as f64 * (1.0 / (1u64 << 53) as f64))
}

#[inline]
pub(super) fn exponential(rng: &mut Rng) -> f64 {
    let x = &EXPONENTIAL_TABLES.x;
    let (layer, unit) = layer_and_unit(rng.bits());
    let drawn = unit * x[layer];
    // Well inside the layer 99 times in 100; the rest is kept apart, so that this much is worth inlining.
    if drawn < x[layer + 1] { drawn } else { exponential_at_the_edge(rng, layer, drawn) }
}

/// What is drawn when the first draw, `x` in `layer`, may lie outside of the density.
#[cold]
#[inline(never)]
fn exponential_at_the_edge(rng: &mut Rng, mut layer: usize, mut x: f64) -> f64 {
    let tables = &*EXPONENTIAL_TABLES;
    loop {
        if layer == 0 {
            return EXPONENTIAL.0 - libm::log(1.0 - rng.unit());
        }
        let (low, high) = (tables.density[layer], tables.density[layer + 1]);
        if low + (high - low) * rng.unit() < libm::exp(-x) {
            return x;
        }
        let unit;
        (layer, unit) = layer_and_unit(rng.bits());
        x = unit * tables.x[layer];
        if x < tables.x[layer + 1] {
            return x;
        }
    }
}

#[inline]
pub(super) fn normal(rng: &mut Rng) -> f64 {
    let x = &NORMAL_TABLES.x;
    let bits = rng.bits();
    let (layer, unit) = layer_and_unit(bits);
    let drawn = unit * x[layer];
    if drawn < x[layer + 1] { sign(bits) * drawn } else { normal_at_the_edge(rng, bits) }
}

/// What is drawn when the first draw, made of `bits`, may lie outside of the density.
#[cold]
#[inline(never)]
fn normal_at_the_edge(rng: &mut Rng, mut bits: u64) -> f64 {
    let tables = &*NORMAL_TABLES;
    loop {
        let (layer, unit) = layer_and_unit(bits);
        let x = unit * tables.x[layer];
        if x < tables.x[layer + 1] {
            return sign(bits) * x;
        }
        if layer == 0 {
            return sign(bits) * normal_tail(rng);
        }
        let (low, high) = (tables.density[layer], tables.density[layer + 1]);
        if low + (high - low) * rng.unit() < libm::exp(-x * x / 2.0) {
            return sign(bits) * x;
        }
        bits = rng.bits();
    }
}

/// The side of the normal: a bit that neither the layer nor the unit is made of.
#[inline]
fn sign(bits: u64) -> f64 {
    if bits & 0x100 == 0 { 1.0 } else { -1.0 }
}

/// Marsaglia's method for the normal beyond the last layer.
fn normal_tail(rng: &mut Rng) -> f64 {
    loop {
        let x = -libm::log(1.0 - rng.unit()) / NORMAL.0;
        let y = -libm::log(1.0 - rng.unit());
        if 2.0 * y >= x * x {
            return NORMAL.0 + x;
        }
    }
}
