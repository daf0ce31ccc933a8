//! Which faults can strike where.

use super::*;
use crate::gateway::Profile;
use crate::scenario::Overrides;

const SHOP: &str = r#"
        [run]
        duration = "60s"
        [kafka]
        brokers = 3
        [kafka.topics.orders]
        partitions = 3
        replication.factor = 3
        [[generator]]
        name = "shop"
        topic = "orders"
        arrivals = { poisson = "10/s" }
        [[sink]]
        name = "billing"
        from = "orders"
        instances = 2
        on-error = "skip"
    "#;

fn shop(faults: &str) -> Scenario {
    Scenario::load(&format!("{SHOP}\n{faults}"), "shop.toml", &Overrides::default())
        .unwrap_or_else(|error| panic!("{faults}: {error:?}"))
}

fn cluster() -> World {
    "kafka://127.0.0.1:9092".parse().expect("a world")
}

fn native() -> Options {
    Options { profile: Some(Profile::Native), ..Options::default() }
}

fn fault(what: &str) -> String {
    format!("[[fault]]\nat = \"5s\"\n{what}\n")
}

fn hindrance(what: &str, world: &World, options: &Options) -> Option<String> {
    let mut scenario = shop(&fault(what));
    match scenario.suit(world, options) {
        Ok(()) => None,
        Err(Trouble::Usage(why)) => Some(why),
        Err(Trouble::Outside(why)) => panic!("{why}"),
    }
}

#[test]
fn what_a_real_cluster_can_suffer_is_let_through() {
    let possible = [
        "kill = \"broker-2\"\nfor = \"5s\"",
        "shutdown = \"leader of orders-0\"",
        "restart = \"coordinator of billing\"",
        "rolling-restart = \"all brokers\"",
        "pause = \"a random broker\"\nfor = \"2s\"",
        "kill = \"billing-1\"\nfor = \"5s\"",
        "power-loss = \"billing-1\"\nfor = \"5s\"",
        "pause = \"billing-2\"\nfor = \"5s\"",
        "slow-cpu = \"billing-2\"\nfactor = 3",
        "partition = \"shop\"",
        "blackhole = \"billing-1\"\npeers = \"leader of orders-1\"",
        "latency = \"broker-1\"\npeers = [\"shop\", \"billing\"]\nby = \"10ms\"",
        "stuck-handler = \"billing-1\"\nfor = \"5s\"",
        "add-partitions = \"orders\"\nto = 6",
        "heal = \"everything\"",
    ];
    for what in possible {
        assert_eq!(hindrance(what, &cluster(), &native()), None, "{what}");
    }
}

#[test]
fn what_a_real_cluster_cannot_suffer_is_named_with_the_reason() {
    let impossible = [
        ("power-loss = \"broker-2\"", "in memory"),
        ("lost-disk = \"broker-2\"", "disk"),
        ("slow-disk = \"broker-2\"\nfactor = 3", "disk"),
        ("full-disk = \"broker-2\"", "disk"),
        ("slow-cpu = \"broker-2\"\nfactor = 3", "processor"),
        ("kill = \"controller\"", "not known from outside"),
        ("partition = \"broker-1\"", "peers"),
        ("latency = \"broker-1\"\npeers = \"broker-2\"\nby = \"10ms\"", "peers"),
    ];
    for (what, why) in impossible {
        let said = hindrance(what, &cluster(), &native()).unwrap_or_else(|| panic!("{what} is let through"));
        assert!(said.contains(why) && said.contains("--skip-faults"), "{what}: {said}");
    }
}

#[test]
fn brokers_fail_by_commands_that_somebody_has_named() {
    let kill = "kill = \"broker-2\"\nfor = \"5s\"";
    let said = hindrance(kill, &cluster(), &Options::default()).expect("there is no command");
    assert!(said.contains("kill-broker and start-broker in [real.commands]"), "{said}");
    let mut scenario =
        shop(&format!("{}[real.commands]\nkill-broker = \"k {{broker}}\"", fault("kill = \"broker-2\"")));
    assert_eq!(scenario.suit(&cluster(), &Options::default()), Ok(()));
    let commands = scenario.broker_commands(&cluster(), &native());
    assert_eq!(commands.line(Act::Kill, 2).as_deref(), Some("k broker-2"), "the scenario's own");
    assert!(commands.can(Act::Start), "the profile's");
}

