//! The folder of a sweep, made in one piece or in parts.
//!
//! ```text
//! sweep.json                           what was asked for
//! runs.parquet                         the table of all runs
//! wall.parquet                         how long each took: the only file that differs between two machines
//! part=0/ part=1/ ...                  the same of one slice each, with a part.json that says of which sweep
//! ```
//!
//! **Invariant.** A part appears under its name only when it is complete, and is never written over. A folder of
//! anybody else's is left alone. Parts become a table only when they are all there and all of this sweep.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::tape::{TapeError, read_table, write_table, write_text};

use super::order::{Order, SCHEMA};
use super::plan::Plan;
use super::row::Row;
use super::shard::Shard;
use super::table;

/// The name of `sweep.json`.
const ORDER: &str = "sweep.json";
/// The table's name in its folder.
pub const TABLE: &str = "runs.parquet";
/// The name of the table of wall times.
const WALL: &str = "wall.parquet";
/// What a part says of itself.
const PART: &str = "part.json";
/// All tables of all parts, as readers of Parquet write it.
pub const PARTS: &str = "part=*/runs.parquet";

/// Why a sweep's folder cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// The disk, or a file in it.
    #[error(transparent)]
    Disk(#[from] TapeError),
    /// The folder holds what brokersim did not write.
    #[error("{} holds {found}, which is not part of a sweep; choose another folder with --out", dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// The first thing in it that is not ours.
        found: String,
    },
    /// The folder holds another sweep's parts.
    #[error("{} holds parts of another sweep: {differs} differs; choose another folder with --out, or remove it", dir.display())]
    Other {
        /// The folder.
        dir: PathBuf,
        /// What is not the same.
        differs: String,
    },
    /// The folder holds a sweep in parts where one in one piece was wanted.
    #[error("{} holds a sweep in parts: put them together with `brokersim sweep merge`, or choose another folder with --out", dir.display())]
    InParts {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder holds no sweep in parts.
    #[error("{} holds no sweep in parts: {reason}", dir.display())]
    NoParts {
        /// The folder.
        dir: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Parts are not there, or are not of this sweep.
    #[error("{}", parts_in_words(dir, *of, again, why))]
    Parts {
        /// The folder.
        dir: PathBuf,
        /// How many parts there should be.
        of: u64,
        /// Which are to be made again, in order.
        again: Vec<u64>,
        /// What is wrong with those that are there: a sentence each.
        why: Vec<String>,
    },
}

fn parts_in_words(dir: &Path, of: u64, again: &[u64], why: &[String]) -> String {
    let mut text = format!("{}: the table cannot be put together", dir.display());
    for sentence in why {
        text += &format!("\n  {sentence}");
    }
    if !again.is_empty() {
        let ranges = ranges(again);
        text += &format!(
            "\n  run again, out of {of}: {ranges}\n  (the same command with --shard I/{of}; with Slurm: BROKERSIM_SHARDS={of} sbatch --array={ranges} ...)"
        );
    }
    text
}

/// `3,7-9`.
fn ranges(numbers: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let range = |(from, to): &(u64, u64)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

/// `part.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PartNote {
    schema: String,
    /// [`Order::fingerprint`].
    sweep: String,
    shard: Shard,
    /// How many rows.
    rows: u64,
}

/// What was found, or made, in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is to be made, or was made just now.
    New,
    /// The same was there already.
    AlreadyThere,
}

/// Makes a folder ready for a sweep, or for a part of one. An earlier sweep in one piece is replaced, parts of the
/// same sweep stay, and nothing else is ever touched.
///
/// # Errors
/// When the folder holds anything else, or cannot be written.
pub fn prepare(dir: &Path, order: &Order, shard: Option<Shard>) -> Result<Written, SweepError> {
    fs::create_dir_all(dir).map_err(|error| io("create", dir, error))?;
    match shard {
        None => prepare_whole(dir, order).map(|()| Written::New),
        Some(shard) => prepare_part(dir, order, shard),
    }
}

fn prepare_whole(dir: &Path, order: &Order) -> Result<(), SweepError> {
    let names = list(dir)?;
    let ours = |name: &str| [ORDER, TABLE, WALL].contains(&name) || is_hidden(name);
    if names.iter().any(|name| name.starts_with("part=")) {
        return Err(SweepError::InParts { dir: dir.to_owned() });
    }
    if let Some(found) = names.iter().find(|name| !ours(name)) {
        return Err(SweepError::Foreign { dir: dir.to_owned(), found: found.clone() });
    }
    if names.iter().any(|name| name == ORDER) {
        read_order(dir)?;
    } else if let Some(found) = names.first() {
        return Err(SweepError::Foreign { dir: dir.to_owned(), found: found.clone() });
    }
    for name in names.iter().filter(|name| *name != ORDER) {
        fs::remove_file(dir.join(name)).map_err(|error| io("remove", &dir.join(name), error))?;
    }
    write_order(dir, order)
}

