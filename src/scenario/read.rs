//! From a value of the file to a typed one, without a word when it does not fit: the judge speaks.

use crate::kafka::settings::{Given, Kind, Setting};
use crate::kernel::{Duration, Law};
use crate::workload::SizeLaw;
use crate::zeromq::settings as zeromq;

use super::file::{Node, Setting as Written, Table, Value};
use super::units::{self, BYTES, DURATION, Rate, UnitError};

impl Node {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The whole number, if it is one.
    pub fn integer(&self) -> Option<i64> {
        if let Value::Integer(number) = self.value { Some(number) } else { None }
    }

    /// The number, whole or not, if it is a finite one.
    pub fn number(&self) -> Option<f64> {
        match self.value {
            Value::Integer(number) => Some(number as f64),
            Value::Float(number) => Some(number).filter(|number| number.is_finite()),
            Value::Text(_) | Value::Flag(_) | Value::Date(_) | Value::List(_) | Value::Table(_) => None,
        }
    }

    /// True or false, if it is one.
    pub fn flag(&self) -> Option<bool> {
        if let Value::Flag(flag) = self.value { Some(flag) } else { None }
    }

    /// The values in order, if it is a list.
    pub fn list(&self) -> Option<&[Node]> {
        if let Value::List(list) = &self.value { Some(list) } else { None }
    }

    /// The named values, if it is a table.
    pub fn table(&self) -> Option<&Table> {
        if let Value::Table(table) = &self.value { Some(table) } else { None }
    }

    /// A text, or a number as it would be written.
    pub fn word(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Float(_) | Value::Flag(_) | Value::Date(_) | Value::List(_) | Value::Table(_) => None,
        }
    }

    /// The words of one value or of a list.
    pub fn words(&self) -> Option<Vec<String>> {
        match &self.value {
            Value::List(list) => list.iter().map(Node::word).collect(),
            Value::Text(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Flag(_)
            | Value::Date(_)
            | Value::Table(_) => Some(vec![self.word()?]),
        }
    }

    /// A length of time.
    pub fn duration(&self) -> Option<Duration> {
        units::duration(self.text()?).ok()
    }

    /// A size in bytes.
    pub fn size(&self) -> Option<u64> {
        units::bytes(self.text()?).ok()
    }

    /// Bytes per second.
    pub fn bandwidth(&self) -> Option<u64> {
        units::bandwidth(self.text()?).ok()
    }

    /// A rate of events.
    pub fn rate(&self) -> Option<Rate> {
        units::rate(self.text()?).ok()
    }

    /// A law for lengths of time.
    pub fn law(&self) -> Option<Law> {
        match self.table() {
            Some(table) => law(table),
            None => self.duration().map(Law::Constant),
        }
    }

    /// A law for sizes.
    pub fn size_law(&self) -> Option<SizeLaw> {
        let size = |node: &Node| node.size().and_then(|size| u32::try_from(size).ok());
        let Some(table) = self.table() else { return size(self).map(SizeLaw::Constant) };
        if let Some((low, high)) = table.value("uniform").and_then(|node| pair(node, size)) {
            return (low <= high).then_some(SizeLaw::Uniform(low, high));
        }
        let (median, p99) = (size(table.value("median")?)?, size(table.value("p99")?)?);
        (median > 0 && median <= p99).then_some(SizeLaw::Lognormal { median, p99 })
    }
}

impl Table {
    /// The value of this name.
    pub fn value(&self, name: &str) -> Option<&Node> {
        self.get(name).map(|entry| &entry.node)
    }
}

fn pair<T>(node: &Node, read: impl Fn(&Node) -> Option<T>) -> Option<(T, T)> {
    match node.list()? {
        [first, second] => Some((read(first)?, read(second)?)),
        _ => None,
    }
}

