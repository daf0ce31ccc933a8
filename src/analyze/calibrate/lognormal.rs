//! The law of one way, from the law of there and back: both ways are lognormal and independent.

/// The 99 % quantile of the standard normal law.
const NORMAL_P99: f64 = 2.326_347_874_040_840_8;

/// Median and 99th percentile of one way, when `median` and `p99` are those of the sum of two. None when they are not
/// in order of size.
pub fn one_way(median: f64, p99: f64) -> Option<(f64, f64)> {
    if median <= 0.0 || p99 < median {
        return None;
    }
    let sigma = sigma(p99 / median);
    let one = median / sum_quantile(sigma, 0.5);
    Some((one, one * libm::exp(sigma * NORMAL_P99)))
}

/// The shape of both ways, when the 99th percentile of their sum is so many times its median.
fn sigma(ratio: f64) -> f64 {
    let spread = |sigma: f64| sum_quantile(sigma, 0.99) / sum_quantile(sigma, 0.5);
    bisect(0.001, 3.0, |sigma| spread(sigma) < ratio)
}

/// The quantile of the sum of two lognormals of median 1 and shape `sigma`.
fn sum_quantile(sigma: f64, part: f64) -> f64 {
    bisect(0.0, 4.0 * libm::exp(4.0 * sigma), |z| sum_law(sigma, z) < part)
}

/// How probable it is that the sum is not above `z`: over all values of the first way.
fn sum_law(sigma: f64, z: f64) -> f64 {
    const STEPS: usize = 240;
    const REACH: f64 = 6.0;
    let width = 2.0 * REACH / STEPS as f64;
    let at = |step: usize| -REACH + (step as f64 + 0.5) * width;
    let part = |u: f64| {
        let rest = z - libm::exp(sigma * u);
        if rest <= 0.0 {
            return 0.0;
        }
        let density = libm::exp(-0.5 * u * u) / (2.0 * std::f64::consts::PI).sqrt();
        density * normal_law(libm::log(rest) / sigma)
    };
    (0..STEPS).map(|step| part(at(step)) * width).sum()
}

fn normal_law(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// Where `below` turns from true to false.
fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..36 {
        let middle = (low + high) / 2.0;
        if below(middle) { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Duration, Law, Rng};

    #[test]
    fn the_law_of_one_way_is_found_from_draws_of_both() {
        let law = Law::lognormal(Duration::from_micros(150), Duration::from_micros(750));
        let mut rng = Rng::named(7, "both ways");
        let mut sums: Vec<u64> =
            (0..200_000).map(|_| (law.sample(&mut rng) + law.sample(&mut rng)).as_nanos()).collect();
        sums.sort_unstable();
        let quantile = |part: usize| sums[sums.len() * part / 100] as f64;
        let (median, p99) = one_way(quantile(50), quantile(99)).expect("they are in order");
        assert!((median / 150e3 - 1.0).abs() < 0.02, "{median}");
        assert!((p99 / 750e3 - 1.0).abs() < 0.05, "{p99}");
    }

    #[test]
    fn what_is_always_the_same_is_half_of_both() {
        let (median, p99) = one_way(200.0, 200.0).expect("they are in order");
        assert!((median - 100.0).abs() < 0.5 && (p99 - 100.0).abs() < 1.0, "{median} {p99}");
        assert_eq!(one_way(200.0, 100.0), None);
        assert_eq!(one_way(0.0, 0.0), None);
    }
}
