//! The command line: one file for each subcommand.

mod exit;
mod failure;
mod load;
mod run;

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// What happens to my messages? A deterministic simulator of Kafka and ZeroMQ.
#[derive(Parser, Debug)]
#[command(name = "brokersim", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a scenario and say what became of every record.
    Run(run::RunArguments),
}

/// Runs the program with the arguments of the process.
pub fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            error.print().ok();
            return exit.into();
        }
    };
    let result = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => failure.say().into(),
    }
}
