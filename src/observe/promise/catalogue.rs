//! The catalogue: every promise that `[expect]` may name, in one table.
//!
//! **Invariant.** Each name is here once, with what it means, under which settings of the real system it holds, and
//! where that is written.

use serde::Serialize;

use super::verdict::Mode;

/// What the numbers of a promise count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// Records.
    Records,
    /// Events.
    Times,
}

impl Counts {
    /// `3 records`, `once`, `2 times`.
    pub fn words(self, count: u64) -> String {
        match (self, count) {
            (Self::Records, 1) => "1 record".to_owned(),
            (Self::Records, _) => format!("{count} records"),
            (Self::Times, 1) => "once".to_owned(),
            (Self::Times, _) => format!("{count} times"),
        }
    }

    /// `for 3 records`, `2 times`: after a verb.
    pub fn of(self, count: u64) -> String {
        match self {
            Self::Records => format!("for {}", self.words(count)),
            Self::Times => self.words(count),
        }
    }

    /// The key of `broken` that says how many.
    pub fn key(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Times => "times",
        }
    }
}

/// What may be said about a promise beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// `topic`: only this one.
    Topic,
    /// `group`: only this one.
    Group,
    /// `time`: its bound, always needed.
    Time,
    /// `time` or `records`: its bound, exactly one of them.
    TimeOrRecords,
    /// `records`: how much lag counts as none; what was usual before the first fault unless said.
    Usual,
}

/// Whose facts a promise is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Every messaging system.
    Any,
    /// Those whose readers tell the system what they are done with: Kafka, MQTT.
    Settling,
    /// Kafka.
    Kafka,
}

/// An entry of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which promise.
    pub promise: Promise,
    /// Its name in files.
    pub name: &'static str,
    /// What it says, in one line.
    pub about: &'static str,
    /// What it means exactly, in a paragraph.
    pub means: &'static str,
    /// Under which settings the real system keeps it; for what happens, what makes it happen.
    pub holds: &'static str,
    /// Where that is written.
    pub source: &'static str,
    /// The words of `[expect]` that it may stand under.
    pub modes: &'static [Mode],
    /// What may be said about it.
    pub parameters: &'static [Parameter],
    /// What its number counts.
    pub counts: Counts,
    /// Which system it is about.
    pub system: System,
    /// A line for `[expect]`.
    pub example: &'static str,
}

impl Entry {
    /// Whether it may stand under this word.
    pub fn takes(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }

    /// Whether something may be said about it.
    pub fn has(&self, parameter: Parameter) -> bool {
        self.parameters.contains(&parameter)
    }

    /// Whether `records` is a bound of it rather than a number that broke it.
    pub fn bounds_records(&self) -> bool {
        self.has(Parameter::TimeOrRecords) || self.has(Parameter::Usual)
    }

    /// Whether its witnesses have causes.
    pub fn has_causes(&self) -> bool {
        matches!(self.promise, Promise::AcceptedIsNotLost | Promise::NothingSkipped | Promise::NothingRefused)
    }
}

const SAFETY: &[Mode] = &[Mode::Always, Mode::Broken];
const STATE: &[Mode] = &[Mode::Always, Mode::Eventually, Mode::Broken];
const ENDS: &[Mode] = &[Mode::Eventually, Mode::Broken];
const EVENT: &[Mode] = &[Mode::Sometimes];

use Parameter::{Group, Time, TimeOrRecords, Topic, Usual};

macro_rules! catalogue {
    ($($promise:ident {
        name: $name:literal, modes: $modes:expr, parameters: $parameters:expr, counts: $counts:ident, system: $system:ident,
        about: $about:literal,
        means: $means:literal,
        holds: $holds:literal,
        source: $source:literal,
        example: $example:literal,
    })*) => {
        /// A promise, or something that may happen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Promise {
            $(#[doc = $about] $promise,)*
        }

        /// All of them: first what must not break, then what may happen.
        pub static CATALOGUE: &[Entry] = &[$(Entry {
            promise: Promise::$promise,
            name: $name,
            about: $about,
            means: $means,
            holds: $holds,
            source: $source,
            modes: $modes,
            parameters: $parameters,
            counts: Counts::$counts,
            system: System::$system,
            example: $example,
        }),*];
    };
}

