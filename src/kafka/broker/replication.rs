//! The follower's side: one fetcher for each broker that leads something this broker holds.
//!
//! A fetch that finds nothing is held by the leader, so a fetcher always has one question under way, except
//! while it backs off (`replica.fetch.backoff.ms`) or has nothing to ask for.

use std::sync::Arc;

use crate::kernel::{Addr, Cx, NodeId};
use crate::trace::PlaceId;
use crate::trace::kafka::{BrokerId, ErrorCode, Kafka};
use crate::wire::kafka::{
    Fetch, FetchPlace, FetchSession, FetchedPlace, FromBroker, OffsetSpec, Request, Response, ToBroker,
};

use super::{Broker, BrokerTimer, Role};
use crate::kafka::bits::Bits;
use crate::kafka::replica::Taken;

/// What a broker asks another one for.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    pub(super) leader: BrokerId,
    pub(super) node: NodeId,
    address: Addr<ToBroker>,
    correlation: u32,
    /// The places whose leader this is, and which this broker holds.
    places: Vec<PlaceId>,
    /// The same as a set.
    mine: Bits,
    /// Those that may have changed since the leader was asked for them.
    changed: Bits,
    /// By place: what the leader was last asked for in this session.
    asked: Vec<Option<FetchPlace>>,
    /// The number of the session's next request; none when a session is to begin.
    session: Option<u32>,
    in_flight: bool,
    /// Places whose end the leader does not have: their bounds are being asked for.
    lost: Option<Vec<PlaceId>>,
    backing_off: bool,
}

impl Fetcher {
    pub(super) fn new(leader: BrokerId, node: NodeId, address: Addr<ToBroker>) -> Self {
        Self {
            leader,
            node,
            address,
            correlation: 0,
            places: Vec::new(),
            mine: Bits::default(),
            changed: Bits::default(),
            asked: Vec::new(),
            session: None,
            in_flight: false,
            lost: None,
            backing_off: false,
        }
    }

    /// Answers to the last process are not for this one.
    pub(super) fn goes_on_numbering(&mut self, last: &Self) {
        self.correlation = last.correlation;
    }

    /// These are the places from now on.
    pub(super) fn follow(&mut self, places: Vec<PlaceId>) {
        if self.places != places {
            self.mine = Bits::new(places.last().map_or(0, |last| last.index() + 1));
            for place in &places {
                self.mine.put(place.0, true);
            }
            self.changed = self.mine.clone();
            self.places = places;
            self.session = None;
        }
    }

    /// Something about this place may change.
    #[inline]
    pub(super) fn look_again(&mut self, place: PlaceId) {
        if self.mine.has(place.0) {
            self.changed.put(place.0, true);
        }
    }

    /// A session begins: the leader knows of nothing.
    fn begin(&mut self) {
        self.asked.clear();
        self.changed.clone_from(&self.mine);
    }

    /// Notes what is asked of a place; says whether the leader does not know that yet.
    fn asks(&mut self, question: FetchPlace) -> bool {
        let place = question.place.index();
        if place >= self.asked.len() {
            self.asked.resize(place + 1, None);
        }
        self.asked[place].replace(question) != Some(question)
    }

    fn is_busy(&self) -> bool {
        self.in_flight || self.lost.is_some() || self.backing_off
    }
}

/// How long a follower waits for an answer (`replica.socket.timeout.ms`).
const ANSWER_TIMEOUT: crate::kernel::Duration = crate::kernel::Duration::from_secs(30);

impl Broker {
    /// Asks a leader for more, unless a question is under way.
    pub(super) fn fetch_from(&mut self, cx: &mut Cx<'_, Self>, leader: BrokerId) {
        let index = self.fetcher(leader);
        self.fetchers[index].backing_off = false;
        self.fetch_next(cx, index);
    }

    pub(super) fn fetch_next(&mut self, cx: &mut Cx<'_, Self>, index: usize) {
        if self.fetchers[index].is_busy() || self.epoch.is_none() {
            return;
        }
        let Some((session, places)) = self.questions(index) else {
            return cx.disarm(BrokerTimer::FetchTimeout(self.fetchers[index].leader));
        };
        let config = &self.setup.config;
        let fetch = Arc::new(Fetch {
            replica: Some((self.setup.id, self.epoch.unwrap_or(0))),
            group: None,
            max_wait: config.replica_fetch_wait_max,
            min_bytes: config.replica_fetch_min_bytes,
            max_bytes: config.replica_fetch_response_max_bytes,
            session,
            places,
        });
        self.fetchers[index].in_flight = true;
        self.ask(cx, index, Request::Fetch(fetch));
    }

    /// What to ask a leader for that it does not know yet; none when nothing is to be had from it.
    fn questions(&mut self, index: usize) -> Option<(FetchSession, Vec<FetchPlace>)> {
        let max_bytes = self.setup.config.replica_fetch_max_bytes;
        let (replicas, fetcher, calm) = (&self.replicas, &mut self.fetchers[index], &mut self.calm);
        if fetcher.session.is_none() {
            fetcher.begin();
        }
        let mut questions = Vec::with_capacity(fetcher.changed.len() as usize);
        while let Some(place) = fetcher.changed.next(0).map(PlaceId) {
            fetcher.changed.put(place.0, false);
            calm.put(place.0, true);
            let Some(replica) = replicas[place.index()].as_deref() else { continue };
            let Role::Follower(follower) = &replica.role else { continue };
            let question = follower.fetch(place, &replica.log, max_bytes);
            if fetcher.asks(question) {
                questions.push(question);
            }
        }
        let session = fetcher.session.map_or(FetchSession::Begins, FetchSession::GoesOn);
        if fetcher.places.is_empty() || (session == FetchSession::Begins && questions.is_empty()) {
            return None;
        }
        fetcher.session = Some(fetcher.session.map_or(1, |number| number + 1));
        Some((session, questions))
    }

