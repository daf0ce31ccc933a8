//! A table in one file, for what is no run's stream: the table of a sweep.
//!
//! **Invariant.** A file appears under its name only when it is complete. The same rows give the same bytes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::error::TapeError;
use super::part::{Encoder, Format};

/// Writes a table to `path` as Parquet, in place of what was there.
///
/// # Errors
/// When it cannot be written.
pub fn write_table(path: &Path, table: &RecordBatch) -> Result<(), TapeError> {
    let temporary = hidden(path);
    let failed = |error: String| TapeError::io("write", path, error);
    let file = File::create(&temporary).map_err(|error| failed(error.to_string()))?;
    let mut encoder = Encoder::new(Format::Parquet, file, &table.schema()).map_err(failed)?;
    encoder.write(table).and_then(|()| encoder.finish()).map_err(failed)?;
    fs::rename(&temporary, path).map_err(|error| TapeError::io("rename", &temporary, error))
}

/// Writes a text to `path`, in place of what was there.
///
/// # Errors
/// When it cannot be written.
pub fn write_text(path: &Path, text: &str) -> Result<(), TapeError> {
    let temporary = hidden(path);
    fs::write(&temporary, text).map_err(|error| TapeError::io("write", path, error))?;
    fs::rename(&temporary, path).map_err(|error| TapeError::io("rename", &temporary, error))
}

/// Reads a table that [`write_table`] wrote.
///
/// # Errors
/// When it cannot be read, or is no Parquet.
pub fn read_table(path: &Path) -> Result<RecordBatch, TapeError> {
    let failed = |error: String| TapeError::io("read", path, error);
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(error.to_string()))?;
    let schema = std::sync::Arc::clone(builder.schema());
    let reader = builder.build().map_err(|error| failed(error.to_string()))?;
    let batches: Vec<RecordBatch> =
        reader.collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))?;
    concat_batches(&schema, &batches).map_err(|error| failed(error.to_string()))
}

/// The name of a file that is being written, of this process alone.
fn hidden(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}
