//! What is lost with a peer, and what is not.

use super::*;
use crate::kernel::Rng;
use crate::zeromq::{Side, SocketOptions};

/// Marks of 10 at the writer and 5 at the reader, and no kernel between them.
fn config(push_side: Side) -> Config {
    let options = SocketOptions { sndhwm: 10, rcvhwm: 5, sndbuf: 0, rcvbuf: 0, ..SocketOptions::default() };
    Config { push: options.clone(), pull: options, push_side, receive_batch: 1 }
}

#[test]
fn on_the_binding_side_the_pipe_dies_with_all_that_is_in_it() {
    let told = Story::tcp(config(Side::Bind))
        .writer([(100, Say::Publish(15)), (400, Say::Publish(1))])
        .reader([(200, 2), (500, ALL)])
        .fault(300, Fault::Reader(0, KILL))
        .fault(350, Fault::Reader(0, RESTART))
        .told(600);
    assert_eq!(numbers(&told.delivered()), [0, 1, 15]);
    assert_eq!(numbers(&told.dropped(Reason::PeerDied)), (2..15).collect::<Vec<_>>());
    assert_eq!(told.when(|fact| matches!(fact, ZeroMq::Disconnected { lost: 13, .. })), [301]);
}

/// lwm of 5 is 3: after two reads the window had not opened again, so 3 were under way and 10 unsent.
#[test]
fn on_the_connecting_side_only_what_was_under_way_dies() {
    let told = Story::tcp(config(Side::Connect))
        .writer([(100, Say::Publish(15))])
        .reader([(200, 2), (500, ALL)])
        .fault(300, Fault::Reader(0, KILL))
        .fault(350, Fault::Reader(0, RESTART))
        .told(600);
    assert_eq!(numbers(&told.dropped(Reason::PeerDied)), [2, 3, 4]);
    assert_eq!(numbers(&told.delivered()), [0, 1].into_iter().chain(5..15).collect::<Vec<_>>());
    // Reset at 301, called again at 401, answered at 403.
    assert_eq!(told.when(|fact| matches!(fact, ZeroMq::Connected { .. })), [1, 2, 402, 403]);
}

/// Nobody is told of a power cut: the writer fills its pipe, and hears of it when the machine is back.
#[test]
fn a_power_cut_is_noticed_when_the_machine_comes_back() {
    let told = Story::tcp(config(Side::Connect))
        .writer([(200, Say::Publish(16))])
        .reader([(700, ALL)])
        .fault(100, Fault::Reader(0, POWER))
        .fault(500, Fault::Reader(0, RESTART))
        .told(800);
    assert_eq!(told.blocked(), [200]);
    assert_eq!(told.when(|fact| matches!(fact, ZeroMq::Disconnected { .. })), [501]);
    assert_eq!(numbers(&told.dropped(Reason::PeerDied)), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(&told.delivered()), (5..16).collect::<Vec<_>>());
}

#[test]
fn what_a_writer_had_sent_outlives_it_and_what_it_had_not_does_not() {
    let told = Story::tcp(config(Side::Connect))
        .writer([(100, Say::Publish(16))])
        .reader([(400, ALL)])
        .fault(200, Fault::Writer(0, KILL))
        .fault(300, Fault::Writer(0, RESTART))
        .told(600);
    assert_eq!(numbers(&told.delivered()), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(&told.dropped(Reason::ProducerClosed)), (5..16).collect::<Vec<_>>());
}

/// "connect() creates a pipe at once: round robin queues half for the peer that never comes".
fn ten_to_one_of_two(immediate: bool) -> Told {
    let mut config = Config { push_side: Side::Connect, ..Config::default() };
    config.push.immediate = immediate;
    config.push.linger = Some(Duration::ZERO);
    let send = (300..310).map(|at| (at, Say::Publish(1))).chain([(700, Say::Close)]).collect::<Vec<_>>();
    Story::tcp(config).writer(send).reader([]).reader([(0, ALL)]).fault(0, Fault::Reader(0, KILL)).told(800)
}

#[test]
fn immediate_0_half_lost() {
    let told = ten_to_one_of_two(false);
    assert_eq!((told.accepted().len(), told.delivered().len()), (10, 5));
    assert_eq!(told.dropped(Reason::Linger).len(), 5);
}

