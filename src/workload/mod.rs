//! The application, once for all systems: when records are offered, what is in them, which key they carry,
//! how they look on the wire, and what a processor makes of them.
//!
//! What lies in these rooms is pure: configuration is plain data, state is `Clone`, chance is handed in.
//! The one exception is [`trace_file`], which reads a recorded trace when a scenario is loaded.
//!
//! **Invariant.** The same configuration and the same stream of random numbers give the same records, bit for
//! bit, on every machine: integers decide about time; floats are made with exact operations and `libm`.

pub mod arrivals;
pub mod codec;
pub mod generator;
pub mod keys;
pub mod operation;
mod pace;
pub mod payload;
pub mod processor;
pub mod reader;
pub mod row;
pub mod sink;
pub mod supervisor;
mod timestamp;
pub mod trace;
pub mod trace_file;

pub use arrivals::{ArrivalState, Arrivals, Pattern};
pub use codec::{Codec, CodecError};
pub use keys::{KeyError, KeyState, Keys};
pub use operation::{
    Aggregate, Compare, Emitted, Enrichment, Function, Operation, OperationError, OperationState, Window,
};
pub use payload::{Content, PayloadKind, PayloadState, SizeLaw};
pub use row::{Field, FieldKind, Row, Schema, Value};
pub use timestamp::TimeUnit;
pub use trace::{Trace, TraceEntry, TraceError, TraceOptions};
pub use trace_file::{load_trace, read_trace};
