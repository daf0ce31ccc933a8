//! Scenario files cut down: parts taken out of the text, comments and order kept.

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

/// One step into a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Into {
    /// The value of this name.
    Name(String),
    /// The entry of this number, from 0, in a list of tables.
    Entry(usize),
}

/// Something of a file that can be taken out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The way to it.
    pub path: Vec<Into>,
    /// As a person says it: `fault 1: kill = "leader of orders-0"`, `shop: producer.acks = "1"`.
    pub name: String,
    /// What kind of part.
    pub kind: PartKind,
}

impl Part {
    /// Whether it belongs to `[expect]`.
    pub fn is_expected(&self) -> bool {
        matches!(self.path.first(), Some(Into::Name(section)) if section == "expect")
    }
}

/// Kinds of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// A `[[fault]]`.
    Fault,
    /// A setting of Kafka's, or `commit`.
    Setting,
    /// A generator, processor or sink.
    Entry,
    /// A topic.
    Topic,
    /// Anything else of the scenario language.
    Other,
}

/// A scenario file that can be changed.
#[derive(Clone, Debug)]
pub struct Draft(DocumentMut);

/// Names without which nothing is left to talk about.
const KEPT: [&str; 12] = [
    "name",
    "topic",
    "from",
    "to",
    "payload",
    "arrivals",
    "partitions",
    "replication.factor",
    "version",
    "brokers",
    "seed",
    "duration",
];
const ENTRIES: [&str; 3] = ["generator", "processor", "sink"];

