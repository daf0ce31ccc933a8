//! The catalogue of faults: what can go wrong, for whom, and with which parameters.
//!
//! **Invariant.** This table is the one truth about kinds of faults: the judge, the JSON Schema, the listing and
//! the documents are made from it. A new kind is a row here, a [`Strike`] and its arms in the injector.

use crate::kernel::{Burden, Crash, Duration};
use crate::wire::fault::{Direction, Position, Severing, Strike};
use crate::wire::operator::{PerMille, Skew, ToApplication};

/// A kind of fault.
#[derive(Debug)]
pub struct Kind {
    /// Its name: the key of a `[[fault]]` whose value is the target.
    pub name: &'static str,
    /// What happens, in one line.
    pub about: &'static str,
    /// What it is about.
    pub area: Area,
    /// Whom it may strike.
    pub takes: &'static [Sort],
    /// What an instance that it strikes has to do.
    pub side: Side,
    /// The names of parameters that it needs.
    pub needs: &'static [&'static str],
    /// The names of parameters that it may have.
    pub may: &'static [&'static str],
    /// Whether it is taken back.
    pub lasts: Lasts,
    /// Whether `[faults.random]` may draw it.
    pub random: bool,
    /// What is done, given the parameters.
    pub strike: fn(&Parameters) -> Strike,
}

/// What a kind is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Processes, and the machines under them.
    Process,
    /// Processors and disks.
    Machine,
    /// Paths between nodes.
    Network,
    /// Applications, beyond their processes, and topics.
    Application,
    /// Faults themselves.
    Plan,
}

/// Sorts of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Brokers, by name or role.
    Broker,
    /// Instances of generators, processors and sinks, by name or role.
    Instance,
    /// The active controller.
    Controller,
    /// The controllers' majority.
    Quorum,
    /// `everything`
    Everything,
    /// An entry as a whole, by its name.
    Entry,
    /// A topic, by its name.
    Topic,
    /// A group, by its name.
    Group,
}

/// Which instances a kind is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// All.
    Any,
    /// Those that read: processors and sinks.
    Readers,
    /// Those that make records: generators.
    Generators,
}

/// Whether a kind has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// It is over when it has happened: `for` means nothing.
    Never,
    /// Until `for` is over, or for good.
    May,
    /// `for` has to be said.
    Must,
}

/// A parameter of faults.
#[derive(Debug)]
pub struct Parameter {
    /// The key.
    pub name: &'static str,
    /// What its value is.
    pub value: Value,
    /// What it says, in one line.
    pub about: &'static str,
}

/// What the value of a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number from 1 to 1,000,000.
    Factor,
    /// A length of time above zero.
    Period,
    /// Bytes a second.
    Bandwidth,
    /// `both`, `in` or `out`.
    Direction,
    /// One target or several.
    Targets,
    /// A whole number above zero.
    Count,
    /// Events in a time.
    Rate,
    /// `earliest` or `latest`.
    Position,
}

/// The parameters of a fault; what was not written has its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// `factor`, in thousandths.
    pub factor: u32,
    /// `by`
    pub by: Duration,
    /// `limit`, bytes a second.
    pub limit: u64,
    /// `direction`
    pub direction: Direction,
    /// `records`
    pub records: u32,
    /// `to`, how many there are to be.
    pub to: u32,
    /// `settle`
    pub settle: Duration,
    /// `for`; zero when it is not said.
    pub lasts: Duration,
    /// `rate`, in thousandths of a record a second.
    pub rate: u64,
    /// `position`
    pub position: Position,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            factor: 10_000,
            by: Duration::from_millis(100),
            limit: 1 << 20,
            direction: Direction::Both,
            records: 1,
            to: 1,
            settle: Duration::from_secs(300),
            lasts: Duration::ZERO,
            rate: 1_000,
            position: Position::Earliest,
        }
    }
}

/// All parameters.
pub static PARAMETERS: &[Parameter] = &[
    Parameter { name: "factor", value: Value::Factor, about: "how many times slower, or as often" },
    Parameter {
        name: "by",
        value: Value::Period,
        about: "how much: longer a message takes, wrong a clock is",
    },
    Parameter { name: "limit", value: Value::Bandwidth, about: "what still passes" },
    Parameter { name: "records", value: Value::Count, about: "how many records; 1 unless said" },
    Parameter { name: "to", value: Value::Count, about: "how many there are then" },
    Parameter {
        name: "rate",
        value: Value::Rate,
        about: "how many records in which time, for each instance",
    },
    Parameter {
        name: "position",
        value: Value::Position,
        about: "where the group goes on: `earliest` or `latest`",
    },
    Parameter {
        name: "peers",
        value: Value::Targets,
        about: "the other ends of the paths; all other nodes unless said",
    },
    Parameter {
        name: "direction",
        value: Value::Direction,
        about: "`out` of the target, `in` to it, or `both`, as it is unless said",
    },
    Parameter {
        name: "settle",
        value: Value::Period,
        about: "how long to wait at most until a broker is back in every in-sync set; 5min unless said",
    },
];

