use super::*;

/// Broker 1 is proxied at this port, in the vectors too.
fn ports(id: i32) -> Option<u16> {
    (id == 1).then_some(40_001)
}

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("vectors are in hexadecimal");
    (0..hex.len()).step_by(2).map(pair).collect()
}

/// Api, version, as sent, as it is to arrive.
fn vectors() -> Vec<(Api, i16, Vec<u8>, Vec<u8>)> {
    let apis = [Api::Metadata, Api::FindCoordinator, Api::Versions, Api::DescribeCluster];
    let lines = include_str!("vectors.txt").lines().filter(|line| !line.starts_with('#'));
    let vector = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, version, sent, arrives] = words[..] else { panic!("{line}") };
        let api = apis.into_iter().find(|api| api.name() == name).expect("vectors are of our four");
        (api, version.parse().expect("a version is a number"), bytes(sent), bytes(arrives))
    };
    lines.map(vector).collect()
}

#[test]
fn every_version_arrives_as_kafkas_own_serializer_would_have_written_it() {
    let vectors = vectors();
    for api in [Api::Metadata, Api::FindCoordinator, Api::Versions, Api::DescribeCluster] {
        let versions = vectors.iter().filter(|(other, ..)| *other == api).map(|(_, version, ..)| *version);
        assert!(versions.eq(0..=api.newest()), "{api:?} has a vector of each version");
    }
    for (api, version, sent, arrives) in vectors {
        let rewritten =
            rewrite(api, version, &sent, &ports).unwrap_or_else(|why| panic!("{api:?} {version}: {why}"));
        assert_eq!(rewritten.frame, arrives, "{api:?} {version}");
        let others: &[i32] = if api == Api::Metadata { &[2] } else { &[] };
        assert_eq!(rewritten.strangers, others, "{api:?} {version}");
    }
}

#[test]
fn who_proxies_nobody_changes_no_address() {
    for (api, version, sent, _) in vectors() {
        if api != Api::Versions {
            assert_eq!(rewrite(api, version, &sent, &|_| None).expect("a vector is sound").frame, sent);
        }
    }
}

#[test]
fn no_end_too_early_is_taken_for_a_response() {
    for (api, version, sent, _) in vectors() {
        let (mut whole, mut broken) = (0, 0);
        for end in 0..sent.len() {
            match rewrite(api, version, &sent[..end], &ports) {
                // What follows the addresses is copied unread.
                Ok(rewritten) => {
                    whole += 1;
                    assert!(rewritten.frame.len() <= end + 8, "{api:?} {version} cut at {end}");
                }
                Err(why) => {
                    broken += 1;
                    assert_eq!((why, whole), (Unreadable::Malformed, 0), "{api:?} {version} cut at {end}");
                }
            }
        }
        assert!(broken > 4, "{api:?} {version}");
    }
}

#[test]
fn bytes_that_are_not_a_response_are_refused_or_copied_but_never_a_panic() {
    let mut rng = crate::kernel::Rng::named(1, "bytes");
    for _ in 0..20_000 {
        let noise: Vec<u8> = (0..rng.below(60)).map(|_| rng.bits() as u8).collect();
        for api in [Api::Metadata, Api::FindCoordinator, Api::Versions, Api::DescribeCluster] {
            let version = rng.below(15) as i16;
            let _ = rewrite(api, version, &noise, &ports);
        }
    }
}

#[test]
fn a_version_of_tomorrow_is_not_touched() {
    for api in [Api::Metadata, Api::FindCoordinator, Api::Versions, Api::DescribeCluster] {
        assert_eq!(rewrite(api, api.newest() + 1, &[0; 64], &ports), Err(Unreadable::Newer));
    }
}

/// An old broker that does not know version 3 of ApiVersions answers in version 0, with an error.
#[test]
fn a_refusal_of_api_versions_is_read_as_the_oldest_version() {
    let answer = bytes("000000070023000000010003000000090001");
    assert_eq!(rewrite(Api::Versions, 3, &answer, &ports).expect("it is sound").frame.len(), answer.len());
    let whole = bytes("00000007002300000001000300000063");
    let capped = bytes("0000000700230000000100030000000d");
    assert_eq!(rewrite(Api::Versions, 3, &whole, &ports).expect("it is sound").frame, capped);
}

/// A cluster so new that it has nothing that could be read: it keeps its offer, and what follows is noted.
#[test]
fn an_offer_without_a_version_that_may_pass_stays() {
    let offer = bytes("0000000700000000000100030014001e");
    assert_eq!(rewrite(Api::Versions, 0, &offer, &ports).expect("it is sound").frame, offer);
}
