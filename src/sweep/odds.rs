//! What a sample says: odds with an interval, medians.

use serde::Serialize;

/// How often something happened, and between which odds it then lies in 95 of 100 cases: Wilson's score interval,
/// which holds for rare events and few runs too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Odds {
    /// How often.
    pub happened: u64,
    /// In how many runs.
    pub runs: u64,
    /// `happened / runs`; 0 without runs.
    pub odds: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// The standard normal's 97.5 % quantile.
const Z: f64 = 1.959_963_984_540_054;

impl Odds {
    /// Something happened in so many of so many runs.
    ///
    /// # Panics
    /// When it happened more often than it could.
    pub fn of(happened: u64, runs: u64) -> Self {
        assert!(happened <= runs, "at most once a run");
        if runs == 0 {
            return Self { happened, runs, odds: 0.0, low: 0.0, high: 1.0 };
        }
        let (n, p) = (runs as f64, happened as f64 / runs as f64);
        let z2 = Z * Z;
        let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        // At the ends the bound is the end itself; rounding may not say otherwise.
        let low = if happened == 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if happened == runs { 1.0 } else { (middle + half).min(1.0) };
        Self { happened, runs, odds: p, low, high }
    }
}

/// Where nine of ten runs lie, and the one in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// One in twenty is not above.
    pub p5: f64,
    /// Half are not above.
    pub median: f64,
    /// 19 of 20 are not above.
    pub p95: f64,
}

impl Spread {
    /// Of these values, by nearest rank; none without values.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| values.get((values.len() * percent).div_ceil(100).max(1) - 1).copied();
        Some(Self { p5: rank(5)?, median: rank(50)?, p95: rank(95)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Wilson's interval from its closed form, computed with 50 digits.
    #[test]
    fn the_interval_is_wilsons() {
        for (happened, runs, low, high) in [
            (0, 10, 0.0, 0.277_532_799_862_9),
            (1, 10, 0.017_876_213_095_1, 0.404_150_026_795_2),
            (5, 10, 0.236_593_090_512_6, 0.763_406_909_487_4),
            (10, 10, 0.722_467_200_137_1, 1.0),
            (412, 1_000, 0.381_887_311_280_0, 0.442_786_198_213_5),
        ] {
            let odds = Odds::of(happened, runs);
            assert!((odds.low - low).abs() < 1e-9, "{happened}/{runs}: {odds:?}");
            assert!((odds.high - high).abs() < 1e-9, "{happened}/{runs}: {odds:?}");
            assert!(odds.low <= odds.odds && odds.odds <= odds.high);
        }
        assert_eq!(Odds::of(0, 0).high, 1.0);
    }

    #[test]
    fn a_median_is_one_of_the_values() {
        let spread = Spread::of((1..=100).rev().map(f64::from).collect()).expect("values");
        assert_eq!((spread.p5, spread.median, spread.p95), (5.0, 50.0, 95.0));
        assert_eq!(Spread::of(vec![7.0]).map(|spread| (spread.p5, spread.p95)), Some((7.0, 7.0)));
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
