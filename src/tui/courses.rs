//! What a person does to a run by hand, and the courses that it has taken since: branches, each with what was injected, and
//! how two of them differ. Plain data between the screen and the driver.

use crate::kernel::Time;

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A fault, as it is said in a line: `kill broker-1 for 10s`.
    Inject(String),
    /// A branch from here, in which nothing is changed yet.
    Fork,
    /// The last injection is taken back: the course without it goes on.
    TakeBack,
    /// To the branch of this number, at the same instant.
    Switch(usize),
    /// How this branch and the one of this number differ; the one that it came from unless said.
    Differ(Option<usize>),
    /// The scenario with all that was injected, into this file.
    Save {
        /// The file.
        file: String,
        /// Whether one that exists is replaced.
        replace: bool,
    },
    /// What is injected reaches a run that cannot be repeated, from now on; the run's name, as it was typed.
    Arm(String),
    /// It does not any more.
    Disarm,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// A word to the person.
    pub said: String,
    /// Another state is looked at than before.
    pub moved: bool,
    /// Where to go then.
    pub seek: Option<Time>,
    /// How two branches differ.
    pub diff: Option<Diff>,
}

/// The courses of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Courses {
    /// Those that there are, the first one first; empty where a run can have but one.
    pub all: Vec<Course>,
    /// The one that is looked at.
    pub here: usize,
    /// Whether faults reach a run that cannot be repeated; none where they do no harm.
    pub armed: Option<bool>,
    /// By the clock: entries of which an instance was removed by hand, once for each.
    pub removed: Vec<String>,
}

/// A course of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Which one it came from; none for the first.
    pub parent: Option<usize>,
    /// Where it parted from that.
    pub at: Time,
    /// How far it was computed.
    pub front: Time,
    /// What was injected there; none where nothing was yet.
    pub injected: Option<String>,
    /// Whether that was taken back.
    pub taken_back: bool,
    /// The file that it was saved to.
    pub saved: Option<String>,
}

impl Courses {
    /// The one that is looked at, when there are several.
    pub fn current(&self) -> Option<&Course> {
        self.all.get(self.here).filter(|_| self.all.len() > 1)
    }

    /// How many faults were injected in the course that is looked at.
    pub fn injected(&self) -> usize {
        let mut next = Some(self.here);
        let mut found = 0;
        while let Some(course) = next.and_then(|index| self.all.get(index)) {
            found += usize::from(course.injected.is_some());
            next = course.parent;
        }
        found
    }
}

/// How two branches differ at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// What they are called.
    pub sides: [String; 2],
    /// The instant.
    pub at: Time,
    /// The first facts that differ, one of each; none where one side has no more.
    pub first: [Option<String>; 2],
    /// The first notable lines that differ.
    pub notable: [Option<String>; 2],
    /// Numbers and verdicts.
    pub rows: Vec<DiffRow>,
}

/// A row of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffRow {
    /// What.
    pub what: String,
    /// On each side.
    pub values: [String; 2],
    /// The side that is worse, where one is.
    pub worse: Option<usize>,
}
