//! The bundled failures: what the table of documented scenarios says of offsets, beyond what `[expect]` can count.

use brokersim::kernel::Time;
use brokersim::trace::Reason;
use brokersim::trace::kafka::{BrokerId, ErrorCode, Kafka};

use super::{Told, tell};

macro_rules! bundled {
    ($name:literal) => {
        tell(include_str!(concat!("../../sim-configs/kafka/loss-", $name, ".toml")))
    };
}

/// What replicas of `orders-0` cut off their logs, in order: who, from which end, to which.
fn truncations(told: &Told) -> Vec<(String, u64, u64)> {
    let place = told.place("orders", 0);
    let cut = told.kafka().filter_map(|(_, event, fact)| match fact {
        Kafka::Truncated { place: of, to, from } if *of == place => {
            Some((told.who(event).to_owned(), *from, *to))
        }
        _ => None,
    });
    cut.collect()
}

/// Who led `orders-0` at last, and from which end of its log.
fn last_reign(told: &Told) -> (String, u64) {
    let place = told.place("orders", 0);
    let reigns = told.kafka().filter_map(|(_, event, fact)| match fact {
        Kafka::BecameLeader { place: of, log_end, .. } if *of == place => {
            Some((told.who(event).to_owned(), *log_end))
        }
        _ => None,
    });
    reigns.last().expect("somebody led")
}

fn lengths(truncations: &[(String, u64, u64)]) -> Vec<(u64, u64)> {
    let mut lengths: Vec<_> = truncations.iter().map(|(_, from, to)| (*from, *to)).collect();
    lengths.sort_unstable();
    lengths
}

/// Row 4: logs of 10, 5 and 2, and the shortest leads: A truncates 8, B truncates 3, whatever was acknowledged.
#[test]
fn the_longest_log_cuts_off_eight_and_the_middle_one_three() {
    for (told, lost) in
        [(bundled!("04-unclean-three-logs"), 8), (bundled!("04b-unclean-three-logs-acks-all"), 3)]
    {
        assert_eq!(lengths(&truncations(&told)), [(5, 2), (10, 2)], "ends of the logs before and after");
        assert_eq!(told.lost(Reason::UncleanElection), lost);
    }
    assert!(truncations(&bundled!("04c-no-unclean-election")).is_empty(), "the longest leads again");
}

/// Row 8: A keeps m2, leads with both, and B has nothing to cut off when it is back.
#[test]
fn a_follower_that_restarts_leads_with_what_it_had_copied() {
    let told = bundled!("08-restart-before-high-watermark");
    assert_eq!(last_reign(&told), ("broker-2".to_owned(), 2));
    assert!(truncations(&told).is_empty());
    told.assert_all_settled();
}

/// Row 9: A leads with m1 alone, takes m3 at offset 1, and B cuts m2 off there.
#[test]
fn the_longer_log_is_cut_to_the_one_that_led_first() {
    let told = bundled!("09-shorter-log-leads");
    assert_eq!(last_reign(&told), ("broker-2".to_owned(), 1));
    assert_eq!(truncations(&told), [("broker-1".to_owned(), 2, 1)]);
    let offsets: Vec<_> = told
        .stored()
        .iter()
        .flat_map(|(_, ids, _, offset)| ids.iter().map(|id| (id.sequence(), *offset)).collect::<Vec<_>>())
        .collect();
    assert_eq!(offsets, [(0, 0), (1, 1), (2, 1)], "m3 lies where m2 lay");
}

/// Row 11: with KIP-966 the one that left second, with everything, leads; nothing is cut. Without, the last one leads
/// with what is left of its log, and both complete copies are cut.
#[test]
fn eligible_replicas_keep_what_the_last_one_lost() {
    let told = bundled!("11-last-replica-standing");
    assert_eq!(last_reign(&told).1, 3);
    assert!(truncations(&told).is_empty());
    let without = bundled!("11b-last-replica-standing-without-elr");
    assert_eq!(last_reign(&without).1, 0);
    assert_eq!(lengths(&truncations(&without)), [(3, 0)], "the one that had left with all three");
}

/// Row 16: the second and the third are refused with OUT_OF_ORDER_SEQUENCE_NUMBER, and all are sent again one by one.
#[test]
fn what_follows_a_failed_batch_is_refused_and_sent_again_in_order() {
    let told = bundled!("16-five-in-flight-idempotent");
    let retried: Vec<_> = told
        .kafka()
        .filter_map(|(at, _, fact)| match fact {
            Kafka::Retried { ids, error, .. } => Some((at, ids.iter().next()?.sequence(), *error)),
            _ => None,
        })
        .collect();
    let errors: Vec<_> = retried.iter().map(|(_, sequence, error)| (*sequence, *error)).collect();
    let refused = ErrorCode::OutOfOrderSequenceNumber;
    assert_eq!(errors, [(41, refused), (42, refused), (40, ErrorCode::NetworkException)]);
    let again: Vec<(Time, u64, u64)> = told
        .stored()
        .iter()
        .filter(|(at, ..)| *at > retried[2].0)
        .map(|(at, ids, _, offset)| (*at, ids.iter().next().expect("a record").sequence(), *offset))
        .collect();
    let in_order: Vec<_> = again.iter().map(|(_, sequence, offset)| (*sequence, *offset)).collect();
    assert_eq!(in_order, [(40, 40), (41, 41), (42, 42)]);
    let answered = brokersim::kernel::Duration::from_millis(40);
    assert!(again.windows(2).all(|two| two[1].0.since(two[0].0) >= answered), "one by one: {again:?}");
}

/// Row 5, enabled: the follower that missed the second leads, and the third lies where the second lay.
#[test]
fn the_third_message_lies_where_the_second_lay() {
    let told = bundled!("05-unclean-first-third");
    let place = told.place("orders", 0);
    let leaders: Vec<_> = told.leaders(place).into_iter().filter_map(|(_, leader, ..)| leader).collect();
    assert_eq!(leaders.last(), Some(&BrokerId(2)));
    let stored: Vec<_> = told
        .stored()
        .iter()
        .map(|(_, ids, _, offset)| (ids.iter().next().expect("a record").sequence(), *offset))
        .collect();
    assert_eq!(stored, [(0, 0), (1, 1), (2, 1)]);
}
