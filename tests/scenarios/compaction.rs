//! Offsets outlive the records that said them.

use brokersim::trace::Fact;
use brokersim::trace::kafka::{Kafka, PositionReason};

use super::{Blow, tell_with};

const LONG: &str = r#"
[run]
seed = 5
duration = "5m"
drain = "10s"

[kafka]
brokers = 3
min.insync.replicas = 2

[kafka.topics.orders]
partitions = 4
replication.factor = 3

[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { poisson = "20/s" }

[[sink]]
name = "billing"
from = "orders"
group = "billing"
instances = 2
commit = "after"
consumer.auto.offset.reset = "earliest"
"#;

#[test]
fn a_new_coordinator_knows_offsets_whose_first_records_were_compacted_away() {
    // After two minutes thousands of commits are older than what a log keeps the contents of.
    let blows = [("broker-1", 150.0), ("broker-2", 190.0), ("broker-3", 230.0)]
        .map(|(node, at)| Blow::kill(node, at, Some(20.0)));
    let told = tell_with(LONG, &[], &blows);
    let resets = told.events.iter().filter(|event| {
        matches!(event.fact, Fact::Kafka(Kafka::Positioned { why: PositionReason::Reset, .. }))
    });
    assert_eq!(resets.count(), 4, "each partition begins at the beginning once");
    let ready = told.events.iter().filter(|event| {
        event.at.as_millis() > 150_000
            && matches!(event.fact, Fact::Kafka(Kafka::CoordinatorReady { groups: 1, .. }))
    });
    assert!(ready.count() > 0, "another broker became coordinator");
    assert_eq!(told.books.settled, told.books.offered, "{:?}", told.books);
    assert!(told.tally.duplicates < 200, "{:?}", told.tally);
}
