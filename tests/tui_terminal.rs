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

    // A frame that another thread is in the midst of is written to its end before the terminal is given back, and none after.
    let guard = Guard::take(Recorded(Arc::clone(&log))).expect("a terminal");
    let (begin, begun) = std::sync::mpsc::channel();
    let leaves = Arc::clone(&log);
    std::thread::scope(|scope| {
        let guard = &guard;
        scope.spawn(move || {
            let drawn = guard.draw(|| {
                begin.send(()).expect("somebody waits");
                // It is being given back from here on, and that waits.
                while guard.held() {
                    std::thread::yield_now();
                }
                assert!(!leaves.lock().expect("nobody panics with the log").contains(&"leave"));
                leaves.lock().expect("nobody panics with the log").push("frame");
            });
            assert!(drawn.is_some());
        });
        begun.recv().expect("the frame begins");
        assert!(std::thread::spawn(|| panic!("a bug in the run")).join().is_err());
    });
    assert_eq!(taken(&log), ["enter", "frame", "leave", "message"]);
    assert_eq!(guard.draw(|| ()), None, "it is not ours any more");

    // Who panics in the midst of a frame does not wait for itself.
    drop(guard);
    let guard = Guard::take(Recorded(Arc::clone(&log))).expect("a terminal");
    let broken = panic::catch_unwind(AssertUnwindSafe(|| guard.draw(|| panic!("a bug in a view"))));
    assert!(broken.is_err());
    assert_eq!(taken(&log), ["enter", "leave", "message"]);
}
