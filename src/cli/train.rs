//! `huemax train`

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::backend::Loss;
use crate::cli::common::Common;
use crate::cli::labels::LabelArgs;
use crate::cli::output;
use crate::cli::solver::SolverArgs;
use crate::dataset::{Dataset, SplitOptions};
use crate::error::{Error, FileError, Result};
use crate::features::Descriptor;
use crate::learn::Targets;
use crate::metrics::ThresholdRule;
use crate::pipeline::{Choices, Run, TrainOptions, Weighting, train};
use crate::progress::Progress;
use crate::report;

/// Train a classifier on a folder of labelled pictures, and measure it
///
/// Labels come from DATA/metadata.csv or metadata.jsonl, or from the layout: a folder a class (DATA/cat/1.jpg), or the file
/// name up to its first dot (DATA/cat.1.jpg); or from what --labels names. Folders train/, val/ and test/ are respected. Writes model.safetensors, metrics.json and
/// predictions.csv.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of pictures (JPEG, PNG, WebP, GIF, BMP, TIFF)
    data: PathBuf,

    /// Folder for the results [default: runs/TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Overwrite the results that are in --out
    #[arg(long)]
    force: bool,

    /// Histogram bins of hue, saturation and value
    #[arg(long, value_name = "H,S,V", default_value = "8,8,8")]
    bins: Descriptor,

    /// Share of the pictures of each class that is kept for the test
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = share)]
    test_size: f64,

    /// Share of the pictures of each class that choices are made on, 0 for none; out of train/ where the data came divided
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share_or_none)]
    val_size: f64,

    /// Seed of the split and of the order of training
    #[arg(long, default_value_t = 42)]
    seed: u64,

    /// What is minimised [default: softmax for one label a picture, sigmoid for any number]
    #[arg(long, value_enum)]
    loss: Option<LossArg>,

    /// How much labels count: `balanced` (rare ones more), or a CSV file with label,weight
    #[arg(long, value_name = "balanced|FILE", allow_negative_numbers = true)]
    class_weight: Option<Weighting>,

    /// How much more a label counts where a picture has it, with sigmoid: `balanced`, a number, or a CSV file with label,weight
    #[arg(long, value_name = "balanced|NUMBER|FILE", allow_negative_numbers = true)]
    pos_weight: Option<Weighting>,

    /// Probability from which on a label is part of the answer: 0.5, or the best for each label on validation pictures by F1 or F2
    #[arg(long, value_name = "0.5|f1|f2", default_value = "0.5")]
    thresholds: ThresholdRule,

    /// Fit a temperature on validation pictures, so that probabilities say how often they come true
    #[arg(long)]
    calibrate: bool,

    #[command(flatten)]
    solver: SolverArgs,

    #[command(flatten)]
    labels: LabelArgs,

    #[command(flatten)]
    common: Common,
}

/// Values of `--loss`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LossArg {
    /// Which one label? Probabilities that add up to 1
    Softmax,
    /// Which labels? A probability each; with one label a picture, one against the rest
    Sigmoid,
    /// Margins between one label and the others, no probabilities
    Hinge,
    /// The same, squared
    SquaredHinge,
}

