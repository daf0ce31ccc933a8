//! The tape played back, and a run told to a person.

pub mod calibrate;
pub mod compare;
pub mod junit;
pub mod report;
pub mod why;
