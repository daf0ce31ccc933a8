//! Why, asked on a screen: the run is made again on a thread beside it, from its seed as far as it has come, and the story
//! is told as `brokersim why` tells it. What may help is tried after that, change by change.
//!
//! What is told is exact: it is a function of the scenario and of how far the run has come. It costs two runs up to there, and
//! one for each change that is tried; whoever asks something else, or leaves, stops it.
//!
//! A run by the clock cannot be made again: its facts are kept ([`Memory`]), and what may help is not tried.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::analyze::why::{About, Tried, Why, about, first_incident, panel, short};
use crate::cli::why::LATE;
use crate::kernel::Time;
use crate::lab::{Limit, Question, Recipe, Seen, Unknown, tell};
use crate::observe::lens::{Asked, Part, Telling, Told, ToldLine, Tone};
use crate::observe::promise::{Promise, Verdict};
use crate::trace::{RecordId, Stage};

use super::memory::Memory;

/// Changes that are tried for a story.
const TRIED: usize = 4;

/// Progress is told in steps of so many percent.
const STEP: u8 = 5;

/// Looks for answers.
#[derive(Default)]
pub(in crate::cli) struct Inquiry {
    /// What the run is made from; none when it cannot be made again.
    recipe: Option<Recipe>,
    asked: Option<Asked>,
    job: Option<Job>,
    /// What was told last, until there is something newer.
    told: Option<Arc<Told>>,
    /// The version of the answer that was told last.
    version: u64,
    /// How much of the work was done when that was told last.
    percent: Option<u8>,
    /// Where the run's front was when it was looked at last.
    front: Time,
}

/// An answer that is being looked for.
struct Job {
    upto: Time,
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

/// Where the answer is put.
struct Board {
    stop: Arc<AtomicBool>,
    /// The nanoseconds of runs that were gone through, and those that there are to go through, in what is being done now.
    gone: Arc<AtomicU64>,
    whole: AtomicU64,
    told: Mutex<Arc<Told>>,
    version: AtomicU64,
    done: AtomicBool,
    changed: Condvar,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Arc<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, told: Told) {
        *self.lock() = Arc::new(told);
        self.version.fetch_add(1, Ordering::Release);
        self.changed.notify_all();
    }

    fn told(&self) -> Arc<Told> {
        Arc::clone(&self.lock())
    }

    /// So many runs up to here are begun.
    fn begin(&self, runs: u64, upto: Time) {
        self.gone.store(0, Ordering::Relaxed);
        self.whole.store(runs * upto.as_nanos(), Ordering::Relaxed);
    }

    /// How much of that is done, in steps that are worth a frame each; none when nothing is under way.
    fn percent(&self) -> Option<u8> {
        let (gone, whole) = (self.gone.load(Ordering::Relaxed), self.whole.load(Ordering::Relaxed));
        let under_way = whole > 0 && !self.done.load(Ordering::Acquire);
        under_way.then(|| (u128::from(gone) * 100 / u128::from(whole)).min(99) as u8 / STEP * STEP)
    }

    /// No more will come.
    fn finish(&self) {
        let _told = self.lock();
        self.done.store(true, Ordering::Release);
        self.version.fetch_add(1, Ordering::Release);
        self.changed.notify_all();
    }

