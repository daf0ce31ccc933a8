use std::collections::BTreeMap;

use super::*;
use crate::kernel::{ActorId, Rng};
use crate::trace::{Batch, ChannelId, Few, Record, Reign};

const PLACE: PlaceId = PlaceId(0);
const GROUP: GroupId = GroupId(0);

/// A ledger of one topic with two partitions, one source and so many groups, and the clock.
struct Told {
    ledger: Ledger,
    now: u64,
    /// Whether each record has a line of its own from the beginning.
    apart: bool,
}

impl Told {
    fn new(groups: u32) -> Self {
        let mut stage = Stage::default();
        let orders = stage.add_channel("orders", 2, false, true);
        (0..groups).for_each(|group| _ = stage.add_group(format!("group-{group}"), vec![orders]));
        stage.add_source("shop-0");
        Self { ledger: Ledger::new(Arc::new(stage), (), true), now: 0, apart: false }
    }

    fn tell(&mut self, life: Life) {
        self.tell_from(ActorId(0), life);
    }

    fn tell_from(&mut self, actor: ActorId, life: Life) {
        self.now += 1_000;
        let at = Time::from_nanos(self.now);
        self.ledger.observe(&[Event { at, serial: 1, cause: 0, actor, fact: Fact::Life(life) }]);
        let balance = self.ledger.balance();
        assert!(balance.holds(), "the books balance at any instant");
        if self.ledger.in_memory() < 500 || self.now.is_multiple_of(31_000) {
            assert_eq!(balance, self.walked(), "what was counted before still holds");
        }
    }

    /// The balance with every record in flight looked at.
    fn walked(&self) -> Balance {
        let Ledger { exit, tally, .. } = &self.ledger;
        let mut walked = Balance { offered: tally.offered, ..exit.closed.clone() };
        self.ledger.in_flight().for_each(|(.., fate)| walked.add(fate, 1));
        walked
    }

    fn offer(&mut self, first: u64, records: u32) {
        let first = RecordId::new(0, first);
        self.tell(Life::Offered { channel: ChannelId(0), first, records, bytes: 100 });
        if self.apart {
            let window = self.ledger.windows[0].as_mut().expect("a source that publishes");
            window.tell_apart(Run { first, records, at: 0 });
        }
    }

    /// In the log, safe, acknowledged.
    fn keep(&mut self, ids: &Ids, place: PlaceId, offset: u64) {
        self.tell(Life::Stored { ids: ids.clone(), place, offset });
        self.tell(Life::Committed { place, upto: offset + u64::from(ids.len()) });
        self.tell(Life::Accepted { ids: ids.clone(), place: Some(place), offset: Some(offset) });
    }

    fn read(&mut self, ids: &Ids, group: GroupId, place: PlaceId, offset: u64) {
        self.tell(Life::Delivered { ids: ids.clone(), group, place, offset });
        self.tell(Life::Processed { ids: ids.clone(), group, place, offset });
    }

    fn settle(&mut self, place: PlaceId, upto: u64) {
        self.tell(Life::Settled { group: GROUP, place, upto });
    }

    /// Who has left, each for itself.
    fn take_left(&mut self) -> Vec<Left> {
        let closed = self.ledger.take_closed();
        let left = |closed: &Closed| {
            let (legs, fate) = (closed.legs.clone(), closed.fate);
            closed
                .lives()
                .map(move |(id, line)| Left { id, line, legs: legs.clone(), fate })
                .collect::<Vec<_>>()
        };
        closed.iter().flat_map(left).collect()
    }
}

/// A record that has left.
#[derive(Debug, PartialEq)]
struct Left {
    id: RecordId,
    line: Line,
    legs: Few<Leg>,
    fate: Fate,
}

fn batch(numbers: &[u64], key_hash: Option<i32>) -> Ids {
    let record = |number: &u64| Record::new(RecordId::new(0, *number), Time::ZERO, key_hash, 100);
    Batch::new(numbers.iter().map(record).collect(), Vec::new(), 70).span().into()
}

