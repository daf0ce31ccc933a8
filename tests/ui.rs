//! The front door in a real terminal: the picker, runs from it, recorded runs, and what is left behind when the terminal
//! goes away.
//!
//! Nothing waits for a time to pass: each step waits until something is on the screen, or two minutes.

#![cfg(unix)]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use brokersim::tape::{Manifest, State};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const PROGRAM: &str = env!("CARGO_BIN_EXE_brokersim");
/// What takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(120);

const SCENARIO: &str = r#"
# What becomes of forty records?
[run]
seed = 7
duration = "2s"
drain = "4s"

[kafka]
version = "4.1"
brokers = 1

[kafka.topics.orders]
partitions = 1

[[generator]]
name = "shop"
topic = "orders"
payload = { kind = "bytes", size = "100B" }
arrivals = { constant = "20/s" }

[[sink]]
name = "billing"
from = "orders"
commit = "after"
consumer.auto.offset.reset = "earliest"

[expect]
always = ["accepted-is-not-lost"]
"#;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    /// A folder with a scenario file, `mine.toml`.
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("brokersim-ui-{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(&path).expect("a folder for tests");
        fs::write(path.join("mine.toml"), SCENARIO).expect("it is written");
        Self(path)
    }

    fn manifest(&self) -> Manifest {
        Manifest::read(&self.0.join("runs/mine-7")).expect("the run was recorded")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A program in a terminal.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    typed: Option<Box<dyn Write + Send>>,
    written: Receiver<Vec<u8>>,
    emulator: vt100::Parser,
}

impl Terminal {
    fn start(folder: &Path, arguments: &[&str], (columns, rows): (u16, u16)) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(arguments);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().expect("what it writes");
        let typed = pair.master.take_writer().expect("what is typed");
        let (send, written) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let emulator = vt100::Parser::new(rows, columns, 0);
        Self { child, master: Some(pair.master), typed: Some(typed), written, emulator }
    }

    fn press(&mut self, keys: &str) {
        let typed = self.typed.as_mut().expect("the terminal is there");
        typed.write_all(keys.as_bytes()).and_then(|()| typed.flush()).expect("it can be typed");
    }

    /// Waits until a text is on the screen.
    fn until(&mut self, text: &str) {
        let deadline = SystemTime::now() + PATIENCE;
        while !self.emulator.screen().contents().contains(text) {
            let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
            match self.written.recv_timeout(left) {
                Ok(bytes) => self.emulator.process(&bytes),
                Err(_) => panic!("`{text}` never came:\n{}", self.emulator.screen().contents()),
            }
        }
    }

    /// Waits for the program to end; its exit code.
    fn end(&mut self) -> u32 {
        while let Ok(bytes) = self.written.recv_timeout(PATIENCE) {
            self.emulator.process(&bytes);
        }
        self.child.wait().expect("it has ended").exit_code()
    }

    fn signal(&self, name: &str) {
        let id = self.child.process_id().expect("it runs").to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill is there").success());
    }

    fn is_given_back(&self) -> bool {
        let screen = self.emulator.screen();
        !screen.alternate_screen() && !screen.hide_cursor()
    }

    fn said(&self) -> String {
        self.emulator.screen().contents()
    }
}

#[test]
fn without_a_terminal_there_is_help_and_wrong_usage() {
    let output = Command::new(PROGRAM).output().expect("the program runs");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: brokersim"));
    let output = Command::new(PROGRAM).arg("ui").output().expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs a terminal"));
}

#[test]
fn the_picker_runs_a_file_of_the_folder_and_is_there_again_with_the_run() {
    let folder = Folder::new("picker");
    let mut terminal = Terminal::start(&folder.0, &["ui", "--speed", "max"], (120, 36));
    terminal.until("YOUR FIRST MINUTE");
    terminal.press("/forty");
    terminal.until("What becomes of forty records?");
    terminal.press("\r");
    terminal.until("FINISHED");
    terminal.press("q");
    terminal.until("all 1 promises as expected; its run is in runs/mine-7");
    terminal.press("\x1b/recorded");
    terminal.until("runs/mine-7");
    terminal.press("\x1b");
    terminal.until("or type: filter");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    assert!(
        terminal.is_given_back() && terminal.said().contains("recorded in runs/mine-7"),
        "{}",
        terminal.said()
    );
    assert_eq!(folder.manifest().state, State::Finished);
}

#[test]
fn a_recorded_run_is_opened_and_is_the_same_with_time_both_ways() {
    let folder = Folder::new("recorded");
    let recorded = Command::new(PROGRAM)
        .args(["run", "mine.toml", "--headless", "--quiet"])
        .current_dir(&folder.0)
        .output()
        .expect("the program runs");
    assert!(recorded.status.success());
    let mut terminal = Terminal::start(&folder.0, &["ui", "runs/mine-7", "--speed", "max"], (120, 36));
    terminal.until("REPLAY");
    terminal.until("same digest ");
    terminal.until("FINISHED");
    terminal.press(":goto 1s\r");
    terminal.until("PAUSED  00:01.000");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    assert!(terminal.is_given_back());
}