    fn ask(&mut self, cx: &mut Cx<'_, Self>, index: usize, request: Request) {
        self.settle(cx);
        let reply_to = cx.addr();
        let fetcher = &mut self.fetchers[index];
        fetcher.correlation += 1;
        cx.send(fetcher.address, ToBroker { correlation: fetcher.correlation, reply_to, request });
        let timeout = self.setup.config.replica_fetch_wait_max + ANSWER_TIMEOUT;
        cx.arm(BrokerTimer::FetchTimeout(fetcher.leader), timeout);
    }

    pub(super) fn peer_answered(&mut self, cx: &mut Cx<'_, Self>, answer: FromBroker) {
        let index = self.fetcher(answer.broker);
        if self.fetchers[index].correlation != answer.correlation {
            return;
        }
        match answer.response {
            Response::Refused => return self.fetch_failed(cx, answer.broker),
            Response::Fetch(mut fetched) => {
                if !std::mem::take(&mut self.fetchers[index].in_flight) {
                    return;
                }
                if fetched.session_lost {
                    self.fetchers[index].session = None;
                }
                self.owed += self.per_kib(u64::from(fetched.bytes));
                self.take_news(cx, index, &mut fetched.places);
            }
            Response::ListOffsets(bounds) => {
                let Some(lost) = self.fetchers[index].lost.take() else { return };
                self.find_again(cx, &lost, &bounds);
            }
            _ => return,
        }
        self.fetch_next(cx, index);
    }

    fn take_news(&mut self, cx: &mut Cx<'_, Self>, index: usize, news: &mut [FetchedPlace]) {
        let mut lost = Vec::new();
        let mut failed = false;
        for news in news {
            let asked = self.fetchers[index].asked.get(news.place.index()).copied().flatten();
            let asked = asked.expect("what is answered was asked");
            match self.take_place(cx, &asked, news) {
                Some(Taken::OutOfRange) => lost.push(news.place),
                Some(Taken::Failed(_)) => failed = true,
                Some(Taken::Appended { .. } | Taken::Truncated { .. } | Taken::Stale) | None => {}
            }
        }
        if !lost.is_empty() {
            let bounds =
                lost.iter().flat_map(|&place| [(place, OffsetSpec::Earliest), (place, OffsetSpec::LogEnd)]);
            let request = Request::ListOffsets(bounds.collect());
            self.fetchers[index].lost = Some(lost);
            self.ask(cx, index, request);
        } else if failed {
            self.back_off(cx, index);
        }
    }

    fn take_place(
        &mut self,
        cx: &mut Cx<'_, Self>,
        asked: &FetchPlace,
        news: &mut FetchedPlace,
    ) -> Option<Taken> {
        let (now, append) = (cx.now(), self.disk_time(self.setup.config.costs.append));
        if self.machine.disk_full && !news.chunks.is_empty() {
            self.storage_fails(cx);
            return None;
        }
        let replica = self.replica(news.place)?;
        let Role::Follower(follower) = &mut replica.role else { return None };
        let taken = follower.take(&mut replica.log, asked, news, now);
        replica.forgettable = news.forgettable;
        let flush = replica.log.flush_due(now);
        match taken {
            Taken::Appended { batches, .. } => self.owed += append * u64::from(batches),
            Taken::Truncated { to, from } if to < from => {
                cx.emit_at_once(Kafka::Truncated { place: news.place, to, from });
            }
            Taken::Truncated { .. } | Taken::OutOfRange | Taken::Failed(_) | Taken::Stale => {}
        }
        if flush {
            self.flush(cx, news.place);
        }
        Some(taken)
    }

    /// The leader's log does not reach this replica's end: start again from its bounds.
    fn find_again(
        &mut self,
        cx: &mut Cx<'_, Self>,
        lost: &[PlaceId],
        bounds: &[(PlaceId, Result<u64, ErrorCode>)],
    ) {
        for &place in lost {
            let mut of_place = bounds.iter().filter(|(other, _)| *other == place).map(|(_, offset)| *offset);
            let (Some(Ok(start)), Some(Ok(end))) = (of_place.next(), of_place.next()) else { continue };
            let Some(replica) = self.replica(place) else { continue };
            let Role::Follower(follower) = &mut replica.role else { continue };
            if let Some((to, from)) = follower.out_of_range(&mut replica.log, start, end) {
                cx.emit_at_once(Kafka::Truncated { place, to, from });
            }
        }
    }

    /// The connection to a leader broke, or it does not answer.
    pub(super) fn fetch_failed(&mut self, cx: &mut Cx<'_, Self>, leader: BrokerId) {
        let index = self.fetcher(leader);
        self.fetchers[index].in_flight = false;
        self.fetchers[index].session = None;
        self.fetchers[index].lost = None;
        self.fetchers[index].correlation += 1;
        self.back_off(cx, index);
    }

    fn back_off(&mut self, cx: &mut Cx<'_, Self>, index: usize) {
        let leader = self.fetchers[index].leader;
        self.fetchers[index].backing_off = true;
        cx.disarm(BrokerTimer::FetchTimeout(leader));
        cx.arm(BrokerTimer::Fetch(leader), self.setup.config.replica_fetch_backoff);
    }

    pub(super) fn fetcher(&self, leader: BrokerId) -> usize {
        self.fetchers.iter().position(|fetcher| fetcher.leader == leader).expect("every broker is known")
    }
}
