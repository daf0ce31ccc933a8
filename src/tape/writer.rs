//! The thread that makes rows of facts and files of rows, while the run goes on.
//!
//! **Invariant.** After a failure nothing more is written, what was closed before stays, and the channel is still
//! emptied: a full disk does not stop a run.

// The tape is no simulated room: how long a part may stay open is a matter of the wall clock.
#![expect(clippy::disallowed_types, reason = "parts are closed by the wall clock")]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::kernel::Event;
use crate::trace::{Fact, Life, RecordRow};

use super::columns::{Columns, Labels};
use super::error::TapeError;
use super::facts::{self, FactColumns};
use super::folder::{self, SINKS};
use super::lag::{self, LagColumns, LagRow};
use super::manifest::{Checkpoint, Ending, Header, Manifest, State};
use super::part::{Format, Parts};
use super::records::{self, RecordColumns};
use super::sink::{SinkColumns, SinkSpec};

/// What the run tells the writer.
pub(super) enum Message {
    /// The next facts.
    Facts(Vec<Event<Fact>>),
    /// Records, made into rows on this side.
    Records(Records),
    /// Points of the lag series.
    Lag(Vec<LagRow>),
    /// The digest somewhere along the way.
    Checkpoint(Checkpoint),
    /// Close all parts and answer.
    Flush(SyncSender<Result<(), TapeError>>),
    /// The run has ended.
    Finish(Box<Ending>),
}

/// The rows of some records: made when they are asked for.
pub(super) type Records = Box<dyn ExactSizeIterator<Item = RecordRow> + Send>;

/// When parts are closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// A part with so many rows.
    pub(super) rows: u64,
    /// All parts, after so long.
    pub(super) age: Duration,
}

impl Pace {
    pub(super) const USUAL: Self = Self { rows: 1 << 20, age: Duration::from_secs(5) };
}

/// Rows that are encoded at once.
const BATCH: usize = 8192;
/// Records that may wait while there are facts to be written; beyond them the run waits, too.
const BACKLOG: usize = 1 << 17;
/// How long the writer waits for the run before it looks at the clock.
const TICK: Duration = Duration::from_millis(250);

/// What the run can see of the writer.
#[derive(Debug, Default)]
pub(super) struct Status {
    failed: AtomicBool,
    why: Mutex<Option<TapeError>>,
}

impl Status {
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    pub(super) fn why(&self) -> Option<TapeError> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first failure is the one that is told.
    pub(super) fn fail(&self, why: TapeError) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.failed.store(true, Ordering::Relaxed);
    }
}

/// Rows on their way into one or two folders.
struct Table<C> {
    columns: C,
    folders: Vec<Parts>,
    written: u64,
}

impl<C: Columns> Table<C> {
    fn new(columns: C, folders: Vec<Parts>) -> Self {
        Self { columns, folders, written: 0 }
    }

    /// To be called after each row or few.
    #[inline]
    fn pushed(&mut self) -> Result<(), TapeError> {
        if self.columns.len() >= BATCH { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), TapeError> {
        if self.columns.len() == 0 {
            return Ok(());
        }
        let batch = self.columns.finish();
        self.written += batch.num_rows() as u64;
        self.folders.iter_mut().try_for_each(|parts| parts.write(&batch))
    }

    fn close(&mut self) -> Result<(), TapeError> {
        self.write()?;
        self.folders.iter_mut().try_for_each(Parts::close)
    }

    fn end(&mut self) -> Result<(), TapeError> {
        self.write()?;
        self.folders.iter_mut().try_for_each(Parts::end)
    }

    /// Closes what can be closed, and gives up the rest.
    fn salvage(&mut self) {
        for parts in &mut self.folders {
            // The failure that is told is the first.
            let _ = parts.close();
        }
    }
}

/// Records that have left, on their way into rows. They leave in crowds, whenever a group commits; if the facts had to
/// wait behind a crowd, the run would stand still, and the writer after that.
#[derive(Default)]
struct Backlog {
    crowds: VecDeque<Records>,
    /// How many wait, neighbours with one life counted once: what they take in memory.
    waiting: usize,
}

impl Backlog {
    fn push(&mut self, crowd: Records) {
        self.waiting += crowd.len();
        self.crowds.push_back(crowd);
    }