const PROCESSES: &[Sort] = &[Sort::Broker, Sort::Instance, Sort::Controller, Sort::Quorum];
const BROKERS: &[Sort] = &[Sort::Broker];
const MACHINES: &[Sort] = &[Sort::Broker, Sort::Instance];
const NODES: &[Sort] = &[Sort::Broker, Sort::Instance, Sort::Controller];

const fn kind(
    area: Area,
    name: &'static str,
    takes: &'static [Sort],
    about: &'static str,
    strike: fn(&Parameters) -> Strike,
) -> Kind {
    let side = Side::Any;
    Kind { name, about, area, takes, side, needs: &[], may: &[], lasts: Lasts::May, random: true, strike }
}

const fn told(
    name: &'static str,
    side: Side,
    about: &'static str,
    strike: fn(&Parameters) -> Strike,
) -> Kind {
    Kind { side, ..kind(Area::Application, name, &[Sort::Instance], about, strike) }
}

/// Not to be taken back, and not to be drawn.
const fn for_good(kind: Kind) -> Kind {
    Kind { lasts: Lasts::Never, random: false, ..kind }
}

/// Every kind.
pub static KINDS: &[Kind] = &[
    kind(
        Area::Process,
        "kill",
        PROCESSES,
        "the process is killed; what it wrote to the page cache survives",
        |_| Strike::Crash(Crash::Process),
    ),
    kind(
        Area::Process,
        "power-loss",
        PROCESSES,
        "the machine loses power; what was not flushed to disk is lost, and its peers hear nothing",
        |_| Strike::Crash(Crash::Power),
    ),
    kind(
        Area::Process,
        "shutdown",
        BROKERS,
        "the broker is asked to end: its leaderships are moved first, and all is on disk; `for` counts from its end",
        |_| Strike::ShutDown,
    ),
    kind(
        Area::Process,
        "restart",
        BROKERS,
        "the broker is asked to end and started again, at once or after `for`",
        |_| Strike::Restart,
    ),
    Kind {
        may: &["settle"],
        random: false,
        ..kind(
            Area::Process,
            "rolling-restart",
            BROKERS,
            "brokers are restarted one by one, the next when the last is back in every in-sync set",
            |said| Strike::RollingRestart(said.settle),
        )
    },
    kind(
        Area::Process,
        "pause",
        PROCESSES,
        "the process stands still and keeps its connections (a long collection, SIGSTOP)",
        |_| Strike::Pause,
    ),
    Kind {
        needs: &["factor"],
        ..kind(Area::Machine, "slow-cpu", MACHINES, "all work takes `factor` times as long", |said| {
            Strike::SlowCpu(said.factor)
        })
    },
    Kind {
        needs: &["factor"],
        ..kind(
            Area::Machine,
            "slow-disk",
            BROKERS,
            "appends and flushes take `factor` times as long",
            |said| Strike::SlowDisk(said.factor),
        )
    },
    kind(
        Area::Machine,
        "full-disk",
        BROKERS,
        "nothing more can be written: a broker that tries halts, and cannot start; when it is over there is room \
         and it is started",
        |_| Strike::FullDisk,
    ),
    kind(
        Area::Machine,
        "lost-disk",
        BROKERS,
        "the process ends and everything on its disk is gone; it comes back empty",
        |_| Strike::Crash(Crash::DiskLoss),
    ),
    Kind {
        may: &["peers", "direction"],
        ..kind(
            Area::Network,
            "partition",
            NODES,
            "nothing passes between the targets and all others; among themselves they go on talking",
            |said| Strike::Sever(Severing::Partition, said.direction),
        )
    },
    Kind {
        may: &["peers", "direction"],
        ..kind(
            Area::Network,
            "blackhole",
            NODES,
            "nothing passes to or from each target and nobody is told: who waits, waits for a timeout",
            |said| Strike::Sever(Severing::Blackhole, said.direction),
        )
    },
    Kind {
        may: &["peers"],
        ..kind(
            Area::Network,
            "reset",
            NODES,
            "each target's connections are reset, and refused while it lasts",
            |_| Strike::Sever(Severing::Reset, Direction::Both),
        )
    },
    Kind {
        needs: &["by"],
        may: &["peers", "direction"],
        ..kind(Area::Network, "latency", NODES, "each message takes longer by `by`", |said| {
            Strike::Burden(Burden::Delay(said.by), said.direction)
        })
    },
    Kind {
        needs: &["by"],
        may: &["peers", "direction"],
        ..kind(
            Area::Network,
            "network-jitter",
            NODES,
            "each message takes longer by anything up to `by`",
            |said| Strike::Burden(Burden::Jitter(said.by), said.direction),
        )
    },
    Kind {
        needs: &["limit"],
        may: &["peers", "direction"],
        ..kind(Area::Network, "bandwidth", NODES, "no more than `limit` passes on each path", |said| {
            Strike::Burden(Burden::Bandwidth(said.limit), said.direction)
        })
    },
    Kind {
        needs: &["factor"],
        ..told("slow-handler", Side::Readers, "each record takes `factor` times as long to work on", |said| {
            tell(ToApplication::Slow(PerMille::new(said.factor)), ToApplication::Slow(PerMille::USUAL))
        })
    },
    told(
        "stuck-handler",
        Side::Readers,
        "handlers do not return; heartbeats go on, so that only max.poll.interval.ms notices",
        |_| tell(ToApplication::Stuck(true), ToApplication::Stuck(false)),
    ),
    Kind {
        needs: &["factor"],
        ..told("burst", Side::Generators, "records are offered `factor` times as often", |said| {
            tell(ToApplication::Burst(PerMille::new(said.factor)), ToApplication::Burst(PerMille::USUAL))
        })
    },
    Kind {
        needs: &["by"],
        ..told("clock-ahead", Side::Generators, "records carry timestamps that are `by` too late", |said| {
            tell(ToApplication::Skew(Skew::Ahead(said.by)), ToApplication::Skew(Skew::Ahead(Duration::ZERO)))
        })
    },
    Kind {
        needs: &["by"],
        ..told("clock-behind", Side::Generators, "records carry timestamps that are `by` too early", |said| {
            tell(ToApplication::Skew(Skew::Behind(said.by)), ToApplication::Skew(Skew::Ahead(Duration::ZERO)))
        })
    },
    Kind {
        may: &["records"],
        ..for_good(told(
            "poison",
            Side::Generators,
            "the next `records` records fail every handler; what that leads to is on-error of who reads them",
            |said| Strike::Tell { begins: ToApplication::Poison(said.records), ends: None },
        ))
    },
    Kind {
        may: &["records"],
        ..for_good(told(
            "produce",
            Side::Generators,
            "`records` records are offered at once, beside those of the schedule",
            |said| Strike::Tell { begins: ToApplication::Offer(said.records), ends: None },
        ))
    },
    Kind {
        needs: &["rate"],
        random: false,
        ..told(
            "change-rate",
            Side::Generators,
            "records are offered at `rate` from now on, whatever `arrivals` said; their pattern stays",
            |said| tell(ToApplication::Rate(said.rate), ToApplication::Burst(PerMille::USUAL)),
        )
    },
    Kind {
        random: false,
        ..told(
            "close",
            Side::Any,
            "it ends in good order: flushes, commits where that is automatic, leaves; begins again after `for`",
            |_| tell(ToApplication::Close, ToApplication::Join),
        )
    },
    for_good(kind(
        Area::Application,
        "add-member",
        &[Sort::Entry],
        "one more instance of an entry begins",
        |_| Strike::AddMember,
    )),
    for_good(kind(
        Area::Application,
        "remove-member",
        &[Sort::Entry],
        "the newest instance of an entry ends in good order",
        |_| Strike::RemoveMember,
    )),
    Kind {
        needs: &["to"],
        ..for_good(kind(
            Area::Application,
            "add-partitions",
            &[Sort::Topic],
            "the topic has `to` partitions from now on; clients learn of it within metadata.max.age.ms",
            |said| Strike::AddPartitions(said.to),
        ))
    },
    Kind {
        needs: &["position"],
        ..for_good(kind(
            Area::Application,
            "reset-offsets",
            &[Sort::Group],
            "the group's committed offsets are set to `position`; Kafka does that for a group without members",
            |said| Strike::ResetOffsets(said.position),
        ))
    },
    Kind {
        lasts: Lasts::Never,
        random: false,
        ..kind(
            Area::Plan,
            "heal",
            &[Sort::Everything, Sort::Broker, Sort::Instance, Sort::Controller],
            "whatever lasts on the target is taken back",
            |_| Strike::Heal,
        )
    },
];