fn law(table: &Table) -> Option<Law> {
    let duration = |name: &str| table.value(name).and_then(Node::duration);
    if let Some(value) = duration("constant") {
        return Some(Law::Constant(value));
    }
    if let Some((low, high)) = table.value("uniform").and_then(|node| pair(node, Node::duration)) {
        return (low <= high).then_some(Law::Uniform(low, high));
    }
    if let Some(mean) = duration("exponential") {
        return Some(Law::Exponential { mean });
    }
    if let Some(mean) = duration("normal") {
        return Some(Law::Normal { mean, deviation: duration("deviation")? });
    }
    if let Some(median) = duration("median") {
        let p99 = duration("p99")?;
        return (!median.is_zero() && p99 >= median).then(|| Law::lognormal(median, p99));
    }
    if let Some(shape) = table.value("erlang").and_then(Node::integer) {
        return Some(Law::Erlang { shape: u32::try_from(shape).ok()?, mean: duration("mean")? });
    }
    if let Some((first, second)) = table.value("hyperexponential").and_then(|node| pair(node, Node::duration))
    {
        let probability = table.value("probability")?.number()?;
        return Some(Law::Hyperexponential { probability, first, second });
    }
    let shape = table.value("pareto")?.number()?;
    Some(Law::Pareto { minimum: duration("minimum")?, shape })
}

/// The setting's value as Kafka would take it, or why it would not.
pub fn given(setting: &Setting, node: &Node) -> Result<Given, UnitError> {
    match setting.kind {
        Kind::Millis | Kind::Seconds | Kind::Minutes | Kind::Hours | Kind::Bytes | Kind::Count => {
            let number = number(setting, node)?;
            bounded(setting, number)?;
            Ok(Given::Number(number))
        }
        Kind::Fraction => node.number().map(Given::Fraction).ok_or_else(|| wrong(setting, node, "a number")),
        Kind::Flag => node.flag().map(Given::Flag).ok_or_else(|| wrong(setting, node, "true or false")),
        Kind::Choice(choices) => choice(setting, node, choices),
        Kind::Choices(choices) => several(setting, node, choices),
        Kind::List => node.words().map(Given::Words).ok_or_else(|| wrong(setting, node, "a list of texts")),
        Kind::Text => node.word().map(Given::Text).ok_or_else(|| wrong(setting, node, "a text")),
    }
}

