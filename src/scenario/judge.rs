//! Judges a file against the language, key by key, and says everything that is wrong.
//!
//! **Invariant.** A value that passes here is understood by `read` in the next step.
//!
//! **Not judged here:** what several entries mean together; that is `check`.

mod promises;
mod systems;

use crate::kafka::settings::{self, Scope};

use super::error::{Finding, Findings, Span, closest, did_you_mean, one_of};
use super::file::{Entry, Node, Setting, Table, Value};
use super::language::{FILE, Form, Forms, Key, Shape};
use super::units::{self, UnitError};

pub use promises::keys as promise_keys;

/// Judges the whole file.
pub fn judge(root: &Table, findings: &mut Findings) {
    let mut judge = Judge { findings };
    judge.table(root, Span::new(0, 0), "the file", FILE, None);
}

struct Judge<'f> {
    findings: &'f mut Findings,
}

impl Judge<'_> {
    fn table(&mut self, table: &Table, place: Span, title: &str, keys: &[Key], scope: Option<Scope>) {
        let mut beside = Vec::new();
        for entry in &table.entries {
            match keys.iter().find(|key| key.name == entry.name) {
                Some(key) => {
                    self.value(&entry.node, &below(title, &entry.name, key.shape), &entry.name, key.shape)
                }
                None if scope.is_some() => beside.extend(flat(entry)),
                None => self.unknown(entry, title, keys),
            }
        }
        if let Some(scope) = scope {
            let (own, settings): (Vec<_>, Vec<_>) =
                beside.into_iter().partition(|setting| keys.iter().any(|key| key.name == setting.name));
            for setting in own {
                let key = keys.iter().find(|key| key.name == setting.name).expect("it was found");
                self.value(setting.node, title, key.name, key.shape);
            }
            self.settings(&settings, scope, keys);
        }
        for key in keys.iter().filter(|key| key.required && table.get(key.name).is_none()) {
            self.missing(place, title, key);
        }
    }

    fn missing(&mut self, place: Span, title: &str, key: &Key) {
        let what = if title == "the file" { format!("[{}]", key.name) } else { format!("`{}`", key.name) };
        self.findings.report(
            Finding::new("scenario::missing", format!("{title} has no {what}"))
                .at(place, "needed here")
                .help(format!("add {}: {}", example(key), key.about)),
        );
    }

    fn unknown(&mut self, entry: &Entry, title: &str, keys: &[Key]) {
        let full = flat(entry).first().map_or_else(|| entry.name.clone(), |first| first.name.clone());
        let names = keys.iter().map(|key| key.name);
        let what = if title == "the file" { "section" } else { "key" };
        let finding =
            Finding::new("scenario::unknown_key", format!("{title} has no {what} `{}`", entry.name));
        let help = match client_scope(&full, keys) {
            Some(scope) => {
                format!("it is a {} setting of Kafka: write `{}.{full}`", scope.name(), scope.name())
            }
            None => did_you_mean(&entry.name, names),
        };
        self.findings.report(finding.at(entry.place, format!("no such {what}")).help(help));
    }

    fn value(&mut self, node: &Node, title: &str, name: &str, shape: Shape) {
        match shape {
            Shape::Text | Shape::Name | Shape::Scalar | Shape::Choice(_) => self.word(node, name, shape),
            Shape::Flag => self.flag(node, name),
            Shape::Count(least, most) => self.count(node, name, least, most),
            Shape::Number(least, most) => self.number(node, name, least, most),
            Shape::Duration => {
                self.quantity(node, name, "a length of time, as in \"250ms\"", units::duration)
            }
            Shape::Period => self.period(node, name, 1),
            Shape::Millis => self.period(node, name, 1_000_000),
            Shape::Size => self.quantity(node, name, "a size, as in \"16KiB\"", units::bytes),
            Shape::Bandwidth => {
                self.quantity(node, name, "a bandwidth, as in \"100MiB/s\"", units::bandwidth)
            }
            Shape::RateOrNone => self.quantity(node, name, "a rate, as in \"2k/s\"", units::rate),
            Shape::Rate => self.rate(node, name),
            Shape::Forms(forms) => self.forms(node, title, name, forms),
            Shape::List(shape) => self.list(node, title, name, *shape, None),
            Shape::Pair(shape) => self.list(node, title, name, *shape, Some(2)),
            Shape::OneOrMore(shape) => match &node.value {
                Value::List(_) => self.list(node, title, name, *shape, None),
                Value::Text(_)
                | Value::Integer(_)
                | Value::Float(_)
                | Value::Flag(_)
                | Value::Date(_)
                | Value::Table(_) => self.value(node, title, name, *shape),
            },
            Shape::Table(keys) => self.section(node, title, name, |judge, table| {
                judge.table(table, node.place, title, keys, None);
            }),
            Shape::Configured(keys, scope) => self.section(node, title, name, |judge, table| {
                judge.table(table, node.place, title, keys, Some(scope));
            }),
            Shape::Sockets(keys) => self.section(node, title, name, |judge, table| {
                judge.sockets(table, title, node.place, keys);
            }),
            Shape::Settings(scope) => self.section(node, title, name, |judge, table| {
                judge.settings(&table.flatten(), scope, &[]);
            }),
            Shape::Map => self.section(node, title, name, |judge, table| {
                for entry in &table.entries {
                    judge.word(&entry.node, &entry.name, Shape::Scalar);
                }
            }),
            Shape::Named(shape) => {
                self.section(node, title, name, |judge, table| judge.named(table, title, *shape))
            }
            Shape::Tables(keys) => self.tables(node, name, keys),
            Shape::Promises(mode) => self.promises(node, mode),
        }
    }

    fn named(&mut self, table: &Table, title: &str, shape: Shape) {
        for entry in &table.entries {
            if !is_name(&entry.name) {
                self.bad_name(entry.place, &entry.name);
            }
            let title = format!("{}.{}]", title.trim_end_matches(']'), entry.name);
            self.value(&entry.node, &title, &entry.name, shape);
        }
    }

    fn tables(&mut self, node: &Node, name: &str, keys: &[Key]) {
        let Some(list) = node.list() else {
            let finding = Finding::new("scenario::type", format!("there may be several of `{name}`"));
            self.findings.report(
                finding
                    .at(node.place, node.value.kind())
                    .help(format!("write [[{name}]] in double brackets")),
            );
            return;
        };
        for (at, node) in list.iter().enumerate() {
            let called = node.table().and_then(|table| table.value("name")).and_then(Node::text);
            let title = match called {
                Some(called) => format!("{name} `{called}`"),
                None if list.len() == 1 => format!("the {name}"),
                None => format!("{name} number {}", at + 1),
            };
            self.section(node, &title, name, |judge, table| {
                judge.table(table, node.place, &title, keys, None)
            });
        }
    }

    fn section(&mut self, node: &Node, title: &str, name: &str, inner: impl FnOnce(&mut Self, &Table)) {
        match node.table() {
            Some(table) => inner(self, table),
            None => {
                let help = if title.starts_with('[') {
                    format!("write a section {title}")
                } else {
                    format!("write {name} = {{ ... }}")
                };
                self.wrong_type(node, name, "a table", &help);
            }
        }
    }

    fn word(&mut self, node: &Node, name: &str, shape: Shape) {
        match (shape, &node.value) {
            (Shape::Scalar, Value::Flag(_)) => {}
            (Shape::Scalar, Value::Integer(_) | Value::Float(_)) => {}
            (Shape::Choice(choices), Value::Text(text)) => {
                if !choices.contains(&text.as_str()) {
                    self.not_a_choice(node, name, text, choices);
                }
            }
            (Shape::Choice(choices), _) => {
                self.wrong_type(node, name, "a text", &one_of(choices.iter().copied()))
            }
            (Shape::Name, Value::Text(text)) if !is_name(text) => self.bad_name(node.place, text),
            (_, Value::Text(text)) if text.is_empty() => {
                let finding = Finding::new("scenario::value", format!("`{name}` is empty"));
                self.findings
                    .report(finding.at(node.place, "nothing between the quotes").help("say something"));
            }
            (_, Value::Text(_)) => {}
            (_, _) => self.wrong_type(node, name, "a text", "texts stand in quotes"),
        }
    }

    fn flag(&mut self, node: &Node, name: &str) {
        if node.flag().is_none() {
            self.wrong_type(node, name, "true or false", "without quotes");
        }
    }

    fn not_a_choice(&mut self, node: &Node, name: &str, text: &str, choices: &[&str]) {
        let help = match (name, text.split('.').next()) {
            ("version", _) if choices == ["5"] => {
                "MQTT 5 is spoken to the broker; 3.1.1 and 3.1 are not".to_owned()
            }
            ("version", Some("0" | "1" | "2" | "3")) => {
                "only KRaft clusters are modelled: 3.9 and later; releases of the ZooKeeper era are not"
                    .to_owned()
            }
            _ => match closest(text, choices.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? {}", one_of(choices.iter().copied())),
                None => one_of(choices.iter().copied()),
            },
        };
        let finding = Finding::new("scenario::value", format!("`{name}` cannot be `{text}`"));
        self.findings.report(finding.at(node.place, "not one of the choices").help(help));
    }

    fn bad_name(&mut self, place: Span, name: &str) {
        self.findings.report(
            Finding::new("scenario::name", format!("`{name}` cannot be a name"))
                .at(place, "not a name")
                .help("names have 1 to 249 letters, digits, dots, dashes and underscores, and are not `.` or `..`"),
        );
    }

    fn count(&mut self, node: &Node, name: &str, least: i64, most: i64) {
        match node.integer() {
            Some(number) if (least..=most).contains(&number) => {}
            Some(number) => self.out_of_bounds(node, name, &number.to_string(), &bounds(least, most)),
            None => self.wrong_type(node, name, "a whole number", &format!("write {}", bounds(least, most))),
        }
    }

    fn number(&mut self, node: &Node, name: &str, least: f64, most: f64) {
        match node.number() {
            Some(number) if (least..=most).contains(&number) => {}
            Some(number) => {
                self.out_of_bounds(
                    node,
                    name,
                    &number.to_string(),
                    &format!("a number from {least} to {most}"),
                );
            }
            None => self.wrong_type(node, name, "a number", "write it without quotes, as in 1.5"),
        }
    }

    fn out_of_bounds(&mut self, node: &Node, name: &str, said: &str, bounds: &str) {
        let finding = Finding::new("scenario::value", format!("`{name}` cannot be {said}"));
        self.findings.report(finding.at(node.place, "out of bounds").help(format!("it is {bounds}")));
    }

    /// Reports unless the node is a text that `read` takes; says whether it is.
    fn quantity<T>(&mut self, node: &Node, name: &str, wanted: &str, read: fn(&str) -> Result<T, UnitError>) {
        match node.text().map(read) {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.unit_error(node, error),
            None => self.wrong_type(node, name, wanted, &with_unit(node, wanted)),
        }
    }

    fn period(&mut self, node: &Node, name: &str, grain: u64) {
        let Some(duration) = node.duration() else {
            return self.quantity(node, name, "a length of time, as in \"250ms\"", units::duration);
        };
        if duration.is_zero() {
            let finding = Finding::new("scenario::value", format!("`{name}` cannot be zero"));
            self.findings
                .report(finding.at(node.place, "no time at all").help("write a length of time above zero"));
        } else if duration.as_nanos() % grain != 0 {
            let finding = Finding::new("scenario::value", format!("`{name}` counts whole milliseconds"));
            self.findings.report(finding.at(node.place, "finer than that").help("round it to milliseconds"));
        }
    }

    fn rate(&mut self, node: &Node, name: &str) {
        if node.rate().is_some_and(|rate| rate.events == 0) {
            let finding = Finding::new("scenario::value", format!("`{name}` cannot be a rate of zero"));
            let help = "write a rate above zero, or leave the entry out to send nothing";
            return self.findings.report(finding.at(node.place, "nothing would ever arrive").help(help));
        }
        self.quantity(node, name, "a rate, as in \"2k/s\"", units::rate);
    }

    fn list(&mut self, node: &Node, title: &str, name: &str, shape: Shape, length: Option<usize>) {
        let Some(list) = node.list() else {
            return self.wrong_type(node, name, "a list", "write it in brackets, as in [\"a\", \"b\"]");
        };
        if list.is_empty() || length.is_some_and(|length| length != list.len()) {
            let wanted = length.map_or("at least one value".to_owned(), |length| format!("{length} values"));
            let finding = Finding::new("scenario::value", format!("`{name}` has {} values", list.len()));
            self.findings
                .report(finding.at(node.place, "too few or too many").help(format!("it takes {wanted}")));
        }
        for node in list {
            self.value(node, title, name, shape);
        }
    }

    fn forms(&mut self, node: &Node, title: &str, name: &str, forms: &Forms) {
        let before = self.findings.count();
        if let Some(table) = node.table() {
            self.form(table, node, title, name, forms);
        } else {
            let word = node.word().unwrap_or_default();
            if forms.words.contains(&word.as_str()) {
                return;
            }
            match forms.plain {
                Some(shape) => self.value(node, title, name, shape),
                None => self.no_form(node, name, &word, forms),
            }
        }
        if self.findings.count() == before
            && let Some(finding) = (forms.check)(node)
        {
            self.findings.report(finding);
        }
    }

    fn form(&mut self, table: &Table, node: &Node, title: &str, name: &str, forms: &Forms) {
        let tagged = forms.tables.iter().any(|form| form.tag.is_some());
        let tag = table.value("kind").and_then(Node::text);
        let found = forms.tables.iter().find(|form| match form.tag {
            Some(name) => tag == Some(name),
            None => table.get(form.head).is_some(),
        });
        let title = format!("`{name}` of {title}");
        match found {
            Some(form) if form.tag.is_none() && self.two_heads(table, form, name, forms) => {}
            Some(form) => {
                let keys: Vec<Key> =
                    form.tag.map(tag_key).into_iter().chain(form.keys.iter().copied()).collect();
                self.table(table, node.place, &title, &keys, None);
            }
            None if tagged => self.no_kind(table, node, name, tag, forms),
            None => self.no_head(table, node, name, forms),
        }
    }

    /// Whether a table says the same thing in two ways, each of which would do.
    fn two_heads(&mut self, table: &Table, form: &Form, name: &str, forms: &Forms) -> bool {
        let place = |head: &str| table.get(head).map(|entry| entry.place);
        let is_own = |head: &str| form.keys.iter().any(|key| key.name == head);
        let other =
            forms.tables.iter().map(|form| form.head).find(|head| !is_own(head) && place(head).is_some());
        let Some(other) = other else { return false };
        self.findings.report(
            Finding::new("scenario::conflict", format!("`{name}` is said in two ways"))
                .at_some(place(form.head), format!("`{}`", form.head))
                .at_some(place(other), format!("`{other}`"))
                .help("keep one of them"),
        );
        true
    }

    fn no_kind(&mut self, table: &Table, node: &Node, name: &str, tag: Option<&str>, forms: &Forms) {
        let kinds: Vec<&str> = forms.tables.iter().filter_map(|form| form.tag).collect();
        let finding = match tag {
            Some(tag) => {
                Finding::new("scenario::value", format!("there is no kind of {name} called `{tag}`"))
                    .at(table.value("kind").map_or(node.place, |kind| kind.place), "no such kind")
                    .help(did_you_mean(tag, kinds.iter().copied()))
            }
            None => Finding::new("scenario::missing", format!("`{name}` does not say its kind"))
                .at(node.place, "no `kind`")
                .help(format!("add kind = \"{}\" or another: {}", kinds[0], one_of(kinds.iter().copied()))),
        };
        self.findings.report(finding);
    }

    fn no_head(&mut self, table: &Table, node: &Node, name: &str, forms: &Forms) {
        let heads = forms.tables.iter().map(|form| form.head);
        let first = table.entries.first();
        let said = first.map_or("", |entry| entry.name.as_str());
        let place = first.map_or(node.place, |entry| entry.place);
        let help = match closest(said, heads.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("{}{}", one_of(heads), forms.plain.map_or(String::new(), plain_hint)),
        };
        self.findings.report(
            Finding::new("scenario::value", format!("`{{ {said} = ... }}` is not {}", forms.what))
                .at(place, format!("not a way to write `{name}`"))
                .help(help),
        );
    }

    fn no_form(&mut self, node: &Node, name: &str, word: &str, forms: &Forms) {
        let words = forms.words.iter().copied();
        let heads = forms.tables.iter().filter(|form| form.tag.is_none()).map(|form| form.head);
        let near = closest(word, words.clone().chain(heads.clone()));
        let help = match near {
            Some(near) if forms.words.contains(&near) => format!("did you mean \"{near}\"?"),
            Some(near) => format!("did you mean {name} = {{ {near} = ... }}?"),
            None => ways(forms, name),
        };
        let said = if word.is_empty() { format!("`{name}`") } else { format!("`{word}`") };
        let finding = Finding::new("scenario::value", format!("{said} is not {}", forms.what));
        self.findings.report(finding.at(node.place, format!("not a way to write `{name}`")).help(help));
    }

    fn unit_error(&mut self, node: &Node, error: UnitError) {
        let finding = Finding::new("scenario::unit", error.message);
        self.findings.report(finding.at(node.place, "not understood").help(error.help));
    }

    fn wrong_type(&mut self, node: &Node, name: &str, wanted: &str, help: &str) {
        let wanted = wanted.split(", as in").next().unwrap_or(wanted);
        self.findings.report(
            Finding::new("scenario::type", format!("`{name}` is not {wanted}"))
                .at(node.place, format!("this is {}", node.value.kind()))
                .help(help),
        );
    }
}

