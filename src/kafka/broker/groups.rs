//! The groups that this broker coordinates: it carries their requests and writes their records.

use std::sync::Arc;

use crate::kernel::{Cx, Time};
use crate::trace::kafka::ErrorCode;
use crate::trace::{Batch, Body, GroupId, Life, PlaceId, Record, RecordId};
use crate::wire::kafka::{Acks, Request, Response};

use super::connections::Asker;
use super::{Broker, BrokerTimer, Replica, Role};
use crate::kafka::coordinator::{OffsetsRecord, Output, Ticket};
use crate::kafka::log::Appended;

/// The source number of records that the system writes for itself.
const SYSTEM: u32 = (1 << 24) - 1;
/// Bytes of a batch's header and of a record's fields in the log.
const BATCH_HEADER: u32 = 61;

impl Broker {
    pub(super) fn find_coordinator(&mut self, asker: Asker, group: GroupId) {
        let home = self.coordinator.home(group);
        let found = self.image.leader(home).ok_or(ErrorCode::CoordinatorNotAvailable);
        self.answer(asker, Response::FindCoordinator(found));
    }

    pub(super) fn group_request(&mut self, cx: &mut Cx<'_, Self>, asker: Asker, request: &Request) {
        if let Request::OffsetCommit(commit) = request {
            self.commits.push((asker, Arc::clone(commit)));
        }
        let outputs = self.coordinator.handle(cx.now(), asker, request);
        self.obey(cx, outputs);
    }

    pub(super) fn expire_groups(&mut self, cx: &mut Cx<'_, Self>) {
        let outputs = self.coordinator.expire(cx.now());
        self.obey(cx, outputs);
    }

    pub(super) fn lead_offsets(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, leader_epoch: u32) {
        self.coordinator.lead(place, leader_epoch);
        let replica = self.replica(place).expect("a replica before a role");
        let start = replica.log.start().max(replica.compacted.upto());
        let chunks = replica.log.read(start, replica.log.end(), u32::MAX).unwrap_or_default();
        let bytes: u64 = chunks.iter().map(|chunk| u64::from(chunk.batch.bytes())).sum();
        let rest = chunks.iter().flat_map(|chunk| decode(&chunk.batch));
        let records: Vec<OffsetsRecord> = replica.compacted.records().chain(rest).collect();
        // Replaying takes as long as reading it does; requests wait at the desk meanwhile.
        self.owed += self.per_kib(bytes);
        let outputs = self.coordinator.load(cx.now(), place, &records);
        self.obey(cx, outputs);
    }

    /// Takes the contents of old committed records out of the log, and keeps the newest of each key.
    pub(super) fn compact(replica: &mut Replica, older_than: Time) {
        let (from, safe) = (replica.compacted.upto(), replica.log.high_watermark());
        if from < safe {
            let chunks = replica.log.read(from, safe, u32::MAX).unwrap_or_default();
            for chunk in chunks.iter().take_while(|chunk| chunk.appended < older_than) {
                replica.compacted.take_in(decode(&chunk.batch), chunk.end());
            }
        }
        replica.log.freeze_below(replica.compacted.upto(), older_than);
    }

    pub(super) fn resign_offsets(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId) {
        if let Some(replica) = self.replica_aside(place) {
            replica.tickets.clear();
        }
        let outputs = self.coordinator.resign(place);
        self.obey(cx, outputs);
    }

    /// Gives up writes that replicas did not take within `offset.commit.timeout.ms`.
    pub(super) fn expire_writes(&mut self, cx: &mut Cx<'_, Self>) {
        for index in 0..self.replicas.len() {
            while let Some(ticket) = self.overdue_write(index, cx.now()) {
                let outputs = self.coordinator.appended(cx.now(), ticket, Err(ErrorCode::RequestTimedOut));
                self.obey(cx, outputs);
            }
        }
        let waiting = self.replicas.iter().flatten().filter_map(|replica| replica.tickets.front());
        let next = waiting.map(|(_, _, deadline)| *deadline).min();
        self.watches_writes = next.is_some();
        if let Some(at) = next {
            cx.arm_at(BrokerTimer::OffsetCommit, at);
        }
    }

    fn overdue_write(&mut self, index: usize, now: Time) -> Option<Ticket> {
        let tickets = &mut self.replicas[index].as_deref_mut()?.tickets;
        let (_, ticket, _) = *tickets.front().filter(|(_, _, deadline)| *deadline <= now)?;
        tickets.pop_front();
        Some(ticket)
    }

