//! Which faults of a scenario can strike where it is to run, and which cannot: named before the run begins, and left
//! out only when that is asked for.
//!
//! **Invariant.** After [`Scenario::suit`] every fault that is left does in the real world what the catalogue says
//! of it. Nothing else in the program judges what a world cannot do.

use crate::fault::Strike;
use crate::fault::catalogue::{Kind, Lasts, Parameters, Sort};
use crate::gateway::{Act, Brokers, Commands, Options, Trouble};
use crate::kernel::{Crash, Duration, Time};
use crate::trace::SkippedFault;
use crate::wire::operator::ToApplication;
use crate::workload::reader::OnError;

use super::scenario::{Fault, Reader, Scenario, System};
use super::target::Target;
use super::world::World;

/// What can be done to a real system.
struct Means {
    processes: Processes,
    /// Whether something can be put between clients and brokers; if not, why.
    between: Result<(), &'static str>,
    /// Whether topics can grow.
    grows: bool,
    /// Whether there is one broker, which talks to applications only.
    is_alone: bool,
}

/// What the processes of brokers obey.
enum Processes {
    /// Commands of a shell.
    Shell(Commands),
    /// The run itself: they are within it, and end and begin as they are told.
    Run,
    /// Nothing: they are within the run, and do not fail.
    Nothing,
}

impl Scenario {
    /// What can be done to the brokers of this world.
    pub fn broker_commands(&self, world: &World, options: &Options) -> Commands {
        let brokers = match world {
            World::Kafka(_) => Brokers::Kafka,
            World::Mqtt(_) => Brokers::Mqtt,
            World::Simulated | World::Live | World::Embedded => return Commands::default(),
        };
        let own = self.commands.clone();
        options.profile.map_or(own.clone(), |profile| own.or(Commands::of(profile, brokers)))
    }

    /// Whether anything happens in the scenario that needs something between clients and brokers: a client that
    /// dies without a word, or stands still, or whose network fails. MQTT's clients are the run's own: they hang up without
    /// a word and stand still by themselves, and only a loss of power is none that their sockets could tell.
    pub fn breaks_paths(&self) -> bool {
        let obeys = matches!(self.system, System::Mqtt(_));
        let breaks = |fault: &Fault| {
            let of_process = matches!(fault.strike, Strike::Crash(_) | Strike::Pause);
            let silent = of_process && (!obeys || fault.strike == Strike::Crash(Crash::Power));
            fault.strike.direction().is_some()
                || silent && fault.targets.iter().any(|target| !is_broker(target))
        };
        let poison =
            |fault: &Fault| matches!(fault.strike, Strike::Tell { begins: ToApplication::Poison(_), .. });
        let poison = self.faults.iter().any(poison);
        self.faults.iter().any(breaks)
            || self.random_faults.is_some()
            || !obeys && self.readers().any(|(_, reader)| exits(reader, poison))
    }

    /// Whether its clients talk to the brokers in cipher.
    pub fn is_encrypted(&self, options: &Options) -> bool {
        let said = options.client_properties.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let passed = match &self.system {
            System::Kafka(kafka) => kafka.passed_on.as_slice(),
            System::Zeromq(_) | System::Mqtt(_) => &[],
        };
        let passed = passed.iter().map(|setting| (setting.name.as_str(), setting.value.as_str()));
        said.chain(passed)
            .any(|(name, value)| name == "security.protocol" && value.to_ascii_uppercase().ends_with("SSL"))
    }

    /// Leaves in the scenario what can go wrong in this world. What cannot is a reason not to begin, or, when it may be
    /// skipped, is left out with a note. Faults that are drawn are drawn here.
    ///
    /// # Errors
    /// The faults that cannot strike there, each with the reason, and what to do.
    pub fn suit(&mut self, world: &World, options: &Options) -> Result<(), Trouble> {
        if matches!(world, World::Simulated | World::Live) {
            return Ok(());
        }
        if let (World::Embedded, System::Kafka(kafka)) = (world, &self.system) {
            let missing = super::embedded::missing(self, kafka);
            if !missing.is_empty() {
                return Err(depends(&missing));
            }
            self.notes.extend(super::embedded::overflows(self, kafka));
        }
        let means = self.means(world, options);
        self.faults.extend(self.drawn_faults());
        self.random_faults = None;
        let (mut possible, mut skipped) = (Vec::new(), Vec::new());
        for fault in std::mem::take(&mut self.faults) {
            match means.hindrance(&fault) {
                None => possible.push(fault),
                Some(why) => skipped.push(SkippedFault { fault: fault.to_string(), why }),
            }
        }
        self.faults = possible;
        if !skipped.is_empty() && !options.skip_faults {
            return Err(refusal(world, &skipped));
        }
        let note = |SkippedFault { fault, why }: &SkippedFault| {
            format!("left out, as it cannot strike on {world}: {fault}: {why}")
        };
        self.notes.extend(skipped.iter().map(note));
        self.skipped_faults.extend(skipped);
        Ok(())
    }

