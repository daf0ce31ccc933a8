//! The scenario file as written: a tree of values that remember where they stand.
//!
//! Overrides of the command line are laid over the tree before anything is checked, so that one set of
//! rules judges both.
//!
//! **Invariant.** Nothing is interpreted here; what a value means is decided in the next layer.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeArray, DeTable, DeValue};

use super::error::{Finding, Findings, Sources, Span};

/// Values that replace those of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `path=value` each, as given to `--set`. Entries of arrays are named: `generator.shop.instances=2`.
    pub set: Vec<String>,
    /// `--seed`: the same as `run.seed=N`.
    pub seed: Option<u64>,
    /// `--duration`: the same as `run.duration=TEXT`.
    pub duration: Option<String>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value stands.
    pub place: Span,
    /// What it is.
    pub value: Value,
}

/// A value of a TOML file.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Flag(bool),
    /// A date or a time of day; nothing in a scenario is one.
    Date(String),
    /// Values in order.
    List(Vec<Node>),
    /// Named values.
    Table(Table),
}

impl Value {
    /// What it is called in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Flag(_) => "true or false",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Named values in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The entries; names are distinct.
    pub entries: Vec<Entry>,
}

/// One named value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name, without quotes.
    pub name: String,
    /// Where the name stands.
    pub place: Span,
    /// The value.
    pub node: Node,
}

impl Table {
    /// The entry of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// Where the value at a path of names stands.
    pub fn place(&self, path: &[&str]) -> Option<Span> {
        let (first, rest) = path.split_first()?;
        // A dotted name may be written as nested tables or in quotes.
        self.entries.iter().find_map(|entry| match &entry.node.value {
            Value::Table(table) if entry.name == *first && !rest.is_empty() => table.place(rest),
            _ if rest.is_empty() && entry.name == *first => Some(entry.node.place),
            _ if entry.name == path.join(".") => Some(entry.node.place),
            _ => None,
        })
    }

    /// Every value below this table under its dotted name, depth first; tables are not values.
    pub fn flatten(&self) -> Vec<Setting<'_>> {
        let mut settings = Vec::new();
        self.flatten_into("", None, &mut settings);
        settings
    }

    fn flatten_into<'t>(&'t self, prefix: &str, above: Option<Span>, settings: &mut Vec<Setting<'t>>) {
        for entry in &self.entries {
            let name =
                if prefix.is_empty() { entry.name.clone() } else { format!("{prefix}.{}", entry.name) };
            // `min.insync.replicas` is one name to a reader: point to all of it where it stands in one piece.
            let dotted = above.filter(|above| entry.place.start == above.end + 1);
            let key = dotted.map_or(entry.place, |above| Span::new(above.start, entry.place.end));
            match &entry.node.value {
                Value::Table(table) if !table.entries.is_empty() => {
                    table.flatten_into(&name, Some(key), settings);
                }
                _ => settings.push(Setting { name, key, node: &entry.node }),
            }
        }
    }
}

/// A value under its dotted name.
#[derive(Clone, Debug)]
pub struct Setting<'t> {
    /// The names down to it, joined by dots: `min.insync.replicas`.
    pub name: String,
    /// Where its name stands; its last part where the parts stand apart.
    pub key: Span,
    /// The value.
    pub node: &'t Node,
}

/// A parsed file with its overrides.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The top of the file.
    pub root: Table,
    /// The texts that places count over.
    pub sources: Sources,
    /// The first comment line: the question the file answers.
    pub question: Option<String>,
}