    /// The high watermark of an offsets partition has advanced: writes below it are safe.
    pub(super) fn replicated(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId) {
        loop {
            let Some(replica) = self.replica_aside(place) else { return };
            let safe = replica.log.high_watermark();
            let Some(&(_, ticket, _)) = replica.tickets.front().filter(|(upto, ..)| *upto <= safe) else {
                return;
            };
            replica.tickets.pop_front();
            let outputs = self.coordinator.appended(cx.now(), ticket, Ok(()));
            self.obey(cx, outputs);
        }
    }

    fn obey(&mut self, cx: &mut Cx<'_, Self>, outputs: Vec<Output<Asker>>) {
        for output in outputs {
            match output {
                Output::Answer(asker, response) => self.answer_group(cx, asker, response),
                Output::Fact(fact) => cx.emit_at_once(fact),
                Output::Append { place, ticket, records } => self.write(cx, place, ticket, &records),
            }
        }
        match self.coordinator.next_deadline() {
            Some(at) if at < Time::NEVER => cx.arm_at(BrokerTimer::Coordinator, at),
            Some(_) | None => cx.disarm(BrokerTimer::Coordinator),
        }
    }

    fn answer_group(&mut self, cx: &mut Cx<'_, Self>, asker: Asker, response: Response) {
        if let Response::OffsetCommit(error) = &response
            && let Some(index) = self.commits.iter().position(|(other, _)| *other == asker)
        {
            let (_, commit) = self.commits.swap_remove(index);
            if *error == ErrorCode::None {
                for &(place, upto) in &commit.offsets {
                    cx.emit_at_once(Life::Settled { group: commit.group, place, upto });
                }
            }
        }
        self.answer(asker, response);
    }

    /// Appends what the coordinator wants to keep; it is told when all in-sync replicas have it.
    fn write(&mut self, cx: &mut Cx<'_, Self>, place: PlaceId, ticket: Ticket, records: &[OffsetsRecord]) {
        let now = cx.now();
        let deadline = now + self.setup.config.offset_commit_timeout;
        self.owed += self.disk_time(self.setup.config.costs.append);
        if self.machine.disk_full {
            self.storage_fails(cx);
        }
        let batch = self.encode(now, records);
        let full = self.machine.disk_full;
        let appended = self.led(place).and_then(|(replica, epoch)| {
            if full {
                return Err(ErrorCode::KafkaStorageError);
            }
            let Role::Leader(leader) = &mut replica.role else { unreachable!("led() found a leader") };
            leader.may_append(Acks::All, &replica.log)?;
            let upto = match replica.log.append(now, epoch, None, batch)? {
                Appended::New(offset) | Appended::Duplicate(offset) => offset + records.len() as u64,
            };
            replica.tickets.push_back((upto, ticket, deadline));
            Ok(leader.on_append(&mut replica.log, now))
        });
        match appended {
            Ok(advanced) => {
                if !std::mem::replace(&mut self.watches_writes, true) {
                    cx.arm_at(BrokerTimer::OffsetCommit, deadline);
                }
                self.advanced(cx, place, advanced);
                self.stir(place);
            }
            Err(error) => {
                let outputs = self.coordinator.appended(now, ticket, Err(error));
                self.obey(cx, outputs);
            }
        }
    }

    fn encode(&mut self, now: Time, records: &[OffsetsRecord]) -> Arc<Batch> {
        let mut bytes = BATCH_HEADER;
        let (mut plain, mut bodies) = (Vec::with_capacity(records.len()), Vec::with_capacity(records.len()));
        for record in records {
            let body = encoded(record);
            let size = body.value.as_ref().map_or(0, |value| value.len() as u32);
            plain.push(Record::new(RecordId::new(SYSTEM, self.written), now, None, size));
            bytes += size;
            bodies.push(body);
            self.written += 1;
        }
        Batch::new(plain, bodies, bytes)
    }
}

/// A record as the log has it.
pub(super) fn encoded(record: &OffsetsRecord) -> Body {
    let value = bincode::serde::encode_to_vec(record, bincode::config::standard());
    Body { key: None, value: Some(value.expect("an offsets record always encodes").into()) }
}

fn decode(batch: &Batch) -> Vec<OffsetsRecord> {
    let values = (0..batch.len()).filter_map(|index| batch.body(index)?.value.as_deref());
    let decoded = values.map(|value| {
        let (record, _) = bincode::serde::decode_from_slice(value, bincode::config::standard())
            .expect("what this broker's kind wrote decodes");
        record
    });
    decoded.collect()
}
