//! What a run leaves behind: one structure for the terminal, for `--json` and for the files.

use std::fmt;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::lists::{Lists, passed_over};
use super::{Duplicate, Duplicates};
use crate::backend::DeviceInfo;
use crate::dataset::{Dataset, LabelSource, Manifest, Mismatches, Task};
use crate::error::{FileError, Result};
use crate::features::{Descriptor, TransformOptions};
use crate::files::{Staged, Writing, folder_of, stage, write_whole};
use crate::learn::{Plan, Solver, Stop};
use crate::model::Model;
use crate::names;
use crate::report::{Evaluation, Prediction, SweepTable, write_predictions};

/// A picture that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedPicture {
    /// Its path, relative to the data.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// On one line, whatever the name and the reason are: both may come from files.
impl fmt::Display for SkippedPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", names::shown(&self.path), names::shown(&self.reason))
    }
}

/// The data of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataSummary {
    /// The folder.
    pub folder: String,
    /// How labels were read.
    pub labels: LabelSource,
    /// The table they were read from, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// Rows and pictures that do not fit together.
    pub mismatches: Mismatches,
    /// Whether a picture has one label or any number.
    pub task: Task,
    /// Label names; labels are indices into it.
    pub classes: Vec<String>,
    /// Pictures trained on, by label. All zero in an evaluation.
    pub train: Vec<usize>,
    /// Pictures trained on. Zero in an evaluation.
    pub train_pictures: usize,
    /// Pictures that thresholds and temperature are chosen on.
    pub val: usize,
    /// Pictures reported on.
    pub test: usize,
    /// Pictures without a label, not used.
    pub unlabelled: usize,
    /// Pictures that could not be read.
    pub skipped: Vec<SkippedPicture>,
    /// How many these are.
    pub skipped_count: usize,
    /// Pictures that are cut off, of which what there is was used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cut_off: Vec<String>,
    /// Pictures that are there more than once.
    pub duplicates: Duplicates,
}

impl DataSummary {
    /// What is known of `dataset` before anything is done with it.
    pub(super) fn of(dataset: &Dataset) -> Self {
        Self {
            folder: names::text(&dataset.root),
            labels: dataset.labels,
            manifest: dataset.manifest.clone(),
            mismatches: dataset.mismatches.clone(),
            task: dataset.task,
            classes: dataset.classes.clone(),
            train: vec![0; dataset.classes.len()],
            train_pictures: 0,
            val: 0,
            test: 0,
            unlabelled: dataset.unlabelled.len(),
            skipped: Vec::new(),
            skipped_count: 0,
            cut_off: Vec::new(),
            duplicates: Duplicates::default(),
        }
    }
}

/// How training went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainSummary {
    /// What the solver did.
    pub plan: Plan,
    /// How much labels counted; see [`Trained::weights`](crate::model::Trained::weights).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<(String, String, Vec<f32>)>,
    /// Mean loss and penalty over the training rows at the end.
    pub objective: f64,
    /// Mean loss alone.
    pub loss: f64,
    /// Iterations of L-BFGS, epochs of mini-batches.
    pub iterations: usize,
    /// How often the loss and its gradient were computed over all training rows.
    pub evaluations: f64,
    /// Why the solver ended.
    pub stop: Stop,
    /// Weights that are exactly zero.
    pub zero_weights: usize,
    /// All weights, K·D.
    pub weight_count: usize,
}

impl TrainSummary {
    /// `37 iterations`
    #[must_use]
    pub fn done(&self) -> String {
        let unit = if matches!(self.plan.solver, Solver::Lbfgs { .. }) { "iteration" } else { "epoch" };
        format!("{} {unit}{}", self.iterations, if self.iterations == 1 { "" } else { "s" })
    }

    /// How many weights an L1 penalty made zero; nothing without one.
    #[must_use]
    pub fn sparsity(&self) -> String {
        if self.plan.l1 == 0.0 {
            return String::new();
        }
        format!("; {} of {} weights are exactly 0", self.zero_weights, self.weight_count)
    }
}

/// Where the time went, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Seconds {
    /// Reading and describing pictures.
    pub describe: f64,
    /// Training.
    pub train: f64,
    /// Evaluating.
    pub evaluate: f64,
}

/// Everything that is said about a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Version of huemax.
    pub huemax: String,
    /// `train` or `evaluate`.
    pub command: &'static str,
    /// The device it ran on.
    pub device: DeviceInfo,
    /// The data.
    pub data: DataSummary,
    /// What pictures are described by.
    pub descriptor: Descriptor,
    /// What is done to feature rows before they are scored.
    pub transform: TransformOptions,
    /// How training went; none in an evaluation.
    pub training: Option<TrainSummary>,
    /// What was swept over to choose C, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepTable>,
    /// How well the model does on the test pictures.
    pub evaluation: Evaluation,
    /// Where the time went.
    pub seconds: Seconds,
    /// The model file: the one that was written, or the one that was evaluated. None before [`Run::save`].
    pub model: Option<String>,
}

/// A finished run: the model, what is said about it, and what it predicts for the test pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The model.
    pub model: Model,
    /// What is said about it.
    pub summary: Summary,
    /// Paths of the test pictures, relative to the data.
    pub paths: Vec<String>,
    /// Their labels, ascending.
    pub truth: Vec<Vec<u32>>,
    /// Their probabilities, or margins, test pictures × K.
    pub values: Vec<f32>,
    /// The training pictures, where folds of them were held out.
    pub held_out: Option<HeldOut>,
    /// Pictures that are there more than once, all of them.
    pub duplicates: Vec<Duplicate>,
}

