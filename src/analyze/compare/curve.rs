//! Two series over one time grid, and how far apart they are.

use serde::Serialize;

/// Points of a grid.
pub const POINTS: usize = 120;

/// Two series over one grid that begins at zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// What it shows: `lag of billing`.
    pub name: String,
    /// Of its values.
    pub unit: &'static str,
    /// From one point to the next, in nanoseconds; the first point is one step after the beginning.
    pub step_ns: u64,
    /// Of the first run.
    pub a: Vec<f64>,
    /// Of the second.
    pub b: Vec<f64>,
}

impl Curve {
    /// The mean absolute difference of both series, as a part of the larger of both peaks; zero when both are zero
    /// everywhere.
    pub fn distance(&self) -> f64 {
        let peak = self.peak();
        let points = self.a.len().min(self.b.len());
        if peak <= 0.0 || points == 0 {
            return 0.0;
        }
        let apart: f64 = self.a.iter().zip(&self.b).map(|(a, b)| (a - b).abs()).sum();
        apart / points as f64 / peak
    }

    /// The highest point of both.
    pub fn peak(&self) -> f64 {
        self.a.iter().chain(&self.b).copied().fold(0.0, f64::max)
    }
}

/// The length of a step, when `end_ns` is cut into [`POINTS`].
pub fn step(end_ns: u64) -> u64 {
    (end_ns / POINTS as u64).max(1)
}

/// A series of samples at the points of a grid: at each the last sample that is not later; zero before the first.
pub fn sampled(series: &[(u64, u64)], step_ns: u64) -> Vec<f64> {
    let mut rest = series.iter().peekable();
    let mut value = 0;
    let at = |point: usize| (point as u64 + 1) * step_ns;
    (0..POINTS)
        .map(|point| {
            while let Some((_, later)) = rest.next_if(|(time, _)| *time <= at(point)) {
                value = *later;
            }
            value as f64
        })
        .collect()
}

/// How often something happened, as a rate per second in each step of a grid.
#[derive(Clone, Debug)]
pub struct Counter {
    step_ns: u64,
    counts: Vec<u64>,
}

impl Counter {
    /// Nothing yet.
    pub fn new(step_ns: u64) -> Self {
        Self { step_ns, counts: vec![0; POINTS] }
    }

    /// Once more, at this instant; what is behind the grid is left out.
    pub fn count(&mut self, at_ns: u64) {
        if let Some(count) = self.counts.get_mut((at_ns / self.step_ns) as usize) {
            *count += 1;
        }
    }

    /// Per second.
    pub fn rates(&self) -> Vec<f64> {
        self.counts.iter().map(|count| *count as f64 * 1e9 / self.step_ns as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(a: &[f64], b: &[f64]) -> Curve {
        Curve { name: "lag".into(), unit: "records", step_ns: 1, a: a.to_vec(), b: b.to_vec() }
    }

    #[test]
    fn the_distance_is_the_mean_difference_over_the_larger_peak() {
        assert_eq!(curve(&[0.0, 100.0, 50.0, 0.0], &[0.0, 80.0, 50.0, 0.0]).distance(), 0.05);
        assert_eq!(curve(&[0.0, 80.0], &[0.0, 100.0]).distance(), 0.1);
        assert_eq!(curve(&[1.0, 1.0], &[0.0, 0.0]).distance(), 1.0);
        assert_eq!(curve(&[0.0; 3], &[0.0; 3]).distance(), 0.0);
    }

    #[test]
    fn a_sample_holds_until_the_next() {
        let step = step(120_000);
        let points = sampled(&[(1_500, 7), (1_600, 9), (118_001, 3)], step);
        assert_eq!((step, points.len()), (1_000, POINTS));
        assert_eq!((points[0], points[1], points[116], points[117], points[118]), (0.0, 9.0, 9.0, 9.0, 3.0));
    }

    #[test]
    fn a_rate_is_counted_per_second() {
        let mut counter = Counter::new(500_000_000);
        [1, 2, 499_999_999, 500_000_000, u64::MAX].into_iter().for_each(|at| counter.count(at));
        assert_eq!(counter.rates()[..3], [6.0, 2.0, 0.0]);
    }
}
