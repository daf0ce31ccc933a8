//! An explanation as a screen shows it: what is asked, and the answer in lines. Whoever can explain a run makes it; the
//! lens does not.

use crate::kernel::Time;
use crate::trace::{GroupId, RecordId};

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The worst thing that happened so far.
    Worst {
        /// What may help is to be tried.
        tried: bool,
    },
    /// A record.
    Record(RecordId),
    /// A promise: its place among the verdicts.
    Promise(u32),
    /// The largest rise of a group's lag.
    Lag(GroupId),
}

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// The facts are being looked at.
    Asking,
    /// It is told; what may help is being tried.
    Trying,
    /// There is no more to tell.
    Done,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// To what.
    pub asked: Asked,
    /// The facts up to here were looked at.
    pub upto: Time,
    /// How far it is.
    pub telling: Telling,
    /// How much of what is being done now is done, in percent; none where nothing is, or nobody can tell.
    pub percent: Option<u8>,
    /// The answer.
    pub lines: Vec<ToldLine>,
    /// Its shortest form, for a box: a sentence, the steps that decided it, what keeps the records.
    pub short: Vec<String>,
}

/// A line of it; a screen wraps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldLine {
    /// What it is.
    pub part: Part,
    /// What it looks like.
    pub tone: Tone,
    /// What it says.
    pub text: String,
    /// The fact that it is about, 0 when it is about an instant alone, and when that is.
    pub fact: Option<(u64, Time)>,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A sentence that says it all.
    Headline,
    /// A heading.
    Heading,
    /// Something that is told under a heading.
    Plain,
    /// A step of a story: who took it.
    Step {
        /// Who.
        who: String,
    },
    /// A setting that made the step before it so.
    Because,
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// Somebody made it go wrong.
    Fault,
    /// Somebody leads.
    Leader,
    /// Records came to harm.
    Harm,
    /// To look at.
    Warn,
    /// A group moved.
    Group,
    /// It keeps the records.
    Good,
    /// Less important.
    Muted,
}

impl ToldLine {
    /// A line about no fact in particular.
    pub fn new(part: Part, tone: Tone, text: impl Into<String>) -> Self {
        Self { part, tone, text: text.into(), fact: None }
    }
}
