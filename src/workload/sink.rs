//! The sink: an application that reads and publishes nothing. What it consumed is written by an observer,
//! which sees it in [`crate::trace::Life::Processed`].

use crate::hears;
use crate::kernel::{Actor, ActorId, Crash, Cx, Machine, Time};
use crate::trace::{PlaceId, Span};
use crate::wire::Brokersim;
use crate::wire::operator::ToApplication;
use crate::wire::port::FromSubscriber;

use super::reader::{self, Application, Reader, ReaderTimer};

hears! {
    /// What a sink hears.
    SinkMail {
        /// From the client that reads for it.
        Subscriber(FromSubscriber),
        /// From outside.
        Operator(ToApplication),
    }
}

/// An application that reads.
#[derive(Clone)]
pub struct Sink {
    reader: Reader,
}

impl Sink {
    /// A sink that has not begun to read.
    pub fn new(reader: Reader) -> Self {
        Self { reader }
    }
}

impl Application for Sink {
    const HANDLES: bool = false;

    fn reader(&mut self) -> &mut Reader {
        &mut self.reader
    }

    fn handle(&mut self, _: &mut Cx<'_, Self>, _: &Span, _: (PlaceId, u64)) {}

    fn secure(&mut self, _: &mut Cx<'_, Self>) -> bool {
        false
    }
}

impl Actor for Sink {
    type Vocab = Brokersim;
    type Msg = SinkMail;
    type Timer = ReaderTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        reader::begin(self, cx);
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: SinkMail) {
        match msg {
            SinkMail::Subscriber(msg) => reader::hear(self, cx, msg),
            SinkMail::Operator(told) => reader::obey(self, cx, told),
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: ReaderTimer) {
        reader::ring(self, cx, timer);
    }

    fn crash(&mut self, _: Time, _: Crash) {
        self.reader.crash();
    }

    fn machine(&mut self, _: Time, machine: Machine) {
        self.reader.machine(machine);
    }
}
