//! Running a case, and reading the clocks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use brokersim::host::Simulation;
use brokersim::kernel::{Cast, Duration, Event, Observer, Time};
use brokersim::observe::{Watch, WatchSetup};
use brokersim::scenario::wiring::wire;
use brokersim::scenario::{Overrides, Scenario};
use brokersim::tape::{Ending, Header, LagRow, ScenarioText, State, Tape};
use brokersim::trace::{Fact, Stage};

use super::cases::Case;

/// The head of the table.
pub const HEAD: &str = "case                          records  simulated s   wall s    cpu s   \
records/wall s  records/cpu s    facts/s   inputs/s  left open  peak MiB  digest";

/// How often what has left the ledger goes to the tape.
const STEP: Duration = Duration::from_millis(20);

/// The watch, and the tape if there is one.
struct Observers {
    watch: Watch,
    tape: Option<Tape>,
}

impl Observer<Fact> for Observers {
    fn observe(&mut self, events: &[Event<Fact>]) {
        self.watch.observe(events);
        if let Some(tape) = &mut self.tape {
            tape.observe(events);
        }
    }
}

impl Observers {
    fn new(case: &Case, scenario: &Scenario, stage: &Arc<Stage>, cast: &Cast, end: Time) -> Self {
        let setup = WatchSetup {
            stage: Arc::clone(stage),
            cast: Arc::new(cast.clone()),
            warm_up: Time::ZERO + scenario.run.warm_up,
            end,
            sample_every: Duration::from_millis(100),
            for_tape: case.tape,
        };
        let tape = case.tape.then(|| tape(case, stage, cast));
        Self { watch: Watch::new(setup), tape }
    }

    fn record(&mut self) {
        if let Some(tape) = &mut self.tape {
            tape.records(self.watch.take_closed());
            let lag = self.watch.take_samples().into_iter().map(|sample| LagRow {
                at: sample.at,
                group: sample.group,
                place: sample.place,
                log_end: sample.log_end,
                committed: sample.committed,
                lag: sample.lag,
                behind: sample.behind,
            });
            tape.lag(lag.collect());
        }
    }
}

/// Runs a case; its row of the table.
pub fn run(case: &Case) -> String {
    let overrides = Overrides { duration: case.duration.map(str::to_owned), ..Overrides::default() };
    let scenario = Scenario::load(&text(case), case.name, &overrides)
        .unwrap_or_else(|error| panic!("{}", error.render(false, 100)));
    let wired = wire(&scenario);
    let mut simulation = Simulation::new(wired.parts);
    let mut observers = Observers::new(case, &scenario, &wired.stage, simulation.cast(), wired.end);
    let (began, busy) = (Instant::now(), on_processor());
    if case.tape {
        while simulation.now() < wired.end {
            simulation.run_until((simulation.now() + STEP).min(wired.end), &mut observers);
            observers.record();
        }
    } else {
        simulation.run_until(wired.end, &mut observers);
    }
    observers.watch.close(simulation.now());
    observers.record();
    let cpu = (on_processor() - busy) as f64 / 1e9;
    if let Some(tape) = observers.tape {
        finish(tape, &simulation);
    }
    let wall = began.elapsed().as_secs_f64();
    let balance = observers.watch.balance();
    assert!(balance.holds(), "the books balance: {balance:?}");
    let records = balance.offered as f64;
    let open: u64 = balance.in_flight.values().sum();
    format!(
        "{:<28}{records:>9}{:>13.1}{wall:>9.2}{cpu:>9.2}{:>17.0}{:>15.0}{:>11.0}{:>11.0}{open:>11}{:>10}  {:016x}",
        case.name,
        simulation.now().as_secs_f64(),
        records / wall,
        records / cpu,
        simulation.facts() as f64 / cpu,
        simulation.inputs() as f64 / cpu,
        peak_mib(),
        simulation.digest().short(),
    )
}

/// Records for each second of the processor, from a row of the table.
pub fn speed_of(row: &str) -> u64 {
    row.split_whitespace().nth(5).and_then(|word| word.parse().ok()).expect("a row of the table")
}

fn text(case: &Case) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/kafka");
    std::fs::read_to_string(folder.join(case.file).with_extension("toml")).expect("the scenario's file")
}

fn folder(case: &Case) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", case.name))
}

fn tape(case: &Case, stage: &Arc<Stage>, cast: &Cast) -> Tape {
    let header = Header {
        name: case.name.into(),
        scenario: ScenarioText { text: text(case), ..ScenarioText::default() },
        seed: 1,
        stage: Arc::clone(stage),
        cast: cast.clone(),
        sinks: Vec::new(),
        traces: Vec::new(),
        force: true,
        world: "simulation".to_owned(),
        skipped_faults: Vec::new(),
    };
    Tape::create(&folder(case), header).expect("a folder for the tape")
}

fn finish(tape: Tape, simulation: &Simulation<brokersim::wire::Brokersim>) {
    let ending = Ending {
        state: State::Finished,
        failure: None,
        digest: Some(simulation.digest()),
        at: simulation.now(),
        balance: serde_json::Value::Null,
        promises: serde_json::json!([]),
        summary: serde_json::json!({}),
    };
    tape.finish(ending).expect("a complete tape");
}

/// Nanoseconds that this thread has been on a processor (Linux; elsewhere 0).
fn on_processor() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The most memory that was resident, in MiB (Linux; elsewhere 0).
fn peak_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) / 1024
}
