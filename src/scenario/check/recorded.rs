//! What can be checked only when traces are loaded: the works that read recorded data find their fields in it.

use std::collections::BTreeMap;

use crate::workload::{Operation, Schema};

use super::super::error::{Finding, Findings, Span};
use super::super::scenario::{Processor, Scenario};
use super::payloads::in_words;

/// What a topic carries that was recorded, or made of what was recorded.
#[derive(Clone)]
struct Content {
    /// None: bytes without fields.
    schema: Option<Schema>,
    /// Where the trace is named.
    trace: Span,
}

/// Follows recorded data from processor to processor. `traces` says which topics are written from traces, and where
/// these are named.
pub fn check(scenario: &Scenario, traces: &[(String, Span)], findings: &mut Findings) {
    let mut contents = BTreeMap::new();
    for (topic, trace) in traces {
        // The first entry that writes to a topic decides what it carries.
        let first = scenario.generators.iter().find(|generator| generator.topic == *topic);
        let schema = first.and_then(|generator| generator.schema());
        contents.entry(topic.as_str()).or_insert(Content { schema, trace: *trace });
    }
    let mut waiting: Vec<&Processor> = scenario.processors.iter().collect();
    loop {
        let before = waiting.len();
        waiting.retain(|processor| {
            let known = scenario.read_by(&processor.reader).into_iter().find_map(|topic| contents.get(topic));
            let Some(content) = known.cloned() else { return true };
            if let Some(made) = work(processor, content, findings) {
                contents.entry(processor.to.as_str()).or_insert(made);
            }
            false
        });
        if waiting.len() == before {
            return;
        }
    }
}

/// What the processor makes of it, if it can work on it.
fn work(processor: &Processor, content: Content, findings: &mut Findings) -> Option<Content> {
    let Content { schema, trace } = content;
    let (message, help) = match (&processor.work, schema) {
        (Operation::Pass, schema) => return Some(Content { schema, trace }),
        (_, None) => (
            "what it reads was recorded as it stands and has no fields".to_owned(),
            "leave `payload` out of the replay: then every column is a field".to_owned(),
        ),
        (work, Some(schema)) => match work.output_schema(&schema) {
            Ok(schema) => return Some(Content { schema: Some(schema), trace }),
            Err(error) => {
                let (_, message, help) = in_words(&error, &schema);
                (message, help)
            }
        },
    };
    let finding = Finding::new("scenario::field", format!("`{}`: {message}", processor.name));
    let finding = finding.at_some(processor.work_place, "this work");
    findings.report(finding.at(trace, "records come from here").help(help));
    None
}
