//! What sockets say to their applications, one socket alone.

use std::sync::Arc;

use super::*;
use crate::kernel::alone::{Alone, Asked};
use crate::kernel::{ActorId, Addr};
use crate::trace::{Body, Record};
use crate::wire::port::{FromPublisher, FromSubscriber, ToPublisher, ToSubscriber};
use crate::wire::{Msg, zeromq::Frame};
use crate::zeromq::{Endpoint, Pull, PullSetup, Push, PushSetup, Side, SocketOptions};

/// Addresses of an application and a peer on nodes 0 and 1.
struct Seats {
    publisher: Addr<FromPublisher>,
    subscriber: Addr<FromSubscriber>,
    push: Endpoint,
    pull: Endpoint,
}

fn seats() -> Seats {
    let mut builder = Builder::<Brokersim>::new(0, Network::new(Shape::IDEAL, 0));
    let nodes = [builder.node("here"), builder.node("there")];
    Seats {
        publisher: builder.reserve::<Writer>(nodes[0], "writer").addr(),
        subscriber: builder.reserve::<Reader>(nodes[0], "reader").addr(),
        push: Endpoint { addr: builder.reserve::<Push>(nodes[1], "push").addr(), node: nodes[1] },
        pull: Endpoint { addr: builder.reserve::<Pull>(nodes[1], "pull").addr(), node: nodes[1] },
    }
}

const APP: ActorId = ActorId(0);

/// A PUSH socket that has called its peer: SNDHWM 2, and a peer with RCVHWM 1.
fn push(sndtimeo: Option<Duration>) -> (Alone<Push>, Endpoint) {
    let seats = seats();
    let options = SocketOptions { sndhwm: 2, sndbuf: 0, sndtimeo, ..SocketOptions::default() };
    let mut alone = Alone::new(Push::new(PushSetup {
        app: seats.publisher,
        node: NodeId(0),
        channel: ChannelId(0),
        place: PlaceId(0),
        side: Side::Connect,
        peers: vec![seats.pull],
        options,
        peer_rcvbuf: 0,
    }));
    alone.start();
    alone.receive(seats.pull.addr.id(), Frame::Welcome { receive_hwm: 1 });
    (alone, seats.pull)
}

fn record(n: u64) -> Record {
    Record::new(RecordId::new(0, n), Time::ZERO, None, 10)
}

fn publish(n: u64) -> ToPublisher {
    ToPublisher::Publish(ChannelId(0), record(n), None)
}

fn replies(asked: Vec<Asked<Push>>) -> Vec<FromPublisher> {
    asked
        .into_iter()
        .filter_map(
            |asked| if let Asked::Send(_, Msg::FromPublisher(reply)) = asked { Some(reply) } else { None },
        )
        .collect()
}

#[test]
fn an_application_is_told_once_that_it_blocks_and_once_that_it_goes_on() {
    let (mut push, pull) = push(None);
    for n in 0..3 {
        assert_eq!(replies(push.receive(APP, publish(n))), [], "record {n} fits");
    }
    assert_eq!(replies(push.receive(APP, publish(3))), [FromPublisher::Blocked]);
    assert_eq!(replies(push.receive(APP, publish(4))), [], "it knows");
    assert_eq!(replies(push.receive(APP, ToPublisher::Flush)), [], "two have no outcome");
    assert_eq!(replies(push.receive(pull.addr.id(), Frame::Taken(1))), [], "one still blocks");
    let goes_on = [FromPublisher::Ready, FromPublisher::Flushed { failed: 0 }];
    assert_eq!(replies(push.receive(pull.addr.id(), Frame::Taken(1))), goes_on);
}

#[test]
fn a_flush_counts_what_failed_since_the_last_one() {
    let (mut push, _) = push(Some(Duration::ZERO));
    for n in 0..5 {
        push.receive(APP, publish(n));
    }
    assert_eq!(replies(push.receive(APP, ToPublisher::Flush)), [FromPublisher::Flushed { failed: 2 }]);
    assert_eq!(replies(push.receive(APP, ToPublisher::Flush)), [FromPublisher::Flushed { failed: 0 }]);
}

