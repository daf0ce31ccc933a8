//! Traces read from files, good and bad.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{BooleanArray, Float64Array, StringArray, TimestampMillisecondArray, UInt32Array};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::*;
use crate::kernel::Time;
use crate::workload::{Codec, TraceEntry};

/// A file that is deleted when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("brokersim-{}-{name}", std::process::id())))
    }

    fn csv(name: &str, text: &str) -> Self {
        let scratch = Self::new(&format!("{name}.csv"));
        fs::write(&scratch.0, text).expect("a temporary file can be written");
        scratch
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _already_gone = fs::remove_file(&self.0);
    }
}

fn load(name: &str, text: &str, options: &TraceOptions) -> Result<Trace, TraceError> {
    load_trace(&Scratch::csv(name, text).0, options)
}

fn refusal(name: &str, text: &str) -> String {
    load(name, text, &TraceOptions::default()).unwrap_err().to_string()
}

fn text(bytes: &Option<Arc<[u8]>>) -> Option<&str> {
    bytes.as_deref().map(|bytes| std::str::from_utf8(bytes).expect("it is text"))
}

#[test]
fn the_week_of_earthquakes_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim-configs/data/earthquakes-2018-02.csv");
    let options = TraceOptions { key: Some("network".into()), ..TraceOptions::default() };
    let trace = load_trace(&path, &options).expect("the bundled data set is in order");
    assert_eq!(trace.entries.len(), 1_707);
    // 01:49:59.650 and 02:00:15.660.
    assert_eq!(trace.entries[1].offset, Time::from_millis(10 * 60_000 + 16_010));
    let days = trace.span().as_nanos() / 86_400_000_000_000;
    assert_eq!(days, 6, "a week less some minutes");
    assert_eq!(text(&trace.entries[0].key), Some("uw"));
    let schema = trace.schema.expect("the payload is made of columns");
    assert_eq!(schema.fields[1], Field { name: "magnitude".into(), kind: FieldKind::Float, optional: false });
    for TraceEntry { payload, .. } in &trace.entries {
        let payload = payload.as_deref().expect("every event has a payload");
        assert!(schema.accepts(&Codec::Json.decode(&schema, payload).expect("the payload is of its schema")));
    }
}

#[test]
fn columns_are_typed_by_what_is_in_them() {
    let csv = "time,whole,real,flag,code,empty,mixed\n0,1,1.5,true,007,,1\n1.5,,2,false,010,,x\n";
    let trace = load("typed", csv, &TraceOptions::default()).unwrap();
    assert_eq!(
        text(&trace.entries[0].payload),
        Some(r#"{"whole":1,"real":1.5,"flag":true,"code":"007","empty":null,"mixed":"1"}"#)
    );
    assert_eq!(
        text(&trace.entries[1].payload),
        Some(r#"{"whole":null,"real":2.0,"flag":false,"code":"010","empty":null,"mixed":"x"}"#)
    );
    assert_eq!(trace.entries[1].offset, Time::from_millis(1_500));
}

#[test]
fn a_payload_column_is_taken_as_it_stands() {
    let options =
        TraceOptions { key: Some("user".into()), payload: Some("body".into()), ..TraceOptions::default() };
    let trace = load("verbatim", "user,body,time\n01,\"a,\"\"b\"\"\",5\n,,6\n", &options).unwrap();
    let [first, second] = [0, 1].map(|place: usize| &trace.entries[place]);
    assert_eq!((text(&first.key), text(&first.payload)), (Some("01"), Some("a,\"b\"")));
    assert_eq!((text(&second.key), text(&second.payload), trace.schema), (None, None, None));
}

#[test]
fn the_unit_of_numbers_is_stated_or_guessed_once() {
    let offset = |unit, csv: &str| {
        let options = TraceOptions { unit, ..TraceOptions::default() };
        load("unit", csv, &options).unwrap().entries[1].offset
    };
    assert_eq!(offset(None, "time\n1518047999000\n1518048000000\n"), Time::from_secs(1));
    assert_eq!(offset(None, "time\n1518047999\n1518048000.25\n"), Time::from_millis(1_250));
    assert_eq!(offset(Some(TimeUnit::Milliseconds), "time\n0\n20\n"), Time::from_millis(20));
    assert_eq!(offset(None, "time\n0\n15000000000\n"), Time::from_secs(15_000_000_000));
}

#[test]
fn a_bad_trace_is_refused_with_its_line_and_what_is_wrong() {
    assert_eq!(
        refusal("order", "time\n10\n12\n11.5\n"),
        "line 4: time goes back by 500 ms; sort the file by `time`"
    );
    assert_eq!(
        refusal("time", "time,a\n10,\"two\nlines\"\nnoon,1\n"),
        "line 4: `noon` is not a time (ISO 8601 such as 2018-01-31T12:00:00Z, or a number)"
    );
    assert!(refusal("missing", "time,a\n1,1\n,1\n").starts_with("line 3: `` is not a time"));
    assert_eq!(refusal("similar", "tiem,a\n1,1\n"), "there is no column `time`; did you mean `tiem`?");
    assert_eq!(refusal("columns", "when,what\n1,1\n"), "there is no column `time`; there are when, what");
    assert!(refusal("twice", "time,a,a\n1,1,1\n").ends_with("there are two columns `a`"));
    assert_eq!(refusal("empty", "time,a\n"), "the trace has no records");
    assert!(
        refusal("ragged", "time,a\n1,1\n2\n").contains("line: 3"),
        "{}",
        refusal("ragged", "time,a\n1,1\n2\n")
    );
    let (nowhere, options) = (Path::new("nowhere.csv"), TraceOptions::default());
    assert!(load_trace(nowhere, &options).unwrap_err().to_string().starts_with("nowhere.csv: "));
    let error = load_trace(Path::new("trace.json"), &options).unwrap_err();
    assert_eq!(error.to_string(), "trace.json: a trace is a .csv or a .parquet file");
}

fn parquet_file(name: &str, columns: Vec<(&str, ArrayRef)>) -> Scratch {
    packed_parquet_file(name, Compression::UNCOMPRESSED, columns)
}

fn packed_parquet_file(name: &str, packed: Compression, columns: Vec<(&str, ArrayRef)>) -> Scratch {
    let scratch = Scratch::new(&format!("{name}.parquet"));
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .expect("the columns are equally long");
    let file = File::create(&scratch.0).expect("a temporary file can be written");
    let properties = Some(WriterProperties::builder().set_compression(packed).build());
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), properties).expect("the schema can be written");
    writer.write(&batch).expect("the batch can be written");
    writer.close().expect("the file can be closed");
    scratch
}

