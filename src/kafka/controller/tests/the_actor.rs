//! The actor alone: what it tells whom, and when.

use super::*;

/// Something with an address that understands the controller.
#[derive(Clone, Debug)]
struct Ear;
hears! { EarHears { Controller(FromController) } }
impl Actor for Ear {
    type Vocab = Brokersim;
    type Msg = EarHears;
    type Timer = ();
    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, EarHears::Controller(msg): EarHears) {
        drop(msg);
    }
}

struct World {
    alone: Alone<Controller>,
    ears: Vec<Addr<FromController>>,
    appends: Option<Time>,
    session: Option<Time>,
}

fn world(plans: Vec<PartitionPlan>, brokers: u32) -> World {
    let mut config = BrokerConfig::of(crate::kafka::config::Version::V4_0);
    config.broker_session_timeout = Duration::from_secs(9);
    let mut builder = Builder::<Brokersim>::new(0, Network::new(Shape::IDEAL, 0));
    let node = builder.node("n");
    let ears = (0..brokers).map(|id| builder.reserve::<Ear>(node, format!("b{id}")).addr()).collect();
    let mut alone = Alone::new(Controller::new(Arc::new(config), plans));
    alone.start();
    World { alone, ears, appends: None, session: None }
}

impl World {
    /// What is told (by listener) and seen after `msg` at `ms`.
    fn say(&mut self, ms: u64, msg: ToController) -> Vec<String> {
        let asked = self.alone.at(Time::from_millis(ms)).receive(ActorId(9), Msg::from(msg));
        self.note(asked)
    }

    fn wake(&mut self, ms: u64, timer: ControllerTimer) -> Vec<String> {
        let asked = self.alone.at(Time::from_millis(ms)).wake(timer);
        self.note(asked)
    }

    fn append(&mut self) -> Vec<String> {
        let at = self.appends.take().expect("something is to be written");
        let asked = self.alone.at(at).wake(ControllerTimer::Append);
        self.note(asked)
    }

    fn note(&mut self, asked: Vec<Asked<Controller>>) -> Vec<String> {
        let mut told = Vec::new();
        for one in asked {
            match one {
                Asked::Send(to, Msg::FromController(FromController::Metadata(image))) => {
                    told.push(format!("{}: metadata {} alive {:?}", to.0, image.version, image.alive.len()));
                }
                Asked::Send(to, Msg::FromController(msg)) => told.push(format!("{}: {msg:?}", to.0)),
                Asked::Emit(Fact::Kafka(Kafka::PartitionChanged { leader, isr, .. })) => {
                    told.push(format!("leader {leader:?} of {} in sync", isr.len()));
                }
                Asked::Emit(Fact::Kafka(fact)) => told.push(format!("{fact:?}")),
                Asked::Arm(ControllerTimer::Append, at) => self.appends = Some(at),
                Asked::Arm(ControllerTimer::Session, at) => self.session = Some(at),
                Asked::Arm(..) | Asked::Disarm | Asked::Work(_) | Asked::Command(_) => {}
                Asked::Send(..) | Asked::Emit(_) => panic!("{one:?}"),
            }
        }
        told
    }

    fn register(&mut self, ms: u64, broker: u32) -> Vec<String> {
        let reply_to = self.ears[broker as usize];
        self.say(ms, ToController::Register { broker: BrokerId(broker), reply_to, clean: true })
    }

    fn beat(&mut self, ms: u64, broker: u32, epoch: u64, metadata_version: u64) -> Vec<String> {
        let (broker, want_shutdown) = (BrokerId(broker), false);
        self.say(ms, ToController::Heartbeat { broker, epoch, metadata_version, want_shutdown })
    }
}

fn plan(replicas: &[u32]) -> PartitionPlan {
    PartitionPlan { replicas: ids(replicas), min_insync_replicas: 1, unclean: false, later: false }
}

#[test]
fn a_broker_serves_only_after_it_has_taken_in_its_own_registration() {
    let mut world = world(vec![plan(&[0])], 1);
    assert_eq!(world.register(0, 0), ["Registered { broker: BrokerId(0), epoch: 1 }"]);
    assert_eq!(world.append(), ["0: Registered(1)", "0: metadata 1 alive 0"]);
    let fenced = "0: Heartbeat { fenced: true, may_shut_down: false }";
    assert_eq!(world.beat(30, 0, 1, 0), [fenced, "0: metadata 1 alive 0"], "it lags: it is sent again");
    let seen = world.beat(40, 0, 1, 1);
    assert_eq!(seen, ["Unfenced { broker: BrokerId(0) }", "leader Some(BrokerId(0)) of 1 in sync"]);
    assert_eq!(world.appends, Some(Time::from_millis(65)), "controller.quorum.append.linger.ms");
    let unfenced = "0: Heartbeat { fenced: false, may_shut_down: false }";
    assert_eq!(world.append(), [unfenced, "0: metadata 3 alive 1"]);
}

fn two_in_service() -> World {
    let mut world = world(vec![plan(&[0, 1])], 2);
    world.register(0, 0);
    world.register(0, 1);
    world.append();
    world.beat(30, 0, 1, 2);
    world.beat(30, 1, 2, 2);
    world.append();
    world
}