/// The entry under its dotted names; an empty table is reported by its own name.
fn flat(entry: &Entry) -> Vec<Setting<'_>> {
    match entry.node.table() {
        Some(table) if !table.entries.is_empty() => {
            table.flatten().into_iter().map(|setting| below_entry(entry, setting)).collect()
        }
        Some(_) | None => vec![Setting { name: entry.name.clone(), key: entry.place, node: &entry.node }],
    }
}

fn below_entry<'t>(entry: &Entry, setting: Setting<'t>) -> Setting<'t> {
    let in_one_piece = setting.key.start == entry.place.end + 1;
    let start = if in_one_piece { entry.place.start } else { setting.key.start };
    let key = Span::new(start, setting.key.end);
    Setting { name: format!("{}.{}", entry.name, setting.name), key, ..setting }
}

/// What a table is called in messages: sections by their header, values by their key.
fn below(title: &str, name: &str, shape: Shape) -> String {
    let is_section = match shape {
        Shape::Table(_) | Shape::Configured(..) | Shape::Sockets(_) | Shape::Named(_) => {
            title == "the file" || title.starts_with('[')
        }
        Shape::Text
        | Shape::Name
        | Shape::Count(..)
        | Shape::Number(..)
        | Shape::Duration
        | Shape::Period
        | Shape::Millis
        | Shape::Size
        | Shape::Rate
        | Shape::RateOrNone
        | Shape::Bandwidth
        | Shape::Choice(_)
        | Shape::Scalar
        | Shape::Flag
        | Shape::Map
        | Shape::Forms(_)
        | Shape::List(_)
        | Shape::Pair(_)
        | Shape::OneOrMore(_)
        | Shape::Tables(_)
        | Shape::Promises(_)
        | Shape::Settings(_) => false,
    };
    match (is_section, title) {
        (true, "the file") => format!("[{name}]"),
        (true, title) => format!("{}.{name}]", title.trim_end_matches(']')),
        (false, title) => title.to_owned(),
    }
}

