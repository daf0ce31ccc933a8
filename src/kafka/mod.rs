//! How Kafka behaves.

pub mod config;
pub mod controller;
pub mod coordinator;
