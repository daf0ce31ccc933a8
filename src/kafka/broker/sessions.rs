//! Fetch sessions of followers (KIP-227): the leader remembers what a follower asks for, so that a request names only
//! what is asked for differently than before, and an answer only what has changed.
//!
//! Every fetch counts for every partition of its session: those that are not named are fetched at the same offset
//! again, and their follower is as caught up as that makes it.
//!
//! Most partitions stand still most of the time. A follower *sleeps* over one when all it could do there is fetch at
//! the end of the log once more, and there is nothing to tell it: then no fetch looks there. Whoever changes the
//! partition rouses it first ([`Broker::rouse`]), and only then is it noted when the follower fetched last.
//!
//! **Invariant.** What a follower has not been told yet of a partition is in its next answer, as far as that has
//! room. Who was served last comes last.
//!
//! **Not modelled:** the bound on the number of sessions and their eviction, sessions of consumers; a partition leaves
//! a session only with the session.

use crate::kernel::{Cx, Time};
use crate::trace::PlaceId;
use crate::trace::kafka::{BrokerId, ErrorCode};
use crate::wire::kafka::{Fetch, FetchPlace, FetchSession, Fetched, FetchedPlace};

use super::connections::Asker;
use super::fetch::{Upto, bytes_of, is_enough};
use super::purgatory::{Held, Wish};
use super::{Broker, Replica, Role};
use crate::kafka::bits::Bits;

/// What one follower asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// Which follower, in which incarnation; none before its first fetch.
    follower: Option<(BrokerId, u64)>,
    /// The number of the request that comes next.
    next: u32,
    min_bytes: u32,
    max_bytes: u32,
    cached: Vec<Cached>,
    /// By place: where it is in `cached`.
    slots: Vec<Option<u32>>,
    /// By where it is in `cached`: over what the follower does not sleep.
    awake: Bits,
    round: Round,
    /// Where the next answer begins.
    turn: u32,
    /// Its request, in the purgatory.
    held: Option<u32>,
}

/// Which fetch is the last one of each partition: while one is noted, it is for those that were reached.
#[derive(Clone, Copy, Debug)]
struct Round {
    now: Time,
    before: Time,
    /// Below this in `cached` it is the one now.
    reached: u32,
}

impl Default for Round {
    fn default() -> Self {
        Self { now: Time::ZERO, before: Time::ZERO, reached: u32::MAX }
    }
}

impl Round {
    fn begin(&mut self, now: Time) {
        *self = Self { now, before: self.now, reached: 0 };
    }

    /// When the follower fetched last.
    fn of(&self, slot: u32) -> Time {
        if slot < self.reached { self.now } else { self.before }
    }
}

/// A partition of a session.
#[derive(Clone, Copy, Debug)]
struct Cached {
    asked: FetchPlace,
    /// The high watermark and the log's start as the follower knows them.
    told: Option<(u64, u64)>,
    /// That its follower has everything below `asked.offset` is noted.
    noted: bool,
}

impl Session {
    /// Takes in a request; false when it does not follow the one before.
    fn takes(&mut self, follower: (BrokerId, u64), fetch: &Fetch) -> bool {
        match fetch.session {
            FetchSession::Without | FetchSession::Begins => {
                *self = Self { follower: Some(follower), ..Self::default() };
            }
            FetchSession::GoesOn(number) => {
                if self.follower != Some(follower) || self.next != number {
                    return false;
                }
            }
        }
        self.next += 1;
        (self.min_bytes, self.max_bytes) = (fetch.min_bytes, fetch.max_bytes);
        fetch.places.iter().for_each(|asked| self.ask(*asked));
        true
    }

    fn ask(&mut self, asked: FetchPlace) {
        let place = asked.place.index();
        if place >= self.slots.len() {
            self.slots.resize(place + 1, None);
        }
        match self.slots[place] {
            Some(slot) => {
                let cached = &mut self.cached[slot as usize];
                (cached.asked, cached.noted) = (asked, false);
            }
            None => {
                let slot = self.cached.len() as u32;
                self.slots[place] = Some(slot);
                self.awake.widen(self.cached.len() + 1);
                self.awake.put(slot, true);
                self.cached.push(Cached { asked, told: None, noted: false });
            }
        }
    }

    fn slot(&self, place: PlaceId) -> Option<u32> {
        self.slots.get(place.index()).copied().flatten()
    }

    /// Where this place is in `cached`, when the follower sleeps over it.
    #[inline]
    fn asleep(&self, place: PlaceId) -> Option<u32> {
        self.slot(place).filter(|slot| !self.awake.has(*slot))
    }