    /// Whether a fault of this scenario can strike a run of it in this world that has begun already; `between` is whether
    /// something stands between its clients and the brokers.
    ///
    /// # Errors
    /// In a sentence, why it cannot.
    pub fn suits_by_hand(
        &self,
        fault: &Fault,
        (world, options): (&World, &Options),
        between: bool,
    ) -> Result<(), String> {
        match self.hindrance_by_hand(fault, (world, options), between) {
            None => Ok(()),
            Some(why) => Err(format!("{} cannot strike on {world}: {why}", fault.kind.name)),
        }
    }

    /// Why a kind of fault cannot strike by hand in a run of this scenario in this world, whoever of those that are brokers,
    /// or of those that are none, is struck; none when it can, as far as that does not depend on whom.
    pub fn hinders_by_hand(
        &self,
        kind: &'static Kind,
        broker: bool,
        (world, options): (&World, &Options),
        between: bool,
    ) -> Option<String> {
        let of_kafka = [Sort::Entry, Sort::Topic, Sort::Group].iter().any(|sort| kind.takes.contains(sort));
        if of_kafka && self.kafka().is_none() {
            return Some("it is modelled for Kafka only".to_owned());
        }
        if kind.name == "close" && matches!(self.system, System::Zeromq(_)) {
            return Some("a ZeroMQ socket that was closed does not open again".to_owned());
        }
        let target = if broker { Target::Broker(1) } else { Target::Instance(String::new()) };
        let fault = Fault {
            at: Time::ZERO,
            kind,
            strike: (kind.strike)(&Parameters::default()),
            targets: vec![target],
            peers: Vec::new(),
            lasts: (kind.lasts != Lasts::Never).then(|| Duration::from_secs(10)),
            again: None,
            jitter: Duration::ZERO,
            by_hand: true,
        };
        self.hindrance_by_hand(&fault, (world, options), between)
    }

    fn hindrance_by_hand(
        &self,
        fault: &Fault,
        (world, options): (&World, &Options),
        between: bool,
    ) -> Option<String> {
        if *world == World::Simulated {
            return None;
        }
        if matches!(fault.strike, Strike::AddPartitions(_)) {
            return Some(
                "a run by the clock begins with all the partitions that it will ever have: put `add-partitions` into the \
                 scenario"
                    .to_owned(),
            );
        }
        if *world == World::Live {
            return None;
        }
        self.means(world, options).hindrance(fault).or_else(|| {
            let alone = Self { faults: vec![fault.clone()], random_faults: None, ..self.clone() };
            (alone.breaks_paths() && !between).then(|| {
                "nothing stands between its clients and the brokers; begin it with --proxy".to_owned()
            })
        })
    }

    fn means(&self, world: &World, options: &Options) -> Means {
        let is_alone = matches!(self.system, System::Mqtt(_));
        let is_within = *world == World::Embedded;
        let between = match world {
            World::Embedded if !is_alone => {
                Err("nothing lies between its clients and the broker within this process")
            }
            World::Kafka(_) if self.is_encrypted(options) => Err(
                "what is encrypted cannot be led through a proxy: Kafka's brokers say inside it where they are",
            ),
            World::Kafka(_) | World::Mqtt(_) | World::Embedded | World::Simulated | World::Live => Ok(()),
        };
        let processes = match (is_within, is_alone) {
            (true, true) => Processes::Run,
            (true, false) => Processes::Nothing,
            (false, _) => Processes::Shell(self.broker_commands(world, options)),
        };
        Means { processes, between, grows: !is_within, is_alone }
    }
}

fn refusal(world: &World, skipped: &[SkippedFault]) -> Trouble {
    let list: Vec<_> = skipped.iter().map(|SkippedFault { fault, why }| format!("{fault}: {why}")).collect();
    let list = list.join("\n  - ");
    Trouble::Usage(format!(
        "on {world} this cannot go wrong as the scenario says:\n  - {list}\nleave them out with --skip-faults, or run it \
         in the simulation"
    ))
}

fn depends(missing: &[String]) -> Trouble {
    let list = missing.join("\n  - ");
    Trouble::Usage(format!(
        "the embedded cluster cannot do what this scenario depends on:\n  - {list}\nrun it on a real one: `scripts/brokers \
         up kafka`, then `--on kafka://127.0.0.1:PORT`"
    ))
}