#[test]
fn a_parquet_file_reads_as_the_same_csv_file_does() {
    let file = parquet_file(
        "same",
        vec![
            ("at", Arc::new(TimestampMillisecondArray::from(vec![1_518_047_999_000, 1_518_047_999_250]))),
            ("user", Arc::new(StringArray::from(vec![Some("a"), None]))),
            ("whole", Arc::new(UInt32Array::from(vec![None, Some(4)]))),
            ("real", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN)]))),
            ("flag", Arc::new(BooleanArray::from(vec![true, false]))),
        ],
    );
    let csv =
        "at,user,whole,real,flag\n2018-02-07T23:59:59Z,a,,0.5,true\n2018-02-07T23:59:59.25Z,,4,,false\n";
    let options = TraceOptions { time: "at".into(), key: Some("user".into()), ..TraceOptions::default() };
    let mut same = load_trace(&file.0, &options).unwrap();
    let expected = load("same", csv, &options).unwrap();
    assert_eq!(same.entries, expected.entries);
    same.schema.as_mut().unwrap().name = expected.schema.as_ref().unwrap().name.clone();
    assert_eq!(same.schema, expected.schema);
    assert_eq!(same.entries[1].offset, Time::from_millis(250));
}

#[test]
fn a_parquet_file_out_of_order_is_refused_with_its_row() {
    let file = parquet_file("order", vec![("time", Arc::new(Float64Array::from(vec![1.0, 0.25])))]);
    let error = load_trace(&file.0, &TraceOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "line 2: time goes back by 750 ms; sort the file by `time`");
}

#[test]
fn a_parquet_file_as_pandas_writes_it_is_read() {
    for packed in [Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())] {
        let times = Arc::new(Float64Array::from(vec![0.0, 0.25]));
        let file = packed_parquet_file("packed", packed, vec![("time", times)]);
        assert_eq!(load_trace(&file.0, &TraceOptions::default()).unwrap().entries.len(), 2);
    }
}

#[test]
fn a_parquet_file_with_another_compression_is_told_what_to_do_about_it() {
    let said = unpacked("Parquet argument error: Parquet error: Disabled feature at compile time: flate2");
    assert!(
        said.starts_with("it is compressed with gzip") && said.contains("compression = \"zstd\""),
        "{said}"
    );
    assert_eq!(unpacked("Invalid Parquet file"), "Invalid Parquet file");
}
