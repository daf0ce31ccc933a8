//! From TOML to a system: the file as written, the scenario as meant, and what is wrong with it.
//!
//! [`mod@file`] parses a text into a tree that remembers where everything stands and lays the overrides of the
//! command line over it. The judge holds the tree against the tables of the language; `meaning` turns it into
//! a [`Scenario`] of plain typed values; `check` holds those against each other.
//!
//! **Invariant.** A text gives either a scenario that makes sense or all of its problems, each with its place.

mod check;
mod embedded;
pub mod error;
pub mod file;
mod judge;
mod language;
mod meaning;
pub mod origin;
pub mod random;
mod read;
#[allow(clippy::module_inception, reason = "the file as meant is the scenario itself")]
pub mod scenario;
mod schema;
mod sense;
pub mod spoken;
mod suit;
pub mod target;
pub mod templates;
pub mod units;
pub mod wiring;
pub mod world;

pub use error::{Problem, ScenarioError};
pub use file::Overrides;
pub use scenario::Scenario;
pub use schema::schema;
pub use world::World;

use error::Findings;
use file::Tree;

impl Scenario {
    /// Reads the text of a scenario file called `name`, with the overrides laid over it.
    ///
    /// # Errors
    /// All problems of the text and of the overrides.
    pub fn load(text: &str, name: &str, overrides: &Overrides) -> Result<Self, ScenarioError> {
        let mut findings = Findings::new();
        let tree = Tree::parse(text, name, overrides, &mut findings);
        if !findings.is_empty() {
            // Half a file would be full of follow-up mistakes.
            return Err(findings.into_error(&tree.sources));
        }
        judge::judge(&tree.root, &mut findings);
        let mut scenario = meaning::scenario(&tree, name);
        check::check(&scenario, &tree, &mut findings);
        if !findings.is_empty() {
            return Err(findings.into_error(&tree.sources));
        }
        scenario.notes.extend(check::idle(&scenario));
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests;
