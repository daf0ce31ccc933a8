//! The real ones behind the same ports: clients of real brokers, for systems that run in real time.
//!
//! A gateway's actor hands what it hears to the threads of a real client; what these see comes back through
//! the [`Door`](crate::host::Door).

#[cfg(feature = "real-kafka")]
pub mod kafka;
