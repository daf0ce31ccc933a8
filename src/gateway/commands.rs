//! What is done to the processes of real brokers: commands of a shell, which a scenario or a profile names.
//!
//! Commands for one broker are carried out one after the other, those for different brokers side by side, all on
//! threads of their own. What became of each is told (`Done`); one that fails, or takes longer than [`LIMIT`], is a
//! note besides; the run goes on.

#![expect(clippy::disallowed_types, reason = "commands take real time")]

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Notes;

/// How long one command may take.
pub const LIMIT: Duration = Duration::from_secs(90);

/// What can be done to a broker's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// End it at once.
    Kill,
    /// Ask it to end, and wait until it has.
    Stop,
    /// Start it again.
    Start,
    /// Let it stand still.
    Pause,
    /// Let it go on.
    Resume,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Kill, Self::Stop, Self::Start, Self::Pause, Self::Resume];

    /// Its key in `[real.commands]`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Kill => "kill-broker",
            Self::Stop => "stop-broker",
            Self::Start => "start-broker",
            Self::Pause => "pause-broker",
            Self::Resume => "resume-broker",
        }
    }

    /// As scripts and tools call it.
    const fn verb(self, profile: Profile) -> &'static str {
        match (self, profile) {
            (Self::Kill, _) => "kill",
            (Self::Stop, _) => "stop",
            (Self::Start, _) => "start",
            (Self::Pause, _) => "pause",
            (Self::Resume, Profile::Native) => "resume",
            (Self::Resume, Profile::Compose) => "unpause",
        }
    }
}

/// Ready sets of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Brokers that `scripts/brokers` has started.
    Native,
    /// Brokers that `docker compose -f compose/compose.yaml` has started.
    Compose,
}

/// Which brokers a profile is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brokers {
    /// A Kafka cluster.
    Kafka,
    /// An MQTT broker.
    Mqtt,
}

/// A command for each act, as far as there is one. `{broker}` stands for a broker's name in the scenario (`broker-2`),
/// `{number}` for its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    lines: BTreeMap<Act, String>,
}

impl Commands {
    /// Those of a profile. They name files of this project, from its folder.
    pub fn of(profile: Profile, brokers: Brokers) -> Self {
        let line = |act: Act| match (profile, brokers) {
            (Profile::Native, Brokers::Kafka) => {
                format!("scripts/brokers {} kafka {{number}}", act.verb(profile))
            }
            (Profile::Native, Brokers::Mqtt) => format!("scripts/brokers {} mqtt", act.verb(profile)),
            (Profile::Compose, Brokers::Kafka) => {
                format!("docker compose -f compose/compose.yaml {} {{broker}}", act.verb(profile))
            }
            (Profile::Compose, Brokers::Mqtt) => {
                format!("docker compose -f compose/compose.yaml {} mosquitto", act.verb(profile))
            }
        };
        Self { lines: Act::ALL.into_iter().map(|act| (act, line(act))).collect() }
    }

    /// Names the command for an act.
    pub fn set(&mut self, act: Act, line: impl Into<String>) {
        self.lines.insert(act, line.into());
    }

    /// These, and where they say nothing, those.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        for (act, line) in others.lines {
            self.lines.entry(act).or_insert(line);
        }
        self
    }

    /// Whether there is a command for it.
    pub fn can(&self, act: Act) -> bool {
        self.lines.contains_key(&act)
    }

    /// The command for a broker, counted from 1.
    pub fn line(&self, act: Act, broker: u32) -> Option<String> {
        let line = self.lines.get(&act)?;
        Some(line.replace("{broker}", &format!("broker-{broker}")).replace("{number}", &broker.to_string()))
    }
}

/// A command has come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    /// The broker, counted from 1.
    pub broker: u32,
    /// What was to be done.
    pub act: Act,
    /// How long it took.
    pub took: Duration,
    /// Why it was not.
    pub failed: Option<String>,
}

/// Who is told.
pub(super) type Teller = Arc<dyn Fn(Done) + Send + Sync>;

/// Carries commands out.
pub(super) struct Shell {
    commands: Commands,
    limit: Duration,
    notes: Notes,
    teller: Teller,
    lanes: Mutex<BTreeMap<u32, Lane>>,
}

impl std::fmt::Debug for Shell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell").field("commands", &self.commands).finish_non_exhaustive()
    }
}

/// One broker's thread.
#[derive(Debug)]
struct Lane {
    jobs: Sender<(Act, String)>,
    thread: JoinHandle<()>,
}

impl Shell {
    pub fn new(commands: Commands, limit: Duration, notes: Notes, teller: Teller) -> Self {
        Self { commands, limit, notes, teller, lanes: Mutex::default() }
    }

    /// Has it done; does not wait. False when there is no command for it.
    pub fn order(&self, act: Act, broker: u32) -> bool {
        let Some(line) = self.commands.line(act, broker) else { return false };
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(broker).or_insert_with(|| self.lane(broker));
        // A lane takes orders until it is let go.
        let _ = lane.jobs.send((act, line));
        true
    }

    fn lane(&self, broker: u32) -> Lane {
        let (jobs, ordered) = channel();
        let (limit, notes, teller) = (self.limit, self.notes.clone(), Arc::clone(&self.teller));
        Lane { jobs, thread: std::thread::spawn(move || work(broker, &ordered, limit, &notes, &teller)) }
    }

