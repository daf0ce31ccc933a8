//! Fetch, for consumers and followers; what is held until there is something; offsets by time.

use std::sync::Arc;

use crate::kernel::Cx;
use crate::trace::kafka::ErrorCode;
use crate::trace::{Few, PlaceId};
use crate::wire::kafka::{Fetch, FetchPlace, Fetched, FetchedPlace, OffsetSpec, Response};

use super::connections::Asker;
use super::groups::encoded;
use super::purgatory::{Held, Outcome, Wish};
use super::{Broker, BrokerTimer};

impl Broker {
    pub(super) fn fetch(&mut self, cx: &mut Cx<'_, Self>, asker: Asker, fetch: Arc<Fetch>) {
        if let Some(follower) = fetch.replica {
            return self.follower_fetches(cx, asker, follower, &fetch);
        }
        self.note_positions(&fetch);
        let at_once = || fetch.max_wait.is_zero().then(|| self.read(&fetch));
        if let Some(fetched) = self.read_enough(&fetch).or_else(at_once) {
            return self.hand_over(asker, fetched);
        }
        let deadline = cx.now() + fetch.max_wait;
        let slot = self.purgatory.hold(Held { asker, deadline, wish: Wish::Fetch(Arc::clone(&fetch)) });
        for asked in &fetch.places {
            if let Some(replica) = self.replica_aside(asked.place) {
                replica.held.push(slot);
            }
        }
        self.arm_purgatory(cx);
    }

    /// What a consumer's fetch tells the leader: how far its group has read.
    fn note_positions(&mut self, fetch: &Fetch) {
        let Some(group) = fetch.group else { return };
        for asked in &fetch.places {
            let Some(replica) = self.replica_aside(asked.place) else { continue };
            match replica.read.iter_mut().find(|(other, _)| *other == group) {
                Some((_, position)) => *position = asked.offset,
                None => replica.read.push((group, asked.offset)),
            }
        }
    }

    /// The answer to a fetch, when there is enough for one. Most looks find nothing: then nothing is read.
    fn read_enough(&self, fetch: &Fetch) -> Option<Fetched> {
        let any = fetch.min_bytes == 0 || fetch.places.iter().any(|asked| self.has_something(asked));
        let fetched = any.then(|| self.read(fetch))?;
        is_enough(&fetched, fetch.min_bytes).then_some(fetched)
    }

    /// Whether [`Self::try_read`] would find records, or something to complain about.
    fn has_something(&self, asked: &FetchPlace) -> bool {
        let Ok((replica, leader)) = self.leads(asked.place) else { return true };
        let log = &replica.log;
        asked.offset < log.high_watermark()
            || leader.check_epoch(asked.leader_epoch).is_err()
            || !matches!(log.divergence(asked.offset, asked.last_epoch), Ok(None))
    }

    fn read(&self, fetch: &Fetch) -> Fetched {
        let budget = fetch.max_bytes.min(self.setup.config.fetch_max_bytes);
        let mut fetched = Fetched::default();
        for asked in fetch.places.iter().filter(|asked| self.has_something(asked)) {
            let room = asked.max_bytes.min(budget.saturating_sub(fetched.bytes));
            if room == 0 {
                break;
            }
            // The first batch of a response is handed over even when it is larger than all bounds.
            let first = fetched.bytes == 0;
            let news = self.read_place(asked, Upto::HighWatermark, room, first);
            fetched.bytes += bytes_of(&news);
            if has_news(&news) {
                fetched.places.push(news);
            }
        }
        fetched
    }

    pub(super) fn read_place(&self, asked: &FetchPlace, upto: Upto, room: u32, first: bool) -> FetchedPlace {
        match self.try_read(asked, upto, room, first) {
            Ok(news) => news,
            Err(error) => {
                let replica = self.replicas.get(asked.place.index()).and_then(Option::as_deref);
                let (high_watermark, log_start) =
                    replica.map_or((0, 0), |replica| (replica.log.high_watermark(), replica.log.start()));
                FetchedPlace {
                    place: asked.place,
                    error,
                    high_watermark,
                    log_start,
                    diverging: None,
                    leader: self.leader_hint(asked.place),
                    forgettable: 0,
                    chunks: Few::default(),
                }
            }
        }
    }

