//! The terminal: taken when the screen begins, given back whatever happens.
//!
//! **Invariant.** Once [`Guard::take`] has succeeded, [`Tty::leave`] is called exactly once: when the guard is
//! dropped, by the panic hook before the panic's message is printed, so that the message can be read, or by
//! [`give_back`] from a thread that is about to end the process. Nothing is drawn after that: what is written within
//! [`Guard::draw`] is written to the end first, by whichever thread.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How long crossterm is to look for what was typed: asked for no time at all, it does not look.
pub const A_LOOK: Duration = Duration::from_millis(1);

/// Waits for something to be typed, so long at most; false when the terminal is gone, of which crossterm says nothing.
///
/// # Errors
/// When it cannot be waited for.
pub fn await_input(wait: Duration) -> io::Result<bool> {
    let stdout = io::stdout();
    let mut terminal = [PollFd::new(&stdout, PollFlags::IN)];
    let wait = Timespec::try_from(wait).expect("nobody waits for so long");
    match poll(&mut terminal, Some(&wait)) {
        // A signal, such as that of another size.
        Ok(_) | Err(Errno::INTR) => Ok(!terminal[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)),
        Err(error) => Err(error.into()),
    }
}

/// How to take a terminal, and how to give it back.
pub trait Tty: Send + Sync + 'static {
    /// Takes it.
    ///
    /// # Errors
    /// When there is no terminal, or it refuses.
    fn enter(&self) -> io::Result<()>;
    /// Gives it back, as far as that goes.
    fn leave(&self);
}

/// The terminal on standard output: raw mode, alternate screen, no cursor.
#[derive(Clone, Copy, Debug)]
pub struct Stdout {
    /// Whether the mouse is ours too; selecting text with it takes Shift then.
    pub mouse: bool,
}

impl Tty for Stdout {
    fn enter(&self) -> io::Result<()> {
        enable_raw_mode()?;
        let taken = execute!(io::stdout(), EnterAlternateScreen, Hide);
        let taken =
            taken.and_then(|()| if self.mouse { execute!(io::stdout(), EnableMouseCapture) } else { Ok(()) });
        taken.inspect_err(|_| self.leave())
    }

    fn leave(&self) {
        if self.mouse {
            execute!(io::stdout(), DisableMouseCapture).ok();
        }
        // A frame may have been cut short. What cannot be undone stays: there is nobody left to tell.
        execute!(io::stdout(), EndSynchronizedUpdate, LeaveAlternateScreen, Show).ok();
        disable_raw_mode().ok();
    }
}

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// The terminal, while it is ours.
pub struct Guard {
    ours: Arc<Ours>,
    before: Arc<Hook>,
}

struct Ours {
    tty: Box<dyn Tty>,
    held: AtomicBool,
    /// Who draws just now.
    drawing: Mutex<Option<ThreadId>>,
    drawn: Condvar,
}

/// How long a frame is waited for before the terminal is given back: one that takes longer is stuck, as the terminal is.
const STUCK: Duration = Duration::from_secs(1);

impl Ours {
    fn held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    fn leave(&self) {
        if self.held.swap(false, Ordering::SeqCst) {
            self.await_frame();
            self.tty.leave();
        }
    }

    /// Waits until nobody else draws.
    fn await_frame(&self) {
        let me = thread::current().id();
        // Whoever panics while drawing is not waited for: that is who is here.
        let others = |drawing: &mut Option<ThreadId>| drawing.is_some_and(|who| who != me);
        let waited = self.drawn.wait_timeout_while(self.drawing(), STUCK, others);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn drawing(&self) -> std::sync::MutexGuard<'_, Option<ThreadId>> {
        self.drawing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw<T>(&self, draw: impl FnOnce() -> T) -> Option<T> {
        {
            let mut drawing = self.drawing();
            // Under the lock: whoever gives the terminal back from now on waits.
            if !self.held() {
                return None;
            }
            *drawing = Some(thread::current().id());
        }
        let done = draw();
        *self.drawing() = None;
        self.drawn.notify_all();
        Some(done)
    }
}

impl Guard {
    /// Takes the terminal, and sees to it that a panic anywhere gives it back first.
    ///
    /// # Errors
    /// Those of [`Tty::enter`]; nothing has changed then.
    pub fn take(tty: impl Tty) -> io::Result<Self> {
        Self::take_with(tty, String::new())
    }

    /// The same; after the message of a panic `last_words` are said on standard error: where the run is recorded.
    ///
    /// # Errors
    /// Those of [`Tty::enter`]; nothing has changed then.
    pub fn take_with(tty: impl Tty, last_words: String) -> io::Result<Self> {
        tty.enter()?;
        let ours = Arc::new(Ours {
            tty: Box::new(tty),
            held: AtomicBool::new(true),
            drawing: Mutex::default(),
            drawn: Condvar::new(),
        });
        *held() = Arc::downgrade(&ours);
        let before: Arc<Hook> = Arc::from(panic::take_hook());
        let (in_hook, then) = (Arc::clone(&ours), Arc::clone(&before));
        panic::set_hook(Box::new(move |info| {
            let was_held = in_hook.held();
            in_hook.leave();
            then(info);
            if was_held && !last_words.is_empty() {
                // Where nobody can be told, there is nobody to tell.
                writeln!(io::stderr(), "{last_words}").ok();
            }
        }));
        Ok(Self { ours, before })
    }

    /// Whether the terminal is still ours: not after a panic.
    pub fn held(&self) -> bool {
        self.ours.held()
    }

    /// Writes to the terminal while it is ours; none when it is not any more. Whoever gives it back meanwhile waits until this
    /// is written, or would find the rest of it below the message.
    pub fn draw<T>(&self, draw: impl FnOnce() -> T) -> Option<T> {
        self.ours.draw(draw)
    }

    /// Draws a frame, which a terminal that can shows at once; nothing when it is not ours any more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn frame(&self, terminal: &mut Screenful, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let drawn = self.draw(|| {
            execute!(io::stdout(), BeginSynchronizedUpdate)?;
            terminal.draw(draw)?;
            execute!(io::stdout(), EndSynchronizedUpdate)
        });
        drawn.unwrap_or(Ok(()))
    }
}

/// What frames are drawn with.
pub type Screenful = Terminal<CrosstermBackend<io::Stdout>>;

/// The terminal that is held, if one is: there is one terminal in a process.
fn held() -> std::sync::MutexGuard<'static, Weak<Ours>> {
    static HELD: Mutex<Weak<Ours>> = Mutex::new(Weak::new());
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal back, if it is held: for a thread that ends the process, as a second signal does.
pub fn give_back() {
    let ours = held().upgrade();
    if let Some(ours) = ours {
        ours.leave();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.ours.leave();
        // A thread that panics must not touch the hook; ours does nothing any more.
        if !std::thread::panicking() {
            let before = Arc::clone(&self.before);
            panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}
