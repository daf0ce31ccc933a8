//! brokersim: what happens to my messages?

pub mod kafka;
pub mod kernel;
