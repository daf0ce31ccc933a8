//! A generator whose arrivals come faster than the runtime's timers can ring.

#![expect(clippy::disallowed_types, reason = "the run is by the clock")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration as Wall, Instant};

use brokersim::host::{Door, Live, LiveSetup, NoHands};
use brokersim::kernel::{Actor, ActorId, Builder, Cx, Desk, Duration, Event, Network, Rng, Shape, Time};
use brokersim::trace::{ChannelId, Fact, Life};
use brokersim::wire::Brokersim;
use brokersim::wire::port::ToPublisher;
use brokersim::workload::generator::{Generator, GeneratorSetup, WhenBlocked};
use brokersim::workload::payload::Bytes;
use brokersim::workload::{Arrivals, Codec, KeyState, Keys, Pattern, PayloadKind, Schema, SizeLaw};

const RATE: u64 = 10_000;
const LASTS: Duration = Duration::from_secs(2);
const ASKED: u64 = 2 * RATE + 1;

/// Takes everything and says nothing.
#[derive(Clone)]
struct Abyss;

impl Actor for Abyss {
    type Vocab = Brokersim;
    type Msg = ToPublisher;
    type Timer = ();

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: ToPublisher) {}
}

fn generator() -> Builder<Brokersim> {
    let mut builder = Builder::new(1, Network::new(Shape::IDEAL, 1));
    let node = builder.node("here");
    let (seat, abyss) = (builder.reserve::<Generator>(node, "fast"), builder.reserve::<Abyss>(node, "abyss"));
    let schema = Schema::of("none", &[]);
    let setup = GeneratorSetup {
        source: 0,
        channel: ChannelId(0),
        publisher: abyss.addr(),
        arrivals: Arrivals { pattern: Pattern::Constant { rate: RATE as f64 }, batch: 1 },
        payload: Some(
            PayloadKind::Bytes(Bytes { size: SizeLaw::Constant(100) })
                .state(0, &mut Rng::named(1, "payload")),
        ),
        keys: KeyState::new(&Keys::None, &schema).expect("no key is a way to choose keys"),
        schema: Arc::new(schema),
        codec: Codec::Json,
        hash: |_| 0,
        keep_bodies: false,
        when_blocked: WhenBlocked::Wait,
        outbox: false,
        poison: None,
        start: Time::ZERO,
        stop: Time::ZERO + LASTS,
        stop_after: u64::MAX,
    };
    builder.install(seat, Generator::new(setup), Desk::default());
    builder.install(abyss, Abyss, Desk::default());
    builder
}

/// How late this machine wakes a thread that sleeps, at worst, until told to stop.
fn lateness(over: Arc<AtomicBool>) -> thread::JoinHandle<Wall> {
    thread::spawn(move || {
        let mut worst = Wall::ZERO;
        while !over.load(Ordering::Relaxed) {
            let (asleep, nap) = (Instant::now(), Wall::from_millis(1));
            thread::sleep(nap);
            worst = worst.max(asleep.elapsed().saturating_sub(nap));
        }
        worst
    })
}

fn offered(events: &[Event<Fact>], until: Time) -> u64 {
    let offers = events.iter().filter(|event| event.at <= until);
    offers.filter(|event| matches!(event.fact, Fact::Life(Life::Offered { .. }))).count() as u64
}

#[test]
fn ten_thousand_records_a_second_are_caught_up_with_not_drifted_from() {
    let (door, knocks) = Door::new();
    let clock = door.clock().clone();
    let parts = generator().finish();
    let over = Arc::new(AtomicBool::new(false));
    let late = lateness(Arc::clone(&over));
    let mut events = Vec::new();
    let mut live = Live::begin(LiveSetup { parts, clock, knocks, hands: Box::new(NoHands) });
    while live.now() < Time::from_secs(20) && offered(&events, Time::NEVER) < ASKED {
        live.observe_until(live.now() + Duration::from_millis(100), &mut events);
    }
    live.end(&mut events);
    over.store(true, Ordering::Relaxed);
    let late = late.join().expect("it sleeps and wakes");
    assert_eq!(offered(&events, Time::NEVER), ASKED, "none is left out");
    // In time to 2 %, and to what this machine makes anybody wait.
    let in_time = offered(&events, Time::ZERO + LASTS);
    let least = ASKED * 98 / 100 - (2 * late.as_micros() as u64 * RATE / 1_000_000).min(ASKED / 2);
    assert!(in_time >= least, "{in_time} of {ASKED} within {LASTS}, by a machine that is {late:?} late");
}
