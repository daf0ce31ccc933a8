//! How Kafka behaves.

pub mod assignor;
pub mod calc;
pub mod partitioner;
