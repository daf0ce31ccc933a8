//! PUSH and PULL against what libzmq's own tests expect, small applications standing in for real ones.
//!
//! Rows carry the ids of `../shared/oracles/zeromq/scenarios.jsonl`, where their sources in libzmq's
//! test suite are named.

mod capacity;
mod loss;
mod patterns;
mod port;
mod stand_in;

use std::collections::BTreeMap;

use super::{Applications, Config, Publisher, Subscriber, install};
use crate::host::Simulation;
use crate::kernel::{Builder, Command, Desk, Duration, Event, Law, Network, NodeId, Seat, Shape, Time};
use crate::trace::zeromq::ZeroMq;
use crate::trace::{ChannelId, Fact, GroupId, Life, PlaceId, Reason, RecordId};
use crate::wire::Brokersim;
use stand_in::{Faults, Reader, Say, Writer};

/// A channel, its applications and what goes wrong.
#[derive(Clone)]
struct Story {
    config: Config,
    /// What each publisher says, and when.
    writers: Vec<Vec<(u64, Say)>>,
    /// How many messages each reader asks for, and when.
    readers: Vec<Vec<(u64, u32)>>,
    /// How long a reader works on each message.
    service: Vec<Law>,
    /// Everybody on one node.
    inproc: bool,
    latency: Law,
    faults: Vec<(u64, Fault)>,
}

/// What goes wrong with the node of a writer or reader.
#[derive(Clone, Copy)]
enum Fault {
    Writer(usize, fn(NodeId) -> Command),
    Reader(usize, fn(NodeId) -> Command),
}

const KILL: fn(NodeId) -> Command = |node| Command::Crash(node, crate::kernel::Crash::Process);
const POWER: fn(NodeId) -> Command = |node| Command::Crash(node, crate::kernel::Crash::Power);
const RESTART: fn(NodeId) -> Command = Command::Restart;

/// As many as there are.
const ALL: u32 = u32::MAX;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Story {
    /// Everybody on nodes of their own, 1 ms apart.
    fn tcp(config: Config) -> Self {
        Self {
            config,
            writers: Vec::new(),
            readers: Vec::new(),
            service: Vec::new(),
            inproc: false,
            latency: Law::Constant(ms(1)),
            faults: Vec::new(),
        }
    }

    fn inproc(config: Config) -> Self {
        Self { inproc: true, ..Self::tcp(config) }
    }

    fn writer(mut self, script: impl Into<Vec<(u64, Say)>>) -> Self {
        self.writers.push(script.into());
        self
    }

    fn reader(self, script: impl Into<Vec<(u64, u32)>>) -> Self {
        self.worker(script, Law::ZERO)
    }

    fn worker(mut self, script: impl Into<Vec<(u64, u32)>>, service: Law) -> Self {
        self.readers.push(script.into());
        self.service.push(service);
        self
    }

    fn fault(mut self, at: u64, fault: Fault) -> Self {
        self.faults.push((at, fault));
        self
    }

    /// What was seen until `until` milliseconds.
    fn told(self, until: u64) -> Told {
        self.told_with(1, until)
    }

    fn told_with(self, seed: u64, until: u64) -> Told {
        let mut run = Simulation::new(self.built(seed).finish());
        let mut events = Vec::new();
        run.run_until(Time::from_millis(until), &mut events);
        Told(events)
    }

    fn built(self, seed: u64) -> Builder<Brokersim> {
        let network = Network::new(Shape { latency: self.latency.clone(), ..Shape::IDEAL }, seed);
        let mut builder = Builder::new(seed, network);
        let here = builder.node("here");
        let node = |builder: &mut Builder<_>, name: &str| {
            if self.inproc { here } else { builder.node(name) }
        };
        let writer_nodes: Vec<_> = self.writers.iter().map(|_| node(&mut builder, "writer")).collect();
        let reader_nodes: Vec<_> = self.readers.iter().map(|_| node(&mut builder, "reader")).collect();
        let writers: Vec<Seat<Writer>> = (0..)
            .zip(&writer_nodes)
            .map(|(at, node)| builder.reserve(*node, format!("writer-{at}")))
            .collect();
        let readers: Vec<Seat<Reader>> = (0..)
            .zip(&reader_nodes)
            .map(|(at, node)| builder.reserve(*node, format!("reader-{at}")))
            .collect();
        let publisher = |seat: &Seat<Writer>| Publisher {
            name: format!("push-{}", seat.id().0),
            node: seat.node(),
            app: seat.addr(),
        };
        let subscriber = |seat: &Seat<Reader>| Subscriber {
            name: format!("pull-{}", seat.id().0),
            node: seat.node(),
            app: seat.addr(),
            group: GroupId(0),
        };
        let apps = Applications {
            channel: ChannelId(0),
            place: PlaceId(0),
            publishers: writers.iter().map(publisher).collect(),
            subscribers: readers.iter().map(subscriber).collect(),
        };
        let ports = install(&self.config, &mut builder, &apps);
        for (at, seat) in writers.into_iter().enumerate() {
            let writer = Writer::new(ports.publishers[at], at as u32, self.writers[at].clone());
            builder.install(seat, writer, Desk::default());
        }
        for (at, seat) in readers.into_iter().enumerate() {
            let reader =
                Reader::new(ports.subscribers[at], self.readers[at].clone(), self.service[at].clone());
            builder.install(seat, reader, Desk::default());
        }
        let faults = self.faults.iter().map(|(at, fault)| {
            let command = match *fault {
                Fault::Writer(which, what) => what(writer_nodes[which]),
                Fault::Reader(which, what) => what(reader_nodes[which]),
            };
            (*at, command)
        });
        let faults = Faults::new(faults.collect());
        let elsewhere = builder.node("faults");
        let seat = builder.reserve(elsewhere, "faults");
        builder.install(seat, faults, Desk::default());
        builder
    }
}