/// Training pictures, each told by models that had not seen it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Their paths, relative to the data.
    pub paths: Vec<String>,
    /// The fold of each, from 1 (`fold 3`); of several divisions, that in each.
    pub parts: Vec<String>,
    /// Their labels, ascending.
    pub truth: Vec<Vec<u32>>,
    /// Their probabilities, or margins, training pictures × K; means over the divisions.
    pub values: Vec<f32>,
}

impl Run {
    /// Writes `model.safetensors`, `metrics.json` and `predictions.csv` into `folder`, each whole; makes the folder. Also `skipped.csv` and
    /// `duplicates.csv`, where there is anything to list; such lists of an earlier run are removed where there is not.
    ///
    /// # Errors
    /// The folder or a file cannot be written.
    pub fn save(&mut self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(FileError::on("create", folder))?;
        let model = folder.join("model.safetensors");
        self.summary.model = Some(names::text(&model));
        // All are written before the first takes its place: a disk that fills up on the way leaves what was there.
        let (mut files, lists) = self.stage_results(folder)?;
        files.push(self.model.stage(&model)?);
        place(folder, files, lists)?;
        Ok(())
    }

    /// Writes `metrics.json` and `predictions.csv` into `folder`, and the lists beside them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save_results(&self, folder: &Path) -> Result<()> {
        let (files, lists) = self.stage_results(folder)?;
        place(folder, files, lists)?;
        Ok(())
    }

    fn stage_results(&self, folder: &Path) -> Result<(Vec<Staged>, Lists), FileError> {
        let outputs = self.model.classes.len();
        let metrics = stage(&folder.join("metrics.json"), true, |writer| {
            serde_json::to_writer_pretty(&mut *writer, &self.summary)?;
            writeln!(writer)
        })?;
        let predictions = stage(&folder.join("predictions.csv"), true, |writer| {
            let test = self.held_out.as_ref().map(|_| "test");
            let rows = self.paths.iter().zip(&self.truth).zip(self.values.chunks_exact(outputs));
            let rows = rows.map(|((path, truth), values)| Prediction {
                path,
                part: test,
                truth: Some(truth.as_slice()),
                values,
            });
            let held_out = self.held_out.iter().flat_map(|held| {
                let rows = held.paths.iter().zip(&held.parts).zip(&held.truth);
                rows.zip(held.values.chunks_exact(outputs)).map(|(((path, part), truth), values)| {
                    Prediction { path, part: Some(part), truth: Some(truth.as_slice()), values }
                })
            });
            write_predictions(writer, &self.model.classes, &self.model.output(), rows.chain(held_out))
        })?;
        let data = &self.summary.data;
        let skipped = [&data.skipped[..], &passed_over(&data.mismatches)].concat();
        let lists = Lists::stage(folder, &skipped, &self.duplicates)?;
        Ok((vec![metrics, predictions], lists))
    }
}

/// Lies in a folder while several results take their places there: after a kill some of them may be of the run before.
const PLACING: &str = "results.part";

/// Lets results take their places, and says beside them that they are about to, where there are such already.
fn place(folder: &Path, files: Vec<Staged>, lists: Lists) -> Result<(), FileError> {
    let note = folder.join(PLACING);
    let replaced = files.iter().any(|file| file.path().exists());
    let _writing = Writing::begin();
    if replaced {
        let text = "While this file is here, the results beside it may be of two runs: one of them was ended as it put them in their places.\n";
        write_whole(&note, |to| to.write_all(text.as_bytes()))?;
    }
    lists.persist()?;
    files.into_iter().try_for_each(Staged::persist)?;
    match std::fs::remove_file(&note) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::on("remove", &note)(error))
        }
        _ => Ok(()),
    }
}

/// What is to be said of the results beside the model `path`, if a run was ended as it put them in their places.
#[must_use]
pub fn half_placed(path: &Path) -> Option<String> {
    let note = folder_of(path).join(PLACING);
    note.is_file().then(|| {
        format!(
            "{} says that a run was ended as its results took their places: the model and what lies beside it may be of two runs; make them anew \
             with the same command and --force",
            note.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two results that take their places in `folder`.
    fn two(folder: &Path, before: impl FnOnce()) -> Result<(), FileError> {
        let file = |name| stage(&folder.join(name), false, |to| to.write_all(b"new"));
        let files = vec![file("metrics.json")?, file("predictions.csv")?];
        let lists = Lists::stage(folder, &[], &[])?;
        before();
        place(folder, files, lists)
    }

    #[test]
    fn results_of_two_runs_are_told() {
        let at = tempfile::tempdir().unwrap();
        let (folder, model) = (at.path(), at.path().join("model.safetensors"));
        // The first ones leave nothing behind.
        two(folder, || ()).unwrap();
        assert_eq!(half_placed(&model), None);
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
        // The second of two cannot take its place.
        let predictions = folder.join("predictions.csv");
        let in_the_way = || {
            std::fs::remove_file(&predictions).unwrap();
            std::fs::create_dir(&predictions).unwrap();
        };
        assert!(two(folder, in_the_way).is_err());
        assert!(half_placed(&model).unwrap().contains("of two runs"));
        // Both can.
        std::fs::remove_dir(&predictions).unwrap();
        two(folder, || ()).unwrap();
        assert_eq!(half_placed(&model), None);
    }
}
