//! What the screen and the run leave for each other: the last report, and what a person does.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::observe::lens::Look;
use crate::tui::courses::Deed;
use crate::tui::model::Report;

/// Where the run leaves its last report.
#[derive(Default)]
pub struct Mailbox(Mutex<Slot>);

#[derive(Default)]
struct Slot {
    report: Option<Report>,
    look: Option<Look>,
    /// What a person does, the first one first: an order says when its turn comes.
    deeds: VecDeque<Deed>,
    closed: bool,
}

impl Mailbox {
    /// Puts a report in the place of the one before. What that said to the person, and nobody has seen, is said still.
    pub(super) fn put(&self, mut report: Report) {
        let mut slot = self.slot();
        if let Some(unseen) = slot.report.take() {
            report.said = report.said.or(unseen.said);
            report.diff = report.diff.or(unseen.diff);
        }
        slot.report = Some(report);
    }

    /// Takes the report, if there is a new one.
    pub fn take(&self) -> Option<Report> {
        self.slot().report.take()
    }

    /// Puts what the screen looks at in the place of what it looked at before.
    pub fn look(&self, look: Look) {
        self.slot().look = Some(look);
    }

    /// What the screen looks at, if that is new.
    pub(super) fn take_look(&self) -> Option<Look> {
        self.slot().look.take()
    }

    /// Leaves what a person does for the run to take up.
    pub fn hand_in(&self, deed: Deed) {
        self.slot().deeds.push_back(deed);
    }

    /// Takes up what a person does.
    pub(super) fn take_up(&self) -> Option<Deed> {
        self.slot().deeds.pop_front()
    }

    /// Says that no more will come.
    pub(super) fn close(&self) {
        self.slot().closed = true;
    }

    /// Whether no more will come.
    pub fn is_closed(&self) -> bool {
        self.slot().closed
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::tui::{Model, Palette, Theme};

    #[test]
    fn a_word_that_nobody_has_seen_is_said_with_the_next_report_and_once() {
        let silent = Model::new("", 0, Theme::new(Palette::Mono, true), Time::from_secs(1)).report;
        let mailbox = Mailbox::default();
        mailbox.put(Report { said: Some("refused".to_owned()), ..silent.clone() });
        mailbox.put(silent.clone());
        assert_eq!(mailbox.take().and_then(|report| report.said).as_deref(), Some("refused"));
        mailbox.put(silent);
        assert_eq!(mailbox.take().and_then(|report| report.said), None);
    }
}
