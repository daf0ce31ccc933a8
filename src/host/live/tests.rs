//! The live host alone: two peers on two nodes, somebody who does harm, and the real world at the door.

use std::sync::mpsc::channel;
use std::thread;

use serde::Serialize;

use super::*;
use crate::host::Door;
use crate::kernel::{
    Actor, ActorId, Addr, Builder, Crash, Cx, Desk, Event, Law, Network, NodeId, Payload, Physics, Shape,
};

#[derive(Clone, Debug)]
struct Talk;

/// A number, and when it was said.
#[derive(Clone, Debug)]
struct Word(u64, Time);

#[derive(Clone, Debug, PartialEq, Serialize)]
enum Fact {
    Heard { life: u32, word: u64, said: Time, now: Time },
    Worked { life: u32, began: Time },
    Rang { life: u32, now: Time },
    Said { word: u64 },
    HungUp,
    Physics(Physics),
}

impl Payload for Word {
    fn bytes(&self) -> u32 {
        100
    }
}

impl From<Physics> for Fact {
    fn from(physics: Physics) -> Self {
        Self::Physics(physics)
    }
}

impl Vocabulary for Talk {
    type Msg = Word;
    type Fact = Fact;
}

/// Says the next number every millisecond.
#[derive(Clone)]
struct Speaker {
    to: Addr<Word>,
    said: u64,
    next: Time,
}

impl Actor for Speaker {
    type Vocab = Talk;
    type Msg = Word;
    type Timer = ();

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        cx.arm_at((), self.next);
    }

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: Word) {}

    fn wake(&mut self, cx: &mut Cx<'_, Self>, (): ()) {
        cx.emit(Fact::Said { word: self.said });
        cx.send(self.to, Word(self.said, cx.now()));
        self.said += 1;
        self.next += Duration::from_millis(1);
        cx.arm_at((), self.next);
    }

    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, _: NodeId) {
        cx.emit(Fact::HungUp);
    }
}

/// Works on what it hears, and rings once 30 ms after each start.
#[derive(Clone)]
struct Hearer {
    life: u32,
    work: Duration,
}

impl Actor for Hearer {
    type Vocab = Talk;
    type Msg = Word;
    type Timer = ();

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        cx.arm((), Duration::from_millis(30));
    }

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, Word(word, said): Word) {
        assert!(word != u64::MAX, "this number is not to be said");
        let (life, now) = (self.life, cx.now());
        cx.emit(Fact::Heard { life, word, said, now });
        cx.work(self.work);
        cx.emit(Fact::Worked { life, began: now });
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, (): ()) {
        cx.emit(Fact::Rang { life: self.life, now: cx.now() });
    }

    fn crash(&mut self, _: Time, _: Crash) {
        self.life += 1;
    }
}

/// Gives commands at their times.
#[derive(Clone)]
struct Commander(Vec<(u64, Command)>);

impl Actor for Commander {
    type Vocab = Talk;
    type Msg = Word;
    type Timer = usize;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        for (index, (millis, _)) in self.0.iter().enumerate() {
            cx.arm_at(index, Time::from_millis(*millis));
        }
    }

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: Word) {}

    fn wake(&mut self, cx: &mut Cx<'_, Self>, index: usize) {
        cx.command(self.0[index].1);
    }
}

const SPEAKER: NodeId = NodeId(0);
const HEARER: NodeId = NodeId(1);
const LATENCY: Duration = Duration::from_millis(20);

fn parts(work: Duration, commands: &[(u64, Command)]) -> Parts<Talk> {
    let mut builder =
        Builder::new(1, Network::new(Shape { latency: Law::Constant(LATENCY), ..Shape::IDEAL }, 1));
    let (here, there, aside) = (builder.node("speaker"), builder.node("hearer"), builder.node("commander"));
    let (speaker, hearer) =
        (builder.reserve::<Speaker>(here, "speaker"), builder.reserve::<Hearer>(there, "hearer"));
    let commander = builder.reserve::<Commander>(aside, "commander");
    let speaks = Speaker { to: hearer.addr(), said: 0, next: Time::ZERO };
    builder.install(speaker, speaks, Desk::default());
    builder.install(hearer, Hearer { life: 0, work }, Desk::default());
    builder.install(commander, Commander(commands.to_vec()), Desk::default());
    builder.finish()
}

type Events = Vec<Event<Fact>>;

fn run(parts: Parts<Talk>, hands: Box<dyn Hands>, millis: u64) -> Events {
    let (door, knocks) = Door::new();
    let mut events = Vec::new();
    let mut live = Live::begin(LiveSetup { parts, clock: door.clock().clone(), knocks, hands });
    assert_eq!(live.observe_until(Time::from_millis(millis), &mut events), Stop::Reached);
    let ended = live.end(&mut events);
    assert_eq!(ended.facts, events.len() as u64);
    is_a_stream(&events);
    events
}