#[test]
fn a_record_leaves_when_every_group_has_processed_and_settled_it() {
    let mut told = Told::new(2);
    let ids = batch(&[0, 1, 2], None);
    told.offer(0, 3);
    told.keep(&ids, PLACE, 0);
    told.read(&ids, GROUP, PLACE, 0);
    told.settle(PLACE, 3);
    assert_eq!(told.ledger.in_memory(), 3, "the other group has not");
    told.read(&ids, GroupId(1), PLACE, 0);
    told.tell(Life::Settled { group: GroupId(1), place: PLACE, upto: 2 });
    assert_eq!((told.ledger.in_memory(), told.ledger.balance().settled), (1, 2));
    told.tell(Life::Settled { group: GroupId(1), place: PLACE, upto: 3 });
    assert_eq!((told.ledger.in_memory(), told.ledger.balance().settled), (0, 3));
    let closed = told.take_left();
    assert_eq!(closed.iter().map(|closed| closed.id.sequence()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(closed.iter().map(|closed| closed.line.offset).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(closed.iter().all(|closed| closed.legs.len() == 2 && closed.legs.iter().all(Leg::is_done)));
}

#[test]
fn one_record_that_stays_does_not_keep_those_behind_it_in_memory() {
    let mut told = Told::new(1);
    told.offer(0, 1);
    let mut offset = 0;
    for round in 0..1_000u64 {
        let numbers: Vec<u64> = (round * 200 + 1..round * 200 + 201).collect();
        told.offer(numbers[0], 200);
        let ids = batch(&numbers, None);
        told.keep(&ids, PLACE, offset);
        told.read(&ids, GROUP, PLACE, offset);
        offset += 200;
        told.settle(PLACE, offset);
    }
    assert_eq!(told.ledger.in_memory(), 1);
    let window = told.ledger.windows[0].as_ref().expect("a source that published");
    assert!(window.blocks() < 1_000, "{} blocks of 128 for one record in flight", window.blocks());
    let late = batch(&[0], None);
    told.keep(&late, PLACE, offset);
    told.read(&late, GROUP, PLACE, offset);
    told.settle(PLACE, offset + 1);
    assert_eq!((told.ledger.in_memory(), told.ledger.balance().settled), (0, 200_001));
}

#[test]
fn what_is_processed_again_is_a_duplicate_also_when_it_has_left() {
    let mut told = Told::new(1);
    let ids = batch(&[0, 1], None);
    told.offer(0, 2);
    told.keep(&ids, PLACE, 0);
    told.read(&ids, GROUP, PLACE, 0);
    assert_eq!(told.ledger.tally().duplicates, 0);
    told.read(&ids, GROUP, PLACE, 0);
    assert_eq!(told.ledger.tally().duplicates, 2);
    told.settle(PLACE, 2);
    told.read(&ids, GROUP, PLACE, 0);
    assert_eq!((told.ledger.tally().duplicates, told.ledger.tally().processed), (4, 2));
}

#[test]
fn order_is_kept_within_a_key_and_not_between_keys() {
    for (other_key, reordered) in [(1, 1), (2, 0)] {
        let mut told = Told::new(1);
        told.offer(0, 2);
        let (old, young) = (batch(&[0], Some(1)), batch(&[1], Some(other_key)));
        told.keep(&old, PLACE, 0);
        told.keep(&young, PlaceId(1), 0);
        told.read(&young, GROUP, PlaceId(1), 0);
        told.read(&old, GROUP, PLACE, 0);
        assert_eq!(told.ledger.tally().reordered, reordered, "{other_key}");
    }
}

#[test]
fn what_is_cut_off_is_lost_only_when_it_was_promised() {
    for promised in [false, true] {
        let mut told = Told::new(1);
        let ids = batch(&[0, 1, 2, 3], None);
        told.offer(0, 4);
        told.tell(Life::Stored { ids: ids.clone(), place: PLACE, offset: 0 });
        if promised {
            told.tell(Life::Accepted { ids, place: Some(PLACE), offset: Some(0) });
        }
        told.tell(Life::Cut { place: PLACE, from: 3, why: Reason::LeaderElection, log: None });
        assert_eq!(told.ledger.balance().lost_total(), u64::from(promised));
        assert_eq!(told.ledger.in_memory(), if promised { 3 } else { 4 });
    }
}

/// The same lives, told a batch at a time or a record at a time.
fn lives(rng: &mut Rng, one_by_one: bool) -> (Balance, Tally, usize) {
    let mut told = Told::new(2);
    let (mut next, mut ends) = (0, [0, 0]);
    for _ in 0..100 {
        let count = 1 + rng.below(150);
        let mut numbers: Vec<u64> = (next..next + count).collect();
        if rng.chance(0.5) {
            numbers.reverse();
        }
        told.offer(next, count as u32);
        next += count;
        let place = rng.below(2) as usize;
        let (offset, upto) = (ends[place], ends[place] + count);
        let fate = rng.below(10);
        let parts = if one_by_one { 1 } else { numbers.len() };
        for (index, part) in numbers.chunks(parts).enumerate() {
            let (ids, at) = (batch(part, None), offset + (index * parts) as u64);
            let why = Reason::DeliveryTimeout;
            let id = PlaceId(place as u32);
            match fate {
                0 => told.tell(Life::Rejected { ids, why }),
                1 => told.tell(Life::Unknown { ids, why }),
                _ => {
                    told.tell(Life::Stored { ids: ids.clone(), place: id, offset: at });
                    told.tell(Life::Accepted { ids: ids.clone(), place: Some(id), offset: Some(at) });
                    (0..2).for_each(|group| told.read(&ids, GroupId(group), id, at));
                    ends[place] = upto;
                }
            }
        }
        let id = PlaceId(place as u32);
        told.tell(Life::Committed { place: id, upto: ends[place] });
        for group in (0..2).map(GroupId) {
            let upto = ends[place].saturating_sub(rng.below(100));
            told.tell(Life::Settled { group, place: id, upto });
        }
    }
    (told.ledger.balance(), told.ledger.tally(), told.take_left().len())
}

#[test]
fn it_makes_no_difference_how_many_records_a_fact_is_about() {
    let told = |one_by_one| lives(&mut Rng::named(7, "lives"), one_by_one);
    let (balance, tally, closed) = told(false);
    assert_eq!((balance.clone(), tally, closed), told(true));
    assert!(balance.settled > 1_000 && tally.reordered > 1_000 && closed > 1_000, "{balance:?} {tally:?}");
}

/// What became of random lives, with lines that stand for several records, or with a line for each. Between the two only
/// memory may differ.
fn folded_or_not(seed: u64, apart: bool) -> (Vec<Left>, Balance, Tally) {
    let mut rng = Rng::named(seed, "folded");
    let mut told = Told { apart, ..Told::new(2) };
    let (mut next, mut end, mut unsent) = (0, 0, Vec::new());
    for _ in 0..60 {
        let count = 1 + rng.below(180);
        told.offer(next, count as u32);
        unsent.extend(next..next + count);
        next += count;
        // Not always as they were offered, and not always all of them.
        let few = (1 + rng.below(unsent.len() as u64)) as usize;
        let numbers: Vec<u64> = unsent.drain(..few).collect();
        let ids = batch(&numbers, rng.chance(0.1).then_some(4));
        match rng.below(12) {
            0 => told.tell(Life::Rejected { ids: ids.clone(), why: Reason::MessageTooLarge }),
            1 => told.tell(Life::Unknown { ids: ids.clone(), why: Reason::DeliveryTimeout }),
            _ => {
                told.tell(Life::Stored { ids: ids.clone(), place: PLACE, offset: end });
                told.tell(Life::Accepted { ids: ids.clone(), place: Some(PLACE), offset: Some(end) });
                end += numbers.len() as u64;
                read_some(&mut told, &mut rng, &numbers, end);
            }
        }
        told.tell(Life::Committed { place: PLACE, upto: end });
        for group in (0..2).map(GroupId) {
            told.tell(Life::Settled { group, place: PLACE, upto: end - rng.below(300).min(end) });
        }
        match rng.below(20) {
            0 => {
                end -= rng.below(60).min(end);
                told.tell(Life::Cut { place: PLACE, from: end, why: Reason::PowerLoss, log: None });
            }
            1 => told.tell(Life::Expired { place: PLACE, below: end / 2, why: Reason::Retention }),
            2 => told.tell(Life::Skipped { group: GROUP, place: PLACE, to: end, why: Reason::OffsetReset }),
            _ => {}
        }
    }
    told.ledger.close(1, Time::from_nanos(told.now));
    let mut closed = told.take_left();
    closed.sort_by_key(|closed| closed.id);
    (closed, told.ledger.balance(), told.ledger.tally())
}

/// Parts of what was stored up to `end`: handed over, and in part processed, also from the middle on.
fn read_some(told: &mut Told, rng: &mut Rng, numbers: &[u64], end: u64) {
    for group in (0..2).map(GroupId) {
        let from = rng.below(numbers.len() as u64) as usize;
        let part = &numbers[from..];
        let offset = end - part.len() as u64;
        told.tell(Life::Delivered { ids: batch(part, None), group, place: PLACE, offset });
        let done = &part[rng.below(part.len() as u64) as usize..];
        let offset = end - done.len() as u64;
        told.tell(Life::Processed { ids: batch(done, None), group, place: PLACE, offset });
    }
}

#[test]
fn a_line_for_several_records_says_what_a_line_for_each_would() {
    for seed in 0..12 {
        let (closed, balance, tally) = folded_or_not(seed, false);
        let (closed_apart, balance_apart, tally_apart) = folded_or_not(seed, true);
        assert_eq!((&balance, tally), (&balance_apart, tally_apart), "{seed}");
        assert_eq!(closed.len() as u64, tally.offered, "{seed}");
        assert!(closed == closed_apart, "{seed}");
        assert!(balance.settled > 0 && balance.lost_total() > 0, "{balance:?}");
    }
}

#[test]
fn records_that_are_alike_share_lines_and_those_with_keys_have_their_own() {
    for (key_hash, lines) in [(None, 8), (Some(1), 896)] {
        let mut told = Told::new(1);
        told.offer(0, 896);
        told.keep(&batch(&(0..896).collect::<Vec<_>>(), key_hash), PLACE, 0);
        let window = told.ledger.windows[0].as_ref().expect("a source that published");
        assert!(window.runs().count() <= lines && window.rows().count() == 896);
        assert!(window.rows().all(|(number, line, _)| line.offset == number && line.bytes == 100));
    }
}

#[test]
fn what_was_promised_unseen_and_never_stored_is_lost_at_the_end() {
    let mut told = Told::new(1);
    told.offer(0, 2);
    told.tell(Life::Accepted { ids: batch(&[0, 1], None), place: Some(PLACE), offset: None });
    told.tell(Life::Stored { ids: batch(&[1], None), place: PLACE, offset: 0 });
    assert_eq!(told.ledger.balance().lost_total(), 0, "it may still arrive");
    told.ledger.close(1, Time::from_nanos(told.now));
    assert_eq!(told.ledger.balance().lost[&Reason::NotAcknowledged], 1);
    assert_eq!(told.ledger.balance().in_flight[&Whereabouts::Stored], 1);
}

#[test]
fn what_a_leader_that_was_replaced_stores_is_in_no_log_that_is_read() {
    let mut told = Told::new(1);
    told.offer(0, 3);
    told.keep(&batch(&[0], None), PLACE, 0);
    told.tell_from(ActorId(1), Life::Cut { place: PLACE, from: 1, why: Reason::LeaderElection, log: None });
    told.tell(Life::Stored { ids: batch(&[1], None), place: PLACE, offset: 1 });
    told.tell_from(ActorId(1), Life::Stored { ids: batch(&[2], None), place: PLACE, offset: 1 });
    assert_eq!(told.ledger.balance().lost_total(), 0, "nobody has promised it yet");
    told.tell(Life::Accepted { ids: batch(&[1], None), place: Some(PLACE), offset: Some(1) });
    assert_eq!(told.ledger.balance().lost[&Reason::LeaderElection], 1);
}

#[test]
fn offsets_that_are_given_out_anew_are_settled_anew() {
    let mut told = Told::new(1);
    told.offer(0, 4);
    let (old, new) = (batch(&[0, 1], None), batch(&[2, 3], None));
    told.keep(&old, PLACE, 0);
    told.read(&old, GROUP, PLACE, 0);
    told.settle(PLACE, 2);
    told.tell(Life::Cut { place: PLACE, from: 0, why: Reason::PowerLoss, log: None });
    told.keep(&new, PLACE, 0);
    told.read(&new, GROUP, PLACE, 0);
    assert_eq!(told.ledger.balance().settled, 2, "the new ones are not settled by what was said of the old");
    told.settle(PLACE, 2);
    assert_eq!(told.ledger.balance().settled, 4);
}

#[test]
fn what_was_settled_before_its_work_and_cut_before_its_end_is_lost() {
    let mut told = Told::new(1);
    let ids = batch(&[0, 1, 2, 3], None);
    told.offer(0, 4);
    told.keep(&ids, PLACE, 0);
    told.tell(Life::Delivered { ids: ids.clone(), group: GROUP, place: PLACE, offset: 0 });
    told.settle(PLACE, 4);
    told.tell(Life::Processed { ids: batch(&[0], None), group: GROUP, place: PLACE, offset: 0 });
    told.tell(Life::Cut { place: PLACE, from: 2, why: Reason::PowerLoss, log: None });
    let balance = told.ledger.balance();
    assert_eq!((balance.settled, balance.lost[&Reason::PowerLoss]), (1, 2), "{balance:?}");
    assert_eq!(balance.in_flight[&Whereabouts::Unsettled], 1, "the second is in work, and in the log");
    told.tell(Life::Processed { ids: batch(&[1], None), group: GROUP, place: PLACE, offset: 1 });
    assert_eq!((told.ledger.balance().settled, told.ledger.in_memory()), (2, 0));
}

#[test]
fn what_was_kept_where_nobody_reads_and_is_cut_is_lost() {
    let mut told = Told::new(0);
    told.offer(0, 4);
    told.keep(&batch(&[0, 1, 2, 3], None), PLACE, 0);
    assert_eq!(told.ledger.balance().in_flight[&Whereabouts::Kept], 4);
    told.tell(Life::Expired { place: PLACE, below: 1, why: Reason::Retention });
    told.tell(Life::Cut { place: PLACE, from: 0, why: Reason::PowerLoss, log: None });
    let balance = told.ledger.balance();
    assert_eq!(
        (balance.in_flight[&Whereabouts::Kept], balance.lost[&Reason::PowerLoss]),
        (1, 3),
        "{balance:?}"
    );
}

/// Takes over in an unclean-election topic with a log that these reigns wrote and that ends at `from`.
fn take_over(told: &mut Told, actor: u32, from: u64, reigns: &[(u32, u64)]) {
    let log = reigns.iter().map(|(number, start)| Reign { number: *number, start: *start }).collect();
    let cut = Life::Cut { place: PLACE, from, why: Reason::UncleanElection, log: Some(log) };
    told.tell_from(ActorId(actor), cut);
}

fn keep_as(told: &mut Told, actor: u32, number: u64, offset: u64) {
    let ids = batch(&[number], None);
    told.tell_from(ActorId(actor), Life::Stored { ids: ids.clone(), place: PLACE, offset });
    told.tell_from(ActorId(actor), Life::Committed { place: PLACE, upto: offset + 1 });
    told.tell(Life::Accepted { ids, place: Some(PLACE), offset: Some(offset) });
}

/// KIP-279, the chain of its test, with records of one letter each: A has 0; B takes 1; A takes 2 and 3; B takes 4.
#[test]
fn what_an_old_leader_alone_had_is_back_with_it_and_what_it_lacks_is_lost() {
    let mut told = Told::new(1);
    told.offer(0, 6);
    keep_as(&mut told, 0, 0, 0);
    take_over(&mut told, 1, 1, &[(0, 0), (1, 1)]);
    keep_as(&mut told, 1, 1, 1);
    take_over(&mut told, 0, 1, &[(0, 0), (2, 1)]);
    keep_as(&mut told, 0, 2, 1);
    keep_as(&mut told, 0, 3, 2);
    assert_eq!(told.ledger.balance().lost[&Reason::UncleanElection], 1, "1, as it stands");
    take_over(&mut told, 1, 2, &[(0, 0), (1, 1), (3, 2)]);
    keep_as(&mut told, 1, 4, 2);
    assert_eq!(told.ledger.balance().lost[&Reason::UncleanElection], 2, "1 is back; 2 and 3 are not there");
    take_over(&mut told, 0, 3, &[(0, 0), (2, 1), (4, 3)]);
    keep_as(&mut told, 0, 5, 3);
    assert_eq!(told.ledger.balance().lost[&Reason::UncleanElection], 2, "1 and 4, which B alone has");
    let read = batch(&[0, 2, 3, 5], None);
    told.read(&read, GROUP, PLACE, 0);
    told.settle(PLACE, 4);
    assert_eq!((told.ledger.balance().settled, told.ledger.in_memory()), (4, 2));
    told.ledger.close(1, Time::from_nanos(told.now));
    let closed = told.take_left();
    let lost: Vec<_> = closed
        .iter()
        .filter(|closed| matches!(closed.fate, Fate::Lost(_)))
        .map(|closed| closed.id.sequence())
        .collect();
    assert_eq!(lost, [1, 4]);
    assert!(told.ledger.balance().holds());
}

#[test]
fn where_logs_cannot_part_what_is_cut_off_leaves_at_once() {
    for (log, left) in [(None, 0), (Some([Reign { number: 0, start: 0 }].into()), 2)] {
        let mut told = Told::new(1);
        told.offer(0, 2);
        told.keep(&batch(&[0, 1], None), PLACE, 0);
        told.tell(Life::Cut { place: PLACE, from: 0, why: Reason::PowerLoss, log });
        assert_eq!(told.ledger.balance().lost[&Reason::PowerLoss], 2);
        assert_eq!(told.ledger.in_memory(), left);
    }
}

#[test]
fn memory_of_what_may_come_back_is_bounded() {
    let mut told = Told::new(1);
    let many = 40_000u64;
    told.offer(0, many as u32);
    for number in 0..many {
        told.ledger.stored(Time::ZERO, &batch(&[number], None), PLACE, number);
    }
    told.tell(Life::Accepted {
        ids: Ids::Range { first: RecordId::new(0, 0), records: many as u32 },
        place: None,
        offset: None,
    });
    take_over(&mut told, 1, 0, &[(1, 0)]);
    assert_eq!(told.ledger.balance().lost[&Reason::UncleanElection], many);
    assert!(told.ledger.in_memory() <= 16_384, "{}", told.ledger.in_memory());
}

#[test]
fn what_is_stored_again_when_its_first_copy_was_settled_is_stored_twice() {
    let mut told = Told::new(1);
    told.ledger.remark_on(Wants { stored: true, ..Wants::NONE });
    told.offer(0, 3);
    let ids = batch(&[0, 1, 2], None);
    told.keep(&ids, PLACE, 0);
    told.read(&ids, GROUP, PLACE, 0);
    told.settle(PLACE, 3);
    assert_eq!((told.ledger.in_memory(), told.ledger.tally().stored_twice), (0, 0));
    told.tell(Life::Stored { ids: batch(&[1, 2], None), place: PLACE, offset: 3 });
    assert_eq!(told.ledger.tally().stored_twice, 2);
    let again: Vec<_> = told.ledger.take_remarks();
    let again: Vec<_> = again.iter().map(|it| (it.record.sequence(), it.offset, it.what)).collect();
    assert_eq!(again, [(1, Some(3), What::StoredAgain), (2, Some(4), What::StoredAgain)]);
}

#[test]
fn what_was_refused_and_is_stored_after_all_is_there_once() {
    let mut told = Told::new(1);
    told.offer(0, 1);
    let ids = batch(&[0], None);
    told.tell(Life::Rejected { ids: ids.clone(), why: Reason::DeliveryTimeout });
    assert_eq!(told.ledger.in_memory(), 0);
    told.tell(Life::Stored { ids, place: PLACE, offset: 0 });
    assert_eq!(told.ledger.tally().stored_twice, 0);
}

/// 0 and 1 are deleted while they lie in the reader's hands, 2 and 3 before it comes to them.
#[test]
fn what_a_reader_holds_when_it_is_deleted_is_missed_only_if_it_never_comes_to_it() {
    let mut told = Told::new(1);
    told.offer(0, 5);
    let ids = batch(&[0, 1, 2, 3, 4], None);
    told.keep(&ids, PLACE, 0);
    let expired = Life::Expired { place: PLACE, below: 4, why: Reason::Retention };
    told.tell(expired);
    assert_eq!(told.ledger.balance().dropped[&Reason::Retention], 4, "as it stands");
    told.read(&batch(&[0, 1], None), GROUP, PLACE, 0);
    assert_eq!((told.ledger.balance().settled, told.ledger.tally().duplicates), (2, 0));
    assert_eq!(told.ledger.balance().dropped[&Reason::Retention], 2);
    told.tell(Life::Skipped { group: GROUP, place: PLACE, to: 4, why: Reason::OffsetReset });
    assert_eq!(told.ledger.in_memory(), 1, "it has gone past the two");
    told.read(&batch(&[4], None), GROUP, PLACE, 4);
    told.settle(PLACE, 5);
    let balance = told.ledger.balance();
    assert_eq!((balance.settled, balance.dropped[&Reason::Retention]), (3, 2), "{balance:?}");
    assert_eq!(told.ledger.in_memory(), 0);
}

#[test]
fn what_is_deleted_behind_a_reader_leaves_at_once_and_doubt_has_a_bound() {
    let mut told = Told::new(1);
    told.offer(0, 30_000);
    told.keep(&batch(&[0], None), PLACE, 0);
    told.read(&batch(&[0], None), GROUP, PLACE, 0);
    told.tell(Life::Expired { place: PLACE, below: 1, why: Reason::Retention });
    assert_eq!((told.ledger.in_memory(), told.ledger.balance().settled), (29_999, 1));
    for number in 1..30_000 {
        told.ledger.stored(Time::ZERO, &batch(&[number], None), PLACE, number);
        told.ledger.expired(Time::ZERO, PLACE, number + 1, Reason::Retention);
    }
    assert!(told.ledger.in_memory() <= 4_096, "{}", told.ledger.in_memory());
    assert_eq!(told.ledger.balance().dropped[&Reason::Retention], 29_999);
}

/// A real topic may hold records of others, which have no entry.
#[test]
fn the_oldest_record_that_waits_is_found_behind_records_of_others() {
    let mut told = Told::new(1);
    told.offer(0, 2);
    told.keep(&batch(&[0], None), PLACE, 0);
    told.read(&batch(&[0], None), GROUP, PLACE, 0);
    told.settle(PLACE, 1);
    told.tell(Life::Committed { place: PLACE, upto: 5 });
    told.tell(Life::Stored { ids: batch(&[1], None), place: PLACE, offset: 5 });
    let stored = Time::from_nanos(told.now);
    assert_eq!(told.ledger.lag(GROUP, PLACE), 4, "offsets, as Kafka counts them");
    assert_eq!(told.ledger.oldest_unsettled(GROUP, PLACE), None, "not committed yet");
    told.tell(Life::Committed { place: PLACE, upto: 6 });
    assert_eq!(told.ledger.oldest_unsettled(GROUP, PLACE), Some(stored));
}

#[test]
fn a_line_is_a_line_of_the_cache() {
    assert_eq!((size_of::<Line>(), size_of::<Leg>()), (64, 32));
}

/// A ledger of one topic whose readers acknowledge each message, and so many groups.
fn one_by_one(groups: u32) -> Told {
    let mut stage = Stage::default();
    let orders = stage.add_channel("plant/line", 1, false, true);
    stage.channels[orders.index()].one_by_one = true;
    (0..groups).for_each(|group| _ = stage.add_group(format!("group-{group}"), vec![orders]));
    stage.add_source("sensor");
    Told { ledger: Ledger::new(Arc::new(stage), (), true), now: 0, apart: false }
}

/// ZeroMQ: sockets say what is gone, so that what nobody told of is still there.
#[test]
fn where_no_log_is_kept_what_was_accepted_waits_until_it_is_processed_or_said_to_be_gone() {
    let mut stage = Stage::default();
    let tasks = stage.add_channel("tasks", 1, false, false);
    stage.add_group("workers", vec![tasks]);
    stage.add_source("ventilator");
    let mut told = Told { ledger: Ledger::new(Arc::new(stage), (), true), now: 0, apart: false };
    told.offer(0, 5);
    let accept = |told: &mut Told, numbers: &[u64]| {
        told.tell(Life::Accepted { ids: batch(numbers, None), place: Some(PLACE), offset: None });
        Time::from_nanos(told.now)
    };
    let (first, second) = (accept(&mut told, &[0, 1]), accept(&mut told, &[2, 3]));
    assert_eq!(told.ledger.lag(GROUP, PLACE), 4, "the fifth is still at the socket");
    assert_eq!(told.ledger.oldest_unsettled(GROUP, PLACE), Some(first));
    told.read(&batch(&[0], None), GROUP, PLACE, 0);
    told.tell(Life::Dropped { ids: batch(&[1], None), why: Reason::PeerDied });
    assert_eq!(told.ledger.lag(GROUP, PLACE), 2);
    assert_eq!(told.ledger.oldest_unsettled(GROUP, PLACE), Some(second));
    told.ledger.close(1, Time::from_nanos(told.now));
    let balance = told.ledger.balance();
    assert_eq!((balance.settled, balance.lost_total()), (1, 0), "{balance:?}");
    assert_eq!(balance.dropped, BTreeMap::from([(Reason::PeerDied, 1)]));
    assert_eq!(balance.in_flight, BTreeMap::from([(Whereabouts::Unsent, 3)]));
}

#[test]
fn acknowledgements_in_any_order_settle_the_records_that_they_name_and_no_others() {
    let mut told = one_by_one(1);
    let ids = batch(&[0, 1, 2], None);
    told.offer(0, 3);
    told.keep(&ids, PLACE, 0);
    assert_eq!(told.ledger.lag(GROUP, PLACE), 3);
    for number in [2, 0] {
        let one = batch(&[number], None);
        told.read(&one, GROUP, PLACE, number);
        told.tell(Life::Acknowledged { ids: one, group: GROUP, place: PLACE });
    }
    assert_eq!((told.ledger.in_memory(), told.ledger.balance().settled), (1, 2));
    assert_eq!(told.ledger.lag(GROUP, PLACE), 1);
    assert_eq!(told.ledger.balance().in_flight, BTreeMap::from([(Whereabouts::Undelivered, 1)]));
}

#[test]
fn what_one_of_two_groups_missed_is_lost_with_its_reason_and_no_lag_any_more() {
    let mut told = one_by_one(2);
    let ids = batch(&[0], None);
    told.offer(0, 1);
    told.keep(&ids, PLACE, 0);
    told.read(&ids, GROUP, PLACE, 0);
    told.tell(Life::Acknowledged { ids: ids.clone(), group: GROUP, place: PLACE });
    assert_eq!(told.ledger.balance().lost_total(), 0, "the other group may get it yet");
    let (group, why) = (GroupId(1), Reason::PassedOver);
    told.tell(Life::Missed { ids, group, place: PLACE, why });
    assert_eq!(told.ledger.balance().lost, BTreeMap::from([(Reason::PassedOver, 1)]));
    assert_eq!(told.ledger.lag(group, PLACE), 0);
}

#[test]
fn what_one_group_missed_another_one_may_still_process_and_that_is_no_duplicate() {
    let mut told = one_by_one(2);
    let ids = batch(&[0], None);
    told.offer(0, 1);
    told.keep(&ids, PLACE, 0);
    let why = Reason::NotAcknowledged;
    told.tell(Life::Missed { ids: ids.clone(), group: GroupId(1), place: PLACE, why });
    told.read(&ids, GROUP, PLACE, 0);
    told.tell(Life::Acknowledged { ids, group: GROUP, place: PLACE });
    assert_eq!(told.ledger.tally().duplicates, 0);
    assert_eq!(told.ledger.take_closed().len(), 1);
    assert_eq!(told.ledger.balance().lost, BTreeMap::from([(why, 1)]));
}

#[test]
fn what_was_processed_and_will_not_come_again_is_settled() {
    let mut told = one_by_one(1);
    let ids = batch(&[0], None);
    told.offer(0, 1);
    told.keep(&ids, PLACE, 0);
    told.read(&ids, GROUP, PLACE, 0);
    told.tell(Life::Missed { ids, group: GROUP, place: PLACE, why: Reason::SessionEnded });
    assert_eq!((told.ledger.balance().settled, told.ledger.balance().lost_total()), (1, 0));
}

#[test]
fn what_was_acknowledged_unprocessed_is_lost_only_when_its_reader_says_so() {
    let mut told = one_by_one(1);
    let (first, second) = (batch(&[0], None), batch(&[1], None));
    told.offer(0, 2);
    told.keep(&batch(&[0, 1], None), PLACE, 0);
    told.tell(Life::Delivered { ids: first.clone(), group: GROUP, place: PLACE, offset: 0 });
    told.tell(Life::Acknowledged { ids: first.clone(), group: GROUP, place: PLACE });
    // Another member of the group works on the second one meanwhile.
    told.read(&second, GROUP, PLACE, 1);
    told.tell(Life::Acknowledged { ids: second, group: GROUP, place: PLACE });
    assert_eq!(told.ledger.balance().lost_total(), 0);
    let why = Reason::CommittedUnprocessed;
    told.tell(Life::Missed { ids: first, group: GROUP, place: PLACE, why });
    assert_eq!(told.ledger.balance().lost, BTreeMap::from([(why, 1)]));
    assert_eq!(told.ledger.lag(GROUP, PLACE), 0, "it is counted once");
}
