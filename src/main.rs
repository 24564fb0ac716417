//! The command line: parse, run, exit code (0 done, 1 failed, 2 wrong usage).

use std::process::ExitCode;

fn main() -> ExitCode {
    huemax::cli::main()
}