    /// Where the follower does not sleep, in the order in which the next answer is filled.
    fn wakeful(&self) -> impl Iterator<Item = &Cached> {
        let mut from = self.turn;
        (0..self.awake.len()).map(move |_| {
            let slot = self.awake.next(from).or_else(|| self.awake.next(0)).expect("one of those there are");
            from = slot + 1;
            &self.cached[slot as usize]
        })
    }

    /// This answer is sent.
    fn tell(&mut self, fetched: &Fetched) {
        for news in &fetched.places {
            let slot = self.slot(news.place).expect("an answer names what was asked for");
            let is_clean = news.error == ErrorCode::None && news.diverging.is_none();
            self.cached[slot as usize].told = is_clean.then_some((news.high_watermark, news.log_start));
            assert!(self.awake.has(slot), "nothing is told of what is slept over");
            if !news.chunks.is_empty() {
                self.turn = (slot + 1) % self.cached.len() as u32;
            }
        }
    }
}

impl Cached {
    fn has_to_be_told(&self, news: &FetchedPlace) -> bool {
        news.error != ErrorCode::None
            || news.diverging.is_some()
            || !news.chunks.is_empty()
            || self.told != Some((news.high_watermark, news.log_start))
    }
}

impl Broker {
    pub(super) fn follower_fetches(
        &mut self,
        cx: &mut Cx<'_, Self>,
        asker: Asker,
        follower: (BrokerId, u64),
        fetch: &Fetch,
    ) {
        let index = self.fetcher(follower.0);
        if let Some(slot) = self.sessions[index].held.take() {
            // A connection has one request in work: the one on which that came is gone.
            self.purgatory.release(slot);
        }
        self.rouse_for(index, fetch);
        if !self.sessions[index].takes(follower, fetch) {
            return self.hand_over(asker, Fetched { session_lost: true, ..Fetched::default() });
        }
        // What is read is what the asker's position entitled it to before that position was noted: a follower
        // learns of the high watermark that it moves one round later.
        let fetched = self.enough_for_follower(index);
        self.follower_stands(cx, index, follower);
        // What was noted may have let the coordinator write.
        let fetched = fetched.or_else(|| self.enough_for_follower(index));
        let at_once = || fetch.max_wait.is_zero().then(|| self.read_for_follower(index));
        if let Some(fetched) = fetched.or_else(at_once) {
            self.sessions[index].tell(&fetched);
            return self.hand_over(asker, fetched);
        }
        let deadline = cx.now() + fetch.max_wait;
        let slot = self.purgatory.hold(Held { asker, deadline, wish: Wish::Follow(index) });
        self.sessions[index].held = Some(slot);
        self.arm_purgatory(cx);
    }

    /// The time of a held fetch has come.
    pub(super) fn answer_follower(&mut self, asker: Asker, index: usize) {
        let fetched = self.read_for_follower(index);
        self.sessions[index].held = None;
        self.sessions[index].tell(&fetched);
        self.hand_over(asker, fetched);
    }

    /// Something changed in a place: answers the followers that wait for it.
    pub(super) fn stir_followers(&mut self, place: PlaceId) {
        for index in 0..self.sessions.len() {
            if !self.waits_for(index, place) {
                continue;
            }
            let Some(fetched) = self.enough_for_follower(index) else { continue };
            let slot = self.sessions[index].held.take().expect("it waits");
            let asker = self.purgatory.release(slot).asker;
            self.sessions[index].tell(&fetched);
            self.hand_over(asker, fetched);
        }
    }

    /// Whether a fetch is held that this place may have something for.
    fn waits_for(&self, index: usize, place: PlaceId) -> bool {
        let session = &self.sessions[index];
        session.held.is_some()
            && session.slot(place).is_some_and(|slot| match self.leads(place) {
                Ok((replica, _)) => session.cached[slot as usize].asked.offset != replica.log.end(),
                Err(_) => true,
            })
    }

    /// The answer to a follower's fetch, when there is enough for one. Most looks find no records: then nothing is read.
    fn enough_for_follower(&self, index: usize) -> Option<Fetched> {
        let session = &self.sessions[index];
        let any = session.min_bytes == 0 || session.wakeful().any(|cached| self.may_have_more(cached));
        let fetched = any.then(|| self.read_for_follower(index))?;
        is_enough(&fetched, session.min_bytes).then_some(fetched)
    }