    /// Waits until all that was ordered is done.
    pub fn finish(&self) {
        let lanes = std::mem::take(&mut *self.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        let threads: Vec<_> = lanes.into_values().map(|Lane { thread, .. }| thread).collect();
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn work(broker: u32, ordered: &Receiver<(Act, String)>, limit: Duration, notes: &Notes, teller: &Teller) {
    for (act, line) in ordered {
        let begun = Instant::now();
        let failed = carry_out(&line, limit).err().map(|why| format!("`{line}` {why}"));
        teller(Done { broker, act, took: begun.elapsed(), failed: failed.clone() });
        if let Some(why) = failed {
            notes.add(format!("{} of broker-{broker} failed: {why}", act.key()));
        }
    }
}

/// Runs one command to its end; why it failed.
fn carry_out(line: &str, limit: Duration) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // Ctrl-C is for the run, which then ends in good order, and not for what it has started.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| format!("cannot be run: {error}"))?;
    let said = listen(&mut child);
    match wait(&mut child, limit) {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(format!("ended with {status}{}", last_words(&said))),
        Ok(None) => {
            end(&mut child);
            Err(format!("took longer than {} s and was ended", limit.as_secs_f32()))
        }
        Err(error) => Err(format!("cannot be waited for: {error}")),
    }
}

/// Waits until it has ended; none when it takes too long.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() >= limit {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a command with all that it has started.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    // Where there are no groups, the shell alone is ended.
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = child.kill();
    let _ = child.wait();
}

/// What it says on stderr, for a sentence. A broker that it has started may hold the other end for ever.
fn listen(child: &mut Child) -> Receiver<String> {
    let (tell, said) = channel();
    if let Some(mut stderr) = child.stderr.take() {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let mut buffer = [0; 1024];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                text.extend_from_slice(&buffer[..read]);
                text.drain(..text.len().saturating_sub(4096));
                let _ = tell.send(String::from_utf8_lossy(&text).into_owned());
            }
        });
    }
    said
}

/// The last line that it said.
fn last_words(said: &Receiver<String>) -> String {
    let mut text = String::new();
    while let Ok(more) = said.recv_timeout(Duration::from_millis(200)) {
        text = more;
    }
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    last.map_or_else(String::new, |line| format!(": {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(line: &str, limit: Duration) -> (Shell, Notes) {
        let (mut commands, notes) = (Commands::default(), Notes::default());
        commands.set(Act::Kill, line);
        (Shell::new(commands, limit, notes.clone(), nobody()), notes)
    }

    fn nobody() -> Teller {
        Arc::new(|_| ())
    }

    #[test]
    fn placeholders_are_a_brokers_name_and_number() {
        let native = Commands::of(Profile::Native, Brokers::Kafka);
        assert_eq!(native.line(Act::Kill, 2).as_deref(), Some("scripts/brokers kill kafka 2"));
        let compose = Commands::of(Profile::Compose, Brokers::Kafka);
        let line = "docker compose -f compose/compose.yaml unpause broker-3";
        assert_eq!(compose.line(Act::Resume, 3).as_deref(), Some(line));
    }

    #[test]
    fn what_a_scenario_says_comes_before_a_profile() {
        let mut own = Commands::default();
        own.set(Act::Kill, "mine {broker}");
        assert!(own.can(Act::Kill) && !own.can(Act::Start));
        let both = own.or(Commands::of(Profile::Native, Brokers::Mqtt));
        assert_eq!(both.line(Act::Kill, 1).as_deref(), Some("mine broker-1"));
        assert_eq!(both.line(Act::Start, 1).as_deref(), Some("scripts/brokers start mqtt"));
    }

    #[test]
    fn commands_for_one_broker_are_carried_out_in_order() {
        let folder = std::env::temp_dir().join(format!("brokersim-commands-{}", std::process::id()));
        let (mut commands, notes) = (Commands::default(), Notes::default());
        commands.set(Act::Stop, format!("sleep 0.1; echo stop {{number}} >>{}", folder.display()));
        commands.set(Act::Start, format!("echo start {{broker}} >>{}", folder.display()));
        let (tell, told) = channel();
        let shell = Shell::new(commands, LIMIT, notes.clone(), Arc::new(move |done| drop(tell.send(done))));
        assert!(shell.order(Act::Stop, 7) && shell.order(Act::Start, 7));
        assert!(!shell.order(Act::Pause, 7), "there is no command for it");
        shell.finish();
        let done = std::fs::read_to_string(&folder).expect("they were carried out");
        std::fs::remove_file(&folder).expect("it is there");
        assert_eq!((done.as_str(), notes.all()), ("stop 7\nstart broker-7\n", Vec::new()));
        let told: Vec<_> =
            told.try_iter().map(|Done { broker, act, failed, .. }| (broker, act, failed)).collect();
        assert_eq!(told, [(7, Act::Stop, None), (7, Act::Start, None)]);
    }

    #[test]
    fn a_command_that_fails_is_a_note_with_its_last_words() {
        let (shell, notes) = shell("echo first >&2; echo no such broker >&2; exit 3", LIMIT);
        shell.order(Act::Kill, 2);
        shell.finish();
        let notes = notes.all();
        assert!(notes.len() == 1 && notes[0].starts_with("kill-broker of broker-2 failed"), "{notes:?}");
        assert!(notes[0].ends_with(": no such broker"), "{notes:?}");
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended_with_what_it_has_started() {
        let (shell, notes) = shell("sleep 600 & sleep 600", Duration::from_millis(50));
        let begun = Instant::now();
        shell.order(Act::Kill, 1);
        shell.finish();
        assert!(begun.elapsed() < Duration::from_secs(60));
        assert!(notes.all()[0].contains("took longer than"), "{:?}", notes.all());
    }

    /// As a broker that is started does not end, and holds on to what it was given.
    #[test]
    fn what_a_command_leaves_running_does_not_keep_it_from_ending() {
        let (shell, notes) = shell("sleep 5 & echo started >&2", LIMIT);
        let begun = Instant::now();
        shell.order(Act::Kill, 1);
        shell.finish();
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert_eq!(notes.all(), Vec::<String>::new());
    }
}
