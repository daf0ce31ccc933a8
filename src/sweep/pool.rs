//! Runs of a slice side by side on threads.
//!
//! **Invariant.** Indexes are handed out in order, and what comes back is in order. An ending is at the lowest index
//! that ends it, whatever ran beside it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A run that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    /// Which.
    pub index: u64,
    /// What came of it.
    pub value: T,
    /// Whether no run of a higher index is wanted.
    pub ends: bool,
}

/// How often `progress` is called at least.
const TICK: Duration = Duration::from_millis(200);

/// Makes the runs of `indexes` on `jobs` threads, until `stop` is raised. A run that answers `None` was given up.
/// `progress` is told now and then how many are done. What is returned is in the order of indexes, without what came
/// after the first that ends it; without gaps unless it was stopped.
///
/// # Panics
/// When `jobs` is zero, or a run panics.
pub fn side_by_side<T: Send>(
    indexes: Range<u64>,
    jobs: usize,
    stop: &AtomicBool,
    run: impl Fn(u64) -> Option<Done<T>> + Sync,
    mut progress: impl FnMut(u64),
) -> Vec<Done<T>> {
    assert!(jobs > 0, "somebody has to run them");
    let hand_out = HandOut { next: AtomicU64::new(indexes.start), last: AtomicU64::new(indexes.end) };
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let (to_here, done) = channel();
        for _ in 0..jobs {
            let (to_here, hand_out, run) = (to_here.clone(), &hand_out, &run);
            scope.spawn(move || hand_out.work(stop, run, &to_here));
        }
        drop(to_here);
        loop {
            match done.recv_timeout(TICK) {
                Ok(one) => all.push(one),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            progress(all.len() as u64);
        }
    });
    all.sort_by_key(|done| done.index);
    let end = all.iter().position(|done| done.ends).map_or(all.len(), |at| at + 1);
    all.truncate(end);
    all
}

/// Which index is next, and where it stops.
struct HandOut {
    next: AtomicU64,
    /// No index from here on is wanted.
    last: AtomicU64,
}

impl HandOut {
    fn work<T>(
        &self,
        stop: &AtomicBool,
        run: &impl Fn(u64) -> Option<Done<T>>,
        to_gatherer: &Sender<Done<T>>,
    ) {
        while !stop.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.last.load(Ordering::Relaxed) {
                return;
            }
            let Some(done) = run(index) else { return };
            if done.ends {
                self.last.fetch_min(index + 1, Ordering::Relaxed);
            }
            // Who gathers outlives who runs.
            let _ = to_gatherer.send(done);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(indexes: Range<u64>, jobs: usize, ends: impl Fn(u64) -> bool + Sync) -> Vec<Done<u64>> {
        let go = AtomicBool::new(false);
        let run = |index| Some(Done { index, value: index * index, ends: ends(index) });
        side_by_side(indexes, jobs, &go, run, |_| {})
    }

    #[test]
    fn what_comes_back_is_in_order_whatever_the_number_of_threads() {
        let one = squares(3..200, 1, |_| false);
        assert_eq!(one.iter().map(|done| done.index).collect::<Vec<_>>(), (3..200).collect::<Vec<_>>());
        assert_eq!(squares(3..200, 5, |_| false), one);
        assert!(squares(3..3, 2, |_| false).is_empty());
    }

    #[test]
    fn the_lowest_index_that_ends_it_is_the_last() {
        for jobs in [1, 2, 7] {
            let all = squares(0..500, jobs, |index| index >= 41 && index % 2 == 1);
            assert_eq!(all.len(), 42);
            assert!(all[41].ends);
        }
    }

    #[test]
    fn a_raised_flag_stops_it() {
        let stop = AtomicBool::new(false);
        let run = |index| {
            stop.store(index >= 10, Ordering::Relaxed);
            (index < 10).then_some(Done { index, value: (), ends: false })
        };
        let all = side_by_side(0..1_000_000, 1, &stop, run, |_| {});
        assert_eq!(all.len(), 10);
    }
}
