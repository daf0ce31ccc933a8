//! What processors and sinks share: the poll loop of an application that reads.
//!
//! It asks for records, works on them one after the other, settles by its policy, and asks again. While it
//! works it hears nothing, as a single-threaded poll loop does.

use crate::kernel::{Actor, Addr, Cx, Law, Time};
use crate::trace::{GroupId, Ids, Life, Span};
use crate::wire::Brokersim;
use crate::wire::port::{Delivery, ToSubscriber};

/// When an application tells the system that it is done with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The client does it by itself (`enable.auto.commit`).
    Auto,
    /// After the work, before the next poll: at least once.
    After,
    /// Before the work: at most once.
    Before,
}

/// The setting of a poll loop.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Which group it belongs to.
    pub group: GroupId,
    /// Through whom it reads.
    pub subscriber: Addr<ToSubscriber>,
    /// How long it works on a record.
    pub service: Law,
    /// When it settles.
    pub commit: Commit,
    /// When it begins to read.
    pub start: Time,
    /// When it leaves in good order; [`Time::NEVER`] when it stays.
    pub stop: Time,
}

/// What an application that reads is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReaderTimer {
    /// Begin.
    Start,
    /// Leave.
    Stop,
}

impl Reader {
    /// Arms what begins and ends reading; after a restart it begins at once.
    pub(super) fn begin<A: Actor<Timer = ReaderTimer>>(&self, cx: &mut Cx<'_, A>) {
        if cx.now() < self.stop {
            cx.arm_at(ReaderTimer::Start, self.start);
        }
        if self.stop < Time::NEVER {
            cx.arm_at(ReaderTimer::Stop, self.stop);
        }
    }

    /// Begins or ends reading.
    pub(super) fn ring<A: Actor<Vocab = Brokersim, Timer = ReaderTimer>>(
        &self,
        cx: &mut Cx<'_, A>,
        timer: ReaderTimer,
    ) {
        let say = match timer {
            ReaderTimer::Start => ToSubscriber::Next,
            ReaderTimer::Stop => ToSubscriber::Close,
        };
        cx.send(self.subscriber, say);
    }

    /// Works on a delivery: calls `each` for every record of it, in order, when its work is done.
    pub(super) fn work<A: Actor<Vocab = Brokersim>>(
        &self,
        cx: &mut Cx<'_, A>,
        delivery: &Delivery,
        mut each: impl FnMut(&mut Cx<'_, A>, &Span),
    ) {
        let (group, place) = (self.group, delivery.place);
        if self.service.is_zero() {
            let ids = Ids::Span(delivery.span.clone());
            cx.emit(Life::Processed { ids, group, place, offset: delivery.offset });
            for one in singles(&delivery.span) {
                each(cx, &one);
            }
            return;
        }
        for (index, one) in singles(&delivery.span).enumerate() {
            let cost = self.service.sample(cx.rng());
            cx.work(cost);
            let ids = Ids::Span(one.clone());
            cx.emit(Life::Processed { ids, group, place, offset: delivery.offset + index as u64 });
            each(cx, &one);
        }
    }
}

/// Each record of a span as a span of its own.
fn singles(span: &Span) -> impl Iterator<Item = Span> + '_ {
    (span.from..span.to).map(|from| Span { batch: span.batch.clone(), from, to: from + 1 })
}