#[test]
fn nothing_lies_between_encrypted_or_embedded_clients_and_their_brokers() {
    let cut = "blackhole = \"billing-1\"";
    assert!(
        hindrance(cut, &World::Embedded, &native()).is_some_and(|why| why.contains("within this process"))
    );
    let property = ("security.protocol".to_owned(), "sasl_ssl".to_owned());
    let encrypted = Options { client_properties: vec![property], ..native() };
    assert!(hindrance(cut, &cluster(), &encrypted).is_some_and(|why| why.contains("encrypted")));
}

#[test]
fn what_is_skipped_is_said_and_the_rest_stays() {
    let mut scenario = shop(&[fault("lost-disk = \"broker-1\""), fault("kill = \"billing-1\"")].concat());
    let options = Options { skip_faults: true, ..native() };
    assert_eq!(scenario.suit(&cluster(), &options), Ok(()));
    assert_eq!(scenario.faults.len(), 1);
    let [SkippedFault { fault, why }] = &scenario.skipped_faults[..] else {
        panic!("{:?}", scenario.skipped_faults)
    };
    assert!(fault.contains("lost-disk of broker-1") && why.contains("disk"), "{fault}: {why}");
    let note = scenario.notes.last().expect("it is said");
    assert!(note.contains("5s: lost-disk of broker-1") || note.contains("lost-disk of broker-1"), "{note}");
}

#[test]
fn faults_by_chance_are_drawn_before_they_are_judged() {
    let random = "[faults.random]\nkinds = [\"kill\", \"lost-disk\"]\nevery = \"2s\"\nfor = \"1s\"";
    let mut scenario = shop(random);
    let drawn = scenario.drawn_faults();
    assert!(drawn.iter().any(|fault| fault.kind.name == "kill"));
    assert!(drawn.iter().any(|fault| fault.kind.name == "lost-disk"));
    let options = Options { skip_faults: true, ..native() };
    assert_eq!(scenario.suit(&cluster(), &options), Ok(()));
    assert!(
        scenario.random_faults.is_none() && scenario.faults.iter().all(|fault| fault.kind.name == "kill")
    );
    let kills = drawn.iter().filter(|fault| fault.kind.name == "kill").count();
    assert_eq!(scenario.faults.len(), kills);
}

#[test]
fn a_simulation_suffers_everything() {
    let mut scenario = shop(&fault("lost-disk = \"broker-1\""));
    assert_eq!(scenario.suit(&World::Live, &Options::default()), Ok(()));
    assert_eq!(scenario.faults.len(), 1);
}

#[test]
fn what_is_injected_by_hand_is_judged_by_what_the_run_began_with() {
    let judged = |what: &str, world: &World, between| {
        let scenario = shop(&fault(what));
        scenario.suits_by_hand(&scenario.faults[0], (world, &native()), between)
    };
    let refused = |what, world: &World, between| judged(what, world, between).expect_err(what);
    let latency = "latency = \"shop\"\nby = \"10ms\"";
    assert_eq!(judged("kill = \"broker-1\"\nfor = \"5s\"", &cluster(), false), Ok(()));
    assert_eq!(judged("burst = \"shop\"\nfactor = 3\nfor = \"5s\"", &World::Embedded, false), Ok(()));
    assert!(refused(latency, &cluster(), false).contains("--proxy"));
    assert_eq!(judged(latency, &cluster(), true), Ok(()));
    assert!(refused("lost-disk = \"broker-1\"", &cluster(), true).contains("disk is not emptied"));
    assert!(refused("kill = \"broker-1\"", &World::Embedded, true).contains("no processes of their own"));
    for world in [World::Live, cluster()] {
        assert!(refused("add-partitions = \"orders\"\nto = 6", &world, true).contains("partitions"));
    }
}

#[test]
fn a_kind_that_cannot_strike_by_hand_is_known_before_it_is_tried() {
    let scenario = shop("");
    let hinders = |name: &str, broker, world: &World, options: &Options| {
        let kind = crate::fault::catalogue::find(name).expect(name);
        scenario.hinders_by_hand(kind, broker, (world, options), false)
    };
    let said = |name, broker, world: &World| hinders(name, broker, world, &native()).unwrap_or_default();
    assert!(said("slow-disk", true, &cluster()).contains("disk cannot be slowed down"));
    assert!(said("kill", false, &cluster()).contains("--proxy"), "a client's process");
    assert!(said("reset-offsets", false, &cluster()).contains("kafka-consumer-groups.sh"));
    assert!(said("add-partitions", false, &World::Live).contains("by the clock"));
    assert_eq!(hinders("kill", true, &cluster(), &native()), None);
    let without = hinders("kill", true, &cluster(), &Options::default()).unwrap_or_default();
    assert!(without.contains("--profile"), "{without}");
    for kind in crate::fault::catalogue::KINDS {
        for broker in [true, false] {
            assert_eq!(hinders(kind.name, broker, &World::Simulated, &Options::default()), None);
        }
    }
}

