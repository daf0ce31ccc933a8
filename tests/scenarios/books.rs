//! Whether the books say what readers really found.

use brokersim::trace::Reason;

use super::tell_with;

/// Three brokers that may lead uncleanly, struck at random; the only reader comes when all of that is over.
const TORN: &str = r#"
[run]
seed = 1
duration = "150s"
drain = "60s"
[network]
latency = { constant = "1ms" }
[kafka]
version = "3.9"
brokers = 3
unclean.leader.election.enable = true
[kafka.topics.orders]
partitions = 2
replication.factor = 3
[[generator]]
name = "shop"
topic = "orders"
arrivals = { poisson = "10/s" }
producer.acks = 1
stop-after = 1200
[[sink]]
name = "billing"
from = "orders"
start = "150s"
consumer.auto.offset.reset = "earliest"
[faults.random]
kinds = ["kill", "pause", "partition"]
targets = ["a random broker", "leader of orders-0", "leader of orders-1"]
every = "8s"
for = { exponential = "25s" }
at-most = 3
from = "5s"
heal-at = "130s"
"#;

#[test]
fn after_many_unclean_elections_lost_is_what_nobody_is_ever_handed() {
    for seed in [3, 5, 17, 18, 24] {
        let told = tell_with(TORN, &[&format!("run.seed={seed}")], &[]);
        let (processed, lost) = (told.processed().len() as u64, told.books.lost_total());
        assert!(told.lost(Reason::UncleanElection) > 0 && processed > 0, "seed {seed}: {:?}", told.books);
        assert_eq!((told.books.settled, lost), (processed, told.books.offered - processed), "seed {seed}");
        assert_eq!(told.tally.duplicates, 0, "seed {seed}: nothing that was read comes back");
    }
}