    fn next(&mut self) -> Option<RecordRow> {
        loop {
            if let Some(row) = self.crowds.front_mut()?.next() {
                self.waiting -= 1;
                return Some(row);
            }
            self.crowds.pop_front();
        }
    }
}

/// What the run tells next. A timeout, when records can be written meanwhile, or have to be first.
fn next(messages: &Receiver<Message>, backlog: &Backlog) -> Result<Message, RecvTimeoutError> {
    if backlog.waiting == 0 {
        messages.recv_timeout(TICK)
    } else if backlog.waiting > BACKLOG {
        Err(RecvTimeoutError::Timeout)
    } else {
        messages.recv_timeout(Duration::ZERO)
    }
}

/// The writer of a run.
pub(super) struct Writer {
    dir: PathBuf,
    manifest: Manifest,
    facts: Table<FactColumns>,
    records: Table<RecordColumns>,
    backlog: Backlog,
    lag: Table<LagColumns>,
    sinks: Vec<(String, Table<SinkColumns>)>,
    /// Which sink an actor belongs to, by actor.
    sink_of: Vec<Option<usize>>,
    status: Arc<Status>,
    pace: Pace,
    began: Instant,
    closed: Instant,
}

impl Writer {
    /// Makes the folder ready and writes the first manifest.
    pub(super) fn create(dir: &Path, header: Header, pace: Pace) -> Result<Self, TapeError> {
        check_sink_names(&header.sinks)?;
        folder::prepare(dir, header.force)?;
        let manifest = Manifest::new(&header);
        manifest.save(dir)?;
        folder::keep_traces(dir, &header.traces, &manifest.traces)?;
        let labels = Arc::new(Labels::new(header.stage, header.cast));
        let table =
            |name: &str, schema| Ok(vec![Parts::create(dir.join(name), Format::Parquet, schema, pace.rows)?]);
        let record_schema = records::schema(labels.has_many_readers());
        let now = Instant::now();
        Ok(Self {
            facts: Table::new(FactColumns::new(Arc::clone(&labels)), table("facts", facts::schema())?),
            records: Table::new(RecordColumns::new(Arc::clone(&labels)), table("records", record_schema)?),
            backlog: Backlog::default(),
            lag: Table::new(LagColumns::new(Arc::clone(&labels)), table("lag", lag::schema())?),
            sink_of: actors_of(&header.sinks),
            sinks: sink_tables(dir, header.sinks, &labels, pace)?,
            dir: dir.to_owned(),
            manifest,
            status: Arc::default(),
            pace,
            began: now,
            closed: now,
        })
    }

    pub(super) fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Writes until the run ends, or its tape is dropped.
    pub(super) fn run(
        mut self,
        messages: &Receiver<Message>,
        spare: &SyncSender<Vec<Event<Fact>>>,
    ) -> Result<Manifest, TapeError> {
        let ending = loop {
            match next(messages, &self.backlog) {
                Ok(Message::Finish(ending)) => break Some(*ending),
                Ok(Message::Facts(mut events)) => {
                    self.attempt(|writer| writer.take_facts(&events));
                    events.clear();
                    // Kept for the next ones, unless enough are.
                    let _ = spare.try_send(events);
                }
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => self.attempt(|writer| writer.take_records(BATCH)),
                Err(RecvTimeoutError::Disconnected) => break None,
            }
            if self.closed.elapsed() >= self.pace.age {
                self.attempt(Self::close);
            }
        };
        self.finish(ending)
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Facts(events) => self.attempt(|writer| writer.take_facts(&events)),
            Message::Records(records) => self.attempt(|writer| {
                writer.backlog.push(records);
                Ok(())
            }),
            Message::Lag(rows) => self.attempt(|writer| writer.take_lag(&rows)),
            Message::Checkpoint(checkpoint) => self.manifest.checkpoints.push(checkpoint),
            Message::Flush(answer) => {
                self.attempt(|writer| {
                    writer.take_records(usize::MAX)?;
                    writer.close()
                });
                // Who asked may be gone.
                let _ = answer.send(self.status.why().map_or(Ok(()), Err));
            }
            Message::Finish(_) => unreachable!("the loop ends with it"),
        }
    }

