//! A closed line of the ledger as a row for the tape.

use crate::trace::RecordRow;

use super::Closed;

impl From<Closed> for RecordRow {
    fn from(_closed: Closed) -> Self {
        todo!()
    }
}