/// Tells applications, and tells them when it is over.
const fn tell(begins: ToApplication, ends: ToApplication) -> Strike {
    Strike::Tell { begins, ends: Some(ends) }
}

/// The kind with this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The parameter with this name.
pub fn parameter(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name == name)
}

impl Kind {
    /// Whether it takes a parameter of this name.
    pub fn has(&self, parameter: &str) -> bool {
        self.needs.contains(&parameter) || self.may.contains(&parameter)
    }
}

impl Area {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "processes",
            Self::Machine => "machines",
            Self::Network => "network",
            Self::Application => "applications and topics",
            Self::Plan => "plan",
        }
    }
}

impl Sort {
    /// What it is called, and how it may be written.
    pub fn means(self) -> &'static str {
        match self {
            Self::Broker => "a broker",
            Self::Instance => "an instance of a generator, processor or sink",
            Self::Controller => "the controller",
            Self::Quorum => "the controllers' quorum",
            Self::Everything => "everything",
            Self::Entry => "an entry as a whole",
            Self::Topic => "a topic",
            Self::Group => "a group",
        }
    }

    /// How targets of this sort are written.
    pub fn examples(self) -> &'static str {
        match self {
            Self::Broker => {
                "\"broker-2\", \"leader of orders-0\", \"a follower of orders-0\", \
                 \"coordinator of billing\", \"a random broker\", \"all brokers\""
            }
            Self::Instance => "\"billing-2\", \"shop\", \"a random member of billing\"",
            Self::Controller => "\"controller\"",
            Self::Quorum => "\"controller quorum\"",
            Self::Everything => "\"everything\"",
            Self::Entry => "\"billing\"",
            Self::Topic => "\"orders\"",
            Self::Group => "\"billing\"",
        }
    }
}

