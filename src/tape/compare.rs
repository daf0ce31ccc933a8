//! A run beside its recording: where do they first differ?
//!
//! Each fact of the run becomes the row that the tape would hold, and is compared with the one that it holds.
//!
//! **Not modelled:** what a row does not say, which is what records carry. Runs whose digests differ and whose
//! rows do not, differ there.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::kernel::{Cast, Event, Observer, Time};
use crate::trace::{Fact, Stage};

use super::columns::{Columns, Labels};
use super::error::TapeError;
use super::facts::{self, FactColumns};
use super::manifest::{Manifest, State};
use super::part::parquet_parts;

/// Where a run and its recording first differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Both have a fact of this number, and they are not the same.
    Facts {
        /// The number.
        serial: u64,
        /// The columns in which they differ.
        columns: Vec<String>,
        /// The recorded one, in words.
        recorded: String,
        /// The other, in words.
        rerun: String,
    },
    /// The run ended; the recording goes on.
    RerunEnded {
        /// The first that is missing.
        serial: u64,
        /// In words.
        recorded: String,
    },
    /// The recording, which is complete, ends; the run goes on.
    RecordingEnded {
        /// The first that is not recorded.
        serial: u64,
        /// In words.
        rerun: String,
    },
}

/// Rows that are compared at once.
const BATCH: usize = 8192;

/// Watches a run and compares each fact with the recorded one. Stops comparing at the first difference.
pub struct Comparison {
    rerun: FactColumns,
    recorded: Recorded,
    /// The recording is expected to reach as far as the run.
    complete: bool,
    compared: u64,
    outcome: Outcome,
}

enum Outcome {
    Open,
    /// The recording ended before its run did.
    Exhausted,
    Found(Difference),
    Failed(TapeError),
}

impl Comparison {
    /// Opens the recording in `dir`, to be compared with a run with these names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(dir: &Path, stage: Arc<Stage>, cast: Cast) -> Result<Self, TapeError> {
        let manifest = Manifest::read(dir)?;
        Ok(Self {
            rerun: FactColumns::new(Arc::new(Labels::new(stage, cast))),
            recorded: Recorded::open(&dir.join("facts"))?,
            complete: manifest.state == State::Finished,
            compared: 0,
            outcome: Outcome::Open,
        })
    }

    /// The difference, once there is one. Facts are compared in thousands: it may be found a little later than it
    /// was shown.
    pub fn found(&self) -> Option<&Difference> {
        match &self.outcome {
            Outcome::Found(difference) => Some(difference),
            Outcome::Open | Outcome::Exhausted | Outcome::Failed(_) => None,
        }
    }

    /// How many facts were compared and are the same.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// After the run: the first difference, if there is one. A recording that did not end is not expected to
    /// reach as far as the run.
    ///
    /// # Errors
    /// When the recording could not be read to its end.
    pub fn finish(mut self) -> Result<Option<Difference>, TapeError> {
        self.compare();
        match self.outcome {
            Outcome::Open => self.recorded.next(1).map(|rest| rest.map(|rest| rerun_ended(&rest))),
            Outcome::Exhausted => Ok(None),
            Outcome::Found(difference) => Ok(Some(difference)),
            Outcome::Failed(why) => Err(why),
        }
    }

    /// As [`Comparison::finish`], of a run that was ended after everything up to and including `until`: what is
    /// recorded of later is not expected.
    ///
    /// # Errors
    /// When the recording could not be read so far.
    pub fn finish_at(mut self, until: Time) -> Result<Option<Difference>, TapeError> {
        self.compare();
        if matches!(self.outcome, Outcome::Open)
            && let Some(rest) = self.recorded.next(1)?
        {
            let goes_on = number(&rest, "at_ns", 0) > until.as_nanos();
            return Ok((!goes_on).then(|| rerun_ended(&rest)));
        }
        self.finish()
    }

    /// Compares all rows that wait.
    fn compare(&mut self) {
        if self.rerun.len() == 0 || !matches!(self.outcome, Outcome::Open) {
            return;
        }
        let mut rerun = plain(&self.rerun.finish());
        while rerun.num_rows() > 0 && matches!(self.outcome, Outcome::Open) {
            let rows = rerun.num_rows();
            match self.recorded.next(rows) {
                Ok(Some(recorded)) => {
                    let beside = rerun.slice(0, recorded.num_rows());
                    self.compare_rows(&recorded, &beside);
                    rerun = rerun.slice(beside.num_rows(), rows - beside.num_rows());
                }
                Ok(None) => self.outcome = self.recording_ended(&rerun),
                Err(why) => self.outcome = Outcome::Failed(why),
            }
        }
    }

    fn compare_rows(&mut self, recorded: &RecordBatch, rerun: &RecordBatch) {
        match first_difference(recorded, rerun) {
            None => self.compared += rerun.num_rows() as u64,
            Some((row, difference)) => {
                self.compared += row as u64;
                self.outcome = Outcome::Found(difference);
            }
        }
    }

    fn recording_ended(&self, rerun: &RecordBatch) -> Outcome {
        if self.complete {
            Outcome::Found(Difference::RecordingEnded { serial: serial(rerun, 0), rerun: words(rerun, 0) })
        } else {
            Outcome::Exhausted
        }
    }
}

