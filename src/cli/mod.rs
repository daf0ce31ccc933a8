//! The command line: one file for each subcommand.

mod about;
mod bundled;
mod calc;
mod calibrate;
mod calibration;
mod compare;
mod contents;
mod doctor;
mod driven;
mod engine;
mod exit;
mod explain;
mod failure;
mod keys;
mod load;
mod made_run;
mod minimise;
mod offers;
mod output;
mod recorded;
mod replay;
mod rows;
mod run;
mod scenarios;
mod session;
mod settings;
mod shot;
mod sweep;
mod ui;
mod why;

use clap::{CommandFactory, Parser, Subcommand};

pub use bundled::BUNDLED;
pub use driven::Driven;
pub use exit::Exit;
use failure::Failure;

/// What happens to my messages? A deterministic simulator of Kafka and ZeroMQ.
#[derive(Parser, Debug)]
#[command(name = "brokersim", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    a promise is not as expected (replay: something else happened)
  2    wrong usage, or a file that makes no sense
  3    a file or folder cannot be read or written
  70   brokersim is wrong: the books do not balance
  130  ended early by Ctrl-C; what was recorded is readable";

#[derive(Subcommand, Debug)]
enum Command {
    /// Pick a scenario and watch it; open a recorded run (as `brokersim` alone does on a terminal)
    Ui(ui::UiArguments),
    /// Learn the screen in ten minutes, by breaking a cluster
    Tutor(ui::TutorArguments),
    /// Run a scenario and say what became of every record
    Run(run::RunArguments),
    /// Run a recorded scenario again and say whether the same happened
    Replay(replay::ReplayArguments),
    /// Run many seeds and settings side by side, and say how likely what went wrong is
    Sweep(Box<sweep::SweepArguments>),
    /// Say why records were lost, repeated, overtaken or late, and what would have kept them
    Why(why::WhyArguments),
    /// Put two runs side by side: throughput, latency, lag, pauses, losses, duplicates, promises
    Compare(Box<compare::CompareArguments>),
    /// Measure what the machines of a real system cost, for the simulation to be like it
    Calibrate(calibrate::CalibrateArguments),
    /// Write the smallest scenario file that still goes wrong in the same way
    Minimise(minimise::MinimiseArguments),
    /// Take a picture of a screen of a scenario at an instant: text, SVG, PNG or JSON
    Shot(shot::ShotArguments),
    /// List the keys of the screen, or write them as a file in which they can be bound otherwise
    Keys(keys::KeysArguments),
    /// Say whether real brokers can be reached, what they are, and whether they take a scenario
    Doctor(doctor::DoctorArguments),
    /// Show the bundled scenarios and the question each answers
    List,
    /// Write a new scenario file from a bundled one
    New(scenarios::NewArguments),
    /// Check a scenario file without running it
    Check(load::ScenarioArguments),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
    /// List every setting with its default, its unit, and whether it is modelled
    Settings(settings::SettingsArguments),
    /// List every kind of fault, whom it strikes and what it takes
    Faults,
    /// What does a promise mean, and under which settings does it hold?
    Explain(explain::ExplainArguments),
    /// Where would this key go, who would get what?
    #[command(subcommand)]
    Calc(calc::Calc),
}

/// Runs the program with the arguments of the process.
pub fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            error.print().ok();
            return exit.into();
        }
    };
    let done = match &arguments.command {
        Some(command) => dispatch(command),
        None => ui::front(|| Arguments::command().render_help().to_string()),
    };
    done.unwrap_or_else(|failure| failure.say()).into()
}

fn dispatch(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Ui(arguments) => ui::ui(arguments),
        Command::Tutor(arguments) => ui::tutor(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Replay(arguments) => replay::replay(arguments),
        Command::Sweep(arguments) => sweep::sweep(arguments),
        Command::Why(arguments) => why::why(arguments),
        Command::Compare(arguments) => compare::compare(arguments),
        Command::Calibrate(arguments) => calibrate::calibrate(arguments),
        Command::Minimise(arguments) => minimise::minimise(arguments),
        Command::Shot(arguments) => shot::shot(arguments),
        Command::Keys(arguments) => keys::keys(arguments),
        Command::Doctor(arguments) => doctor::doctor(arguments),
        Command::List => scenarios::list(),
        Command::New(arguments) => scenarios::new(arguments),
        Command::Check(arguments) => scenarios::check(arguments),
        Command::Schema => scenarios::schema(),
        Command::Settings(arguments) => settings::settings(arguments),
        Command::Faults => scenarios::faults(),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Calc(what) => calc::calc(what),
    }
}
