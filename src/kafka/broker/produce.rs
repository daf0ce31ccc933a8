//! Produce: append, then answer at once, when replicas have it, or never.

use std::sync::Arc;

use crate::kernel::Cx;
use crate::trace::kafka::{ErrorCode, Kafka};
use crate::trace::{Few, Ids, Life, PlaceId};
use crate::wire::kafka::{Acks, Produce, ProduceBatch, Produced, Response};

use super::connections::Asker;
use super::purgatory::{Held, Wish};
use super::{Broker, Role};
use crate::kafka::log::Appended;

impl Broker {
    pub(super) fn produce(&mut self, cx: &mut Cx<'_, Self>, asker: Asker, produce: &Produce) {
        let (mut outcomes, mut ends) = (Few::default(), Few::default());
        for batch in &produce.batches {
            let result = self.append(cx, produce.acks, batch);
            let (offset, epoch) = (result.map(|(offset, _)| offset), result.ok().map(|(_, epoch)| epoch));
            ends.push(match (offset, epoch) {
                (Ok(offset), Some(epoch)) => Some((offset + u64::from(batch.batch.len()), epoch)),
                (Ok(_), None) | (Err(_), _) => None,
            });
            let leader = if offset.is_err() { self.leader_hint(batch.place) } else { None };
            outcomes.push(Produced { place: batch.place, result: offset, leader });
        }
        match produce.acks {
            Acks::None => self.release(asker),
            Acks::Leader => self.answer(asker, Response::Produce(Arc::from(&outcomes[..]))),
            Acks::All => self.await_replicas(cx, asker, produce, outcomes, ends),
        }
        for batch in &produce.batches {
            self.stir(batch.place);
        }
    }

    /// Appends a batch; its offset and the epoch in which that was.
    fn append(
        &mut self,
        cx: &mut Cx<'_, Self>,
        acks: Acks,
        batch: &ProduceBatch,
    ) -> Result<(u64, u32), ErrorCode> {
        let (now, place) = (cx.now(), batch.place);
        if self.machine.disk_full && self.led(place).is_ok() {
            self.storage_fails(cx);
            return Err(ErrorCode::KafkaStorageError);
        }
        let (replica, epoch) = self.led(place)?;
        let Role::Leader(leader) = &mut replica.role else { unreachable!("led() found a leader") };
        leader.may_append(acks, &replica.log)?;
        let offset = match replica.log.append(now, epoch, batch.stamp, batch.batch.clone())? {
            Appended::New(offset) => offset,
            Appended::Duplicate(offset) => {
                cx.emit_at_once(Kafka::Deduplicated { ids: Ids::Span(batch.batch.span()), place, offset });
                return Ok((offset, epoch));
            }
        };
        let advanced = leader.on_append(&mut replica.log, now);
        let flush = replica.log.flush_due(now);
        let flushes_by_time = replica.log.config().flush_ms.is_some();
        if !replica.internal {
            cx.emit_at_once(Life::Stored { ids: Ids::Span(batch.batch.span()), place, offset });
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
        produce: &Produce,
        mut outcomes: Few<Produced>,
        ends: Few<Option<(u64, u32)>>,
    ) {
        if self.settle_outcomes(&mut outcomes, &ends) {
            return self.answer(asker, Response::Produce(Arc::from(&outcomes[..])));
        }
        let deadline = cx.now() + produce.timeout;
        let slot = self.purgatory.hold(Held { asker, deadline, wish: Wish::Produce { outcomes, ends } });
        for batch in &produce.batches {
            if let Some(replica) = self.replica_aside(batch.place) {
                replica.held.push(slot);
            }
        }
        self.arm_purgatory(cx);
    }

    /// Fills in what is known by now; whether everything is.
    pub(super) fn settle_outcomes(&mut self, outcomes: &mut [Produced], ends: &[Option<(u64, u32)>]) -> bool {
        let mut all = true;
        for (outcome, end) in outcomes.iter_mut().zip(ends) {
            let Some((upto, epoch)) = *end else { continue };
            if outcome.result.is_err() {
                continue;
            }
            match self.completion(outcome.place, upto, epoch) {
                None => all = false,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    outcome.result = Err(error);
                    outcome.leader = self.leader_hint(outcome.place);
                }
            }
        }
        all
    }

    /// Whether everything is known.
    pub(super) fn is_settled(&self, outcomes: &[Produced], ends: &[Option<(u64, u32)>]) -> bool {
        outcomes.iter().zip(ends).all(|(outcome, end)| {
            let open = end.filter(|_| outcome.result.is_ok());
            open.is_none_or(|(upto, epoch)| self.completion(outcome.place, upto, epoch).is_some())
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
