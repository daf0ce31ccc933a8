//! What generators were asked for by the clock, and what they came to.
//!
//! Under virtual time a generator offers what its schedule says, unless its client blocks. A machine may be too
//! slow for a schedule, and a run must say so: its figures are not those that were asked for.

use crate::host::BEHIND;
use crate::kernel::{ActorId, Cast, Event, Observer, Time};
use crate::scenario::Scenario;
use crate::scenario::scenario::{Generator, Schedule};
use crate::trace::{Fact, Life};
use crate::workload::Pattern;

/// What was asked for and what came, for each generator whose rate does not change.
pub(super) struct Offers {
    asked: Vec<Asked>,
}

struct Asked {
    name: String,
    actors: Vec<ActorId>,
    /// Records a second, of all instances.
    rate: f64,
    /// A rate is an average: so many records more or less mean nothing.
    by_chance: bool,
    from: Time,
    to: Time,
    /// What was offered in time.
    offered: u64,
}

impl Offers {
    /// Nothing offered yet.
    pub(super) fn new(scenario: &Scenario, cast: &Cast) -> Self {
        let end = Time::ZERO + scenario.run.duration;
        let asked = scenario.generators.iter().filter_map(|generator| Asked::new(generator, cast, end));
        Self { asked: asked.collect() }
    }

    /// Sentences about those that came short, in a run that has come to `now`.
    pub(super) fn notes(&self, now: Time) -> Vec<String> {
        self.asked.iter().filter_map(|asked| asked.note(now)).collect()
    }
}

impl Asked {
    fn new(generator: &Generator, cast: &Cast, end: Time) -> Option<Self> {
        let Schedule::Ready(arrivals) = &generator.arrivals else { return None };
        let (rate, by_chance) = match arrivals.pattern {
            Pattern::Constant { rate } => (rate, false),
            Pattern::Poisson { rate } => (rate, true),
            Pattern::OnOff { .. } | Pattern::Daily { .. } | Pattern::Ramp { .. } | Pattern::Replay { .. } => {
                return None;
            }
        };
        if generator.stop_after.is_some() {
            return None;
        }
        let is_one = |actor: &str| {
            actor.strip_prefix(generator.name.as_str()).is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
            })
        };
        let actors = (0..).map(ActorId).zip(&cast.actors).filter(|(_, (name, _))| is_one(name));
        Some(Self {
            name: generator.name.clone(),
            actors: actors.map(|(id, _)| id).take(generator.instances as usize).collect(),
            rate: rate * f64::from(generator.instances),
            by_chance,
            from: generator.presence.start,
            to: generator.presence.stop.unwrap_or(end).min(end),
            offered: 0,
        })
    }

    fn note(&self, now: Time) -> Option<String> {
        let seconds = self.to.min(now).since(self.from).as_secs_f64();
        let asked = self.rate * seconds;
        let chance = if self.by_chance { 4.0 * asked.sqrt() } else { 0.0 };
        if seconds <= 0.0 || self.offered as f64 >= 0.99 * asked - chance - 1.0 {
            return None;
        }
        let achieved = self.offered as f64 / seconds;
        Some(format!(
            "{} offered {achieved:.0} records a second of {:.0} asked for: it was down, its client blocked, or this machine was too slow",
            self.name, self.rate
        ))
    }
}

impl Observer<Fact> for Offers {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            if let Fact::Life(Life::Offered { records, .. }) = &event.fact
                && let Some(asked) = self.asked.iter_mut().find(|asked| asked.actors.contains(&event.actor))
                && event.at <= asked.to + BEHIND
            {
                asked.offered += u64::from(*records);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(by_chance: bool, offered: u64) -> Asked {
        let (from, to) = (Time::from_secs(1), Time::from_secs(3));
        Asked { name: "shop".into(), actors: Vec::new(), rate: 5_000.0, by_chance, from, to, offered }
    }

    #[test]
    fn what_comes_short_is_told_with_both_rates() {
        assert_eq!(asked(false, 9_950).note(Time::from_secs(9)), None);
        let note = asked(false, 8_000).note(Time::from_secs(9)).expect("a fifth is missing");
        assert!(note.starts_with("shop offered 4000 records a second of 5000 asked for"), "{note}");
    }

    #[test]
    fn a_run_that_ended_early_is_asked_for_what_there_was_time_for() {
        assert_eq!(asked(false, 5_000).note(Time::from_secs(2)), None);
        assert!(asked(false, 4_000).note(Time::from_secs(2)).is_some());
        assert_eq!(asked(false, 0).note(Time::from_secs(1)), None);
    }

    #[test]
    fn chance_is_no_shortfall() {
        assert_eq!(asked(true, 9_600).note(Time::from_secs(9)), None);
        assert!(asked(true, 9_000).note(Time::from_secs(9)).is_some());
    }
}
