//! How many rows a second the tape takes: a made-up stream of facts, recorded into a folder.
//!
//! `cargo run --release --example tape_speed -- DIR [BATCHES [RECORDS_PER_BATCH [GROUPS]]]`

// A measurement reads the clock.
#![allow(clippy::disallowed_types)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use brokersim::kernel::{ActorId, Cast, Digest, Duration, Event, NodeId, Observer, Time};
use brokersim::tape::{Ending, Header, LagRow, ScenarioText, State, Tape};
use brokersim::trace::{
    Batch, ChannelId, Fact, GroupId, Ids, LegRow, Life, PlaceId, Record, RecordId, RecordRow, Stage,
};

const PARTITIONS: u64 = 12;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().expect("a folder to write into"));
    let mut number = |default| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (batches, records, groups) = (number(1_000_000), number(1), number(1));
    let mut tape = Tape::create(&dir, header(groups)).expect("a folder for the tape");
    let mut stream = Stream { groups, ..Stream::default() };
    let began = Instant::now();
    for batch in 0..batches {
        stream.batch(batch, records);
        if stream.events.len() >= 512 {
            stream.show(&mut tape);
        }
    }
    stream.show(&mut tape);
    let observed = began.elapsed().as_secs_f64();
    let manifest = tape.finish(ending()).expect("a complete tape");
    let seconds = began.elapsed().as_secs_f64();
    let (facts, records) = (manifest.counts.facts, manifest.counts.records);
    println!(
        "{facts} facts and {records} records in {seconds:.2} s ({observed:.2} s until all were handed over)"
    );
    println!("{:.0} rows/s", (facts + records) as f64 / seconds);
}

fn header(groups: u64) -> Header {
    let mut stage = Stage::default();
    let orders = stage.add_channel("orders", PARTITIONS as u32, false, true);
    for group in 0..groups {
        stage.add_group(format!("group-{group}"), vec![orders]);
    }
    stage.add_source("orders-generator-0");
    let actors = ["broker-1", "generator-0", "producer-0", "consumer-0", "processor-0"];
    let cast = Cast {
        nodes: vec!["broker-1".into(), "app-0".into()],
        actors: actors.iter().map(|name| ((*name).into(), NodeId(1))).collect(),
    };
    Header {
        name: "tape-speed".into(),
        scenario: ScenarioText::default(),
        seed: 1,
        stage: Arc::new(stage),
        cast,
        sinks: Vec::new(),
        traces: Vec::new(),
        force: false,
        skipped_faults: Vec::new(),
        world: "simulation".into(),
    }
}

fn ending() -> Ending {
    let balance = serde_json::Value::Null;
    Ending {
        state: State::Finished,
        failure: None,
        digest: Some(Digest::default()),
        at: Time::from_secs(1),
        balance,
        promises: serde_json::json!([]),
        summary: serde_json::Value::Null,
    }
}

#[derive(Default)]
struct Stream {
    groups: u64,
    serial: u64,
    events: Vec<Event<Fact>>,
    closed: Vec<RecordRow>,
    offsets: [u64; PARTITIONS as usize],
}

impl Stream {
    fn batch(&mut self, number: u64, records: u64) {
        let place = PlaceId((number % PARTITIONS) as u32);
        let first = RecordId::new(0, number * records);
        let at = Time::from_nanos(number * 10_007);
        let record = |i| Record::new(first.plus(i), at, Some(i as i32), 100);
        let ids = || -> Vec<Record> { (0..records).map(record).collect() };
        let span = Ids::from(Batch::new(ids(), Vec::new(), 170).span());
        let offset = self.offsets[place.index()];
        let upto = offset + records;
        self.offsets[place.index()] = upto;
        let group = GroupId(0);
        let (channel, count) = (ChannelId(0), records as u32);
        self.emit(at, 1, Life::Offered { channel, first, records: count, bytes: 100 * records });
        self.emit(at, 0, Life::Stored { ids: span.clone(), place, offset });
        self.emit(at, 0, Life::Committed { place, upto });
        self.emit(at, 2, Life::Accepted { ids: span.clone(), place: Some(place), offset: Some(offset) });
        self.emit(at, 3, Life::Delivered { ids: span.clone(), group, place, offset });
        self.emit(at, 4, Life::Processed { ids: span, group, place, offset });
        self.emit(at, 3, Life::Settled { group, place, upto });
        let groups = self.groups as usize;
        self.closed.extend((0..records).map(|i| row(first.plus(i), at, place, offset + i, groups)));
    }

    fn emit(&mut self, at: Time, actor: u32, fact: Life) {
        self.serial += 1;
        let (serial, cause) = (self.serial, self.serial - 1);
        self.events.push(Event { at, serial, cause, actor: ActorId(actor), fact: fact.into() });
    }

    fn show(&mut self, tape: &mut Tape) {
        tape.observe(&self.events);
        tape.records(std::mem::take(&mut self.closed));
        if let Some(last) = self.events.last() {
            let place = PlaceId(0);
            let log_end = self.offsets[0];
            let (group, committed, behind) = (GroupId(0), Some(log_end), Duration::ZERO);
            tape.lag(vec![LagRow { at: last.at, group, place, log_end, committed, lag: 0, behind }]);
        }
        self.events.clear();
    }
}

fn row(id: RecordId, at: Time, place: PlaceId, offset: u64, groups: usize) -> RecordRow {
    let after = |micros| at + Duration::from_micros(micros);
    let leg = LegRow {
        delivered: after(900),
        processed: after(1_000),
        settled: after(5_000),
        attempts: 1,
        times_processed: 1,
        skipped: None,
    };
    RecordRow {
        count: 1,
        id,
        place: Some(place),
        offset,
        key_hash: Some(offset as i32),
        bytes: 100,
        offered: at,
        accepted: after(700),
        stored: after(400),
        committed: after(600),
        copies: 1,
        fate: "settled",
        reason: None,
        legs: std::iter::repeat_n(leg, groups).collect(),
    }
}
