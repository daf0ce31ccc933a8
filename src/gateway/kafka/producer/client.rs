//! librdkafka's producer as the thread behind the actor uses it: what travels with a record, what is reported, and the
//! client with the thread that takes its reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext, PurgeConfig};

use crate::host::Clock;
use crate::kernel::Time;
use crate::trace::{Batch, Body, ChannelId, Ids, PlaceId, Record};

use super::super::notes::Notes;
use super::Work;

/// What travels with a record through librdkafka.
#[derive(Debug)]
pub struct Tag {
    pub(super) channel: ChannelId,
    pub(super) record: Record,
    /// Which flush waits for it.
    pub(super) epoch: u64,
}

/// What became of a record.
#[derive(Debug)]
pub struct Report {
    pub(super) tag: Box<Tag>,
    pub(super) outcome: Result<(i32, i64), RDKafkaErrorCode>,
}

/// librdkafka's side: reports go to the thread.
pub(super) struct Context {
    pub(super) thread: Sender<Work>,
    pub(super) notes: Arc<Notes>,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        self.notes.complain("producer", &error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Tag>;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: Box<Tag>) {
        let outcome = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)),
        };
        let _ = self.thread.send(Work::Report(Box::new(Report { tag, outcome })));
    }
}

/// A client of librdkafka, and the thread that takes its reports.
pub(super) struct Client {
    pub(super) producer: Arc<BaseProducer<Context>>,
    over: Arc<AtomicBool>,
    poller: JoinHandle<()>,
}

impl Client {
    pub(super) fn new(config: &ClientConfig, context: Context) -> Result<Self, KafkaError> {
        let producer: Arc<BaseProducer<Context>> = Arc::new(config.create_with_context(context)?);
        let over = Arc::new(AtomicBool::new(false));
        let (mine, until) = (Arc::clone(&producer), Arc::clone(&over));
        let poller = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                mine.poll(Duration::from_millis(50));
            }
        });
        Ok(Self { producer, over, poller })
    }

    /// Ends it; whatever is still in it is gone.
    pub(super) fn end(self) {
        self.producer.purge(PurgeConfig::default().queue().inflight());
        self.over.store(true, Ordering::Relaxed);
        let _ = self.poller.join();
    }
}

/// An accepted record: where it lies, and at which offset, as far as that was told.
pub(super) type Accepted = (Option<PlaceId>, Option<u64>, Box<Tag>);

/// Key and value: the application's own, or as many bytes.
pub(super) fn contents<'a>(
    record: &Record,
    hash: &'a [u8; 4],
    zeros: &'a [u8],
    body: Option<&'a Body>,
) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    if let Some(body) = body {
        return (body.key.as_deref(), body.value.as_deref());
    }
    let bytes = record.bytes() as usize;
    let key = record.key_hash().map(|_| &hash[..bytes.min(hash.len())]);
    (key, Some(&zeros[..bytes - key.map_or(0, <[u8]>::len)]))
}

/// How many of these, from the first on, lie side by side; none when there are none.
pub(super) fn run_length(reports: &[Accepted]) -> Option<usize> {
    let (place, offset, _) = reports.first()?;
    let follows = |(index, report): &(usize, &Accepted)| {
        report.0 == *place && report.1 == offset.map(|offset| offset + *index as u64)
    };
    Some(reports.iter().enumerate().take_while(follows).count())
}

pub(super) fn ids(records: Vec<Record>) -> Ids {
    match records[..] {
        [one] => Ids::one(one.id),
        _ => {
            let bytes = records.iter().map(Record::bytes).fold(0, u32::saturating_add);
            Ids::Span(Batch::new(records, Vec::new(), bytes).span())
        }
    }
}

/// When the run began, by the clock of this machine, in milliseconds since 1970.
pub(super) fn beginning(clock: &Clock) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(now).expect("this is before the year 292 million") - millis(clock.now())
}

/// The timestamp that its application gives a record, whose clock may be wrong; in a run that began then.
pub(super) fn timestamp(began: i64, record: &Record) -> i64 {
    began.saturating_add(millis(record.created))
}

fn millis(time: Time) -> i64 {
    i64::try_from(time.as_nanos() / 1_000_000).expect("nanoseconds in 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::RecordId;

    #[test]
    fn an_application_whose_clock_is_ahead_gives_timestamps_to_come() {
        let record = |created| Record::new(RecordId::new(0, 0), created, None, 9);
        let (now, clock) = (1_700_000_000_000, Clock::default());
        assert_eq!(timestamp(now, &record(Time::from_secs(7_200))) - now, 7_200_000);
        let began = beginning(&clock);
        assert!(beginning(&clock) - began < 60_000 && began > now, "no run is under way: it begins now");
    }
}
