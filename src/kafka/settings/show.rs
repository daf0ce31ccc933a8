//! The catalogue as a listing: for people an aligned table, for programs JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Kind, Scope, Setting, Treatment, Version, of};

/// The catalogue of one version as an aligned table, by scope and name.
pub fn to_table(version: Version) -> String {
    let mut text = format!("Settings of Kafka {} and what becomes of them here\n", version.name());
    for scope in Scope::ALL {
        let settings = of(scope);
        let heads = ["setting", "default", "unit", "treatment"].map(str::to_owned);
        let rows: Vec<[String; 4]> = settings.iter().map(|setting| cells(setting, version)).collect();
        let widths: Vec<_> = (0..4)
            .map(|at| rows.iter().chain([&heads]).map(|row| row[at].chars().count()).max().unwrap_or(0))
            .collect();
        let _ = writeln!(text, "\n{} (written {})", scope.name(), scope.place());
        line(&mut text, &heads, &widths, "note");
        for (row, setting) in rows.iter().zip(&settings) {
            line(&mut text, row, &widths, setting.note);
        }
    }
    text
}

fn line(text: &mut String, cells: &[String; 4], widths: &[usize], note: &str) {
    let cells: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    let _ = writeln!(text, "  {}  {note}", cells.join("  "));
}

fn cells(setting: &Setting, version: Version) -> [String; 4] {
    let unit = if setting.treatment == Treatment::Refused { "-" } else { setting.kind.unit() };
    [
        setting.name.to_owned(),
        shown_default(setting, version),
        unit.to_owned(),
        setting.treatment.name().to_owned(),
    ]
}

fn shown_default(setting: &Setting, version: Version) -> String {
    match setting.default(version) {
        None => "-".to_owned(),
        Some("9223372036854775807") => "never".to_owned(),
        Some(default) => default.to_owned(),
    }
}

/// The catalogue of one version for programs; `schema` is raised when a field changes its meaning.
pub fn to_json(version: Version) -> Value {
    let settings: Vec<_> =
        Scope::ALL.into_iter().flat_map(of).map(|setting| entry(&setting, version)).collect();
    json!({ "schema": 1, "kafka": version.name(), "settings": settings })
}

fn entry(setting: &Setting, version: Version) -> Value {
    let choices = match setting.kind {
        Kind::Choice(choices) | Kind::Choices(choices) => choices,
        Kind::Millis
        | Kind::Seconds
        | Kind::Minutes
        | Kind::Hours
        | Kind::Bytes
        | Kind::Count
        | Kind::Fraction
        | Kind::Flag
        | Kind::List
        | Kind::Text => &[],
    };
    json!({
        "name": setting.name,
        "scope": setting.scope.name(),
        "default": setting.default(version),
        "unit": setting.kind.unit(),
        "choices": choices,
        "treatment": setting.treatment.name(),
        "note": setting.note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_every_setting_and_its_columns_line_up() {
        let table = to_table(Version::V4_1);
        let count: usize = Scope::ALL.into_iter().map(|scope| of(scope).len()).sum();
        assert_eq!(table.lines().filter(|line| line.starts_with("  ")).count(), count + 4);
        let producer = table.split("\nproducer ").nth(1).expect("producers have a section");
        let column = |name: &str| {
            let line = producer.lines().find(|line| line.trim_start().starts_with(name)).expect("a line");
            line.find(" modelled ").expect("it is modelled")
        };
        assert_eq!(column("acks "), column("linger.ms "));
    }

    #[test]
    fn the_json_follows_the_version() {
        let linger = |version| {
            let settings = to_json(version)["settings"].clone();
            let all = settings.as_array().expect("a list").clone();
            all.into_iter().find(|setting| setting["name"] == "linger.ms").expect("it is there")["default"]
                .clone()
        };
        assert_eq!(linger(Version::V3_9), "0");
        assert_eq!(linger(Version::V4_2), "5");
    }
}
