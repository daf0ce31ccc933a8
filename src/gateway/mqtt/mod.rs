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
//! **Faults.** A client whose node is killed drops its socket; one that stands still neither reads nor sends, pings
//! included (`hands`). Between clients and the broker there can be a [proxy](super::proxy). A broker that is a process of its
//! own obeys commands, the one within this process the run (`embedded`).
//!
//! **Not modelled:** MQTT 3.1.1, websockets; topic aliases.

mod actors;
mod backend;
mod books;
mod config;
pub mod doctor;
mod embedded;
mod hands;
mod header;
mod line;
mod publisher;
mod subscriber;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::host::{Door, Hands};
use crate::kernel::{Addr, Builder, Desk, NodeId, Seat};
use crate::trace::kafka::BrokerId;
use crate::wire::Brokersim;
use crate::wire::kafka::ToBroker;

use super::seat::{BrokerSeat, View};
use super::{Reach, ReachSetup};

pub use actors::{PublishingActor, SubscribingActor};
pub use backend::MqttBackend;
pub use config::{
    Acknowledges, Applications, Broker, Client, Config, Login, Ports, Publisher, Subscriber, Tls, Topic, Will,
};
pub use tls::beyond_this_build;

use backend::{Job, Shared};
use hands::{MqttHands, Within};

/// Puts a client beside every application. Nothing real happens before the backend is told to prepare.
pub fn install(
    config: Config,
    door: &Door<Brokersim>,
    builder: &mut Builder<Brokersim>,
    applications: Applications,
) -> (Ports, MqttBackend) {
    let (broker, reach) = install_broker(&config, door, builder, &applications);
    let shared = Arc::new(Shared::new(&config, door.clone(), Arc::clone(&reach)));
    let within = matches!(config.broker, Broker::Embedded).then(Within::default);
    let hands = MqttHands::new(broker.1, within.clone(), Arc::clone(&shared), &reach);
    let mut jobs = Vec::new();
    let hands: Vec<Box<dyn Hands>> = vec![Box::new(hands)];
    let mut ports = Ports { publishers: Vec::new(), subscribers: Vec::new(), broker, hands };
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
    (ports, MqttBackend::new(config, shared, jobs, within))
}

/// The broker's seat, and what the run can do to the broker and the way there.
fn install_broker(
    config: &Config,
    door: &Door<Brokersim>,
    builder: &mut Builder<Brokersim>,
    apps: &Applications,
) -> ((BrokerId, NodeId, Addr<ToBroker>), Arc<Reach>) {
    const NAME: &str = "broker-1";
    let (id, node) = (BrokerId(1), builder.node(NAME));
    let seat: Seat<BrokerSeat> = builder.reserve(node, NAME);
    let (teller, address) = (seat.id(), seat.addr());
    let view = Arc::new(Mutex::new(View::of_one(id)));
    builder.install(seat, BrokerSeat { id, node, view }, Desk::default());
    let publishers = apps.publishers.iter().map(|app| app.node);
    let clients: BTreeSet<_> = publishers.chain(apps.subscribers.iter().map(|app| app.node)).collect();
    let reach = Reach::new(ReachSetup {
        clients: clients.into_iter().collect(),
        brokers: vec![node],
        means: config.means.clone(),
        door: door.clone(),
        teller,
    });
    ((id, node, address), reach)
}
