//! `brokersim calc`: where would this key go, who would get what?

use std::io::{BufWriter, stdin, stdout};

use clap::Subcommand;

use crate::kafka::calc::{self, CalcError};

use super::Exit;
use super::failure::Failure;

/// What to calculate.
#[derive(Subcommand, Debug)]
pub enum Calc {
    /// Reads keys, a line each; prints key, murmur2 and partition, separated by tabs.
    Partition {
        /// How many partitions the topic has.
        #[arg(long)]
        partitions: u32,
        /// Keys are written in hexadecimal.
        #[arg(long)]
        hex: bool,
    },
    /// Reads JSON lines with `topics` and `members`; prints `{"result": {...}}` for each.
    Assign {
        /// range, roundrobin, sticky, cooperative-sticky, server-range, server-uniform or server-simple.
        #[arg(long)]
        assignor: String,
    },
}

/// Calculates.
pub fn calc(what: &Calc) -> Result<Exit, Failure> {
    let (input, output) = (stdin().lock(), BufWriter::new(stdout().lock()));
    let result = match what {
        Calc::Partition { partitions, hex } => calc::partition(*partitions, *hex, input, output),
        Calc::Assign { assignor } => calc::assign(assignor, input, output),
    };
    match result {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => failed(error),
    }
}

fn failed(error: CalcError) -> Result<Exit, Failure> {
    match error {
        CalcError::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        other => Err(Failure::Usage(other.to_string())),
    }
}
