//! Why: from an outcome back to its causes, told in the systems' own terms.
//!
//! A run is looked at twice, because what matters to a record is known only when its fate is: [`Outcomes`] notes who
//! came to grief and what happened to the system; [`Incident`]s are formed; [`Evidence`] gathers the lives of their
//! examples; [`story()`] tells them.
//!
//! **Invariant.** All of it is a function of facts and of the scenario's settings. It needs no simulation: a recorded
//! run of real brokers could feed it.
//!
//! **Not modelled:** when a follower fetched is not in the stream. Who had a copy is told by the high watermark when
//! the producer was answered, and by the log ends with which brokers take over and follow afterwards.

mod evidence;
mod incident;
mod lag;
mod outcome;
mod page;
mod panel;
mod promise;
mod remedy;
mod root;
mod say;
mod scene;
mod step;
mod story;

use serde::Serialize;

use crate::kernel::Event;
use crate::trace::{Fact, Reason, RecordId};

pub use evidence::{Evidence, merge};
pub use incident::{Cluster, Incident, Stretch, clusters};
pub use lag::{Flow, LagCause, Rise};
pub use outcome::{Outcomes, Phase, Refusal, Trouble, Victim};
pub use page::{page, why_box};
pub use panel::{Tried, first_incident, panel, short};
pub use promise::{About, about, broken, is_worth_asking, to_ask};
pub use remedy::{Remedy, acks_all, idempotence, in_flight, more_members, more_replicas, one, reader};
pub use root::{Annals, Mechanism, Root};
pub use say::records;
pub use scene::Scene;
pub use step::{Blow, Legality, Step, What};
pub use story::{Focus, story};

/// The version of the answer's shape.
pub const SCHEMA: &str = "brokersim.why/1";

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Why {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// The digest of the run that is explained.
    pub digest: String,
    /// What the reader has to know first.
    pub warnings: Vec<String>,
    /// Trouble that nobody asked about: how many records of each kind.
    pub besides: Vec<(Trouble, u64)>,
    /// What producers were told no about, when nothing in particular is asked for.
    pub refused: Vec<Refused>,
    /// The records that were asked for.
    pub records: Vec<RecordStory>,
    /// The kinds of trouble that were asked for.
    pub asked: Vec<Asked>,
    /// The largest rise of lag of each group that was asked for.
    pub rises: Vec<Rise>,
}

/// Records that were refused for one reason, or that a producer gave up waiting for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Why.
    pub why: Reason,
    /// How many.
    pub records: u64,
    /// The first of them: `shop:500`.
    pub example: String,
}

impl Refused {
    /// `500 records refused: timestamp outside the topic's bounds; the first is shop:500`
    pub fn sentence(&self) -> String {
        let (records, why) = (say::records(self.records), self.why.means());
        format!("{records} refused: {why}; the first is {}", self.example)
    }
}

/// A kind of trouble.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// Which.
    pub trouble: Trouble,
    /// How many records, those that are not told included.
    pub records: u64,
    /// By cause, the largest first.
    pub incidents: Vec<Incident>,
}

/// A record that was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct RecordStory {
    /// `shop:1841`
    pub record: String,
    /// What became of it, and why.
    pub headline: String,
    /// Its story.
    pub steps: Vec<Step>,
    /// The misfortunes it had.
    pub incidents: Vec<Incident>,
}

/// The whole stream looked at once: for runs that fit into memory, and for a live run's worst incident.
pub fn worst(scene: &Scene, outcomes: &Outcomes, lives: Vec<Event<Fact>>) -> Option<Incident> {
    let annals = Annals { scene, events: outcomes.annals() };
    let cluster = clusters(outcomes.victims(), annals).into_iter().next()?;
    let events = merge(outcomes.annals(), lives);
    Some(cluster.tell(scene, &events))
}

/// The records whose lives a second look has to gather.
pub fn to_follow(clusters: &[Cluster]) -> Vec<RecordId> {
    clusters.iter().map(|cluster| cluster.example().id).collect()
}
