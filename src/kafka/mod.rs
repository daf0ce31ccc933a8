//! How Kafka behaves.

pub mod config;
