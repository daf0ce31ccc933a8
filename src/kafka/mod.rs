//! How Kafka behaves.
