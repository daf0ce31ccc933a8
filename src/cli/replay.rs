//! `brokersim replay`: runs a recorded scenario again and says whether the same happened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;

use crate::kernel::{Duration, Event, Observer, Time};
use crate::scenario::{units, wiring};
use crate::tape::{Comparison, Difference, Manifest, State};
use crate::trace::Fact;

use super::failure::Failure;
use super::load::Loaded;
use super::recorded::load;
use super::run::stop_on_signal;
use super::session::Session;
use super::{Exit, output};

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// The folder of a recorded run.
    pub dir: PathBuf,
    /// Stop there, e.g. `30s`; the digest is that of everything up to and including this instant.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Time>,
    /// A published digest: that of the end, or with --until of that instant.
    #[arg(long, value_name = "HEX", value_parser = digest)]
    from_digest: Option<String>,
}

fn instant(text: &str) -> Result<Time, String> {
    let after: Duration =
        units::duration(text).map_err(|error| format!("{}; {}", error.message, error.help))?;
    Ok(Time::ZERO + after)
}

fn digest(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_lowercase();
    let is_digest = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest
        .then_some(text)
        .ok_or_else(|| "a digest is 32 hexadecimal digits, as `run` prints it".to_owned())
}

/// Replays a run.
pub fn replay(arguments: &ReplayArguments) -> Result<Exit, Failure> {
    let dir = &arguments.dir;
    let manifest = Manifest::read(dir)?;
    if manifest.brokersim_version != env!("CARGO_PKG_VERSION") {
        let (theirs, ours) = (&manifest.brokersim_version, env!("CARGO_PKG_VERSION"));
        eprintln!("warning: recorded by brokersim {theirs}, replayed by {ours}: digests may differ");
    }
    if !manifest.can_be_repeated() {
        return Err(Failure::Usage(format!(
            "{} was a run in real time on {}: no two of them are alike, so it cannot be replayed. What it recorded is there to be looked at: manifest.json, facts/, records/ and lag/ in its folder. `brokersim run {}` simulates the same scenario",
            dir.display(),
            manifest.world,
            manifest.scenario.file
        )));
    }
    let loaded = load(dir, &manifest)?;
    let mut session = Session::new(&loaded, None)?;
    let until = arguments.until.unwrap_or_else(|| end(&manifest, session.end()));
    if until > session.end() {
        return Err(Failure::Usage(format!("the run ends at {}, before --until {until}", session.end())));
    }
    let mut beside = Beside::open(dir, &manifest, &loaded)?;
    let stop = stop_on_signal();
    let checkpoint = pass_checkpoint(&mut session, &manifest, until, &stop, &mut beside);
    session.run_until(until, &stop, |_| {}, &mut beside);
    if stop.load(Ordering::Relaxed) {
        eprintln!("interrupted at {}: nothing is said about the rest", session.now());
        return Ok(Exit::Interrupted);
    }
    let whole = arguments.until.is_none();
    let replayed = Replayed {
        whole,
        until,
        digest: digest_of(&session),
        facts: session.facts(),
        difference: beside.finish((until < session.end()).then_some(until))?,
        checkpoint,
    };
    replayed.verdict(&manifest, arguments.from_digest.as_deref())
}

/// Where a replay ends that nobody ends earlier: with the run, or where that was interrupted.
fn end(manifest: &Manifest, whole: Time) -> Time {
    let ended = manifest.ended_at_ns.filter(|_| manifest.state == State::Interrupted);
    ended.map_or(whole, |at_ns| (Time::ZERO + Duration::from_nanos(at_ns)).min(whole))
}

fn digest_of(session: &Session) -> String {
    session.digest().expect("a simulation has a digest").to_string()
}

/// The recorded facts, when the folder holds them.
struct Beside(Option<Comparison>);

impl Beside {
    fn open(dir: &Path, manifest: &Manifest, loaded: &Loaded) -> Result<Self, Failure> {
        if !dir.join("facts").is_dir() {
            eprintln!("no facts are recorded there: only digests are compared");
            return Ok(Self(None));
        }
        let cast = wiring::wire(&loaded.scenario).parts.cast;
        Ok(Self(Some(Comparison::open(dir, Arc::clone(&manifest.stage), cast)?)))
    }

