//! MQTT 5 for real: publishers and subscribers that are rumqttc clients, behind the port that every system shares.
//!
//! An actor of the system hands what it hears to a task of its own (`publisher`, `subscriber`) on the gateway's
//! thread; the task speaks to the broker (`line`), tells what it sees through the door, and answers the
//! application. What all tasks know of records together is in `books`: a real broker does not tell what it stores,
//! so a record counts as stored when a client first hears of it, by PUBACK, PUBREC or its delivery.
//!
//! | | QoS 0 | QoS 1 | QoS 2 |
//! |---|---|---|---|
//! | `Accepted` | written to the socket | PUBACK | PUBCOMP |
//! | `Delivered` | handed to the application | the same | the same, once in the life of the session's client |
//! | `Acknowledged` | handed to the application | PUBACK sent | PUBCOMP sent |
//!
//! **Invariant.** The books balance to the record: its identity travels in a user property (`header`), whatever
//! the broker does to the message. Nothing that existed before the run is touched: topics and client identifiers
//! have the run's prefix, retained messages and sessions of the run are removed at its end.
//!
//! **Not modelled:** MQTT 3.1.1, TLS, credentials, websockets; topic aliases; a client that stands still (SIGSTOP): its
//! connection goes on.

mod actors;
mod backend;
mod books;
mod config;
mod embedded;
mod header;
mod line;
mod publisher;
mod subscriber;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::host::Door;
use crate::kernel::{Builder, Desk, Seat};
use crate::wire::Brokersim;

pub use actors::{PublishingActor, SubscribingActor};
pub use backend::MqttBackend;
pub use config::{
    Acknowledges, Applications, Broker, Client, Config, Ports, Publisher, Subscriber, Topic, Will,
};

use backend::{Job, Shared};

/// Puts a client beside every application. Nothing real happens before the backend is told to prepare.
pub fn install(
    config: Config,
    door: &Door<Brokersim>,
    builder: &mut Builder<Brokersim>,
    applications: Applications,
) -> (Ports, MqttBackend) {
    let shared = Arc::new(Shared::new(&config, door.clone()));
    let mut jobs = Vec::new();
    let mut ports = Ports::default();
    for publisher in applications.publishers {
        let seat: Seat<PublishingActor> = builder.reserve(publisher.node, publisher.name.as_str());
        ports.publishers.push(seat.addr());
        let (actor, orders) = PublishingActor::new();
        jobs.push(Job::Publish(publisher::Task::new(seat.id(), publisher, Arc::clone(&shared)), orders));
        builder.install(seat, actor, Desk::default());
    }
    for subscriber in applications.subscribers {
        let seat: Seat<SubscribingActor> = builder.reserve(subscriber.node, subscriber.name.as_str());
        ports.subscribers.push(seat.addr());
        let (actor, orders) = SubscribingActor::new();
        jobs.push(Job::Subscribe(subscriber::Task::new(seat.id(), subscriber, Arc::clone(&shared)), orders));
        builder.install(seat, actor, Desk::default());
    }
    (ports, MqttBackend::new(config, shared, jobs))
}