impl Observer<Fact> for Comparison {
    fn observe(&mut self, events: &[Event<Fact>]) {
        for event in events {
            if !matches!(self.outcome, Outcome::Open) {
                return;
            }
            self.rerun.push(event);
            if self.rerun.len() >= BATCH {
                self.compare();
            }
        }
    }
}

fn rerun_ended(recorded: &RecordBatch) -> Difference {
    Difference::RerunEnded { serial: serial(recorded, 0), recorded: words(recorded, 0) }
}

/// The first row in which two batches of as many rows differ.
fn first_difference(recorded: &RecordBatch, rerun: &RecordBatch) -> Option<(usize, Difference)> {
    let differ = |from: usize, rows: usize| {
        let same =
            |(a, b): (&ArrayRef, &ArrayRef)| a.slice(from, rows).to_data() == b.slice(from, rows).to_data();
        !recorded.columns().iter().zip(rerun.columns()).all(same)
    };
    if !differ(0, rerun.num_rows()) {
        return None;
    }
    let row = (0..rerun.num_rows()).find(|row| differ(*row, 1)).expect("batches differ in some row");
    let columns = differing_columns(recorded, rerun, row);
    let (serial, recorded, rerun) = (serial(rerun, row), words(recorded, row), words(rerun, row));
    Some((row, Difference::Facts { serial, columns, recorded, rerun }))
}

fn differing_columns(recorded: &RecordBatch, rerun: &RecordBatch, row: usize) -> Vec<String> {
    let value = |column: &ArrayRef| column.slice(row, 1).to_data();
    let columns = recorded.columns().iter().zip(rerun.columns()).enumerate();
    let differing = columns.filter(|(_, (a, b))| value(a) != value(b));
    differing.map(|(index, _)| rerun.schema().field(index).name().clone()).collect()
}

/// With strings instead of numbers of strings, as a file is read.
fn plain(batch: &RecordBatch) -> RecordBatch {
    let plain = |(name, column): (&str, &ArrayRef)| {
        let column = match column.data_type() {
            DataType::Dictionary(_, values) => cast(column, values).expect("names are strings"),
            _ => Arc::clone(column),
        };
        (name.to_owned(), column, true)
    };
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| &field.name()[..]);
    RecordBatch::try_from_iter_with_nullable(names.zip(batch.columns()).map(plain)).expect("as many rows")
}

fn serial(batch: &RecordBatch, row: usize) -> u64 {
    number(batch, "serial", row)
}

fn number(batch: &RecordBatch, column: &str, row: usize) -> u64 {
    let column = batch.column_by_name(column).expect("every fact has a number and a time");
    array_value_to_string(column, row).ok().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// `serial=12 at_ns=2000000 ...`: every column that says something.
fn words(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema();
    let word = |(index, column): (usize, &ArrayRef)| {
        let value = array_value_to_string(column, row).unwrap_or_else(|error| error.to_string());
        (!column.is_null(row)).then(|| format!("{}={value}", schema.field(index).name()))
    };
    batch.columns().iter().enumerate().filter_map(word).collect::<Vec<_>>().join(" ")
}

/// The recorded rows, from part to part.
struct Recorded {
    parts: VecDeque<PathBuf>,
    open: Option<(PathBuf, ParquetRecordBatchReader)>,
    rest: Option<RecordBatch>,
}

impl Recorded {
    fn open(folder: &Path) -> Result<Self, TapeError> {
        Ok(Self { parts: parquet_parts(folder)?.into(), open: None, rest: None })
    }

    /// The next rows: at least one, at most `rows`; none at the end.
    fn next(&mut self, rows: usize) -> Result<Option<RecordBatch>, TapeError> {
        let Some(batch) = self.next_batch()? else { return Ok(None) };
        let taken = rows.min(batch.num_rows());
        let left = batch.num_rows() - taken;
        self.rest = (left > 0).then(|| batch.slice(taken, left));
        Ok(Some(batch.slice(0, taken)))
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, TapeError> {
        if let Some(rest) = self.rest.take() {
            return Ok(Some(rest));
        }
        loop {
            if let Some((path, reader)) = &mut self.open
                && let Some(batch) = reader.next()
            {
                return batch.map(Some).map_err(|error| TapeError::io("read", path, error));
            }
            let Some(path) = self.parts.pop_front() else { return Ok(None) };
            self.open = Some((path.clone(), reader(&path)?));
        }
    }
}

fn reader(path: &Path) -> Result<ParquetRecordBatchReader, TapeError> {
    let failed = |error: String| TapeError::io("read", path, error);
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(error.to_string()))?;
    let found = builder.schema();
    let expected = facts::schema();
    if found.fields().iter().map(|field| field.name()).ne(expected.fields().iter().map(|field| field.name()))
    {
        let reason = "its columns are not those of facts".to_owned();
        return Err(TapeError::NotATape { path: path.to_owned(), reason });
    }
    builder.with_batch_size(BATCH).build().map_err(|error| failed(error.to_string()))
}
