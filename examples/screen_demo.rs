//! The screen over a scenario, without anything else: for looking at it.
//!
//! `cargo run --example screen_demo -- SCENARIO [--ascii] [--light] [--speed THOUSANDTHS]`

use std::sync::Arc;

use brokersim::host::{Simulation, Stop};
use brokersim::kernel::{Duration, Time};
use brokersim::observe::{Snapshot, Watch, WatchSetup};
use brokersim::scenario::wiring::wire;
use brokersim::scenario::{Overrides, Scenario};
use brokersim::tui::pace::Speed;
use brokersim::tui::{self, Palette, Pilot, Progress, ScreenOptions, Theme};
use brokersim::wire::Brokersim;

struct Run {
    simulation: Simulation<Brokersim>,
    watch: Watch,
    end: Time,
}

impl Run {
    fn progress(&self, stop: Stop) -> Progress {
        if stop == Stop::Idle || self.simulation.now() >= self.end {
            return Progress::Finished;
        }
        Progress::Running
    }
}

impl Pilot for Run {
    fn now(&self) -> Time {
        self.simulation.now()
    }

    fn end(&self) -> Time {
        self.end
    }

    fn advance(&mut self, until: Time) -> Progress {
        let stop = self.simulation.run_until(until, &mut self.watch);
        self.watch.catch_up(until);
        self.progress(stop)
    }

    fn step(&mut self) -> Progress {
        let taken = self.simulation.step(1, self.end, &mut self.watch);
        self.progress(if taken == 0 { Stop::Idle } else { Stop::Reached })
    }

    fn snapshot(&self) -> Snapshot {
        self.watch.snapshot()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let speed = arguments.iter().position(|argument| argument == "--speed");
    let speed = speed.and_then(|index| arguments.get(index + 1)).and_then(|text| text.parse().ok());
    let path = arguments.first().ok_or("which scenario?")?;
    let scenario = Scenario::load(&std::fs::read_to_string(path)?, path, &Overrides::default())
        .map_err(|error| error.render(false, 100))?;
    let wired = wire(&scenario);
    let simulation = Simulation::new(wired.parts);
    let watch = Watch::new(WatchSetup {
        stage: wired.stage,
        cast: Arc::new(simulation.cast().clone()),
        warm_up: Time::ZERO + scenario.run.warm_up,
        end: wired.end,
        sample_every: Duration::from_millis(100),
        for_tape: false,
    });
    let palette = match (std::env::var_os("NO_COLOR"), has("--light")) {
        (Some(_), _) => Palette::Mono,
        (None, true) => Palette::Light,
        (None, false) => Palette::Dark,
    };
    let mut run = Run { simulation, watch, end: wired.end };
    let left = tui::run(
        &mut run,
        ScreenOptions {
            title: scenario.name.clone(),
            seed: scenario.run.seed,
            about: std::sync::Arc::default(),
            theme: Theme::new(palette, has("--ascii")),
            speed: speed.map(Speed::Times),
            stop: None,
        },
    )?;
    println!("{left:?} at {}, digest {}", run.now(), run.simulation.digest());
    Ok(())
}
