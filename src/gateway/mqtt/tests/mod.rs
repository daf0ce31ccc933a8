//! Whole runs against the embedded broker: what each QoS promises when clients die and connections break.

#![expect(clippy::disallowed_types, reason = "the real world has a clock")]

mod doctor;
mod faults;
mod proxy;

use std::sync::mpsc::Receiver;
use std::time::{Duration as Wall, Instant};

use crate::gateway::{Backend, Options};
use crate::host::{Door, Knock, Live, LiveSetup};
use crate::kernel::{Duration, Event, Observer, Time};
use crate::observe::ledger::{Balance, Ledger, Tally};
use crate::scenario::wiring::{Outside, Wired, wire_in};
use crate::scenario::world::{Server, World};
use crate::scenario::{Overrides, Scenario};
use crate::trace::mqtt::{Mqtt, Parting, Qos};
use crate::trace::{Fact, Reason, Stage};
use crate::wire::Brokersim;

use super::embedded::Embedded;
use super::line::{self, Heard};
use proxy::Proxy;

/// What a run came to.
struct Came {
    balance: Balance,
    tally: Tally,
    facts: Vec<Mqtt>,
    /// When each of them was told.
    times: Vec<Time>,
    /// By name of the actor that processed: how many records.
    processed: std::collections::BTreeMap<String, u64>,
    notes: Vec<String>,
}

/// The books and the facts that tests ask for.
struct Eyes {
    ledger: Ledger,
    facts: Vec<Mqtt>,
    times: Vec<Time>,
    processed: std::collections::BTreeMap<u32, u64>,
}

impl Observer<Fact> for Eyes {
    fn observe(&mut self, events: &[Event<Fact>]) {
        self.ledger.observe(events);
        for event in events {
            match &event.fact {
                Fact::Mqtt(fact) => {
                    self.facts.push(fact.clone());
                    self.times.push(event.at);
                }
                Fact::Life(crate::trace::Life::Processed { ids, .. }) => {
                    *self.processed.entry(event.actor.0).or_default() += u64::from(ids.len());
                }
                _ => {}
            }
        }
    }
}

/// Runs a scenario at a port until nothing is in flight, or to its end; `at` is called now and then with the time.
fn play(text: &str, port: u16, at: impl FnMut(Time)) -> Came {
    play_in(&World::Mqtt(Server { host: "127.0.0.1".to_owned(), port, login: None, tls: false }), text, at)
}

/// The same in a world.
fn play_in(world: &World, text: &str, mut at: impl FnMut(Time)) -> Came {
    let scenario = Scenario::load(text, "test.toml", &Overrides::default());
    let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render(false, 100)));
    let (door, knocks): (Door<Brokersim>, Receiver<Knock<Brokersim>>) = Door::new();
    let options = Options::default();
    let wired = wire_in(&scenario, Outside { world, door: &door, options: &options });
    let Wired { parts, stage, stop, end, backend, hands, .. } = wired.expect("it can run there");
    let mut backend = backend.expect("there is a real broker");
    backend.prepare().expect("the broker is there");
    let cast = parts.cast.clone();
    let mut eyes = Eyes {
        ledger: Ledger::new(std::sync::Arc::clone(&stage), (), false),
        facts: Vec::new(),
        times: Vec::new(),
        processed: std::collections::BTreeMap::new(),
    };
    let setup = LiveSetup { parts, clock: door.clock().clone(), knocks, hands: Box::new(hands) };
    let mut live = Live::begin(setup);
    // Who is late on a busy machine may offer once more: nothing has to be new for a while.
    let (mut offered, mut since) = (0, Time::ZERO);
    while live.now() < end {
        live.observe_until(live.now() + Duration::from_millis(50), &mut eyes);
        at(live.now());
        let balance = eyes.ledger.balance();
        if balance.offered != offered {
            (offered, since) = (balance.offered, live.now());
        }
        let in_flight = balance.in_flight.values().sum::<u64>();
        if live.now() > stop.max(since) + Duration::from_millis(300) && in_flight == 0 {
            break;
        }
    }
    let now = live.now();
    live.end(&mut eyes);
    backend.tear_down();
    eyes.ledger.close(0, now);
    let balance = eyes.ledger.balance();
    assert!(balance.holds(), "{balance:?}");
    let name = |(actor, count): (&u32, &u64)| (cast.actor(crate::kernel::ActorId(*actor)).to_owned(), *count);
    Came {
        balance,
        tally: eyes.ledger.tally(),
        facts: eyes.facts,
        times: eyes.times,
        processed: eyes.processed.iter().map(name).collect(),
        notes: backend.notes(),
    }
}