    fn take_facts(&mut self, events: &[Event<Fact>]) -> Result<(), TapeError> {
        for event in events {
            if let Fact::Life(life) = &event.fact {
                self.take_life(event, life)?;
            }
            self.facts.columns.push(event);
            self.facts.pushed()?;
        }
        Ok(())
    }

    /// What other tables want to know of the life of records.
    #[inline]
    fn take_life(&mut self, event: &Event<Fact>, life: &Life) -> Result<(), TapeError> {
        if let Life::Offered { channel, first, .. } = life {
            self.records.columns.learn(first.source(), *channel);
        }
        if let Life::Processed { ids, place, offset, .. } = life
            && let Some(sink) = self.sink_of.get(event.actor.0 as usize).copied().flatten()
        {
            let (_, table) = &mut self.sinks[sink];
            table.columns.processed(event.at, ids, *place, *offset);
            table.pushed()?;
        }
        Ok(())
    }

    /// Makes rows of the records that wait, about so many.
    fn take_records(&mut self, rows: usize) -> Result<(), TapeError> {
        let mut made = 0;
        while made < rows
            && let Some(row) = self.backlog.next()
        {
            made += row.count as usize;
            self.records.columns.push(&row);
            self.records.pushed()?;
        }
        Ok(())
    }

    fn take_lag(&mut self, rows: &[LagRow]) -> Result<(), TapeError> {
        rows.iter().for_each(|row| self.lag.columns.push(row));
        self.lag.pushed()
    }

    /// Closes all parts and brings the manifest up to date.
    fn close(&mut self) -> Result<(), TapeError> {
        self.facts.close()?;
        self.records.close()?;
        self.lag.close()?;
        self.sinks.iter_mut().try_for_each(|(_, sink)| sink.close())?;
        self.closed = Instant::now();
        self.save()
    }

    fn end(&mut self) -> Result<(), TapeError> {
        self.facts.end()?;
        self.records.end()?;
        self.lag.end()?;
        self.sinks.iter_mut().try_for_each(|(_, sink)| sink.end())
    }

    fn save(&mut self) -> Result<(), TapeError> {
        let counts = &mut self.manifest.counts;
        counts.facts = self.facts.written;
        counts.records = self.records.written;
        counts.fates = self.records.columns.fates();
        counts.lag = self.lag.written;
        counts.sinks =
            self.sinks.iter().map(|(name, sink)| (name.clone(), sink.columns.counts.clone())).collect();
        self.manifest.wall.seconds = self.began.elapsed().as_secs_f64();
        self.manifest.save(&self.dir)
    }

    /// Does it, unless something has failed before.
    fn attempt(&mut self, what: impl FnOnce(&mut Self) -> Result<(), TapeError>) {
        if self.status.has_failed() {
            return;
        }
        if let Err(why) = what(self) {
            self.fail(why);
        }
    }

    fn fail(&mut self, why: TapeError) {
        self.backlog = Backlog::default();
        self.facts.salvage();
        self.records.salvage();
        self.lag.salvage();
        self.sinks.iter_mut().for_each(|(_, sink)| sink.salvage());
        self.manifest.state = State::Failed;
        self.manifest.failure = Some(format!("the recording stopped: {why}"));
        // On a full disk the old manifest stays, which says that the run did not end: that is true too.
        let _ = self.save();
        self.status.fail(why);
    }