    /// Waits for the first answer, or for all of it.
    fn wait(&self, all: bool) {
        let mut told = self.lock();
        while (all || told.telling == Telling::Asking) && !self.done.load(Ordering::Acquire) {
            told = self.changed.wait(told).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Says that no more will come, also when the work panics: nobody must wait for it.
struct Work(Arc<Board>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.board.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What answers are looked for in.
pub(in crate::cli) enum Known {
    /// The run is made again.
    Recipe(Box<Recipe>),
    /// The facts so far, and what came of the promises.
    Facts(Box<Memory>, Vec<Verdict>),
}

/// A question with the names that it takes.
pub(in crate::cli) struct Asking {
    pub(in crate::cli) asked: Asked,
    /// The promise that it is about.
    pub(in crate::cli) promise: Option<Promise>,
    /// As far as the run has come.
    pub(in crate::cli) front: Time,
}

impl Inquiry {
    /// The run is made from this.
    pub(in crate::cli) fn made_from(&mut self, recipe: Recipe) {
        self.job = None;
        self.recipe = Some(recipe);
    }

    /// Nothing is asked any more.
    pub(in crate::cli) fn drop_question(&mut self) {
        (self.asked, self.job, self.told) = (None, None, None);
    }

    /// What is asked now.
    pub(in crate::cli) fn question(&self) -> Option<Asked> {
        self.asked
    }

    /// Asks, unless that is asked already. What was asked before is not looked for any more. `kept` are the facts of a run
    /// that cannot be made again.
    pub(in crate::cli) fn ask(
        &mut self,
        asking: &Asking,
        stage: &Stage,
        kept: impl FnOnce() -> Option<Known>,
    ) {
        let same = self.asked == Some(asking.asked);
        let worst = (Some(Asked::Worst { tried: true }), Asked::Worst { tried: false });
        // Who has read the whole story knows what the overview says of it in short.
        let answers = same || (self.asked, asking.asked) == worst;
        if answers && self.job.as_ref().is_some_and(|job| job.upto == asking.front) {
            return;
        }
        if self.told.as_ref().is_some_and(|told| !is_about_the_same(told.asked, asking.asked)) {
            self.told = None;
        }
        self.asked = Some(asking.asked);
        self.version = 0;
        self.job = None;
        let known = self.recipe.clone().map(|recipe| Known::Recipe(Box::new(recipe))).or_else(kept);
        self.job = Some(Job::begin(known, asking, question(asking, stage)));
    }

    /// Whether an answer is being looked for.
    pub(in crate::cli) fn is_asking(&self) -> bool {
        self.job.as_ref().is_some_and(|job| !job.board.done.load(Ordering::Acquire))
    }

    /// Whether the run has gone on since the answer, and stands still now: then it is asked again.
    pub(super) fn is_stale(&mut self, front: Time) -> bool {
        let stands = std::mem::replace(&mut self.front, front) == front;
        stands && !self.is_asking() && self.job.as_ref().is_some_and(|job| job.upto != front)
    }

    /// Whether there is something that was not told; it is from now on.
    pub(in crate::cli) fn has_news(&mut self) -> bool {
        let Some(job) = &self.job else { return false };
        let (version, percent) = (job.board.version.load(Ordering::Acquire), job.board.percent());
        if (version, percent) == (self.version, self.percent) {
            return false;
        }
        (self.version, self.percent) = (version, percent);
        let told = job.board.told();
        // What was told of an earlier instant is read on until there is more.
        self.told = Some(match &self.told {
            Some(before)
                if told.telling == Telling::Asking && is_about_the_same(before.asked, told.asked) =>
            {
                let (telling, asked) = (Telling::Asking, told.asked);
                Arc::new(Told { telling, asked, percent, ..before.as_ref().clone() })
            }
            Some(_) | None if told.telling == Telling::Done => told,
            Some(_) | None => Arc::new(Told { percent, ..told.as_ref().clone() }),
        });
        true
    }

    /// The answer as far as it is known.
    pub(in crate::cli) fn told(&self) -> Option<Arc<Told>> {
        self.told.clone()
    }

    /// Waits for the first answer, or for all of it.
    pub(in crate::cli) fn wait(&mut self, all: bool) {
        if let Some(job) = &self.job {
            job.board.wait(all);
        }
        self.has_news();
    }
}

/// Whether one answer will do for the other question until that is answered.
fn is_about_the_same(one: Asked, other: Asked) -> bool {
    one == other || matches!((one, other), (Asked::Worst { .. }, Asked::Worst { .. }))
}

/// What is asked of the laboratory.
fn question(asking: &Asking, stage: &Stage) -> Question {
    let open =
        Question { records: Vec::new(), troubles: Vec::new(), lag: None, late: LATE, try_remedies: false };
    let group = |index: usize| stage.groups.get(index).map(|group| group.name.clone());
    match (asking.asked, asking.promise.and_then(about)) {
        (Asked::Lag(of), _) => Question { lag: Some(group(of.index()).into_iter().collect()), ..open },
        (Asked::Promise(_), Some(About::Records(trouble))) => Question { troubles: vec![trouble], ..open },
        (Asked::Promise(_), Some(About::Lag)) => Question { lag: Some(Vec::new()), ..open },
        (Asked::Promise(_) | Asked::Worst { .. } | Asked::Record(_), _) => open,
    }
}

impl Job {
    fn begin(known: Option<Known>, asking: &Asking, question: Question) -> Self {
        let Asking { asked, front: upto, .. } = *asking;
        let begun = Told {
            asked,
            upto,
            telling: Telling::Asking,
            percent: None,
            lines: Vec::new(),
            short: Vec::new(),
        };
        let (stop, gone) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let board = Arc::new(Board {
            stop: Arc::clone(&stop),
            gone: Arc::clone(&gone),
            whole: AtomicU64::new(0),
            told: Mutex::new(Arc::new(begun.clone())),
            version: AtomicU64::new(1),
            done: AtomicBool::new(false),
            changed: Condvar::new(),
        });
        // Nothing to look for is known at once, and always at the same turn.
        let Some(known) = known else {
            board.put(no_answer(begun, NOTHING));
            board.finish();
            return Self { upto, board, thread: None };
        };
        let worker = Work(Arc::clone(&board));
        let work = move || {
            let worker = worker;
            match known {
                Known::Recipe(mut recipe) => {
                    recipe.limit = Limit { until: Some(upto), stop: Some(stop), gone: Some(gone) };
                    look_for(&recipe, &question, begun, &worker.0);
                }
                Known::Facts(memory, promises) => {
                    let told = memory.tell(&question, &records(asked), &promises);
                    worker.0.put(match told {
                        Ok(why) => answered(&begun, &why, &[], Telling::Done),
                        Err(error) => no_answer(begun, &error.to_string()),
                    });
                }
            }
        };
        let thread = thread::Builder::new().name("why".to_owned()).spawn(work);
        if thread.is_err() {
            board.put(no_answer(
                board.told().as_ref().clone(),
                "there is no room for a thread that looks for it",
            ));
        }
        Self { upto, board, thread: thread.ok() }
    }
}

const NOTHING: &str =
    "This run cannot be made again here, and that is how causes are found: brokersim why asks the scenario.";

/// The records that a question names.
fn records(asked: Asked) -> Vec<RecordId> {
    match asked {
        Asked::Record(id) => vec![id],
        Asked::Worst { .. } | Asked::Promise(_) | Asked::Lag(_) => Vec::new(),
    }
}

fn no_answer(begun: Told, text: &str) -> Told {
    let lines = vec![ToldLine::new(Part::Headline, Tone::Warn, text)];
    Told { telling: Telling::Done, lines, ..begun }
}

/// Makes the run again, tells, and tries what may help.
fn look_for(recipe: &Recipe, question: &Question, begun: Told, board: &Board) {
    let ids = records(begun.asked);
    // One to see who came to grief, one to see how.
    board.begin(2, begun.upto);
    let answer = recipe
        .look(question.late)
        .map_err(Unknown::from)
        .and_then(|looked| tell(&Seen::of(&looked), question, &ids, |follow| recipe.follow(follow)));
    if recipe.limit.is_stopped() {
        return;
    }
    let why = match answer {
        Ok(why) => why,
        Err(error) => return board.put(no_answer(begun, &error.to_string())),
    };
    let remedies = first_incident(&why).map_or_else(Vec::new, |incident| incident.remedies.clone());
    // The box of the overview says what may help; whether it does is worth a run only to whoever reads the story.
    let mut tried: Vec<Tried> = remedies.into_iter().take(TRIED).map(|remedy| (remedy, None)).collect();
    if tried.is_empty() || begun.asked == (Asked::Worst { tried: false }) {
        tried.clear();
        return board.put(answered(&begun, &why, &tried, Telling::Done));
    }
    board.begin(tried.len() as u64, begun.upto);
    for index in 0..tried.len() {
        board.put(answered(&begun, &why, &tried[..=index], Telling::Trying));
        let measured = recipe.with(&tried[index].0.set).measure(question.late);
        if recipe.limit.is_stopped() {
            return;
        }
        let trouble = first_incident(&why).map(|incident| incident.trouble);
        let keeps = measured.zip(trouble).is_some_and(|(measured, trouble)| measured.total(&[trouble]) == 0);
        tried[index].1 = Some(keeps);
    }
    board.put(answered(&begun, &why, &tried, Telling::Done));
}

fn answered(begun: &Told, why: &Why, tried: &[Tried], telling: Telling) -> Told {
    let mut lines = panel(why, tried);
    if lines.is_empty() {
        lines.push(ToldLine::new(
            Part::Headline,
            Tone::Good,
            "Nothing went wrong so far: nothing to explain. Gladly.",
        ));
    }
    let mut short = short(why);
    if let (Some((remedy, _)), Some(last)) =
        (tried.iter().find(|(_, came)| *came == Some(true)), short.last_mut())
        && last.starts_with("to try: ")
    {
        *last = format!("would have survived: {} ✓", remedy.alone());
    }
    Told { telling, lines, short, ..begun.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_steps_while_something_is_under_way_and_never_after() {
        let upto = Time::from_secs(10);
        let asked = Asked::Worst { tried: true };
        let job = Job::begin(None, &Asking { asked, promise: None, front: upto }, nothing());
        let board = Arc::clone(&job.board);
        assert_eq!(board.percent(), None, "nothing is looked for");
        board.done.store(false, Ordering::Release);
        board.begin(2, upto);
        assert_eq!(board.percent(), Some(0));
        board.gone.store(Time::from_millis(7_999).as_nanos(), Ordering::Relaxed);
        assert_eq!(board.percent(), Some(35));
        board.gone.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(board.percent(), Some(95), "it is done when it is told");
        board.finish();
        assert_eq!(board.percent(), None);
    }

    fn nothing() -> Question {
        Question { records: Vec::new(), troubles: Vec::new(), lag: None, late: LATE, try_remedies: false }
    }
}