    /// Whether there may be records for a follower, or something to complain about: what is noted has not diverged, and
    /// of a log that begins where it did nothing is out of range.
    #[inline]
    fn may_have_more(&self, cached: &Cached) -> bool {
        let Ok((Replica { log, .. }, leader)) = self.leads(cached.asked.place) else { return true };
        let asked = &cached.asked;
        let is_at_fault = || {
            if cached.noted {
                asked.leader_epoch != Some(leader.leader_epoch())
                    || cached.told.is_none_or(|(_, start)| start != log.start())
            } else {
                leader.check_epoch(asked.leader_epoch).is_err()
                    || !matches!(log.divergence(asked.offset, asked.last_epoch), Ok(None))
            }
        };
        log.end() != asked.offset || is_at_fault()
    }

    fn read_for_follower(&self, index: usize) -> Fetched {
        let session = &self.sessions[index];
        let budget = session.max_bytes.min(self.setup.config.fetch_max_bytes);
        let mut fetched = Fetched::default();
        for cached in session.wakeful().filter(|cached| self.may_have_news(cached)) {
            let room = cached.asked.max_bytes.min(budget.saturating_sub(fetched.bytes));
            if room == 0 {
                break;
            }
            // The first batch of a response is handed over even when it is larger than all bounds.
            let is_first = fetched.bytes == 0;
            let news = self.read_place(&cached.asked, Upto::LogEnd, room, is_first);
            if cached.has_to_be_told(&news) {
                fetched.bytes += bytes_of(&news);
                fetched.places.push(news);
            }
        }
        fetched
    }

    /// A cheap look: most partitions have none.
    #[inline]
    fn may_have_news(&self, cached: &Cached) -> bool {
        let replica = self.replicas.get(cached.asked.place.index()).and_then(Option::as_deref);
        let high_watermark = |replica: &Replica| replica.log.high_watermark();
        !cached.noted
            || self.may_have_more(cached)
            || cached.told.map(|(told, _)| told) != replica.map(high_watermark)
    }

    /// What a fetch tells the leader: how far its follower is, everywhere.
    fn follower_stands(&mut self, cx: &mut Cx<'_, Self>, index: usize, follower: (BrokerId, u64)) {
        self.sessions[index].round.begin(cx.now());
        let mut next = self.sessions[index].awake.next(0);
        while let Some(slot) = next {
            self.sessions[index].round.reached = slot;
            let Cached { asked, noted, .. } = self.sessions[index].cached[slot as usize];
            if !noted || !self.stands_still(follower, &asked, cx.now()) {
                self.sessions[index].cached[slot as usize].noted = self.follower_is_at(cx, follower, asked);
            }
            let may_sleep = self.may_sleep(follower, &self.sessions[index].cached[slot as usize]);
            if may_sleep {
                self.calm.put(asked.place.0, true);
            }
            let session = &mut self.sessions[index];
            session.awake.put(slot, !may_sleep);
            next = session.awake.next(slot + 1);
        }
        self.sessions[index].round.reached = u32::MAX;
    }

    /// Whether the next fetches will find this partition, and the follower, where they are.
    fn may_sleep(&self, (broker, epoch): (BrokerId, u64), cached: &Cached) -> bool {
        cached.noted
            && !self.may_have_news(cached)
            && self
                .leads(cached.asked.place)
                .is_ok_and(|(_, leader)| leader.stands_at(broker, epoch, cached.asked.offset))
    }

    /// Something about a place may change: nobody sleeps over it any more.
    #[inline]
    pub(super) fn rouse(&mut self, place: PlaceId) {
        if self.calm.put(place.0, false) {
            self.rouse_all(place);
        }
    }

    fn rouse_all(&mut self, place: PlaceId) {
        // Who sleeps, sleeps over what is led here; and nobody is asked about that. A role is taken when all are awake.
        let role = self.replicas.get(place.index()).and_then(Option::as_deref).map(|replica| &replica.role);
        let is_led = matches!(role, Some(Role::Leader(_)));
        let is_followed = matches!(role, Some(Role::Follower(_)));
        for index in 0..if is_followed { 0 } else { self.sessions.len() } {
            if let Some(slot) = self.sessions[index].asleep(place) {
                self.wake_up(index, slot);
            }
        }
        for fetcher in self.fetchers.iter_mut().filter(|_| !is_led) {
            fetcher.look_again(place);
        }
    }

