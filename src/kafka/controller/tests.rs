//! The tables of oracle sheets 06 and 07 (7e), and the actor alone.

use std::sync::Arc;

use super::election::{Change, Changed, Elected, Election, Rules};
use super::liveness::{Beat, Liveness, Next, Standing};
use super::state::State;
use super::*;
use crate::kernel::alone::{Alone, Asked};
use crate::kernel::{Builder, Network, Shape};
use crate::trace::kafka::{ErrorCode, Kafka};
use crate::trace::{Fact, PlaceId};
use crate::wire::kafka::{AlterPartition, Partition};
use crate::wire::{Brokersim, Msg};

const ELR: Rules = Rules { elr: true, balanced_recovery: false, bump_on_shrink: false };
const BALANCED: Rules = Rules { balanced_recovery: true, ..ELR };
const PLAIN: Rules = Rules { elr: false, ..ELR };

fn ids(numbers: &[u32]) -> Vec<BrokerId> {
    numbers.iter().copied().map(BrokerId).collect()
}

/// An in-sync set of whose incarnations the asker knows nothing.
fn members(numbers: &[u32]) -> Vec<(BrokerId, Option<u64>)> {
    ids(numbers).into_iter().map(|broker| (broker, None)).collect()
}

fn partition(replicas: &[u32], isr: &[u32], leader: Option<u32>) -> Partition {
    Partition {
        replicas: ids(replicas).into(),
        isr: ids(isr).into(),
        elr: Arc::new([]),
        last_known_elr: Arc::new([]),
        leader: leader.map(BrokerId),
        leader_epoch: 100,
        partition_epoch: 200,
        recovering: false,
    }
}

fn eligible(isr: &[u32], elr: &[u32], last_known: &[u32], leader: Option<u32>) -> Partition {
    let (elr, last_known_elr) = (ids(elr).into(), ids(last_known).into());
    Partition { elr, last_known_elr, ..partition(&[1, 2, 3, 4], isr, leader) }
}

/// isr / elr / last known elr / leader.
fn shown(partition: &Partition) -> String {
    let set = |set: &[BrokerId]| set.iter().map(|broker| broker.0.to_string()).collect::<String>();
    let leader = partition.leader.map_or("-".into(), |leader| leader.0.to_string());
    let (isr, elr, last) = (set(&partition.isr), set(&partition.elr), set(&partition.last_known_elr));
    format!("{isr} / {elr} / {last} / {leader}")
}

fn all(_: BrokerId) -> bool {
    true
}

fn not(dead: &'static [u32]) -> impl Fn(BrokerId) -> bool {
    move |broker| !dead.contains(&broker.0)
}

mod elections_6a {
    use super::*;

    fn foo(election: Election, isr: Option<&[u32]>, replicas: &[u32]) -> (Option<u32>, bool) {
        let foo = partition(replicas, &[2, 1, 3], Some(1));
        let mut change = Change::of(&foo, 2, PLAIN).election(election);
        if let Some(isr) = isr {
            change = change.isr(ids(isr));
        }
        let Elected { leader, unclean } = change.elect(not(&[3]));
        (leader.map(|leader| leader.0), unclean)
    }

    #[test]
    fn foo_preferred_elects_the_first_replica() {
        assert_eq!(foo(Election::Preferred, None, &[2, 1, 3]), (Some(2), false));
    }

    #[test]
    fn foo_online_and_unclean_keep_the_leader() {
        assert_eq!(foo(Election::Online, None, &[2, 1, 3]), (Some(1), false));
        assert_eq!(foo(Election::Unclean, None, &[2, 1, 3]), (Some(1), false));
        assert_eq!(foo(Election::Online, Some(&[1, 3]), &[2, 1, 3]), (Some(1), false));
        assert_eq!(foo(Election::Unclean, Some(&[1, 3]), &[2, 1, 3]), (Some(1), false));
    }

    #[test]
    fn foo_online_finds_nobody_when_only_a_dead_one_is_in_sync() {
        assert_eq!(foo(Election::Online, Some(&[3]), &[2, 1, 3]), (None, false));
    }

