//! Where along a run something notable happened.

use crate::kernel::Time;
use crate::observe::Watch;
use crate::trace::Weight;
use crate::tui::{Direction, Moment, Spot};

/// Moments kept at most.
const MOMENTS: usize = 20_000;

/// The notable facts of a run, and the faults among them.
#[derive(Default)]
pub(in crate::cli) struct Moments(Vec<(u64, Time, Moment)>);

impl Moments {
    /// Takes in the lines that have come since the last call.
    pub(in crate::cli) fn note(&mut self, watch: &Watch) {
        let seen = self.0.last().map_or(0, |(serial, ..)| *serial);
        let new = watch.lines().rev().take_while(|line| line.serial > seen);
        let kind = |weight| if weight == Weight::Fault { Moment::Fault } else { Moment::Notable };
        let mut new: Vec<_> = new.map(|line| (line.serial, line.at, kind(line.weight))).collect();
        new.reverse();
        self.0.extend(new);
        if self.0.len() > MOMENTS {
            let mut index = 0;
            self.0.retain(|(.., kind)| {
                index += 1;
                *kind == Moment::Fault || index > MOMENTS / 2 || index % 2 == 0
            });
            self.0.drain(..self.0.len().saturating_sub(MOMENTS));
        }
    }

    /// Those up to a fact.
    pub(in crate::cli) fn upto(&self, fact: u64) -> Self {
        Self(self.0.iter().filter(|(serial, ..)| *serial <= fact).copied().collect())
    }

    /// The nearest moment of a kind after a fact, or before it.
    pub(in crate::cli) fn find(&self, from: u64, wanted: Moment, direction: Direction) -> Option<Spot> {
        let fits = |(_, _, kind): &&(u64, Time, Moment)| wanted == Moment::Notable || *kind == wanted;
        let found = match direction {
            Direction::Forward => {
                let after = self.0.partition_point(|(serial, ..)| *serial <= from);
                self.0[after..].iter().find(fits)
            }
            Direction::Back => {
                let upto = self.0.partition_point(|(serial, ..)| *serial < from);
                self.0[..upto].iter().rfind(fits)
            }
        };
        found.map(|(serial, at, _)| Spot::Fact(*serial, *at))
    }
}