impl Tree {
    /// Parses the text called `name` and lays the overrides over it. What could be read is in the tree even
    /// when there are findings.
    pub fn parse(text: &str, name: &str, overrides: &Overrides, findings: &mut Findings) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        errors.iter().for_each(|error| findings.report(syntax(error, 0, text.len())));
        let root = convert_table(table.get_ref(), 0);
        let mut tree = Self { root, sources: Sources::new(name, text), question: question(text) };
        if let Some(seed) = overrides.seed {
            tree.override_with("--seed ", "run.seed", &seed.to_string(), findings);
        }
        if let Some(duration) = &overrides.duration {
            tree.override_with("--duration ", "run.duration", duration, findings);
        }
        for assignment in &overrides.set {
            tree.set(assignment, findings);
        }
        tree
    }

    fn set(&mut self, assignment: &str, findings: &mut Findings) {
        if let Some((path, value)) = assignment.split_once('=') {
            self.override_with(&format!("--set {path}="), path, value, findings);
            return;
        }
        let shown = format!("--set {assignment}");
        let base = self.sources.add(&shown);
        findings.report(
            Finding::new("scenario::override", format!("`{assignment}` sets nothing"))
                .at(Span::new(base + 6, base + shown.len()), "there is no `=`")
                .help("write --set path=value, as in --set kafka.brokers=5"),
        );
    }

    /// `shown` is what stands on the command line before the value.
    fn override_with(&mut self, shown: &str, path: &str, value: &str, findings: &mut Findings) {
        let base = self.sources.add(&format!("{shown}{value}"));
        let key = match shown.strip_prefix("--set ") {
            Some(path) => Span::new(base + 6, base + 5 + path.len()),
            None => Span::new(base, base + shown.trim_end().len()),
        };
        let Some(names) = path_names(path) else {
            findings.report(
                Finding::new("scenario::override", format!("`{path}` is not a path"))
                    .at(key, "not names joined by dots")
                    .help("write --set path=value, as in --set kafka.topics.orders.partitions=12"),
            );
            return;
        };
        let node = override_value(value, base + shown.len());
        if let Err(finding) = lay(&mut self.root, &names, key, node) {
            findings.report(finding);
        }
    }
}

fn syntax(error: &toml::de::Error, base: usize, length: usize) -> Finding {
    let span = error.span().unwrap_or(length..length);
    Finding::new("toml::syntax", format!("this is not TOML: {}", error.message()))
        .at(Span::new(span.start, span.end).after(base), "here")
        .help("see https://toml.io for the format; texts stand in quotes and a key is written once")
}

/// The first comment line that is not for editors: the question a file answers.
pub fn question(text: &str) -> Option<String> {
    let comments = text.lines().map(str::trim).take_while(|line| line.is_empty() || line.starts_with('#'));
    comments
        .filter(|line| !line.starts_with("#:"))
        .map(|line| line.trim_start_matches('#').trim())
        .find(|line| !line.is_empty())
        .map(str::to_owned)
}

fn path_names(path: &str) -> Option<Vec<String>> {
    let text = format!("{path} = 0");
    let table = DeTable::parse(&text).ok()?;
    let mut names = Vec::new();
    let mut table = table.get_ref();
    loop {
        let (name, value) = table.iter().next().filter(|_| table.len() == 1)?;
        names.push(name.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(below) => table = below,
            DeValue::Integer(_) => return Some(names),
            DeValue::String(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => return None,
        }
    }
}

/// A value of the command line: TOML when it is, else a text without quotes.
fn override_value(text: &str, base: usize) -> Node {
    match DeValue::parse(text) {
        Ok(value) => convert(value.get_ref(), value.span(), base),
        Err(_) => Node {
            place: Span::new(base, base + text.len()),
            value: Value::Text(text.trim().trim_matches('"').to_owned()),
        },
    }
}

/// Puts `node` at the path, making the tables on the way. Entries of arrays of tables are found by name, faults by number.
fn lay(table: &mut Table, names: &[String], key: Span, node: Node) -> Result<(), Finding> {
    let (name, rest) = names.split_first().expect("a path has a name");
    let Some(at) = table.entries.iter().position(|entry| entry.name == *name) else {
        table.entries.push(Entry { name: name.clone(), place: key, node: nest(rest, key, node) });
        return Ok(());
    };
    let entry = &mut table.entries[at];
    if rest.is_empty() {
        entry.node = node;
        return Ok(());
    }
    match &mut entry.node.value {
        Value::Table(below) => lay(below, rest, key, node),
        Value::List(entries) => {
            let found = match name.as_str() {
                "fault" => numbered(entries, &rest[0]),
                _ => entries.iter_mut().find_map(|entry| named(entry, &rest[0])),
            };
            let Some(found) = found else {
                return Err(no_entry(name, &rest[0], entries, key));
            };
            let rest = &rest[1..];
            if rest.is_empty() {
                return Err(whole_entry(name, key));
            }
            lay(found, rest, key, node)
        }
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Date(_) => {
            entry.node = nest(rest, key, node);
            Ok(())
        }
    }
}

/// The fault of this number, from 1, as reports count them.
fn numbered<'n>(entries: &'n mut [Node], number: &str) -> Option<&'n mut Table> {
    let index = number.parse::<usize>().ok()?.checked_sub(1)?;
    match &mut entries.get_mut(index)?.value {
        Value::Table(table) => Some(table),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::Date(_)
        | Value::List(_) => None,
    }
}

