//! brokersim: what happens to my messages?

pub mod host;
pub mod kernel;