/// The modelled and passed-on settings of a flat list that are well written, with their values.
pub fn all_given(scope: crate::kafka::settings::Scope, written: &[Written<'_>]) -> Vec<(Setting, Given)> {
    written
        .iter()
        .filter_map(|written| {
            let setting = crate::kafka::settings::find(scope, &written.name)?;
            given(&setting, written.node).ok().map(|given| (setting, given))
        })
        .collect()
}

fn number(setting: &Setting, node: &Node) -> Result<i64, UnitError> {
    if let Some(number) = node.integer() {
        return Ok(number);
    }
    let whole = |number: u64| i64::try_from(number).map_err(|_| too_large(setting, node));
    match (setting.kind.nanos(), node.text()) {
        (Some(unit), Some(text)) => {
            let nanos = DURATION.read(text)?;
            if nanos % unit != 0 {
                return Err(UnitError {
                    message: format!(
                        "`{}` counts whole {}, and `{text}` is none",
                        setting.name,
                        setting.kind.unit()
                    ),
                    help: format!("write a multiple of 1{}", setting.kind.unit()),
                });
            }
            whole(nanos / unit)
        }
        (None, Some(text)) if setting.kind == Kind::Bytes => whole(BYTES.read(text)?),
        (Some(_), _) => Err(wrong(setting, node, "a length of time, as in 5 or \"5ms\"")),
        (None, _) if setting.kind == Kind::Bytes => {
            Err(wrong(setting, node, "a size, as in 16384 or \"16KiB\""))
        }
        (None, _) => Err(wrong(setting, node, "a whole number")),
    }
}

fn bounded(setting: &Setting, number: i64) -> Result<(), UnitError> {
    if (setting.least..=setting.most).contains(&number) {
        return Ok(());
    }
    let bound = if number < setting.least {
        format!("at least {}", with_size(setting, setting.least))
    } else {
        format!("at most {}", with_size(setting, setting.most))
    };
    Err(UnitError {
        message: format!("`{}` is {number}, which Kafka does not take", setting.name),
        help: format!("it must be {bound}"),
    })
}

/// Sizes are easier to read in MiB.
fn with_size(setting: &Setting, number: i64) -> String {
    if setting.kind == Kind::Bytes && number >= 1 << 20 && number % (1 << 20) == 0 {
        return format!("{number} ({} MiB)", number >> 20);
    }
    number.to_string()
}

fn choice(setting: &Setting, node: &Node, choices: &[&str]) -> Result<Given, UnitError> {
    let said =
        node.word().ok_or_else(|| wrong(setting, node, &super::error::one_of(choices.iter().copied())))?;
    let prefix = choices.iter().find(|choice| choice.ends_with(':') && said.starts_with(**choice));
    if let Some(prefix) = prefix {
        let rest = &said[prefix.len()..];
        return match crate::kafka::settings::iso_duration(rest) {
            Some(_) => Ok(Given::Text(said)),
            None => Err(UnitError {
                message: format!("`{rest}` is not an ISO 8601 duration"),
                help: format!("write \"{prefix}PT1H\" for one hour, \"{prefix}P1D\" for one day"),
            }),
        };
    }
    let alike = choices.iter().find(|choice| choice.eq_ignore_ascii_case(&said));
    match alike {
        Some(choice) => Ok(Given::Text((*choice).to_owned())),
        None => Err(not_a_choice(setting, &said, choices)),
    }
}

fn several(setting: &Setting, node: &Node, choices: &[&str]) -> Result<Given, UnitError> {
    let written = node.words().ok_or_else(|| wrong(setting, node, "a list of texts"))?;
    let said = written.iter().flat_map(|word| word.split(',')).map(|word| short(word.trim()));
    let words: Vec<String> = said.map(str::to_owned).collect();
    if words.is_empty() {
        return Err(wrong(setting, node, "at least one of them"));
    }
    match words.iter().find(|word| !choices.contains(&word.as_str())) {
        Some(other) => Err(not_a_choice(setting, other, choices)),
        None => Ok(Given::Words(words)),
    }
}

/// Kafka's class names by the names the assignors give themselves.
fn short(name: &str) -> &str {
    match name.rsplit('.').next().unwrap_or(name) {
        "RangeAssignor" => "range",
        "RoundRobinAssignor" => "roundrobin",
        "StickyAssignor" => "sticky",
        "CooperativeStickyAssignor" => "cooperative-sticky",
        _ => name,
    }
}

fn not_a_choice(setting: &Setting, said: &str, choices: &[&str]) -> UnitError {
    let help = match super::error::closest(said, choices.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => super::error::one_of(choices.iter().copied()),
    };
    UnitError { message: format!("`{}` cannot be `{said}`", setting.name), help }
}

fn wrong(setting: &Setting, node: &Node, wanted: &str) -> UnitError {
    UnitError {
        message: format!("`{}` cannot be {}", setting.name, node.value.kind()),
        help: format!("write {wanted}"),
    }
}

fn too_large(setting: &Setting, node: &Node) -> UnitError {
    UnitError {
        message: format!("`{}` is too large", setting.name),
        help: format!("`{}` is beyond 2^63", node.text().unwrap_or("it")),
    }
}

/// The option's value in its own unit, or why ZeroMQ would not take it; flags are 0 and 1.
pub fn option(option: &zeromq::Setting, node: &Node) -> Result<i64, UnitError> {
    let refuse = |wanted: &str| UnitError {
        message: format!("`{}` cannot be {}", option.name, node.value.kind()),
        help: format!("write {wanted}"),
    };
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (number, least, most) = match option.unit {
        "ms" => {
            let text = node.text().map(|text| DURATION.read(text)).transpose()?;
            let millis = text.map(|nanos| whole(nanos.div_ceil(1_000_000)));
            (
                millis
                    .or(node.integer())
                    .ok_or_else(|| refuse("a length of time, as in 100 or \"100ms\""))?,
                -1,
                i64::MAX,
            )
        }
        "bytes" => {
            let text = node.text().map(|text| BYTES.read(text)).transpose()?;
            let bytes = text.map(whole).or(node.integer());
            (bytes.ok_or_else(|| refuse("a size, as in 16384 or \"16KiB\""))?, -1, i64::from(i32::MAX))
        }
        "0 or 1" => {
            let flag = node.flag().map(i64::from);
            (flag.or(node.integer()).ok_or_else(|| refuse("true or false"))?, 0, 1)
        }
        _ => (node.integer().ok_or_else(|| refuse("a whole number"))?, 0, i64::from(i32::MAX)),
    };
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(UnitError {
        message: format!("`{}` cannot be {number}", option.name),
        help: format!("its default is {} ({}): {}", option.default, option.unit, option.note),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::settings::{Scope, find};
    use crate::scenario::error::Findings;
    use crate::scenario::file::{Overrides, Tree};

    fn node(text: &str) -> Node {
        let mut findings = Findings::new();
        let tree = Tree::parse(&format!("x = {text}"), "x", &Overrides::default(), &mut findings);
        tree.root.value("x").expect("x was written").clone()
    }

    fn read(scope: Scope, name: &str, text: &str) -> Result<Given, UnitError> {
        given(&find(scope, name).expect("the setting is known"), &node(text))
    }

    #[test]
    fn laws_are_read_in_every_form() {
        let ms = Duration::from_millis;
        let cases = [
            ("\"2ms\"", Law::Constant(ms(2))),
            ("{ uniform = [\"1ms\", \"5ms\"] }", Law::Uniform(ms(1), ms(5))),
            ("{ exponential = \"2ms\" }", Law::Exponential { mean: ms(2) }),
            ("{ normal = \"2ms\", deviation = \"1ms\" }", Law::Normal { mean: ms(2), deviation: ms(1) }),
            ("{ median = \"2ms\", p99 = \"9ms\" }", Law::lognormal(ms(2), ms(9))),
            ("{ erlang = 4, mean = \"2ms\" }", Law::Erlang { shape: 4, mean: ms(2) }),
            ("{ pareto = 1.5, minimum = \"1ms\" }", Law::Pareto { minimum: ms(1), shape: 1.5 }),
        ];
        for (text, law) in cases {
            assert_eq!(node(text).law(), Some(law), "{text}");
        }
        assert_eq!(node("{ uniform = [\"5ms\", \"1ms\"] }").law(), None);
    }

    #[test]
    fn a_kafka_number_may_be_bare_or_carry_its_unit() {
        assert_eq!(read(Scope::Producer, "linger.ms", "5"), Ok(Given::Number(5)));
        assert_eq!(read(Scope::Producer, "linger.ms", "\"1s\""), Ok(Given::Number(1_000)));
        assert!(read(Scope::Producer, "linger.ms", "\"500us\"").is_err());
        assert_eq!(read(Scope::Producer, "batch.size", "\"16KiB\""), Ok(Given::Number(16_384)));
        assert_eq!(read(Scope::Topic, "retention.ms", "-1"), Ok(Given::Number(-1)));
        assert!(read(Scope::Topic, "retention.ms", "-2").is_err());
        assert_eq!(read(Scope::Cluster, "offsets.retention.minutes", "\"7d\""), Ok(Given::Number(10_080)));
    }

    #[test]
    fn choices_take_numbers_and_class_names() {
        assert_eq!(read(Scope::Producer, "acks", "1"), Ok(Given::Text("1".to_owned())));
        assert!(read(Scope::Producer, "acks", "2").is_err());
        let class = "\"org.apache.kafka.clients.consumer.RangeAssignor\"";
        let range = Ok(Given::Words(vec!["range".to_owned()]));
        assert_eq!(read(Scope::Consumer, "partition.assignment.strategy", class), range);
        assert!(read(Scope::Consumer, "auto.offset.reset", "\"by_duration:PT1H\"").is_ok());
        assert!(read(Scope::Consumer, "auto.offset.reset", "\"by_duration:1h\"").is_err());
    }
}
