//! How long it takes to go anywhere in an hour, in time of the processor: a machine that is busy is not the run's fault.

use std::time::{Duration as Wall, Instant};

use brokersim::cli::Driven;
use brokersim::kernel::{Duration, Time};
use brokersim::tui::{Pilot, Spot};

use super::{median, millis, on_processor, peak_mib};

/// A seek takes at most this long.
const GOAL: Wall = Wall::from_millis(300);
/// Seeks.
const SEEKS: u64 = 200;
/// What is computed at a time: a frame's worth of a run at about the speed at which it fits a screen.
const SLICE: Wall = Wall::from_millis(8);

/// Scenarios of an hour, and how many records a second they have.
const HOURS: [(&str, &str); 2] = [
    ("an hour at 2,000 records/s (benches/kafka/hour.toml)", include_str!("../kafka/hour.toml")),
    ("an hour at 100 records/s (benches/screen/shop.toml)", include_str!("shop.toml")),
];

/// Measures each.
pub fn measure() {
    println!("going anywhere in an hour of simulated time, in milliseconds; goal {:.0}:", millis(GOAL));
    for (name, text) in HOURS {
        let mut driven = Driven::on_screen(text, name).expect("a scenario that makes sense");
        let pilot = driven.pilot();
        let began = on_processor();
        run(pilot);
        let took = on_processor() - began;
        let times = seeks(pilot);
        let over = times.iter().filter(|time| **time > GOAL).count();
        let most = times.iter().copied().max().unwrap_or_default();
        println!(
            "  {name}: simulated in {:.1} s; {SEEKS} seeks: median {:.0}, longest {:.0}, {over} over the goal; peak {} MiB",
            took.as_secs_f64(),
            millis(median(times)),
            millis(most),
            peak_mib()
        );
    }
}

fn run(pilot: &mut dyn Pilot) {
    let mut slice = Duration::from_millis(1);
    while pilot.now() < pilot.end() {
        let began = Instant::now();
        pilot.advance((pilot.now() + slice).min(pilot.end()));
        let took = began.elapsed();
        if took < SLICE / 2 {
            slice = slice * 2;
        } else if took > SLICE * 2 {
            slice = slice / 2;
        }
    }
}

/// To instants all over the run, far from each other, with what a frame needs there.
fn seeks(pilot: &mut dyn Pilot) -> Vec<Wall> {
    let end = pilot.end().as_nanos();
    let times = (1..=SEEKS).map(|step| {
        // Parts of a golden section lie evenly, whenever one stops.
        let part = (u128::from(step) * 618_033_988_750 % 1_000_000_000_000) as u64;
        let to = Time::from_nanos((u128::from(end) * u128::from(part) / 1_000_000_000_000) as u64);
        let began = on_processor();
        assert!(pilot.go(Spot::At(to)), "a simulation goes anywhere");
        drop((pilot.snapshot(), pilot.detail()));
        assert_eq!(pilot.now(), to);
        on_processor() - began
    });
    times.collect()
}
