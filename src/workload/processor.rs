//! The processor: an application that reads, works on the content, and publishes results.
//!
//! With `commit = "after"` it waits until its results are accepted before it settles what they came from, so
//! that a crash between both repeats work rather than losing it.

use std::sync::Arc;

use crate::kernel::{Actor, ActorId, Addr, Cx};
use crate::trace::{Body, ChannelId, Life, Record, RecordId, Span};
use crate::wire::Brokersim;
use crate::wire::port::{FromPublisher, FromSubscriber, ToPublisher, ToSubscriber};

use super::codec::Codec;
use super::operation::{Emitted, OperationState};
use super::reader::{Commit, Reader, ReaderTimer};
use super::row::Schema;

/// What a processor is made of.
#[derive(Clone, Debug)]
pub struct ProcessorSetup {
    /// How it reads.
    pub reader: Reader,
    /// Its source number in record ids.
    pub source: u32,
    /// Where it publishes.
    pub channel: ChannelId,
    /// Through whom.
    pub publisher: Addr<ToPublisher>,
    /// What it does; none hands records on unread, as they are.
    pub operation: Option<OperationState>,
    /// How what it reads is encoded.
    pub input: (Arc<Schema>, Codec),
    /// How what it publishes is encoded.
    pub output: (Arc<Schema>, Codec),
    /// How the system hashes keys.
    pub hash: fn(&[u8]) -> i32,
    /// Whether anybody reads the contents of its results.
    pub keep_bodies: bool,
}

crate::hears! {
    /// What a processor hears.
    ProcessorMail {
        /// From the client that reads for it.
        Subscriber(FromSubscriber),
        /// From the client that publishes for it.
        Publisher(FromPublisher),
    }
}

/// An application that reads, works and publishes.
#[derive(Clone)]
pub struct Processor {
    setup: Box<ProcessorSetup>,
    held: Option<FromSubscriber>,
    offered: u64,
    /// Records that could not be decoded, and so gave no result.
    undecodable: u64,
    outputs: Vec<Emitted>,
}

impl Processor {
    /// A processor that has not begun to read.
    pub fn new(setup: ProcessorSetup) -> Self {
        Self { setup: Box::new(setup), held: None, offered: 0, undecodable: 0, outputs: Vec::new() }
    }

    fn process(&mut self, cx: &mut Cx<'_, Self>, records: &FromSubscriber) {
        let FromSubscriber::Deliver(deliveries) = records else { return };
        let reader = self.setup.reader.clone();
        for delivery in deliveries.iter() {
            reader.work(cx, delivery, |cx, one| self.publish_results(cx, one));
        }
        match reader.commit {
            Commit::After => cx.send(self.setup.publisher, ToPublisher::Flush),
            Commit::Auto | Commit::Before => cx.send(reader.subscriber, ToSubscriber::Next),
        }
    }

    fn publish_results(&mut self, cx: &mut Cx<'_, Self>, one: &Span) {
        let record = one.records()[0];
        let body = one.batch.body(one.from);
        let Some(operation) = &mut self.setup.operation else {
            let id = self.next_id(cx, record.bytes());
            let copy = Record::new(id, record.created, record.key_hash(), record.bytes());
            let body = body.filter(|_| self.setup.keep_bodies).cloned().map(Arc::new);
            return cx.send(self.setup.publisher, ToPublisher::Publish(self.setup.channel, copy, body));
        };
        let (schema, codec) = &self.setup.input;
        let decoded =
            body.and_then(|body| body.value.as_deref()).and_then(|value| codec.decode(schema, value).ok());
        let Some(row) = decoded else {
            self.undecodable += 1;
            return;
        };
        let key = body.and_then(|body| body.key.as_deref());
        let mut outputs = std::mem::take(&mut self.outputs);
        operation.apply(key, record.created, &row, &mut outputs);
        for output in outputs.drain(..) {
            self.publish(cx, output);
        }
        self.outputs = outputs;
    }

    fn publish(&mut self, cx: &mut Cx<'_, Self>, Emitted { key, event_time, row }: Emitted) {
        let (schema, codec) = &self.setup.output;
        let mut value = Vec::new();
        codec.encode(schema, &row, &mut value);
        let bytes = (key.as_ref().map_or(0, Vec::len) + value.len()) as u32;
        let hash = key.as_deref().map(self.setup.hash);
        let id = self.next_id(cx, bytes);
        let record = Record::new(id, event_time, hash, bytes);
        let body = self
            .setup
            .keep_bodies
            .then(|| Arc::new(Body { key: key.map(Into::into), value: Some(value.into()) }));
        cx.send(self.setup.publisher, ToPublisher::Publish(self.setup.channel, record, body));
    }

    fn next_id(&mut self, cx: &mut Cx<'_, Self>, bytes: u32) -> RecordId {
        let first = RecordId::new(self.setup.source, self.offered);
        self.offered += 1;
        cx.emit(Life::Offered { channel: self.setup.channel, first, records: 1, bytes: u64::from(bytes) });
        first
    }

    fn hear_subscriber(&mut self, cx: &mut Cx<'_, Self>, msg: FromSubscriber) {
        match msg {
            FromSubscriber::Deliver(_) if self.setup.reader.commit == Commit::Before => {
                self.held = Some(msg);
                cx.send(self.setup.reader.subscriber, ToSubscriber::Settle);
            }
            FromSubscriber::Deliver(_) => self.process(cx, &msg),
            FromSubscriber::Settled { .. } => match self.held.take() {
                Some(records) => self.process(cx, &records),
                None => cx.send(self.setup.reader.subscriber, ToSubscriber::Next),
            },
            FromSubscriber::Assigned(_) | FromSubscriber::Revoked(_) => {}
        }
    }
}

impl Actor for Processor {
    type Vocab = Brokersim;
    type Msg = ProcessorMail;
    type Timer = ReaderTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        self.held = None;
        self.setup.reader.begin(cx);
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: ProcessorMail) {
        match msg {
            ProcessorMail::Subscriber(msg) => self.hear_subscriber(cx, msg),
            ProcessorMail::Publisher(FromPublisher::Flushed { .. }) => {
                cx.send(self.setup.reader.subscriber, ToSubscriber::Settle);
            }
            ProcessorMail::Publisher(FromPublisher::Blocked | FromPublisher::Ready) => {}
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: ReaderTimer) {
        self.setup.reader.ring(cx, timer);
    }
}