impl Side {
    /// Which instances they are.
    pub fn means(self) -> &'static str {
        match self {
            Self::Any => "any instance",
            Self::Readers => "processors and sinks",
            Self::Generators => "generators",
        }
    }
}

impl Lasts {
    /// What is said of `for`.
    pub fn means(self) -> &'static str {
        match self {
            Self::Never => "no `for`",
            Self::May => "`for`: then it is taken back; never unless said",
            Self::Must => "`for` is needed",
        }
    }
}

/// The catalogue as a table for people.
pub fn to_table() -> String {
    let mut table = String::new();
    let mut area = None;
    for kind in KINDS {
        if area != Some(kind.area) {
            area = Some(kind.area);
            table.push_str(&format!("{}{}\n", if table.is_empty() { "" } else { "\n" }, kind.area.name()));
        }
        table.push_str(&format!("  {:<16} {}\n", kind.name, kind.about));
        let takes: Vec<_> = kind.takes.iter().map(|sort| sort.means()).collect();
        let needs = kind.needs.iter().map(|name| (*name).to_owned());
        let may = kind.may.iter().map(|name| format!("[{name}]"));
        let parameters: Vec<_> = needs.chain(may).collect();
        let only = if kind.side == Side::Any { String::new() } else { format!(" ({})", kind.side.means()) };
        table.push_str(&format!("  {:<16} strikes {}{only}; {}", "", takes.join(", "), kind.lasts.means()));
        if !parameters.is_empty() {
            table.push_str(&format!("; {}", parameters.join(" ")));
        }
        table.push('\n');
    }
    table.push_str("\nparameters\n");
    for parameter in PARAMETERS {
        table.push_str(&format!("  {:<16} {}\n", parameter.name, parameter.about));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_parameters_exist() {
        for (at, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..at].iter().all(|other| other.name != kind.name), "{} twice", kind.name);
            assert!(parameter(kind.name).is_none(), "{} is a parameter too", kind.name);
            assert!(!kind.takes.is_empty(), "{} strikes nobody", kind.name);
            for name in kind.needs.iter().chain(kind.may) {
                assert!(parameter(name).is_some(), "{} has no {name}", kind.name);
            }
        }
        assert!(PARAMETERS.iter().all(|parameter| KINDS.iter().any(|kind| kind.has(parameter.name))));
    }

    #[test]
    fn what_is_drawn_at_random_can_be_taken_back() {
        assert!(KINDS.iter().all(|kind| !kind.random || kind.lasts != Lasts::Never));
    }

    #[test]
    fn the_table_tells_of_every_kind() {
        let table = to_table();
        assert!(KINDS.iter().all(|kind| table.contains(kind.name) && table.contains(kind.about)));
    }
}