fn named<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Table> {
    match &mut node.value {
        Value::Table(table) if entry_name(table) == Some(name) => Some(table),
        Value::Table(_)
        | Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::Date(_)
        | Value::List(_) => None,
    }
}

fn entry_name(table: &Table) -> Option<&str> {
    match &table.get("name")?.node.value {
        Value::Text(name) => Some(name),
        Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::Date(_)
        | Value::List(_)
        | Value::Table(_) => None,
    }
}

fn no_entry(list: &str, name: &str, entries: &[Node], key: Span) -> Finding {
    if list == "fault" {
        let what = format!("there is no fault {name}");
        return Finding::new("scenario::override", what)
            .at(key, "the second name is the number of a [[fault]]")
            .help(format!(
                "they are counted from 1, and there are {}, as in --set fault.1.at=20s",
                entries.len()
            ));
    }
    let names = entries.iter().filter_map(|node| match &node.value {
        Value::Table(table) => entry_name(table),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::Date(_)
        | Value::List(_) => None,
    });
    Finding::new("scenario::override", format!("there is no {list} called `{name}`"))
        .at(key, format!("the second name is that of a [[{list}]]"))
        .help(super::error::did_you_mean(name, names))
}

fn whole_entry(list: &str, key: Span) -> Finding {
    Finding::new("scenario::override", format!("a whole {list} cannot be set"))
        .at(key, "the path ends too early")
        .help(match list {
            "fault" => "name the value to set, as in --set fault.1.at=20s".to_owned(),
            _ => format!("name the value to set, as in --set {list}.NAME.instances=2"),
        })
}

fn nest(names: &[String], key: Span, node: Node) -> Node {
    names.iter().rev().fold(node, |node, name| {
        let place = node.place;
        let entry = Entry { name: name.clone(), place: key, node };
        Node { place, value: Value::Table(Table { entries: vec![entry] }) }
    })
}

fn convert_table(table: &DeTable<'_>, base: usize) -> Table {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(name, value)| Entry {
            name: name.get_ref().to_string(),
            place: span(name.span(), base),
            node: convert(value.get_ref(), value.span(), base),
        })
        .collect();
    entries.sort_by_key(|entry| entry.place);
    Table { entries }
}

fn convert(value: &DeValue<'_>, place: Range<usize>, base: usize) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            let digits: String = number.as_str().chars().filter(|c| *c != '_').collect();
            match i64::from_str_radix(&digits, number.radix()) {
                Ok(number) => Value::Integer(number),
                // Beyond 64 bits: no setting takes it, and as a float it fails its bounds.
                Err(_) => Value::Float(digits.parse().unwrap_or(f64::MAX)),
            }
        }
        DeValue::Float(number) => {
            let digits: String = number.as_str().chars().filter(|c| *c != '_').collect();
            Value::Float(digits.parse().unwrap_or(f64::NAN))
        }
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(list) => Value::List(convert_list(list, base)),
        DeValue::Table(table) => Value::Table(convert_table(table, base)),
    };
    Node { place: span(place, base), value }
}