    #[test]
    fn foo_unclean_takes_the_first_live_replica() {
        assert_eq!(foo(Election::Unclean, Some(&[3]), &[2, 1, 3]), (Some(2), true));
    }

    #[test]
    fn foo_unclean_prefers_a_live_in_sync_replica() {
        assert_eq!(foo(Election::Unclean, Some(&[4]), &[2, 1, 3, 4]), (Some(4), false));
    }

    #[test]
    fn baz_keeps_its_leader_whatever_the_election() {
        let baz = partition(&[2, 1, 3], &[1, 3], Some(3));
        for election in [Election::Preferred, Election::Online, Election::Unclean] {
            let elected = Change::of(&baz, 2, PLAIN).election(election).elect(all);
            assert_eq!(elected, Elected { leader: Some(BrokerId(3)), unclean: false }, "{election:?}");
        }
    }

    #[test]
    fn unclean_leader_election() {
        for rules in [PLAIN, ELR, BALANCED] {
            let before = Partition { elr: ids(&[3]).into(), ..partition(&[2, 1, 3], &[1], Some(1)) };
            let change = Change::of(&before, 2, rules).election(Election::Unclean).without(BrokerId(1));
            let Changed { partition, unclean } = change.apply(not(&[1, 3])).expect("it changes");
            assert!(unclean && partition.recovering, "{rules:?}");
            assert_eq!(shown(&partition), "2 /  /  / 2", "{rules:?}");
        }
    }
}

mod leader_epochs_6b {
    use super::*;

    fn bump(change: Change<'_>) -> u32 {
        let changed = change.apply(all).expect("it changes").partition;
        assert_eq!(changed.partition_epoch, 201, "the partition epoch grows with every change");
        changed.leader_epoch - 100
    }

    #[test]
    fn no_leader_epoch_bump_on_isr_shrink() {
        let before = partition(&[2, 1, 3], &[2, 1, 3], Some(1));
        assert_eq!(bump(Change::of(&before, 2, PLAIN).isr(ids(&[2, 1]))), 0);
    }

    #[test]
    fn leader_epoch_bump_on_isr_shrink_before_3_6() {
        let before = partition(&[2, 1, 3], &[2, 1, 3], Some(1));
        let old = Rules { bump_on_shrink: true, ..PLAIN };
        assert_eq!(bump(Change::of(&before, 2, old).isr(ids(&[2, 1]))), 1);
    }

    #[test]
    fn no_leader_epoch_bump_on_isr_expansion() {
        let before = partition(&[2, 1, 3], &[2, 1], Some(1));
        for bump_on_shrink in [false, true] {
            let rules = Rules { bump_on_shrink, ..PLAIN };
            assert_eq!(bump(Change::of(&before, 2, rules).isr(ids(&[2, 1, 3]))), 0);
        }
    }

    #[test]
    fn leader_epoch_bump_on_new_replica_set_disjoint() {
        let before = partition(&[2, 1, 3], &[2, 1, 3], Some(1));
        assert_eq!(bump(Change::of(&before, 2, PLAIN).replicas(ids(&[2, 1, 4]))), 1);
        assert_eq!(bump(Change::of(&before, 2, PLAIN).replicas(ids(&[2, 1, 3, 4]))), 0);
    }

    #[test]
    fn a_bounce_of_the_only_replica_is_two_leader_epochs() {
        let before = partition(&[1], &[1], Some(1));
        let down =
            Change::of(&before, 1, PLAIN).without(BrokerId(1)).apply(not(&[1])).expect("loses its leader");
        assert_eq!((down.partition.leader, down.partition.leader_epoch), (None, 101));
        let up = Change::of(&down.partition, 1, PLAIN).apply(all).expect("has it again");
        assert_eq!((up.partition.leader, up.partition.leader_epoch), (Some(BrokerId(1)), 102));
    }

    #[test]
    fn nothing_changed_is_no_change() {
        let before = partition(&[2, 1, 3], &[2, 1, 3], Some(1));
        assert_eq!(Change::of(&before, 2, PLAIN).apply(all), None);
    }
}

mod eligible_leader_replicas_6c {
    use super::*;

    fn after(change: Change<'_>, alive: impl Fn(BrokerId) -> bool) -> String {
        shown(&change.apply(alive).expect("it changes").partition)
    }