    /// A session is asked for these places in another way, or ends.
    fn rouse_for(&mut self, index: usize, fetch: &Fetch) {
        if matches!(fetch.session, FetchSession::GoesOn(_)) {
            for asked in &fetch.places {
                if let Some(slot) = self.sessions[index].asleep(asked.place) {
                    self.wake_up(index, slot);
                }
            }
        } else {
            for slot in 0..self.sessions[index].cached.len() as u32 {
                if !self.sessions[index].awake.has(slot) {
                    self.wake_up(index, slot);
                }
            }
        }
    }

    /// Notes what was not noted while a follower slept.
    fn wake_up(&mut self, index: usize, slot: u32) {
        let session = &mut self.sessions[index];
        session.awake.put(slot, true);
        let (asked, at) = (session.cached[slot as usize].asked, session.round.of(slot));
        let follower = session.follower.expect("a session is somebody's");
        assert!(self.stands_still(follower, &asked, at), "nothing changes while somebody sleeps over it");
    }

    /// Notes that a follower fetches where it fetched before; false when more than the time has to be noted.
    #[inline]
    fn stands_still(&mut self, (broker, epoch): (BrokerId, u64), asked: &FetchPlace, now: Time) -> bool {
        let Some(replica) = self.replica_aside(asked.place) else { return false };
        let Role::Leader(leader) = &mut replica.role else { return false };
        asked.leader_epoch == Some(leader.leader_epoch())
            && leader.on_same_fetch(&replica.log, broker, epoch, asked.offset, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Duration;
    use crate::trace::Few;

    const ME: (BrokerId, u64) = (BrokerId(1), 7);

    fn asks(session: FetchSession, offsets: &[(u32, u64)]) -> Fetch {
        let ask = |&(place, offset): &(u32, u64)| FetchPlace {
            place: PlaceId(place),
            offset,
            leader_epoch: Some(0),
            last_epoch: None,
            max_bytes: 1_000,
        };
        let places = offsets.iter().map(ask).collect();
        Fetch {
            replica: Some(ME),
            group: None,
            max_wait: Duration::ZERO,
            min_bytes: 1,
            max_bytes: 1_000,
            session,
            places,
        }
    }

    fn news(place: u32, error: ErrorCode) -> FetchedPlace {
        FetchedPlace {
            place: PlaceId(place),
            error,
            high_watermark: 5,
            log_start: 0,
            diverging: None,
            leader: None,
            forgettable: 0,
            chunks: Few::default(),
        }
    }

    fn begun() -> Session {
        let mut session = Session::default();
        assert!(session.takes(ME, &asks(FetchSession::Begins, &[(4, 5), (2, 0)])));
        session
    }

    #[test]
    fn a_session_goes_on_only_with_the_next_number_of_the_same_incarnation() {
        let goes_on = |number| asks(FetchSession::GoesOn(number), &[]);
        assert!(!Session::default().takes(ME, &goes_on(0)), "it never began");
        let mut session = begun();
        assert!(!session.takes(ME, &goes_on(2)), "one is missing");
        assert!(!session.takes((ME.0, 8), &goes_on(1)), "another incarnation");
        assert!(session.takes(ME, &goes_on(1)) && session.takes(ME, &goes_on(2)));
        assert!(!session.takes(ME, &goes_on(2)), "it was taken");
    }

    #[test]
    fn what_is_not_named_is_asked_for_as_before() {
        let mut session = begun();
        session.cached.iter_mut().for_each(|cached| cached.noted = true);
        session.takes(ME, &asks(FetchSession::GoesOn(1), &[(2, 9)]));
        let asked: Vec<_> =
            session.cached.iter().map(|it| (it.asked.place.0, it.asked.offset, it.noted)).collect();
        assert_eq!(asked, [(4, 5, true), (2, 9, false)]);
        assert!(session.takes(ME, &asks(FetchSession::Begins, &[(2, 1)])), "a new one may begin any time");
        assert_eq!(session.cached.len(), 1);
    }

    #[test]
    fn what_was_told_is_not_told_again_unless_it_was_an_error() {
        let mut session = begun();
        let places = vec![news(4, ErrorCode::None), news(2, ErrorCode::FencedLeaderEpoch)];
        assert!(session.cached[0].has_to_be_told(&places[0]), "the first answer says everything");
        session.tell(&Fetched { places, ..Fetched::default() });
        assert!(!session.cached[0].has_to_be_told(&news(4, ErrorCode::None)));
        let higher = FetchedPlace { high_watermark: 6, ..news(4, ErrorCode::None) };
        assert!(session.cached[0].has_to_be_told(&higher));
        assert!(session.cached[1].has_to_be_told(&news(2, ErrorCode::None)));
    }
}
