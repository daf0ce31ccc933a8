//! The program in a real terminal: a pseudo-terminal, and an emulator that understands what is written there.
//!
//! Nothing waits for a time to pass: each step waits until something is on the screen, or a minute. What is on the screen is
//! looked at between frames: in the midst of one it is half of this and half of that.
//!
//! After Esc a test waits until it is seen to have been taken up: a terminal cannot tell Esc and a key right behind it from
//! that key with Alt.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration as Wall;

use brokersim::kernel::Time;
use brokersim::observe::Snapshot;
use brokersim::tui::{About, Palette, Pilot, Progress, ScreenOptions, Theme};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const PROGRAM: &str = env!("CARGO_BIN_EXE_brokersim");
const SCENARIO: &str = "tui-screenshots/orders-loss.toml";
/// What takes longer will not come.
const PATIENCE: Wall = Wall::from_secs(60);

/// A program in a terminal.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    typed: Box<dyn Write + Send>,
    written: Receiver<Vec<u8>>,
    emulator: vt100::Parser,
    /// All that was written.
    bytes: Vec<u8>,
}

fn size((columns, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    /// Starts a program in a terminal of so many columns and rows.
    fn start(program: &str, arguments: &[&str], environment: &[(&str, &str)], at: (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size(at)).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env_remove("NO_COLOR");
        command.env("BROKERSIM_KEYS", "");
        command.env("TERM", "xterm-256color");
        // What a panic says has to fit on the screen.
        command.env("RUST_BACKTRACE", "0");
        environment.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().expect("what it writes");
        let typed = pair.master.take_writer().expect("what is typed");
        let (send, written) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // At the end of the program a pseudo-terminal may give an error as well as nothing.
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let emulator = vt100::Parser::new(at.1, at.0, 0);
        Self { child, master: pair.master, typed, written, emulator, bytes: Vec::new() }
    }

    /// A scenario on a screen, at real time.
    fn run(environment: &[(&str, &str)], at: (u16, u16), more: &[&str]) -> Self {
        let arguments = [&["run", SCENARIO, "--no-tape", "--quiet", "--speed", "1"], more].concat();
        let mut terminal = Self::start(PROGRAM, &arguments, environment, at);
        terminal.until("the first page", |screen| screen.contents().contains("Overview"));
        terminal
    }

    fn press(&mut self, keys: &str) {
        self.typed.write_all(keys.as_bytes()).and_then(|()| self.typed.flush()).expect("it can be typed");
    }

    fn resize(&mut self, at: (u16, u16)) {
        self.master.resize(size(at)).expect("a terminal can be resized");
        self.emulator.screen_mut().set_size(at.1, at.0);
    }

    /// Waits until something is on the screen.
    fn until(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let deadline = std::time::SystemTime::now() + PATIENCE;
        while self.is_amid_a_frame() || !holds(self.emulator.screen()) {
            let left = deadline.duration_since(std::time::SystemTime::now()).unwrap_or_default();
            match self.written.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{what} never came:\n{}", self.emulator.screen().contents())
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.emulator.process(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether a frame has begun and not ended, as far as it was written.
    fn is_amid_a_frame(&self) -> bool {
        let last = |mark: &[u8]| self.bytes.windows(mark.len()).rposition(|bytes| bytes == mark);
        last(b"\x1b[?2026h") > last(b"\x1b[?2026l")
    }

    /// Waits for the program to end; its exit code. One that does not end is killed.
    fn end(&mut self) -> u32 {
        loop {
            match self.written.recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => {
                    return self.child.wait().expect("it has ended").exit_code();
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.child.kill().ok();
                    panic!("the program does not end:\n{}", self.emulator.screen().contents());
                }
            }
        }
    }

    /// Whether the terminal is as it was before the program began.
    fn is_given_back(&self) -> bool {
        let screen = self.emulator.screen();
        let mouse = screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None;
        !screen.alternate_screen() && !screen.hide_cursor() && mouse
    }

    fn rows(&self) -> Vec<String> {
        rows_of(self.emulator.screen())
    }
}

fn rows_of(screen: &vt100::Screen) -> Vec<String> {
    let (_, columns) = screen.size();
    screen.rows(0, columns).map(|row| row.trim_end().to_owned()).collect()
}

/// What a page of the scenario looks like at an instant, in so many columns and rows.
fn shot(page: &str, at: &str, (columns, rows): (u16, u16)) -> Vec<String> {
    let size = format!("{columns}x{rows}");
    let output = Command::new(PROGRAM)
        .args(["shot", SCENARIO, "--screen", page, "--at", at, "--size", &size])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("it is text");
    text.lines().map(str::to_owned).collect()
}

fn at_three_seconds() -> &'static [String] {
    static SHOT: OnceLock<Vec<String>> = OnceLock::new();
    SHOT.get_or_init(|| shot("topics", "3s", (120, 36)))
}

/// Lets a run stand at three seconds, on the page of topics, without a word to the person.
fn stand(terminal: &mut Terminal) {
    terminal.press(":goto 3s\r");
    terminal.until("the instant", |screen| screen.contents().contains("PAUSED  00:03.000"));
    terminal.press("2\x1b");
}

#[test]
fn a_terminal_shows_what_a_picture_shows_and_is_given_back() {
    let mut terminal = Terminal::run(&[], (120, 36), &[]);
    assert!(terminal.emulator.screen().alternate_screen() && terminal.emulator.screen().hide_cursor());
    stand(&mut terminal);
    terminal.until("the picture", |screen| rows_of(screen) == at_three_seconds());
    terminal.press("q");
    let code = terminal.end();
    assert!(terminal.is_given_back(), "{:?}", terminal.rows());
    assert_eq!(code, 130, "the run was left early");
}

#[test]
fn a_terminal_of_another_size_is_drawn_anew_whatever_sizes_it_had_before() {
    let mut terminal = Terminal::run(&[], (120, 36), &[]);
    stand(&mut terminal);
    for step in 0..60_u16 {
        terminal.resize((20 + step * 37 % 140, 5 + step * 13 % 40));
        terminal.press(["j", "\t", "z", "3", "2", "\x1b[B"][usize::from(step) % 6]);
    }
    terminal.resize((30, 8));
    terminal.until("that it is too small", |screen| screen.contents().contains("needs 40x10"));
    terminal.resize((120, 36));
    terminal.until("a page", |screen| screen.contents().contains("Overview"));
    terminal.press("q");
    terminal.end();
    assert!(terminal.is_given_back());
}

#[test]
fn a_click_on_a_tab_opens_its_page_unless_the_mouse_is_left_to_the_terminal() {
    let mut terminal = Terminal::run(&[], (120, 36), &[]);
    // The first frame may come before the run has told which pages it has.
    terminal.until("all tabs", |screen| screen.contents().contains("3 Groups"));
    let tabs = terminal.rows()[1].clone();
    let column = tabs.chars().take_while(|letter| *letter != '3').count() + 2;
    terminal.press(&format!("\x1b[<0;{column};2M\x1b[<0;{column};2m"));
    terminal.until("the page of groups", |screen| screen.contents().contains("lag over time"));
    terminal.press("q");
    terminal.end();
    assert!(terminal.is_given_back());
    let mut terminal = Terminal::run(&[], (80, 24), &["--no-mouse"]);
    assert!(terminal.emulator.screen().mouse_protocol_mode() == vt100::MouseProtocolMode::None);
    terminal.press("q");
    terminal.end();
}

/// The parameters of every change of colours and looks.
fn colours(bytes: &[u8]) -> Vec<u32> {
    let text = String::from_utf8_lossy(bytes);
    let ends = |rest: &str| rest.find(|letter: char| !letter.is_ascii_digit() && letter != ';');
    let sequences = text.split("\x1b[").skip(1);
    let looks = sequences
        .filter_map(|rest| ends(rest).filter(|end| rest[*end..].starts_with('m')).map(|end| &rest[..end]));
    looks.flat_map(|look| look.split(';')).filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn no_color_sends_no_colour() {
    let is_colour = |number: &u32| matches!(number, 30..=38 | 40..=48 | 90..=107);
    for (environment, coloured) in [(vec![], true), (vec![("NO_COLOR", "1")], false)] {
        let mut terminal = Terminal::run(&environment, (120, 36), &[]);
        terminal.press(":goto 3s\r");
        terminal.until("the instant", |screen| screen.contents().contains("PAUSED  00:03.000"));
        terminal.press("2");
        terminal.until("the page", |screen| screen.contents().contains("replica by replica"));
        terminal.press("?");
        terminal.until("the help", |screen| screen.contents().contains("type to filter"));
        terminal.press("\x1b");
        terminal.until("the page again", |screen| !screen.contents().contains("type to filter"));
        terminal.press("q");
        terminal.end();
        let sent = colours(&terminal.bytes);
        assert_eq!(sent.iter().any(is_colour), coloured, "{sent:?}");
        assert!(sent.contains(&1), "bold is sent in any case");
    }
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let mut terminal = Terminal::run(&[], (80, 24), &[]);
    let id = terminal.child.process_id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill is there").success());
    assert_eq!(terminal.end(), 130);
    assert!(terminal.is_given_back());
}

/// A run that breaks on its way.
struct Broken {
    now: Time,
}

impl Pilot for Broken {
    fn now(&self) -> Time {
        self.now
    }

    fn end(&self) -> Time {
        Time::from_secs(10)
    }

    fn advance(&mut self, until: Time) -> Progress {
        self.now = until;
        assert!(until < Time::from_secs(1), "a bug in the run");
        Progress::Running
    }

    fn step(&mut self) -> Progress {
        Progress::Running
    }

    fn snapshot(&self) -> Snapshot {
        let model = brokersim::tui::Model::new("", 0, Theme::new(Palette::Mono, true), self.end());
        Snapshot { now: self.now, ..model.snapshot().clone() }
    }
}

const CHILD: &str = "BROKERSIM_TEST_CHILD";

#[test]
#[ignore = "what another test starts in a terminal"]
fn a_screen_whose_run_panics() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let options = ScreenOptions {
        title: "broken".to_owned(),
        seed: 1,
        about: Arc::new(About { badge: "SIM", ..About::default() }),
        theme: Theme::new(Palette::Dark, false),
        keys: Arc::default(),
        mouse: true,
        speed: None,
        stop: None,
        said: None,
        tour: false,
        last_words: "what was recorded is kept".to_owned(),
    };
    brokersim::tui::run(&mut Broken { now: Time::ZERO }, options).expect("a terminal");
}

#[test]
fn a_panic_gives_the_terminal_back_and_can_be_read() {
    let me = std::env::current_exe().expect("the path of this program");
    let arguments = ["--ignored", "--exact", "pty::a_screen_whose_run_panics", "--nocapture"];
    let mut terminal = Terminal::start(me.to_str().expect("a path"), &arguments, &[(CHILD, "1")], (100, 30));
    terminal.until("the screen", vt100::Screen::alternate_screen);
    let code = terminal.end();
    let said = terminal.emulator.screen().contents();
    assert!(terminal.is_given_back() && said.contains("a bug in the run"), "{said}");
    assert_eq!(code, 101);
}
