//! The screens and their panes.
//!
//! Room is left for Queues (AMQP), MQTT, ZeroMQ and Compare: a page is a row here, a list of panes, and a file in
//! `view/`. A run shows the pages that it has: [`super::Model::pages`].

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    /// From producers through brokers to groups, and what is wrong.
    Overview,
    /// Partitions: leaders, replicas, logs.
    Topics,
    /// Groups: lag, members, rebalances.
    Groups,
    /// Records, and the way of one of them.
    Messages,
    /// What went wrong when, and which promises broke.
    Faults,
}

impl Page {
    /// All, in the order of their keys.
    pub const ALL: [Self; 5] = [Self::Overview, Self::Topics, Self::Groups, Self::Messages, Self::Faults];

    /// Its name in the second row.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Topics => "Topics",
            Self::Groups => "Groups",
            Self::Messages => "Messages",
            Self::Faults => "Faults",
        }
    }

    /// The same where there is little room.
    pub fn short_title(self) -> &'static str {
        match self {
            Self::Overview => "Over",
            Self::Messages => "Msgs",
            Self::Topics | Self::Groups | Self::Faults => self.title(),
        }
    }

    /// Its name for commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Topics => "topics",
            Self::Groups => "groups",
            Self::Messages => "messages",
            Self::Faults => "faults",
        }
    }

    /// The page of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|page| page.name() == name)
    }

    /// Its panes, the first of which has the focus at first.
    pub fn panes(self) -> &'static [Pane] {
        match self {
            Self::Overview => &[Pane::Flow, Pane::Promises, Pane::Events, Pane::Rates],
            Self::Topics => &[Pane::Partitions, Pane::Topics, Pane::Roles, Pane::Logs, Pane::Settings],
            Self::Groups => &[Pane::Groups, Pane::Lag, Pane::Members, Pane::Rebalances],
            Self::Messages => &[Pane::Records, Pane::Record, Pane::Trace],
            Self::Faults => &[Pane::Lanes, Pane::FaultList, Pane::Causes],
        }
    }
}

/// A part of a screen that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// From producers through brokers to groups.
    Flow,
    /// Promises and counters.
    Promises,
    /// Notable lines.
    Events,
    /// Rates of the last minute, and lag by group.
    Rates,
    /// The channels.
    Topics,
    /// The partitions of the chosen channel.
    Partitions,
    /// Leader and in-sync set of the chosen partition over time.
    Roles,
    /// Its logs, replica by replica.
    Logs,
    /// The settings that matter to it.
    Settings,
    /// The groups.
    Groups,
    /// Lag of the chosen group over time.
    Lag,
    /// Its members.
    Members,
    /// Its rebalances.
    Rebalances,
    /// Records.
    Records,
    /// The chosen record.
    Record,
    /// Its way.
    Trace,
    /// Nodes and promises over time.
    Lanes,
    /// Faults.
    FaultList,
    /// Broken promises, and what led to it.
    Causes,
}

impl Pane {
    /// What its rows can be sorted by; the first is the order at first.
    pub fn orders(self) -> &'static [&'static str] {
        match self {
            Self::Partitions => &["P", "GAP", "RATE", "LEO", "FLAGS"],
            Self::Topics => &["NAME", "RATE", "URP"],
            Self::Groups => &["LAG", "NAME", "TREND", "BEHIND"],
            Self::Records => &["PLACE", "TIME", "KEY", "LATE"],
            Self::Record => &["DECODED", "TEXT", "HEX"],
            Self::Flow
            | Self::Promises
            | Self::Events
            | Self::Rates
            | Self::Roles
            | Self::Logs
            | Self::Settings
            | Self::Lag
            | Self::Members
            | Self::Rebalances
            | Self::Trace
            | Self::Lanes
            | Self::FaultList
            | Self::Causes => &[""],
        }
    }

    /// Whether its rows have more than one order.
    pub fn is_sorted(self) -> bool {
        self != Self::Record && self.orders().len() > 1
    }

    /// Whether it has rows, one of which is chosen.
    pub fn has_rows(self) -> bool {
        self.opens() || self == Self::Settings
    }

    /// Whether its rows can be filtered.
    pub fn has_filter(self) -> bool {
        match self {
            Self::Events
            | Self::Topics
            | Self::Partitions
            | Self::Groups
            | Self::Settings
            | Self::Records
            | Self::FaultList => true,
            Self::Flow
            | Self::Promises
            | Self::Rates
            | Self::Roles
            | Self::Logs
            | Self::Lag
            | Self::Members
            | Self::Rebalances
            | Self::Record
            | Self::Trace
            | Self::Lanes
            | Self::Causes => false,
        }
    }

    /// Whether a row can be opened.
    pub fn opens(self) -> bool {
        match self {
            Self::Events
            | Self::Topics
            | Self::Partitions
            | Self::Groups
            | Self::Members
            | Self::Rebalances
            | Self::Records
            | Self::Trace
            | Self::FaultList
            | Self::Causes => true,
            Self::Flow
            | Self::Promises
            | Self::Rates
            | Self::Roles
            | Self::Logs
            | Self::Settings
            | Self::Lag
            | Self::Record
            | Self::Lanes => false,
        }
    }

    /// Whether there is another way to show it.
    pub fn has_views(self) -> bool {
        match self {
            Self::Groups | Self::Lag | Self::Records | Self::Record | Self::Trace => true,
            Self::Flow
            | Self::Promises
            | Self::Events
            | Self::Rates
            | Self::Topics
            | Self::Partitions
            | Self::Roles
            | Self::Logs
            | Self::Settings
            | Self::Members
            | Self::Rebalances
            | Self::Lanes
            | Self::FaultList
            | Self::Causes => false,
        }
    }
}