    fn try_read(
        &self,
        asked: &FetchPlace,
        upto: Upto,
        room: u32,
        first: bool,
    ) -> Result<FetchedPlace, ErrorCode> {
        let (replica, leader) = self.leads(asked.place)?;
        leader.check_epoch(asked.leader_epoch)?;
        let log = &replica.log;
        let mut news = FetchedPlace {
            place: asked.place,
            error: ErrorCode::None,
            high_watermark: log.high_watermark(),
            log_start: log.start(),
            diverging: None,
            leader: None,
            forgettable: replica.forgettable,
            chunks: Few::default(),
        };
        news.diverging = log.divergence(asked.offset, asked.last_epoch)?;
        if news.diverging.is_some() {
            return Ok(news);
        }
        let (upto, for_follower) = match upto {
            Upto::LogEnd => (log.end(), true),
            Upto::HighWatermark => (log.high_watermark(), false),
        };
        if asked.offset < upto || asked.offset > log.end() || asked.offset < log.start() {
            news.chunks = log.read(asked.offset, upto, room)?;
            if replica.internal && for_follower && asked.offset < replica.compacted.upto() {
                replica.compacted.fill(&mut news.chunks, encoded);
            }
        }
        // One batch that is too large for what is left waits for the next response.
        if !first && news.chunks.len() == 1 && news.chunks[0].batch.bytes() > room {
            news.chunks = Few::default();
        }
        Ok(news)
    }

    pub(super) fn hand_over(&mut self, asker: Asker, fetched: Fetched) {
        self.owed += self.per_kib(u64::from(fetched.bytes));
        self.answer(asker, Response::Fetch(fetched));
    }

    /// Something changed in a place: looks at the requests that wait for it.
    pub(super) fn stir(&mut self, place: PlaceId) {
        self.stir_held(place);
        self.stir_followers(place);
    }

    fn stir_held(&mut self, place: PlaceId) {
        let Some(replica) = self.replica_aside(place) else { return };
        if replica.held.is_empty() {
            return;
        }
        let mut slots = std::mem::take(&mut replica.held);
        slots.retain(|slot| !self.try_complete(*slot, place));
        let Some(replica) = self.replica_aside(place) else { return };
        if replica.held.is_empty() {
            replica.held = slots;
        } else {
            replica.held.append(&mut slots);
        }
    }

    /// Answers a held request when it can be; whether it has left.
    fn try_complete(&mut self, slot: u32, place: PlaceId) -> bool {
        let Some(held) = self.purgatory.get(slot) else { return true };
        match &held.wish {
            Wish::Fetch(fetch) => {
                if !self.may_have_enough(fetch, place) {
                    return false;
                }
                let Some(fetched) = self.read_enough(fetch) else { return false };
                let asker = self.let_go(slot, place).asker;
                self.hand_over(asker, fetched);
            }
            Wish::Produce(outcomes) => {
                if !self.is_settled(outcomes) {
                    return false;
                }
                let Held { asker, wish, .. } = self.let_go(slot, place);
                if let Wish::Produce(mut outcomes) = wish {
                    self.settle_outcomes(&mut outcomes);
                    self.answer_produce(asker, outcomes);
                }
            }
            Wish::Follow(_) => unreachable!("what followers wait for is noted in their sessions"),
        }
        true
    }

    /// A cheap look, before everything is read: whether the place that changed has something for the fetch.
    fn may_have_enough(&self, fetch: &Fetch, place: PlaceId) -> bool {
        fetch.places.iter().find(|asked| asked.place == place).is_some_and(|asked| {
            let Ok((replica, _)) = self.leads(place) else { return true };
            asked.offset < replica.log.high_watermark() || asked.offset > replica.log.end()
        })
    }