/// A sensor that publishes 200 records in a second, and what is beside it.
fn scenario(qos: u8, publisher: &str, beside: &str) -> String {
    format!(
        r#"
[run]
duration = "1s"
drain = "8s"
[mqtt]
qos = {qos}
[[generator]]
name = "sensor"
topic = "plant/line-1/temperature"
arrivals = {{ constant = "200/s" }}
payload = {{ kind = "bytes", size = "20B" }}
{publisher}
{beside}
"#
    )
}

const PERSISTENT: &str = "clean-start = false\nsession-expiry-interval = \"60s\"";

fn disconnects(came: &Came) -> usize {
    let broken =
        |fact: &&Mqtt| matches!(fact, Mqtt::Disconnected { how: Parting::Broken(_) | Parting::Died });
    came.facts.iter().filter(broken).count()
}

#[test]
fn at_qos_0_what_is_published_while_the_reader_is_away_is_lost_and_nothing_is_twice() {
    let broker = Embedded::start_new().expect("there is a port");
    let beside = r#"
[[sink]]
name = "screen"
from = "plant/+/temperature"
[[fault]]
at = "300ms"
kill = "screen"
for = "300ms"
"#;
    let came = play(&scenario(0, "", beside), broker.port(), |_| {});
    let unheard = came.balance.lost.get(&Reason::NotAcknowledged).copied().unwrap_or(0);
    assert!((40..=120).contains(&unheard), "{:?}", came.balance);
    // The reader may have had some in hand when it died.
    let lost = came.balance.lost_total();
    assert_eq!((came.tally.duplicates, came.balance.settled + lost), (0, came.balance.offered));
    assert_eq!(disconnects(&came), 1);
}

#[test]
fn at_qos_1_a_session_keeps_everything_for_a_reader_that_was_killed() {
    let broker = Embedded::start_new().expect("there is a port");
    let beside = format!(
        r#"
[[sink]]
name = "screen"
from = "plant/+/temperature"
commit = "after"
service = "1ms"
{PERSISTENT}
[[fault]]
at = "300ms"
kill = "screen"
for = "300ms"
"#
    );
    let came = play(&scenario(1, "", &beside), broker.port(), |_| {});
    assert_eq!(
        (came.balance.settled, came.balance.lost_total()),
        (came.balance.offered, 0),
        "{:?}",
        came.balance
    );
    let back = |fact: &&Mqtt| matches!(fact, Mqtt::Connected { session_present: true, .. });
    assert_eq!(came.facts.iter().filter(back).count(), 1);
}

#[test]
fn at_qos_1_a_session_that_ends_takes_its_queue_with_it() {
    let broker = Embedded::start_new().expect("there is a port");
    let beside = r#"
[[sink]]
name = "screen"
from = "plant/+/temperature"
[[sink]]
name = "archive"
from = "plant/#"
[[fault]]
at = "300ms"
kill = "screen"
for = "300ms"
"#;
    let came = play(&scenario(1, "", beside), broker.port(), |_| {});
    let ended = came.balance.lost.get(&Reason::SessionEnded).copied().unwrap_or(0);
    assert!(ended >= 40 && came.balance.in_flight.is_empty(), "{:?}", came.balance);
    assert_eq!(came.tally.duplicates, 0, "what one group missed, the other one has once");
    assert_eq!(came.processed.get("archive"), Some(&came.balance.offered));
}

