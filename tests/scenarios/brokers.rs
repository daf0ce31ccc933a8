//! Brokers that stand still, fall behind, or come back.

use brokersim::trace::Life;
use brokersim::trace::kafka::{ErrorCode, Kafka};

use super::{Blow, SHOP, seconds, tell, tell_with};

fn paused(lasts: u32) -> String {
    format!("{SHOP}[[fault]]\nat = \"20s\"\npause = \"leader of orders-0\"\nfor = \"{lasts}s\"\n")
}

#[test]
fn a_pause_shorter_than_the_session_changes_no_leader() {
    let told = tell(&paused(6));
    told.assert_all_settled();
    assert_eq!(told.leaders(told.place("orders", 0)).len(), 1);
    assert_eq!(told.tally.stored_twice, 0);
}

#[test]
fn a_pause_longer_than_the_session_does() {
    let told = tell(&paused(15));
    told.assert_all_settled();
    let changes = told.leaders(told.place("orders", 0));
    assert!(changes.len() > 1 && changes[1].1 != changes[0].1, "{changes:?}");
    // The last heartbeat was at most 2 s before the pause.
    assert!((seconds(27.0)..=seconds(29.1)).contains(&changes[1].0), "{}", changes[1].0);
    assert_eq!((told.books.lost_total(), told.tally.stored_twice), (0, 0));
}

#[test]
fn a_follower_that_stands_still_leaves_the_in_sync_set_when_it_is_fenced() {
    let calm = tell(SHOP);
    let isr = calm.leaders(calm.place("orders", 0))[0].3.clone();
    let follower: &'static str = match isr[1].0 {
        1 => "broker-1",
        2 => "broker-2",
        _ => "broker-3",
    };
    let told = tell_with(SHOP, &[], &[Blow::pause(follower, 20.0, 30.0)]);
    told.assert_all_settled();
    let changes = told.leaders(told.place("orders", 0));
    let (shrunk, grown) = (&changes[1], &changes[2]);
    assert!((seconds(27.0)..=seconds(29.1)).contains(&shrunk.0), "fenced after 9 s, long before it lags");
    assert_eq!((shrunk.3.len(), grown.3.len()), (2, 3));
    assert!((seconds(50.0)..seconds(55.0)).contains(&grown.0), "{}", grown.0);
    let asked = told.kafka().any(|(_, _, fact)| matches!(fact, Kafka::IsrShrinking { .. }));
    assert!(!asked, "the controller did it by itself");
    let committed =
        told.life().filter(|(_, _, life)| matches!(life, Life::Committed { .. })).map(|(at, ..)| at);
    let times: Vec<_> = committed.filter(|at| (seconds(19.0)..seconds(40.0)).contains(at)).collect();
    let gap = times.windows(2).map(|pair| pair[1].since(pair[0])).max().expect("there are some");
    assert!((7..=10).contains(&gap.as_millis().div_euclid(1_000)), "nothing is committed meanwhile: {gap}");
}

#[test]
fn a_broker_that_restarts_quickly_is_out_until_its_old_session_has_ended() {
    let told = tell_with(SHOP, &[], &[Blow::kill("broker-1", 20.0, Some(1.0))]);
    told.assert_all_settled();
    let registered = told.kafka().find_map(|(at, _, fact)| match fact {
        Kafka::Registered { broker, .. } if broker.0 == 1 && at > seconds(20.0) => Some(at),
        _ => None,
    });
    let at = registered.expect("it registers again");
    assert!((seconds(27.0)..=seconds(31.1)).contains(&at), "DUPLICATE_BROKER_REGISTRATION until then: {at}");
}

/// Its listener opens when it has caught up: nobody gets an answer out of what it does not know yet.
#[test]
fn a_leader_that_restarts_quickly_refuses_connections_until_it_is_registered() {
    let fault = "[[fault]]\nat = \"20s\"\nkill = \"leader of orders-0\"\nfor = \"1s\"\n";
    let told = tell(&format!("{SHOP}{fault}"));
    told.assert_all_settled();
    let elected = told.leaders(told.place("orders", 0))[1].0;
    assert!((seconds(27.0)..=seconds(29.1)).contains(&elected), "its old session ends first: {elected}");
    let errors: Vec<_> = told
        .kafka()
        .filter_map(|(at, _, fact)| match fact {
            Kafka::Retried { error, .. } if at < elected => Some(*error),
            _ => None,
        })
        .collect();
    assert!(errors.len() > 3, "{errors:?}");
    assert!(errors.iter().all(|error| *error == ErrorCode::NetworkException), "{errors:?}");
    assert_eq!((told.books.lost_total(), told.tally.stored_twice), (0, 0));
}

/// Nothing is written for almost a minute, and its followers fetch all the same: what counts is when they did so last,
/// not when there was news last, nor when there is again.
#[test]
fn a_follower_of_a_partition_that_stood_still_lags_from_its_last_fetch_on() {
    let later = r#"
[[generator]]
name = "late"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "50/s" }
start = "61s"
stop-after = 10
"#;
    let set =
        ["run.duration=100s", "generator.shop.stop-after=100", "kafka.broker.session.timeout.ms=100000"];
    let calm = tell_with(&format!("{SHOP}{later}"), &set, &[]);
    let isr = calm.leaders(calm.place("orders", 0))[0].3.clone();
    let cut = format!(
        "{later}[[fault]]\nat = \"50s\"\npartition = \"broker-{}\"\npeers = [\"broker-{}\"]\nfor = \"50s\"\n",
        isr[0].0, isr[1].0
    );
    let told = tell_with(&format!("{SHOP}{cut}"), &set, &[]);
    let shrinks: Vec<_> = told
        .kafka()
        .filter_map(|(at, _, fact)| match fact {
            Kafka::IsrShrinking { place, to } if *place == told.place("orders", 0) => Some((at, to.to_vec())),
            _ => None,
        })
        .collect();
    let [(at, to)] = &shrinks[..] else { panic!("{shrinks:?}") };
    // Looked at every 15 s: 25 s after its last fetch it is in sync still, 40 s after that it is not.
    assert!((seconds(89.9)..seconds(91.0)).contains(at), "{at}");
    assert_eq!(*to, [isr[0], isr[2]]);
}
