//! Fields that are named are there: in the payload of the generator, or in what a processor makes of it.

use std::collections::BTreeMap;

use crate::workload::{Codec, FieldKind, Keys, Operation, OperationError, Schema};

use super::super::error::{Finding, Span, closest, one_of};
use super::super::scenario::{Generator, Payload, Schedule};
use super::{Check, Written, place_of};

pub(super) fn check(cx: &mut Check<'_>) {
    let scenario = cx.scenario;
    let mut contents = Contents::default();
    for (written, generator) in cx.entries("generator").into_iter().zip(&scenario.generators) {
        natural(cx, written, generator);
        replay(cx, written, generator);
        key(cx, written, generator);
        contents.add(cx, written, generator);
    }
    works(cx, &mut contents.of);
}

/// What a topic carries: its schema and codec, and who says so.
#[derive(Clone)]
struct Content {
    schema: Schema,
    codec: Codec,
    place: Span,
}

impl Content {
    fn described(&self) -> String {
        let codec = match self.codec {
            Codec::Json => "JSON",
            Codec::Csv => "CSV",
            Codec::Bincode => "bincode",
        };
        format!("`{}` as {codec}", self.schema.name)
    }
}

#[derive(Default)]
struct Contents {
    of: BTreeMap<String, Content>,
}

impl Contents {
    /// A recorded payload is known only when its trace is loaded.
    fn add(&mut self, cx: &mut Check<'_>, written: Written<'_>, generator: &Generator) {
        let Payload::Made(kind) = &generator.payload else { return };
        let place = written.set("payload").unwrap_or(written.at("name"));
        let content = Content { schema: kind.schema(), codec: generator.codec, place };
        let Some(other) = self.of.get(&generator.topic) else {
            self.of.insert(generator.topic.clone(), content);
            return;
        };
        let differs = other.schema != content.schema || other.codec != content.codec;
        if differs && is_decoded(cx, &generator.topic) {
            cx.report(
                Finding::new(
                    "scenario::payload",
                    format!("`{}` carries two kinds of records", generator.topic),
                )
                .at(place, content.described())
                .at(other.place, other.described())
                .help("who reads the topic cannot tell them apart: give each a topic of its own"),
            );
        }
    }
}

fn is_decoded(cx: &Check<'_>, topic: &str) -> bool {
    let works = cx.scenario.processors.iter();
    let mut works = works.filter(|processor| cx.scenario.reads(&processor.reader, topic));
    let mut writes = cx.scenario.sinks.iter().filter(|sink| cx.scenario.reads(&sink.reader, topic));
    works.any(|processor| processor.work != Operation::Pass) || writes.any(|sink| !sink.write.is_empty())
}

fn natural(cx: &mut Check<'_>, written: Written<'_>, generator: &Generator) {
    let Some(arrivals) = written.value("arrivals").filter(|node| node.text() == Some("natural")) else {
        return;
    };
    let Payload::Made(kind) = &generator.payload else { return };
    if kind.natural_rate().is_none() {
        cx.report(
            Finding::new("scenario::value", "this payload has no pace of its own")
                .at(arrivals.place, "what would be natural?")
                .at_some(written.set("payload"), "the payload")
                .help("write a rate, as in arrivals = { poisson = \"500/s\" }"),
        );
    }
}

fn replay(cx: &mut Check<'_>, written: Written<'_>, generator: &Generator) {
    let Schedule::Recorded(recording) = &generator.arrivals else { return };
    if let Some(batch) = written.set("batch") {
        cx.report(
            Finding::new("scenario::conflict", "a replay has no batches")
                .at(batch, "records arrive as they were recorded")
                .help("leave `batch` out"),
        );
    }
    if let (Some(key), Some(_)) = (written.set("key"), &recording.options.key) {
        let column = written.value("arrivals").map_or(key, |node| node.place);
        cx.report(
            Finding::new("scenario::conflict", "two ways to choose a key")
                .at(key, "this one")
                .at(column, "and the key column of the trace")
                .help("keep one of them"),
        );
    }
    let recorded = generator.payload == Payload::Recorded;
    if let Some(codec) = written.set("codec").filter(|_| recorded && generator.codec != Codec::Json) {
        cx.report(
            Finding::new("scenario::conflict", "a recorded payload is sent as it was recorded")
                .at(codec, "another codec")
                .help("leave `codec` out; a payload made of columns is JSON"),
        );
    }
    if !matches!(recording.file.extension().and_then(|ending| ending.to_str()), Some("csv" | "parquet")) {
        cx.report(
            Finding::new("scenario::trace", "a trace is a .csv or a .parquet file")
                .at(recording.place, "neither")
                .help("convert it; one line or row a record, with a column for the time"),
        );
    }
}