#[test]
fn at_qos_2_everything_arrives_exactly_once_however_often_connections_break() {
    let broker = Embedded::start_new().expect("there is a port");
    let proxy = Proxy::before(format!("127.0.0.1:{}", broker.port()));
    let beside = format!(
        "[[sink]]\nname = \"ledger\"\nfrom = \"plant/#\"\ncommit = \"after\"\nservice = \"1ms\"\n{PERSISTENT}"
    );
    let mut due = [300, 500, 700, 900].map(Time::from_millis).into_iter().peekable();
    let came = play(&scenario(2, PERSISTENT, &beside), proxy.port(), |now| {
        // What is not there yet is cut as soon as it is.
        if due.peek().is_some_and(|due| *due <= now) && proxy.cut() > 0 {
            due.next();
        }
    });
    assert!(disconnects(&came) >= 4, "publisher and subscriber were cut off");
    assert_eq!(came.balance.settled, came.balance.offered, "{:?}", came.balance);
    assert_eq!(came.tally.duplicates, 0);
}

#[test]
fn at_qos_1_nothing_is_lost_when_connections_break_and_what_is_resent_says_so() {
    let broker = Embedded::start_new().expect("there is a port");
    let proxy = Proxy::before(format!("127.0.0.1:{}", broker.port()));
    let beside = format!(
        "[[sink]]\nname = \"ledger\"\nfrom = \"plant/#\"\ncommit = \"after\"\nservice = \"20ms\"\n{PERSISTENT}"
    );
    let mut due = [300, 600].map(Time::from_millis).into_iter().peekable();
    let came = play(&scenario(1, PERSISTENT, &beside), proxy.port(), |now| {
        if due.next_if(|due| *due <= now).is_some() {
            proxy.cut();
        }
    });
    assert_eq!(
        (came.balance.settled, came.balance.lost_total()),
        (came.balance.offered, 0),
        "{:?}",
        came.balance
    );
    // A reader of 50 records a second always holds some that it has not acknowledged.
    assert!(
        came.facts.iter().any(|fact| matches!(fact, Mqtt::Received { dup: true, qos: Qos::AtLeastOnce, .. }))
    );
}

#[test]
fn a_publisher_without_a_session_does_not_know_what_became_of_what_it_had_sent() {
    let broker = Embedded::start_new().expect("there is a port");
    let beside = format!(
        "[[sink]]\nname = \"ledger\"\nfrom = \"plant/#\"\n{PERSISTENT}\n[[fault]]\nat = \"500ms\"\nkill = \"sensor\"\n"
    );
    let came = play(&scenario(1, "", &beside), broker.port(), |_| {});
    assert!(came.balance.offered < 200 && came.balance.lost_total() == 0, "{:?}", came.balance);
    assert_eq!(came.tally.accepted + came.tally.unknown + came.tally.rejected, came.balance.offered);
}

#[test]
fn members_of_a_group_share_a_subscription_and_others_get_everything() {
    let broker = Embedded::start_new().expect("there is a port");
    let beside = r#"
[[sink]]
name = "worker"
instances = 3
group = "workers"
from = "plant/#"
[[sink]]
name = "screen"
instances = 2
from = "plant/line-1/+"
"#;
    let came = play(&scenario(1, "", beside), broker.port(), |_| {});
    assert_eq!(
        (came.balance.settled, came.tally.duplicates),
        (came.balance.offered, 0),
        "{:?}",
        came.balance
    );
    let of = |name: &str| came.processed.get(name).copied().unwrap_or(0);
    let workers = [of("worker-1"), of("worker-2"), of("worker-3")];
    assert_eq!(workers.iter().sum::<u64>(), came.balance.offered);
    assert!(workers.iter().all(|share| *share > 30), "{workers:?}");
    assert_eq!([of("screen-1"), of("screen-2")], [came.balance.offered; 2]);
}

