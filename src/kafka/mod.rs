//! How Kafka behaves: logs, replicas, brokers, the controller, groups, and the clients.

pub mod assignor;
mod bits;
pub mod broker;
pub mod calc;
pub mod cluster;
pub mod config;
pub mod consumer;
pub mod controller;
pub mod coordinator;
pub mod epochs;
pub mod log;
pub mod partitioner;
pub mod producer;
pub mod producer_state;
pub mod replica;
pub mod settings;