impl Draft {
    /// Of a text that is TOML.
    pub fn new(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// The text.
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    /// Everything that can be taken out by itself, in the order of the file.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for (section, item) in self.0.iter() {
            match (section, item) {
                (_, Item::ArrayOfTables(entries)) => {
                    for (index, entry) in entries.iter().enumerate() {
                        let path = vec![Into::Name(section.to_owned()), Into::Entry(index)];
                        self.entry_parts(section, index, entry, path, &mut parts);
                    }
                }
                ("kafka", item) => self.kafka_parts(item, &mut parts),
                (_, item) => {
                    if let Some(table) = item.as_table_like() {
                        let path = vec![Into::Name(section.to_owned())];
                        leaves(table, &path, section, PartKind::Other, &mut parts);
                    }
                }
            }
        }
        parts
    }

    fn entry_parts(
        &self,
        section: &str,
        index: usize,
        entry: &Table,
        path: Vec<Into>,
        parts: &mut Vec<Part>,
    ) {
        let name = entry.get("name").and_then(Item::as_str).unwrap_or(section).to_owned();
        if section == "fault" {
            let mut words = Vec::new();
            leaves(entry, &[], "", PartKind::Other, &mut words);
            let words: Vec<_> =
                words.into_iter().map(|part| part.name.trim_start_matches(": ").to_owned()).collect();
            let name = format!("fault {}: {}", index + 1, words.join(", "));
            parts.push(Part { path, name, kind: PartKind::Fault });
            return;
        }
        if ENTRIES.contains(&section) {
            let name = format!("{section} {name}");
            parts.push(Part { path: path.clone(), name, kind: PartKind::Entry });
        }
        leaves(entry, &path, &name, PartKind::Setting, parts);
    }

    fn kafka_parts(&self, item: &Item, parts: &mut Vec<Part>) {
        let Some(kafka) = item.as_table_like() else { return };
        let root = vec![Into::Name("kafka".to_owned())];
        for (name, below) in kafka.iter() {
            if name != "topics" {
                let mut path = root.clone();
                path.push(Into::Name(name.to_owned()));
                leaf_or_below(below, path, name, "kafka", PartKind::Setting, parts);
            }
        }
        for (topic, below) in
            kafka.get("topics").and_then(Item::as_table_like).into_iter().flat_map(TableLike::iter)
        {
            let mut path = root.clone();
            path.extend([Into::Name("topics".to_owned()), Into::Name(topic.to_owned())]);
            parts.push(Part { path: path.clone(), name: format!("topic {topic}"), kind: PartKind::Topic });
            if let Some(below) = below.as_table_like() {
                leaves(below, &path, topic, PartKind::Setting, parts);
            }
        }
    }

    /// The same without some parts.
    #[must_use]
    pub fn without(&self, parts: &[&Part]) -> Self {
        let mut draft = self.clone();
        let mut paths: Vec<_> = parts.iter().map(|part| &part.path).collect();
        // From behind: taking one out does not move the others.
        paths.sort();
        paths.iter().rev().for_each(|path| take_out(draft.0.as_table_mut(), path));
        draft
    }

    /// The same with a value set. `path` is as `--set` has it; none when it leads nowhere.
    pub fn with(&self, path: &str, value: &str) -> Option<Self> {
        let names = names(path)?;
        let value: Value = value.parse().unwrap_or_else(|_| Value::from(value.trim_matches('"')));
        let mut draft = self.clone();
        put(draft.0.as_table_mut(), &names, value)?;
        Some(draft)
    }

    /// Every value with the path that sets it.
    pub fn values(&self) -> Vec<(String, String)> {
        let mut parts = Vec::new();
        for (section, item) in self.0.iter() {
            if let Item::ArrayOfTables(entries) = item {
                for (index, entry) in entries.iter().enumerate() {
                    let name = entry.get("name").and_then(Item::as_str);
                    let place =
                        name.map_or_else(|| format!("{section}#{index}"), |name| format!("{section}.{name}"));
                    values_below(entry, &place, &mut parts);
                }
            } else if let Some(table) = item.as_table_like() {
                values_below(table, section, &mut parts);
            }
        }
        parts
    }

    /// The same with a comment before everything.
    #[must_use]
    pub fn headed(&self, comment: &[String]) -> String {
        let text = self.text();
        let body: Vec<_> = text
            .lines()
            .skip_while(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
            .collect();
        let comment: String = comment.iter().map(|line| format!("# {line}\n")).collect();
        let mut out = comment;
        let mut blank = true;
        for line in body {
            // What was taken out leaves gaps.
            if line.trim().is_empty() && blank {
                continue;
            }
            blank = line.trim().is_empty();
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

fn values_below(table: &dyn TableLike, path: &str, found: &mut Vec<(String, String)>) {
    for (name, item) in table.iter() {
        let path = format!("{path}.{name}");
        match item.as_table_like() {
            Some(below) => values_below(below, &path, found),
            None => found.push((path, item.to_string().trim().to_owned())),
        }
    }
}

/// The values below a table: dotted names are one, inline tables are values.
fn leaves(table: &dyn TableLike, path: &[Into], of: &str, kind: PartKind, parts: &mut Vec<Part>) {
    for (name, item) in table.iter() {
        let mut path = path.to_vec();
        path.push(Into::Name(name.to_owned()));
        leaf_or_below(item, path, name, of, kind, parts);
    }
}

fn leaf_or_below(item: &Item, path: Vec<Into>, name: &str, of: &str, kind: PartKind, parts: &mut Vec<Part>) {
    let below = match item {
        Item::Table(table) => Some(table as &dyn TableLike),
        Item::Value(Value::InlineTable(table)) if table.is_dotted() => Some(table as &dyn TableLike),
        Item::None | Item::Value(_) | Item::ArrayOfTables(_) => None,
    };
    if let Some(below) = below {
        for (next, item) in below.iter() {
            let mut path = path.clone();
            path.push(Into::Name(next.to_owned()));
            leaf_or_below(item, path, &format!("{name}.{next}"), of, kind, parts);
        }
        return;
    }
    if !KEPT.contains(&name) {
        let is_setting = name.starts_with("producer.") || name.starts_with("consumer.") || name == "commit";
        let kind = if ENTRIES.iter().any(|_| kind == PartKind::Setting)
            && !is_setting
            && path.len() > 2
            && matches!(path[1], Into::Entry(_))
        {
            PartKind::Other
        } else {
            kind
        };
        let value = item
            .as_value()
            .map_or_else(|| item.to_string(), |value| value.clone().decorated("", "").to_string());
        parts.push(Part { path, name: format!("{of}: {name} = {value}"), kind });
    }
}

/// Takes a value out, and tables of a dotted name that are empty without it.
fn take_out(table: &mut dyn TableLike, path: &[Into]) {
    let Some((Into::Name(name), rest)) = path.split_first() else { return };
    match rest {
        [] => drop(table.remove(name)),
        [Into::Entry(index)] => {
            let Some(entries) = table.get_mut(name).and_then(Item::as_array_of_tables_mut) else { return };
            entries.remove(*index);
            if entries.is_empty() {
                table.remove(name);
            }
        }
        [Into::Entry(index), rest @ ..] => {
            let entries = table.get_mut(name).and_then(Item::as_array_of_tables_mut);
            if let Some(entry) = entries.and_then(|entries| entries.get_mut(*index)) {
                take_out(entry, rest);
            }
        }
        [Into::Name(_), ..] => {
            let Some(below) = table.get_mut(name).and_then(Item::as_table_like_mut) else { return };
            take_out(below, rest);
            if below.is_empty() {
                table.remove(name);
            }
        }
    }
}

/// `generator.shop."a.b"` as names.
fn names(path: &str) -> Option<Vec<String>> {
    let keys = toml_edit::Key::parse(path).ok()?;
    Some(keys.into_iter().map(|key| key.get().to_owned()).collect())
}

fn put(table: &mut dyn TableLike, names: &[String], value: Value) -> Option<()> {
    let (name, rest) = names.split_first()?;
    if rest.is_empty() {
        match table.get_mut(name) {
            Some(Item::Value(old)) => {
                let decor = old.decor().clone();
                *old = value;
                *old.decor_mut() = decor;
            }
            Some(_) | None => drop(table.insert(name, Item::Value(value))),
        }
        return Some(());
    }
    if let Some(entries) = table.get_mut(name).and_then(Item::as_array_of_tables_mut) {
        let is_called =
            |entry: &&mut Table| entry.get("name").and_then(Item::as_str) == Some(rest[0].as_str());
        let entry = match name.as_str() {
            // Faults have numbers, from 1.
            "fault" => entries.get_mut(rest[0].parse::<usize>().ok()?.checked_sub(1)?)?,
            _ => entries.iter_mut().find(is_called)?,
        };
        return put(entry, &rest[1..], value);
    }
    if table.get(name).is_none_or(|item| item.as_table_like().is_none()) {
        let mut below = Table::new();
        below.set_dotted(true);
        table.insert(name, Item::Table(below));
    }
    put(table.get_mut(name)?.as_table_like_mut()?, rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Why?\n[run]\nseed = 1\n\n[kafka]\nbrokers = 3\nmin.insync.replicas = 2\n\n[kafka.topics.orders]\npartitions = 3\n\n[[generator]]\nname = \"shop\"\nproducer.linger.ms = 0\nproducer.acks = \"1\" # the leader alone\n\n[[fault]]\nat = \"3s\"\nkill = \"broker-1\"\n\n[[fault]]\nat = \"5s\"\npause = \"broker-2\"\n";

    fn part(draft: &Draft, name: &str) -> Part {
        let parts = draft.parts();
        parts
            .iter()
            .find(|part| part.name.starts_with(name))
            .unwrap_or_else(|| panic!("{name} in {parts:?}"))
            .clone()
    }

    #[test]
    fn a_fault_is_found_by_its_number() {
        let draft = Draft::new(TEXT).expect("it is TOML");
        let later = draft.with("fault.2.at", "7s").expect("there is a second one").text();
        assert!(later.contains("at = \"7s\"\npause") && later.contains("at = \"3s\"\nkill"), "{later}");
        assert!(draft.with("fault.3.at", "7s").is_none() && draft.with("fault.0.at", "7s").is_none());
    }

    #[test]
    fn parts_are_named_as_they_are_written() {
        let draft = Draft::new(TEXT).expect("it is TOML");
        assert_eq!(part(&draft, "fault 2").name, "fault 2: at = \"5s\", pause = \"broker-2\"");
        assert_eq!(part(&draft, "shop: producer.acks").name, "shop: producer.acks = \"1\"");
        assert_eq!(part(&draft, "kafka: min").kind, PartKind::Setting);
    }

    #[test]
    fn what_is_taken_out_leaves_no_trace_and_the_rest_stays() {
        let draft = Draft::new(TEXT).expect("it is TOML");
        let (linger, fault) = (part(&draft, "shop: producer.linger"), part(&draft, "fault 1"));
        let text = draft.without(&[&linger, &fault]).text();
        assert!(!text.contains("linger") && !text.contains("broker-1"), "{text}");
        assert!(
            text.contains("producer.acks = \"1\" # the leader alone") && text.contains("broker-2"),
            "{text}"
        );
        let both = draft.without(&[&part(&draft, "fault 1"), &part(&draft, "fault 2")]).text();
        assert!(!both.contains("fault"), "{both}");
    }

    #[test]
    fn a_value_is_set_where_it_stands_or_where_it_belongs() {
        let draft = Draft::new(TEXT).expect("it is TOML");
        let text = draft.with("generator.shop.producer.acks", "all").expect("there is a shop").text();
        assert!(text.contains("producer.acks = \"all\" # the leader alone"), "{text}");
        let text = draft.with("generator.shop.producer.batch.size", "100").expect("there is a shop").text();
        assert!(text.contains("producer.batch.size = 100"), "{text}");
        assert!(draft.with("generator.nobody.instances", "2").is_none());
    }
}
