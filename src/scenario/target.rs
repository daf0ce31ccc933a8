//! Whom a fault strikes, as a file says it: a name, a list, or a role.

use std::fmt;

use crate::fault::catalogue::Sort;

/// Whom a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `broker-k`, counted from 1.
    Broker(u32),
    /// `all brokers`
    AllBrokers,
    /// `a random broker`: one of those that are not down.
    RandomBroker,
    /// `leader of orders-3`: whoever leads this partition when it happens.
    LeaderOf {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
    },
    /// `a follower of orders-3`: one of those in service that hold this partition and do not lead it.
    FollowerOf {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
    },
    /// `coordinator of billing`: the broker that coordinates this group.
    CoordinatorOf(String),
    /// `billing-2`: an instance; `billing`: every instance of an entry.
    Instance(String),
    /// `a random member of billing`: one of the instances of a group or an entry that are not down.
    MemberOf(String),
    /// `controller`: the active one.
    Controller,
    /// `controller quorum`: so many controllers that there is no majority.
    Quorum,
    /// `everything`
    Everything,
}

/// The beginnings of roles that name something else.
pub const ROLES: &[&str] = &["leader of", "follower of", "coordinator of", "member of", "random member of"];
/// Words that stand for themselves.
pub const WORDS: &[&str] = &["all brokers", "random broker", "controller", "controller quorum", "everything"];

impl Target {
    /// Reads what a file says; none when it is neither a name nor a role.
    pub fn read(text: &str) -> Option<Self> {
        let text =
            ["the ", "a ", "an "].iter().find_map(|article| text.strip_prefix(article)).unwrap_or(text);
        match text {
            "all brokers" => return Some(Self::AllBrokers),
            "random broker" => return Some(Self::RandomBroker),
            "controller" | "active controller" => return Some(Self::Controller),
            "controller quorum" => return Some(Self::Quorum),
            "everything" => return Some(Self::Everything),
            _ => {}
        }
        if let Some((role, of)) = text.split_once(" of ") {
            return Self::role(role, of.trim());
        }
        if text.contains(' ') {
            return None;
        }
        match text.strip_prefix("broker-").map(str::parse) {
            Some(Ok(number)) => Some(Self::Broker(number)),
            Some(Err(_)) | None => Some(Self::Instance(text.to_owned())),
        }
    }

    fn role(role: &str, of: &str) -> Option<Self> {
        let place = || {
            let (topic, partition) = of.rsplit_once('-')?;
            Some((topic.to_owned(), partition.parse().ok()?))
        };
        match role {
            "leader" => place().map(|(topic, partition)| Self::LeaderOf { topic, partition }),
            "follower" | "random follower" => {
                place().map(|(topic, partition)| Self::FollowerOf { topic, partition })
            }
            "coordinator" => Some(Self::CoordinatorOf(of.to_owned())),
            "member" | "random member" | "instance" | "random instance" => {
                Some(Self::MemberOf(of.to_owned()))
            }
            _ => None,
        }
    }

    /// Whether brokers have to be asked who it is.
    pub fn is_role(&self) -> bool {
        match self {
            Self::LeaderOf { .. } | Self::FollowerOf { .. } | Self::CoordinatorOf(_) => true,
            Self::Broker(_)
            | Self::AllBrokers
            | Self::RandomBroker
            | Self::Instance(_)
            | Self::MemberOf(_)
            | Self::Controller
            | Self::Quorum
            | Self::Everything => false,
        }
    }

    /// What sort of target it is.
    pub fn sort(&self) -> Sort {
        match self {
            Self::Broker(_)
            | Self::AllBrokers
            | Self::RandomBroker
            | Self::LeaderOf { .. }
            | Self::FollowerOf { .. }
            | Self::CoordinatorOf(_) => Sort::Broker,
            Self::Instance(_) | Self::MemberOf(_) => Sort::Instance,
            Self::Controller => Sort::Controller,
            Self::Quorum => Sort::Quorum,
            Self::Everything => Sort::Everything,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(number) => write!(f, "broker-{number}"),
            Self::AllBrokers => f.write_str("all brokers"),
            Self::RandomBroker => f.write_str("a random broker"),
            Self::LeaderOf { topic, partition } => write!(f, "leader of {topic}-{partition}"),
            Self::FollowerOf { topic, partition } => write!(f, "a follower of {topic}-{partition}"),
            Self::CoordinatorOf(group) => write!(f, "coordinator of {group}"),
            Self::Instance(name) => f.write_str(name),
            Self::MemberOf(of) => write!(f, "a random member of {of}"),
            Self::Controller => f.write_str("controller"),
            Self::Quorum => f.write_str("controller quorum"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back() {
        let place = || ("my-topic".to_owned(), 3);
        let all = [
            Target::Broker(2),
            Target::AllBrokers,
            Target::RandomBroker,
            Target::LeaderOf { topic: place().0, partition: place().1 },
            Target::FollowerOf { topic: place().0, partition: place().1 },
            Target::CoordinatorOf("billing".to_owned()),
            Target::Instance("billing-2".to_owned()),
            Target::MemberOf("billing".to_owned()),
            Target::Controller,
            Target::Quorum,
            Target::Everything,
        ];
        for target in all {
            assert_eq!(Target::read(&target.to_string()), Some(target));
        }
    }

    #[test]
    fn articles_are_free_and_nonsense_is_nothing() {
        assert_eq!(Target::read("the leader of orders-0"), Target::read("leader of orders-0"));
        assert_eq!(Target::read("random member of billing"), Target::read("a random member of billing"));
        for nonsense in ["boss of orders-0", "leader of orders", "leader of orders-x", "the broker"] {
            assert_eq!(Target::read(nonsense).filter(|it| !matches!(it, Target::Instance(_))), None);
        }
    }
}
