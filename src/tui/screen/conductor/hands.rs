//! What a person does to the run by hand, and what the screen is told of it.

use std::sync::Arc;
use std::time::Duration as Wall;

use super::Conductor;
use crate::tui::courses::Done;
use crate::tui::model::Clock;
use crate::tui::update::Seek;

impl<W: Fn() -> Wall> Conductor<'_, W> {
    /// Does what was handed in first.
    pub(super) fn hand(&mut self) {
        let Some(deed) = self.mailbox.take_up() else { return };
        match self.pilot.hand(deed) {
            Ok(done) => self.done(done),
            Err(why) => self.say(why),
        }
    }

    /// Time goes on as it went; where it had come to its end it may go on again.
    fn done(&mut self, done: Done) {
        let Done { said, moved, seek, diff } = done;
        if moved {
            self.stands_at = None;
            let over = self.pilot.now() >= self.pilot.end();
            self.clock = match self.clock {
                _ if over => Clock::Finished,
                Clock::Finished => Clock::Paused,
                Clock::Running | Clock::Paused => self.clock,
            };
            self.start_pace();
        }
        if let Some(time) = seek {
            self.seek(Seek::To(time));
        }
        self.diff = diff.map(Arc::new);
        self.reported = None;
        if !said.is_empty() {
            self.say(said);
        }
    }
}
