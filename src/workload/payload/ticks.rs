//! `ticks`: exchange tickers. Each asset's price is a geometric random walk.
//!
//! **Not modelled:** order books, correlation between assets, jumps, opening hours.

use std::sync::Arc;

use crate::kernel::{Rng, Time};

use super::super::row::{FieldKind, Row, Schema, Value, rounded};
use super::drift::Since;
use super::{take_turn, timestamp};

/// Exchange tickers of several assets, one record per asset in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticks {
    /// The assets, at least one. Well-known ones begin at a believable price, others at 100.
    pub assets: Vec<String>,
    /// Volatility per year as a fraction of the price: 0.6 is 60 %; from 0 to 100.
    pub volatility: f64,
}

impl Default for Ticks {
    /// Eight well-known assets at 60 % a year.
    fn default() -> Self {
        Self { assets: OPENINGS.map(|(asset, _)| asset.to_owned()).into(), volatility: 0.6 }
    }
}

impl Ticks {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.assets.is_empty() {
            Err("ticks are about at least one asset")
        } else if !(0.0..=100.0).contains(&self.volatility) {
            Err("volatility is a fraction a year, from 0 to 100")
        } else {
            Ok(())
        }
    }
}

/// Opening prices, in dollars: of the right order of magnitude, not of any day.
const OPENINGS: [(&str, f64); 8] = [
    ("BTC", 64_000.0),
    ("ETH", 3_200.0),
    ("SOL", 150.0),
    ("BNB", 580.0),
    ("XRP", 0.52),
    ("ADA", 0.45),
    ("DOGE", 0.13),
    ("LTC", 72.0),
];

const SECONDS_PER_YEAR: f64 = 31_557_600.0;

pub(super) fn schema() -> Schema {
    use FieldKind::{Float, Text, Timestamp};
    Schema::of(
        "ticks",
        &[
            ("time", Timestamp),
            ("asset", Text),
            ("bid", Float),
            ("ask", Float),
            ("last", Float),
            ("volume", Float),
        ],
    )
}

#[derive(Clone, Debug)]
pub(super) struct State {
    assets: Vec<Asset>,
    turn: usize,
    volatility_per_root_second: f64,
}

#[derive(Clone, Debug)]
struct Asset {
    name: Arc<str>,
    price: f64,
    decimals: u32,
    /// Units traded in a typical second.
    typical_volume: f64,
    since: Since,
}

impl State {
    pub(super) fn new(config: &Ticks) -> Self {
        let volatility_per_root_second = config.volatility / SECONDS_PER_YEAR.sqrt();
        let assets = config.assets.iter().map(|name| Asset::new(name)).collect();
        Self { assets, turn: 0, volatility_per_root_second }
    }

    pub(super) fn fill(&mut self, at: Time, rng: &mut Rng, row: &mut Row) {
        let turn = take_turn(&mut self.turn, self.assets.len());
        let asset = &mut self.assets[turn];
        asset.walk(self.volatility_per_root_second, at, rng);
        row.extend([timestamp(at), Value::Text(Arc::clone(&asset.name))]);
        row.extend(asset.quote(rng).map(Value::Float));
    }
}

impl Asset {
    fn new(name: &str) -> Self {
        let price = OPENINGS.iter().find(|(known, _)| *known == name).map_or(100.0, |(_, price)| *price);
        // Five significant digits and more, as exchanges quote.
        let decimals = if price >= 10.0 { 2 } else { 5 };
        // About $50,000 a second.
        Self { name: name.into(), price, decimals, typical_volume: 50_000.0 / price, since: Since::default() }
    }

    fn walk(&mut self, volatility_per_root_second: f64, at: Time, rng: &mut Rng) {
        let deviation = volatility_per_root_second * self.since.step(at).sqrt();
        // Itô: without the drift term the price itself, not its logarithm, would tend upwards.
        self.price *= libm::exp(deviation * rng.normal() - deviation * deviation / 2.0);
    }

    /// Bid, ask, last price and volume.
    fn quote(&self, rng: &mut Rng) -> [f64; 4] {
        let step = 1.0 / if self.decimals == 2 { 100.0 } else { 100_000.0 };
        let half_spread = self.price * (0.000_05 + 0.000_05 * rng.unit());
        let bid = rounded(self.price - half_spread, self.decimals);
        let ask = rounded(self.price + half_spread, self.decimals).max(rounded(bid + step, self.decimals));
        let last = if rng.chance(0.5) { bid } else { ask };
        let volume = self.typical_volume * libm::exp(0.8 * rng.normal() - 0.32);
        [bid, ask, last, rounded(volume, 4)]
    }
}
