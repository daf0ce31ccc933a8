//! A Parquet file under construction. Threads of its own encode its columns, while the tape makes the next rows: a run
//! makes them faster than one thread can write.

use std::fs::File;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

/// Rows in memory until they are encoded into the file: bounds what a tape holds.
const ROW_GROUP: usize = 1 << 17;
/// Batches that may wait to be encoded.
const WAITING: usize = 2;
/// Fewer rows than this are not worth a second thread.
const FEW: usize = 1024;

/// Rows on their way into a file, of which nothing can be read before it is closed.
pub(super) struct ParquetFile {
    batches: SyncSender<RecordBatch>,
    /// Gone once it has said what went wrong.
    encoder: Option<JoinHandle<Result<(), ParquetError>>>,
}

impl ParquetFile {
    pub(super) fn create(file: File, schema: &SchemaRef) -> Result<Self, ParquetError> {
        let encoder = ColumnEncoder::new(file, schema)?;
        let (batches, waiting) = sync_channel(WAITING);
        let encoder = thread::Builder::new().name("encoder".to_owned()).spawn(|| encoder.run(waiting))?;
        Ok(Self { batches, encoder: Some(encoder) })
    }

    /// Hands rows over. What went wrong with earlier ones is told now, or at the end.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        match self.batches.send(batch.clone()) {
            Ok(()) => Ok(()),
            Err(_) => ended(self.encoder.take()),
        }
    }

    pub(super) fn close(self) -> Result<(), ParquetError> {
        drop(self.batches);
        ended(self.encoder)
    }
}

/// How an encoder ended. One that has said what went wrong has left a file that is not whole.
fn ended(encoder: Option<JoinHandle<Result<(), ParquetError>>>) -> Result<(), ParquetError> {
    let incomplete = || Err(ParquetError::General("rows of it could not be written".to_owned()));
    encoder.map_or_else(incomplete, |encoder| encoder.join().unwrap_or_else(|panic| resume_unwind(panic)))
}

/// What a file's thread works with.
struct ColumnEncoder {
    schema: SchemaRef,
    file: SerializedFileWriter<File>,
    factory: ArrowRowGroupWriterFactory,
    /// Those of the open row group; none when it has no rows.
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl ColumnEncoder {
    fn new(file: File, schema: &SchemaRef) -> Result<Self, ParquetError> {
        // Without Arrow's own metadata, every reader sees the same plain types.
        let options =
            ArrowWriterOptions::new().with_properties(properties(schema)).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, Arc::clone(schema), options)?;
        let (file, factory) = writer.into_serialized_writer()?;
        Ok(Self { schema: Arc::clone(schema), file, factory, columns: Vec::new(), rows: 0 })
    }

    fn run(mut self, batches: Receiver<RecordBatch>) -> Result<(), ParquetError> {
        batches.into_iter().try_for_each(|batch| self.write(&batch))?;
        self.close()
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        if self.columns.is_empty() {
            self.columns = self.factory.create_column_writers(self.file.flushed_row_groups().len())?;
        }
        let fields = self.schema.fields().iter().zip(batch.columns());
        let leaves =
            fields.map(|(field, column)| compute_leaves(field, column)).collect::<Result<Vec<_>, _>>()?;
        let columns = self.columns.iter_mut().zip(leaves.into_iter().flatten()).collect();
        let written = side_by_side(columns, batch.num_rows(), |(column, leaf)| column.write(&leaf));
        written.into_iter().collect::<Result<(), _>>()?;
        self.rows += batch.num_rows();
        if self.rows >= ROW_GROUP { self.end_row_group() } else { Ok(()) }
    }

    fn end_row_group(&mut self) -> Result<(), ParquetError> {
        let columns = std::mem::take(&mut self.columns);
        let chunks = side_by_side(columns, std::mem::take(&mut self.rows), ArrowColumnWriter::close);
        let mut group = self.file.next_row_group()?;
        chunks.into_iter().try_for_each(|chunk| chunk?.append_to_row_group(&mut group))?;
        group.close().map(|_| ())
    }

    fn close(mut self) -> Result<(), ParquetError> {
        if self.rows > 0 {
            self.end_row_group()?;
        }
        self.file.close().map(|_| ())
    }
}

/// Does something with each of them, on two threads when it is about many rows; what came of each, in their order.
fn side_by_side<T: Send, R: Send>(things: Vec<T>, rows: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let waiting = Mutex::new(things.into_iter().enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work_off = || {
        let mut done = Vec::new();
        while let Some((index, thing)) = next() {
            done.push((index, work(thing)));
        }
        done
    };
    let mut done = if rows < FEW {
        work_off()
    } else {
        thread::scope(|scope| {
            let other = scope.spawn(work_off);
            let mut done = work_off();
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            done
        })
    };
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn properties(schema: &Schema) -> WriterProperties {
    let builder = WriterProperties::builder()
        .set_created_by(format!("brokersim {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(Some(ROW_GROUP));
    let encode = |builder, field: &Arc<Field>| encoding(builder, Vec::new(), field);
    schema.fields().iter().fold(builder, encode).build()
}

/// Whole numbers as differences from their neighbours: small, and cheaper to write than a dictionary. Nobody needs the
/// least and the greatest of a few names that come again and again.
fn encoding(
    builder: WriterPropertiesBuilder,
    mut path: Vec<String>,
    field: &Arc<Field>,
) -> WriterPropertiesBuilder {
    path.push(field.name().clone());
    match field.data_type() {
        DataType::Int32 | DataType::Int64 => builder
            .set_column_dictionary_enabled(ColumnPath::new(path.clone()), false)
            .set_column_encoding(ColumnPath::new(path), Encoding::DELTA_BINARY_PACKED),
        DataType::Float64 => builder.set_column_dictionary_enabled(ColumnPath::new(path), false),
        DataType::List(element) => {
            path.push("list".to_owned());
            encoding(builder, path, element)
        }
        DataType::Struct(fields) => {
            fields.iter().fold(builder, |builder, field| encoding(builder, path.clone(), field))
        }
        DataType::Dictionary(..) => {
            builder.set_column_statistics_enabled(ColumnPath::new(path), EnabledStatistics::None)
        }
        // Strings and truth values: the defaults are right.
        _ => builder,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn a_file_that_could_not_be_written_is_not_whole_whoever_was_told_before() {
        let schema: SchemaRef = Schema::new(vec![Field::new("serial", DataType::Int64, false)]).into();
        let column = Arc::new(Int64Array::from_iter_values(0..ROW_GROUP as i64));
        let batch =
            RecordBatch::try_new(Arc::clone(&schema), vec![column]).expect("a column as in the schema");
        // Opened to be read: nothing can be written to it.
        let this = std::env::current_exe().expect("the test's own program");
        let mut file = ParquetFile::create(File::open(this).expect("a file"), &schema).expect("an encoder");
        let told = (0..100).find_map(|_| file.write(&batch).err());
        assert!(told.is_some(), "the rows went nowhere");
        assert!(file.close().is_err());
    }
}
