//! How far a sweep has come, on stderr.

#![expect(clippy::disallowed_types, reason = "a person waits in wall time")]

use std::io::{IsTerminal, Write};
use std::time::Instant;

use crate::analyze::report::count;

/// A bar with the time that is left, for a person who waits.
pub(super) struct Progress {
    shows: bool,
    tells: bool,
    all: u64,
    begun: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    const WIDTH: u64 = 30;

    /// For so many runs.
    pub(super) fn new(quiet: bool, all: u64) -> Self {
        let shows = !quiet && std::io::stderr().is_terminal();
        Self { shows, tells: !quiet, all, begun: Instant::now(), drawn: None }
    }

    /// So many are done.
    pub(super) fn show(&mut self, done: u64) {
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed().as_secs_f64() > 0.1);
        if !self.shows || !due || self.begun.elapsed().as_secs_f64() < 0.5 {
            return;
        }
        self.drawn = Some(Instant::now());
        eprint!("\r{} ", line(done, self.all, self.begun.elapsed().as_secs_f64()));
        std::io::stderr().flush().ok();
    }

    /// All that will be done is done.
    pub(super) fn end(&self, done: u64, jobs: usize) {
        if self.drawn.is_some() {
            eprint!("\r{:90}\r", "");
        }
        if self.tells {
            let seconds = self.begun.elapsed().as_secs_f64();
            let speed = done as f64 / seconds.max(1e-9);
            eprintln!("{} runs in {seconds:.1} s, {jobs} side by side ({speed:.1} a second)", count(done));
        }
    }
}

fn line(done: u64, all: u64, seconds: f64) -> String {
    let filled = done * Progress::WIDTH / all.max(1);
    let bar: String = (0..Progress::WIDTH).map(|cell| if cell < filled { '█' } else { '·' }).collect();
    let left = match done {
        0 => "?".to_owned(),
        done => clock(seconds / done as f64 * (all - done) as f64),
    };
    format!("{bar} {} of {} runs, {left} left", count(done), count(all))
}

/// `2:05`, `1:02:05`.
fn clock(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_is_that_of_the_runs_that_are_left() {
        assert!(line(250, 1_000, 10.0).ends_with("250 of 1 000 runs, 0:30 left"));
        assert!(line(0, 10, 1.0).ends_with("? left"));
        assert!(line(1, 1_001, 4.0).ends_with("1:06:40 left"));
    }
}
