//! Stories in words: the one sentence, and the line of each step.

use crate::kernel::{Duration, Event};
use crate::scenario::origin::{Bearer, InForce};
use crate::trace::kafka::{BrokerId, GroupReason, GroupState, Kafka, PositionReason};
use crate::trace::{Fact, reason_name, state_name, variant_name};

use super::incident::Cluster;
use super::outcome::Phase;
use super::remedy::has_expired;
use super::root::{Annals, Mechanism};
use super::scene::{Scene, broker_name, broker_set};
use super::step::{Blow, Legality, Step, What};

/// What happened and why, in one sentence.
pub fn sentence(cluster: &Cluster, scene: &Scene, annals: Annals<'_>, steps: &[Step]) -> String {
    Told { cluster, scene, annals, steps }.sentence() + "."
}

struct Told<'a> {
    cluster: &'a Cluster,
    scene: &'a Scene,
    annals: Annals<'a>,
    steps: &'a [Step],
}

impl Told<'_> {
    fn count(&self) -> String {
        records(self.cluster.victims.len() as u64)
    }

    /// `is` or `are`.
    fn be(&self) -> &'static str {
        if self.cluster.victims.len() == 1 { "is" } else { "are" }
    }

    fn them(&self) -> &'static str {
        if self.cluster.victims.len() == 1 { "it" } else { "them" }
    }

    fn acks(&self) -> &str {
        self.scene.value(&self.scene.publisher(self.cluster.example().id), "producer.acks")
    }

    fn sentence(&self) -> String {
        match self.cluster.root.mechanism {
            Mechanism::LeaderLost => self.leader_lost(),
            Mechanism::LeaderMoved => format!(
                "{} {} gone: the leader had acknowledged {} alone ({}), leadership moved in good order, and the old leader cut off what the new one had not copied",
                self.count(),
                self.be(),
                self.them(),
                self.told_yes()
            ),
            Mechanism::UncleanElection => self.unclean(),
            Mechanism::PowerLoss => self.power_loss(),
            Mechanism::NotAcknowledged => format!(
                "{} {} gone: {} as sent when it leaves its sender, and {}",
                self.count(),
                self.be(),
                self.counts(),
                self.blow().unwrap_or_else(|| "nobody received it".to_owned())
            ),
            Mechanism::CommittedUnprocessed => self.committed_unprocessed(),
            Mechanism::OffsetReset => self.reset(),
            Mechanism::Retention => format!(
                "{} {} deleted unread: retention passed {}, which was further behind than the log is kept",
                self.count(),
                self.be(),
                self.group()
            ),
            Mechanism::PeerDied => format!(
                "{} {} gone: once in the pipe to a peer a message is for that peer alone, and {}; nobody hands {} out again",
                self.count(),
                self.be(),
                self.blow().unwrap_or_else(|| "it closed its socket".to_owned()),
                self.them()
            ),
            Mechanism::Dropped => format!(
                "{} {} dropped: {}",
                self.count(),
                self.be(),
                self.cluster
                    .example()
                    .reason
                    .map_or("by the system's own rules", crate::trace::Reason::means)
            ),
            Mechanism::StoredTwice => self.stored_twice(),
            Mechanism::Redelivered => self.redelivered(),
            Mechanism::RetriedOutOfOrder => format!(
                "{} {} behind younger ones in the log: a batch failed{} and was tried again after the next one had been written",
                self.count(),
                self.be(),
                self.blow().map_or(String::new(), |blow| format!(" ({blow})"))
            ),
            Mechanism::ReadOutOfOrder => format!(
                "{} {} processed after younger ones of the same key: {}",
                self.count(),
                self.be(),
                self.why_reread()
            ),
            Mechanism::PublishedLate
            | Mechanism::ReplicatedLate
            | Mechanism::WaitedForReader
            | Mechanism::WorkedLong => self.late(),
        }
    }

    fn told_yes(&self) -> String {
        match self.acks() {
            "" => "acknowledged".to_owned(),
            acks => format!("`acks={acks}`"),
        }
    }

    fn leader_lost(&self) -> String {
        let elected = self.steps.iter().find_map(|step| {
            let What::Elected { leader, before, .. } = &step.what else { return None };
            Some((*leader, *before))
        });
        let struck = self.steps.iter().find(|step| matches!(step.what, What::Struck { .. }));
        let accepted = self.steps.iter().find(|step| matches!(step.what, What::Accepted { .. }));
        let (Some((new, Some(old))), Some(struck)) = (elected, struck) else {
            return format!("{} {} gone: {}", self.count(), self.be(), self.because());
        };
        let (old, new) = (broker_name(old), broker_name(new));
        let verb = verb(struck);
        let promised = accepted.filter(|accepted| accepted.at <= struck.at);
        let gap =
            promised.map_or(String::new(), |accepted| format!("{} later ", struck.at.since(accepted.at)));
        let alone = match self.acks() {
            "all" | "-1" => format!(
                "{old} acknowledged {} with too small an in-sync set (`min.insync.replicas`)",
                self.them()
            ),
            _ => format!(
                "{old} acknowledged {} alone ({}), before {} had a copy",
                self.them(),
                self.told_yes(),
                if self.another_has_it(&old) { "all followers" } else { "any follower" }
            ),
        };
        format!(
            "{} {} gone: {alone}; {gap}{old} {verb}, and {new}, in sync by Kafka's rules but without {}, became leader",
            self.count(),
            self.be(),
            self.them()
        )
    }

    /// Whether the log of a follower other than the old leader shows the example.
    fn another_has_it(&self, old: &str) -> bool {
        let has_it = |step: &Step| matches!(step.what, What::Follows { has_it: true, .. }) && step.who != old;
        self.steps.iter().any(has_it)
    }

    fn unclean(&self) -> String {
        let cut = self.steps.iter().rposition(|step| matches!(step.what, What::Cut { .. }));
        let before = &self.steps[..cut.unwrap_or(self.steps.len())];
        let elected = before.iter().enumerate().rev().find_map(|(at, step)| {
            let What::Elected { leader, was_in_sync, legality, .. } = &step.what else { return None };
            (*legality == Legality::Unclean)
                .then(|| (broker_name(*leader), in_sync(was_in_sync, &before[..at])))
        });
        let Some((new, in_sync)) = elected else {
            return format!("{} {} gone: {}", self.count(), self.be(), self.because());
        };
        format!(
            "{} {} gone: only {in_sync} had {}; when nobody in that set was left, {new} became leader although it was not in sync (`unclean.leader.election.enable = true`)",
            self.count(),
            self.be(),
            self.them()
        )
    }

    fn power_loss(&self) -> String {
        let disks = self.struck(Blow::DiskLost);
        let dark = self.struck(Blow::PowerLost);
        let how = match (&disks[..], &dark[..]) {
            ([], _) => format!("{} lost power before the log had been flushed to disk", list(&dark)),
            (disks, []) => format!("{} lost the disk, and all that was on it", list(disks)),
            (disks, dark) => format!(
                "{} lost the disk, and {} power before the log had been flushed",
                list(disks),
                list(dark)
            ),
        };
        format!(
            "{} {} gone: {how}, and no replica that could have had {} led afterwards",
            self.count(),
            self.be(),
            self.them()
        )
    }

    fn committed_unprocessed(&self) -> String {
        let group = self.cluster.root.group.or(self.cluster.example().group);
        let reader = group.map(|group| self.scene.reader(group));
        let value = |name| reader.as_ref().map_or("", |reader| self.scene.value(reader, name));
        let (their, was) =
            if self.cluster.victims.len() == 1 { ("its", "it was") } else { ("their", "they were") };
        let (when, before) = match (value("commit"), value("workers")) {
            ("auto", "0" | "") => {
                (format!("because {was} handed over (`commit = \"auto\"`)"), "the work was done")
            }
            ("auto", workers) => (
                format!(
                    "when {was} in the hands of worker threads (`commit = \"auto\"`, `workers = {workers}`)"
                ),
                "the work was done",
            ),
            (commit, _) => (format!("before the work was done (`commit = \"{commit}\"`)"), "it was"),
        };
        format!(
            "{} {} skipped: {} committed {their} offsets {when}, and {} before {before}",
            self.count(),
            self.be(),
            self.group(),
            self.blow().unwrap_or_else(|| "lost the partition".to_owned())
        )
    }

    fn stored_twice(&self) -> String {
        let again = self.steps.iter().any(|step| matches!(step.what, What::Resent));
        let how = if again {
            format!(
                "{} ended before it had heard what became of {}, offered {} again from its outbox, and has a new producer id: idempotence does not outlive the process",
                self.scene.source(self.cluster.example().id),
                self.them(),
                self.them()
            )
        } else {
            format!(
                "the answer to the first try did not come{}, the producer tried again, and without idempotence the leader cannot tell",
                self.blow().map_or(String::new(), |blow| format!(" ({blow})"))
            )
        };
        format!("{} {} in the log twice: {how}", self.count(), self.be())
    }

    /// Who counts a record as sent without asking, in the system's own words.
    fn counts(&self) -> &'static str {
        let publisher = self.scene.publisher(self.cluster.example().id);
        match self.scene.setting(&publisher, "producer.acks") {
            Some(_) => "`acks=0` counts a record",
            None => "QoS 0 counts a message",
        }
    }

    fn because(&self) -> &'static str {
        self.cluster.example().reason.map_or("", crate::trace::Reason::means)
    }

    /// Who was struck so, each once.
    fn struck(&self, by: Blow) -> Vec<String> {
        let mut nodes = Vec::new();
        for step in self.steps {
            if let What::Struck { node, how, .. } = &step.what
                && *how == by
                && !nodes.contains(node)
            {
                nodes.push(node.clone());
            }
        }
        nodes
    }

    /// The blow at the root, as a clause.
    fn blow(&self) -> Option<String> {
        let root = self.annals.event(self.cluster.root.serial)?;
        clause(root, self.scene)
    }

    fn group(&self) -> String {
        let group = self.cluster.root.group.or(self.cluster.example().group);
        group.map_or_else(|| "the group".to_owned(), |group| self.scene.group(group).to_owned())
    }

    fn reset(&self) -> String {
        let why = self.steps.iter().rev().find_map(|step| {
            let What::Positioned { why, .. } = step.what else { return None };
            Some(why)
        });
        let bearer = self.cluster.root.group.map(|group| self.scene.reader(group));
        let policy = bearer.map_or("", |bearer| self.scene.value(&bearer, "consumer.auto.offset.reset"));
        let when = match why {
            Some(PositionReason::Reset) if has_expired(self.steps) => {
                "came back when its committed offsets had expired (`offsets.retention.minutes`)"
            }
            Some(PositionReason::Reset) | None => "had no committed offset when it began",
            Some(PositionReason::OutOfRange) => "found its position outside the log",
            Some(PositionReason::Truncated) => "found the log cut below its position",
            Some(PositionReason::Committed) => "began again",
        };
        format!(
            "{} {} skipped: {} {when}, and `auto.offset.reset = \"{policy}\"` begins behind {}",
            self.count(),
            self.be(),
            self.group(),
            self.them()
        )
    }

    fn redelivered(&self) -> String {
        format!("{} {} processed again: {}", self.count(), self.be(), self.why_reread())
    }

    fn why_reread(&self) -> String {
        let root = self.annals.event(self.cluster.root.serial);
        let blow = root.and_then(|root| clause(root, self.scene));
        let left = self.steps.iter().rev().find_map(|step| {
            let What::Left { why } = step.what else { return None };
            Some(why).filter(|why| *why != GroupReason::MemberLeft)
        });
        let position = self.steps.iter().rev().find_map(|step| {
            let What::Positioned { offset, .. } = step.what else { return None };
            Some(offset)
        });
        let what = match (blow, left) {
            (Some(blow), _) => blow,
            (None, Some(GroupReason::PollTimeout)) => {
                "a member worked longer than max.poll.interval.ms and was put out of the group".to_owned()
            }
            (None, Some(why)) => format!("a member left the group ({})", reason_name(why)),
            (None, None) if self.cluster.root.serial == 0 => self.put_out(),
            (None, None) => "the partition changed hands".to_owned(),
        };
        let from = position.map_or(String::new(), |offset| format!(" {offset}"));
        format!(
            "{what}, before {} had committed them; its successor goes on at the committed offset{from}",
            self.group()
        )
    }

    /// A reader that did not poll in time.
    fn put_out(&self) -> String {
        let group = self.cluster.root.group.or(self.cluster.example().group);
        let bearer = group.map(|group| self.scene.reader(group));
        let most = bearer.map_or("", |bearer| self.scene.value(&bearer, "consumer.max.poll.interval.ms"));
        format!(
            "members worked longer than `max.poll.interval.ms` ({most}) between two polls and were out of the group"
        )
    }

    fn late(&self) -> String {
        let Some((phase, from, to)) = self.cluster.example().phase else { return String::new() };
        let took = to.since(from);
        let how = match phase {
            Phase::Publishing => format!("could not be published for up to {took}"),
            Phase::Replicating => format!("lay in the log for up to {took} before enough replicas had them"),
            Phase::Waiting => format!("waited up to {took} for a member of {}", self.group()),
            Phase::Working => format!("were worked on by {} for {took}", self.group()),
        };
        let root = self.annals.event(self.cluster.root.serial);
        let why = root.and_then(|root| clause(root, self.scene)).or_else(|| {
            let Fact::Kafka(Kafka::GroupChanged { why, .. }) = &root?.fact else { return None };
            Some(format!("the group rebalanced ({})", reason_name(*why)))
        });
        let why = why.unwrap_or_else(|| match phase {
            Phase::Waiting => "nothing went wrong: more arrives than is worked off".to_owned(),
            Phase::Publishing | Phase::Replicating | Phase::Working => "nothing else went wrong".to_owned(),
        });
        format!("{} {} late: they {how}: {why}", self.count(), self.be())
    }
}