    #[test]
    fn isr_shrink_below_min_isr() {
        let before = eligible(&[1, 2, 3, 4], &[], &[], Some(1));
        for rules in [ELR, BALANCED] {
            assert_eq!(after(Change::of(&before, 3, rules).isr(ids(&[1, 2])), all), "12 / 34 /  / 1");
        }
    }

    #[test]
    fn isr_expand_above_min_isr() {
        let before = eligible(&[1, 2], &[3], &[4], Some(1));
        for rules in [ELR, BALANCED] {
            assert_eq!(after(Change::of(&before, 3, rules).isr(ids(&[1, 2, 3])), all), "123 /  /  / 1");
        }
    }

    #[test]
    fn isr_add_new_member_not_in_elr() {
        let before = eligible(&[1], &[3], &[2], Some(1));
        assert_eq!(after(Change::of(&before, 3, ELR).isr(ids(&[1, 4])), all), "14 / 3 / 2 / 1");
    }

    #[test]
    fn remove_unclean_shutdown_replicas_from_elr() {
        let before = eligible(&[1], &[2, 3], &[], Some(1));
        let change = Change::of(&before, 3, ELR).unclean_shutdown(BrokerId(3));
        assert_eq!(after(change, all), "1 / 2 / 3 / 1");
    }

    #[test]
    fn elr_can_be_elected() {
        let before = eligible(&[1], &[3], &[2], Some(1));
        assert_eq!(after(Change::of(&before, 3, ELR).isr(Vec::new()), not(&[1])), "3 / 1 / 2 / 3");
        assert_eq!(after(Change::of(&before, 3, BALANCED).isr(Vec::new()), not(&[1])), "3 / 1 /  / 3");
    }

    #[test]
    fn an_eligible_replica_is_not_elected_while_somebody_is_in_sync() {
        let before = eligible(&[1], &[3], &[], None);
        assert_eq!(Change::of(&before, 3, ELR).elect(not(&[1])), Elected { leader: None, unclean: false });
    }

    #[test]
    fn isr_can_shrink_to_zero() {
        let before = eligible(&[1, 2, 3, 4], &[], &[], Some(1));
        let nobody = not(&[1, 2, 3, 4]);
        assert_eq!(after(Change::of(&before, 3, ELR).isr(Vec::new()), &nobody), " / 1234 /  / -");
        assert_eq!(after(Change::of(&before, 3, BALANCED).isr(Vec::new()), &nobody), " / 1234 / 1 / -");
    }

    #[test]
    fn elect_last_known_leader() {
        let before = eligible(&[], &[], &[1], None);
        let changed = Change::of(&before, 3, BALANCED).apply(all).expect("it is elected");
        assert_eq!(shown(&changed.partition), "1 /  /  / 1");
        assert!(changed.partition.recovering && changed.unclean);
    }

    #[test]
    fn elect_last_known_leader_should_fail() {
        let others = eligible(&[], &[3], &[1], None);
        assert_eq!(Change::of(&others, 3, BALANCED).apply(not(&[3])), None, "somebody is eligible");
        let dead = eligible(&[], &[], &[1], None);
        assert_eq!(Change::of(&dead, 3, BALANCED).apply(not(&[1])), None, "the last leader is dead");
    }

    #[test]
    fn without_elr_the_last_replica_stays_in_sync() {
        let before = partition(&[1, 2, 3], &[3], Some(3));
        let change = Change::of(&before, 1, PLAIN).without(BrokerId(3));
        assert_eq!(after(change, not(&[3])), "3 /  /  / -");
    }
}

/// A controller's state with brokers 0 to `brokers` - 1 in service.
fn state(rules: Rules, brokers: u32, plans: &[(&[u32], u32, bool)]) -> State {
    let plan = |(replicas, min, unclean): &(&[u32], u32, bool)| PartitionPlan {
        later: false,
        replicas: ids(replicas),
        min_insync_replicas: *min,
        unclean: *unclean,
    };
    let mut state = State::new(rules, Duration::from_secs(9), plans.iter().map(plan).collect());
    for broker in 0..brokers {
        come_up(&mut state, broker);
    }
    state.create();
    state
}

