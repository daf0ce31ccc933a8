//! `ticks`: exchange tickers. Each asset's price is a geometric random walk.

/// Exchange tickers of several assets, one record per asset in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticks {
    /// The assets, at least one. Well-known ones begin at a believable price, others at 100.
    pub assets: Vec<String>,
    /// Volatility per year as a fraction of the price: 0.6 is 60 %.
    pub volatility: f64,
}
