//! The language as a JSON Schema (draft 2020-12), for editors that complete and check scenario files.
//!
//! **Invariant.** It is made from the same tables that the judge uses. It is no stricter than the judge: a
//! valid file is valid here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::kafka::settings::{self, Kind, Scope, Setting, Treatment, Version};
use crate::observe::promise::{CATALOGUE, Mode, Parameter};
use crate::trace::Reason;
use crate::zeromq::settings as zeromq;

use super::judge::promise_keys;
use super::language::{FILE, Form, Forms, Key, LAW, Shape};
use super::units::{BANDWIDTH, BYTES, DURATION, rate_pattern};

/// The schema of scenario files.
pub fn schema() -> Value {
    let mut schema = table(FILE, None);
    let top = schema.as_object_mut().expect("a table's schema is an object");
    top.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    top.insert("title".to_owned(), json!("brokersim scenario"));
    top.insert("$defs".to_owned(), definitions());
    top.insert(
        "oneOf".to_owned(),
        json!([{ "required": ["kafka"] }, { "required": ["zeromq"] }, { "required": ["mqtt"] }]),
    );
    schema
}

/// What is written in many places, by name.
fn definitions() -> Value {
    json!({
        "duration": text(&DURATION.pattern(), DURATION.example),
        "size": text(&BYTES.pattern(), BYTES.example),
        "bandwidth": text(&BANDWIDTH.pattern(), BANDWIDTH.example),
        "rate": text(&rate_pattern(), "2k/s"),
        "law": any_form(&LAW),
        "producer": table(&[], Some(Scope::Producer)),
        "consumer": table(&[], Some(Scope::Consumer)),
    })
}

fn defined(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn table(keys: &[Key], scope: Option<Scope>) -> Value {
    let mut names = Names::default();
    for key in keys {
        names.add(key.name, with_about(shape(key.shape), key.about));
    }
    for setting in scope.into_iter().flat_map(settings::of) {
        if setting.treatment != Treatment::Refused {
            names.add(setting.name, setting_schema(&setting));
        }
    }
    object(names, keys)
}

fn object(names: Names, keys: &[Key]) -> Value {
    let required: Vec<_> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = names.into_schema();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Dotted names as the nested objects that TOML makes of them.
#[derive(Default)]
struct Names {
    here: Option<Value>,
    below: BTreeMap<String, Names>,
}

impl Names {
    fn add(&mut self, dotted: &str, schema: Value) {
        let mut names = self;
        for part in dotted.split('.') {
            names = names.below.entry(part.to_owned()).or_default();
        }
        names.here = Some(schema);
    }

    /// A name that is both a value and the beginning of others takes either.
    fn into_schema(self) -> Value {
        if self.below.is_empty() {
            return self.here.unwrap_or_else(|| json!({ "type": "object", "additionalProperties": false }));
        }
        let below: Map<_, _> =
            self.below.into_iter().map(|(name, names)| (name, names.into_schema())).collect();
        let nested = json!({ "type": "object", "properties": below, "additionalProperties": false });
        match self.here {
            None => nested,
            Some(here) => json!({ "anyOf": [here, nested] }),
        }
    }
}

fn with_about(mut schema: Value, about: &str) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), json!(about));
    }
    schema
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string", "minLength": 1 }),
        Shape::Name => json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,249}$" }),
        Shape::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Number(least, most) => json!({ "type": "number", "minimum": least, "maximum": most }),
        Shape::Duration | Shape::Period | Shape::Millis => defined("duration"),
        Shape::Size => defined("size"),
        Shape::Bandwidth => defined("bandwidth"),
        Shape::Rate | Shape::RateOrNone => defined("rate"),
        Shape::Choice(choices) => json!({ "enum": choices }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Map => {
            json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
        }
        Shape::Forms(forms) if std::ptr::eq(forms, &LAW) => defined("law"),
        Shape::Forms(forms) => any_form(forms),
        Shape::List(inner) => json!({ "type": "array", "items": self::shape(*inner), "minItems": 1 }),
        Shape::Pair(inner) => {
            json!({ "type": "array", "items": self::shape(*inner), "minItems": 2, "maxItems": 2 })
        }
        Shape::OneOrMore(inner) => {
            json!({ "anyOf": [self::shape(*inner), { "type": "array", "items": self::shape(*inner), "minItems": 1 }] })
        }
        Shape::Table(keys) => table(keys, None),
        Shape::Configured(keys, scope) => table(keys, Some(scope)),
        Shape::Sockets(keys) => sockets(keys),
        Shape::Named(inner) => json!({ "type": "object", "additionalProperties": self::shape(*inner) }),
        Shape::Tables(keys) => json!({ "type": "array", "items": table(keys, None) }),
        Shape::Promises(mode) => promises(mode),
        Shape::Settings(Scope::Producer) => defined("producer"),
        Shape::Settings(Scope::Consumer) => defined("consumer"),
        Shape::Settings(scope) => table(&[], Some(scope)),
    }
}

/// The names that need no bound, and each name in a table.
fn promises(mode: Mode) -> Value {
    let entries = || CATALOGUE.iter().filter(move |entry| entry.takes(mode));
    let bare = |bounds: &[Parameter]| {
        !bounds.iter().any(|bound| matches!(bound, Parameter::Time | Parameter::TimeOrRecords))
    };
    let mut any: Vec<Value> = entries()
        .filter(|entry| bare(entry.parameters))
        .map(|entry| json!({ "const": entry.name, "description": entry.about }))
        .collect();
    any.extend(entries().map(|entry| {
        let mut schema = with_about(table(&promise_keys(entry, mode), None), entry.about);
        schema["properties"]["promise"] = json!({ "const": entry.name });
        if !schema["properties"]["causes"].is_null() {
            let names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
            schema["properties"]["causes"] = json!({
                "type": "object",
                "propertyNames": { "enum": names },
                "additionalProperties": { "type": "integer", "minimum": 1 },
            });
        }
        schema
    }));
    json!({ "type": "array", "items": { "anyOf": any }, "minItems": 1 })
}

