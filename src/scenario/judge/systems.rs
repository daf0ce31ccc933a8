//! Judges the systems' own settings: Kafka's by scope, ZeroMQ's options.

use crate::kafka::settings::{self, Scope, Treatment};
use crate::zeromq::settings as zeromq;

use super::super::error::{Finding, Span, closest};
use super::super::file::{Entry, Setting, Table, doubles};
use super::super::language::Key;
use super::super::read::{given, option};
use super::Judge;

impl Judge<'_> {
    pub(super) fn sockets(&mut self, table: &Table, title: &str, place: Span, keys: &[Key]) {
        let (own, options): (Vec<_>, Vec<_>) =
            table.entries.iter().cloned().partition(|entry| keys.iter().any(|key| key.name == entry.name));
        self.table(&Table { entries: own }, place, title, keys, None);
        for entry in &options {
            self.option(entry, title, keys);
        }
    }

    fn option(&mut self, entry: &Entry, title: &str, keys: &[Key]) {
        let name = entry.name.as_str();
        let Some(setting) = zeromq::find(name) else {
            let plain = name.strip_prefix("ZMQ_").unwrap_or(name);
            let names = zeromq::SETTINGS.iter().map(|setting| setting.name);
            let finding = Finding::new("zeromq::unknown_option", format!("{title} has no option `{name}`"));
            let help = match closest(plain, keys.iter().map(|key| key.name).chain(names)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`brokersim settings zeromq` lists what there is".to_owned(),
            };
            return self.findings.report(finding.at(entry.place, "no such option").help(help));
        };
        if setting.treatment == zeromq::Treatment::Refused {
            let finding = Finding::new("zeromq::refused", format!("`{name}` cannot be set"));
            return self.findings.report(finding.at(entry.place, "refused").help(setting.note));
        }
        if let Err(error) = option(setting, &entry.node) {
            let finding = Finding::new("zeromq::option", error.message);
            self.findings.report(finding.at(entry.node.place, "not a value of this option").help(error.help));
        }
    }

    pub(super) fn settings(&mut self, settings: &[Setting<'_>], scope: Scope, keys: &[Key]) {
        for (name, first, second) in doubles(settings) {
            self.findings.report(
                Finding::new("kafka::setting", format!("`{name}` is set twice"))
                    .at(second, "again here")
                    .at(first, "first here")
                    .help("keep one of them"),
            );
        }
        for setting in settings {
            self.setting(setting, scope, keys);
        }
    }

    fn setting(&mut self, written: &Setting<'_>, scope: Scope, keys: &[Key]) {
        let name = &written.name;
        let Some(setting) = settings::find(scope, name) else {
            return self.unknown_setting(written, scope, keys);
        };
        if setting.treatment == Treatment::Refused {
            let finding = Finding::new("kafka::refused", format!("`{name}` cannot be set"));
            return self.findings.report(finding.at(written.key, "refused").help(setting.note));
        }
        if let Err(error) = given(&setting, written.node) {
            let finding = Finding::new("kafka::setting", error.message);
            self.findings
                .report(finding.at(written.node.place, "not a value of this setting").help(error.help));
        }
    }

    fn unknown_setting(&mut self, written: &Setting<'_>, scope: Scope, keys: &[Key]) {
        let name = written.name.as_str();
        let names: Vec<_> = settings::of(scope).iter().map(|setting| setting.name).collect();
        let own = keys.iter().map(|key| key.name);
        let elsewhere = Scope::ALL.into_iter().find(|other| settings::find(*other, name).is_some());
        let help = if let Some(other) = elsewhere {
            format!("it is a {} setting: write it {}", other.name(), other.place())
        } else if name.starts_with("zookeeper.") {
            "ZooKeeper-era clusters are not modelled; brokers here run KRaft".to_owned()
        } else {
            match closest(name, own.chain(names)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`brokersim settings kafka` lists what there is".to_owned(),
            }
        };
        self.findings.report(
            Finding::new("kafka::unknown_setting", format!("Kafka has no {} setting `{name}`", scope.name()))
                .at(written.key, "no such setting")
                .help(help),
        );
    }
}