const CAUGHT_UP: Beat = Beat { metadata_version: u64::MAX, want_shutdown: false };

fn come_up(state: &mut State, broker: u32) -> u64 {
    let epoch = state.register(Time::ZERO, BrokerId(broker), true).expect("no session");
    beat(state, broker, epoch);
    epoch
}

fn beat(state: &mut State, broker: u32, epoch: u64) {
    let verdict = state.heartbeat(Time::ZERO, BrokerId(broker), epoch, CAUGHT_UP).expect("it is registered");
    assert!(!verdict.fenced);
}

/// Fenced without a word, as when its session ends.
fn fence(state: &mut State, brokers: &[u32]) {
    for broker in brokers {
        state.fence(BrokerId(*broker));
    }
}

fn unfence(state: &mut State, broker: u32) {
    state.unfence(BrokerId(broker));
}

mod timelines_6d {
    use super::*;

    #[test]
    fn eligible_leader_replicas_clean_election() {
        for rules in [ELR, BALANCED] {
            let mut state = state(rules, 4, &[(&[0, 1, 2, 3], 3, false)]);
            let mut seen = vec![shown(state.partition(PlaceId(0)))];
            for broker in [1, 2, 3] {
                fence(&mut state, &[broker]);
                seen.push(shown(state.partition(PlaceId(0))));
            }
            assert_eq!(seen, ["0123 /  /  / 0", "023 /  /  / 0", "03 / 2 /  / 0", "0 / 23 /  / 0"]);
            unfence(&mut state, 2);
            fence(&mut state, &[0, 1]);
            assert_eq!(shown(state.partition(PlaceId(0))), "2 / 03 /  / 2");
        }
    }

    #[test]
    fn eligible_leader_replicas_unclean_shutdown() {
        let mut state = state(BALANCED, 4, &[(&[0, 1, 2, 3], 3, false)]);
        fence(&mut state, &[1, 2, 3]);
        assert_eq!(shown(state.partition(PlaceId(0))), "0 / 23 /  / 0");
        state.register(Time::ZERO, BrokerId(3), false).expect("fenced");
        assert_eq!(shown(state.partition(PlaceId(0))), "0 / 2 /  / 0");
        let later = Time::from_secs(10);
        state.register(later, BrokerId(0), false).expect("its session is over");
        assert_eq!(shown(state.partition(PlaceId(0))), " / 2 / 0 / -");
    }

    #[test]
    fn eligible_leader_replicas_shrink_and_expand_isr() {
        let mut state = state(BALANCED, 3, &[(&[0, 1, 2], 2, false)]);
        let alter = |state: &mut State, isr: &[u32]| {
            let now = state.partition(PlaceId(0)).clone();
            let (leader_epoch, partition_epoch) = (now.leader_epoch, now.partition_epoch);
            let change =
                AlterPartition { place: PlaceId(0), leader_epoch, partition_epoch, isr: members(isr) };
            let results = state.alter(BrokerId(0), 1, &[change]);
            shown(results[0].1.as_ref().expect("it is valid"))
        };
        assert_eq!(alter(&mut state, &[0]), "0 / 12 /  / 0");
        assert_eq!(alter(&mut state, &[0, 1, 2]), "012 /  /  / 0");
    }

    #[test]
    fn elect_unclean_leaders_without_elr() {
        let plans: [(&[u32], u32, bool); 3] =
            [(&[1, 2, 3], 1, false), (&[2, 3, 4], 1, false), (&[0, 2, 1], 1, false)];
        let mut state = state(PLAIN, 5, &plans);
        fence(&mut state, &[2, 3]);
        fence(&mut state, &[1]);
        let all = |state: &State| [0, 1, 2].map(|place| shown(state.partition(PlaceId(place))));
        assert_eq!(all(&state), ["1 /  /  / -", "4 /  /  / 4", "0 /  /  / 0"]);
        let elect = |state: &mut State| [0, 1, 2].map(|place| state.elect(PlaceId(place), Election::Unclean));
        let (none, needless) =
            (Err(ErrorCode::EligibleLeadersNotAvailable), Err(ErrorCode::ElectionNotNeeded));
        assert_eq!(elect(&mut state), [none, needless, needless]);
        unfence(&mut state, 2);
        assert_eq!(elect(&mut state), [Ok(()), needless, needless]);
        assert_eq!(all(&state), ["2 /  /  / 2", "4 /  /  / 4", "0 /  /  / 0"]);
    }