#[test]
fn a_record_is_accepted_before_it_leaves() {
    let (mut push, _) = push(None);
    let asked = push.receive(APP, publish(0));
    assert!(
        matches!(
            &asked[..],
            [
                Asked::Emit(Fact::Life(Life::Accepted { place: Some(PlaceId(0)), offset: None, .. })),
                Asked::Send(_, Msg::Frame(Frame::Message(..)))
            ]
        ),
        "{asked:?}"
    );
}

#[test]
fn close_says_flushed_when_everything_has_left_and_then_goodbye() {
    let (mut push, pull) = push(None);
    (0..2).for_each(|n| drop(push.receive(APP, publish(n))));
    assert_eq!(replies(push.receive(APP, ToPublisher::Close)), [], "one is unsent, LINGER is -1");
    let asked = push.receive(pull.addr.id(), Frame::Taken(1));
    assert!(asked.iter().any(|asked| matches!(asked, Asked::Send(_, Msg::Frame(Frame::Bye)))), "{asked:?}");
    assert_eq!(replies(asked), [FromPublisher::Flushed { failed: 0 }]);
}

/// A PULL socket with one message in it, whose content the application reads.
fn pull(side: Side) -> (Alone<Pull>, Endpoint) {
    let seats = seats();
    let mut alone = Alone::new(Pull::new(PullSetup {
        app: seats.subscriber,
        node: NodeId(0),
        group: GroupId(0),
        place: PlaceId(0),
        side,
        peers: vec![seats.push],
        options: SocketOptions::default(),
        receive_batch: 8,
    }));
    alone.start();
    let hello = Frame::Hello { from: seats.push.addr, incarnation: 1, receive_hwm: 0 };
    alone.receive(seats.push.addr.id(), hello);
    let body = Body { key: None, value: Some(b"x".as_slice().into()) };
    alone.receive(seats.push.addr.id(), Frame::Message(record(0), Some(Arc::new(body))));
    (alone, seats.push)
}

#[test]
fn content_travels_with_its_record_and_the_writer_is_told() {
    let (mut pull, push) = pull(Side::Bind);
    pull.receive(push.addr.id(), Frame::Message(record(1), None));
    let asked = pull.receive(APP, ToSubscriber::Next);
    let [
        Asked::Emit(_),
        Asked::Send(_, Msg::FromSubscriber(FromSubscriber::Deliver(deliveries))),
        Asked::Send(_, taken),
    ] = &asked[..]
    else {
        panic!("{asked:?}")
    };
    assert!(matches!(taken, Msg::Frame(Frame::Taken(2))));
    let batch = &deliveries[0].span.batch;
    assert_eq!(batch.body(0).and_then(|body| body.value.as_deref()), Some(b"x".as_slice()));
    assert_eq!(batch.body(1), Some(&Body::default()));
}

#[test]
fn what_a_dead_writer_sent_is_still_read_and_nobody_is_told() {
    let (mut pull, push) = pull(Side::Bind);
    pull.disconnect(push.node);
    let asked = pull.receive(APP, ToSubscriber::Next);
    assert!(matches!(&asked[..], [Asked::Emit(_), Asked::Send(_, Msg::FromSubscriber(_))]), "{asked:?}");
}

#[test]
fn a_message_on_a_connection_that_this_life_never_had_is_answered_with_bye() {
    let (mut pull, push) = pull(Side::Bind);
    pull.crash(crate::kernel::Crash::Process);
    pull.start();
    let asked = pull.receive(push.addr.id(), Frame::Message(record(1), None));
    assert!(matches!(&asked[..], [Asked::Send(_, Msg::Frame(Frame::Bye))]), "{asked:?}");
}

#[test]
fn settling_is_nothing_and_always_succeeds() {
    let (mut pull, _) = pull(Side::Bind);
    let asked = pull.receive(APP, ToSubscriber::Settle);
    assert!(
        matches!(
            &asked[..],
            [Asked::Send(_, Msg::FromSubscriber(FromSubscriber::Settled { accepted: true }))]
        ),
        "{asked:?}"
    );
}
