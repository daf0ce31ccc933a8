//! All that the screen remembers.

use std::sync::Arc;

use crate::kernel::{Duration, Time};
use crate::observe::Snapshot;
use crate::observe::ledger::{Balance, Tally};

use super::pace::Speed;
use super::theme::Theme;
use super::timeline::Timeline;

/// How the run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Time passes.
    Running,
    /// Time stands still until told otherwise.
    Paused,
    /// The end was reached.
    Finished,
}

/// What the driver says of the run, a few times a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The run.
    pub snapshot: Arc<Snapshot>,
    /// How it stands.
    pub clock: Clock,
    /// How fast time is wanted to pass.
    pub speed: Speed,
    /// How fast it passed lately; none when nothing was measured yet.
    pub reached: Option<Speed>,
}

/// A part of the screen that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// From producers through brokers to groups.
    Flow,
    /// The counters.
    Books,
    /// Lag of one group over time.
    Lag,
    /// Notable lines.
    Feed,
}

impl Pane {
    /// All, in the order of their keys.
    pub const ALL: [Self; 4] = [Self::Flow, Self::Books, Self::Lag, Self::Feed];

    /// What stands in its border.
    pub fn title(self) -> &'static str {
        match self {
            Self::Flow => "Flow",
            Self::Books => "Counters",
            Self::Lag => "Lag",
            Self::Feed => "Events",
        }
    }
}

/// All that the screen remembers.
#[derive(Clone, Debug)]
pub struct Model {
    /// The scenario's name.
    pub title: String,
    /// The run's seed.
    pub seed: u64,
    /// Colours and glyphs.
    pub theme: Theme,
    /// The last report.
    pub report: Report,
    /// The snapshot before the last one that differed: numbers that moved since are bold.
    pub before: Arc<Snapshot>,
    /// Which group the lag chart shows, from 0.
    pub group: usize,
    /// Which pane has the focus.
    pub focus: Pane,
    /// Whether it has the whole screen.
    pub zoomed: bool,
    /// The last line that the feed shows, by its serial; none follows the newest.
    pub held: Option<u64>,
    /// How far the help is scrolled; none when it is closed.
    pub help: Option<usize>,
    /// Marks over the whole run.
    pub timeline: Timeline,
    /// Whether something changed since the last frame.
    pub stale: bool,
}

impl Model {
    /// A screen on which nothing has happened.
    pub fn new(title: impl Into<String>, seed: u64, theme: Theme, end: Time) -> Self {
        let snapshot = Arc::new(nothing_yet(end));
        let report = Report {
            snapshot: Arc::clone(&snapshot),
            clock: Clock::Paused,
            speed: Speed::REAL,
            reached: None,
        };
        Self {
            title: title.into(),
            seed,
            theme,
            report,
            before: snapshot,
            group: 0,
            focus: Pane::Flow,
            zoomed: false,
            held: None,
            help: None,
            timeline: Timeline::default(),
            stale: true,
        }
    }

    /// The run as it is shown.
    pub fn snapshot(&self) -> &Snapshot {
        &self.report.snapshot
    }

    /// How many of the lines the feed shows at most: those up to the one it is held at.
    pub fn lines_shown(&self) -> usize {
        let lines = &self.snapshot().lines;
        match self.held {
            None => lines.len(),
            Some(serial) => lines.partition_point(|line| line.serial <= serial).max(1).min(lines.len()),
        }
    }
}

fn nothing_yet(end: Time) -> Snapshot {
    Snapshot {
        now: Time::ZERO,
        end: end.max(Time::ZERO + Duration::from_nanos(1)),
        facts: 0,
        tally: Tally::default(),
        lost: 0,
        books: Balance::default(),
        channels: Vec::new(),
        groups: Vec::new(),
        nodes: Vec::new(),
        places: Vec::new(),
        promises: Vec::new(),
        lines: Vec::new(),
    }
}