    #[test]
    fn a_topic_that_allows_it_gets_an_unclean_leader_as_soon_as_the_last_in_sync_one_is_fenced() {
        for (unclean, expected) in [(true, "2 /  /  / 2"), (false, "1 /  /  / -")] {
            let mut state = state(PLAIN, 3, &[(&[1, 2], 1, unclean)]);
            fence(&mut state, &[2]);
            unfence(&mut state, 2);
            fence(&mut state, &[1]);
            assert_eq!(shown(state.partition(PlaceId(0))), expected);
        }
    }

    #[test]
    fn the_round_for_unclean_leaders_keeps_off_topics_that_do_not_allow_them() {
        for (unclean, expected) in [(true, Some(BrokerId(2))), (false, None)] {
            let mut state = state(PLAIN, 3, &[(&[1, 2], 1, unclean)]);
            fence(&mut state, &[2, 1]);
            assert_eq!(state.partition(PlaceId(0)).leader, None);
            state.liveness.stand(BrokerId(2), Standing::Unfenced);
            state.elect_unclean();
            assert_eq!(state.partition(PlaceId(0)).leader, expected);
        }
    }
}

mod alter_partition {
    use super::*;

    fn alter(state: &mut State, epochs: (u32, u32), isr: &[u32]) -> Result<String, ErrorCode> {
        let (leader_epoch, partition_epoch) = epochs;
        let change = AlterPartition { place: PlaceId(0), leader_epoch, partition_epoch, isr: members(isr) };
        let results = state.alter(BrokerId(0), 1, &[change]);
        results[0].1.as_ref().map(shown).map_err(|error| *error)
    }

    /// KIP-903: a follower that fetched, went down and came up again empty is not taken into the set.
    #[test]
    fn is_refused_for_an_incarnation_that_is_not_the_present_one() {
        let mut state = state(PLAIN, 2, &[(&[0, 1], 1, false)]);
        let old = state.liveness.get(BrokerId(1)).expect("registered").epoch;
        fence(&mut state, &[1]);
        let new = come_up(&mut state, 1);
        assert!(new > old);
        let ask = |epoch| {
            let isr = vec![(BrokerId(0), Some(1)), (BrokerId(1), epoch)];
            let change = AlterPartition { place: PlaceId(0), leader_epoch: 0, partition_epoch: 1, isr };
            let mut state = state.clone();
            let results = state.alter(BrokerId(0), 1, &[change]);
            results[0].1.as_ref().map(shown).map_err(|error| *error)
        };
        assert_eq!(ask(Some(old)), Err(ErrorCode::IneligibleReplica));
        assert_eq!(ask(Some(new)), Ok("01 /  /  / 0".into()));
        assert_eq!(ask(None), Ok("01 /  /  / 0".into()), "a leader that does not know is believed");
    }

    #[test]
    fn is_refused_for_what_is_out_of_date_or_not_eligible() {
        let mut state = state(PLAIN, 3, &[(&[0, 1, 2], 1, false)]);
        fence(&mut state, &[2]); // partition epoch 1
        assert_eq!(alter(&mut state, (0, 0), &[0]), Err(ErrorCode::InvalidUpdateVersion));
        assert_eq!(alter(&mut state, (0, 1), &[0, 1, 2]), Err(ErrorCode::IneligibleReplica), "fenced");
        assert_eq!(alter(&mut state, (0, 1), &[0, 4]), Err(ErrorCode::IneligibleReplica), "no replica");
        assert_eq!(alter(&mut state, (0, 1), &[1]), Err(ErrorCode::IneligibleReplica), "without its leader");
        let isr = members(&[0]);
        let stale = AlterPartition { place: PlaceId(0), leader_epoch: 0, partition_epoch: 1, isr };
        let results = state.alter(BrokerId(0), 99, std::slice::from_ref(&stale));
        assert_eq!(results[0].1, Err(ErrorCode::StaleBrokerEpoch));
        let results = state.alter(BrokerId(1), 3, std::slice::from_ref(&stale));
        assert_eq!(results[0].1, Err(ErrorCode::NotLeaderOrFollower));
        assert_eq!(alter(&mut state, (0, 1), &[0]), Ok("0 /  /  / 0".into()));
    }

