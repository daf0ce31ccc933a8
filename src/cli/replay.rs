//! `brokersim replay`: runs a recorded scenario again and says whether the same happened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;

use crate::scenario::{Overrides, wiring};
use crate::tape::{Comparison, Difference, Manifest, State};

use super::failure::Failure;
use super::load::load_text;
use super::run::stop_on_signal;
use super::session::Session;
use super::{Exit, output};

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// The folder of a recorded run.
    pub dir: PathBuf,
}

/// Replays a run.
pub fn replay(arguments: &ReplayArguments) -> Result<Exit, Failure> {
    let dir = &arguments.dir;
    let manifest = Manifest::read(dir)?;
    if manifest.brokersim_version != env!("CARGO_PKG_VERSION") {
        let (theirs, ours) = (&manifest.brokersim_version, env!("CARGO_PKG_VERSION"));
        eprintln!("warning: recorded by brokersim {theirs}, replayed by {ours}: digests may differ");
    }
    let overrides = Overrides { set: manifest.scenario.overrides.clone(), ..Overrides::default() };
    let loaded = load_text(manifest.scenario.text.clone(), Path::new(&manifest.scenario.file), &overrides)?;
    let cast = wiring::wire(&loaded.scenario).parts.cast;
    let mut comparison = Comparison::open(dir, Arc::clone(&manifest.stage), cast)?;
    let mut session = Session::new(&loaded, None)?;
    let stop = stop_on_signal();
    session.run(&stop, |_| {}, &mut comparison);
    if stop.load(Ordering::Relaxed) {
        eprintln!("interrupted at {}: nothing is said about the rest", session.now());
        return Ok(Exit::Interrupted);
    }
    let compared = comparison.finish()?;
    let summary = session.finish()?;
    verdict(&manifest, &summary.digest, compared)
}

fn verdict(manifest: &Manifest, digest: &str, difference: Option<Difference>) -> Result<Exit, Failure> {
    if let Some(difference) = difference {
        output::print(&format!("DIFFERENT: {}\n", in_words(&difference)))?;
        return Ok(Exit::Broken);
    }
    match (&manifest.digest, manifest.state) {
        (Some(recorded), State::Finished) if recorded == digest => {
            output::print(&format!("the same: digest {digest}, {} facts\n", manifest.counts.facts))?;
            Ok(Exit::Ok)
        }
        (Some(recorded), State::Finished) => {
            output::print(&format!("DIFFERENT: digest {digest}, recorded {recorded}\n"))?;
            Ok(Exit::Broken)
        }
        (_, _) => {
            output::print("the same, as far as the recording goes: its run did not end\n")?;
            Ok(Exit::Ok)
        }
    }
}

fn in_words(difference: &Difference) -> String {
    match difference {
        Difference::Facts { serial, columns, recorded, rerun } => format!(
            "first at fact {serial}, in {}\n  recorded  {recorded}\n  now       {rerun}",
            columns.join(", ")
        ),
        Difference::RerunEnded { serial, recorded } => {
            format!("the recording goes on at fact {serial}\n  recorded  {recorded}")
        }
        Difference::RecordingEnded { serial, rerun } => {
            format!("the recording ends before fact {serial}\n  now       {rerun}")
        }
    }
}