#[test]
fn a_late_reader_gets_the_retained_record_and_the_will_of_who_died_and_nothing_stays_behind() {
    let broker = Embedded::start_new().expect("there is a port");
    let publisher = r#"
retain = true
will = { topic = "plant/line-1/status", payload = "gone", retain = true }
"#;
    let beside = r#"
[[sink]]
name = "early"
from = "plant/#"
[[sink]]
name = "late"
from = "plant/#"
start = "900ms"
[[fault]]
at = "600ms"
kill = "sensor"
"#;
    let came = play(&scenario(1, publisher, beside), broker.port(), |_| {});
    let wills: Vec<_> = came
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Mqtt::Will { of, topic, retain } => Some((of.as_ref(), topic.as_ref(), *retain)),
            _ => None,
        })
        .collect();
    let (of, topic) = ("sensor/publisher", "plant/line-1/status");
    assert_eq!(wills, [(of, topic, false), (of, topic, true)], "to who was there, and to who came later");
    let retained = |fact: &&Mqtt| matches!(fact, Mqtt::Received { retain: true, .. });
    assert_eq!(came.facts.iter().filter(retained).count(), 1);
    assert_eq!(came.processed.get("late"), Some(&1));
    assert_eq!(came.notes, Vec::<String>::new());
    assert_eq!(first_message(broker.port()), b"marker", "no retained message is left");
}

/// What a new subscriber to everything gets first when it publishes a marker after it has subscribed.
fn first_message(port: u16) -> Vec<u8> {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::Packet;
    let setup = super::backend::plain();
    let call = line::Call {
        id: "marker".into(),
        host: "127.0.0.1",
        port,
        login: None,
        connector: None,
        client: &setup,
        prefix: "",
        name: "marker",
    };
    let runtime = super::backend::runtime();
    runtime.block_on(async {
        let (client, mut line) = line::open(&call);
        client.try_subscribe("#", QoS::AtLeastOnce).expect("there is room");
        let deadline = Instant::now() + Wall::from_secs(5);
        while Instant::now() < deadline {
            match line.next().await {
                Heard::In(Packet::SubAck(_)) => {
                    client.try_publish("m", QoS::AtLeastOnce, false, "marker").expect("there is room");
                }
                Heard::In(Packet::Publish(publish)) => return publish.payload.to_vec(),
                _ => {}
            }
        }
        panic!("nothing came");
    })
}

#[test]
fn nobody_at_the_port_is_said_within_seconds() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it listens").port();
    drop(listener);
    let begun = Instant::now();
    let mut backend = lonely(port, true);
    let trouble = backend.prepare().expect_err("nobody is there").to_string();
    assert!(trouble.contains(&format!("no MQTT 5 broker answers at 127.0.0.1:{port}")), "{trouble}");
    assert!(begun.elapsed() < Wall::from_secs(5));
    backend.tear_down();
}

#[test]
fn a_broker_elsewhere_is_written_to_only_when_that_is_said() {
    let trouble = lonely(1, false).prepare().expect_err("it was not said").to_string();
    assert!(trouble.contains("--yes"), "{trouble}");
}

fn lonely(port: u16, is_here: bool) -> super::MqttBackend {
    let (door, _) = Door::new();
    let config = super::Config {
        broker: super::Broker::At { host: "127.0.0.1".to_owned(), port, is_here, login: None, tls: None },
        options: Options::default(),
        run: "test-1".to_owned(),
        topics: Vec::new(),
        groups: Stage::default().groups.len() as u32,
        means: crate::gateway::Means::default(),
    };
    let mut builder =
        crate::kernel::Builder::new(1, crate::kernel::Network::new(crate::kernel::Shape::IDEAL, 1));
    super::install(config, &door, &mut builder, super::Applications::default()).1
}
