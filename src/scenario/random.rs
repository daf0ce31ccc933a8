//! Random faults: a plan drawn from the seed.
//!
//! **Invariant.** The plan is a function of the scenario and its seed; nothing that happens in the run changes it.
//! Who holds a role is found out when a fault strikes.

use crate::fault::Strike;
use crate::fault::catalogue::{self, Kind, Parameters};
use crate::kernel::{Duration, Law, Rng, Time};

use super::scenario::{Fault, Scenario};
use super::target::Target;

/// `[faults.random]`
#[derive(Clone, Debug)]
pub struct RandomFaults {
    /// What may go wrong.
    pub kinds: Vec<&'static Kind>,
    /// For whom.
    pub targets: Vec<Target>,
    /// The mean time between two; memoryless.
    pub every: Duration,
    /// How long each lasts.
    pub lasts: Law,
    /// None strikes before this.
    pub from: Time,
    /// None strikes from this on.
    pub until: Time,
    /// When everything is taken back that lasts, if ever.
    pub heal_at: Option<Time>,
    /// How many last at once, at most.
    pub at_most: u32,
    /// How many of them take a broker down, at most.
    pub max_down: u32,
    /// What the kinds need to know.
    pub parameters: Parameters,
}

/// No plan is longer: a rate that would fill the memory is a mistake.
pub const LONGEST_PLAN: usize = 100_000;

impl Scenario {
    /// The faults that the seed gives, in order; none without `[faults.random]`.
    pub fn drawn_faults(&self) -> Vec<Fault> {
        self.random_faults.as_ref().map(|random| random.draw(self.run.seed)).unwrap_or_default()
    }

    /// All faults by number: those of the file in their order, then those that the seed gives, then those that a person
    /// injected, in the order of the file. So one that is added by hand leaves the numbers of the others as they are.
    pub fn all_faults(&self) -> Vec<Fault> {
        let (by_hand, of_file): (Vec<_>, Vec<_>) =
            self.faults.iter().cloned().partition(|fault| fault.by_hand);
        of_file.into_iter().chain(self.drawn_faults()).chain(by_hand).collect()
    }
}

impl RandomFaults {
    fn draw(&self, seed: u64) -> Vec<Fault> {
        let mut rng = Rng::named(seed, "faults/random");
        let pause = Law::Exponential { mean: self.every };
        let mut drawn: Vec<Fault> = Vec::new();
        let mut at = self.from;
        while drawn.len() < LONGEST_PLAN {
            at += pause.sample(&mut rng).max(Duration::from_nanos(1));
            if at >= self.until {
                break;
            }
            // The same draws whatever the limits, so that a limit takes faults away and leaves the others.
            if let Some(fault) = self.one(&mut rng, at)
                && self.is_within_limits(&drawn, &fault)
            {
                drawn.push(fault);
            }
        }
        drawn.extend(self.heal_at.map(|at| self.heal(at)));
        drawn
    }

    fn one(&self, rng: &mut Rng, at: Time) -> Option<Fault> {
        let kind = *pick(rng, &self.kinds)?;
        let lasts = self.lasts.sample(rng).max(Duration::from_nanos(1));
        let fitting: Vec<_> =
            self.targets.iter().filter(|target| kind.takes.contains(&target.sort())).collect();
        let target = (*pick(rng, &fitting)?).clone();
        let parameters = Parameters { lasts, ..self.parameters };
        Some(self.fault(at, kind, (kind.strike)(&parameters), target, Some(lasts)))
    }

    fn fault(
        &self,
        at: Time,
        kind: &'static Kind,
        strike: Strike,
        target: Target,
        lasts: Option<Duration>,
    ) -> Fault {
        let (again, jitter) = (None, Duration::ZERO);
        let (targets, peers) = (vec![target], Vec::new());
        Fault { at, kind, strike, targets, peers, lasts, again, jitter, by_hand: false }
    }

    fn heal(&self, at: Time) -> Fault {
        let kind = catalogue::find("heal").expect("the catalogue has it");
        self.fault(at, kind, Strike::Heal, Target::Everything, None)
    }

    fn is_within_limits(&self, drawn: &[Fault], next: &Fault) -> bool {
        let lasting = |fault: &&Fault| fault.lasts.is_none_or(|lasts| fault.at + lasts > next.at);
        let down = |fault: &&Fault| takes_down(fault);
        let at_once = drawn.iter().filter(lasting).count();
        let down_at_once = drawn.iter().filter(lasting).filter(down).count();
        at_once < self.at_most as usize && (!takes_down(next) || down_at_once < self.max_down as usize)
    }
}

fn takes_down(fault: &Fault) -> bool {
    fault.strike.takes_down() && fault.targets.iter().all(|target| !matches!(target, Target::Controller))
}

fn pick<'t, T>(rng: &mut Rng, of: &'t [T]) -> Option<&'t T> {
    (!of.is_empty()).then(|| &of[rng.below(of.len() as u64) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(at_most: u32, max_down: u32) -> RandomFaults {
        RandomFaults {
            kinds: ["kill", "pause", "latency"].iter().filter_map(|name| catalogue::find(name)).collect(),
            targets: vec![Target::RandomBroker, Target::Controller],
            every: Duration::from_secs(5),
            lasts: Law::Exponential { mean: Duration::from_secs(20) },
            from: Time::from_secs(10),
            until: Time::from_secs(3_000),
            heal_at: Some(Time::from_secs(3_010)),
            at_most,
            max_down,
            parameters: Parameters::default(),
        }
    }

    fn most_at_once(faults: &[Fault], of: impl Fn(&Fault) -> bool) -> usize {
        let ends = |fault: &Fault| fault.at + fault.lasts.unwrap_or(Duration::ZERO);
        let over = |at: Time| move |other: &&Fault| other.at <= at && ends(other) > at;
        faults
            .iter()
            .map(|fault| faults.iter().filter(over(fault.at)).filter(|fault| of(fault)).count())
            .max()
            .expect("some were drawn")
    }

    #[test]
    fn the_same_seed_draws_the_same_plan_and_another_one_another() {
        let times = |seed| random(3, 1).draw(seed).iter().map(|fault| fault.at).collect::<Vec<_>>();
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
    }

    #[test]
    fn limits_are_reached_and_not_passed() {
        for (at_most, max_down) in [(1, 1), (3, 1), (3, 2)] {
            let plan = random(at_most, max_down).draw(7);
            assert_eq!(most_at_once(&plan, |_| true), at_most as usize);
            assert_eq!(most_at_once(&plan, takes_down), max_down as usize);
        }
    }

    #[test]
    fn everything_strikes_in_its_time_and_healing_comes_last() {
        let plan = random(2, 1).draw(3);
        let (heal, faults) = plan.split_last().expect("some were drawn");
        assert_eq!((heal.strike, heal.at), (Strike::Heal, Time::from_secs(3_010)));
        assert!(faults.len() > 100);
        let times = Time::from_secs(10)..Time::from_secs(3_000);
        assert!(faults.iter().all(|fault| times.contains(&fault.at)));
    }
}
