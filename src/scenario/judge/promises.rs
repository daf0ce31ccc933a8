//! `[expect]`: names of the catalogue, alone or in a table with what is said about them.

use crate::observe::promise::{CATALOGUE, Counts, Entry, Mode, Parameter};
use crate::trace::Reason;

use super::super::error::{Finding, did_you_mean, one_of};
use super::super::file::{Node, Table};
use super::super::language::{Key, Shape};
use super::Judge;

impl Judge<'_> {
    pub(super) fn promises(&mut self, node: &Node, mode: Mode) {
        let Some(list) = node.list() else {
            let help = format!("write it in brackets, as in {} = [\"{}\"]", mode.name(), first(mode).name);
            return self.wrong_type(node, mode.name(), "a list", &help);
        };
        if list.is_empty() {
            let finding = Finding::new("expect::empty", format!("`{}` expects nothing", mode.name()));
            let help = "name a promise, or leave the line out; `brokersim explain` lists them";
            self.findings.report(finding.at(node.place, "an empty list").help(help));
        }
        for node in list {
            self.promise(node, mode);
        }
    }

    fn promise(&mut self, node: &Node, mode: Mode) {
        let Some(table) = node.table() else {
            let Some(name) = node.text() else {
                let help = "write its name in quotes, or { promise = \"...\" }";
                return self.wrong_type(node, mode.name(), "a promise", help);
            };
            if let Some(entry) = self.known(name, node, mode) {
                self.bounded(entry, node, None);
            }
            return;
        };
        let Some(name) = table.value("promise") else {
            self.findings.report(
                Finding::new("expect::promise", "the entry does not say which promise")
                    .at(node.place, "no `promise`")
                    .help(format!("add promise = \"{}\" or another", first(mode).name)),
            );
            return;
        };
        let Some(text) = name.text() else {
            return self.wrong_type(name, "promise", "a text", "write its name in quotes");
        };
        if let Some(entry) = self.known(text, name, mode) {
            let keys = keys(entry, mode);
            self.table(table, node.place, &format!("`{}` under `{}`", entry.name, mode.name()), &keys, None);
            self.bounded(entry, node, Some(table));
            self.causes(table);
        }
    }

    fn known(&mut self, name: &str, node: &Node, mode: Mode) -> Option<&'static Entry> {
        let Some(entry) = CATALOGUE.iter().find(|entry| entry.name == name) else {
            let names = CATALOGUE.iter().filter(|entry| entry.takes(mode)).map(|entry| entry.name);
            let all = CATALOGUE.iter().map(|entry| entry.name);
            let near = super::closest(name, names).or_else(|| super::closest(name, all));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`brokersim explain` lists all promises".to_owned(),
            };
            self.findings.report(
                Finding::new("expect::promise", format!("there is no promise `{name}`"))
                    .at(node.place, "not in the catalogue")
                    .help(help),
            );
            return None;
        };
        if entry.takes(mode) {
            return Some(entry);
        }
        self.findings.report(
            Finding::new("expect::mode", format!("`{name}` means nothing under `{}`", mode.name()))
                .at(node.place, entry.about)
                .help(instead(entry, mode)),
        );
        None
    }

    /// A promise with a bound says it.
    fn bounded(&mut self, entry: &Entry, node: &Node, table: Option<&Table>) {
        let has = |name: &str| table.is_some_and(|table| table.get(name).is_some());
        if entry.has(Parameter::TimeOrRecords) && has("time") && has("records") {
            self.findings.report(
                Finding::new("expect::bound", format!("`{}` has two bounds", entry.name))
                    .at(node.place, "both `time` and `records`")
                    .help("make two entries of it"),
            );
            return;
        }
        let missing = entry.has(Parameter::TimeOrRecords) && !has("time") && !has("records");
        // In a table a missing `time` has been reported with its keys.
        if missing || (entry.has(Parameter::Time) && table.is_none()) {
            let what = if missing { "neither `time` nor `records`" } else { "no `time`" };
            self.findings.report(
                Finding::new("expect::bound", format!("`{}` does not say its bound", entry.name))
                    .at(node.place, what)
                    .help(format!("write {}", entry.example)),
            );
        }
    }

    fn causes(&mut self, table: &Table) {
        let Some(causes) = table.value("causes").and_then(Node::table) else { return };
        for entry in &causes.entries {
            if Reason::named(&entry.name).is_none() {
                let names = Reason::ALL.iter().map(|reason| reason.name());
                self.findings.report(
                    Finding::new("expect::cause", format!("there is no cause `{}`", entry.name))
                        .at(entry.place, "not a cause of loss")
                        .help(did_you_mean(&entry.name, names)),
                );
            }
            self.count(&entry.node, &entry.name, 1, i64::MAX);
        }
    }
}

/// The first promise of a mode, for examples.
fn first(mode: Mode) -> &'static Entry {
    CATALOGUE.iter().find(|entry| entry.takes(mode)).expect("every mode has promises")
}

fn instead(entry: &Entry, mode: Mode) -> String {
    if entry.takes(Mode::Sometimes) {
        return "it is something that happens: write it under `sometimes`".to_owned();
    }
    if mode == Mode::Sometimes {
        let events = CATALOGUE.iter().filter(|entry| entry.takes(Mode::Sometimes));
        return format!("`sometimes` takes what may happen: {}", one_of(events.map(|entry| entry.name)));
    }
    if mode == Mode::Eventually {
        return "what has gone wrong once does not mend: write it under `always`".to_owned();
    }
    let modes = Mode::ALL.into_iter().filter(|mode| entry.takes(*mode));
    format!(
        "write it under {}",
        modes.map(|mode| format!("`{}`", mode.name())).collect::<Vec<_>>().join(" or ")
    )
}

/// What may be said about a promise under a word of `[expect]`.
pub fn keys(entry: &Entry, mode: Mode) -> Vec<Key> {
    let key = |name, shape, required, about| Key { name, shape, required, about };
    let mut keys = vec![key("promise", Shape::Text, true, "which one")];
    for parameter in entry.parameters {
        match parameter {
            Parameter::Topic => keys.push(key("topic", Shape::Text, false, "only this topic or channel")),
            Parameter::Group => keys.push(key("group", Shape::Text, false, "only this group")),
            Parameter::Time => keys.push(key("time", Shape::Period, true, "the bound")),
            Parameter::TimeOrRecords => {
                keys.push(key("time", Shape::Period, false, "the bound, in time"));
                keys.push(key("records", BOUND, false, "the bound, in records"));
            }
            Parameter::Usual => {
                keys.push(key("records", BOUND, false, "how much may wait; what was usual unless said"));
            }
        }
    }
    if mode != Mode::Broken {
        return keys;
    }
    let exactly = match (entry.counts, entry.bounds_records()) {
        (Counts::Records, false) => key("records", BOUND, false, "for how many records, exactly"),
        (Counts::Times, _) | (Counts::Records, true) => key("times", BOUND, false, "how often, exactly"),
    };
    keys.push(exactly);
    if entry.has_causes() {
        keys.push(key("causes", Shape::Map, false, "how many records for each of these causes, exactly"));
    }
    keys
}

const BOUND: Shape = Shape::Count(1, i64::MAX);