fn key(cx: &mut Check<'_>, written: Written<'_>, generator: &Generator) {
    let Keys::Field(field) = &generator.keys else { return };
    let Payload::Made(kind) = &generator.payload else { return recorded_key(cx, written, field) };
    let schema = kind.schema();
    if schema.position(field).is_some() {
        return;
    }
    let place = written.value("key").map_or(written.header, |node| place_of(node, field));
    cx.report(
        Finding::new("scenario::field", format!("the payload has no field `{field}`"))
            .at(place, "no such field")
            .at_some(written.set("payload"), format!("the payload: {}", schema.name))
            .help(fields(&schema, field)),
    );
}

fn recorded_key(cx: &mut Check<'_>, written: Written<'_>, field: &str) {
    let place = written.value("key").map_or(written.header, |node| place_of(node, field));
    cx.report(
        Finding::new("scenario::conflict", "the key of a recorded payload is a column of its trace")
            .at(place, "a field of a payload that is made")
            .at_some(written.set("arrivals"), "this one is recorded")
            .help(format!("name the column in the replay: key = \"{field}\"")),
    );
}

fn fields(schema: &Schema, field: &str) -> String {
    let names = schema.fields.iter().map(|field| field.name.as_str());
    match closest(field, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if schema.fields.is_empty() => {
            "`bytes` has a size but no fields; choose another payload".to_owned()
        }
        None => one_of(names),
    }
}

/// Follows the records from processor to processor; each is visited when what it reads is known.
fn works(cx: &mut Check<'_>, contents: &mut BTreeMap<String, Content>) {
    let scenario = cx.scenario;
    let mut waiting: Vec<_> = cx.entries("processor").into_iter().zip(&scenario.processors).collect();
    loop {
        let before = waiting.len();
        waiting.retain(|(written, processor)| {
            let known = scenario.read_by(&processor.reader).into_iter().find_map(|topic| contents.get(topic));
            let Some(content) = known.cloned() else { return true };
            if written.value("work").is_some_and(|work| cx.findings.within(work.place)) {
                return false;
            }
            match processor.work.output_schema(&content.schema) {
                Ok(schema) => {
                    contents.entry(processor.to.clone()).or_insert(Content { schema, ..content });
                }
                Err(error) => work_error(cx, *written, &processor.work, &content, &error),
            }
            false
        });
        if waiting.len() == before {
            return;
        }
    }
}

fn work_error(
    cx: &mut Check<'_>,
    written: Written<'_>,
    work: &Operation,
    content: &Content,
    error: &OperationError,
) {
    let (field, message, help) = in_words(error, &content.schema);
    let node = written.value("work");
    let place = node.map_or(written.header, |node| field.map_or(node.place, |field| place_of(node, field)));
    cx.report(
        Finding::new("scenario::field", message)
            .at(place, if field.is_some() { "this field" } else { "this work" })
            .at(content.place, format!("records come from here: {}", content.schema.name))
            .help(if work == &Operation::Pass { "choose another payload".to_owned() } else { help }),
    );
}

/// The field that is wrong, what is wrong, and how to mend it.
pub(super) fn in_words<'e>(error: &'e OperationError, schema: &Schema) -> (Option<&'e str>, String, String) {
    match error {
        OperationError::UnknownField { field, .. } => {
            (Some(field.as_str()), format!("what it reads has no field `{field}`"), fields(schema, field))
        }
        OperationError::WrongKind { field, is, wants } => {
            (Some(field.as_str()), format!("`{field}` holds {}, and {wants}", kind(*is)), suitable(schema))
        }
        OperationError::DuplicateField(field) => (
            Some(field.as_str()),
            format!("there is a field `{field}` already"),
            "choose another name".to_owned(),
        ),
        OperationError::Setting(what) => (None, (*what).to_owned(), "change the setting".to_owned()),
    }
}

fn kind(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Int => "whole numbers",
        FieldKind::Float => "numbers",
        FieldKind::Text => "texts",
        FieldKind::Bool => "true or false",
        FieldKind::Timestamp => "times",
    }
}

fn suitable(schema: &Schema) -> String {
    let fields: Vec<_> =
        schema.fields.iter().map(|field| format!("`{}` ({})", field.name, kind(field.kind))).collect();
    format!("there are {}", fields.join(", "))
}
