//! What `huemax train` says when it ends, well or early.

use std::path::{Path, PathBuf};

use super::{Args, CACHE, MODEL, WORTH_KEEPING};
use crate::backend::DeviceError;
use crate::cli::output;
use crate::cli::run_folder::RunFolder;
use crate::dataset::{Dataset, DatasetError, Unit};
use crate::error::{Error, FileError, Result};
use crate::features::FeaturesError;
use crate::files::folder_of;
use crate::learn::LearnError;
use crate::names;
use crate::pipeline::{Run, Summary};
use crate::progress::Progress;
use crate::report;

/// Says what is left of a training that has ended early, before it had a checkpoint: features that took long. Where they did not, and the
/// folder was made for this training alone, nothing is left.
pub(super) fn keep_features(error: &Error, folder: &RunFolder, same: bool) {
    let stopped = match error {
        Error::Features(error @ FeaturesError::Interrupted { .. }) => error.to_string(),
        // Without a store a lost device would have lost everything.
        Error::Features(FeaturesError::Unfinished { source, .. }) => match &**source {
            FeaturesError::Device(device) if is_of_device(device) => {
                "to go on without this device: --device cpu   (or another GPU: see huemax devices)".into()
            }
            _ => "to do without keeping features: --no-cache".into(),
        },
        Error::Features(FeaturesError::NotBegun { .. }) => {
            "to do without keeping features: --no-cache".into()
        }
        _ => {
            if let Some(path) = folder.abandon(WORTH_KEEPING) {
                let path = path.join(CACHE);
                output::tell(&format!("the features are kept: --cache {} takes them", quoted(&path)));
            }
            return;
        }
    };
    output::tell(&stopped);
    match folder.path() {
        Ok(path) if !same => {
            let path = quoted(&path.join(CACHE));
            output::tell(&format!("go on with the same command and --cache {path}"));
        }
        _ => output::tell("go on with the same command"),
    }
}

/// Says how to go on, also when all else is quiet.
pub(super) fn tell_interrupted(how: &str, checkpoint: &Path, json: bool) -> Result<()> {
    output::tell(&format!("{how}, and saved in {}", checkpoint.display()));
    tell_how_to_go_on(checkpoint, false);
    if json {
        output::print_line(
            &serde_json::json!({ "event": "interrupted", "checkpoint": names::text(checkpoint) }),
        )?;
    }
    Ok(())
}

/// `elsewhere`: on another device than this one, which is of no use any more.
pub(super) fn tell_how_to_go_on(checkpoint: &Path, elsewhere: bool) {
    let folder = quoted(folder_of(checkpoint));
    let device = if elsewhere { " --device cpu   (or another GPU: see huemax devices)" } else { "" };
    output::tell(&format!("go on with: huemax train --resume {folder}{device}"));
}

/// Says how to go on where what a training in `run` was begun with, as `args` have it, is not there any more.
pub(super) fn tell_moved(error: &Error, args: &Args, run: &Path) {
    let gone = |file: &FileError| file.source.kind() == std::io::ErrorKind::NotFound;
    let moved = match error {
        Error::Dataset(DatasetError::Missing(_) | DatasetError::NoPictures(_)) => true,
        Error::Features(FeaturesError::File(file))
        | Error::Dataset(DatasetError::LabelFileUnreadable(file)) => gone(file),
        _ => false,
    };
    if !moved {
        return;
    }
    let run = quoted(run);
    let (begun, anew) = match (args.features.file(), &args.data) {
        (Ok(Some(file)), _) => (format!("--features {}", quoted(file)), "--features FILE"),
        (_, Some(data)) => (quoted(data), "DATA"),
        _ => return,
    };
    output::tell(&format!(
        "the training was begun with {begun}; if that was moved, say where it is now: huemax train {anew} --resume {run}"
    ));
}

/// Whether it is a device that failed.
pub(super) fn of_device(error: &Error) -> bool {
    let (Error::Device(device)
    | Error::Learn(LearnError::Device(device))
    | Error::Features(FeaturesError::Device(device))) = error
    else {
        return false;
    };
    is_of_device(device)
}

/// Whether the device itself failed: what it was to be fed is none of its fault.
fn is_of_device(error: &DeviceError) -> bool {
    !matches!(error, DeviceError::Fed { .. })
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    names::for_shell(&path.display().to_string()).into_owned()
}

/// A training that is done needs no going on with.
pub(super) fn tell_finished(folder: &Path, json: bool) -> Result<()> {
    let model = folder.join(MODEL);
    output::tell(&format!("{} is finished: its model is {}", folder.display(), model.display()));
    if json {
        output::print_line(&serde_json::json!({ "event": "finished", "model": names::text(&model) }))?;
    }
    Ok(())
}

/// The last line of `--json`.
#[derive(serde::Serialize)]
struct Finished<'a> {
    event: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Prints the result of a training on `dataset` that was saved.
pub(in crate::cli) fn report_run(
    run: &Run,
    dataset: &Dataset,
    json: bool,
    progress: &dyn Progress,
) -> Result<()> {
    let model = run.summary.model.as_deref().unwrap_or_default();
    if json {
        output::print_line(&Finished { event: "result", summary: &run.summary })?;
    } else {
        if let Some(sweep) = &run.summary.sweep {
            output::print(&format!("\n{}", sweep.text()))?;
        }
        if let Some(training) = &run.summary.training {
            output::print(&format!(
                "\nobjective {} (mean loss {} and penalty) after {}: {}{}\n",
                digits(training.objective),
                digits(training.loss),
                training.done(),
                training.stop,
                training.sparsity(),
            ))?;
        }
        output::print(&report::text(&run.summary.evaluation))?;
        output::print(&format!("\nwrote {model}, with metrics.json and predictions.csv beside it\n"))?;
    }
    let unlabelled = dataset.unlabelled.first().map(PathBuf::as_path);
    let saved = run.summary.model.as_deref().map(names::path);
    output::tell_skipped(&run.summary, unlabelled, saved.as_deref().map(folder_of));
    let what = if dataset.unit == Unit::Row { "--features FILE" } else { "PICTURE" };
    progress.say(&format!("next: huemax predict {model} {what}"));
    Ok(())
}

/// `value` with six decimals, or as many digits where it is small.
fn digits(value: f64) -> String {
    if value.abs() < 1e-3 { format!("{value:.6e}") } else { format!("{value:.6}") }
}
