//! When to ask for metadata: at the beginning, when they are known to be wrong, when they are old.
//!
//! Follows Kafka's `Metadata`: a request at a time, and never sooner than a backoff after the last answer;
//! the backoff grows with answers that fail or bring nothing new.

use super::backoff::Backoff;
use crate::kernel::{Rng, Time};

/// The state of asking.
#[derive(Clone, Debug)]
pub struct Refresh {
    wanted: bool,
    asked: bool,
    known: bool,
    allowed: Time,
    /// Answers in a row that brought nothing.
    barren: u32,
    backoff: Backoff,
}

impl Refresh {
    /// Nothing is known yet, and all is wanted.
    pub fn new(backoff: Backoff) -> Self {
        Self { wanted: true, asked: false, known: false, allowed: Time::ZERO, barren: 0, backoff }
    }

    /// What is known may be wrong.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// They are old: not a sign that asking brings nothing.
    pub fn age(&mut self) {
        (self.wanted, self.barren) = (true, 0);
    }

    /// A request was sent.
    pub fn asked(&mut self) {
        assert!(!self.asked, "one request at a time");
        self.asked = true;
    }

    /// An answer came; whether it brought news.
    pub fn answered(&mut self, news: bool, now: Time, rng: &mut Rng) {
        (self.asked, self.wanted, self.known) = (false, false, true);
        self.barren = if news { 0 } else { self.barren + 1 };
        self.rest(now, rng);
    }

    /// No answer will come.
    pub fn failed(&mut self, now: Time, rng: &mut Rng) {
        self.asked = false;
        self.barren += 1;
        self.rest(now, rng);
    }

    fn rest(&mut self, now: Time, rng: &mut Rng) {
        self.allowed = now + self.backoff.wait(self.barren.saturating_sub(1), rng);
    }

    /// When the next request may be sent; never when none is wanted or one is under way.
    pub fn due(&self) -> Time {
        if self.wanted && !self.asked { self.allowed } else { Time::NEVER }
    }

    /// Whether an answer ever came.
    pub fn known(&self) -> bool {
        self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Duration;

    #[test]
    fn answers_without_news_are_asked_for_less_and_less_often() {
        let ms = Duration::from_millis;
        let (mut refresh, mut rng) = (Refresh::new(Backoff::exact(ms(100), ms(1_000))), Rng::named(1, ""));
        assert_eq!(refresh.due(), Time::ZERO);
        let mut waits = Vec::new();
        for news in [true, false, false, false] {
            refresh.asked();
            assert_eq!(refresh.due(), Time::NEVER, "one at a time");
            refresh.answered(news, Time::ZERO, &mut rng);
            assert_eq!(refresh.due(), Time::NEVER, "nothing is wanted");
            refresh.want();
            waits.push(refresh.due().as_millis());
        }
        assert_eq!(waits, [100, 100, 200, 400]);
    }
}
