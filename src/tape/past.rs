//! A recorded run read again: the lag of its groups, and the lives of its records, as numbers.
//!
//! **Invariant.** Only the columns that are asked for are read, part after part: memory does not follow the length of
//! the run (except for the lag series, which has at most some thousand instants).

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::array::{
    Array, ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::error::TapeError;
use super::part::parquet_parts;

/// The lag of a group, over all its partitions: instants in nanoseconds and committed records not settled, in order
/// of time.
pub type LagSeries = Vec<(u64, u64)>;

/// The life of one record, as far as numbers go. Times are nanoseconds since the run began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastRecord {
    /// When the application handed it to its client.
    pub offered_ns: u64,
    /// When the client knew that the system has it.
    pub accepted_ns: Option<u64>,
    /// What each reading group did with it.
    pub legs: Vec<PastLeg>,
}

/// What a group did with a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastLeg {
    /// Which group.
    pub group: String,
    /// When it was first processed.
    pub processed_ns: Option<u64>,
    /// When a commit first covered it.
    pub settled_ns: Option<u64>,
    /// How often it was processed.
    pub times_processed: u32,
}

/// Whether the run in `dir` has this table: `lag` or `records`.
pub fn has_table(dir: &Path, table: &str) -> bool {
    dir.join(table).is_dir()
}

/// The lag of every group over time.
///
/// # Errors
/// When the folder `lag/` is missing, cannot be read, or has other columns.
pub fn read_lag(dir: &Path) -> Result<BTreeMap<String, LagSeries>, TapeError> {
    let mut lag: BTreeMap<String, BTreeMap<u64, u64>> = BTreeMap::new();
    each_batch(&dir.join("lag"), &["at_ns", "group", "lag"], |batch| {
        let (at, group) = (longs(batch, "at_ns")?, texts(batch, "group")?);
        let behind = longs(batch, "lag")?;
        for row in 0..batch.num_rows() {
            let series = entry(&mut lag, group.value(row));
            *series.entry(at.value(row) as u64).or_default() += behind.value(row) as u64;
        }
        Some(())
    })?;
    Ok(lag.into_iter().map(|(group, series)| (group, series.into_iter().collect())).collect())
}

/// The value under a name, without a copy of the name when it is there.
fn entry<'m, V: Default>(map: &'m mut BTreeMap<String, V>, name: &str) -> &'m mut V {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), V::default());
    }
    map.get_mut(name).expect("it was put there")
}

/// Hands every record of the run to `take`, in the order in which their fates were known.
///
/// # Errors
/// When the folder `records/` is missing, cannot be read, or has other columns.
pub fn each_record(dir: &Path, mut take: impl FnMut(&PastRecord)) -> Result<(), TapeError> {
    let mut record = PastRecord::default();
    each_batch(&dir.join("records"), RECORD_COLUMNS, |batch| {
        let (offered, accepted) = (longs(batch, "offered_at_ns")?, longs(batch, "accepted_at_ns")?);
        let legs = Legs::of(batch)?;
        for row in 0..batch.num_rows() {
            record.offered_ns = offered.value(row) as u64;
            record.accepted_ns = some(accepted, row);
            record.legs.clear();
            legs.fill(row, &mut record.legs);
            take(&record);
        }
        Some(())
    })
}

const RECORD_COLUMNS: &[&str] = &[
    "offered_at_ns",
    "accepted_at_ns",
    "group",
    "processed_at_ns",
    "settled_at_ns",
    "times_processed",
    "legs",
];

/// The legs of the records of a batch: columns of the record, or a list where a topic has several groups.
enum Legs<'b> {
    One(LegColumns<'b>),
    Many(&'b ListArray),
}

impl<'b> Legs<'b> {
    fn of(batch: &'b RecordBatch) -> Option<Self> {
        match batch.column_by_name("legs") {
            Some(legs) => Some(Self::Many(legs.as_any().downcast_ref()?)),
            None => LegColumns::of(|name| batch.column_by_name(name)).map(Self::One),
        }
    }

    fn fill(&self, row: usize, legs: &mut Vec<PastLeg>) {
        match self {
            Self::One(columns) => legs.extend(columns.leg(row)),
            Self::Many(lists) => {
                let list = lists.value(row);
                let list: Option<&StructArray> = list.as_any().downcast_ref();
                let columns = list.and_then(|list| LegColumns::of(|name| list.column_by_name(name)));
                legs.extend(
                    columns
                        .iter()
                        .flat_map(|columns| (0..columns.group.len()).map(|at| columns.leg(at)))
                        .flatten(),
                );
            }
        }
    }
}

struct LegColumns<'b> {
    group: &'b StringArray,
    processed: &'b Int64Array,
    settled: &'b Int64Array,
    times: &'b Int32Array,
}

impl<'b> LegColumns<'b> {
    fn of(column: impl Fn(&str) -> Option<&'b ArrayRef>) -> Option<Self> {
        Some(Self {
            group: column("group")?.as_any().downcast_ref()?,
            processed: column("processed_at_ns")?.as_any().downcast_ref()?,
            settled: column("settled_at_ns")?.as_any().downcast_ref()?,
            times: column("times_processed")?.as_any().downcast_ref()?,
        })
    }

    fn leg(&self, row: usize) -> Option<PastLeg> {
        self.group.is_valid(row).then(|| PastLeg {
            group: self.group.value(row).to_owned(),
            processed_ns: some(self.processed, row),
            settled_ns: some(self.settled, row),
            times_processed: if self.times.is_valid(row) { self.times.value(row) as u32 } else { 0 },
        })
    }
}

fn some(column: &Int64Array, row: usize) -> Option<u64> {
    column.is_valid(row).then(|| column.value(row) as u64)
}

fn longs<'b>(batch: &'b RecordBatch, name: &str) -> Option<&'b Int64Array> {
    batch.column_by_name(name)?.as_any().downcast_ref()
}

fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Option<&'b StringArray> {
    batch.column_by_name(name)?.as_any().downcast_ref()
}

/// Hands over the columns of all parts of a folder that are called so; `take` says nothing when they are not as
/// expected.
pub(super) fn each_batch(
    folder: &Path,
    columns: &[&str],
    mut take: impl FnMut(&RecordBatch) -> Option<()>,
) -> Result<(), TapeError> {
    for path in parquet_parts(folder)? {
        let failed = |error: String| TapeError::io("read", &path, error);
        let file = File::open(&path).map_err(|error| failed(error.to_string()))?;
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(error.to_string()))?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted(&builder, columns));
        let reader = builder.with_projection(mask).build().map_err(|error| failed(error.to_string()))?;
        for batch in reader {
            let batch = batch.map_err(|error| failed(error.to_string()))?;
            take(&batch).ok_or_else(|| TapeError::NotATape {
                path: path.clone(),
                reason: format!("its columns are not {}", columns.join(", ")),
            })?;
        }
    }
    Ok(())
}

/// The places of the columns that are called so.
fn wanted(builder: &ParquetRecordBatchReaderBuilder<File>, columns: &[&str]) -> Vec<usize> {
    let fields = builder.schema().fields().iter().enumerate();
    fields.filter(|(_, field)| columns.contains(&field.name().as_str())).map(|(at, _)| at).collect()
}
