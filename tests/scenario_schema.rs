//! The committed JSON Schema is the one that the language gives.
//!
//! `UPDATE_EXPECT=1 cargo test --test scenario_schema` writes it anew.

use std::fs;
use std::path::Path;

#[test]
fn every_kind_of_fault_and_parameter_is_documented() {
    use brokersim::fault::catalogue::{KINDS, PARAMETERS};
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let text = fs::read_to_string(path).expect("the page is there");
    let names = KINDS.iter().map(|kind| kind.name).chain(PARAMETERS.iter().map(|parameter| parameter.name));
    let missing: Vec<_> = names.filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/faults.md says nothing of {missing:?}");
}

#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim-configs/scenario.schema.json");
    let schema = serde_json::to_string_pretty(&brokersim::scenario::schema()).expect("it is JSON") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &schema).expect("the schema can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == schema, "{} is stale: run with UPDATE_EXPECT=1", path.display());
}
