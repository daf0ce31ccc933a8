//! One slice of a sweep, for one task of many.
//!
//! **Invariant.** A slice is a function of its number, their count, and the number of runs. The slices of a sweep
//! follow each other without gap or overlap.

use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Slice `index` of `of`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which, from 0.
    pub index: u64,
    /// Of how many; above `index`.
    pub of: u64,
}

/// Says how many slices there are, where the engine does not.
pub const SHARDS_VARIABLE: &str = "BROKERSIM_SHARDS";

/// Slices of a sweep at most.
const SHARDS_MOST: u64 = 1_000_000;

/// `I/N`.
impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        let (index, of) =
            parts.ok_or_else(|| format!("`{text}` is not one of many; write 0/4 to 3/4 for four"))?;
        Self::new(index, of)
    }
}

impl Shard {
    /// Slice `index` of `of`.
    ///
    /// # Errors
    /// When there is no such slice.
    pub fn new(index: u64, of: u64) -> Result<Self, String> {
        if of > SHARDS_MOST {
            return Err(format!("there are more than {SHARDS_MOST} parts"));
        }
        if index >= of {
            return Err(format!("there is no part {index} of {of}: parts are counted from 0"));
        }
        Ok(Self { index, of })
    }

    /// The indexes of this slice of a sweep of so many runs.
    pub fn slice(self, runs: u64) -> Range<u64> {
        let bound = |index: u64| (u128::from(runs) * u128::from(index) / u128::from(self.of)) as u64;
        bound(self.index)..bound(self.index + 1)
    }

    /// What this task is to do: as told, or by what the engine that started it says of it in its environment; none
    /// when no engine did. `of` is how many slices there are, when that was told.
    ///
    /// # Errors
    /// When the engine's words make no sense, or nobody says how many slices there are.
    pub fn find(
        told: Option<Self>,
        of: Option<u64>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        if told.is_some() {
            return Ok(told);
        }
        let whole = |name: &str| match environment(name) {
            None => Ok(None),
            Some(text) => match text.trim().parse::<u64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("{name} is `{text}`, which is no whole number")),
            },
        };
        let of = match of {
            Some(of) => Some(of),
            None => whole(SHARDS_VARIABLE)?,
        };
        if let Some(id) = whole("SLURM_ARRAY_TASK_ID")? {
            return match of {
                Some(of) => Self::new(id, of).map(Some),
                None => Self::of_slurm(id, whole).map(Some),
            };
        }
        for name in ["JOB_COMPLETION_INDEX", "HQ_TASK_ID"] {
            if let Some(index) = whole(name)? {
                let of = of.ok_or_else(|| {
                    format!(
                        "{name} says that this is task {index}, but not of how many: add --shards N, or set {SHARDS_VARIABLE}=N"
                    )
                })?;
                return Self::new(index, of).map(Some);
            }
        }
        match of {
            Some(of) => Err(format!(
                "there are {of} parts, and nobody says which one this is: write --shard I/{of}, with I from 0"
            )),
            None => Ok(None),
        }
    }

    /// Slurm counts its tasks, but only those that were asked for: of `--array=3,7` there are two.
    fn of_slurm(id: u64, whole: impl Fn(&str) -> Result<Option<u64>, String>) -> Result<Self, String> {
        let missing = || "add --shards N: Slurm does not say how many tasks there are".to_owned();
        let of = whole("SLURM_ARRAY_TASK_COUNT")?.ok_or_else(missing)?;
        let first = whole("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = whole("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let last = whole("SLURM_ARRAY_TASK_MAX")?.unwrap_or(first + (of.max(1) - 1) * step);
        if id < first || last != first + (of.max(1) - 1) * step {
            return Err("this array has gaps: add --shards N, the number of parts of the whole sweep; \
                        --array then counts from 0"
                .to_owned());
        }
        Self::new((id - first) / step, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(of: Option<u64>, variables: &[(&str, &str)]) -> Result<Option<(u64, u64)>, String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Shard::find(None, of, get).map(|shard| shard.map(|shard| (shard.index, shard.of)))
    }

    #[test]
    fn slices_follow_each_other_without_gap_or_overlap() {
        for (runs, of) in [(10, 3), (0, 2), (5, 9), (1_000_000_007, 1_000)] {
            let mut at = 0;
            for index in 0..of {
                let slice = Shard { index, of }.slice(runs);
                assert_eq!(slice.start, at, "slice {index} of {of}");
                assert!(slice.end - slice.start <= runs / of + 1);
                at = slice.end;
            }
            assert_eq!(at, runs);
        }
    }

    #[test]
    fn a_slice_is_written_as_one_of_many() {
        assert_eq!("3/8".parse(), Ok(Shard { index: 3, of: 8 }));
        for wrong in ["8/8", "3", "-1/2", "a/b", "0/0", "1/9999999"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn slurm_says_which_task_and_of_how_many() {
        let variables = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
            ("SLURM_ARRAY_TASK_MIN", "5"),
            ("SLURM_ARRAY_TASK_MAX", "8"),
        ];
        assert_eq!(find(None, &variables), Ok(Some((2, 4))));
        // Told how many, the number of the task is taken as it is: that is how one task is repeated.
        assert_eq!(find(Some(10), &variables), Ok(Some((7, 10))));
        assert!(find(Some(7), &variables).is_err());
    }

    #[test]
    fn a_slurm_array_with_gaps_is_refused_unless_told_how_many() {
        let variables = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_COUNT", "2"),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
        ];
        assert!(find(None, &variables).is_err());
        assert_eq!(find(Some(100), &variables), Ok(Some((7, 100))));
    }

    #[test]
    fn kubernetes_and_hyperqueue_say_which_task_and_we_say_of_how_many() {
        assert_eq!(find(Some(4), &[("JOB_COMPLETION_INDEX", "3")]), Ok(Some((3, 4))));
        assert_eq!(find(None, &[("HQ_TASK_ID", "0"), (SHARDS_VARIABLE, "2")]), Ok(Some((0, 2))));
        assert!(find(None, &[("JOB_COMPLETION_INDEX", "3")]).is_err());
        assert!(find(Some(4), &[("JOB_COMPLETION_INDEX", "x")]).is_err());
    }

    #[test]
    fn without_an_engine_the_whole_is_run() {
        assert_eq!(find(None, &[]), Ok(None));
        assert!(find(Some(4), &[]).is_err());
        let told = Shard { index: 1, of: 2 };
        let busy = |_: &str| Some("0".to_owned());
        assert_eq!(Shard::find(Some(told), None, busy), Ok(Some(told)));
    }
}
