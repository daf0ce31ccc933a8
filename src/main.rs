//! The program: see `brokersim::cli`.

fn main() -> std::process::ExitCode {
    brokersim::cli::main()
}
