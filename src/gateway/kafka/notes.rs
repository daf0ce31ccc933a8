//! What there is to say about a run on real brokers besides its facts: once each.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// How many different notes are kept.
const MOST: usize = 40;

/// Notes of all clients of a run.
#[derive(Debug, Default)]
pub struct Notes {
    /// By what makes them the same; none once it was told.
    said: Mutex<BTreeMap<String, Option<String>>>,
}

impl Notes {
    /// Something worth saying.
    pub fn say(&self, note: impl Into<String>) {
        let note = note.into();
        self.note(note.clone(), note);
    }

    /// librdkafka complains: of each kind of client and error, the first counts.
    pub fn complain(&self, who: &str, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if is_about_connections(code) {
            let same = "connections".to_owned();
            return self
                .note(same, format!("a connection was lost or refused, and tried again ({who}: {reason})"));
        }
        let what = code.map_or_else(|| error.to_string(), |code| code.to_string());
        self.note(format!("{who}: {what}"), format!("{who}: {what}: {reason}"));
    }

    /// A record was not accepted for this reason.
    pub fn count_code(&self, code: RDKafkaErrorCode) {
        self.say(format!("producer: records not accepted: {code}"));
    }

    /// Those that were not taken yet.
    pub fn take(&self) -> Vec<String> {
        self.said().values_mut().filter_map(Option::take).collect()
    }

    fn note(&self, same: String, note: String) {
        let mut said = self.said();
        if said.len() < MOST {
            said.entry(same).or_insert(Some(note));
        }
    }

    fn said(&self) -> MutexGuard<'_, BTreeMap<String, Option<String>>> {
        self.said.lock().expect("nobody panics with the notes in hand")
    }
}

/// librdkafka tells of each connection of each client to each broker; it goes on trying by itself.
fn is_about_connections(code: Option<RDKafkaErrorCode>) -> bool {
    matches!(
        code,
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_complaint_is_told_once() {
        let notes = Notes::default();
        let error = KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        notes.complain("producer", &error, "127.0.0.1:1: refused (after 3ms in state CONNECT)");
        notes.complain("consumer", &error, "127.0.0.1:2: refused (after 9ms in state CONNECT)");
        let told = notes.take();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("127.0.0.1:1"), "{told:?}");
        notes.complain("producer", &error, "127.0.0.1:1: refused (after 5ms in state CONNECT)");
        assert_eq!(notes.take(), Vec::<String>::new());
    }
}