    fn finish(self, until: Option<Time>) -> Result<Option<Difference>, Failure> {
        let Some(comparison) = self.0 else { return Ok(None) };
        Ok(match until {
            Some(until) => comparison.finish_at(until)?,
            None => comparison.finish()?,
        })
    }
}

impl Observer<Fact> for Beside {
    fn observe(&mut self, events: &[Event<Fact>]) {
        if let Some(comparison) = &mut self.0 {
            comparison.observe(events);
        }
    }
}

/// Runs to the last checkpoint of the recording before `until`. What records carry is in no row, but in the digest:
/// when it differs there, both digests.
fn pass_checkpoint(
    session: &mut Session,
    manifest: &Manifest,
    until: Time,
    stop: &AtomicBool,
    beside: &mut Beside,
) -> Option<(Time, String, String)> {
    let before = |at_ns: u64| Time::ZERO + Duration::from_nanos(at_ns) <= until;
    let checkpoint = manifest.checkpoints.iter().rfind(|checkpoint| before(checkpoint.at_ns))?;
    let at = Time::ZERO + Duration::from_nanos(checkpoint.at_ns);
    session.run_until(at, stop, |_| {}, beside);
    let now = digest_of(session);
    // A checkpoint of a run that was stepped through may lie between two facts of one instant.
    let differs = session.facts() == checkpoint.serial && now != checkpoint.digest;
    differs.then(|| (at, now, checkpoint.digest.clone()))
}

/// What a replay came to.
struct Replayed {
    /// To the end of the run.
    whole: bool,
    until: Time,
    digest: String,
    facts: u64,
    difference: Option<Difference>,
    checkpoint: Option<(Time, String, String)>,
}

impl Replayed {
    fn verdict(&self, manifest: &Manifest, published: Option<&str>) -> Result<Exit, Failure> {
        let differs = self.differs(manifest, published);
        let text = differs
            .as_ref()
            .map_or_else(|| self.same(manifest, published), |how| format!("DIFFERENT: {how}"));
        output::print(&(text + "\n"))?;
        Ok(if differs.is_some() { Exit::Broken } else { Exit::Ok })
    }

    /// The first way in which it is not the same, in words.
    fn differs(&self, manifest: &Manifest, published: Option<&str>) -> Option<String> {
        if let Some(difference) = &self.difference {
            return Some(in_words(difference));
        }
        if let Some((at, now, recorded)) = &self.checkpoint {
            return Some(format!("at {at} the digest is {now}, recorded {recorded}"));
        }
        let digest = &self.digest;
        // A run that was stepped through may have been interrupted between two facts of one instant.
        let comes_to_an_end = match manifest.state {
            State::Finished => true,
            State::Interrupted => self.facts == manifest.counts.facts,
            State::Running | State::Failed => false,
        };
        let recorded = manifest.digest.as_ref().filter(|_| self.whole && comes_to_an_end);
        if let Some(recorded) = recorded.filter(|recorded| *recorded != digest) {
            return Some(format!("digest {digest}, recorded {recorded}"));
        }
        let published = published.filter(|published| published != digest)?;
        Some(format!("digest {digest} at {}, published {published}", self.until))
    }

    fn same(&self, manifest: &Manifest, published: Option<&str>) -> String {
        let (digest, facts) = (&self.digest, self.facts);
        let published = if published.is_some() { ", as published" } else { "" };
        match (self.whole, manifest.state) {
            (false, _) => format!("the same up to {}: digest {digest}, {facts} facts{published}", self.until),
            (true, State::Finished) => format!("the same: digest {digest}, {facts} facts{published}"),
            (true, State::Interrupted) => format!(
                "the same up to {}, where its run was interrupted: digest {digest}, {facts} facts{published}",
                self.until
            ),
            (true, State::Running | State::Failed) => format!(
                "the same, as far as the recording goes: its run did not end; digest at the end {digest}{published}"
            ),
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