fn prepare_part(dir: &Path, order: &Order, shard: Shard) -> Result<Written, SweepError> {
    assert!(order.shards == Some(shard.of), "the order says how many parts there are");
    if dir.join(ORDER).exists() {
        let there = read_order(dir)?;
        if let Some(differs) = difference(&there, order) {
            return Err(SweepError::Other { dir: dir.to_owned(), differs: differs.to_owned() });
        }
    } else {
        write_order(dir, order)?;
    }
    if !part_folder(dir, shard.index).exists() {
        return Ok(Written::New);
    }
    match read_note(dir, order, shard) {
        Ok(_) => Ok(Written::AlreadyThere),
        Err(why) => Err(SweepError::Other { dir: dir.to_owned(), differs: why }),
    }
}

/// What two orders do not have in common, in words; none when they make the same rows.
fn difference(there: &Order, here: &Order) -> Option<&'static str> {
    let asked = [
        (there.brokersim_version == here.brokersim_version, "the version of brokersim"),
        (there.shards == here.shards, "the number of parts"),
        (there.scenario.text == here.scenario.text, "the scenario's text"),
        (there.scenario.overrides == here.scenario.overrides, "what --set says"),
        (there.seeds == here.seeds, "the range of seeds"),
        (there.vary == here.vary, "what --vary says"),
        (there.until_broken == here.until_broken, "what --until-broken says"),
        (there.fingerprint() == here.fingerprint(), "the order"),
    ];
    asked.into_iter().find(|(same, _)| !same).map(|(_, what)| what)
}

/// Writes the table of a sweep in one piece.
///
/// # Errors
/// When it cannot be written.
pub fn write_whole(
    dir: &Path,
    order: &Order,
    plan: &Plan,
    rows: &[Row],
    walls: &[(u64, f64)],
) -> Result<(), SweepError> {
    write_table(&dir.join(TABLE), &table::table(order, plan, rows))?;
    Ok(write_table(&dir.join(WALL), &table::wall_table(walls))?)
}

/// Writes one part. Another task may have made the same part meanwhile: then that one stays.
///
/// # Errors
/// When it cannot be written.
pub fn write_part(
    dir: &Path,
    (order, plan): (&Order, &Plan),
    shard: Shard,
    rows: &[Row],
    walls: &[(u64, f64)],
) -> Result<Written, SweepError> {
    let folder = part_folder(dir, shard.index);
    let temporary = dir.join(format!(".part={}.{}.tmp", shard.index, unique()));
    fs::create_dir_all(&temporary).map_err(|error| io("create", &temporary, error))?;
    write_whole(&temporary, order, plan, rows, walls)?;
    let rows = rows.len() as u64;
    let note = PartNote { schema: SCHEMA.to_owned(), sweep: order.fingerprint(), shard, rows };
    write_text(&temporary.join(PART), &json(&note))?;
    match fs::rename(&temporary, &folder) {
        Ok(()) => Ok(Written::New),
        Err(_) if read_note(dir, order, shard).is_ok() => {
            // Ours is the same; whether it can be removed makes no difference.
            let _ = fs::remove_dir_all(&temporary);
            Ok(Written::AlreadyThere)
        }
        Err(error) => Err(io("rename", &temporary, error)),
    }
}

/// A name that no other task has, on whatever machine. Never part of a result.
fn unique() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), since.as_nanos())
}

/// Puts the parts of a folder together into one table, which is written beside them: the order, its plan, and all rows.
///
/// # Errors
/// When a part is missing, damaged, or of another sweep: which parts are to be made again.
pub fn merge(dir: &Path) -> Result<(Order, Plan, Vec<Row>), SweepError> {
    let no_parts = |reason: String| SweepError::NoParts { dir: dir.to_owned(), reason };
    if !dir.join(ORDER).is_file() {
        return Err(no_parts(format!("there is no {ORDER}")));
    }
    let order = read_order(dir)?;
    let of = order.shards.ok_or_else(|| no_parts("it was made in one piece".to_owned()))?;
    if order.brokersim_version != env!("CARGO_PKG_VERSION") {
        let (theirs, ours) = (&order.brokersim_version, env!("CARGO_PKG_VERSION"));
        return Err(no_parts(format!(
            "they were made by brokersim {theirs}; merge them with it, not with {ours}"
        )));
    }
    let plan = order.plan().map_err(no_parts)?;
    let (rows, walls) = gather(dir, &order, &plan, of)?;
    write_whole(dir, &order, &plan, &rows, &walls)?;
    Ok((order, plan, rows))
}

type Gathered = (Vec<Row>, Vec<(u64, f64)>);

