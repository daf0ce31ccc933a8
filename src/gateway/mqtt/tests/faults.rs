//! Faults of the network, of clients and of the broker, as scenarios say them, on the broker within this process.

use crate::scenario::World;

use super::*;

fn embedded(text: &str) -> Came {
    play_in(&World::Embedded, text, |_| {})
}

fn fault(what: &str) -> String {
    format!("[[fault]]\n{what}\n")
}

fn sink(name: &str, qos: u8, more: &str) -> String {
    format!("[[sink]]\nname = \"{name}\"\nfrom = \"plant/#\"\nqos = {qos}\n{more}\n")
}

/// A reader whose session stays, and which acknowledges when it is done.
fn keeper(name: &str, qos: u8) -> String {
    sink(name, qos, &format!("commit = \"after\"\nservice = \"1ms\"\n{PERSISTENT}"))
}

fn processed(came: &Came, name: &str) -> u64 {
    came.processed.get(name).copied().unwrap_or(0)
}

#[test]
fn readers_whose_links_are_cut_lose_at_qos_0_may_get_twice_at_1_and_neither_at_2() {
    let readers = [sink("zero", 0, ""), keeper("one", 1), keeper("two", 2)].concat();
    let cut = fault("at = \"300ms\"\nreset = [\"zero\", \"one\", \"two\"]\nfor = \"300ms\"");
    let came = embedded(&scenario(2, PERSISTENT, &(readers + &cut)));
    let offered = came.balance.offered;
    let lost = came.balance.lost_total();
    assert!((40..=160).contains(&lost), "{:?}", came.balance);
    assert_eq!(processed(&came, "zero") + lost, offered, "only at QoS 0, and nothing twice");
    assert!(processed(&came, "one") >= offered, "{} of {offered}", processed(&came, "one"));
    assert_eq!(processed(&came, "two"), offered);
    assert_eq!(disconnects(&came), 3);
}

#[test]
fn a_publisher_whose_link_is_cut_keeps_the_promise_of_its_qos() {
    for qos in [0, 1, 2] {
        // Some are always on their way when the link is cut.
        let slow = fault("at = \"0s\"\nlatency = \"sensor\"\nby = \"30ms\"");
        let cut = fault("at = \"500ms\"\nreset = \"sensor\"\nfor = \"100ms\"");
        let beside = [keeper("ledger", 2), slow, cut].concat();
        let came = embedded(&scenario(qos, PERSISTENT, &beside));
        let (offered, lost) = (came.balance.offered, came.balance.lost_total());
        assert_eq!(came.balance.settled + lost, offered, "QoS {qos}: {:?}", came.balance);
        assert_eq!(lost > 0, qos == 0, "QoS {qos}: {:?}", came.balance);
        assert!(qos == 1 || came.tally.duplicates == 0, "QoS {qos}: {} twice", came.tally.duplicates);
        assert_eq!(disconnects(&came), 1, "QoS {qos}");
    }
}

#[test]
fn what_a_partition_holds_back_arrives_once_when_it_is_healed() {
    let cut = fault("at = \"300ms\"\npartition = \"broker-1\"\nfor = \"400ms\"");
    let came = embedded(&scenario(2, PERSISTENT, &(keeper("ledger", 2) + &cut)));
    let Came { balance, tally, .. } = &came;
    assert_eq!((balance.settled, balance.lost_total(), tally.duplicates), (balance.offered, 0, 0));
    assert_eq!(disconnects(&came), 0, "nobody is told");
}

#[test]
fn a_reader_that_loses_power_is_no_news_to_the_broker_until_it_is_back() {
    let outage = fault("at = \"300ms\"\npower-loss = \"ledger\"\nfor = \"300ms\"");
    let came = embedded(&scenario(1, "", &(keeper("ledger", 1) + &outage)));
    assert_eq!((came.balance.settled, came.balance.lost_total()), (came.balance.offered, 0));
    let back = |fact: &&Mqtt| matches!(fact, Mqtt::Connected { session_present: true, .. });
    assert_eq!(came.facts.iter().filter(back).count(), 1);
}