    /// Takes a request out of the purgatory and out of the lists of the places it waited for, except the one
    /// that is being looked through.
    fn let_go(&mut self, slot: u32, looking_at: PlaceId) -> Held {
        let held = self.purgatory.release(slot);
        let mut strike = |place: PlaceId| {
            if let Some(replica) = self.replica_aside(place).filter(|_| place != looking_at) {
                replica.held.retain(|other| *other != slot);
            }
        };
        match &held.wish {
            Wish::Fetch(fetch) => fetch.places.iter().for_each(|asked| strike(asked.place)),
            Wish::Produce(outcomes) => outcomes.iter().for_each(|outcome| strike(outcome.produced.place)),
            Wish::Follow(_) => {}
        }
        held
    }

    pub(super) fn arm_purgatory(&mut self, cx: &mut Cx<'_, Self>) {
        if let Some(at) = self.purgatory.set_alarm() {
            cx.arm_at(BrokerTimer::Purgatory, at);
        }
    }

    pub(super) fn expire_held(&mut self, cx: &mut Cx<'_, Self>) {
        self.purgatory.rang();
        while let Some(slot) = self.purgatory.due(cx.now()) {
            let held = self.let_go(slot, PlaceId(u32::MAX));
            match held.wish {
                Wish::Follow(session) => self.answer_follower(held.asker, session),
                Wish::Fetch(fetch) => {
                    let fetched = self.read(&fetch);
                    self.hand_over(held.asker, fetched);
                }
                Wish::Produce(mut outcomes) => {
                    self.settle_outcomes(&mut outcomes);
                    self.give_up(&mut outcomes);
                    self.answer_produce(held.asker, outcomes);
                }
            }
        }
        self.arm_purgatory(cx);
    }

    /// What is not replicated by now was not replicated in time.
    fn give_up(&mut self, outcomes: &mut [Outcome]) {
        for outcome in outcomes {
            if !self.settle_outcomes(std::slice::from_mut(outcome)) {
                outcome.produced.result = Err(ErrorCode::RequestTimedOut);
            }
        }
    }

    pub(super) fn list_offsets(&mut self, asker: Asker, places: &[(PlaceId, OffsetSpec)]) {
        let found = places.iter().map(|&(place, spec)| {
            let offset = self.led(place).map(|(replica, _)| match spec {
                OffsetSpec::Earliest => replica.log.start(),
                OffsetSpec::Latest => replica.log.high_watermark(),
                OffsetSpec::LogEnd => replica.log.end(),
                OffsetSpec::Since(time) => {
                    replica.log.offset_for_timestamp(time).unwrap_or_else(|| replica.log.high_watermark())
                }
            });
            (place, offset)
        });
        let found = found.collect();
        self.answer(asker, Response::ListOffsets(found));
    }

    pub(super) fn epoch_end(&mut self, asker: Asker, places: &[(PlaceId, u32)]) {
        let found = places
            .iter()
            .map(|&(place, epoch)| (place, self.led(place).map(|(replica, _)| replica.log.epoch_end(epoch))));
        let found = found.collect();
        self.answer(asker, Response::EpochEnd(found));
    }
}

/// How far a log may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upto {
    /// By followers.
    LogEnd,
    /// By consumers.
    HighWatermark,
}

/// Whether an answer need not wait for more.
pub(super) fn is_enough(fetched: &Fetched, min_bytes: u32) -> bool {
    let is_urgent = |news: &FetchedPlace| news.error != ErrorCode::None || news.diverging.is_some();
    fetched.bytes >= min_bytes || fetched.places.iter().any(is_urgent)
}

/// Bytes of records.
pub(super) fn bytes_of(news: &FetchedPlace) -> u32 {
    news.chunks.iter().map(|chunk| chunk.batch.bytes()).sum()
}

fn has_news(news: &FetchedPlace) -> bool {
    news.error != ErrorCode::None || news.diverging.is_some() || !news.chunks.is_empty()
}
