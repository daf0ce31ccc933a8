//! brokersim: what happens to my messages?

pub mod host;
pub mod kafka;
pub mod kernel;
pub mod observe;
pub mod tape;
pub mod trace;
pub mod wire;
pub mod workload;
