//! The terminal is given back, whatever happens. On its own, because a panic hook belongs to the whole process.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

use brokersim::tui::terminal::{Guard, Tty};

/// What was done, in order.
type Log = Arc<Mutex<Vec<&'static str>>>;

struct Recorded(Log);

impl Tty for Recorded {
    fn enter(&self) -> io::Result<()> {
        self.0.lock().expect("nobody panics with the log").push("enter");
        Ok(())
    }

    fn leave(&self) {
        self.0.lock().expect("nobody panics with the log").push("leave");
    }
}

struct NoTerminal;

impl Tty for NoTerminal {
    fn enter(&self) -> io::Result<()> {
        Err(io::Error::other("no terminal"))
    }

    fn leave(&self) {
        panic!("what was not taken is not given back");
    }
}

fn taken(log: &Log) -> Vec<&'static str> {
    std::mem::take(&mut log.lock().expect("nobody panics with the log"))
}

#[test]
fn the_terminal_is_given_back_once_and_before_a_panic_is_told() {
    let log = Log::default();
    let told = Arc::clone(&log);
    panic::set_hook(Box::new(move |_| told.lock().expect("nobody panics with the log").push("message")));

    let guard = Guard::take(Recorded(Arc::clone(&log))).expect("a terminal");
    assert!(guard.held());
    drop(guard);
    assert_eq!(taken(&log), ["enter", "leave"]);

    let broken = panic::catch_unwind(AssertUnwindSafe(|| {
        let _guard = Guard::take(Recorded(Arc::clone(&log))).expect("a terminal");
        panic!("a bug in a view");
    }));
    assert!(broken.is_err());
    assert_eq!(taken(&log), ["enter", "leave", "message"]);

    assert!(Guard::take(NoTerminal).is_err());
    assert!(panic::catch_unwind(|| panic!("later")).is_err());
    assert_eq!(taken(&log), ["message"], "the hook does nothing once the terminal is given back");

    let guard = Guard::take(Recorded(Arc::clone(&log))).expect("a terminal");
    let elsewhere = std::thread::spawn(|| panic!("a bug in the run")).join();
    assert!(elsewhere.is_err() && !guard.held());
    drop(guard);
    assert_eq!(taken(&log), ["enter", "leave", "message"]);
}
