//! The command line: clap definitions, and one thin file a command. Nothing is computed here.

mod bench;
mod common;
mod data;
mod demo;
mod devices;
mod evaluate;
mod events;
mod explain;
mod extract;
mod features;
mod interrupt;
mod labels;
mod output;
mod predict;
mod progress;
mod resume;
mod run_folder;
mod solver;
mod strengths;
mod threads;
mod train;
mod verify;
mod watching;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::dataset::DatasetError;
use crate::error::{Error, Result};
use crate::features::FeaturesError;
use crate::guard;
use crate::learn::LearnError;

/// Train, measure and apply linear image classifiers on any GPU or on the CPU.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  huemax demo                                   see the whole thing on pictures that it draws itself
  huemax train my-pictures                      a folder a class, or names such as cat.123.jpg
  huemax predict runs/…/model.safetensors a.jpg
  huemax extract my-pictures --out STORE        features alone, for `huemax train STORE`, NumPy and pandas
  huemax verify --device gpu --quick            whether a GPU computes what it should
  huemax bench my-pictures                      how fast this machine is, GPU against CPU
  huemax devices                                which GPUs there are
  huemax explain                                softmax and sigmoid of four scores, step by step";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Train(Box<train::Args>),
    Evaluate(evaluate::Args),
    Predict(predict::Args),
    Extract(extract::Args),
    Verify(verify::Args),
    Bench(bench::Args),
    Devices(devices::Args),
    Explain(explain::Args),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    guard::quiet_guarded_panics();
    interrupt::install();
    let outcome = threads::start().and_then(|()| match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Train(args) => train::run(&args, matches.subcommand_matches("train")),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Extract(args) => extract::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Devices(args) => devices::run(&args),
        Command::Explain(args) => explain::run(&args),
    });
    exit_code(outcome)
}

fn exit_code(outcome: Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if output::closed(&error) {
        // Whoever read our output has seen enough (`| head`).
        return ExitCode::SUCCESS;
    }
    if matches!(
        error,
        Error::Learn(LearnError::Interrupted { .. }) | Error::Features(FeaturesError::Interrupted { .. })
    ) {
        // What was saved, and how to go on, has been said.
        return ExitCode::from(interrupt::EXIT);
    }
    output::tell(&format!("error: {error}"));
    match error {
        Error::Option { .. }
        | Error::Learn(LearnError::Option { .. })
        | Error::Dataset(
            DatasetError::TestSize(_)
            | DatasetError::ValSize { .. }
            | DatasetError::NoTable { .. }
            | DatasetError::NoPlaceForLabels { .. },
        ) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}
