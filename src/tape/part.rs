//! Part files: `part-00000.parquet`, `part-00001.parquet`, ... in the folder of a table.
//!
//! **Invariant.** A part is written under a hidden name (`.part-00000.parquet.tmp`) and gets its own by a rename
//! when it is complete: whatever is called a part can be read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::columnar::ParquetFile;
use super::error::TapeError;

/// How a part is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Columns, zstd.
    Parquet,
    /// RFC 4180 with a header; null is an empty field.
    Csv,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }
}

/// A folder of parts, one of which may be open.
pub(super) struct Parts {
    folder: PathBuf,
    format: Format,
    schema: SchemaRef,
    /// A part with so many rows is closed.
    limit: u64,
    open: Option<Open>,
    next: usize,
}

/// The part that is being written.
struct Open {
    encoder: Encoder,
    temporary: PathBuf,
    path: PathBuf,
    rows: u64,
}

/// Rows on their way into a file.
pub(super) enum Encoder {
    Parquet(Box<ParquetFile>),
    Csv(Box<csv::Writer<File>>),
}

impl Parts {
    /// An empty folder for parts of at most about `limit` rows.
    pub(super) fn create(
        folder: PathBuf,
        format: Format,
        schema: SchemaRef,
        limit: u64,
    ) -> Result<Self, TapeError> {
        fs::create_dir_all(&folder).map_err(|error| TapeError::io("create", &folder, error))?;
        Ok(Self { folder, format, schema, limit, open: None, next: 0 })
    }

    /// Writes rows; closes the part when it is full.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), TapeError> {
        if self.open.is_none() {
            self.open = Some(self.begin()?);
        }
        let open = self.open.as_mut().expect("a part was begun");
        open.encoder.write(batch).map_err(|error| TapeError::io("write", &open.path, error))?;
        open.rows += batch.num_rows() as u64;
        if open.rows >= self.limit { self.close() } else { Ok(()) }
    }

    /// Closes the open part, if there is one; gives it up when it cannot be completed.
    pub(super) fn close(&mut self) -> Result<(), TapeError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let Open { encoder, temporary, path, rows: _ } = open;
        if let Err(error) = encoder.finish() {
            // Frees its room on the disk. Nobody would read it: whether it could be removed makes no difference.
            let _ = fs::remove_file(&temporary);
            return Err(TapeError::io("write", &path, error));
        }
        fs::rename(&temporary, &path).map_err(|error| TapeError::io("rename", &temporary, error))
    }

    /// Closes the open part; where no part was ever written, writes one without rows, so that the table exists.
    pub(super) fn end(&mut self) -> Result<(), TapeError> {
        if self.open.is_none() && self.next == 0 {
            self.open = Some(self.begin()?);
        }
        self.close()
    }

    fn begin(&mut self) -> Result<Open, TapeError> {
        let name = format!("part-{:05}.{}", self.next, self.format.extension());
        self.next += 1;
        let temporary = self.folder.join(format!(".{name}.tmp"));
        let failed = |error: String| TapeError::io("create", &temporary, error);
        let file = File::create(&temporary).map_err(|error| failed(error.to_string()))?;
        let encoder = Encoder::new(self.format, file, &self.schema).map_err(failed)?;
        Ok(Open { encoder, path: self.folder.join(name), temporary, rows: 0 })
    }
}

impl Encoder {
    pub(super) fn new(format: Format, file: File, schema: &SchemaRef) -> Result<Self, String> {
        match format {
            Format::Parquet => ParquetFile::create(file, schema)
                .map(|file| Self::Parquet(Box::new(file)))
                .map_err(|error| error.to_string()),
            Format::Csv => csv_writer(file, schema),
        }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        match self {
            Self::Parquet(writer) => writer.write(batch).map_err(|error| error.to_string()),
            Self::Csv(writer) => write_csv(writer, batch),
        }
    }

    pub(super) fn finish(self) -> Result<(), String> {
        match self {
            Self::Parquet(writer) => writer.close().map_err(|error| error.to_string()),
            Self::Csv(mut writer) => writer.flush().map_err(|error| error.to_string()),
        }
    }
}

fn csv_writer(file: File, schema: &SchemaRef) -> Result<Encoder, String> {
    let mut writer = csv::Writer::from_writer(file);
    let header = schema.fields().iter().map(|field| field.name());
    writer.write_record(header).map_err(|error| error.to_string())?;
    Ok(Encoder::Csv(Box::new(writer)))
}

fn write_csv(writer: &mut csv::Writer<File>, batch: &RecordBatch) -> Result<(), String> {
    use std::fmt::Write;

    let options = FormatOptions::new();
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
    let columns: Vec<_> = columns.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let mut field = String::new();
    for row in 0..batch.num_rows() {
        for column in &columns {
            field.clear();
            write!(field, "{}", column.value(row)).map_err(|error| error.to_string())?;
            writer.write_field(&field).map_err(|error| error.to_string())?;
        }
        writer.write_record(None::<&[u8]>).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Whether a file of this name is a part, complete or not.
pub(super) fn is_part_name(name: &str) -> bool {
    let name = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp")).unwrap_or(name);
    let Some((number, extension)) = name.strip_prefix("part-").and_then(|name| name.split_once('.')) else {
        return false;
    };
    let is_number = number.len() >= 5 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && [Format::Parquet, Format::Csv].iter().any(|format| format.extension() == extension)
}

/// The complete Parquet parts of a folder, in order.
pub(super) fn parquet_parts(folder: &Path) -> Result<Vec<PathBuf>, TapeError> {
    let failed = |error| TapeError::io("read", folder, error);
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".parquet") && is_part_name(&name) {
            parts.push(path);
        }
    }
    // By number: six digits come after five.
    parts.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_tape_would_write_is_called_a_part() {
        for ours in ["part-00000.parquet", ".part-00012.csv.tmp", "part-123456.csv"] {
            assert!(is_part_name(ours), "{ours}");
        }
        for foreign in
            ["part-0.parquet", "part-00000.txt", "thesis.csv", ".part-00000.parquet", "part-0000x.csv"]
        {
            assert!(!is_part_name(foreign), "{foreign}");
        }
    }
}
