//! Fetching and handing over: one request at a time to each broker, a buffer of responses, and slices of
//! them for the application (`AbstractFetch`, `FetchCollector` of Kafka 4.1).
//!
//! **Invariant.** Records are handed over in the order of their offsets, none below the position, and the
//! position moves with them. A partition with data in the buffer is not fetched, and neither is any other
//! from the same broker (KAFKA-17182). Partitions that had data go to the end of the next request.
//!
//! Not modelled: incremental fetch sessions (a request names every partition, KIP-227), fetching from
//! followers (KIP-392).

use std::collections::VecDeque;
use std::sync::Arc;

use super::brokers::{Brokers, Seat};
use super::positions::{Phase, Position, Positions};
use crate::kafka::config::ConsumerConfig;
use crate::kernel::Time;
use crate::trace::kafka::{BrokerId, ErrorCode};
use crate::trace::{Few, GroupId, PlaceId, Span};
use crate::wire::kafka::{Chunk, Fetch, FetchPlace, FetchSession, Fetched};
use crate::wire::port::Delivery;

/// What a fetch response says about a partition that it has no records of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub place: PlaceId,
    pub error: ErrorCode,
    /// The leader and its epoch, when the broker knows better.
    pub leader: Option<(BrokerId, u32)>,
}

/// What is fetched from one broker.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// The partitions that it leads, in the order in which the next request names them.
    places: Vec<PlaceId>,
    /// Empty; its memory is kept.
    served: Vec<PlaceId>,
    under_way: bool,
    /// Partitions in the buffer that came from it.
    buffered: u32,
    not_before: Time,
}

/// A partition's share of a response, not handed over yet. At least one chunk.
#[derive(Clone, Debug)]
struct Buffered {
    seat: Seat,
    place: PlaceId,
    chunks: Few<Chunk>,
    /// The chunk that comes next.
    chunk: u32,
    /// Where the rest begins: of no use when the position is elsewhere by now.
    offset: u64,
}

/// All fetching of a consumer.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    lanes: Vec<Lane>,
    buffer: VecDeque<Buffered>,
}

impl Fetcher {
    pub fn new(brokers: usize) -> Self {
        Self { lanes: vec![Lane::default(); brokers], buffer: VecDeque::new() }
    }

    /// Sorts the partitions under their leaders anew: after an assignment or a change of leaders.
    pub fn arrange(&mut self, positions: &Positions, brokers: &Brokers) {
        for lane in &mut self.lanes {
            lane.places.clear();
        }
        for position in positions.iter() {
            if let Some(seat) = position.leader.and_then(|leader| brokers.seat(leader)) {
                self.lanes[seat.index()].places.push(position.place);
            }
        }
    }

    /// Throws away what was fetched of partitions that are owned no more.
    pub fn forget_lost(&mut self, positions: &Positions) {
        let lanes = &mut self.lanes;
        self.buffer.retain(|buffered| {
            let owned = positions.get(buffered.place).is_some_and(|position| position.buffered);
            lanes[buffered.seat.index()].buffered -= u32::from(!owned);
            owned
        });
    }

    /// The next request to this broker: none while one is under way, while data of it wait in the buffer,
    /// or when there is nothing to ask for.
    pub fn request(
        &mut self,
        seat: Seat,
        positions: &mut Positions,
        config: &ConsumerConfig,
        group: GroupId,
        now: Time,
    ) -> Option<Fetch> {
        let lane = &mut self.lanes[seat.index()];
        if lane.under_way || lane.buffered > 0 || lane.places.is_empty() || lane.not_before > now {
            return None;
        }
        lane.put_served_last(positions);
        let mut places = Vec::with_capacity(lane.places.len());
        for &place in &lane.places {
            let position = positions.get_mut(place).expect("a partition under a leader is owned");
            if position.is_fetchable() {
                position.fetched = Some((seat.0, position.offset));
                places.push(ask(position, config.max_partition_fetch_bytes));
            }
        }
        if places.is_empty() {
            return None;
        }
        lane.under_way = true;
        Some(Fetch {
            replica: None,
            group: Some(group),
            max_wait: config.fetch_max_wait,
            min_bytes: config.fetch_min_bytes,
            max_bytes: config.fetch_max_bytes,
            session: FetchSession::Without,
            places,
        })
    }

    /// The request to this broker ended without a response; not again before `retry_at`.
    pub fn failed(&mut self, seat: Seat, retry_at: Time) {
        let lane = &mut self.lanes[seat.index()];
        (lane.under_way, lane.not_before) = (false, retry_at);
    }

