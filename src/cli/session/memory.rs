//! What a run by the clock leaves behind for whoever asks why: it cannot be made again, so its facts are kept.
//!
//! Bounded: the last [`EVENTS`] facts. Who came to grief, and what happened to the system, is known from the beginning; of a
//! record whose life lies further back than the facts that are kept, the end is told.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::analyze::why::{Evidence, Flow, Outcomes, Scene, Why};
use crate::cli::why::LATE;
use crate::kernel::{Duration, Event, Observer};
use crate::lab::{Head, Question, Seen, Unknown, tell};
use crate::observe::ledger::Closed;
use crate::observe::promise::Verdict;
use crate::trace::{Fact, RecordId, Stage};

/// Facts kept.
const EVENTS: usize = 300_000;

/// The facts of a run, as far as they are kept.
#[derive(Clone)]
pub(in crate::cli) struct Memory {
    scene: Arc<Scene>,
    name: String,
    seed: u64,
    outcomes: Outcomes,
    flow: Flow,
    events: VecDeque<Event<Fact>>,
    /// The last fact that was seen.
    last: u64,
}

impl Memory {
    /// Of a run that has not begun and takes so long.
    pub(in crate::cli) fn new(
        scene: Scene,
        name: &str,
        seed: u64,
        stage: &Arc<Stage>,
        length: Duration,
    ) -> Self {
        Self {
            scene: Arc::new(scene),
            name: name.to_owned(),
            seed,
            outcomes: Outcomes::new(Arc::clone(stage), LATE),
            flow: Flow::new(Arc::clone(stage), length),
            events: VecDeque::new(),
            last: 0,
        }
    }

    /// Takes in records that have left the ledger.
    pub(in crate::cli) fn closed(&mut self, closed: &[Closed]) {
        self.outcomes.closed(closed.to_vec());
    }

    /// Tells why, as far as it is known; `promises` is what came of them so far.
    pub(super) fn tell(
        &self,
        question: &Question,
        ids: &[RecordId],
        promises: &[Verdict],
    ) -> Result<Why, Unknown> {
        let head = Head { scenario: &self.name, seed: self.seed, digest: "", promises };
        let seen = Seen { scene: &self.scene, outcomes: &self.outcomes, flow: &self.flow, head };
        let mut why = tell(&seen, question, ids, |follow| {
            let mut evidence = Evidence::new(follow);
            let (older, newer) = self.events.as_slices();
            evidence.observe(older);
            evidence.observe(newer);
            Ok(evidence.into_events())
        })?;
        if self.events.len() == EVENTS {
            why.warnings.push(format!(
                "of a record that was offered before {} only what came later is told: the last {EVENTS} facts are kept",
                self.events.front().map_or_else(String::new, |event| event.at.to_string())
            ));
        }
        Ok(why)
    }
}

impl Observer<Fact> for Memory {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events.iter().filter(|event| event.serial > self.last) {
            let one = std::slice::from_ref(event);
            self.outcomes.observe(one);
            self.flow.observe(one);
            if self.events.len() == EVENTS {
                self.events.pop_front();
            }
            self.events.push_back(event.clone());
        }
        self.last = events.last().map_or(self.last, |event| event.serial.max(self.last));
    }
}
