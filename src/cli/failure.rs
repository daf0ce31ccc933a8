//! Why a command could not do its work, and how that is said.

use std::io::{IsTerminal, Write};

use crate::scenario::ScenarioError;
use crate::tape::TapeError;

use super::Exit;

/// What went wrong.
#[derive(Debug)]
pub enum Failure {
    /// The scenario makes no sense.
    Scenario(Box<ScenarioError>),
    /// Wrong usage: what, and what to do.
    Usage(String),
    /// A file or folder.
    Outside(String),
    /// brokersim itself is wrong.
    Bug(String),
}

impl From<ScenarioError> for Failure {
    fn from(error: ScenarioError) -> Self {
        Self::Scenario(Box::new(error))
    }
}

impl From<TapeError> for Failure {
    fn from(error: TapeError) -> Self {
        Self::Outside(error.to_string())
    }
}

impl Failure {
    /// Something outside: what was tried, on what, and what the system said.
    pub fn outside(tried: &str, what: impl std::fmt::Display, error: impl std::fmt::Display) -> Self {
        Self::Outside(format!("cannot {tried} {what}: {error}"))
    }

    /// What it is, in a line.
    pub fn in_a_line(&self) -> String {
        match self {
            Self::Scenario(error) => error.problems().first().map_or_else(
                || error.to_string(),
                |problem| {
                    let help = miette::Diagnostic::help(problem).map(|help| format!(": {help}"));
                    format!("{problem}{}", help.unwrap_or_default()).replace('\n', "; ")
                },
            ),
            Self::Usage(text) | Self::Outside(text) | Self::Bug(text) => text.clone(),
        }
    }

    /// Says it on stderr; the exit code.
    pub fn say(&self) -> Exit {
        match self {
            Self::Scenario(error) => {
                let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                let width = crossterm::terminal::size()
                    .map_or(100, |(columns, _)| usize::from(columns.clamp(60, 120)));
                to_stderr(&error.render(colour, width));
                Exit::Usage
            }
            Self::Usage(text) => {
                to_stderr(&format!("error: {text}\n"));
                Exit::Usage
            }
            Self::Outside(text) => {
                to_stderr(&format!("error: {text}\n"));
                Exit::Outside
            }
            Self::Bug(text) => {
                to_stderr(&format!("error: this is a bug in brokersim: {text}\n"));
                Exit::Bug
            }
        }
    }
}

/// A terminal that is gone must not make a panic of a failure.
pub fn to_stderr(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).ok();
}