    /// Without an ending the manifest goes on saying that the run did not end.
    fn finish(mut self, ending: Option<Ending>) -> Result<Manifest, TapeError> {
        self.attempt(|writer| {
            writer.take_records(usize::MAX)?;
            writer.end()?;
            if let Some(ending) = ending {
                writer.manifest.end(ending);
            }
            writer.save()
        });
        self.status.why().map_or(Ok(self.manifest), Err)
    }
}

/// Sinks' folders have names of their own.
fn check_sink_names(sinks: &[SinkSpec]) -> Result<(), TapeError> {
    let mut taken = std::collections::BTreeSet::new();
    for sink in sinks {
        let refuse = |reason| Err(TapeError::SinkName { name: sink.name.clone(), reason });
        if sink.name.is_empty() || sink.name.starts_with('.') || sink.name.contains(['/', '\\', '\0']) {
            return refuse("it is no name for a folder");
        }
        if !folders_of(sink).into_iter().all(|(folder, _)| taken.insert(folder)) {
            return refuse("another sink has it");
        }
    }
    Ok(())
}

/// The folders of a sink, and what is in them.
fn folders_of(sink: &SinkSpec) -> Vec<(String, Format)> {
    let parquet = sink.parquet.then(|| (sink.name.clone(), Format::Parquet));
    let csv = sink.csv.then(|| (format!("{}.csv", sink.name), Format::Csv));
    parquet.into_iter().chain(csv).collect()
}

fn sink_tables(
    dir: &Path,
    sinks: Vec<SinkSpec>,
    labels: &Arc<Labels>,
    pace: Pace,
) -> Result<Vec<(String, Table<SinkColumns>)>, TapeError> {
    let table = |sink: SinkSpec| {
        let folders = folders_of(&sink);
        let columns = SinkColumns::new(Arc::clone(labels), sink.rows);
        let parts =
            |(name, format)| Parts::create(dir.join(SINKS).join(name), format, columns.schema(), pace.rows);
        let folders = folders.into_iter().map(parts).collect::<Result<_, _>>()?;
        Ok((sink.name, Table::new(columns, folders)))
    };
    sinks.into_iter().map(table).collect()
}

fn actors_of(sinks: &[SinkSpec]) -> Vec<Option<usize>> {
    let mut sink_of = Vec::new();
    for (index, sink) in sinks.iter().enumerate() {
        for actor in &sink.actors {
            let actor = actor.0 as usize;
            if sink_of.len() <= actor {
                sink_of.resize(actor + 1, None);
            }
            sink_of[actor] = Some(index);
        }
    }
    sink_of
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::tape::tests::life;

    /// Crowds of so many.
    fn backlog(crowds: &[usize]) -> Backlog {
        let mut backlog = Backlog::default();
        let mut rows = (0..).map(|sequence| life(sequence, "settled", None));
        for crowd in crowds {
            backlog.push(Box::new(rows.by_ref().take(*crowd).collect::<Vec<_>>().into_iter()));
        }
        backlog
    }

    #[test]
    fn facts_do_not_wait_for_records_unless_too_many_wait() {
        let (run, messages) = sync_channel(1);
        run.send(Message::Facts(Vec::new())).expect("room");
        let mut crowd = backlog(&[BACKLOG + 1]);
        assert!(matches!(next(&messages, &crowd), Err(RecvTimeoutError::Timeout)), "too many wait");
        crowd.next();
        assert!(matches!(next(&messages, &crowd), Ok(Message::Facts(_))), "the facts come first");
        assert!(matches!(next(&messages, &crowd), Err(RecvTimeoutError::Timeout)), "nobody waits for facts");
    }

    #[test]
    fn records_come_out_in_the_order_in_which_their_crowds_left() {
        let mut backlog = backlog(&[2, 0, 1]);
        let left = std::iter::from_fn(|| backlog.next()).map(|row| row.id.sequence());
        assert_eq!(left.collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(backlog.waiting, 0);
    }
}
