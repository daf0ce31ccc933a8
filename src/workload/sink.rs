//! The sink: an application that reads and publishes nothing. What it consumed is written by an observer,
//! which sees it in [`crate::trace::Life::Processed`].

use crate::kernel::{Actor, ActorId, Cx};
use crate::wire::Brokersim;
use crate::wire::port::{FromSubscriber, ToSubscriber};

use super::reader::{Commit, Reader, ReaderTimer};

/// An application that reads.
#[derive(Clone)]
pub struct Sink {
    reader: Reader,
    held: Option<FromSubscriber>,
}

impl Sink {
    /// A sink that has not begun to read.
    pub fn new(reader: Reader) -> Self {
        Self { reader, held: None }
    }

    fn process(&mut self, cx: &mut Cx<'_, Self>, records: &FromSubscriber) {
        let FromSubscriber::Deliver(deliveries) = records else { return };
        for delivery in deliveries.iter() {
            self.reader.work(cx, delivery, |_, _| {});
        }
        let next = match self.reader.commit {
            Commit::After => ToSubscriber::Settle,
            Commit::Auto | Commit::Before => ToSubscriber::Next,
        };
        cx.send(self.reader.subscriber, next);
    }
}

impl Actor for Sink {
    type Vocab = Brokersim;
    type Msg = FromSubscriber;
    type Timer = ReaderTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        self.held = None;
        self.reader.begin(cx);
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: FromSubscriber) {
        match msg {
            FromSubscriber::Deliver(_) if self.reader.commit == Commit::Before => {
                self.held = Some(msg);
                cx.send(self.reader.subscriber, ToSubscriber::Settle);
            }
            FromSubscriber::Deliver(_) => self.process(cx, &msg),
            FromSubscriber::Settled { .. } => match self.held.take() {
                Some(records) => self.process(cx, &records),
                None => cx.send(self.reader.subscriber, ToSubscriber::Next),
            },
            FromSubscriber::Assigned(_) | FromSubscriber::Revoked(_) => {}
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: ReaderTimer) {
        self.reader.ring(cx, timer);
    }
}
