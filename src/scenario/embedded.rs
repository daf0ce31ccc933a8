//! What of a Kafka scenario the cluster within this process cannot hold, besides its faults ([`Scenario::suit`] judges
//! those): retention as written, and more than it keeps.
//!
//! Source: librdkafka 2.12, `rdkafka_mock.c`: a partition keeps its last 5 MiB of batches, as they come from the
//! producer, and 100,000 batches at most; the oldest go first, whether anybody has read them or not.

use crate::kernel::Time;
use crate::workload::payload::SizeLaw;
use crate::workload::{Pattern, PayloadKind};

use super::scenario::{Generator, Kafka, Payload, Scenario, Schedule, Topic};

/// What it keeps of a partition, in bytes.
const KEEPS: f64 = (5 << 20) as f64;
/// What a record takes besides its bytes: the header that says which it is, and its frame.
const FRAME: f64 = 40.0;

/// What the scenario depends on and the cluster does not do, a sentence each.
pub(super) fn missing(scenario: &Scenario, kafka: &Kafka) -> Vec<String> {
    let end = (Time::ZERO + scenario.run.duration + scenario.run.drain).since(Time::ZERO);
    let expires = |topic: &&Topic| {
        topic.config.retention_bytes.is_some() || topic.config.retention_ms.is_some_and(|keeps| keeps < end)
    };
    let sentence = |topic: &Topic| {
        format!("retention of topic {}: it keeps the last 5 MiB of a partition, whatever is set", topic.name)
    };
    kafka.topics.iter().filter(expires).map(sentence).collect()
}

/// Topics that get more than it keeps, a sentence each: nothing is wrong as long as readers keep up, and the books
/// say what was lost when they did not.
pub(super) fn overflows(scenario: &Scenario, kafka: &Kafka) -> Vec<String> {
    kafka.topics.iter().filter_map(|topic| overflow(scenario, topic)).collect()
}

fn overflow(scenario: &Scenario, topic: &Topic) -> Option<String> {
    let writes = scenario.generators.iter().filter(|generator| generator.topic == topic.name);
    let (mut bytes, mut rate) = (0.0, 0.0);
    for generator in writes {
        let (its_rate, seconds) = offered(generator, scenario)?;
        rate += its_rate;
        bytes += its_rate * seconds;
    }
    let partitions = f64::from(topic.partitions);
    if bytes / partitions <= KEEPS {
        return None;
    }
    Some(format!(
        "about {:.0} MiB go into each partition of {}, and the embedded cluster keeps the last 5: who falls {:.0} s \
         behind loses records (`retention` in the books)",
        bytes / partitions / f64::from(1 << 20),
        topic.name,
        KEEPS / (rate / partitions),
    ))
}

/// Bytes a second that a generator offers, and for how many seconds; none when that is not known beforehand.
fn offered(generator: &Generator, scenario: &Scenario) -> Option<(f64, f64)> {
    let Schedule::Ready(arrivals) = &generator.arrivals else { return None };
    let rate = match arrivals.pattern {
        Pattern::Constant { rate } | Pattern::Poisson { rate } => rate,
        Pattern::OnOff { .. } | Pattern::Daily { .. } | Pattern::Ramp { .. } | Pattern::Replay { .. } => {
            return None;
        }
    };
    let Payload::Made(PayloadKind::Bytes(bytes)) = &generator.payload else { return None };
    let size = match bytes.size {
        SizeLaw::Constant(size) => f64::from(size),
        SizeLaw::Uniform(least, most) => f64::midpoint(f64::from(least), f64::from(most)),
        SizeLaw::Lognormal { median, .. } => f64::from(median),
    };
    let end = Time::ZERO + scenario.run.duration;
    let (from, to) = (generator.presence.start, generator.presence.stop.unwrap_or(end).min(end));
    let all = rate * f64::from(generator.instances);
    let seconds = to.since(from.min(to)).as_secs_f64();
    let seconds = generator.stop_after.map_or(seconds, |most| seconds.min(most as f64 / rate));
    Some((all * (size + FRAME), seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::{Options, Trouble};
    use crate::scenario::{Overrides, World};

    const CALM: &str = r#"
        [run]
        duration = "60s"
        [kafka]
        brokers = 1
        [kafka.topics.orders]
        partitions = 2
        replication.factor = 1
        [[generator]]
        name = "shop"
        topic = "orders"
        payload = { kind = "bytes", size = "160B" }
        arrivals = { constant = "100/s" }
        [[sink]]
        name = "billing"
        from = "orders"
        instances = 2
    "#;

    fn suited(text: &str) -> Result<Vec<String>, Trouble> {
        let scenario = Scenario::load(text, "a/test.toml", &Overrides::default());
        let mut scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render(false, 100)));
        scenario.suit(&World::Embedded, &Options::default()).map(|()| scenario.notes)
    }

    fn refused(text: &str) -> String {
        match suited(text) {
            Err(Trouble::Usage(why)) => why,
            other => panic!("it is refused: {other:?}"),
        }
    }

    #[test]
    fn members_come_and_go_on_the_embedded_cluster_and_its_brokers_do_not() {
        let fault = |what: &str| format!("{CALM}\n[[fault]]\nat = \"500ms\"\n{what}\n");
        for possible in [
            "add-member = \"billing\"",
            "remove-member = \"billing\"",
            "heal = \"everything\"",
            "kill = \"billing-1\"\nfor = \"1s\"",
            "stuck-handler = \"billing-1\"\nfor = \"1s\"",
        ] {
            assert_eq!(suited(&fault(possible)), Ok(Vec::new()), "{possible}");
        }
        for (impossible, why) in [
            ("kill = \"broker-1\"", "kill of broker-1"),
            ("kill = \"leader of orders-0\"", "leader of orders-0"),
            ("add-partitions = \"orders\"\nto = 4", "cannot add partitions"),
        ] {
            let said = refused(&fault(impossible));
            assert!(said.contains(why), "{impossible}: {said}");
        }
    }

    #[test]
    fn faults_by_chance_are_refused_only_when_one_of_them_cannot_strike() {
        let random = |kinds: &str| {
            format!("{CALM}\n[faults.random]\nkinds = [{kinds}]\nevery = \"5s\"\nfor = \"1s\"\n")
        };
        assert_eq!(suited(&random("\"stuck-handler\"")), Ok(Vec::new()));
        assert!(refused(&random("\"lost-disk\"")).contains("lost-disk"));
    }

    #[test]
    fn retention_that_a_run_would_depend_on_is_refused() {
        let short = CALM.replace("replication.factor = 1", "replication.factor = 1\nretention.ms = 100");
        assert!(refused(&short).contains("retention of topic orders"));
        let long = CALM.replace("replication.factor = 1", "replication.factor = 1\nretention.ms = 900000");
        assert_eq!(suited(&long), Ok(Vec::new()));
    }

    #[test]
    fn more_than_it_keeps_is_said_before_the_run_and_less_is_not() {
        // 200 bytes on the wire, two partitions: 10 kB a second into each; 5 MiB are full after 524 s.
        assert_eq!(suited(&CALM.replace("60s", "520s")), Ok(Vec::new()));
        let notes = suited(&CALM.replace("60s", "1060s")).expect("it may run");
        let [note] = &notes[..] else { panic!("one note: {notes:?}") };
        assert!(note.contains("about 10 MiB") && note.contains("524 s behind"), "{note}");
    }
}