fn gather(dir: &Path, order: &Order, plan: &Plan, of: u64) -> Result<Gathered, SweepError> {
    let (mut rows, mut walls, mut again) = (Vec::new(), Vec::new(), Vec::new());
    let mut why = strangers(dir, of)?;
    for index in 0..of {
        if !part_folder(dir, index).exists() {
            again.push(index);
            continue;
        }
        match read_part(dir, order, plan, Shard { index, of }) {
            Ok((mut part, mut part_walls)) => {
                rows.append(&mut part);
                walls.append(&mut part_walls);
            }
            Err(reason) => {
                why.push(format!("part={index} {reason}: remove it"));
                again.push(index);
            }
        }
    }
    let missing = again.iter().filter(|index| !part_folder(dir, **index).exists()).count();
    if missing > 0 {
        why.insert(0, format!("{missing} of {of} parts are missing"));
    }
    if !why.is_empty() {
        return Err(SweepError::Parts { dir: dir.to_owned(), of, again, why });
    }
    let end = rows.iter().position(|row| order.ends_at(row)).map_or(rows.len(), |at| at + 1);
    rows.truncate(end);
    walls.truncate(end);
    Ok((rows, walls))
}

/// Parts that this sweep does not have.
fn strangers(dir: &Path, of: u64) -> Result<Vec<String>, SweepError> {
    let is_ours =
        |number: &str| number.parse::<u64>().is_ok_and(|index| index < of && index.to_string() == number);
    let names = list(dir)?;
    let strange =
        names.iter().filter(|name| name.strip_prefix("part=").is_some_and(|number| !is_ours(number)));
    Ok(strange.map(|name| format!("{name} is not one of {of} parts: remove it")).collect())
}

fn read_part(dir: &Path, order: &Order, plan: &Plan, shard: Shard) -> Result<Gathered, String> {
    let note = read_note(dir, order, shard)?;
    let folder = part_folder(dir, shard.index);
    let damaged = |reason: String| format!("is damaged: {reason}");
    let read = |name: &str| read_table(&folder.join(name)).map_err(|error| damaged(error.to_string()));
    let rows = table::rows(order, plan, &read(TABLE)?).map_err(damaged)?;
    let slice = shard.slice(plan.runs());
    let in_order = rows.iter().map(|row| row.index).eq(slice.clone().take(rows.len()));
    let ended = rows.last().is_some_and(|row| order.ends_at(row));
    let whole = rows.len() as u64 == slice.end - slice.start || ended;
    if !in_order || !whole || rows.len() as u64 != note.rows {
        return Err(damaged("rows are missing".to_owned()));
    }
    let walls = table::walls(&read(WALL)?).map_err(damaged)?;
    if walls.len() != rows.len() {
        return Err(damaged(format!("{WALL} has other rows than {TABLE}")));
    }
    Ok((rows, walls))
}

/// What a part says of itself, when it is of this sweep.
fn read_note(dir: &Path, order: &Order, shard: Shard) -> Result<PartNote, String> {
    let path = part_folder(dir, shard.index).join(PART);
    let text = fs::read(&path).map_err(|_| format!("holds no {PART}"))?;
    let note: PartNote =
        serde_json::from_slice(&text).map_err(|error| format!("has a {PART} that is not ours: {error}"))?;
    if note.schema != SCHEMA || note.sweep != order.fingerprint() {
        return Err("belongs to another sweep".to_owned());
    }
    if note.shard != shard {
        return Err(format!("is part {} of {}", note.shard.index, note.shard.of));
    }
    Ok(note)
}

fn read_order(dir: &Path) -> Result<Order, SweepError> {
    let path = dir.join(ORDER);
    let not_ours = |reason: String| SweepError::Foreign {
        dir: dir.to_owned(),
        found: format!("a {ORDER} that is not ours ({reason})"),
    };
    let text = fs::read(&path).map_err(|error| io("read", &path, error))?;
    let json: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| not_ours(error.to_string()))?;
    // Asked first: another version may have other fields.
    let schema = json.get("schema").and_then(serde_json::Value::as_str).unwrap_or("none");
    if schema != SCHEMA {
        return Err(not_ours(format!("its schema is {schema}, and has to be {SCHEMA}")));
    }
    serde_json::from_value(json).map_err(|error| not_ours(error.to_string()))
}

fn write_order(dir: &Path, order: &Order) -> Result<(), SweepError> {
    Ok(write_text(&dir.join(ORDER), &json(order))?)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("plain data") + "\n"
}

fn part_folder(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("part={index}"))
}

/// A file of ours that was being written when its process died.
fn is_hidden(name: &str) -> bool {
    let ours = |name: &str| [ORDER, TABLE, WALL].iter().any(|file| name.starts_with(file));
    name.strip_prefix('.').is_some_and(|name| name.ends_with(".tmp") && ours(name))
}

fn list(dir: &Path) -> Result<Vec<String>, SweepError> {
    let failed = |error| io("read", dir, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn io(doing: &'static str, path: &Path, error: std::io::Error) -> SweepError {
    SweepError::Disk(TapeError::io(doing, path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_a_range() {
        assert_eq!(ranges(&[3, 7, 8, 9, 11]), "3,7-9,11");
        assert_eq!(ranges(&[]), "");
    }
}