impl From<LossArg> for Loss {
    fn from(loss: LossArg) -> Self {
        match loss {
            LossArg::Softmax => Self::Softmax,
            LossArg::Sigmoid => Self::Sigmoid,
            LossArg::Hinge => Self::Hinge,
            LossArg::SquaredHinge => Self::SquaredHinge,
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("a share above 0 and below 1, such as 0.25".into()),
    }
}

fn share_or_none(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("a share below 1, such as 0.1, or 0 for none".into()),
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let options = TrainOptions {
        descriptor: args.bins,
        split: SplitOptions { test_size: args.test_size, val_size: args.val_size, seed: args.seed },
        solver: args.solver.options(args.seed),
        loss: args.loss.map(Into::into),
        class_weight: args.class_weight.clone().unwrap_or_default(),
        pos_weight: args.pos_weight.clone().unwrap_or_default(),
        choices: Choices { thresholds: args.thresholds, calibrate: args.calibrate },
    };
    // Everything that can be wrong with the command is found before any work is done.
    let loss = options.loss.unwrap_or_default();
    options.solver.plan(1, 1.0, &Targets::none(loss, 2, 1))?;
    let progress = args.common.progress();
    let dataset = Dataset::open(&args.data, &args.labels.options(&args.data)?)?;
    let folder = out_folder(args.out.as_deref(), args.force)?;
    let device = args.common.open(&progress)?;
    let mut run = train(&dataset, &options, &device, &progress)?;
    let folder = match folder {
        Some(folder) => folder,
        None => timed_folder(Path::new("runs"))?,
    };
    run.save(&folder)?;
    report_run(&run, &dataset, args.common.json, &progress)
}

/// Prints the result of a training on `dataset` that was saved.
pub(super) fn report_run(run: &Run, dataset: &Dataset, json: bool, progress: &dyn Progress) -> Result<()> {
    let model = run.summary.model.as_deref().unwrap_or_default();
    if json {
        output::print_json(&run.summary)?;
    } else {
        if let Some(training) = &run.summary.training {
            output::print(&format!(
                "\nobjective {:.6} (mean loss {:.6} and penalty) after {}: {}{}\n",
                training.objective,
                training.loss,
                training.done(),
                training.stop,
                training.sparsity(),
            ))?;
        }
        output::print(&report::text(&run.summary.evaluation))?;
        output::print(&format!("\nwrote {model}, with metrics.json and predictions.csv beside it\n"))?;
    }
    output::tell_skipped(&run.summary, dataset.unlabelled.first().map(PathBuf::as_path));
    progress.say(&format!("next: huemax predict {model} PICTURE"));
    Ok(())
}

/// Names of the results; see [`Run::save`].
const RESULTS: [&str; 3] = ["model.safetensors", "metrics.json", "predictions.csv"];

/// The folder that `--out` names, ready to be written into. One that already holds results is refused unless `force`
/// is set.
pub(super) fn out_folder(out: Option<&Path>, force: bool) -> Result<Option<PathBuf>> {
    let Some(folder) = out else {
        // Nothing is made yet, so that a training that fails leaves nothing behind.
        let here = if Path::new("runs").is_dir() { "runs" } else { "." };
        let action = "write results (--out names another folder) into";
        tempfile::tempfile_in(here).map_err(FileError::on(action, Path::new(here)))?;
        return Ok(None);
    };
    if folder.is_file() {
        return Err(Error::option("--out", format!("{} is a file; name a folder", folder.display())));
    }
    if let Some(there) = RESULTS.iter().find(|name| !force && folder.join(name).exists()) {
        let problem =
            format!("{} already holds {there}; name another folder, or add --force", folder.display());
        return Err(Error::option("--out", problem));
    }
    // Better now than after an hour of training.
    std::fs::create_dir_all(folder).map_err(FileError::on("create", folder))?;
    tempfile::tempfile_in(folder).map_err(FileError::on("write into", folder))?;
    Ok(Some(folder.to_owned()))
}

/// Makes `runs/2026-11-22T14-05-31`, or the same with a number behind it where that is taken. Making a folder is what
/// claims it, so that trainings that end in the same second do not write into each other's.
pub(super) fn timed_folder(runs: &Path) -> Result<PathBuf> {
    let time = jiff::Zoned::now().strftime("%Y-%m-%dT%H-%M-%S").to_string();
    std::fs::create_dir_all(runs).map_err(FileError::on("create", runs))?;
    let mut folder = runs.join(&time);
    for n in 2.. {
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                folder = runs.join(format!("{time}-{n}"))
            }
            outcome => {
                outcome.map_err(FileError::on("create", &folder))?;
                break;
            }
        }
    }
    Ok(folder)
}