#[test]
fn a_silent_broker_is_fenced_just_after_its_session_and_not_at_its_end() {
    let mut world = two_in_service();
    world.beat(5_000, 1, 2, 5);
    assert_eq!(world.session, Some(Time::from_millis(9_030) + Duration::from_nanos(1)));
    assert_eq!(world.wake(9_030, ControllerTimer::Session), [""; 0]);
    let seen = world.wake(9_031, ControllerTimer::Session);
    assert_eq!(seen, ["leader Some(BrokerId(1)) of 1 in sync", "Fenced { broker: BrokerId(0) }"]);
}

#[test]
fn a_new_incarnation_waits_until_the_session_of_the_last_one_ends() {
    let mut world = two_in_service();
    world.beat(5_000, 1, 2, 5);
    assert_eq!(world.register(1_000, 0), [""; 0], "DUPLICATE_BROKER_REGISTRATION");
    let seen = world.wake(9_031, ControllerTimer::Session);
    assert_eq!(seen.last().map(String::as_str), Some("Registered { broker: BrokerId(0), epoch: 8 }"));
    assert_eq!(world.append()[0], "0: Registered(8)");
}

#[test]
fn a_registration_that_is_asked_for_twice_is_one_incarnation() {
    let mut world = world(vec![plan(&[0])], 1);
    world.register(0, 0);
    assert_eq!(world.register(1, 0), [""; 0]);
    assert_eq!(world.append(), ["0: Registered(1)", "0: Registered(1)", "0: metadata 1 alive 0"]);
}

#[test]
fn an_alter_partition_is_answered_when_it_is_written() {
    let mut world = two_in_service();
    let change =
        AlterPartition { place: PlaceId(0), leader_epoch: 0, partition_epoch: 0, isr: members(&[0]) };
    let (broker, changes) = (BrokerId(0), Arc::from([change]));
    let seen = world.say(100, ToController::AlterPartition { broker, epoch: 1, changes });
    assert_eq!(seen, ["leader Some(BrokerId(0)) of 1 in sync"]);
    let told = world.append();
    assert!(told[0].starts_with("0: AlterPartition([(PlaceId(0), Ok("), "{told:?}");
    assert_eq!(told.len(), 3, "both brokers get the metadata");
}

#[test]
fn a_broker_that_shuts_down_leads_nothing_before_it_may_go() {
    let mut world = two_in_service();
    let bye = |metadata_version| ToController::Heartbeat {
        broker: BrokerId(0),
        epoch: 1,
        metadata_version,
        want_shutdown: true,
    };
    assert_eq!(world.say(100, bye(5)), ["leader Some(BrokerId(1)) of 1 in sync"]);
    assert_eq!(world.append()[0], "0: Heartbeat { fenced: false, may_shut_down: false }");
    assert_eq!(world.say(200, bye(7)), ["0: Heartbeat { fenced: false, may_shut_down: false }"]);
    world.beat(300, 1, 2, 7);
    assert_eq!(world.say(400, bye(7)), ["Fenced { broker: BrokerId(0) }"]);
    assert_eq!(world.append()[0], "0: Heartbeat { fenced: true, may_shut_down: true }");
}

#[test]
fn the_preferred_leader_leads_again_after_the_next_round() {
    let mut world = two_in_service();
    world.beat(5_000, 1, 2, 5);
    world.wake(9_031, ControllerTimer::Session);
    world.append();
    world.beat(10_000, 0, 1, 7);
    world.append();
    assert_eq!(world.wake(300_000, ControllerTimer::Balance), [""; 0], "it is not in sync yet");
    let change =
        AlterPartition { place: PlaceId(0), leader_epoch: 1, partition_epoch: 1, isr: members(&[1, 0]) };
    let changes = Arc::from([change]);
    world.say(300_001, ToController::AlterPartition { broker: BrokerId(1), epoch: 2, changes });
    assert_eq!(world.wake(600_000, ControllerTimer::Balance), ["leader Some(BrokerId(0)) of 2 in sync"]);
}

#[test]
fn partitions_are_created_without_those_who_stay_away() {
    let mut world = world(vec![plan(&[0, 1]), plan(&[1])], 2);
    world.register(0, 0);
    world.append();
    world.beat(30, 0, 1, 1);
    let seen = world.wake(9_000, ControllerTimer::Create);
    assert_eq!(seen, ["leader Some(BrokerId(0)) of 1 in sync", "leader None of 1 in sync"]);
}

#[test]
fn producer_ids_come_in_blocks_of_a_thousand() {
    let mut world = two_in_service();
    let ask = |broker, epoch| ToController::AllocateProducerIds { broker: BrokerId(broker), epoch };
    world.say(100, ask(0, 1));
    world.say(100, ask(1, 2));
    world.say(100, ask(1, 77));
    let told = world.append();
    let blocks = ["0: ProducerIds { first: 0, count: 1000 }", "1: ProducerIds { first: 1000, count: 1000 }"];
    assert_eq!(told[..2], blocks);
    assert_eq!(told.len(), 4, "a broker that is not the registered one gets none: {told:?}");
}

#[test]
fn what_was_decided_survives_a_crash_of_the_process() {
    let mut world = two_in_service();
    world.beat(5_000, 1, 2, 5);
    world.wake(9_031, ControllerTimer::Session);
    world.alone.crash(Crash::Process);
    let asked = world.alone.at(Time::from_secs(12)).start();
    assert_eq!(world.note(asked), [""; 0]);
    let told = world.append();
    assert_eq!(told, ["0: metadata 7 alive 1", "1: metadata 7 alive 1"], "told when written");
}