/// The in-sync set that an election passed over: where it was empty by then, the last that was not.
fn in_sync(was: &[BrokerId], before: &[Step]) -> String {
    let set = |step: &Step| {
        if let What::Leaderless { elr, .. } = &step.what {
            return Some(elr.clone());
        }
        let (What::Stored { isr, .. } | What::InSync { isr, .. } | What::Elected { isr, .. }) = &step.what
        else {
            return None;
        };
        Some(isr.clone())
    };
    let last = || before.iter().rev().filter_map(set).find(|set| !set.is_empty()).unwrap_or_default();
    if was.is_empty() { broker_set(&last()) } else { broker_set(was) }
}

/// What struck whom, as a clause: `broker-2 was killed`.
fn clause(root: &Event<Fact>, scene: &Scene) -> Option<String> {
    use crate::kernel::{Crash, Physics};
    let Fact::Physics(physics) = &root.fact else { return None };
    let name = |node: crate::kernel::NodeId| scene.cast.node(node).to_owned();
    match *physics {
        Physics::Crashed { node, how: Crash::Process } => Some(format!("{} was killed", name(node))),
        Physics::Crashed { node, how: Crash::Power } => Some(format!("{} lost power", name(node))),
        Physics::Crashed { node, how: Crash::Exit } => Some(format!("{} was shut down", name(node))),
        Physics::Crashed { node, how: Crash::DiskLoss } => Some(format!("{} lost its disk", name(node))),
        Physics::Paused { node } => Some(format!("{} stood still", name(node))),
        Physics::Cut { from, to } | Physics::Refused { from, to } => {
            Some(format!("{} could not reach {}", name(from), name(to)))
        }
        Physics::Restarted { .. }
        | Physics::Resumed { .. }
        | Physics::Healed { .. }
        | Physics::Undelivered { .. } => None,
    }
}