#[test]
fn what_is_kafkas_alone_hinders_in_every_world_of_another_system() {
    let text = "[run]\nduration = \"9s\"\n[mqtt]\n[[generator]]\nname = \"thermo\"\ntopic = \"t\"\n\
                    arrivals = { constant = \"1/s\" }\n[[sink]]\nname = \"dash\"\nfrom = \"t\"\n";
    let scenario =
        Scenario::load(text, "home.toml", &Overrides::default()).unwrap_or_else(|error| panic!("{error:?}"));
    let hinders = |name: &str| {
        let kind = crate::fault::catalogue::find(name).expect(name);
        scenario.hinders_by_hand(kind, false, (&World::Simulated, &Options::default()), false)
    };
    for name in ["add-partitions", "reset-offsets", "add-member"] {
        assert!(hinders(name).is_some_and(|why| why.contains("Kafka only")), "{name}");
    }
    assert_eq!(hinders("kill"), None);
}

#[test]
fn a_proxy_is_wanted_only_by_who_breaks_paths() {
    for (what, wants) in [
        ("kill = \"broker-1\"", false),
        ("stuck-handler = \"billing-1\"", false),
        ("kill = \"billing-1\"", true),
        ("pause = \"billing-1\"", true),
        ("poison = \"shop\"", false),
        ("latency = \"shop\"\nby = \"10ms\"", true),
    ] {
        assert_eq!(shop(&fault(what)).breaks_paths(), wants, "{what}");
    }
}

const PLANT: &str = r#"
        [run]
        duration = "60s"
        [mqtt]
        qos = 1
        [[generator]]
        name = "sensor"
        topic = "plant/temperature"
        arrivals = { constant = "10/s" }
        [[sink]]
        name = "archive"
        from = "plant/#"
        on-error = "crash"
    "#;

fn plant(what: &str) -> Scenario {
    Scenario::load(&format!("{PLANT}\n{}", fault(what)), "plant.toml", &Overrides::default())
        .unwrap_or_else(|error| panic!("{what}: {error:?}"))
}

#[test]
fn an_mqtt_broker_fails_by_commands_and_the_one_within_this_process_by_itself() {
    let mosquitto: World = "mqtt://127.0.0.1:1883".parse().expect("a world");
    for what in [
        "kill = \"broker-1\"\nfor = \"5s\"",
        "restart = \"broker-1\"",
        "shutdown = \"a random broker\"\nfor = \"1s\"",
        "pause = \"all brokers\"\nfor = \"2s\"",
    ] {
        assert_eq!(plant(what).suit(&mosquitto, &native()), Ok(()), "{what}");
        assert_eq!(plant(what).suit(&World::Embedded, &Options::default()), Ok(()), "{what}");
        assert!(plant(what).suit(&mosquitto, &Options::default()).is_err(), "{what}: no command");
    }
    for what in ["power-loss = \"broker-1\"", "slow-cpu = \"broker-1\"\nfactor = 2"] {
        assert!(plant(what).suit(&mosquitto, &native()).is_err(), "{what}");
        assert!(plant(what).suit(&World::Embedded, &native()).is_err(), "{what}");
    }
}

#[test]
fn paths_to_an_mqtt_broker_break_and_those_of_one_broker_need_no_peers() {
    let mosquitto: World = "mqtt://127.0.0.1:1883".parse().expect("a world");
    for what in [
        "partition = \"broker-1\"\nfor = \"5s\"",
        "blackhole = \"sensor\"\ndirection = \"out\"",
        "reset = \"archive\"\nfor = \"1s\"",
        "latency = \"sensor\"\nby = \"10ms\"",
        "power-loss = \"archive\"\nfor = \"5s\"",
    ] {
        for world in [&mosquitto, &World::Embedded] {
            assert_eq!(plant(what).suit(world, &Options::default()), Ok(()), "{what} on {world}");
        }
        assert!(plant(what).breaks_paths(), "{what}");
    }
    for what in ["kill = \"archive\"", "pause = \"sensor\"\nfor = \"3s\"", "poison = \"sensor\""] {
        assert!(!plant(what).breaks_paths(), "{what}: its clients do that by themselves");
    }
}
