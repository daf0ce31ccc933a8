//! How Kafka behaves.

pub mod config;
pub mod consumer;
