//! The folder of a run: made empty before it is written, and only when nothing of anybody else's is in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::TapeError;
use super::manifest::{KeptTrace, MANIFEST, MANIFEST_TEMPORARY, State, TraceFile};
use super::part::is_part_name;

/// Folders of tables.
pub(super) const TABLES: [&str; 3] = ["facts", "records", "lag"];
/// Where the folders of sinks are.
pub(super) const SINKS: &str = "sinks";
/// Where copies of trace files are, each in a folder of its own.
pub(super) const TRACES: &str = "traces";

/// Makes `dir` ready for a run: creates it, or removes the run that is in it.
///
/// # Errors
/// When something in it is not ours, or, without `force`, when the run in it has not ended.
pub(super) fn prepare(dir: &Path, force: bool) -> Result<(), TapeError> {
    fs::create_dir_all(dir).map_err(|error| TapeError::io("create", dir, error))?;
    let entries = list(dir)?;
    if entries.is_empty() {
        return Ok(());
    }
    let parts = parts_of_a_run(dir)?;
    let state = state(dir)?;
    if state == State::Running && !force {
        return Err(TapeError::Running { dir: dir.to_owned() });
    }
    // The manifest stays: should this be interrupted, the folder is still known for a run.
    parts
        .iter()
        .try_for_each(|part| fs::remove_file(part).map_err(|error| TapeError::io("remove", part, error)))?;
    remove_empty(&dir.join(SINKS))?;
    remove_empty(&dir.join(TRACES))
}

/// Every file of the run but the manifest.
fn parts_of_a_run(dir: &Path) -> Result<Vec<PathBuf>, TapeError> {
    let foreign = |found: &Path| {
        let found = found.strip_prefix(dir).unwrap_or(found).display().to_string();
        TapeError::Foreign { dir: dir.to_owned(), found }
    };
    let mut parts = Vec::new();
    for path in list(dir)? {
        match name(&path) {
            MANIFEST | MANIFEST_TEMPORARY if is_file(&path) => {}
            SINKS if is_folder(&path) => {
                for sink in list(&path)? {
                    parts.extend(parts_in(&sink).map_err(|found| foreign(&found))?);
                }
            }
            TRACES if is_folder(&path) => {
                for trace in list(&path)? {
                    parts.extend(kept_trace(&trace).map_err(|found| foreign(&found))?);
                }
            }
            table if TABLES.contains(&table) => {
                parts.extend(parts_in(&path).map_err(|found| foreign(&found))?);
            }
            _ => return Err(foreign(&path)),
        }
    }
    if !dir.join(MANIFEST).is_file() {
        return Err(foreign(&list(dir)?[0]));
    }
    Ok(parts)
}

/// The files of a folder of parts, or the first thing there that is none.
fn parts_in(folder: &Path) -> Result<Vec<PathBuf>, PathBuf> {
    let not_a_part = |path: &&PathBuf| !is_file(path) || !is_part_name(name(path));
    if !is_folder(folder) {
        return Err(folder.to_owned());
    }
    let entries = list(folder).map_err(|_| folder.to_owned())?;
    match entries.iter().find(not_a_part) {
        Some(found) => Err(found.clone()),
        None => Ok(entries),
    }
}

/// The copy in a numbered folder of `traces/`, if the folder holds one and nothing else; or what is not ours.
fn kept_trace(folder: &Path) -> Result<Option<PathBuf>, PathBuf> {
    let is_numbered = name(folder).bytes().all(|byte| byte.is_ascii_digit());
    if !is_numbered || !is_folder(folder) {
        return Err(folder.to_owned());
    }
    let mut entries = list(folder).map_err(|_| folder.to_owned())?;
    let is_trace = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        is_file(path) && ["csv", "parquet"].contains(&ending.to_ascii_lowercase().as_str())
    };
    if let Some(found) = entries.iter().find(|path| !is_trace(path)) {
        return Err(found.clone());
    }
    if entries.len() > 1 { Err(entries.swap_remove(1)) } else { Ok(entries.pop()) }
}

/// What the manifest of a run says of any version.
fn state(dir: &Path) -> Result<State, TapeError> {
    let path = dir.join(MANIFEST);
    let foreign = || TapeError::Foreign { dir: dir.to_owned(), found: format!("a foreign {MANIFEST}") };
    let text = fs::read(&path).map_err(|error| TapeError::io("read", &path, error))?;
    let json: serde_json::Value = serde_json::from_slice(&text).map_err(|_| foreign())?;
    if json.get("tape_version").is_none() || json.get("brokersim_version").is_none() {
        return Err(foreign());
    }
    let state = json.get("state").cloned().unwrap_or_default();
    serde_json::from_value(state).map_err(|_| foreign())
}

fn remove_empty(folder: &Path) -> Result<(), TapeError> {
    if !folder.is_dir() {
        return Ok(());
    }
    let remove =
        |below: &PathBuf| fs::remove_dir(below).map_err(|error| TapeError::io("remove", below, error));
    list(folder)?.iter().try_for_each(remove)
}

/// Copies the trace files of a run into its folder.
pub(super) fn keep_traces(dir: &Path, traces: &[TraceFile], kept: &[KeptTrace]) -> Result<(), TapeError> {
    for (trace, kept) in traces.iter().zip(kept) {
        let copy = dir.join(&kept.kept);
        let folder = copy.parent().expect("a copy has a folder of its own");
        fs::create_dir_all(folder).map_err(|error| TapeError::io("create", folder, error))?;
        fs::copy(&trace.lies, &copy).map_err(|error| TapeError::io("copy", &trace.lies, error))?;
    }
    Ok(())
}

/// What is in a folder, in order of names.
fn list(dir: &Path) -> Result<Vec<PathBuf>, TapeError> {
    let failed = |error| TapeError::io("read", dir, error);
    let entries = fs::read_dir(dir).map_err(failed)?;
    let mut paths: Vec<_> =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// A link is neither file nor folder of ours.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}