/// Serials without gaps, times that do not go back, causes that come earlier.
fn is_a_stream(events: &Events) {
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.serial, index as u64 + 1);
        assert!(event.cause < event.serial);
    }
    assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

fn at(events: &Events, physics: Physics) -> usize {
    let index = events.iter().position(|event| event.fact == Fact::Physics(physics));
    index.unwrap_or_else(|| panic!("there is no {physics:?}"))
}

fn heard(events: &[Event<Fact>]) -> Vec<(u32, u64, Time)> {
    let heard = events.iter().filter_map(|event| match event.fact {
        Fact::Heard { life, word, said, .. } => Some((life, word, said)),
        Fact::Worked { .. } | Fact::Rang { .. } | Fact::Said { .. } | Fact::HungUp | Fact::Physics(_) => None,
    });
    heard.collect()
}

/// How many words were said.
fn said(events: &[Event<Fact>]) -> u64 {
    events.iter().filter(|event| matches!(event.fact, Fact::Said { .. })).count() as u64
}

#[test]
fn words_arrive_in_order_after_the_latency_and_none_is_missing() {
    let events = run(parts(Duration::ZERO, &[]), Box::new(NoHands), 300);
    let heard = heard(&events);
    assert!(heard.len() > 100, "{}", heard.len());
    for (index, (_, word, _)) in heard.iter().enumerate() {
        assert_eq!(*word, index as u64);
    }
    for event in &events {
        if let Fact::Heard { said, now, .. } = event.fact {
            assert!(now >= said + LATENCY && event.at >= now, "said {said}, due {now}, heard {}", event.at);
        }
    }
}

#[test]
fn nothing_of_an_earlier_life_reaches_a_later_one() {
    let commands = [(100, Command::Crash(HEARER, Crash::Process)), (105, Command::Restart(HEARER))];
    let events = run(parts(Duration::ZERO, &commands), Box::new(NoHands), 400);
    let crashed = at(&events, Physics::Crashed { node: HEARER, how: Crash::Process });
    let restarted = at(&events, Physics::Restarted { node: HEARER });
    assert!(heard(&events[crashed..restarted]).is_empty(), "the dead hear nothing");
    let (before, later) = (said(&events[..crashed]), heard(&events[restarted..]));
    assert!(later.iter().all(|(life, word, _)| *life == 1 && *word >= before), "{before}: {later:?}");
    assert!(later.len() > 50, "the second life hears: {}", later.len());
    let undelivered = Fact::Physics(Physics::Undelivered { from: SPEAKER, to: HEARER });
    assert!(events.iter().filter(|event| event.fact == undelivered).count() >= 5);
    assert!(events.iter().any(|event| event.fact == Fact::HungUp), "its peer is told");
}

#[test]
fn timers_and_work_die_with_their_process() {
    // Both the timer and the work of the first life would end after the restart.
    let commands = [(25, Command::Crash(HEARER, Crash::Process)), (26, Command::Restart(HEARER))];
    let events = run(parts(Duration::from_millis(10), &commands), Box::new(NoHands), 200);
    let restarted = at(&events, Physics::Restarted { node: HEARER });
    for event in &events[restarted..] {
        match event.fact {
            Fact::Rang { life, now } => assert!(life == 1 && now >= Time::from_millis(56), "{now}"),
            Fact::Worked { life, .. } => assert_eq!(life, 1),
            Fact::Heard { .. } | Fact::Said { .. } | Fact::HungUp | Fact::Physics(_) => {}
        }
    }
    let rang = events.iter().filter(|event| matches!(event.fact, Fact::Rang { .. })).count();
    assert_eq!(rang, 1, "only the second life lasts long enough");
}

#[test]
fn a_paused_node_takes_nothing_up_and_loses_nothing() {
    let commands = [(100, Command::Pause(HEARER)), (200, Command::Resume(HEARER))];
    let events = run(parts(Duration::ZERO, &commands), Box::new(NoHands), 400);
    let (paused, resumed) =
        (at(&events, Physics::Paused { node: HEARER }), at(&events, Physics::Resumed { node: HEARER }));
    assert!(heard(&events[paused..resumed]).is_empty());
    let words: Vec<u64> = heard(&events).into_iter().map(|(_, word, _)| word).collect();
    assert!(words.len() > 200, "{}", words.len());
    assert_eq!(words, (0..words.len() as u64).collect::<Vec<_>>());
    for event in &events[resumed..] {
        if let Fact::Heard { now, .. } = event.fact {
            assert!(now >= Time::from_millis(200), "what waited is taken up after the pause, not at {now}");
        }
    }
}

