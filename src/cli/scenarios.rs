//! `brokersim list`, `new`, `check`, `schema`, `faults`: everything about scenario files but running them.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::fault::catalogue;
use crate::scenario::templates::Template;
use crate::scenario::{self, templates};

use super::bundled::BUNDLED;
use super::failure::Failure;
use super::load::ScenarioArguments;
use super::{Exit, output};

/// Arguments of `new`.
#[derive(Args, Debug)]
pub struct NewArguments {
    /// Which bundled scenario to begin from; `list` shows them.
    #[arg(default_value = "calm")]
    template: String,
    /// The file to write, instead of TEMPLATE.toml; `-` for stdout.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Shows the bundled scenarios with their questions.
pub fn list() -> Result<Exit, Failure> {
    output::print(&templates::list(BUNDLED))?;
    Ok(Exit::Ok)
}

/// Writes a new scenario file from a bundled one.
pub fn new(arguments: &NewArguments) -> Result<Exit, Failure> {
    let template = templates::find(BUNDLED, &arguments.template).map_err(Failure::Usage)?;
    let text = template.instantiate(None);
    let path = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}.toml", template.name)));
    if path == Path::new("-") {
        output::print(&text)?;
        return Ok(Exit::Ok);
    }
    copy_to(template, &path)?;
    eprintln!("wrote {}; now: brokersim run {}", path.display(), path.display());
    Ok(Exit::Ok)
}

/// Writes a bundled scenario to a file that is not there yet.
pub fn copy_to(template: &Template, path: &Path) -> Result<(), Failure> {
    let text = template.instantiate(None);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            let there = path.display();
            return Failure::Outside(format!("{there} is there already: name another file with --out"));
        }
        Failure::outside("create", path.display(), error)
    })
}

/// Checks a file and says what it is.
pub fn check(arguments: &ScenarioArguments) -> Result<Exit, Failure> {
    let loaded = arguments.load()?;
    let scenario = &loaded.scenario;
    let question = scenario.question.as_deref().unwrap_or("(no question in its first comment)");
    let mut text = format!("{}: makes sense\n  {question}\n", scenario.name);
    for note in &scenario.notes {
        text += &format!("  note: {note}\n");
    }
    let drawn = scenario.drawn_faults();
    if !drawn.is_empty() {
        text += &format!("  drawn from seed {}:\n", scenario.run.seed);
    }
    for fault in &drawn {
        text += &format!("    {fault}\n");
    }
    output::print(&text)?;
    Ok(Exit::Ok)
}

/// Prints the catalogue of faults.
pub fn faults() -> Result<Exit, Failure> {
    output::print(&catalogue::to_table())?;
    Ok(Exit::Ok)
}

/// Prints the JSON Schema of scenario files.
pub fn schema() -> Result<Exit, Failure> {
    output::print_json(&scenario::schema())?;
    Ok(Exit::Ok)
}
