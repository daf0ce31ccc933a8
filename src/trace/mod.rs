//! What can be seen: the life of a record, told in the same words by every system, and what each system
//! adds in its own.
//!
//! **Invariant.** Facts are data: they serialise, compare and travel. Losses, duplicates, order, latency
//! and lag are computed from the neutral ones ([`Life`]) alone, once for all systems.

mod few;
mod injected;
pub mod kafka;
mod life;
pub mod mqtt;
mod record;
mod row;
mod stage;
mod tell;
pub mod zeromq;

use serde::Serialize;

use crate::kernel::{Digest, Physics};

pub use few::Few;
pub use injected::{Commanded, Injected, Missed, Phase, SkippedFault, Whom};
pub use life::{Life, Reason, Reign};
pub use record::{Batch, Body, Ids, KeyNames, Record, RecordId, Run, Span};
pub use row::{Beside, FactRow, LegRow, Peer, RecordRow, WrittenRow, variant_name};
pub use stage::{Channel, ChannelId, Group, GroupId, PlaceId, Stage};
pub use tell::{Told, Weight, reason_name, state_name, tell, whom_name};

/// Everything that can be seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Fact {
    /// What the kernel reports: crashes, cuts.
    Physics(Physics),
    /// The life of records.
    Life(Life),
    /// What Kafka does.
    Kafka(kafka::Kafka),
    /// What ZeroMQ does.
    ZeroMq(zeromq::ZeroMq),
    /// What MQTT does.
    Mqtt(mqtt::Mqtt),
    /// What was made to go wrong, in the scenario's own words.
    Injected(Injected),
    /// What became of a command for a real broker.
    Commanded(Commanded),
}

impl Fact {
    /// Takes it into a digest. Nearly all facts are steps in the life of records, for which there is a shorter way to the
    /// words of their serialised form.
    #[inline]
    pub fn feed(&self, digest: &mut Digest) {
        let is_fed = matches!(self, Self::Life(life) if life.feed_common(digest));
        if !is_fed {
            digest.feed(self);
        }
    }
}

impl From<Physics> for Fact {
    fn from(fact: Physics) -> Self {
        Self::Physics(fact)
    }
}
impl From<Life> for Fact {
    fn from(fact: Life) -> Self {
        Self::Life(fact)
    }
}
impl From<kafka::Kafka> for Fact {
    fn from(fact: kafka::Kafka) -> Self {
        Self::Kafka(fact)
    }
}
impl From<zeromq::ZeroMq> for Fact {
    fn from(fact: zeromq::ZeroMq) -> Self {
        Self::ZeroMq(fact)
    }
}
impl From<mqtt::Mqtt> for Fact {
    fn from(fact: mqtt::Mqtt) -> Self {
        Self::Mqtt(fact)
    }
}
impl From<Injected> for Fact {
    fn from(fact: Injected) -> Self {
        Self::Injected(fact)
    }
}
impl From<Commanded> for Fact {
    fn from(fact: Commanded) -> Self {
        Self::Commanded(fact)
    }
}
