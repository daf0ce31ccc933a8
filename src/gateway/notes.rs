//! What is worth saying at the end of a run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Sentences, each once. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Arc<Mutex<BTreeSet<String>>>);

impl Notes {
    /// So many are kept: they differ by numbers of brokers, versions and ports.
    const MOST: usize = 100;

    pub fn add(&self, note: String) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < Self::MOST {
            notes.insert(note);
        }
    }

    pub fn extend(&self, notes: impl IntoIterator<Item = String>) {
        notes.into_iter().for_each(|note| self.add(note));
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