#[test]
fn a_desk_keeps_its_capacity_though_timers_are_late() {
    // A word each millisecond, and 0.9 ms of work on each: a desk that lost the lateness of its timers falls behind.
    let events = run(parts(Duration::from_micros(900), &[]), Box::new(NoHands), 500);
    let waits = events.iter().filter_map(|event| match event.fact {
        Fact::Heard { said, now, .. } => Some(now.since(said + LATENCY)),
        Fact::Worked { .. } | Fact::Rang { .. } | Fact::Said { .. } | Fact::HungUp | Fact::Physics(_) => None,
    });
    let mut waits: Vec<_> = waits.collect();
    waits.sort_unstable();
    let middle = waits[waits.len() / 2];
    assert!(waits.len() > 150 && middle < Duration::from_millis(1), "{middle} of {}", waits.len());
}

#[test]
fn a_cut_swallows_words_until_it_heals() {
    let commands = [(100, Command::Cut(SPEAKER, HEARER)), (200, Command::Heal(SPEAKER, HEARER))];
    let events = run(parts(Duration::ZERO, &commands), Box::new(NoHands), 400);
    let words: Vec<u64> = heard(&events).into_iter().map(|(_, word, _)| word).collect();
    let gap = words.windows(2).map(|pair| pair[1] - pair[0]).max().expect("words");
    assert!((50..=250).contains(&gap), "{gap} words were swallowed");
}

/// Takes cuts on itself.
struct Gloves(std::sync::mpsc::Sender<Command>);

impl Hands for Gloves {
    fn obey(&mut self, command: &Command) -> bool {
        self.0.send(*command).expect("the test listens");
        matches!(command, Command::Cut(..))
    }
}

#[test]
fn hands_are_asked_first_and_what_they_do_is_not_done_twice() {
    let (told, asked) = channel();
    let commands = [(50, Command::Cut(SPEAKER, HEARER)), (100, Command::Crash(HEARER, Crash::Process))];
    let events = run(parts(Duration::ZERO, &commands), Box::new(Gloves(told)), 250);
    assert_eq!(asked.iter().collect::<Vec<_>>(), commands.map(|(_, command)| command));
    let cut = at(&events, Physics::Cut { from: SPEAKER, to: HEARER });
    let crashed = at(&events, Physics::Crashed { node: HEARER, how: Crash::Process });
    assert!(!heard(&events[cut..crashed]).is_empty(), "the simulated path is whole");
    assert!(heard(&events[crashed..]).is_empty(), "what no hand did, the host did");
}

#[test]
fn what_comes_through_the_door_is_heard_in_its_order() {
    let (door, knocks) = Door::<Talk>::new();
    let mut builder = Builder::new(1, Network::new(Shape::IDEAL, 1));
    let node = builder.node("here");
    let hearer = builder.reserve::<Hearer>(node, "hearer");
    let (to, me) = (hearer.addr(), hearer.id());
    builder.install(hearer, Hearer { life: 0, work: Duration::ZERO }, Desk::default());
    let clock = door.clock().clone();
    let mut live =
        Live::begin(LiveSetup { parts: builder.finish(), clock, knocks, hands: Box::new(NoHands) });
    const WORDS: u64 = 10_000;
    let speaker = thread::spawn(move || {
        for word in 0..WORDS {
            door.say(me, to, Word(word, door.clock().now()));
            if word % 1_000 == 0 {
                door.emit(me, Fact::HungUp);
            }
        }
    });
    let mut events = Events::new();
    while heard(&events).len() < WORDS as usize && live.now() < Time::from_secs(30) {
        live.observe_until(live.now() + Duration::from_millis(50), &mut events);
    }
    speaker.join().expect("it speaks to the end");
    live.end(&mut events);
    is_a_stream(&events);
    let words: Vec<u64> = heard(&events).into_iter().map(|(_, word, _)| word).collect();
    assert_eq!(words, (0..WORDS).collect::<Vec<_>>());
    assert_eq!(events.iter().filter(|event| event.fact == Fact::HungUp).count(), 10);
}

#[test]
#[should_panic(expected = "an actor broke an invariant")]
fn an_actor_that_panics_ends_the_run() {
    let (door, knocks) = Door::<Talk>::new();
    let parts = parts(Duration::ZERO, &[]);
    let mut live =
        Live::begin(LiveSetup { parts, clock: door.clock().clone(), knocks, hands: Box::new(NoHands) });
    door.say(ActorId(0), hearer_of(), Word(u64::MAX, Time::ZERO));
    assert_eq!(live.observe_until(Time::from_secs(60), &mut ()), Stop::Idle);
    live.end(&mut ());
}

/// The hearer's address in [`parts`].
fn hearer_of() -> Addr<Word> {
    let mut builder = Builder::<Talk>::new(1, Network::new(Shape::IDEAL, 1));
    let node = builder.node("nowhere");
    builder.reserve::<Speaker>(node, "speaker");
    builder.reserve::<Hearer>(node, "hearer").addr()
}

#[test]
fn a_run_that_nobody_watches_waits_and_ends_all_the_same() {
    let (door, knocks) = Door::<Talk>::new();
    let parts = parts(Duration::ZERO, &[]);
    let live =
        Live::begin(LiveSetup { parts, clock: door.clock().clone(), knocks, hands: Box::new(NoHands) });
    drop(live);
}
