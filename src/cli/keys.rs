//! `brokersim keys`: the keys of the screen, as a list or as a file that can be edited; and where that file is.
//!
//! **Not modelled:** other places for it than those of the XDG base directory specification.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::scenario::error::{Finding, Findings, Sources, Span};
use crate::tui::keymap::Keymap;
use crate::tui::keymap_file::{self, Flaw};
use crate::tui::keys::{Context, Topic};

use super::failure::Failure;
use super::{Exit, output};

/// How a screen is driven.
#[derive(Args, Clone, Debug, Default)]
pub struct HandArguments {
    #[command(flatten)]
    keys: KeysFile,
    /// Leave the mouse to the terminal.
    #[arg(long)]
    no_mouse: bool,
}

impl HandArguments {
    /// The keys.
    ///
    /// # Errors
    /// When their file cannot be read or makes no sense.
    pub fn keymap(&self) -> Result<Arc<Keymap>, Failure> {
        self.keys.keymap().map(Arc::new)
    }

    /// Whether the mouse is listened to.
    pub fn mouse(&self) -> bool {
        !self.no_mouse
    }
}

/// Where the keys are bound otherwise.
#[derive(Args, Clone, Debug, Default)]
struct KeysFile {
    /// The file of keys; BROKERSIM_KEYS unless given, or else brokersim/keys.toml where configurations are.
    #[arg(long, value_name = "FILE")]
    keys_file: Option<PathBuf>,
}

impl KeysFile {
    /// The file, and whether somebody asked for it: then it has to be there.
    fn path(&self) -> Option<(PathBuf, bool)> {
        let set = |name: &str| std::env::var_os(name);
        if let Some(path) = &self.keys_file {
            return Some((path.clone(), true));
        }
        if let Some(path) = set("BROKERSIM_KEYS") {
            // Set to nothing: the keys as they are shipped.
            return (!path.is_empty()).then(|| (path.into(), true));
        }
        let folder = set("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        let folder = folder.or_else(|| set("HOME").map(|home| Path::new(&home).join(".config")));
        folder.map(|folder| (folder.join("brokersim/keys.toml"), false))
    }

    fn keymap(&self) -> Result<Keymap, Failure> {
        let Some((path, wanted)) = self.path() else { return Ok(Keymap::shipped()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => keymap_file::read(&text).map_err(|flaws| told(&path, &text, flaws)),
            Err(error) if !wanted && error.kind() == std::io::ErrorKind::NotFound => Ok(Keymap::shipped()),
            Err(error) => Err(Failure::outside("read the file of keys", path.display(), error)),
        }
    }
}

/// The flaws of a file, told as those of a scenario are.
fn told(path: &Path, text: &str, flaws: Vec<Flaw>) -> Failure {
    let mut findings = Findings::new();
    for flaw in flaws {
        let place = Span::new(flaw.place.start, flaw.place.end);
        findings.report(Finding::new(flaw.code, flaw.message).at(place, flaw.label).help(flaw.help));
    }
    findings.into_error(&Sources::new(&path.display().to_string(), text)).into()
}

/// Arguments of `keys`.
#[derive(Args, Debug)]
pub struct KeysArguments {
    #[command(flatten)]
    file: KeysFile,
    /// A list to read, or a file of keys to edit.
    #[arg(long, value_enum, default_value_t = KeysFormat::Text)]
    format: KeysFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeysFormat {
    /// What keys do on the screen.
    Text,
    /// All actions with their keys, for `keys.toml`.
    Toml,
}

/// Prints every key, from the table that the screen reads them by.
pub fn keys(arguments: &KeysArguments) -> Result<Exit, Failure> {
    let keymap = arguments.file.keymap()?;
    match arguments.format {
        KeysFormat::Text => output::print(&list(&keymap))?,
        KeysFormat::Toml => output::print(&keymap_file::write(&keymap))?,
    }
    Ok(Exit::Ok)
}

/// The keys of faults, after the one that opens their catalogue.
fn faults(keymap: &Keymap) -> String {
    let rows = keymap.bindings_of(Context::Fault).filter(|row| row.topic == Topic::Change);
    rows.map(|row| format!("  f {:<18} {}\n", row.keys[0].name(), row.help)).collect()
}

fn list(keymap: &Keymap) -> String {
    let mut text = String::new();
    for topic in Topic::ALL {
        text += &format!("{}\n", topic.title());
        for row in keymap.matching("").filter(|row| row.topic == topic) {
            let keys: Vec<String> = row.keys.iter().map(|key| key.name()).collect();
            text += &format!("  {:<20} {}\n", keys.join("  "), row.help);
        }
        if topic == Topic::Change {
            text += &faults(keymap);
        }
    }
    text
}
