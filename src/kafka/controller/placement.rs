//! Which brokers hold which partition.

use crate::kernel::Rng;
use crate::trace::kafka::BrokerId;

/// The replicas of each of `partitions` new partitions, the preferred leader first: striped over brokers,
/// racks alternating, as Kafka's StripedReplicaPlacer does. `brokers` and their racks (all or none of them
/// has one).
///
/// # Panics
/// When there are fewer brokers than `replication_factor`, or either is zero.
pub fn placement(
    brokers: &[(BrokerId, Option<&str>)],
    partitions: u32,
    replication_factor: u32,
    rng: &mut Rng,
) -> Vec<Vec<BrokerId>> {
    let _ = (brokers, partitions, replication_factor, rng);
    todo!()
}
