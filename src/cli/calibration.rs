//! Calibration files: what a real system's machines cost, laid under a scenario.
//!
//! What it says becomes overrides of the scenario, as `--set` gives them, when the scenario is loaded. So a recorded
//! run holds them in its manifest, and nothing needs the file again: not replay, not why.
//!
//! **Invariant.** What stands nearer wins: `--set`, then `--calibration`, then what the scenario writes itself, then the
//! calibration that the scenario names.

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::failure::Failure;

/// What a calibration may set.
const MAY_SET: [&str; 8] = [
    "network.latency",
    "network.bandwidth",
    "kafka.costs.request-cpu",
    "kafka.costs.cpu-per-kib",
    "kafka.costs.page-cache-append",
    "kafka.costs.fsync",
    "kafka.costs.disk-bandwidth",
    "kafka.costs.page-cache-writeback",
];

/// The settings of the calibration file that was asked for, or else of the one that the scenario's text names, beside
/// the scenario's file, without those that the text writes itself.
pub fn settings(text: &str, scenario: &Path, asked_for: Option<&Path>) -> Result<Vec<String>, Failure> {
    if let Some(file) = asked_for {
        return read(file);
    }
    // A text that is no TOML is complained about where it is judged.
    let Ok(document) = text.parse::<DocumentMut>() else { return Ok(Vec::new()) };
    let Some(named) = document.get("calibration").and_then(Item::as_str) else { return Ok(Vec::new()) };
    let file = scenario.parent().map_or_else(|| PathBuf::from(named), |folder| folder.join(named));
    let mut settings = read(&file)?;
    settings.retain(|setting| !is_written(&document, setting));
    Ok(settings)
}

/// Whether the scenario has a value of its own under the path of `path=value`.
fn is_written(document: &DocumentMut, setting: &str) -> bool {
    let path = setting.split_once('=').map_or(setting, |(path, _)| path);
    let mut table: Option<&dyn TableLike> = Some(document.as_table());
    let mut found = false;
    for name in path.split('.') {
        let item = table.and_then(|table| table.get(name));
        found = item.is_some();
        table = item.and_then(Item::as_table_like);
    }
    found
}

/// The settings of a calibration file, `path=value` each.
fn read(file: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::outside("read the calibration", file.display(), error))?;
    parse(&text).map_err(|problem| Failure::Usage(format!("{}: {problem}", file.display())))
}

fn parse(text: &str) -> Result<Vec<String>, String> {
    let document = text.parse::<DocumentMut>().map_err(|error| format!("this is not TOML: {error}"))?;
    if document.get("calibration").and_then(Item::as_table_like).is_none() {
        return Err("a calibration has a section [calibration]; `brokersim calibrate` writes one".to_owned());
    }
    let mut settings = Vec::new();
    for (name, item) in document.as_table().iter().filter(|(name, _)| *name != "calibration") {
        flatten(name, item, &mut settings)?;
    }
    Ok(settings)
}

fn flatten(path: &str, item: &Item, settings: &mut Vec<String>) -> Result<(), String> {
    if let Some(value) = item.as_value().filter(|_| MAY_SET.contains(&path)) {
        settings.push(format!("{path}={}", plain(value)));
        return Ok(());
    }
    match item.as_table_like() {
        // A law may be written as a section of its own.
        Some(table) if MAY_SET.contains(&path) => {
            let values = table.iter().filter_map(|(name, item)| Some((name, item.as_value()?)));
            let inner: Vec<_> = values.map(|(name, value)| format!("{name} = {}", plain(value))).collect();
            settings.push(format!("{path}={{ {} }}", inner.join(", ")));
            Ok(())
        }
        Some(table) => {
            table.iter().try_for_each(|(name, item)| flatten(&format!("{path}.{name}"), item, settings))
        }
        None => Err(format!("a calibration does not set `{path}`, only {}", MAY_SET.join(", "))),
    }
}

/// Without the blanks and comments around it.
fn plain(value: &Value) -> String {
    value.clone().decorated("", "").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
[calibration]
measured = \"2026-11-22\"
[network]
latency = { median = \"80us\", p99 = \"400us\" } # both ways
[kafka.costs]
request-cpu = \"41us\" # of 3
";

    #[test]
    fn a_file_becomes_settings() {
        let settings = parse(FILE).expect("it is a calibration");
        assert_eq!(
            settings,
            ["network.latency={ median = \"80us\", p99 = \"400us\" }", "kafka.costs.request-cpu=\"41us\""]
        );
        let apart = FILE.replace(
            "[network]\nlatency = { median = \"80us\", p99 = \"400us\" } # both ways",
            "[network.latency]\nmedian = \"80us\"\np99 = \"400us\"",
        );
        assert_eq!(parse(&apart).expect("the same"), settings);
    }

    #[test]
    fn what_a_scenario_writes_itself_stays() {
        let scenario: DocumentMut =
            "kafka.costs.request-cpu = \"9us\"\n[network]\nbandwidth = \"1GB/s\"".parse().expect("TOML");
        assert!(is_written(&scenario, "kafka.costs.request-cpu=\"41us\""));
        assert!(!is_written(&scenario, "network.latency=\"1us\""));
    }

    #[test]
    fn a_calibration_sets_nothing_but_costs() {
        let wrong = parse("[calibration]\n[kafka]\nbrokers = 9\n").expect_err("it is refused");
        assert!(wrong.contains("does not set `kafka.brokers`"), "{wrong}");
        assert!(parse("[network]\n").is_err_and(|problem| problem.contains("[calibration]")));
    }
}
