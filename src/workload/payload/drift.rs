//! A smooth random signal around a mean: a first-order autoregressive process in irregular steps.

use crate::kernel::{Rng, Time};

/// Where a signal tends, how far it strays, and how soon it returns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) mean: f64,
    /// Standard deviation in the long run.
    pub(super) deviation: f64,
    /// The time after which half of a deflection is gone, in seconds; above zero.
    pub(super) half_life_secs: f64,
}

/// An AR(1) process whose coefficient follows the time between steps.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    shape: Shape,
    value: f64,
}

impl Drift {
    pub(super) fn new(shape: Shape) -> Self {
        assert!(shape.half_life_secs > 0.0, "a signal takes some time to return");
        Self { shape, value: shape.mean }
    }

    /// The signal `seconds` after the last step.
    pub(super) fn step(&mut self, seconds: f64, rng: &mut Rng) -> f64 {
        // A rational stand-in for the exponential: half after a half-life, no libm on the hot path.
        let kept = 1.0 / (1.0 + seconds / self.shape.half_life_secs);
        let noise = self.shape.deviation * (1.0 - kept * kept).sqrt() * rng.normal();
        self.value = self.shape.mean + (self.value - self.shape.mean) * kept + noise;
        self.value
    }
}

/// The time of the last record of a speaker.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Since(Option<Time>);

impl Since {
    /// Seconds since the last call; zero the first time.
    pub(super) fn step(&mut self, at: Time) -> f64 {
        let last = self.0.replace(at).unwrap_or(at);
        at.since(last).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(seconds: f64) -> (f64, f64) {
        let mut drift = Drift::new(Shape { mean: 5.0, deviation: 2.0, half_life_secs: 1.0 });
        let mut rng = Rng::named(4, "drift");
        let values: Vec<f64> = (0..200_000).map(|_| drift.step(seconds, &mut rng)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        (mean, (square / values.len() as f64).sqrt())
    }

    #[test]
    fn a_signal_strays_as_far_as_it_says_whatever_the_step() {
        for seconds in [0.1, 1.0, 10.0] {
            let (mean, deviation) = spread(seconds);
            assert!((mean - 5.0).abs() < 0.1 && (deviation - 2.0).abs() < 0.1, "{mean} ± {deviation}");
        }
    }
}
