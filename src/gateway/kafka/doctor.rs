//! What ails a connection.

use rdkafka::config::ClientConfig;

/// What librdkafka complains of when it connects.
pub fn complaints(_config: &ClientConfig) -> Vec<String> {
    Vec::new()
}