#[test]
fn a_sensor_that_stands_still_is_given_up_after_one_and_a_half_keep_alives_and_its_will_is_published() {
    let text = r#"
[run]
duration = "11s"
drain = "5s"
[mqtt]
qos = 1
[[generator]]
name = "sensor"
topic = "plant/temperature"
arrivals = { constant = "20/s" }
keep-alive = "5s"
will = { topic = "plant/status", payload = "gone" }
[[sink]]
name = "control"
from = "plant/#"
[[fault]]
at = "500ms"
pause = "sensor"
for = "9s"
"#;
    let came = embedded(text);
    let told = came.facts.iter().zip(&came.times);
    let will = told.clone().find_map(|(fact, at)| matches!(fact, Mqtt::Will { .. }).then_some(*at));
    let will = will.expect("the broker gives it up");
    assert!((Time::from_millis(7_500)..Time::from_millis(9_500)).contains(&will), "at {will}");
    let broken = |fact: &Mqtt| matches!(fact, Mqtt::Disconnected { how: Parting::Broken(_) });
    let noticed = told.clone().find_map(|(fact, at)| broken(fact).then_some(*at));
    let noticed = noticed.expect("it finds its connection closed");
    assert!(noticed >= Time::from_millis(9_500), "it stood still, and noticed at {noticed}");
    let published = |fact: &Mqtt| matches!(fact, Mqtt::Published { .. });
    let still = Time::from_millis(1_000)..Time::from_millis(9_500);
    assert!(told.clone().all(|(fact, at)| !(published(fact) && still.contains(at))));
    assert!(told.clone().any(|(fact, at)| published(fact) && *at >= still.end), "it goes on");
}

#[test]
fn a_broker_that_is_killed_takes_what_it_had_accepted_with_it() {
    let slow = sink("ledger", 1, &format!("commit = \"after\"\nservice = \"20ms\"\n{PERSISTENT}"));
    let killed = fault("at = \"600ms\"\nkill = \"broker-1\"\nfor = \"300ms\"");
    let came = embedded(&scenario(1, PERSISTENT, &(slow + &killed)));
    let ended = came.balance.lost.get(&Reason::SessionEnded).copied().unwrap_or(0);
    assert!(ended > 20 && came.balance.in_flight.is_empty(), "{:?}", came.balance);
    let sessions = came.facts.iter().filter_map(|fact| match fact {
        Mqtt::Connected { session_present, .. } => Some(*session_present),
        _ => None,
    });
    assert_eq!(sessions.collect::<Vec<_>>(), [false; 4], "both connect twice, and it knows neither");
    assert_eq!(came.tally.accepted + came.tally.unknown + came.tally.rejected, came.balance.offered);
}

#[test]
fn a_shared_subscription_loses_its_queue_with_the_broker_too() {
    let slow =
        format!("commit = \"after\"\nservice = \"20ms\"\ngroup = \"workers\"\ninstances = 2\n{PERSISTENT}");
    let killed = fault("at = \"600ms\"\nkill = \"broker-1\"\nfor = \"300ms\"");
    let came = embedded(&scenario(1, PERSISTENT, &(sink("worker", 1, &slow) + &killed)));
    let ended = came.balance.lost.get(&Reason::SessionEnded).copied().unwrap_or(0);
    assert!(ended > 10 && came.balance.in_flight.is_empty(), "{:?}", came.balance);
}

#[test]
fn a_broker_that_stands_still_loses_nothing_and_nobody() {
    let still = fault("at = \"300ms\"\npause = \"broker-1\"\nfor = \"500ms\"");
    let came = embedded(&scenario(2, PERSISTENT, &(keeper("ledger", 2) + &still)));
    let Came { balance, tally, .. } = &came;
    assert_eq!((balance.settled, balance.lost_total(), tally.duplicates), (balance.offered, 0, 0));
    assert_eq!(disconnects(&came), 0);
}

#[test]
fn a_keep_alive_that_the_client_library_does_not_take_is_refused() {
    let text = scenario(1, "keep-alive = \"2s\"", &sink("screen", 0, ""));
    let scenario = Scenario::load(&text, "test.toml", &Overrides::default()).expect("it makes sense");
    let (door, _knocks) = Door::new();
    let options = Options::default();
    let wired = wire_in(&scenario, Outside { world: &World::Embedded, door: &door, options: &options });
    let why = wired.err().expect("rumqttc takes no less than 5 s").to_string();
    assert!(why.contains("sensor/publisher") && why.contains("5 s"), "{why}");
}