    /// Takes in a response. Returns what went wrong in it; what is not asked for any more is left out.
    pub fn store(&mut self, seat: Seat, mut fetched: Fetched, positions: &mut Positions) -> Vec<Trouble> {
        let lane = &mut self.lanes[seat.index()];
        lane.under_way = false;
        let mut troubles = Vec::new();
        for news in &mut fetched.places {
            let Some(position) = positions.get_mut(news.place) else { continue };
            // A position that has moved meanwhile wants other records: the answer is to an old question.
            if !position.is_fetchable() || position.fetched.take() != Some((seat.0, position.offset)) {
                continue;
            }
            if news.error != ErrorCode::None {
                troubles.push(Trouble { place: news.place, error: news.error, leader: news.leader });
            } else if !news.chunks.is_empty() {
                (position.buffered, position.served) = (true, true);
                lane.buffered += 1;
                let (place, offset) = (news.place, position.offset);
                let chunks = std::mem::take(&mut news.chunks);
                self.buffer.push_back(Buffered { seat, place, chunks, chunk: 0, offset });
            }
        }
        troubles
    }

    /// Fetches from this broker wait until then.
    pub fn hold(&mut self, seat: Seat, until: Time) {
        let lane = &mut self.lanes[seat.index()];
        lane.not_before = lane.not_before.max(until);
    }

    /// When the next broker that is left alone is asked again, after `now`.
    pub fn next_retry(&self, now: Time) -> Option<Time> {
        let waits = |lane: &&Lane| lane.not_before > now && !lane.places.is_empty();
        self.lanes.iter().filter(waits).map(|lane| lane.not_before).min()
    }

    /// Hands over up to `records_max` records, in the order in which they were fetched.
    pub fn collect(&mut self, positions: &mut Positions, records_max: u32, deliveries: &mut Vec<Delivery>) {
        let mut left = records_max.max(1);
        while left > 0
            && let Some(buffered) = self.buffer.front_mut()
        {
            let position = positions.get_mut(buffered.place).expect("what is buffered is owned");
            // KIP-320: what was fetched under a leader that is being checked is fetched again.
            let usable = position.phase == Phase::Fetching && position.offset == buffered.offset;
            if !usable || slice(buffered, position, &mut left, deliveries) {
                position.buffered = false;
                self.lanes[buffered.seat.index()].buffered -= 1;
                self.buffer.pop_front();
            }
        }
    }
}

impl Lane {
    /// Fairness: those that had data in the last response come after those that had none.
    fn put_served_last(&mut self, positions: &mut Positions) {
        let served = |place: &PlaceId| positions.get(*place).is_some_and(|position| position.served);
        let Some(first) = self.places.iter().position(served) else { return };
        self.served.extend(self.places.iter().skip(first).filter(|place| served(place)));
        self.places.retain(|place| !served(place));
        for &place in &self.served {
            positions.get_mut(place).expect("a partition under a leader is owned").served = false;
        }
        self.places.append(&mut self.served);
    }
}

fn ask(position: &Position, max_bytes: u32) -> FetchPlace {
    FetchPlace {
        place: position.place,
        offset: position.offset,
        leader_epoch: Some(position.leader_epoch),
        // Consumers leave it out: they validate by asking for the end of their epoch (KIP-320).
        last_epoch: None,
        max_bytes,
    }
}

/// Hands over from one partition's share; true when nothing is left of it.
fn slice(
    buffered: &mut Buffered,
    position: &mut Position,
    left: &mut u32,
    deliveries: &mut Vec<Delivery>,
) -> bool {
    let Buffered { place, chunks, chunk: next, offset: rest, .. } = buffered;
    while let Some(chunk) = chunks.get(*next as usize) {
        if chunk.end() > position.offset {
            if *left == 0 {
                return false;
            }
            let from = position.offset.saturating_sub(chunk.offset) as u32;
            let to = chunk.batch.len().min(from.saturating_add(*left));
            let offset = chunk.offset + u64::from(from);
            let span = Span { batch: Arc::clone(&chunk.batch), from, to };
            deliveries.push(Delivery { place: *place, offset, span });
            *left -= to - from;
            position.offset = chunk.offset + u64::from(to);
            *rest = position.offset;
            position.last_epoch = Some(chunk.leader_epoch);
            if to < chunk.batch.len() {
                return false;
            }
        }
        *next += 1;
    }
    true
}
