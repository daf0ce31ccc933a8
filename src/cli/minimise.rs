//! `brokersim minimise`: the smallest file that still goes wrong in the same way.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::kernel::Duration;
use crate::lab::minimise as search;

use super::failure::Failure;
use super::load::ScenarioArguments;
use super::run::Format;
use super::why::{LATE, Target, asked, time};
use super::{Exit, output};

/// Arguments of `minimise`.
#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct MinimiseArguments {
    /// The folder of a recorded run, a scenario file, or a bundled scenario's name; and what to change in it.
    #[command(flatten)]
    run: ScenarioArguments,
    /// Keep losses.
    #[arg(long)]
    lost: bool,
    /// Keep records that are processed more than once.
    #[arg(long)]
    duplicated: bool,
    /// Keep records that are processed out of order.
    #[arg(long)]
    reordered: bool,
    /// Keep records that are processed later than this after they were offered; 1s unless given.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "1s", value_parser = time)]
    late: Option<Duration>,
    /// The file to write; without it, the scenario goes to stdout.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
    /// How what was found is told.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER: &str = "\
Without a question, the first broken promise of [expect] stays broken; where none is, the first of lost, duplicated and
out-of-order records that there are is kept. So is the way in which it happens.

Exit codes: 0 a file was written, or gladly nothing goes wrong; 2 a scenario that makes no sense; 3 a folder
without a manifest, or a file that cannot be written.";

/// What was found, for a script.
#[derive(Serialize)]
struct Found<'a> {
    schema: &'static str,
    digest: &'a str,
    trouble: crate::analyze::why::Trouble,
    mechanism: crate::analyze::why::Mechanism,
    records: u64,
    runs: u64,
    lines_before: usize,
    lines: usize,
    scenario: &'a str,
}

/// Writes the smallest scenario.
pub fn minimise(arguments: &MinimiseArguments) -> Result<Exit, Failure> {
    let target = Target::open(&arguments.run)?;
    if let Some(path) = arguments.output.as_ref().filter(|path| path.exists() && !arguments.force) {
        return Err(Failure::Usage(format!("{} is there already; --force replaces it", path.display())));
    }
    let troubles = asked(arguments.lost, arguments.duplicated, arguments.reordered, arguments.late.is_some());
    // What makes no sense is told as it is.
    target.recipe.load()?;
    let Some(minimal) = search(&target.recipe, &troubles, arguments.late.unwrap_or(LATE)) else {
        eprintln!("Nothing of the kind goes wrong: there is nothing to cut down. Gladly.");
        return Ok(Exit::Ok);
    };
    let (trouble, mechanism) = minimal.way;
    let records = minimal.measured.total(&[trouble]);
    if let Some(path) = &arguments.output {
        std::fs::write(path, &minimal.text)
            .map_err(|error| Failure::outside("write", path.display(), error))?;
    }
    if arguments.format == Format::Json {
        output::print_json(&Found {
            schema: "brokersim.minimise/1",
            digest: &minimal.measured.digest,
            trouble,
            mechanism,
            records,
            runs: minimal.runs,
            lines_before: minimal.lines.0,
            lines: minimal.lines.1,
            scenario: &minimal.text,
        })?;
        return Ok(Exit::Ok);
    }
    if arguments.output.is_none() {
        output::print(&minimal.text)?;
    }
    eprintln!(
        "{} lines instead of {}, found in {} runs; run by itself: {} {}, digest {}",
        minimal.lines.1,
        minimal.lines.0,
        minimal.runs,
        crate::analyze::why::records(records),
        trouble.name(),
        minimal.measured.digest
    );
    Ok(Exit::Ok)
}
