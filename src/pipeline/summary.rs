//! What a run leaves behind: one structure for the terminal, for `--json` and for the files.

use std::fmt;

use serde::Serialize;

use super::{Duplicate, Duplicates};
use crate::backend::DeviceInfo;
use crate::dataset::{Dataset, LabelSource, Manifest, Mismatches, Task};
use crate::features::{Descriptor, TransformOptions};
use crate::learn::{Plan, Solver, Stop};
use crate::model::Model;
use crate::names;
use crate::report::{Evaluation, SweepTable};

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
