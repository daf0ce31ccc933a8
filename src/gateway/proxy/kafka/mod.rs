//! What the proxy has to know of Kafka's protocol: brokers tell clients where brokers are, and a client that is
//! told the truth goes past the proxy. So the few responses that name addresses are rewritten ([`rewrite`]), which
//! takes knowing which response answers what ([`frames`]).
//!
//! **Invariant.** Whatever is not understood passes as it is, and is noted. Versions of requests whose responses name
//! addresses in a way that is not understood here are taken out of the broker's offer (`ApiVersions`), so that
//! clients do not use them.
//!
//! **Not modelled:** leader discovery by produce and fetch responses (KIP-951): its versions are not offered.

mod frames;
mod rewrite;

pub(super) use frames::{Asked, Requests, Responses};

use rewrite::Api;
