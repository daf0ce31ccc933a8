//! brokersim: what happens to my messages?

pub mod host;
pub mod kafka;
pub mod kernel;
<<<<<<< HEAD
pub mod trace;
pub mod wire;
=======
pub mod workload;
>>>>>>> workload
