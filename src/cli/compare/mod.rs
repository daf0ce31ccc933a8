//! `brokersim compare`: two runs side by side, recorded before or made for it.

mod pairs;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::analyze::compare::{
    Compared, Recorded, Style, Tolerance, Tolerances, compare as compare_pairs, page,
};

use crate::scenario::World;

use super::failure::Failure;
use super::made_run::RealArguments;
use super::run::Format;
use super::{Exit, output};

/// Arguments of `compare`.
#[derive(Args, Debug)]
#[command(
    after_help = AFTER,
    group = ArgGroup::new("which").required(true).args(["recorded", "scenario"]),
)]
pub struct CompareArguments {
    /// The folders of two recorded runs: A, and B that it is held against.
    #[arg(num_args = 2, value_names = ["RUN_A", "RUN_B"])]
    recorded: Vec<PathBuf>,
    /// Make both runs now: A simulated; B otherwise.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Where B runs: `kafka://HOST:PORT[,HOST:PORT]`, `mqtt://HOST:PORT`, `embedded`, or `live` (the simulated system
    /// in real time).
    #[arg(long, value_name = "WORLD", requires = "scenario")]
    on: Option<World>,
    /// Set this otherwise in B, which is simulated too unless --on is given.
    #[arg(long, value_name = "PATH=VALUE", requires = "scenario")]
    against: Vec<String>,
    /// So many pairs of runs, each with the next seed; from two on, ratios get a confidence interval.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000), requires = "scenario")]
    runs: u32,
    /// The folder that the runs are recorded into, instead of runs/compare-NAME: A-SEED and B-SEED.
    #[arg(long, value_name = "DIR", requires = "scenario")]
    out: Option<PathBuf>,
    /// Set something else than the file does, in both runs.
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "scenario")]
    set: Vec<String>,
    /// The seed of the first pair, instead of the file's.
    #[arg(long, requires = "scenario")]
    seed: Option<u64>,
    /// Another duration than the file's, e.g. `30s`, in both runs.
    #[arg(long, value_name = "TIME", requires = "scenario")]
    duration: Option<String>,
    /// A calibration file, for the simulated runs.
    #[arg(long, value_name = "FILE", requires = "scenario")]
    calibration: Option<PathBuf>,
    #[command(flatten)]
    real: RealArguments,
    /// Replace recordings there that have not ended.
    #[arg(long, requires = "scenario")]
    force: bool,
    /// How far both may be apart: `10%`, or for one kind of number `latency=25%`; throughput, latency, lag, pauses,
    /// losses, duplicates.
    #[arg(long, value_name = "[KIND=]PART", value_delimiter = ',', default_value = "10%")]
    tolerance: Vec<Tolerance>,
    /// End with exit code 1 when anything is outside of the tolerance, or a promise comes out differently.
    #[arg(long)]
    fail: bool,
    /// How the comparison is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// No curves.
    #[arg(long)]
    no_chart: bool,
    /// No characters but ASCII.
    #[arg(long)]
    ascii: bool,
    /// How many characters a line has; that of the terminal unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    width: Option<u16>,
}

const AFTER: &str = "\
Ratios are A / B: B is the yardstick. A number is marked with ! when the ratio differs from 1 by more than the tolerance;
final lag and curves, when they are further apart than that part of the peak.

Exit codes: 0 however they differ, unless --fail is given: then 1 when anything is marked; 2 wrong usage;
3 a folder without a run that this version can read; 130 ended early by Ctrl-C.";

/// Compares two runs, or pairs of them.
pub fn compare(arguments: &CompareArguments) -> Result<Exit, Failure> {
    let (pairs, names) = match arguments.recorded.as_slice() {
        [a, b] => (vec![(Recorded::read(a, "A")?, Recorded::read(b, "B")?)], names_of(a, b)),
        _ => match pairs::make(arguments)? {
            Some(made) => made,
            None => return Ok(Exit::Interrupted),
        },
    };
    let tolerances = Tolerances::from_all(&arguments.tolerance);
    let compared = compare_pairs(&pairs, (&names.0, &names.1), &tolerances)?;
    print(&compared, arguments)?;
    Ok(if arguments.fail && compared.outside { Exit::Broken } else { Exit::Ok })
}

/// What two folders are called.
fn names_of(a: &std::path::Path, b: &std::path::Path) -> (String, String) {
    (a.display().to_string(), b.display().to_string())
}

fn print(compared: &Compared, arguments: &CompareArguments) -> Result<(), Failure> {
    match arguments.format {
        Format::Json => output::print_json(compared),
        Format::Text => output::print(&page(compared, style(arguments))),
    }
}

fn style(arguments: &CompareArguments) -> Style {
    let on_screen = std::io::stdout().is_terminal();
    let terminal = || crossterm::terminal::size().ok().filter(|_| on_screen).map(|(columns, _)| columns);
    Style {
        width: usize::from(arguments.width.or_else(terminal).unwrap_or(100)),
        ascii: arguments.ascii,
        colour: on_screen && std::env::var_os("NO_COLOR").is_none(),
        chart: !arguments.no_chart,
    }
}