fn convert_list(list: &DeArray<'_>, base: usize) -> Vec<Node> {
    list.iter().map(|value| convert(value.get_ref(), value.span(), base)).collect()
}

fn span(range: Range<usize>, base: usize) -> Span {
    Span::new(range.start, range.end).after(base)
}

/// The dotted names that are set more than once below a table, with both places.
pub fn doubles<'t>(settings: &[Setting<'t>]) -> Vec<(String, Span, Span)> {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    let mut doubles = Vec::new();
    for setting in settings {
        if let Some(first) = seen.insert(&setting.name, setting.key) {
            doubles.push((setting.name.clone(), first, setting.key));
        }
    }
    doubles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, set: &[&str]) -> (Tree, Findings) {
        let mut findings = Findings::new();
        let overrides =
            Overrides { set: set.iter().map(|text| (*text).to_owned()).collect(), ..Overrides::default() };
        let tree = Tree::parse(text, "test.toml", &overrides, &mut findings);
        (tree, findings)
    }

    fn number(tree: &Tree, name: &str) -> Option<i64> {
        let settings = tree.root.flatten();
        match settings.iter().find(|setting| setting.name == name)?.node.value {
            Value::Integer(number) => Some(number),
            ref other => panic!("{name} is {}", other.kind()),
        }
    }

    #[test]
    fn dotted_names_flatten_to_kafkas_own() {
        let (tree, findings) = parse("[t]\nmin.insync.replicas = 2\n\"linger.ms\" = 5\n", &[]);
        assert!(findings.is_empty());
        assert_eq!(number(&tree, "t.min.insync.replicas"), Some(2));
        assert_eq!(number(&tree, "t.linger.ms"), Some(5));
        assert_eq!(tree.root.place(&["t", "min", "insync", "replicas"]), Some(Span::new(26, 27)));
        assert_eq!(tree.root.place(&["t", "linger", "ms"]), Some(Span::new(42, 43)));
    }

    #[test]
    fn an_override_replaces_adds_and_finds_entries_by_name() {
        let text = "[run]\nseed = 1\n[[generator]]\nname = \"shop\"\ninstances = 1\n";
        let (tree, findings) =
            parse(text, &["run.seed=7", "kafka.topics.a.partitions=3", "generator.shop.instances=4"]);
        assert!(findings.is_empty());
        assert_eq!(number(&tree, "run.seed"), Some(7));
        assert_eq!(number(&tree, "kafka.topics.a.partitions"), Some(3));
        let Value::List(entries) = &tree.root.get("generator").expect("there is one").node.value else {
            panic!("generators are a list")
        };
        let Value::Table(shop) = &entries[0].value else { panic!("a generator is a table") };
        assert!(matches!(shop.get("instances").expect("it is set").node.value, Value::Integer(4)));
    }

    #[test]
    fn an_override_without_quotes_is_a_text() {
        let (tree, _) = parse("", &["run.duration=60s"]);
        let settings = tree.root.flatten();
        assert!(matches!(&settings[0].node.value, Value::Text(text) if text == "60s"));
        assert!(tree.sources.is_override(settings[0].node.place));
    }

    #[test]
    fn an_override_of_an_unknown_entry_is_an_error() {
        let (tree, findings) = parse("[[sink]]\nname = \"audit\"\n", &["sink.audi.instances=4"]);
        let text = findings.into_error(&tree.sources).render(false, 100);
        assert!(text.contains("did you mean `audit`?"), "{text}");
    }

    #[test]
    fn the_question_is_the_first_comment_that_is_not_for_editors() {
        assert_eq!(question("#:schema ../x.json\n\n# Why?\n# More\n").as_deref(), Some("Why?"));
        assert_eq!(question("[run]\n# Why?\n"), None);
    }
}
