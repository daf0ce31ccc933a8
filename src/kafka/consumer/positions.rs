//! Where the consumer reads next in each partition that it owns (`SubscriptionState`).
//!
//! ```text
//! Unknown -> (committed offset) -> Fetching <-> Validating (the leader epoch changed; KIP-320)
//!    \-> Resetting -> Fetching        \-> Resetting (out of range, diverged)
//! ```
//!
//! **Invariant.** Partitions are in ascending order; each is found by its dense number without a search.
//! Only a partition in `Fetching` has a position that is fetched from, handed over from and committed.
//! Not modelled: leader epochs in committed offsets, so a position that was taken up from a commit is not
//! validated before its first record.

use std::collections::BTreeMap;

use crate::kernel::Time;
use crate::trace::PlaceId;
use crate::trace::kafka::{BrokerId, PositionReason};
use crate::wire::kafka::Image;

/// What has to be known before a partition can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// What the group has committed.
    Unknown,
    /// Where `auto.offset.reset` leads.
    Resetting(PositionReason),
    /// Whether the new leader has what was read so far.
    Validating,
    /// Nothing more.
    Fetching,
}

/// A partition that the consumer owns.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub place: PlaceId,
    pub phase: Phase,
    /// The request that will end the phase is under way.
    pub asked: bool,
    /// Not to be asked for before.
    pub retry_at: Time,
    /// The next offset to hand over.
    pub offset: u64,
    /// The leader epoch of the record before it.
    pub last_epoch: Option<u32>,
    /// None until metadata tell.
    pub leader: Option<BrokerId>,
    pub leader_epoch: u32,
    /// From whom, and from which offset on, it was last fetched.
    pub fetched: Option<(u32, u64)>,
    /// Has data in the buffer.
    pub buffered: bool,
    /// Had data in the last response: goes to the end of the next request.
    pub served: bool,
}

impl Position {
    fn new(place: PlaceId) -> Self {
        Self {
            place,
            phase: Phase::Unknown,
            asked: false,
            retry_at: Time::ZERO,
            offset: 0,
            last_epoch: None,
            leader: None,
            leader_epoch: 0,
            fetched: None,
            buffered: false,
            served: false,
        }
    }

    /// Whether a fetch may ask for it: its position is valid and nothing of it waits in the buffer.
    pub fn is_fetchable(&self) -> bool {
        self.phase == Phase::Fetching && !self.buffered
    }

    /// Takes over what is known of the leader now; true when that changed something.
    ///
    /// A leader of a new epoch may lack what was read: then it is asked first (KIP-320).
    fn follow(&mut self, leader: Option<BrokerId>, epoch: u32) -> bool {
        if epoch < self.leader_epoch || (leader, epoch) == (self.leader, self.leader_epoch) {
            return false;
        }
        let news = epoch > self.leader_epoch;
        (self.leader, self.leader_epoch) = (leader, epoch);
        let valid = matches!(self.phase, Phase::Fetching | Phase::Validating);
        if news && valid && self.last_epoch.is_some() {
            self.phase = Phase::Validating;
            (self.asked, self.retry_at) = (false, Time::ZERO);
        }
        true
    }
}

const ABSENT: u32 = u32::MAX;

/// All partitions that the consumer owns.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions {
    slots: Vec<Position>,
    /// By partition.
    slot_of: Vec<u32>,
    /// How many are not in [`Phase::Fetching`].
    unready: u32,
}

impl Positions {
    /// Owns exactly these, in ascending order, from now on; keeps what is known of those that it owned before.
    pub fn assign(&mut self, places: &[PlaceId]) {
        assert!(places.is_sorted_by(|one, other| one < other), "each partition once, in ascending order");
        let mut before = std::mem::take(&mut self.slots).into_iter().peekable();
        self.slot_of.fill(ABSENT);
        for &place in places {
            while before.next_if(|position| position.place < place).is_some() {}
            let kept = before.next_if(|position| position.place == place);
            if place.index() >= self.slot_of.len() {
                self.slot_of.resize(place.index() + 1, ABSENT);
            }
            self.slot_of[place.index()] = self.slots.len() as u32;
            self.slots.push(kept.unwrap_or_else(|| Position::new(place)));
        }
        self.count();
    }

    #[inline]
    pub fn get(&self, place: PlaceId) -> Option<&Position> {
        let slot = *self.slot_of.get(place.index())?;
        self.slots.get(slot as usize)
    }

    /// The partition, for changes that leave its phase alone.
    #[inline]
    pub fn get_mut(&mut self, place: PlaceId) -> Option<&mut Position> {
        let slot = *self.slot_of.get(place.index())?;
        self.slots.get_mut(slot as usize)
    }

    /// Reads on from `offset`.
    pub fn seek(&mut self, place: PlaceId, offset: u64, last_epoch: Option<u32>) {
        let position = self.enter(place, Phase::Fetching);
        (position.offset, position.last_epoch) = (offset, last_epoch);
    }

    /// The leader has what was read so far.
    pub fn validated(&mut self, place: PlaceId) {
        self.enter(place, Phase::Fetching);
    }

    /// Asks `auto.offset.reset` where to go on.
    pub fn reset(&mut self, place: PlaceId, why: PositionReason) {
        self.enter(place, Phase::Resetting(why));
    }

