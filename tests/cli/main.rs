//! The program as a person or an engine calls it: what it writes, what it says, and how it ends.

#![allow(missing_docs, reason = "a harness of tests")]

mod calibrate;
mod compare;
mod live;
mod manifests;
mod replay;
mod sweep;
mod why;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that goes when the test does.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("brokersim-cli-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for scratch");
        Self(path)
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the program did.
pub struct Told {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Calls the program in `dir`, with words parted by blanks.
pub fn call(dir: &Path, words: &str) -> Told {
    call_with(dir, words, &[])
}

/// Calls the program with variables of an engine in its environment.
pub fn call_with(dir: &Path, words: &str, variables: &[(&str, &str)]) -> Told {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brokersim"));
    command.args(words.split_whitespace()).current_dir(dir);
    for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "HQ_TASK_ID", "BROKERSIM_SHARDS"] {
        command.env_remove(name);
    }
    let Output { status, stdout, stderr } =
        command.envs(variables.iter().copied()).output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("it speaks UTF-8");
    Told { code: status.code().expect("it ends by itself"), out: text(stdout), err: text(stderr) }
}