/// Its process ends by itself, or by a record that nobody can digest.
fn exits(reader: &Reader, poison: bool) -> bool {
    reader.mishaps.crash.is_some() || poison && reader.mishaps.on_error == OnError::Crash
}

fn is_broker(target: &Target) -> bool {
    match target.sort() {
        Sort::Broker | Sort::Controller | Sort::Quorum => true,
        Sort::Instance | Sort::Everything | Sort::Entry | Sort::Topic | Sort::Group => false,
    }
}

impl Means {
    /// Why a fault cannot strike; none when it can.
    fn hindrance(&self, fault: &Fault) -> Option<String> {
        let brokers = fault.targets.iter().any(is_broker);
        let instances = !fault.targets.iter().all(is_broker);
        if let Some(target) = fault.targets.iter().chain(&fault.peers).find(|target| is_controller(target))
            && fault.strike != Strike::Heal
        {
            return Some(format!("which process is the {target} is not known from outside"));
        }
        match fault.strike {
            Strike::Crash(how) => {
                let broker = brokers.then(|| self.crash_hindrance(how, fault.lasts.is_some()));
                let silent = instances && how == Crash::Power;
                broker.flatten().or_else(|| silent.then(|| self.between_hindrance()).flatten())
            }
            Strike::ShutDown if fault.lasts.is_none() => self.needs(&[Act::Stop]),
            Strike::ShutDown | Strike::Restart | Strike::RollingRestart(_) => {
                self.needs(&[Act::Stop, Act::Start])
            }
            Strike::Pause => {
                let broker = brokers.then(|| self.needs(&[Act::Pause, Act::Resume])).flatten();
                broker.or_else(|| instances.then(|| self.between_hindrance()).flatten())
            }
            Strike::SlowCpu(_) => {
                brokers.then(|| "a real broker's processor cannot be slowed down".to_owned())
            }
            Strike::SlowDisk(_) => Some("a real disk cannot be slowed down".to_owned()),
            Strike::FullDisk => Some("a real disk is not filled up".to_owned()),
            Strike::Sever(..) | Strike::Burden(..) => {
                self.between_hindrance().or_else(|| network_hindrance(fault, brokers && !self.is_alone))
            }
            Strike::AddPartitions(_) => {
                (!self.grows).then(|| "the broker within this process cannot add partitions".to_owned())
            }
            Strike::ResetOffsets(_) => Some(
                "a real group's offsets are reset with kafka-consumer-groups.sh --reset-offsets".to_owned(),
            ),
            Strike::Tell { .. } | Strike::AddMember | Strike::RemoveMember | Strike::Heal => None,
        }
    }

    fn crash_hindrance(&self, how: Crash, lasts: bool) -> Option<String> {
        match how {
            Crash::Power => Some(
                "what a real broker's machine has in memory is not lost; `kill` ends its process".to_owned(),
            ),
            Crash::DiskLoss => Some("a real broker's disk is not emptied".to_owned()),
            Crash::Process | Crash::Exit if lasts => self.needs(&[Act::Kill, Act::Start]),
            Crash::Process | Crash::Exit => self.needs(&[Act::Kill]),
        }
    }

    fn needs(&self, acts: &[Act]) -> Option<String> {
        let commands = match &self.processes {
            Processes::Run => return None,
            Processes::Nothing => {
                return Some("the brokers within this process are no processes of their own".to_owned());
            }
            Processes::Shell(commands) => commands,
        };
        let missing: Vec<_> = acts.iter().filter(|act| !commands.can(**act)).map(|act| act.key()).collect();
        (!missing.is_empty()).then(|| {
            format!(
                "there is no command for it: say {} in [real.commands], or --profile",
                missing.join(" and ")
            )
        })
    }

    fn between_hindrance(&self) -> Option<String> {
        self.between.err().map(str::to_owned)
    }
}

fn is_controller(target: &Target) -> bool {
    matches!(target, Target::Controller | Target::Quorum)
}

/// What brokers say to each other does not pass the run's proxy.
fn network_hindrance(fault: &Fault, brokers: bool) -> Option<String> {
    let apart = !fault.peers.is_empty() && !fault.peers.iter().any(is_broker);
    (brokers && !apart).then(|| {
        "brokers talk to each other past this run: name the applications that it is about as `peers`"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
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
            let said =
                hindrance(what, &cluster(), &native()).unwrap_or_else(|| panic!("{what} is let through"));
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
            hindrance(cut, &World::Embedded, &native())
                .is_some_and(|why| why.contains("within this process"))
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
        assert!(
            note.contains("5s: lost-disk of broker-1") || note.contains("lost-disk of broker-1"),
            "{note}"
        );
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
        let scenario = Scenario::load(text, "home.toml", &Overrides::default())
            .unwrap_or_else(|error| panic!("{error:?}"));
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
}