fn client_scope(name: &str, keys: &[Key]) -> Option<Scope> {
    [Scope::Producer, Scope::Consumer].into_iter().find(|scope| {
        keys.iter().any(|key| key.name == scope.name()) && settings::find(*scope, name).is_some()
    })
}

fn tag_key(_: &'static str) -> Key {
    Key { name: "kind", shape: Shape::Text, required: true, about: "which kind" }
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=249).contains(&text.len()) && text.chars().all(allowed) && text != "." && text != ".."
}

fn bounds(least: i64, most: i64) -> String {
    match (least, most) {
        (least, i64::MAX) => format!("a whole number, {least} or more"),
        (least, most) if most >= i64::from(i32::MAX) => format!("a whole number, {least} or more"),
        (least, most) => format!("a whole number from {least} to {most}"),
    }
}

fn with_unit(node: &Node, wanted: &str) -> String {
    let units = match wanted.split(',').next() {
        Some("a length of time") => ["s", "ms"],
        Some("a size") => ["B", "KiB"],
        Some("a bandwidth") => ["B/s", "MiB/s"],
        Some(_) | None => ["/s", "/min"],
    };
    match node.integer() {
        Some(number) => {
            format!("a bare number has no unit: write \"{number}{}\" or \"{number}{}\"", units[0], units[1])
        }
        None => format!("write {wanted}"),
    }
}