    #[test]
    fn is_refused_by_leader_epoch_after_an_election() {
        let mut state = state(PLAIN, 3, &[(&[1, 0, 2], 1, false)]);
        fence(&mut state, &[1]);
        assert_eq!(state.partition(PlaceId(0)).leader, Some(BrokerId(0)));
        assert_eq!(alter(&mut state, (0, 1), &[0]), Err(ErrorCode::FencedLeaderEpoch));
        assert_eq!(alter(&mut state, (1, 1), &[0]), Ok("0 /  /  / 0".into()));
    }
}

mod broker_liveness_7e {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn touched(touches: &[u64]) -> Liveness {
        let mut liveness = Liveness::new(Duration::from_millis(10));
        for (broker, ms) in (0..).map(BrokerId).zip(touches) {
            liveness.register(at(0), broker, 100);
            liveness.stand(broker, Standing::Unfenced);
            liveness.touch(at(*ms), broker, 0);
        }
        liveness
    }

    fn fence_stale(liveness: &mut Liveness, now: Time) -> Vec<u32> {
        let one = || {
            let stale = liveness.stale(now)?;
            liveness.stand(stale, Standing::Fenced);
            Some(stale.0)
        };
        std::iter::from_fn(one).collect()
    }

    #[test]
    fn has_valid_session() {
        let liveness = touched(&[0, 5, 5]);
        let valid = |ms| [0, 1, 2].map(|broker| liveness.has_valid_session(at(ms), BrokerId(broker)));
        assert_eq!(valid(10), [true, true, true]);
        assert_eq!(valid(11), [false, true, true]);
    }

    #[test]
    fn find_one_stale_broker() {
        let mut liveness = touched(&[0, 5, 6]);
        assert_eq!(fence_stale(&mut liveness, at(11)), [0]);
        assert_eq!(fence_stale(&mut liveness, at(31)), [1, 2]);
    }

    #[test]
    fn next_check_time() {
        let mut liveness = touched(&[0, 2, 3, 4]);
        assert_eq!(liveness.next_check(), Some(at(10)));
        assert_eq!(fence_stale(&mut liveness, at(11)), [0]);
        assert_eq!(liveness.next_check(), Some(at(12)));
        assert_eq!(fence_stale(&mut liveness, at(14)), [1, 2]);
        assert_eq!(liveness.next_check(), Some(at(14)));
    }

    #[test]
    fn calculate_next_broker_state() {
        let mut liveness = touched(&[0]);
        let next = |liveness: &Liveness, metadata_version, want_shutdown, leads| {
            liveness.next(BrokerId(0), Beat { metadata_version, want_shutdown }, leads)
        };
        liveness.stand(BrokerId(0), Standing::Fenced);
        assert_eq!(next(&liveness, 100, false, false), Next::Unfenced, "registered at 100");
        assert_eq!(next(&liveness, 50, false, false), Next::Fenced);
        assert_eq!(next(&liveness, 50, true, false), Next::ShutdownNow);
        liveness.stand(BrokerId(0), Standing::Unfenced);
        assert_eq!(next(&liveness, 100, true, true), Next::ControlledShutdown);
        assert_eq!(next(&liveness, 100, true, false), Next::ShutdownNow);
    }

    #[test]
    fn a_controlled_shutdown_waits_until_everybody_knows_the_new_leaders() {
        let mut liveness = touched(&[0, 0]);
        liveness.stand(BrokerId(0), Standing::ControlledShutdown { version: 7 });
        let beat = Beat { metadata_version: 7, want_shutdown: true };
        for (known, expected) in [(6, Next::ControlledShutdown), (7, Next::ShutdownNow)] {
            liveness.touch(at(0), BrokerId(1), known);
            assert_eq!(liveness.next(BrokerId(0), beat, false), expected);
        }
    }
}

mod the_actor;
