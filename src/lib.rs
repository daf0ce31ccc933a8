//! brokersim: what happens to my messages?

pub mod kernel;
pub mod workload;