#[test]
fn a_run_by_the_clock_is_paused_and_gone_back_in_and_opened_again_from_its_recording() {
    let folder = Folder::new("live");
    let arguments = ["run", "mine.toml", "--on", "live", "--duration", "6s"];
    let mut terminal = Terminal::start(&folder.0, &arguments, (120, 36));
    terminal.until("LIVE");
    terminal.until("  00:01.");
    terminal.press(" ");
    terminal.until("PAUSED");
    terminal.until("live 00:0");
    terminal.press(":goto 0.5s\r");
    terminal.until("00:00.500");
    terminal.press("\x1b[F");
    terminal.until("FINISHED");
    terminal.press("q");
    assert_eq!(terminal.end(), 0, "{}", terminal.said());
    assert!(terminal.is_given_back());
    let mut terminal = Terminal::start(&folder.0, &["ui", "runs/mine-7-live", "--speed", "max"], (120, 36));
    terminal.until("REPLAY REAL");
    terminal.until("FINISHED");
    terminal.press(":goto 0.5s\r");
    terminal.until("PAUSED  00:00.500");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_run_by_the_clock_is_only_looked_at_until_it_is_armed_by_its_name() {
    let folder = Folder::new("armed");
    let arguments = ["run", "mine.toml", "--on", "live", "--duration", "60s"];
    let mut terminal = Terminal::start(&folder.0, &arguments, (120, 36));
    terminal.until("  00:00.");
    terminal.press(":fault kill broker-1 for 300ms\r");
    terminal.until("nothing was done");
    terminal.press("!");
    terminal.until("`:arm live`");
    terminal.press(":arm live\r");
    terminal.until("LIVE ARMED");
    terminal.press(":fault kill broker-1 for 300ms\r");
    terminal.until("by hand at");
    terminal.press("5");
    terminal.until(" hand ");
    terminal.press(":save! by-hand.toml\r");
    terminal.until("saved; `brokersim run by-hand.toml --on live`");
    terminal.press("!");
    terminal.until("disarmed");
    terminal.press("q");
    assert_eq!(terminal.end(), 130, "{}", terminal.said());
    assert!(terminal.said().contains("kill broker-1 for 300ms"), "{}", terminal.said());
    let saved = fs::read_to_string(folder.0.join("by-hand.toml")).expect("it was saved");
    assert!(saved.contains("by-hand = true") && saved.matches("[[fault]]").count() == 1, "{saved}");
    let mut terminal = Terminal::start(&folder.0, &["ui", "runs/mine-7-live", "--speed", "max"], (120, 36));
    terminal.until("FINISHED");
    terminal.press("5");
    terminal.until(" hand ");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_click_on_what_is_chosen_in_the_picker_runs_it() {
    let folder = Folder::new("click");
    let mut terminal = Terminal::start(&folder.0, &["ui", "--speed", "max"], (120, 36));
    terminal.until("YOUR FIRST MINUTE");
    terminal.press("/forty");
    terminal.until(" 1 of ");
    terminal.until("What becomes of forty records?");
    let found = terminal.emulator.screen().rows(0, 40).enumerate().find_map(|(row, text)| {
        text.find("mine.toml").map(|byte| (text[..byte].chars().count() + 1, row + 1))
    });
    let (column, row) = found.expect("it is listed");
    terminal.press(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
    terminal.until("FINISHED");
    terminal.press("q");
    terminal.until("its run is in runs/mine-7");
    terminal.press("\x1b[<64;5;5M\x1b");
    terminal.until("or type: filter");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    assert!(terminal.is_given_back());
}

#[test]
fn what_is_no_recorded_run_is_said_before_anything_is_shown() {
    let folder = Folder::new("wrong");
    fs::create_dir_all(folder.0.join("runs/empty")).expect("a folder for tests");
    fs::create_dir_all(folder.0.join("runs/old")).expect("a folder for tests");
    fs::write(folder.0.join("runs/old/manifest.json"), "{\"tape_version\": 99}").expect("it is written");
    let wrong = [
        ("runs/none", "there is no folder runs/none"),
        ("runs/empty", "has no manifest.json"),
        ("runs/old", "tape_version is 99"),
    ];
    for (target, message) in wrong {
        let mut terminal = Terminal::start(&folder.0, &["ui", target], (120, 36));
        assert_eq!(terminal.end(), 3, "{target}");
        assert!(terminal.said().contains(message), "{}", terminal.said());
    }
}

#[test]
fn a_signal_ends_the_run_in_good_order_and_says_where_it_is() {
    let folder = Folder::new("signal");
    let mut terminal = Terminal::start(&folder.0, &["run", "mine.toml", "--speed", "0.1"], (120, 36));
    terminal.until("Overview");
    terminal.signal("-TERM");
    assert_eq!(terminal.end(), 130);
    assert!(
        terminal.is_given_back() && terminal.said().contains("recorded in runs/mine-7"),
        "{}",
        terminal.said()
    );
    assert_eq!(folder.manifest().state, State::Interrupted);
}

#[test]
fn a_terminal_that_goes_away_leaves_a_run_that_can_be_read() {
    let folder = Folder::new("lost");
    let mut terminal = Terminal::start(&folder.0, &["run", "mine.toml", "--speed", "0.1"], (120, 36));
    terminal.until("Overview");
    // Both ends of the terminal are closed: the program is told to hang up, and can neither read nor write.
    (terminal.master, terminal.typed) = (None, None);
    let (_, nobody) = channel();
    terminal.written = nobody;
    let status = terminal.child.wait().expect("it has ended");
    assert!(!status.success() && status.exit_code() != 101, "no panic: {status:?}");
    assert_eq!(folder.manifest().state, State::Interrupted);
}

#[test]
fn the_tour_begins_on_the_screen_and_waits_for_its_first_step() {
    let folder = Folder::new("tour");
    let mut terminal = Terminal::start(&folder.0, &["tutor"], (80, 24));
    terminal.until("Stop time");
    terminal.press(" ");
    terminal.until("One thing at a time");
    terminal.press(".");
    terminal.until("Backwards");
    terminal.press(",");
    terminal.until("Look at the logs");
    terminal.press("\x14");
    terminal.until("A broker dies");
    terminal.press(":tutor\r");
    terminal.press("q");
    terminal.end();
    assert!(terminal.is_given_back());
    assert!(!folder.0.join("runs").exists(), "nothing is recorded");
}
