//! Produce: append, then answer at once, when replicas have it, or never.

use crate::kernel::{Cx, Duration};
use crate::trace::kafka::{ErrorCode, Kafka};
use crate::trace::{Few, Ids, Life, PlaceId};
use crate::wire::kafka::{Acks, Produce, ProduceBatch, Produced, Response};

use super::connections::Asker;
use super::purgatory::{Held, Outcome, Wish};
use super::{Broker, Role};
use crate::kafka::log::Appended;

impl Broker {
    pub(super) fn produce(&mut self, cx: &mut Cx<'_, Self>, asker: Asker, produce: Produce) {
        let Produce { acks, timeout, batches } = produce;
        let places: Few<PlaceId> = batches.iter().map(|batch| batch.place).collect();
        let outcomes = batches.map(|batch| self.outcome(cx, acks, batch));
        match acks {
            Acks::None => self.release(asker),
            Acks::Leader => self.answer_produce(asker, outcomes),
            Acks::All => self.await_replicas(cx, asker, timeout, outcomes),
        }
        for place in &places {
            self.stir(*place);
        }
    }

    /// Appends a batch; what has become of it by that.
    fn outcome(&mut self, cx: &mut Cx<'_, Self>, acks: Acks, batch: ProduceBatch) -> Outcome {
        let (place, records) = (batch.place, batch.batch.len());
        let result = self.append(cx, acks, batch);
        let leader = if result.is_err() { self.leader_hint(place) } else { None };
        Outcome {
            produced: Produced { place, result: result.map(|(offset, _)| offset), leader },
            end: result.ok().map(|(offset, epoch)| (offset + u64::from(records), epoch)),
        }
    }

    /// Appends a batch; its offset and the epoch in which that was.
    fn append(
        &mut self,
        cx: &mut Cx<'_, Self>,
        acks: Acks,
        batch: ProduceBatch,
    ) -> Result<(u64, u32), ErrorCode> {
        let ProduceBatch { place, stamp, batch } = batch;
        let now = cx.now();
        if self.machine.disk_full && self.led(place).is_ok() {
            self.storage_fails(cx);
            return Err(ErrorCode::KafkaStorageError);
        }
        let (replica, epoch) = self.led(place)?;
        let Role::Leader(leader) = &mut replica.role else { unreachable!("led() found a leader") };
        leader.may_append(acks, &replica.log)?;
        let ids = Ids::Span(batch.span());
        let offset = match replica.log.append(now, epoch, stamp, batch)? {
            Appended::New(offset) => offset,
            Appended::Duplicate(offset) => {
                cx.emit_at_once(Kafka::Deduplicated { ids, place, offset });
                return Ok((offset, epoch));
            }
        };
        let advanced = leader.on_append(&mut replica.log, now);
        let flush = replica.log.flush_due(now);
        let flushes_by_time = replica.log.config().flush_ms.is_some();
        if !replica.internal {
            cx.emit_at_once(Life::Stored { ids, place, offset });
        }
        if flush {
            self.flush(cx, place);
        } else if flushes_by_time {
            self.arm_flush(cx);
        }
        self.advanced(cx, place, advanced);
        Ok((offset, epoch))
    }

    fn await_replicas(
        &mut self,
        cx: &mut Cx<'_, Self>,
        asker: Asker,
        timeout: Duration,
        mut outcomes: Few<Outcome>,
    ) {
        if self.settle_outcomes(&mut outcomes) {
            return self.answer_produce(asker, outcomes);
        }
        let places: Few<PlaceId> = outcomes.iter().map(|outcome| outcome.produced.place).collect();
        let deadline = cx.now() + timeout;
        let slot = self.purgatory.hold(Held { asker, deadline, wish: Wish::Produce(outcomes) });
        for place in &places {
            if let Some(replica) = self.replica_aside(*place) {
                replica.held.push(slot);
            }
        }
        self.arm_purgatory(cx);
    }

    pub(super) fn answer_produce(&mut self, asker: Asker, outcomes: Few<Outcome>) {
        let produced = outcomes.map(|outcome| outcome.produced);
        self.answer(asker, Response::Produce(produced.into()));
    }

    /// Fills in what is known by now; whether everything is.
    pub(super) fn settle_outcomes(&mut self, outcomes: &mut [Outcome]) -> bool {
        let mut all = true;
        for Outcome { produced, end } in outcomes {
            let Some((upto, epoch)) = end.filter(|_| produced.result.is_ok()) else { continue };
            match self.completion(produced.place, upto, epoch) {
                None => all = false,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    produced.result = Err(error);
                    produced.leader = self.leader_hint(produced.place);
                }
            }
        }
        all
    }

    /// Whether everything is known.
    pub(super) fn is_settled(&self, outcomes: &[Outcome]) -> bool {
        outcomes.iter().all(|Outcome { produced, end }| {
            let open = end.filter(|_| produced.result.is_ok());
            open.is_none_or(|(upto, epoch)| self.completion(produced.place, upto, epoch).is_some())
        })
    }

    /// Whether a batch that ends at `upto` is replicated.
    fn completion(&self, place: PlaceId, upto: u64, epoch: u32) -> Option<Result<(), ErrorCode>> {
        match self.leads(place) {
            Ok((_, leader)) if leader.leader_epoch() != epoch => Some(Err(ErrorCode::NotLeaderOrFollower)),
            Ok((replica, leader)) => leader.completion(upto, &replica.log),
            Err(error) => Some(Err(error)),
        }
    }
}
