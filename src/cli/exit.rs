//! Exit codes.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Ok,
    /// A promise was broken: the run is not what the scenario, or a replay, says it should be.
    Broken,
    /// Wrong usage, or a file that makes no sense.
    Usage,
    /// Something outside went wrong: a file or folder that cannot be read or written.
    Outside,
    /// brokersim itself is wrong: the books do not balance.
    Bug,
    /// Ended early, by Ctrl-C or a signal. What was recorded is readable.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Broken => 1,
            Exit::Usage => 2,
            Exit::Outside => 3,
            Exit::Bug => 70,
            Exit::Interrupted => 130,
        })
    }
}