fn text(pattern: &str, example: &str) -> Value {
    json!({ "type": "string", "pattern": pattern, "examples": [example] })
}

fn any_form(forms: &Forms) -> Value {
    let mut any = Vec::new();
    if !forms.words.is_empty() {
        any.push(json!({ "enum": forms.words }));
    }
    any.extend(forms.plain.map(shape));
    any.extend(forms.tables.iter().map(form));
    json!({ "anyOf": any })
}

fn form(form: &Form) -> Value {
    let mut schema = table(form.keys, None);
    let Some(tag) = form.tag else { return schema };
    if schema["properties"].is_null() {
        schema["properties"] = json!({});
    }
    schema["properties"]["kind"] = json!({ "const": tag });
    let mut required = vec![json!("kind")];
    required.extend(schema["required"].as_array().cloned().unwrap_or_default());
    schema["required"] = json!(required);
    schema
}

fn setting_schema(setting: &Setting) -> Value {
    let number = json!({ "type": "integer", "minimum": setting.least, "maximum": setting.most });
    let schema = match setting.kind {
        Kind::Millis | Kind::Seconds | Kind::Minutes | Kind::Hours => {
            json!({ "anyOf": [number, defined("duration")] })
        }
        Kind::Bytes => json!({ "anyOf": [number, defined("size")] }),
        Kind::Count => number,
        Kind::Fraction => json!({ "type": "number" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Choice(choices) => choice(choices),
        // Class names and lists in one text are understood too; the short names are offered.
        Kind::Choices(choices) => {
            let word = json!({ "anyOf": [{ "enum": choices }, { "type": "string" }] });
            json!({ "anyOf": [word, { "type": "array", "items": word, "minItems": 1 }] })
        }
        Kind::List => json!({ "type": ["string", "array"] }),
        Kind::Text => json!({ "type": ["string", "integer"] }),
    };
    let default = setting.default(Version::V4_1).unwrap_or("none");
    with_about(schema, &format!("{}. Default in 4.1: {default}", setting.note))
}

/// A choice may be written as a number (`acks = 1`), and one that ends in a colon goes on.
fn choice(choices: &[&str]) -> Value {
    let mut any: Vec<Value> = choices
        .iter()
        .filter_map(|choice| choice.strip_suffix(':'))
        .map(|prefix| json!({ "type": "string", "pattern": format!("^{prefix}:P.+$") }))
        .collect();
    let mut values: Vec<Value> =
        choices.iter().filter(|choice| !choice.ends_with(':')).map(|choice| json!(choice)).collect();
    values.extend(choices.iter().filter_map(|choice| choice.parse::<i64>().ok()).map(|number| json!(number)));
    any.push(json!({ "enum": values }));
    if any.len() == 1 { any.remove(0) } else { json!({ "anyOf": any }) }
}

fn sockets(keys: &[Key]) -> Value {
    let mut names = Names::default();
    for key in keys {
        names.add(key.name, with_about(shape(key.shape), key.about));
    }
    for setting in zeromq::SETTINGS {
        if setting.treatment != zeromq::Treatment::Refused {
            let about = format!("{}. Default: {} ({})", setting.note, setting.default, setting.unit);
            names.add(setting.name, with_about(option(setting), &about));
        }
    }
    object(names, keys)
}

fn option(setting: &zeromq::Setting) -> Value {
    match setting.unit {
        "ms" => json!({ "anyOf": [{ "type": "integer" }, defined("duration")] }),
        "bytes" => json!({ "anyOf": [{ "type": "integer" }, defined("size")] }),
        "0 or 1" => json!({ "enum": [true, false, 0, 1] }),
        _ => json!({ "type": "integer", "minimum": 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_settings_are_nested_as_toml_nests_them() {
        let schema = schema();
        let producer = &schema["$defs"]["producer"];
        let linger = &producer["properties"]["linger"]["properties"]["ms"];
        assert_eq!(linger["anyOf"][0]["type"], "integer");
        // `retries` and `retry.backoff.ms` are apart; `retry.backoff` has two settings below.
        let backoff = &producer["properties"]["retry"]["properties"]["backoff"]["properties"];
        assert!(backoff["ms"]["anyOf"].is_array() && backoff["max"]["properties"]["ms"].is_object());
    }

    #[test]
    fn what_is_refused_is_not_offered() {
        let kafka = schema()["properties"]["kafka"]["properties"].clone();
        assert!(kafka["zookeeper"].is_null());
        assert!(kafka["min"]["properties"]["insync"].is_object());
    }

    #[test]
    fn kinds_are_told_apart_by_their_tag() {
        let schema = schema();
        let payload = &schema["properties"]["generator"]["items"]["properties"]["payload"]["anyOf"];
        let kinds: Vec<_> = payload
            .as_array()
            .expect("forms")
            .iter()
            .filter_map(|form| form["properties"]["kind"]["const"].as_str())
            .collect();
        assert_eq!(kinds, ["ticks", "posts", "sensors", "cpu", "gps", "events", "bytes"]);
    }
}
