//! What can be seen of MQTT: connections and sessions, subscriptions, and each packet of the handshakes that carry a
//! record. The life of the record itself is told in [`super::Life`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::RecordId;
use super::stage::GroupId;

/// Quality of service: how many handshakes a PUBLISH takes. MQTT 5, 4.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Qos {
    /// QoS 0: PUBLISH, and no answer.
    #[default]
    AtMostOnce,
    /// QoS 1: PUBLISH, PUBACK.
    AtLeastOnce,
    /// QoS 2: PUBLISH, PUBREC, PUBREL, PUBCOMP.
    ExactlyOnce,
}

impl Qos {
    /// 0, 1 or 2.
    pub fn level(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
            Self::ExactlyOnce => 2,
        }
    }

    /// From 0, 1 or 2; none for what MQTT calls a malformed packet.
    pub fn of(level: u8) -> Option<Self> {
        [Self::AtMostOnce, Self::AtLeastOnce, Self::ExactlyOnce].into_iter().find(|qos| qos.level() == level)
    }
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parting {
    /// The client said DISCONNECT.
    Asked,
    /// The client's process died, and its socket with it.
    Died,
    /// The connection broke, or the server ended it: what the client was told.
    Broken(Arc<str>),
}

/// An answer to a PUBLISH, or to the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// QoS 1: it is taken.
    PubAck,
    /// QoS 2, first part: it is taken.
    PubRec,
    /// QoS 2, last part: its packet identifier is free again.
    PubComp,
}

/// One thing that an MQTT client saw or did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Mqtt {
    /// CONNACK: the client is connected.
    Connected {
        /// Whether the server still has the client's session.
        session_present: bool,
        /// How many QoS 1 and 2 messages the server takes before it answers one: its Receive Maximum.
        receive_maximum: u16,
    },
    /// The connection is gone.
    Disconnected {
        /// How.
        how: Parting,
    },
    /// The client could not connect, and tries again. Told once for each row of failures.
    Unreachable {
        /// What it was told.
        why: Arc<str>,
    },
    /// SUBACK.
    Subscribed {
        /// The filter, as it was sent.
        filter: Arc<str>,
        /// The highest QoS of what will come; none when the subscription was refused.
        granted: Option<Qos>,
    },
    /// The client sent PUBLISH.
    Published {
        /// Which record.
        record: RecordId,
        /// The packet identifier; 0 at QoS 0.
        packet: u16,
        /// At which QoS.
        qos: Qos,
        /// Whether it had been sent before.
        dup: bool,
    },
    /// The server answered a PUBLISH of this client.
    Answered {
        /// Which record.
        record: RecordId,
        /// The packet identifier.
        packet: u16,
        /// With what.
        with: Answer,
        /// Whether any subscription matched, as far as the server says (reason code 0x10).
        matched: bool,
    },
    /// A PUBLISH reached the client.
    Received {
        /// Which record.
        record: RecordId,
        /// The group that the client reads for.
        group: GroupId,
        /// The packet identifier; 0 at QoS 0.
        packet: u16,
        /// At which QoS.
        qos: Qos,
        /// Whether the server had sent it before.
        dup: bool,
        /// Whether it is the retained message of its topic, sent because the subscription is new.
        retain: bool,
    },
    /// A PUBLISH at QoS 2 reached the client again within its session: it was not handed over again.
    Recognised {
        /// Which record.
        record: RecordId,
        /// The packet identifier.
        packet: u16,
    },
    /// This client answered a PUBLISH.
    Replied {
        /// Which record; none when the client does not know any more, because its process is a new one.
        record: Option<RecordId>,
        /// The packet identifier.
        packet: u16,
        /// With what.
        with: Answer,
    },
    /// The will of a client reached this one.
    Will {
        /// Whose will.
        of: Arc<str>,
        /// Its topic.
        topic: Arc<str>,
        /// Whether it is the retained message of its topic.
        retain: bool,
    },
    /// No room in the publishing client: the application waits.
    Blocked,
    /// There is room again.
    Unblocked,
}
