//! brokersim: what happens to my messages?

pub mod analyze;
pub mod cli;
pub mod fault;
pub mod gateway;
pub mod host;
pub mod kafka;
pub mod kernel;
pub mod lab;
pub mod mqtt;
pub mod observe;
pub mod scenario;
pub mod sweep;
pub mod tape;
pub mod trace;
pub mod tui;
pub mod wire;
pub mod workload;
pub mod zeromq;
