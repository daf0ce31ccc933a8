//! Without faults both hosts settle the same records.

use super::{live, scenario, simulated};

const VENTILATOR: &str = r#"
[run]
seed = 5
duration = "2s"
drain = "20s"
[network]
latency = "200us"
[zeromq.channels.tasks]
bind = "push"
[[generator]]
name = "ventilator"
topic = "tasks"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "200/s" }
[[sink]]
name = "worker"
from = "tasks"
instances = 3
service = { uniform = ["1ms", "8ms"] }
"#;

#[test]
fn zeromq_settles_the_same_records_under_both_hosts() {
    let scenario = scenario(VENTILATOR, &[]);
    let (apart, by_the_clock) = (simulated(&scenario), live(&scenario));
    assert_eq!(apart.settled.len(), 401, "one every 5 ms, both ends included");
    assert_eq!(by_the_clock.settled, apart.settled);
    assert_eq!(by_the_clock.processed, apart.processed);
    assert_eq!(by_the_clock.tally.duplicates, 0);
}

/// Two partitions on three brokers, a processor that publishes again, two groups; commits every 300 ms.
const PIPELINE: &str = r#"
[run]
seed = 11
duration = "2s"
drain = "20s"
[network]
latency = { median = "150us", p99 = "750us" }
[kafka]
brokers = 3
group.initial.rebalance.delay.ms = "0ms"
[kafka.topics.orders]
partitions = 2
replication.factor = 3
[kafka.topics.bills]
partitions = 1
replication.factor = 3
[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
key = { uniform = 10 }
arrivals = { poisson = "300/s" }
[[processor]]
name = "billing"
from = "orders"
to = "bills"
consumer.auto.offset.reset = "earliest"
consumer.auto.commit.interval.ms = "300ms"
[[sink]]
name = "archive"
from = "orders"
consumer.auto.offset.reset = "earliest"
consumer.auto.commit.interval.ms = "300ms"
[[sink]]
name = "post"
from = "bills"
consumer.auto.offset.reset = "earliest"
consumer.auto.commit.interval.ms = "300ms"
"#;

#[test]
fn simulated_kafka_settles_the_same_records_under_both_hosts() {
    let scenario = scenario(PIPELINE, &[]);
    let (apart, by_the_clock) = (simulated(&scenario), live(&scenario));
    assert!(apart.settled.len() > 900, "{}", apart.settled.len());
    assert_eq!(apart.books.settled, apart.books.offered, "{:?}", apart.books);
    assert_eq!(by_the_clock.settled, apart.settled);
    assert_eq!(by_the_clock.processed, apart.processed);
    assert_eq!(by_the_clock.tally.duplicates, 0);
}
