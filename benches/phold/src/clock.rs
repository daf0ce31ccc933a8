//! How long this thread has been on a CPU: other processes on the machine do not count.

use std::fs;
use std::time::Instant;

/// Nanoseconds of CPU time of this thread where the kernel tells (Linux), else of wall time.
pub fn cpu_nanos() -> u64 {
    // Linux brings the count up to date when the thread offers its CPU to others, else only every few ms.
    std::thread::yield_now();
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let first = told.as_deref().and_then(|text| text.split_whitespace().next()?.parse().ok());
    first.filter(|nanos| *nanos > 0).unwrap_or_else(wall_nanos)
}

fn wall_nanos() -> u64 {
    static BEGIN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    u64::try_from(BEGIN.elapsed().as_nanos()).expect("a bench ends within 500 years")
}
