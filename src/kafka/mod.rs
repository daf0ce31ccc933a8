//! How Kafka behaves.

pub mod assignor;
pub mod calc;
pub mod config;
pub mod consumer;
pub mod partitioner;
