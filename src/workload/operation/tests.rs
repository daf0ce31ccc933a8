//! Operations: rows in, rows out.

use super::super::payload::tests::{every_kind, rows};
use super::super::payload::{Cpu, Gps, PayloadKind, Posts};
use super::*;
use crate::kernel::Rng;

fn schema() -> Schema {
    Schema::of("ticks", &[("asset", FieldKind::Text), ("last", FieldKind::Float), ("count", FieldKind::Int)])
}

fn row(last: f64) -> Row {
    vec![Value::text("BTC"), Value::Float(last), Value::Int(last as i64)]
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn aggregate(function: Function, field: &str) -> Aggregate {
    Aggregate { function, field: (!field.is_empty()).then(|| field.to_owned()), name: None }
}

fn window(size: u64, lateness: u64, aggregates: Vec<Aggregate>) -> Window {
    Window { size: ms(size), lateness: ms(lateness), aggregates }
}

/// What an operation makes of (key, event time in ms, value), flushed at the end; and how many rows were late.
fn run(operation: &Operation, input: &[(&str, u64, f64)]) -> (Vec<Emitted>, u64) {
    let mut state = operation.state(&schema()).expect("the operation fits");
    let output = operation.output_schema(&schema()).expect("the operation fits");
    let mut out = Vec::new();
    for (key, at, value) in input {
        state.apply(Some(key.as_bytes()), Time::from_millis(*at), &row(*value), &mut out);
    }
    state.flush(&mut out);
    assert_eq!(state.open(), 0, "nothing is open after a flush");
    assert!(out.iter().all(|emitted| output.accepts(&emitted.row)), "{output:?} accepts {out:?}");
    (out, state.late())
}

/// Start, end, key and the first aggregate of each result.
fn brief(emitted: &[Emitted]) -> Vec<(i64, i64, String, Value)> {
    let int =
        |value: &Value| if let Value::Int(value) = value { *value } else { panic!("{value:?} is a time") };
    emitted
        .iter()
        .map(|out| (int(&out.row[0]), int(&out.row[1]), out.row[2].to_string(), out.row[3].clone()))
        .collect()
}

#[test]
fn every_function_says_what_it_should_of_a_window() {
    let aggregates = Function::ALL.map(|function| aggregate(function, "last")).into();
    let operation = Operation::Tumbling(window(1_000, 500, aggregates));
    // Arrived out of order: the earliest event is the third to come.
    let (out, late) = run(&operation, &[("a", 300, 2.0), ("a", 700, 6.0), ("a", 200, 1.0), ("a", 650, 3.0)]);
    let values: Vec<f64> = out[0].row[3..].iter().filter_map(Value::as_number).collect();
    assert_eq!((values, late), (vec![3.0, 12.0, 1.0, 6.0, 1.0, 6.0, 4.0], 0));
    let names: Vec<_> =
        operation.output_schema(&schema()).unwrap().fields.into_iter().map(|f| f.name).collect();
    assert_eq!(names[..5], ["window_start", "window_end", "key", "mean_last", "sum_last"]);
}

#[test]
fn windows_close_by_key_in_order_when_the_watermark_reaches_their_end() {
    let operation = Operation::Tumbling(window(1_000, 200, vec![aggregate(Function::Count, "")]));
    let mut state = operation.state(&schema()).unwrap();
    let mut out = Vec::new();
    let mut apply = |key: &str, at| {
        out.clear();
        state.apply(Some(key.as_bytes()), Time::from_millis(at), &row(1.0), &mut out);
        brief(&out)
    };
    assert_eq!(apply("b", 100), []);
    assert_eq!(apply("a", 999), []);
    assert_eq!(apply("a", 1_199), [], "one millisecond before the watermark");
    let one = Value::Int(1);
    let closed = [(0, 1_000, "a".to_owned(), one.clone()), (0, 1_000, "b".to_owned(), one)];
    assert_eq!(apply("a", 1_200), closed);
}

#[test]
fn a_row_is_late_only_when_its_window_is_closed() {
    let operation = Operation::Tumbling(window(1_000, 500, vec![aggregate(Function::Count, "")]));
    let within = [("a", 100, 1.0), ("a", 1_499, 1.0), ("a", 200, 1.0)];
    let (out, late) = run(&operation, &within);
    assert_eq!((brief(&out)[0].3.clone(), late), (Value::Int(2), 0));
    let beyond = [("a", 100, 1.0), ("a", 1_500, 1.0), ("a", 200, 1.0)];
    let (out, late) = run(&operation, &beyond);
    assert_eq!((brief(&out)[0].3.clone(), late), (Value::Int(1), 1));
    assert_eq!(out.len(), 2, "a late row opens no second window of the same start");
}

#[test]
fn sliding_windows_overlap_and_each_row_is_in_size_over_every_of_them() {
    let operation = Operation::Sliding {
        window: window(1_000, 0, vec![aggregate(Function::Sum, "count")]),
        every: ms(250),
    };
    let (out, _) = run(&operation, &[("a", 1_100, 1.0), ("a", 1_300, 10.0)]);
    let spans: Vec<_> = brief(&out).into_iter().map(|(start, end, _, sum)| (start, end, sum)).collect();
    let int = Value::Int;
    let expected = [
        (250, 1_250, int(1)),
        (500, 1_500, int(11)),
        (750, 1_750, int(11)),
        (1_000, 2_000, int(11)),
        (1_250, 2_250, int(10)),
    ];
    assert_eq!(spans, expected);
}

#[test]
fn a_partly_late_row_counts_in_the_windows_that_are_still_open() {
    let operation =
        Operation::Sliding { window: window(1_000, 0, vec![aggregate(Function::Count, "")]), every: ms(500) };
    let (out, late) = run(&operation, &[("a", 1_600, 1.0), ("a", 1_200, 1.0)]);
    let counts: Vec<_> = brief(&out).into_iter().map(|(start, _, _, count)| (start, count)).collect();
    assert_eq!((counts, late), (vec![(1_000, Value::Int(2)), (1_500, Value::Int(1))], 0));
}

#[test]
fn windows_agree_with_a_plain_count_whatever_the_order() {
    let mut rng = Rng::named(3, "disorder");
    let operation =
        Operation::Sliding { window: window(700, 300, vec![aggregate(Function::Count, "")]), every: ms(100) };
    let times: Vec<u64> = (0..2_000).map(|step| 10_000 + step * 20 - rng.below(300)).collect();
    let rows: Vec<_> = times.iter().map(|at| ("a", *at, 1.0)).collect();
    let (out, late) = run(&operation, &rows);
    assert_eq!(late, 0, "no row is later than the lateness allows");
    for (start, end, _, count) in brief(&out) {
        let inside = times.iter().filter(|at| (start..end).contains(&(**at as i64))).count();
        assert_eq!(count, Value::Int(inside as i64), "[{start}, {end})");
    }
    let total: i64 = brief(&out).iter().map(|(_, _, _, count)| count.as_number().unwrap() as i64).sum();
    assert_eq!(total, 2_000 * 7, "every row is in seven windows");
}

#[test]
fn a_result_falls_into_its_own_window_again() {
    let operation = Operation::Tumbling(window(1_000, 0, vec![aggregate(Function::Count, "")]));
    let (out, _) = run(&operation, &[("a", 1_500, 1.0)]);
    assert_eq!((out[0].event_time, out[0].key.as_deref()), (Time::from_millis(1_999), Some(&b"a"[..])));
}

#[test]
fn rows_without_a_key_are_a_group_of_their_own() {
    let operation = Operation::Tumbling(window(1_000, 0, vec![aggregate(Function::Count, "")]));
    let mut state = operation.state(&schema()).unwrap();
    let mut out = Vec::new();
    state.apply(Some(b""), Time::ZERO, &row(1.0), &mut out);
    state.apply(None, Time::ZERO, &row(1.0), &mut out);
    state.flush(&mut out);
    assert_eq!(out.iter().map(|out| out.row[2].clone()).collect::<Vec<_>>(), [Value::Null, Value::text("")]);
}

#[test]
fn nulls_are_left_out_and_of_nulls_alone_only_the_count_is_known() {
    let mut input = schema();
    input.fields[1].optional = true;
    let aggregates = Function::ALL.map(|function| aggregate(function, "last")).into();
    let operation = Operation::Tumbling(window(1_000, 0, aggregates));
    let mut state = operation.state(&input).unwrap();
    let mut out = Vec::new();
    state.apply(None, Time::ZERO, &vec![Value::text("a"), Value::Null, Value::Int(0)], &mut out);
    state.flush(&mut out);
    assert_eq!(out[0].row[3..9], [const { Value::Null }; 6]);
    assert_eq!(out[0].row[9], Value::Int(0));
    assert!(operation.output_schema(&input).unwrap().accepts(&out[0].row));
}

#[test]
fn a_filter_admits_what_compares_as_said() {
    let admits = |field: &str, compare, value: Value| {
        let operation = Operation::Filter { field: field.into(), compare, value };
        let (out, _) = run(&operation, &[("a", 0, 1.0), ("a", 1, 2.0), ("a", 2, 3.0)]);
        out.iter().map(|out| out.row[1].as_number().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(admits("last", Compare::Greater, Value::Int(1)), [2.0, 3.0]);
    assert_eq!(admits("last", Compare::GreaterOrEqual, Value::Float(3.0)), [3.0]);
    assert_eq!(admits("count", Compare::Less, Value::Float(2.5)), [1.0, 2.0]);
    assert_eq!(admits("count", Compare::LessOrEqual, Value::Int(1)), [1.0]);
    assert_eq!(admits("count", Compare::NotEqual, Value::Int(2)), [1.0, 3.0]);
    assert_eq!(admits("asset", Compare::Contains, Value::text("TC")).len(), 3);
    assert_eq!(admits("asset", Compare::Equal, Value::text("ETH")).len(), 0);
}

#[test]
fn enriching_adds_a_constant_or_what_is_looked_up() {
    let table = vec![("2".to_owned(), Value::text("two"))];
    let kind = FieldKind::Text;
    let from = Enrichment::Lookup { by: "count".into(), kind, table, otherwise: Value::Null };
    let operation = Operation::Enrich { field: "word".into(), from };
    let (out, _) = run(&operation, &[("a", 0, 2.0), ("a", 0, 3.0)]);
    assert_eq!([&out[0].row[3], &out[1].row[3]], [&Value::text("two"), &Value::Null]);
    let from = Enrichment::Constant(Value::Int(7));
    let (out, _) = run(&Operation::Enrich { field: "seven".into(), from }, &[("k", 5, 2.0)]);
    assert_eq!((out[0].row[3].clone(), out[0].event_time), (Value::Int(7), Time::from_millis(5)));
}

#[test]
fn an_operation_that_does_not_fit_says_why() {
    let error = |operation: Operation| operation.output_schema(&schema()).unwrap_err().to_string();
    let tumbling = |aggregates| Operation::Tumbling(window(1_000, 0, aggregates));
    let mean = |field| tumbling(vec![aggregate(Function::Mean, field)]);
    assert_eq!(error(mean("lats")), "`ticks` has no field `lats`; did you mean `last`?");
    assert_eq!(error(mean("asset")), "field `asset` is Text, and a number is wanted");
    assert_eq!(error(mean("")), "only `count` does without a field");
    assert_eq!(error(tumbling(vec![])), "a window needs at least one aggregate");
    let twice = vec![aggregate(Function::Count, ""), aggregate(Function::Count, "")];
    assert_eq!(error(tumbling(twice)), "there is a field `count` already; choose another name");
    let tiny =
        Window { size: Duration::from_micros(5), ..window(1, 0, vec![aggregate(Function::Count, "")]) };
    assert!(error(Operation::Tumbling(tiny)).contains("whole number of milliseconds"));
    let sparse =
        Operation::Sliding { window: window(10, 0, vec![aggregate(Function::Count, "")]), every: ms(11) };
    assert!(error(sparse).contains("rows fall between"));
    assert!(error(Operation::Track { every: ms(2_000), lateness: ms(0) }).contains("no field `latitude`"));
    let field = "count".to_owned();
    let wrong = Operation::Filter { field: field.clone(), compare: Compare::Equal, value: Value::text("x") };
    assert!(error(wrong).contains("of another kind"));
    let from = Enrichment::Constant(Value::Int(1));
    assert!(error(Operation::Enrich { field, from }).contains("already"));
    assert!(error(Operation::Sentiment { field: "last".into() }).contains("only text"));
}

/// Runs an operation over generated rows, keyed by the kind's natural key.
fn over(kind: &PayloadKind, operation: &Operation, count: u64, step: Duration) -> Vec<Emitted> {
    let schema = kind.schema();
    let key = kind.natural_key().and_then(|key| schema.position(key));
    let mut state = operation.state(&schema).expect("the operation fits");
    let mut out = Vec::new();
    for (number, row) in (0..).zip(rows(kind, count, step)) {
        let key = key.map(|place| row[place].to_string());
        state.apply(key.as_ref().map(String::as_bytes), Time::ZERO + step * number, &row, &mut out);
    }
    state.flush(&mut out);
    let output = operation.output_schema(&schema).expect("the operation fits");
    assert!(out.iter().all(|out| output.accepts(&out.row)));
    out
}

#[test]
fn a_track_is_averaged_over_two_seconds_even_across_the_date_line() {
    let kind = PayloadKind::Gps(Gps { devices: 1, latitude: 10.0, longitude: 180.0 });
    let operation = Operation::Track { every: ms(2_000), lateness: ms(0) };
    let out = over(&kind, &operation, 200, ms(100));
    assert_eq!(out.len(), 10);
    for out in &out {
        let [latitude, longitude] = [3, 4].map(|place: usize| out.row[place].as_number().unwrap());
        assert_eq!((out.row[2].clone(), out.row[6].clone()), (Value::text("tracker-0"), Value::Int(20)));
        assert!((latitude - 10.0).abs() < 0.01 && longitude.abs() > 179.99, "{latitude}, {longitude}");
    }
}

#[test]
fn cores_are_averaged_for_each_tick() {
    let kind = PayloadKind::Cpu(Cpu { cores: 4 });
    let out = over(&kind, &Operation::Cores { every: ms(500), lateness: ms(0) }, 40, ms(125));
    let input = rows(&kind, 40, ms(125));
    assert_eq!(out.len(), 10);
    for (tick, out) in input.chunks(4).zip(out) {
        let sum: f64 = tick.iter().map(|row| row[3].as_number().unwrap()).sum();
        assert_eq!((out.row[2].clone(), out.row[3].clone()), (Value::text("host-0"), Value::Int(4)));
        assert!((out.row[4].as_number().unwrap() - sum / 4.0).abs() < 0.001);
    }
}

#[test]
fn posts_have_sentiments_of_both_signs_and_none() {
    let out = over(
        &PayloadKind::Posts(Posts::default()),
        &Operation::Sentiment { field: "text".into() },
        400,
        ms(50),
    );
    let count = |word: &str| out.iter().filter(|out| out.row[5].as_text() == Some(word)).count();
    let counts = ["positive", "neutral", "negative"].map(count);
    assert!(counts.iter().all(|count| *count > 40) && counts.iter().sum::<usize>() == 400, "{counts:?}");
}

#[test]
fn passing_through_changes_nothing() {
    for kind in every_kind() {
        let rows = rows(&kind, 20, ms(10));
        let out = over(&kind, &Operation::Pass, 20, ms(10));
        assert!(out.iter().map(|out| &out.row).eq(&rows));
    }
}

#[test]
fn a_copy_of_a_state_goes_on_as_the_original_does() {
    let operation = Operation::Tumbling(window(1_000, 0, vec![aggregate(Function::Mean, "last")]));
    let mut original = operation.state(&schema()).unwrap();
    let mut before = Vec::new();
    original.apply(None, Time::ZERO, &row(1.0), &mut before);
    let mut copy = original.clone();
    let [mut first, mut second] = [Vec::new(), Vec::new()];
    original.flush(&mut first);
    copy.flush(&mut second);
    assert_eq!(first, second);
}
