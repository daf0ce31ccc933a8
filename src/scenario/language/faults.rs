//! The words for what goes wrong: made from the catalogue of faults.

use crate::fault::catalogue::{KINDS, PARAMETERS, Value};
use crate::fault::{Direction, Position};

use super::{Key, LAW, MANY, Shape, key, required};

/// `[[fault]]`, besides its kind and the parameters of that.
const WHEN: &[Key] = &[
    required("at", Shape::Duration, "when it happens"),
    key("for", Shape::Period, "how long until it is taken back; never unless said"),
    key("every", Shape::Millis, "how often it happens again, counted from `at`; once unless said"),
    key("times", Shape::Count(1, MANY), "how often in all; without end unless said"),
    key("jitter", Shape::Period, "each time it happens later by anything up to this, drawn from the seed"),
    key(
        "by-hand",
        Shape::Flag,
        "a person injected it: it is numbered after all others, those of the seed included",
    ),
];

/// `[[fault]]`: exactly one kind, whose value is the target.
pub(super) const FAULT: &[Key] = &fault_keys();

const fn fault_keys() -> [Key; WHEN.len() + KINDS.len() + PARAMETERS.len()] {
    let mut keys = [WHEN[0]; WHEN.len() + KINDS.len() + PARAMETERS.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = if at < WHEN.len() {
            WHEN[at]
        } else if at < WHEN.len() + KINDS.len() {
            let kind = &KINDS[at - WHEN.len()];
            key(kind.name, Shape::OneOrMore(&Shape::Text), kind.about)
        } else {
            let parameter = &PARAMETERS[at - WHEN.len() - KINDS.len()];
            key(parameter.name, parameter_shape(parameter.value), parameter.about)
        };
        at += 1;
    }
    keys
}

const fn parameter_shape(value: Value) -> Shape {
    match value {
        Value::Factor => Shape::Number(1.0, 1_000_000.0),
        Value::Period => Shape::Period,
        Value::Bandwidth => Shape::Bandwidth,
        Value::Direction => Shape::Choice(Direction::NAMES),
        Value::Targets => Shape::OneOrMore(&Shape::Text),
        Value::Count => Shape::Count(1, MANY),
        Value::Rate => Shape::Rate,
        Value::Position => Shape::Choice(Position::NAMES),
    }
}

/// The names of all kinds.
const KIND_NAMES: &[&str] = &kind_names();

const fn kind_names() -> [&'static str; KINDS.len()] {
    let mut names = [""; KINDS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = KINDS[at].name;
        at += 1;
    }
    names
}

/// `[faults]`
pub(super) const FAULTS: &[Key] = &[key("random", Shape::Table(RANDOM), "a plan drawn from the seed")];

/// `[faults.random]`
const RANDOM: &[Key] = &[
    required("kinds", Shape::OneOrMore(&Shape::Choice(KIND_NAMES)), "what may go wrong"),
    required("every", Shape::Millis, "the mean time between two; memoryless"),
    key("for", Shape::Forms(&LAW), "how long each lasts; 10s unless said"),
    key("targets", Shape::OneOrMore(&Shape::Text), "for whom; \"a random broker\" unless said"),
    key("from", Shape::Duration, "none strikes before this"),
    key("until", Shape::Duration, "none strikes from this on; heal-at, or the run's duration, unless said"),
    key("heal-at", Shape::Duration, "everything that lasts is taken back then"),
    key("at-most", Shape::Count(1, 1_000_000), "how many last at once; 1 unless said"),
    key("max-down", Shape::Count(1, 1_000_000), "how many of them take a broker down; 1 unless said"),
    key("factor", parameter_shape(Value::Factor), "how many times slower; 10 unless said"),
    key("by", Shape::Period, "how much longer each message takes; 100ms unless said"),
    key("limit", Shape::Bandwidth, "what still passes; 1MiB/s unless said"),
    key("direction", parameter_shape(Value::Direction), "both unless said"),
];