/// What a blow does to a node: `was killed`.
fn verb(step: &Step) -> &'static str {
    let What::Struck { how, .. } = &step.what else { return "was killed" };
    match how {
        Blow::Killed => "was killed",
        Blow::PowerLost => "lost power",
        Blow::Ended => "was shut down",
        Blow::DiskLost => "lost its disk",
        Blow::Paused => "stood still",
        Blow::CutOff => "was cut off",
    }
}

/// `1 record`, `3 records`.
pub fn records(count: u64) -> String {
    if count == 1 {
        "1 record".to_owned()
    } else {
        format!("{} records", crate::analyze::report::count(count))
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "a broker".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// A setting with its line: `producer.acks = "1"  (broker-loss.toml:29)`.
pub fn setting(one: &InForce) -> String {
    match one.bearer {
        Bearer::Fault(_) => format!("{}  ({})", one.value, one.origin),
        Bearer::Cluster | Bearer::Topic(_) | Bearer::Entry(_) => {
            format!("{} = {}  ({})", one.name, one.value, one.origin)
        }
    }
}

/// A step in words.
pub fn step(step: &Step) -> String {
    match &step.what {
        What::Offered => "hands the record to its producer".to_owned(),
        What::Retried { error, attempt } => format!("retry {attempt}, because of {}", code(*error)),
        What::Stored { place, offset, leader_epoch, isr, high_watermark, again } => {
            let again = if *again { " AGAIN" } else { "" };
            format!(
                "appends it{again} at {place} @ {offset}, as leader of epoch {leader_epoch}; in sync {}, high watermark {high_watermark}",
                broker_set(isr)
            )
        }
        What::Recognised { offset } => format!("knows it already, at {offset}: nothing is stored twice"),
        What::Accepted { committed, high_watermark, unseen } => match (unseen, committed) {
            (true, _) => "counts it as sent: nobody was asked whether it arrived".to_owned(),
            (false, true) => {
                format!("is told yes; every in-sync replica has it (high watermark {high_watermark})")
            }
            (false, false) => {
                format!(
                    "is told YES, with the leader's word alone: the followers are known to be at {high_watermark}"
                )
            }
        },
        What::Rejected { why } => format!("is told no: {}", why.means()),
        What::Unknown { why } => format!("gives up: {}; it may be in the log", why.means()),
        What::Committed { upto } => format!("every in-sync replica has it now: high watermark {upto}"),
        What::Struck { node, how, fault } => {
            let what = match how {
                Blow::Killed if node.starts_with("broker-") => "is KILLED (its page cache survives)",
                Blow::Killed => "is KILLED",
                Blow::PowerLost => "LOSES POWER: what was not flushed to disk is gone",
                Blow::Ended => "ENDS in good order",
                Blow::DiskLost => "LOSES ITS DISK and all that was on it",
                Blow::Paused => "STANDS STILL",
                Blow::CutOff => "is CUT OFF",
            };
            fault.map_or_else(|| what.to_owned(), |fault| format!("{what}: fault {}", fault + 1))
        }
        What::Back { .. } => "is back".to_owned(),
        What::Fenced { broker, asked } => {
            let why = if *asked { "it asked to be let go" } else { "no heartbeat" };
            format!("takes {} out of service: {why}", broker_name(*broker))
        }
        What::Elected { leader, leader_epoch, isr, was_in_sync, legality, .. } => format!(
            "elects {}, epoch {leader_epoch}, in sync {}: {}",
            broker_name(*leader),
            broker_set(isr),
            legal(*legality, was_in_sync)
        ),
        What::Leaderless { isr, elr } => {
            format!("finds no leader: in sync {}, eligible {}", broker_set(isr), broker_set(elr))
        }
        What::InSync { isr, was } => format!("in-sync set {} becomes {}", broker_set(was), broker_set(isr)),
        What::TookOver { log_end, has_it } => {
            format!("takes over; its log ends at {log_end}: it {}", has(*has_it))
        }
        What::Injected { fault: number, fault_kind, whom } => fault(*number, "begins", fault_kind, whom),
        What::Relieved { fault: number, fault_kind, whom } => fault(*number, "is over", fault_kind, whom),
        What::Follows { log_end, has_it } => {
            format!("follows; its log ends at {log_end}: it {}", has(*has_it))
        }
        What::Cut { from, .. } => format!("GONE: the log that is read ends at {from} now"),
        What::Restored { log_end } => {
            format!("BACK: its log, which ends at {log_end}, is read now, and it had kept the record")
        }
        What::Truncated { to, from } => {
            format!("cuts its own log from {from} back to {to}, as its leader has it")
        }
        What::Recovered { records } => format!("comes up without {} records that were not on disk", records),
        What::Replaced { by } => format!("gives its offset to {by}: it can never be read now"),
        What::Expired { below } => format!("deletes it: the log begins at {below} now"),
        What::Dropped { why } => format!("drops it: {}", why.means()),
        What::Delivered { attempt: 1 } => "is handed the record".to_owned(),
        What::Delivered { attempt } => format!("is handed it AGAIN, for the {} time", ordinal(*attempt)),
        What::Processed { time: 1 } => "has processed it".to_owned(),
        What::Processed { time } => format!("has processed it for the {} time", ordinal(*time)),
        What::Settled { upto, processed: true } => format!("has committed past it: offset {upto}"),
        What::Settled { upto, processed: false } => {
            format!("has committed past it: offset {upto}, BEFORE it was processed")
        }
        What::Group { to, generation, members, why } => format!(
            "{}: {}; generation {generation}, {members} member{}",
            if *to == GroupState::PreparingRebalance { "rebalances" } else { state_name(*to) },
            reason_name(*why),
            if *members == 1 { "" } else { "s" }
        ),
        What::Left { why } => format!("a member is out of the group: {}", reason_name(*why)),
        What::Assigned { generation } => format!("owns the partition, generation {generation}"),
        What::Revoked { lost: true } => "LOST the partition: another member may own it already".to_owned(),
        What::Revoked { lost: false } => "gives the partition up".to_owned(),
        What::Positioned { offset, why, .. } => match why {
            PositionReason::Committed => format!("goes on at {offset}, the committed offset"),
            PositionReason::Reset => {
                format!("begins at {offset}: nothing was committed, auto.offset.reset decides")
            }
            PositionReason::OutOfRange => format!("its position is not in the log: goes on at {offset}"),
            PositionReason::Truncated => format!("the log was cut below its position: goes on at {offset}"),
        },
        What::Skipped { to, .. } => format!("SKIPS it: goes on at {to}"),
        What::CommitFailed { error } => format!("its commit is refused: {}", code(*error)),
        What::HandlerFailed => "FAILS to work on it".to_owned(),
        What::Resent => "offers it AGAIN: it never learnt what became of it".to_owned(),
        What::Threw { error } => format!("stops: poll() threw {}", variant_name(error)),
    }
}

/// `fault 2 begins: slow-disk`, with the names when the one that stands in front is not the only one.
fn fault(fault: u32, what: &str, kind: &str, whom: &[String]) -> String {
    let names = if whom.len() > 1 { format!(" of {}", list(whom)) } else { String::new() };
    format!("fault {} {what}: {kind}{names}", fault + 1)
}

fn has(it: bool) -> &'static str {
    if it { "has the record" } else { "does NOT have the record" }
}

fn legal(legality: Legality, was: &[crate::trace::kafka::BrokerId]) -> String {
    match legality {
        Legality::First => "the first leader".to_owned(),
        Legality::InSync => format!("legal, it was in the in-sync set {}", broker_set(was)),
        Legality::Eligible => {
            "legal, an eligible leader replica (KIP-966): it had all that was committed".to_owned()
        }
        Legality::Unclean => format!("UNCLEAN, it was not in the in-sync set {}", broker_set(was)),
        Legality::LastKnown => {
            "the last leader that is known, for nobody in sync or eligible is left (KIP-966): it may lack what was committed"
                .to_owned()
        }
    }
}

fn code(error: crate::trace::kafka::ErrorCode) -> String {
    serde_json::to_value(error).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        (_, _) => "th",
    };
    format!("{number}{ending}")
}

/// A length of time to two digits, for a gap between steps.
pub fn gap(gap: Duration) -> String {
    if gap.is_zero() { String::new() } else { format!("+{gap}") }
}
