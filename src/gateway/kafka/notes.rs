//! What there is to say about a run on real brokers besides its facts: once each, for the end of the run.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// How many different complaints are kept.
const MOST: usize = 40;

/// Notes of all clients of a run.
#[derive(Debug, Default)]
pub struct Notes {
    said: Mutex<BTreeMap<String, u64>>,
}

impl Notes {
    /// Something worth saying.
    pub fn say(&self, note: impl Into<String>) {
        let mut said = self.said.lock().expect("nobody panics with the notes in hand");
        let note = note.into();
        if said.len() < MOST || said.contains_key(&note) {
            *said.entry(note).or_default() += 1;
        }
    }

    /// librdkafka complains.
    pub fn complain(&self, who: &str, error: &KafkaError, reason: &str) {
        let reason = without_numbers(reason);
        match error.rdkafka_error_code() {
            Some(code) => self.say(format!("{who}: {code}: {reason}")),
            None => self.say(format!("{who}: {error}: {reason}")),
        }
    }

    /// A record was not accepted for this reason.
    pub fn count_code(&self, code: RDKafkaErrorCode) {
        self.say(format!("producer: records not accepted: {code}"));
    }

    /// All of them, with how often each was said.
    pub fn lines(&self) -> Vec<String> {
        let said = self.said.lock().expect("nobody panics with the notes in hand");
        said.iter()
            .map(|(note, times)| if *times > 1 { format!("{note} ({times} times)") } else { note.clone() })
            .collect()
    }
}

/// "(after 1234ms in state UP)" differs every time, and says the same.
fn without_numbers(text: &str) -> String {
    let end = text.find(" (after ").unwrap_or(text.len());
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_complaint_is_said_once_and_counted() {
        let notes = Notes::default();
        let error = KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        notes.complain("producer", &error, "127.0.0.1:1: refused (after 3ms in state CONNECT)");
        notes.complain("producer", &error, "127.0.0.1:1: refused (after 9ms in state CONNECT)");
        let lines = notes.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with("(2 times)"), "{lines:?}");
    }
}
