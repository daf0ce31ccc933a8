//! What was asked for, to the letter: `sweep.json` beside the table.

use serde::{Deserialize, Serialize};

use crate::kernel::Digest;
use crate::tape::ScenarioText;

use super::plan::{Plan, Seeds, Vary};
use super::row::{Demand, Row};

/// The version of the layout of `sweep.json` and of the table: grows when a field or column changes its meaning or goes.
pub const SCHEMA: &str = "brokersim.sweep/1";

/// A sweep as it was asked for. Two tasks with equal orders make the same rows for the same indexes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// [`SCHEMA`].
    pub schema: String,
    /// The program's version.
    pub brokersim_version: String,
    /// The scenario's name.
    pub name: String,
    /// The question that it answers.
    pub question: Option<String>,
    /// The scenario, and what overrides it in every run.
    pub scenario: ScenarioText,
    /// The seeds.
    pub seeds: Seeds,
    /// What varies.
    pub vary: Vec<Vary>,
    /// How many runs that makes.
    pub runs: u64,
    /// What each run is asked, as `always.NAME`; `outcome.NAME` when the scenario expects nothing.
    pub checks: Vec<String>,
    /// The sweep ends at the first run in which this is broken; `any` for whichever.
    pub until_broken: Option<String>,
    /// How many parts it is made in; none when it is made in one piece.
    pub shards: Option<u64>,
}

/// Any check.
pub(super) const ANY: &str = "any";

impl Order {
    /// The runs of this order.
    ///
    /// # Errors
    /// When it was tampered with: no plan has these seeds and settings.
    pub fn plan(&self) -> Result<Plan, String> {
        if self.seeds.from >= self.seeds.to {
            return Err("it holds no seed".to_owned());
        }
        if self.vary.iter().any(|vary| vary.values.is_empty()) {
            return Err("a setting has no value".to_owned());
        }
        let plan = Plan::new(self.seeds, self.vary.clone())?;
        if plan.runs() == self.runs { Ok(plan) } else { Err(format!("it does not hold {} runs", self.runs)) }
    }

    /// 32 hexadecimal digits that orders share only when they make the same rows, wherever their files lie.
    pub fn fingerprint(&self) -> String {
        let Self { schema, brokersim_version, name, question: _, scenario, .. } = self;
        let mut digest = Digest::default();
        digest.feed(&(schema, brokersim_version, name, &scenario.text, &scenario.overrides));
        digest.feed(&(&self.seeds, &self.vary, &self.checks, &self.until_broken, &self.shards));
        digest.to_string()
    }

    /// Whether no run after this one is wanted.
    pub fn ends_at(&self, row: &Row) -> bool {
        let Some(what) = &self.until_broken else { return false };
        let mut checks = self.checks.iter().zip(&row.checks);
        checks.any(|(name, check)| {
            let demand = Demand::of(name);
            // What never happened in one run may well happen in the next.
            let asked = name == what || (what == ANY && demand != Demand::Sometimes);
            asked && check.is_some_and(|check| demand.is_broken(check))
        })
    }

    /// The command that makes one of the runs again, alone, with its screen or its summary.
    pub fn command(&self, plan: &Plan, seed: u64, setting: usize) -> String {
        let overrides = self.scenario.overrides.iter().cloned().chain(plan.overrides(setting));
        let set = overrides.map(|setting| format!(" --set {}", quoted(&setting)));
        let file = quoted(&self.scenario.file);
        format!("brokersim run {file} --seed {seed}{}", set.collect::<String>())
    }
}

/// As a shell reads it back.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_./=:,+-@%".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        assert_eq!(quoted("generator.shop.producer.acks=all"), "generator.shop.producer.acks=all");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