catalogue! {
    AcceptedIsNotLost {
        name: "accepted-is-not-lost", modes: SAFETY, parameters: &[Topic], counts: Records, system: Any,
        about: "what the system has accepted, it keeps",
        means: "A record that its producer was told is accepted does not vanish from the system: no election, crash or closed pipe takes it away before every group that reads it is done with it. Counted are the records that the books call lost with a cause on the system's side (leader-election, unclean-election, power-loss, not-acknowledged), and accepted ones that a system without a log dropped. What a group passes by itself is nothing-skipped; what is told a timeout was not accepted.",
        holds: "acks=all, min.insync.replicas >= 2, replication.factor >= 3, unclean.leader.election.enable=false, and at most min.insync.replicas - 1 machines that lose power. acks=1 loses the tail that followers had not fetched when a leader dies; acks=0 promises unseen. ZeroMQ keeps it while no peer dies.",
        source: "Kafka documentation: acks, min.insync.replicas; KIP-966; Jepsen's lost-write; oracle 13 rows 1-4, 7-9, 11-13",
        example: "broken = [{ promise = \"accepted-is-not-lost\", records = 3, causes = { leader-election = 3 } }]",
    }
    NothingSkipped {
        name: "nothing-skipped", modes: SAFETY, parameters: &[Topic, Group], counts: Records, system: Any,
        about: "no group goes past a record that it has not processed",
        means: "Every committed record is processed by every group that reads its topic before the group goes on for good: no offset is committed over unprocessed records that the group has left behind (committed-unprocessed), no reset jumps over them (offset-reset), no retention deletes them first (retention).",
        holds: "offsets are committed after processing (commit = \"after\", or auto-commit in a plain poll loop), auto.offset.reset=earliest, retention longer than the longest lag.",
        source: "Kafka documentation: delivery semantics, auto.offset.reset; oracle 13 rows 21, 24-26, 29",
        example: "broken = [{ promise = \"nothing-skipped\", group = \"billing\" }]",
    }
    NothingDuplicated {
        name: "nothing-duplicated", modes: SAFETY, parameters: &[Topic, Group], counts: Records, system: Any,
        about: "no group processes a record twice",
        means: "Each processing of a record by a group that has processed it before counts one, whether the record was handed over again (a redelivery) or lies in the log twice.",
        holds: "never by itself at least once: a crash or a rebalance between processing and commit repeats what was in between. commit = \"before\" keeps it and gives up nothing-skipped.",
        source: "Kafka documentation: delivery semantics; Jepsen's duplicate; oracle 13 rows 14, 17, 20, 22, 23, 27, 33",
        example: "broken = [\"nothing-duplicated\"]",
    }
    NothingStoredTwice {
        name: "nothing-stored-twice", modes: SAFETY, parameters: &[Topic], counts: Records, system: Any,
        about: "no record lies at more than one offset",
        means: "Each append of a record that the readable log has already counts one.",
        holds: "enable.idempotence=true (the default with acks=all), as long as the producer lives: a restarted one has a new producer id. Without it, a retry after a lost answer appends again.",
        source: "KIP-98, KIP-679; Jepsen's duplicate; oracle 13 rows 14, 17, 20",
        example: "always = [\"nothing-stored-twice\"]",
    }
    OrderPerKey {
        name: "order-per-key", modes: SAFETY, parameters: &[Topic, Group], counts: Records, system: Any,
        about: "a group sees a producer's records of one key in the order in which they were sent",
        means: "Counted is each record that a group processes for the first time after a younger one of the same producer and key; for records without a key, of the same producer and partition. Repetitions do not count. Only for systems with a log: a pipe deals records out to many.",
        holds: "one partition for each key for the whole run (no partitions added), and order-per-partition-and-producer; a group whose members do not overlap.",
        source: "Kafka documentation: max.in.flight.requests.per.connection; oracle 13 rows 15, 16",
        example: "always = [\"order-per-key\"]",
    }
    OrderPerPartitionAndProducer {
        name: "order-per-partition-and-producer", modes: SAFETY, parameters: &[Topic], counts: Records, system: Kafka,
        about: "a partition has a producer's records in the order in which they were sent",
        means: "Counted is each record that is appended for the first time behind a younger one of the same producer in the same partition. When a new leader's log is shorter, counting begins again at its end.",
        holds: "enable.idempotence=true, or max.in.flight.requests.per.connection=1. Five in flight, retries and no idempotence swap batches.",
        source: "Kafka documentation: max.in.flight.requests.per.connection; Jepsen's nonmonotonic-send; oracle 13 rows 15, 16",
        example: "broken = [\"order-per-partition-and-producer\"]",
    }
    NothingRefused {
        name: "nothing-refused", modes: SAFETY, parameters: &[Topic], counts: Records, system: Any,
        about: "every record that is offered is accepted: no error and no timeout",
        means: "Counted is each record whose producer was told an error, or gave up waiting. It is about being available: a refused record is not lost, the application knows of it.",
        holds: "delivery.timeout.ms longer than the longest time without a leader or without min.insync.replicas in sync, and buffer.memory large enough for what is sent meanwhile.",
        source: "KIP-91; Kafka documentation: delivery.timeout.ms, buffer.memory, max.block.ms; oracle 13 rows 5, 18, 19",
        example: "always = [\"nothing-refused\"]",
    }
    OneOwnerPerPartition {
        name: "one-owner-per-partition", modes: STATE, parameters: &[Topic, Group], counts: Times, system: Kafka,
        about: "a partition has at most one owner in a group",
        means: "Counted is each time that a member is given a partition while another one, as far as that one knows, still has it. Who crashes owns nothing any more. At the end: no partition has two owners.",
        holds: "while sessions hold. A member that stands still for longer than session.timeout.ms (a pause, a long collection of garbage) or works for longer than max.poll.interval.ms loses its partitions and does not know it: a zombie. Its commits are refused; what it processes meanwhile is processed twice.",
        source: "KIP-429, KIP-848; oracle 13 rows 27, 33",
        example: "eventually = [\"one-owner-per-partition\"]",
    }
    CommittedOffsetBelowHighWatermark {
        name: "committed-offset-below-high-watermark", modes: STATE, parameters: &[Topic, Group], counts: Times, system: Kafka,
        about: "no group's committed offset lies beyond what is committed in the log",
        means: "For each group and partition the committed offset is at most the highest high watermark that the present log was said to have. Counted is each commit beyond it, and each time that a new leader's log ends below an offset that a group has committed. A clean leader's own high watermark may be a fetch behind: that does not count.",
        holds: "unclean.leader.election.enable=false and no loss of power on all replicas: groups read below the high watermark only, and clean leaders have all of that.",
        source: "KIP-320; oracle 13 row 28; oracle 08",
        example: "always = [\"committed-offset-below-high-watermark\"]",
    }
    HighWatermarkMonotone {
        name: "high-watermark-monotone", modes: SAFETY, parameters: &[Topic], counts: Times, system: Kafka,
        about: "a leader's high watermark never falls while it leads",
        means: "Within one broker's time as leader of a partition in one epoch, each high watermark that it tells is at least the one before. It may fall from one leader to the next, because a follower hears of it one fetch late.",
        holds: "always; a break is a bug of the system.",
        source: "oracle 12 (MonotonicHighWatermark); oracle 08",
        example: "always = [\"high-watermark-monotone\"]",
    }
    OneLeaderPerEpoch {
        name: "one-leader-per-epoch", modes: SAFETY, parameters: &[Topic], counts: Times, system: Kafka,
        about: "in one leader epoch a partition has one leader",
        means: "No two brokers begin to lead a partition under the same leader epoch, and the controller names no two for one. Two leaders in different epochs at the same time are possible: the older one is a zombie, and fenced.",
        holds: "always; a break is a bug of the system.",
        source: "oracle 12 (SingleLeader); KIP-101, KIP-320",
        example: "always = [\"one-leader-per-epoch\"]",
    }
    LogsAgree {
        name: "logs-agree", modes: SAFETY, parameters: &[Topic], counts: Times, system: Kafka,
        about: "in-sync replicas have the same records below the high watermark",
        means: "While this is asked for, each broker tells a fingerprint of every block of 256 offsets below its high watermark, of the rest of it when nothing moves, and of the last blocks again after each change of its role. Counted is each block of which two members of the in-sync set have different fingerprints. It is the model's own StrongIsr. Asking adds facts to the run: its digest differs from that of the run without.",
        holds: "with truncation by leader epochs (KIP-101, KIP-279, KIP-320), as modelled; truncation to the high watermark broke it.",
        source: "oracle 12 (WeakIsr, StrongIsr); KIP-101 scenario 2; KIP-279; oracle 13 rows 9, 10",
        example: "always = [\"logs-agree\"]",
    }
    NoDirtyRead {
        name: "no-dirty-read", modes: SAFETY, parameters: &[Topic, Group], counts: Records, system: Any,
        about: "nobody reads what was refused, never stored, or not committed",
        means: "Counted is each record handed to a group although its producer was told that it failed, although no log was told to have it, or from beyond every high watermark that its partition had; and each record that is refused after it was handed over. A timeout is no failure: such a record may be in the log.",
        holds: "always; a break is a bug of the system.",
        source: "Jepsen's G1a (aborted read); oracle 09",
        example: "always = [\"no-dirty-read\"]",
    }
    NoPollSkip {
        name: "no-poll-skip", modes: SAFETY, parameters: &[Topic, Group], counts: Records, system: Kafka,
        about: "a consumer that keeps a partition reads it without gaps",
        means: "Consecutive reads of a partition by one consumer, within a poll (internal) or from one to the next (external), go over no record. What it lost and got back, and a restart, begin anew. Counted are the records in the gaps; the words say which of both kinds.",
        holds: "always while the partition stays with the consumer, except where auto.offset.reset=latest or retention moves its position.",
        source: "Jepsen's poll-skip and int-poll-skip; oracle 09",
        example: "always = [\"no-poll-skip\"]",
    }
    NoNonmonotonicPoll {
        name: "no-nonmonotonic-poll", modes: SAFETY, parameters: &[Topic, Group], counts: Times, system: Kafka,
        about: "a consumer that keeps a partition never goes back",
        means: "A read of a partition by one consumer, within a poll (internal) or from one to the next (external), begins above the last offset of its read before. What it lost and got back, and a restart, begin anew: there it is a redelivery.",
        holds: "always while the partition stays with the consumer, unless the log was truncated below what it had read (an unclean election).",
        source: "Jepsen's nonmonotonic-poll and int-nonmonotonic-poll; oracle 09",
        example: "always = [\"no-nonmonotonic-poll\"]",
    }
    LagBelow {
        name: "lag-below", modes: STATE, parameters: &[Group, Topic, TimeOrRecords], counts: Times, system: Settling,
        about: "a group is never further behind than this",
        means: "With records: the sum over the group's partitions of committed records that it has not settled is below the bound. With time: the oldest of them has been committed for less than the bound. Judged at every change, from the end of the warm-up on; counted is each time that the bound is reached. Commits move it: with auto-commit a healthy group's lag is a saw of auto.commit.interval.ms.",
        holds: "the group's capacity is above the arrival rate, and pauses are short against the bound.",
        source: "Kafka documentation: consumer lag; Jepsen's realtime-lag",
        example: "always = [{ promise = \"lag-below\", group = \"billing\", records = 1000 }]",
    }
    CaughtUp {
        name: "caught-up", modes: ENDS, parameters: &[Group, Topic], counts: Times, system: Settling,
        about: "at the end every group has settled all that is committed",
        means: "After the drain no partition has a committed record that a group has not settled. Counted is each partition, for each group, where one is left. The drain must be long enough for the last commit: longer than auto.commit.interval.ms (5 s) with auto-commit.",
        holds: "the group's capacity is above the arrival rate, the drain is long enough, and the group has come back from every fault.",
        source: "Jepsen's unseen; oracle 09",
        example: "eventually = [{ promise = \"caught-up\", group = \"billing\" }]",
    }
    RebalancePauseBelow {
        name: "rebalance-pause-below", modes: SAFETY, parameters: &[Group, Time], counts: Times, system: Kafka,
        about: "no rebalance keeps a group from being stable for this long",
        means: "From the moment a stable group begins to rebalance until it is stable again (or the run ends). Counted is each rebalance that takes the bound or longer. How a group forms at first does not count. With the eager protocol nobody reads meanwhile; cooperative members go on with what they keep.",
        holds: "members answer within the bound: the slowest poll decides, up to max.poll.interval.ms; a dead member costs nothing here, it is found out by session.timeout.ms before.",
        source: "KIP-429; oracle 07; oracle 13 row 27",
        example: "always = [{ promise = \"rebalance-pause-below\", group = \"billing\", time = \"10s\" }]",
    }
    RecoversWithin {
        name: "recovers-within", modes: SAFETY, parameters: &[Group, Topic, Time, Usual], counts: Times, system: Settling,
        about: "after each fault all is as before within this time",
        means: "What waits (records offered and not answered, and records committed and not settled) is back at what was usual within the bound after a fault has been taken back; for a fault that is never taken back, it is above that for no longer than the bound at a time. Usual is the most that waited between the warm-up and the first fault; `records` sets another level. Faults that overlap are one. Counted is each time that it takes longer.",
        holds: "failure is detected within the bound (broker.session.timeout.ms 9 s, session.timeout.ms 45 s), and there is capacity to spare: a backlog of B records shrinks by capacity minus arrivals each second.",
        source: "oracle 14; KIP-631",
        example: "always = [{ promise = \"recovers-within\", time = \"30s\" }]",
    }
    LeaderChanged {
        name: "leader-changed", modes: EVENT, parameters: &[Topic], counts: Times, system: Kafka,
        about: "a partition got another leader",
        means: "The controller named another broker than the last leader as leader of a partition of users.",
        holds: "a leader dies or is fenced, shuts down, or leadership goes back to the preferred replica.",
        source: "oracle 06",
        example: "sometimes = [\"leader-changed\"]",
    }
    UncleanElection {
        name: "unclean-election", modes: EVENT, parameters: &[Topic], counts: Times, system: Kafka,
        about: "a broker that was not in sync became leader",
        means: "The controller elected a replica from outside the in-sync set.",
        holds: "unclean.leader.election.enable=true, and every in-sync replica is gone.",
        source: "oracle 06; oracle 13 rows 4-6",
        example: "sometimes = [\"unclean-election\"]",
    }
    IsrShrank {
        name: "isr-shrank", modes: EVENT, parameters: &[Topic], counts: Times, system: Kafka,
        about: "an in-sync set lost a member",
        means: "The controller confirmed a smaller in-sync set than before.",
        holds: "a follower lags for replica.lag.time.max.ms, or its broker is fenced or shuts down.",
        source: "oracle 08",
        example: "sometimes = [\"isr-shrank\"]",
    }
    LogTruncated {
        name: "log-truncated", modes: EVENT, parameters: &[Topic], counts: Times, system: Kafka,
        about: "a replica cut off records that its leader does not have",
        means: "A follower's log diverged from its leader's and was truncated by at least one record.",
        holds: "a leader comes back that had appended what nobody fetched, or an unclean election.",
        source: "KIP-101; oracle 05; oracle 13 rows 2-4",
        example: "sometimes = [\"log-truncated\"]",
    }
    BrokerFenced {
        name: "broker-fenced", modes: EVENT, parameters: &[], counts: Times, system: Kafka,
        about: "the controller put a broker out of service",
        means: "No heartbeat within broker.session.timeout.ms, or the broker shut down.",
        holds: "a broker dies, stands still or is cut off for longer than its session.",
        source: "KIP-631; oracle 14",
        example: "sometimes = [\"broker-fenced\"]",
    }
    RebalanceHappened {
        name: "rebalance-happened", modes: EVENT, parameters: &[Group], counts: Times, system: Kafka,
        about: "a stable group rebalanced",
        means: "A group left the state Stable for PreparingRebalance. Its forming does not count.",
        holds: "members join, leave, time out, or the number of partitions changes.",
        source: "oracle 07",
        example: "sometimes = [{ promise = \"rebalance-happened\", group = \"billing\" }]",
    }
    ConsumerLeft {
        name: "consumer-left", modes: EVENT, parameters: &[Group], counts: Times, system: Kafka,
        about: "a member left its group, or was put out",
        means: "The coordinator took a member out: it said goodbye, its session ended, or it did not poll in time.",
        holds: "close(), a crash, a pause longer than session.timeout.ms, work longer than max.poll.interval.ms.",
        source: "oracle 07",
        example: "sometimes = [\"consumer-left\"]",
    }
    ConsumerTimedOut {
        name: "consumer-timed-out", modes: EVENT, parameters: &[Group], counts: Times, system: Kafka,
        about: "a member was put out of its group because it was too slow",
        means: "The coordinator heard nothing for session.timeout.ms, or the member did not rejoin in time. One that finds by itself that it has not polled for max.poll.interval.ms says goodbye: that is consumer-left.",
        holds: "a crash, or a pause longer than session.timeout.ms.",
        source: "oracle 07; oracle 13 row 27",
        example: "sometimes = [\"consumer-timed-out\"]",
    }
    CommitRefused {
        name: "commit-refused", modes: EVENT, parameters: &[Group], counts: Times, system: Kafka,
        about: "a commit of offsets was refused",
        means: "The coordinator, or the consumer itself, refused a commit: another generation, no longer a member, a rebalance under way.",
        holds: "a zombie commits; a member processed for longer than max.poll.interval.ms.",
        source: "oracle 07; oracle 13 row 27",
        example: "sometimes = [\"commit-refused\"]",
    }
    RecordRedelivered {
        name: "record-redelivered", modes: EVENT, parameters: &[Topic, Group], counts: Records, system: Settling,
        about: "a record was handed to a group again",
        means: "A group was handed offsets of a partition that it had been handed before.",
        holds: "a crash or a rebalance between delivery and commit.",
        source: "Kafka documentation: delivery semantics; oracle 13 rows 22, 23, 27",
        example: "sometimes = [\"record-redelivered\"]",
    }
    DuplicateProcessed {
        name: "duplicate-processed", modes: EVENT, parameters: &[Topic, Group], counts: Records, system: Any,
        about: "a group processed a record twice",
        means: "What nothing-duplicated counts.",
        holds: "a redelivery, or a record that was stored twice.",
        source: "oracle 13 rows 14, 17, 20, 22, 23, 27, 33",
        example: "sometimes = [\"duplicate-processed\"]",
    }
    DuplicateStored {
        name: "duplicate-stored", modes: EVENT, parameters: &[Topic], counts: Records, system: Any,
        about: "a record was appended twice",
        means: "What nothing-stored-twice counts.",
        holds: "retries without idempotence, and an answer that was lost.",
        source: "KIP-98; oracle 13 rows 14, 20",
        example: "sometimes = [\"duplicate-stored\"]",
    }
    DuplicateRefused {
        name: "duplicate-refused", modes: EVENT, parameters: &[Topic], counts: Records, system: Kafka,
        about: "a leader recognised a batch that it had, and stored nothing",
        means: "Idempotence at work: the sequence numbers were known.",
        holds: "retries with idempotence, and an answer that was lost.",
        source: "KIP-98; oracle 03",
        example: "sometimes = [\"duplicate-refused\"]",
    }
    ProduceRetried {
        name: "produce-retried", modes: EVENT, parameters: &[], counts: Records, system: Kafka,
        about: "a producer sent records again",
        means: "A request failed in a way that is worth another try.",
        holds: "leaders move, connections break, too few replicas are in sync.",
        source: "Kafka documentation: retries",
        example: "sometimes = [\"produce-retried\"]",
    }
    RecordRefused {
        name: "record-refused", modes: EVENT, parameters: &[Topic], counts: Records, system: Any,
        about: "a producer was told that a record failed, or gave up waiting",
        means: "What nothing-refused counts.",
        holds: "delivery.timeout.ms, max.block.ms, min.insync.replicas, message.max.bytes.",
        source: "KIP-91; oracle 13 rows 5, 18, 19, 35",
        example: "sometimes = [\"record-refused\"]",
    }
    OffsetReset {
        name: "offset-reset", modes: EVENT, parameters: &[Topic, Group], counts: Times, system: Kafka,
        about: "a consumer's position was set by auto.offset.reset although it had one",
        means: "The position was not in the log any more: retention had passed it, or the log was truncated below it.",
        holds: "a group slower than retention; an unclean election.",
        source: "oracle 13 rows 26, 28, 29",
        example: "sometimes = [\"offset-reset\"]",
    }
    FaultStruck {
        name: "fault-struck", modes: EVENT, parameters: &[], counts: Times, system: Any,
        about: "a fault of the scenario found its target",
        means: "A fault that is aimed at a role strikes nobody when nobody has the role.",
        holds: "the target exists at that time.",
        source: "the scenario's [[fault]] entries",
        example: "sometimes = [\"fault-struck\"]",
    }
}

impl Promise {
    /// Its entry.
    pub fn entry(self) -> &'static Entry {
        let entry = &CATALOGUE[self as usize];
        assert!(entry.promise == self, "the catalogue is in the order of its names");
        entry
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The promise of this name.
    pub fn named(name: &str) -> Option<Self> {
        CATALOGUE.iter().find(|entry| entry.name == name).map(|entry| entry.promise)
    }
}