/// What was seen.
struct Told(Vec<Event<Fact>>);

impl Told {
    fn lives(&self) -> impl Iterator<Item = &Life> {
        self.0.iter().filter_map(|event| if let Fact::Life(life) = &event.fact { Some(life) } else { None })
    }

    fn accepted(&self) -> Vec<RecordId> {
        self.lives()
            .flat_map(
                |life| if let Life::Accepted { ids, .. } = life { ids.iter().collect() } else { Vec::new() },
            )
            .collect()
    }

    fn delivered(&self) -> Vec<RecordId> {
        self.lives()
            .flat_map(
                |life| if let Life::Delivered { ids, .. } = life { ids.iter().collect() } else { Vec::new() },
            )
            .collect()
    }

    /// What each reader was handed, by the number of its socket.
    fn delivered_by_reader(&self) -> Vec<Vec<RecordId>> {
        let mut by: BTreeMap<_, Vec<RecordId>> = BTreeMap::new();
        for event in &self.0 {
            if let Fact::Life(Life::Delivered { ids, .. }) = &event.fact {
                by.entry(event.actor).or_default().extend(ids.iter());
            }
        }
        by.into_values().collect()
    }

    fn dropped(&self, reason: Reason) -> Vec<RecordId> {
        self.lives()
            .flat_map(|life| match life {
                Life::Dropped { ids, why } if *why == reason => ids.iter().collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    fn offered(&self) -> u64 {
        self.lives()
            .map(|life| if let Life::Offered { records, .. } = life { u64::from(*records) } else { 0 })
            .sum()
    }

    /// When ZeroMQ did that, in milliseconds.
    fn when(&self, what: impl Fn(&ZeroMq) -> bool) -> Vec<u64> {
        self.0
            .iter()
            .filter(|event| matches!(&event.fact, Fact::ZeroMq(fact) if what(fact)))
            .map(|event| event.at.as_millis())
            .collect()
    }

    fn blocked(&self) -> Vec<u64> {
        self.when(|fact| *fact == ZeroMq::Blocked)
    }

    fn unblocked(&self) -> Vec<u64> {
        self.when(|fact| *fact == ZeroMq::Unblocked)
    }
}

fn numbers(ids: &[RecordId]) -> Vec<u64> {
    ids.iter().map(|id| id.sequence()).collect()
}
