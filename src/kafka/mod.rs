//! How Kafka behaves.

pub mod config;
pub mod assignor;
pub mod calc;
pub mod partitioner;