    fn enter(&mut self, place: PlaceId, phase: Phase) -> &mut Position {
        let slot = self.slot_of[place.index()] as usize;
        let position = &mut self.slots[slot];
        self.unready -= u32::from(position.phase != Phase::Fetching);
        self.unready += u32::from(phase != Phase::Fetching);
        (position.phase, position.asked, position.retry_at) = (phase, false, Time::ZERO);
        position
    }

    /// The request for this partition failed; again at `retry_at`.
    pub fn ask_again(&mut self, place: PlaceId, retry_at: Time) {
        if let Some(position) = self.get_mut(place) {
            (position.asked, position.retry_at) = (false, retry_at);
        }
    }

    /// Takes over the leaders of an image; true when one changed.
    pub fn learn(&mut self, image: &Image) -> bool {
        let mut changed = false;
        for position in &mut self.slots {
            if let Some(partition) = image.partitions.get(position.place.index()) {
                changed |= position.follow(partition.leader, partition.leader_epoch);
            }
        }
        self.count();
        changed
    }

    /// Takes over what a broker said of one partition's leader (KIP-951); true when that is news.
    pub fn hint(&mut self, place: PlaceId, leader: BrokerId, epoch: u32) -> bool {
        let Some(position) = self.get_mut(place) else { return false };
        let was_unready = position.phase != Phase::Fetching;
        let changed = position.follow(Some(leader), epoch);
        let is_unready = position.phase != Phase::Fetching;
        self.unready += u32::from(is_unready && !was_unready);
        changed
    }

    /// Nobody is asked for this partition until metadata name its leader.
    pub fn forget_leader(&mut self, place: PlaceId) {
        if let Some(position) = self.get_mut(place) {
            position.leader = None;
        }
    }

    fn count(&mut self) {
        self.unready = self.slots.iter().filter(|position| position.phase != Phase::Fetching).count() as u32;
    }

    /// Whether anything has to be known before all of them can be read.
    #[inline]
    pub fn are_unready(&self) -> bool {
        self.unready > 0
    }

    /// Marks as asked, and returns, those whose committed offset is wanted.
    pub fn wanting_commit(&mut self, now: Time) -> Vec<PlaceId> {
        if self.unready == 0 {
            return Vec::new();
        }
        let due = |position: &&mut Position| {
            position.phase == Phase::Unknown && !position.asked && position.retry_at <= now
        };
        self.slots
            .iter_mut()
            .filter(due)
            .map(|position| {
                position.asked = true;
                position.place
            })
            .collect()
    }

    /// Those whose leader must be asked something, by leader; none where the leader is not known.
    pub fn wanting_leader(&self, now: Time) -> BTreeMap<Option<BrokerId>, Vec<PlaceId>> {
        let mut by_leader = BTreeMap::<_, Vec<_>>::new();
        if self.unready == 0 {
            return by_leader;
        }
        for position in &self.slots {
            match position.phase {
                Phase::Resetting(_) | Phase::Validating if !position.asked && position.retry_at <= now => {
                    by_leader.entry(position.leader).or_default().push(position.place);
                }
                Phase::Unknown | Phase::Resetting(_) | Phase::Validating | Phase::Fetching => {}
            }
        }
        by_leader
    }

    /// When the next of those that wait after a failure is to be asked for again, after `now`.
    pub fn next_retry(&self, now: Time) -> Option<Time> {
        if self.unready == 0 {
            return None;
        }
        let waits = |position: &&Position| {
            position.phase != Phase::Fetching && !position.asked && position.retry_at > now
        };
        self.slots.iter().filter(waits).map(|position| position.retry_at).min()
    }

    /// What a commit says: the position of every partition that has one (`allConsumed`).
    pub fn consumed(&self) -> Vec<(PlaceId, u64)> {
        let valid = self.slots.iter().filter(|position| position.phase == Phase::Fetching);
        valid.map(|position| (position.place, position.offset)).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Position> {
        self.slots.iter()
    }

    pub fn places(&self) -> Vec<PlaceId> {
        self.slots.iter().map(|position| position.place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PlaceId = PlaceId(3);
    const B: PlaceId = PlaceId(5);

    fn reading(offset: u64, last_epoch: Option<u32>) -> Positions {
        let mut positions = Positions::default();
        positions.assign(&[A, B]);
        positions.seek(A, offset, last_epoch);
        positions
    }

    #[test]
    fn a_partition_that_is_kept_keeps_its_position_and_a_new_one_has_none() {
        let mut positions = reading(7, None);
        positions.assign(&[A, PlaceId(4)]);
        assert_eq!(positions.places(), [A, PlaceId(4)]);
        assert_eq!(positions.consumed(), [(A, 7)]);
        assert!(positions.get(B).is_none());
        positions.assign(&[]);
        positions.assign(&[A]);
        assert_eq!(positions.consumed(), [], "given up in between");
    }

    #[test]
    fn a_new_leader_epoch_asks_for_validation_only_when_something_was_read() {
        for (read, phase) in [(Some(0), Phase::Validating), (None, Phase::Fetching)] {
            let mut positions = reading(7, read);
            positions.hint(A, BrokerId(1), 1);
            assert_eq!(positions.get(A).unwrap().phase, phase);
        }
    }

    #[test]
    fn an_older_leader_epoch_is_not_believed() {
        let mut positions = reading(7, None);
        assert!(positions.hint(A, BrokerId(1), 2));
        assert!(!positions.hint(A, BrokerId(2), 1));
        assert_eq!(positions.get(A).unwrap().leader, Some(BrokerId(1)));
    }
}