#[test]
fn immediate_1_loses_nothing() {
    let told = ten_to_one_of_two(true);
    assert_eq!((told.accepted().len(), told.delivered().len()), (10, 10));
}

/// In libzmq's suite with two DEALERs, whose sending side is PUSH's.
#[test]
fn immediate_1_blocks_after_peer_loss() {
    let mut config = config(Side::Connect);
    config.push.immediate = true;
    config.push.sndtimeo = Some(Duration::ZERO);
    let told = Story::tcp(config)
        .writer([(100, Say::Publish(1)), (1_200, Say::Publish(1))])
        .reader([(0, 1)])
        .fault(200, Fault::Reader(0, KILL))
        .told(1_500);
    assert_eq!(numbers(&told.delivered()), [0]);
    assert_eq!(numbers(&told.dropped(Reason::NoPeer)), [1]);
}

/// Five more records than the reader takes; it comes back at `back`; closed at 200.
fn closed_with(linger: Option<u64>, back: u64) -> Told {
    let mut config = config(Side::Connect);
    config.push.linger = linger.map(ms);
    Story::tcp(config)
        .writer([(100, Say::Publish(5)), (200, Say::Close)])
        .reader([(0, ALL), (back + 1, ALL)])
        .fault(50, Fault::Reader(0, KILL))
        .fault(back, Fault::Reader(0, RESTART))
        .told(5_000)
}

#[test]
fn close_waits_as_long_as_linger_says() {
    for (linger, back, delivered) in [
        (Some(0), 300, 0),
        (Some(50), 300, 0),
        (Some(500), 300, 5),
        (None, 4_000, 5),
        (Some(3_000), 4_000, 0),
    ] {
        let told = closed_with(linger, back);
        assert_eq!(told.delivered().len(), delivered, "LINGER {linger:?}, back at {back}");
        assert_eq!(told.dropped(Reason::Linger).len(), 5 - delivered, "LINGER {linger:?}, back at {back}");
    }
}

/// Each record that was offered is delivered once, or dropped once, never both, whatever dies when.
#[test]
fn the_books_balance_whatever_dies() {
    let latency = Law::lognormal(Duration::from_micros(300), ms(5));
    for seed in 0..60 {
        let mut rng = Rng::named(seed, "books");
        let side = if rng.chance(0.5) { Side::Bind } else { Side::Connect };
        let mut config = config(side);
        config.push.immediate = rng.chance(0.3);
        config.push.sndbuf = rng.below(3) as u32 * stand_in::BYTES;
        config.receive_batch = 1 + rng.below(3) as u32;
        let mut story = Story::tcp(config);
        story.latency = latency.clone();
        for _ in 0..2 {
            story = story.writer(
                (0..300)
                    .map(|_| (rng.below(1_000), Say::Publish(1 + rng.below(3) as u32)))
                    .collect::<Vec<_>>(),
            );
        }
        for _ in 0..2 {
            let service = Law::Exponential { mean: ms(2) };
            story = story.worker((0..20).map(|at| (at * 200, ALL)).collect::<Vec<_>>(), service);
        }
        // Deaths are 100 ms apart: what a writer and a reader that die together knew is in no fact.
        for turn in 0..8 {
            let fault = |what| {
                if turn % 2 == 0 {
                    Fault::Reader(turn / 2 % 2, what)
                } else {
                    Fault::Writer(turn / 2 % 2, what)
                }
            };
            let at = 100 * turn as u64 + rng.below(50);
            let kill = if rng.chance(0.7) { KILL } else { POWER };
            story = story.fault(at, fault(kill)).fault(at + 1 + rng.below(40), fault(RESTART));
        }
        balance(&story.told_with(seed, 60_000), seed);
    }
}

fn balance(told: &Told, seed: u64) {
    let mut ends: Vec<_> = told.delivered();
    let mut dropped = 0;
    for why in [Reason::PeerDied, Reason::ProducerClosed, Reason::HighWaterMark, Reason::NoPeer] {
        let gone = told.dropped(why);
        dropped += gone.len();
        ends.extend(gone);
    }
    assert!(dropped > 0 && ends.len() > dropped, "seed {seed}: both ends occur");
    let count = ends.len();
    ends.sort_unstable();
    ends.dedup();
    assert_eq!(ends.len(), count, "seed {seed}: no record ends twice");
    assert_eq!(ends.len() as u64, told.offered(), "seed {seed}: every record ends");
}
