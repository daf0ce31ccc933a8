//! The processor: an application that reads, works on the content, and publishes results.
//!
//! With `commit = "after"` it waits until its results are accepted before it settles what they came from, so
//! that a crash between both repeats work rather than losing it.

use std::sync::Arc;

use crate::kernel::{Actor, ActorId, Addr, Crash, Cx, Machine, Time};
use crate::trace::{Body, ChannelId, Disregard, Ids, Life, PlaceId, Record, RecordId, Span};
use crate::wire::Brokersim;
use crate::wire::operator::ToApplication;
use crate::wire::port::{FromPublisher, FromSubscriber, ToPublisher};

use super::codec::Codec;
use super::operation::{Emitted, OperationState};
use super::reader::{self, Application, Reader, ReaderTimer};
use super::row::Schema;

/// What a processor is made of.
#[derive(Clone, Debug)]
pub struct ProcessorSetup {
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
        /// From outside.
        Operator(ToApplication),
    }
}

/// An application that reads, works and publishes.
#[derive(Clone)]
pub struct Processor {
    setup: Box<ProcessorSetup>,
    reader: Reader,
    offered: u64,
    outputs: Vec<Emitted>,
}

impl Processor {
    /// A processor that has not begun to read.
    pub fn new(reader: Reader, setup: ProcessorSetup) -> Self {
        Self { setup: Box::new(setup), reader, offered: 0, outputs: Vec::new() }
    }

    fn publish_results(&mut self, cx: &mut Cx<'_, Self>, one: &Span, at: (PlaceId, u64)) {
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
        let Some(row) = decoded else { return self.ignore(cx, one, at, Disregard::Undecodable) };
        let key = body.and_then(|body| body.key.as_deref());
        let mut outputs = std::mem::take(&mut self.outputs);
        let late = operation.late();
        operation.apply(key, record.created, &row, &mut outputs);
        if operation.late() > late {
            self.ignore(cx, one, at, Disregard::TooLate);
        }
        for output in outputs.drain(..) {
            self.publish(cx, output);
        }
        self.outputs = outputs;
    }

    /// Nothing comes of a record: that is told, or results would lack it in silence.
    fn ignore(&self, cx: &mut Cx<'_, Self>, one: &Span, (place, offset): (PlaceId, u64), why: Disregard) {
        let group = self.reader.group();
        cx.emit(Life::Ignored { ids: Ids::Span(one.clone()), group, place, offset, why });
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
}

impl Application for Processor {
    const HANDLES: bool = true;

    fn reader(&mut self) -> &mut Reader {
        &mut self.reader
    }

    fn handle(&mut self, cx: &mut Cx<'_, Self>, one: &Span, at: (PlaceId, u64)) {
        self.publish_results(cx, one, at);
    }

    fn secure(&mut self, cx: &mut Cx<'_, Self>) -> bool {
        cx.send(self.setup.publisher, ToPublisher::Flush);
        true
    }
}

impl Actor for Processor {
    type Vocab = Brokersim;
    type Msg = ProcessorMail;
    type Timer = ReaderTimer;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        reader::begin(self, cx);
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: ProcessorMail) {
        match msg {
            ProcessorMail::Subscriber(msg) => reader::hear(self, cx, msg),
            ProcessorMail::Publisher(FromPublisher::Flushed { .. }) => reader::secured(self, cx),
            ProcessorMail::Publisher(
                FromPublisher::Blocked | FromPublisher::Ready | FromPublisher::Outcome { .. },
            ) => {}
            ProcessorMail::Operator(told) => reader::obey(self, cx, told),
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