fn plain_hint(shape: Shape) -> String {
    match shape {
        Shape::Duration => ", or a plain length of time such as \"2ms\"".to_owned(),
        Shape::Size => ", or a plain size such as \"100B\"".to_owned(),
        other => unreachable!("{other:?} is no plain form"),
    }
}

fn ways(forms: &Forms, name: &str) -> String {
    let mut ways: Vec<String> = forms.words.iter().map(|word| format!("\"{word}\"")).collect();
    ways.extend(
        forms
            .tables
            .iter()
            .filter(|form| form.tag.is_none())
            .map(|form: &Form| format!("{{ {} = ... }}", form.head)),
    );
    format!("write {name} = {}", ways.join(" or "))
}

/// How a missing key may be written.
fn example(key: &Key) -> String {
    let value = match key.shape {
        Shape::Duration | Shape::Period | Shape::Millis => "\"10s\"",
        Shape::Size => "\"1KiB\"",
        Shape::Rate | Shape::RateOrNone => "\"500/s\"",
        Shape::Bandwidth => "\"100MiB/s\"",
        Shape::Count(..) => "1",
        Shape::Number(..) => "0.5",
        Shape::Choice(choices) => return format!("{} = \"{}\"", key.name, choices[0]),
        Shape::Table(_) | Shape::Configured(..) | Shape::Sockets(_) | Shape::Named(_) => {
            return format!("a section [{}]", key.name);
        }
        Shape::Forms(forms) if std::ptr::eq(forms, &super::language::ARRIVALS) => "{ poisson = \"500/s\" }",
        Shape::Forms(_) | Shape::Map | Shape::Settings(_) | Shape::Tables(_) => "{ ... }",
        Shape::List(_) | Shape::Pair(_) | Shape::OneOrMore(_) | Shape::Promises(_) => "[ ... ]",
        Shape::Text | Shape::Name | Shape::Scalar => "\"...\"",
        Shape::Flag => "true",
    };
    format!("{} = {value}", key.name)
}
