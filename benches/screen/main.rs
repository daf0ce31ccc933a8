//! What the screen costs: a frame, the simulation, a way back.
//!
//! `cargo bench --bench screen [-- frames | cost | seek]` measures all or one of these:
//!
//! - *frames*: the time of a frame, at 10,000 partitions and 1,000 groups, of every page, every pane focused, while
//!   its list is scrolled, sorted and filtered (goal: 16 ms), and the time of the report for it on the run's side.
//! - *cost*: the same run with what a screen adds to it (lens, checkpoints, 30 reports a second) and without, in
//!   turns within one process, and the median of the turns' ratios of processor time (goal: at most 1.1).
//! - *seek*: the time to go from anywhere to anywhere in an hour of simulated time (goal: 300 ms).
//!
//! **Not measured:** writing to a terminal.

// A measurement reads the clock.
#![allow(clippy::disallowed_types)]

mod cost;
mod crowd;
mod frames;
mod seek;

use std::time::Duration;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let all: [(&str, fn()); 3] =
        [("frames", frames::measure), ("cost", cost::measure), ("seek", seek::measure)];
    for (name, measure) in all {
        if words.is_empty() || words.iter().any(|word| word == name) {
            measure();
        }
    }
}

/// In milliseconds.
fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The middle one.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Nanoseconds that this thread has been on a processor (Linux; elsewhere 0).
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0))
}

/// The most memory that was resident, in MiB (Linux; elsewhere 0).
fn peak_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) / 1024
}
