//! Every bad file under `tests/configs/invalid/` gives exactly the message beside it.
//!
//! `UPDATE_EXPECT=1 cargo test --test invalid_configs` writes the messages anew; read them before committing.

use std::fs;
use std::path::{Path, PathBuf};

use brokersim::scenario::{Overrides, Scenario};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs/invalid")
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("entries can be read").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    files.sort();
    files
}

/// What is said about the file; `None` when it is valid.
fn message(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).expect("the file is text");
    let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
    Some(Scenario::load(&text, &name, &Overrides::default()).err()?.render(false, 100))
}

#[test]
fn there_are_at_least_forty_bad_files() {
    assert!(files().len() >= 40, "only {}", files().len());
}

#[test]
fn every_bad_file_gives_the_message_beside_it() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for path in files() {
        let expected = path.with_extension("stderr");
        match message(&path) {
            None => wrong.push(format!("{} is valid", path.display())),
            Some(said) if update => fs::write(&expected, said).expect("the message can be written"),
            Some(said) => {
                let want = fs::read_to_string(&expected).unwrap_or_default();
                if said != want {
                    wrong.push(format!("{}\nsays\n{said}\ninstead of\n{want}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn no_message_stands_without_its_file() {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    for path in entries.map(|entry| entry.expect("entries can be read").path()) {
        assert!(path.with_extension("toml").exists(), "{} is left over", path.display());
    }
}
