//! How long to wait before the next try: exponential, with jitter (KIP-580).

use crate::kernel::{Duration, Rng};

/// An exponential backoff of base 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    jitter_percent: u64,
}

impl Backoff {
    /// Kafka's jitter, `RETRY_BACKOFF_JITTER`: a fifth either way.
    const JITTER_PERCENT: u64 = 20;

    /// The first wait, and the bound that later ones double towards. Jitter of 20 % comes on top of the
    /// bound, as in Kafka's `ExponentialBackoff`. A `max` below `initial` is the same as `initial`.
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max: max.max(initial), jitter_percent: Self::JITTER_PERCENT }
    }

    /// The same without jitter.
    #[cfg(test)]
    pub fn exact(initial: Duration, max: Duration) -> Self {
        Self { jitter_percent: 0, ..Self::new(initial, max) }
    }

    /// The wait after `attempts` earlier waits: 0 is the first.
    pub fn wait(&self, attempts: u32, rng: &mut Rng) -> Duration {
        let term = (self.initial * (1 << attempts.min(40))).min(self.max);
        let spread = (term / 100 * self.jitter_percent).as_nanos();
        if spread == 0 {
            return term;
        }
        Duration::from_nanos(term.as_nanos() - spread + rng.below(2 * spread + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn exponential_backoff_without_jitter() {
        let backoff = Backoff::exact(ms(100), ms(400));
        let mut rng = Rng::named(1, "backoff");
        let waits = [0, 1, 2, 3, 60].map(|attempt| backoff.wait(attempt, &mut rng));
        assert_eq!(waits, [ms(100), ms(200), ms(400), ms(400), ms(400)]);
    }

    #[test]
    fn exponential_backoff() {
        let backoff = Backoff::new(ms(100), ms(2_000));
        let mut rng = Rng::named(1, "backoff");
        for attempt in 0..10 {
            let middle = ms((100 << attempt.min(30)).min(2_000));
            let (low, high) = (middle / 100 * 80, middle / 100 * 120);
            let waits: Vec<_> = (0..1_000).map(|_| backoff.wait(attempt, &mut rng)).collect();
            let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(*least >= low && *most <= high, "attempt {attempt}: {least}..{most}");
            assert!(*least < middle && *most > middle, "jitter goes both ways");
        }
    }

    #[test]
    fn a_bound_below_the_first_wait_is_the_first_wait() {
        let backoff = Backoff::exact(ms(50), ms(10));
        assert_eq!(backoff.wait(3, &mut Rng::named(1, "")), ms(50));
    }
}
