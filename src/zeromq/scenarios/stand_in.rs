//! Applications that do what a script says, and the one who makes things go wrong.

use crate::hears;
use crate::kernel::{Actor, ActorId, Addr, Command, Crash, Cx, Duration, Law, Time};
use crate::trace::{ChannelId, GroupId, Life, PlaceId, Record, RecordId};
use crate::wire::port::{FromPublisher, FromSubscriber, ToPublisher, ToSubscriber};
use crate::wire::{Brokersim, Msg};

/// What a writer says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Say {
    /// So many records at once.
    Publish(u32),
    Close,
}

hears! {
    ToWriter { Port(FromPublisher) }
}

/// Bytes of each record.
pub(super) const BYTES: u32 = 100;

#[derive(Clone)]
pub(super) struct Writer {
    port: Addr<ToPublisher>,
    source: u32,
    next: u64,
    script: Vec<(u64, Say)>,
    blocked: bool,
}

impl Writer {
    pub(super) fn new(port: Addr<ToPublisher>, source: u32, script: Vec<(u64, Say)>) -> Self {
        Self { port, source, next: 0, script, blocked: false }
    }

    fn publish(&mut self, cx: &mut Cx<'_, Self>, records: u32) {
        let first = RecordId::new(self.source, self.next);
        self.next += u64::from(records);
        let bytes = u64::from(records * BYTES);
        cx.emit(Life::Offered { channel: ChannelId(0), first, records, bytes });
        let record = |by| Record::new(first.plus(u64::from(by)), cx.now(), None, BYTES);
        let records: Vec<_> = (0..records).map(record).collect();
        cx.send(self.port, ToPublisher::PublishAll(ChannelId(0), records.into(), [].into()));
    }
}

impl Actor for Writer {
    type Vocab = Brokersim;
    type Msg = ToWriter;
    type Timer = usize;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        ahead(cx, self.script.iter().map(|(at, _)| *at).collect(), Duration::ZERO);
    }

    /// The socket says Blocked and Ready in turn.
    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, ToWriter::Port(msg): ToWriter) {
        match msg {
            FromPublisher::Blocked => assert!(!std::mem::replace(&mut self.blocked, true)),
            FromPublisher::Ready => assert!(std::mem::replace(&mut self.blocked, false)),
            FromPublisher::Flushed { .. } | FromPublisher::Outcome { .. } => {}
        }
    }

    fn crash(&mut self, _: Time, _: Crash) {
        self.blocked = false;
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, step: usize) {
        match self.script[step].1 {
            Say::Publish(records) => self.publish(cx, records),
            Say::Close => cx.send(self.port, ToPublisher::Close),
        }
    }
}

hears! {
    ToReader { Port(FromSubscriber) }
}

#[derive(Clone)]
pub(super) struct Reader {
    port: Addr<ToSubscriber>,
    script: Vec<(u64, u32)>,
    service: Law,
    /// How many more it wants.
    wants: u32,
    asked: bool,
}

impl Reader {
    pub(super) fn new(port: Addr<ToSubscriber>, script: Vec<(u64, u32)>, service: Law) -> Self {
        Self { port, script, service, wants: 0, asked: false }
    }

    fn ask(&mut self, cx: &mut Cx<'_, Self>) {
        if self.wants > 0 && !self.asked {
            self.asked = true;
            cx.send(self.port, ToSubscriber::Next);
        }
    }
}

impl Actor for Reader {
    type Vocab = Brokersim;
    type Msg = ToReader;
    type Timer = usize;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        (self.wants, self.asked) = (0, false);
        ahead(cx, self.script.iter().map(|(at, _)| *at).collect(), Duration::ZERO);
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, ToReader::Port(msg): ToReader) {
        let FromSubscriber::Deliver(deliveries) = msg else { return };
        for delivery in &*deliveries {
            self.wants = self.wants.saturating_sub(delivery.span.len());
            let cost =
                (0..delivery.span.len()).fold(Duration::ZERO, |cost, _| cost + self.service.sample(cx.rng()));
            cx.work(cost);
            let ids = delivery.span.clone().into();
            cx.emit(Life::Processed { ids, group: GroupId(0), place: PlaceId(0), offset: 0 });
        }
        self.asked = false;
        self.ask(cx);
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, step: usize) {
        self.wants = self.wants.saturating_add(self.script[step].1);
        self.ask(cx);
    }
}

/// Arms a timer for each step of a script that is still to come.
fn ahead<A: Actor<Timer = usize>>(cx: &mut Cx<'_, A>, steps: Vec<u64>, offset: Duration) {
    for (step, at) in steps.into_iter().enumerate() {
        let at = Time::from_millis(at) + offset;
        if at > cx.now() || cx.now() == Time::ZERO {
            cx.arm_at(step, at);
        }
    }
}

/// Hears nothing.
#[derive(Clone)]
pub(super) enum Nothing {}

impl TryFrom<Msg> for Nothing {
    type Error = Msg;
    fn try_from(msg: Msg) -> Result<Self, Msg> {
        Err(msg)
    }
}

/// Faults strike between the milliseconds, so that nothing an application says is lost on its way to its socket.
const HALF: Duration = Duration::from_micros(500);

#[derive(Clone)]
pub(super) struct Faults {
    script: Vec<(u64, Command)>,
}

impl Faults {
    pub(super) fn new(script: Vec<(u64, Command)>) -> Self {
        Self { script }
    }
}

impl Actor for Faults {
    type Vocab = Brokersim;
    type Msg = Nothing;
    type Timer = usize;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        ahead(cx, self.script.iter().map(|(at, _)| *at).collect(), HALF);
    }

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, msg: Nothing) {
        match msg {}
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, step: usize) {
        cx.command(self.script[step].1);
    }
}
