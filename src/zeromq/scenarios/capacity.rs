//! High-water marks, blocking and time-outs.

use super::*;
use crate::zeromq::{Side, SocketOptions, settings};

/// (id, SNDHWM, RCVHWM, how many of 10,000 go in before `send` would block).
const ROWS: [(&str, u32, u32, usize); 7] = [
    ("hwm-defaults-2000", 1_000, 1_000, 2_000),
    ("hwm-bind-first-0-0", 0, 0, 10_000),
    ("hwm-connect-first-1-0", 1, 0, 10_000),
    ("hwm-bind-first-0-1", 0, 1, 10_000),
    ("hwm-bind-first-2-2", 2, 2, 4),
    ("hwm-connect-first-2-2", 2, 2, 4),
    ("hwm-bind-first-10-5", 10, 5, 15),
];

fn options(sndhwm: u32, rcvhwm: u32) -> Config {
    let options = SocketOptions { sndhwm, rcvhwm, ..SocketOptions::default() };
    Config { push: options.clone(), pull: options, push_side: Side::Connect, receive_batch: 1 }
}

/// `zmq_send` with ZMQ_DONTWAIT.
fn without_waiting(mut config: Config) -> Config {
    config.push.sndtimeo = Some(Duration::ZERO);
    config
}

/// Fills the pipe, empties it, and sees that one more passes.
fn holds(id: &str) {
    let (_, sndhwm, rcvhwm, count) = *ROWS.iter().find(|row| row.0 == id).expect("a row of the table");
    let told = Story::inproc(without_waiting(options(sndhwm, rcvhwm)))
        .writer([(150, Say::Publish(10_000)), (400, Say::Publish(1))])
        .reader([(300, ALL)])
        .told(500);
    assert_eq!(told.dropped(Reason::HighWaterMark).len(), 10_000 - count, "{id}");
    let mut expected: Vec<_> = (0..count as u64).collect();
    expected.push(10_000);
    assert_eq!(numbers(&told.delivered()), expected, "{id}");
}

macro_rules! rows {
    ($($name:ident: $id:literal,)*) => {$(
        #[test]
        fn $name() {
            holds($id);
        }
    )*};
}
rows! {
    hwm_defaults_2000: "hwm-defaults-2000",
    hwm_bind_first_0_0: "hwm-bind-first-0-0",
    hwm_connect_first_1_0: "hwm-connect-first-1-0",
    hwm_bind_first_0_1: "hwm-bind-first-0-1",
    hwm_bind_first_2_2: "hwm-bind-first-2-2",
    hwm_connect_first_2_2: "hwm-connect-first-2-2",
    hwm_bind_first_10_5: "hwm-bind-first-10-5",
}

#[test]
fn exactly_the_sum_of_both_marks_fits_and_one_more_blocks() {
    for (more, blocked) in [(0, vec![]), (1, vec![150])] {
        let told =
            Story::inproc(options(10, 5)).writer([(150, Say::Publish(15 + more))]).reader([]).told(500);
        assert_eq!((told.accepted().len(), told.blocked()), (15, blocked));
    }
}

/// lwm of 10 + 10 is 10.
#[test]
fn a_blocked_writer_goes_on_after_lwm_reads_and_not_after_one_less() {
    for (reads, unblocked) in [(9, vec![]), (10, vec![200])] {
        let told =
            Story::inproc(options(10, 10)).writer([(100, Say::Publish(21))]).reader([(200, reads)]).told(500);
        assert_eq!((told.blocked(), told.unblocked()), (vec![100], unblocked), "{reads} reads");
    }
}

/// RCVHWM 10: its lwm 5 opens the window; SNDHWM 4: its lwm 2 opens the socket.
#[test]
fn over_tcp_both_marks_hold_and_the_kernels_hold_more() {
    for (buffer, fits) in [(0, 14), (3 * stand_in::BYTES, 17)] {
        let mut config = options(4, 10);
        (config.push.sndbuf, config.pull.rcvbuf) = (buffer, 0);
        let told = Story::tcp(without_waiting(config))
            .writer([(100, Say::Publish(1_000)), (210, Say::Publish(1_000)), (310, Say::Publish(1_000))])
            .reader([(200, 4), (300, 1)])
            .told(400);
        let at = |from: u64| numbers(&told.accepted()).iter().filter(|n| **n / 1_000 == from).count();
        assert_eq!([at(0), at(1), at(2)], [fits, 0, 5], "buffer {buffer}");
    }
}

#[test]
fn with_sndtimeo_a_blocked_record_fails_and_the_next_one_begins_to_wait() {
    let mut config = options(1, 1);
    config.push.sndtimeo = Some(ms(100));
    let told = Story::inproc(config).writer([(10, Say::Publish(4))]).reader([]).told(500);
    let failed: Vec<_> = told
        .0
        .iter()
        .filter(|event| matches!(&event.fact, Fact::Life(Life::Dropped { why: Reason::HighWaterMark, .. })))
        .map(|event| event.at.as_millis())
        .collect();
    assert_eq!((told.blocked(), failed, told.unblocked()), (vec![10], vec![110, 210], vec![210]));
}

/// `socket_table.tsv`: PUSH, mute action "block"; no peer "block".
#[test]
fn a_push_socket_without_a_peer_blocks_until_one_comes() {
    let config = Config { push_side: Side::Bind, ..options(10, 10) };
    let story = Story::tcp(config).writer([(100, Say::Publish(3))]).reader([(0, ALL)]);
    let story = story.fault(50, Fault::Reader(0, KILL)).fault(300, Fault::Reader(0, RESTART));
    let told = story.told(500);
    // Restarted at 300, the reader calls; 1 ms later there is a pipe.
    assert_eq!((told.blocked(), told.unblocked(), told.accepted().len()), (vec![100], vec![301], 3));
}

#[test]
fn without_waiting_and_without_a_peer_the_reason_is_no_peer() {
    let config = without_waiting(Config { push_side: Side::Bind, ..options(10, 10) });
    let told = Story::tcp(config).writer([(100, Say::Publish(3))]).told(500);
    assert_eq!(told.dropped(Reason::NoPeer).len(), 3);
}

/// `defaults.tsv`.
#[test]
fn defaults_are_libzmqs() {
    let options = SocketOptions::default();
    assert_eq!((options.sndhwm, options.rcvhwm), (1_000, 1_000));
    assert_eq!((options.linger, options.sndtimeo), (None, None));
    assert!(!options.immediate && !options.conflate);
    assert_eq!((options.reconnect_ivl, options.reconnect_ivl_max), (ms(100), Duration::ZERO));
    assert_eq!(options.handshake_ivl, ms(30_000));
    for (name, default) in [
        ("SNDHWM", "1000"),
        ("RCVHWM", "1000"),
        ("LINGER", "-1"),
        ("IMMEDIATE", "0"),
        ("CONFLATE", "0"),
        ("RECONNECT_IVL", "100"),
        ("RECONNECT_IVL_MAX", "0"),
        ("SNDTIMEO", "-1"),
        ("HANDSHAKE_IVL", "30000"),
        ("BACKLOG", "100"),
    ] {
        assert_eq!(settings::find(name).map(|setting| setting.default), Some(default), "{name}");
    }
}

#[test]
fn the_catalogue_is_sorted_and_says_why_it_refuses() {
    assert!(settings::SETTINGS.is_sorted_by(|a, b| a.name < b.name));
    assert!(settings::SETTINGS.iter().all(|setting| !setting.note.is_empty()));
    assert!(settings::to_table().contains("SNDHWM"));
    assert!(settings::find("SNDHVM").is_none());
}
