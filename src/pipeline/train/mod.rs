//! Training: from labelled pictures to a measured model.

mod decided;
mod features;
mod fitted;
mod measured;

use std::time::Instant;

use super::session::{Begin, Session};
use super::sweep::SweepOptions;
use super::weights::Weighting;
use super::{Choices, Input, Run, Seconds, about, on_device};
use crate::backend::{Backend, Device, Loss};
use crate::dataset::{Dataset, SplitOptions, Task};
use crate::error::{Error, Result};
use crate::features::{Descriptor, TransformOptions};
use crate::learn::{Labelled, SolverOptions};
use crate::progress::Progress;
use decided::Decided;
use features::features;
use fitted::Fitted;
use measured::Answered;

/// What training may be told; the defaults are those of the command line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainOptions {
    /// What pictures are described by.
    pub descriptor: Descriptor,
    /// What is done to feature rows before they are fitted to.
    pub transform: TransformOptions,
    /// What is kept for choices and for the test.
    pub split: SplitOptions,
    /// How the model is fitted.
    pub solver: SolverOptions,
    /// Values of C to choose from, in place of that of `solver`.
    pub sweep: Option<SweepOptions>,
    /// What is minimised; by default softmax for one label a picture, the sigmoid for any number.
    pub loss: Option<Loss>,
    /// How much each label counts.
    pub class_weight: Weighting,
    /// How much more a label counts where a picture has it.
    pub pos_weight: Weighting,
    /// What is chosen on validation pictures.
    pub choices: Choices,
}

impl TrainOptions {
    /// Every C that a model may be fitted with.
    #[must_use]
    pub fn values_of_c(&self) -> Vec<f64> {
        self.sweep.as_ref().map_or_else(|| vec![self.solver.c], |sweep| sweep.cs.clone())
    }

    /// The loss for data that asks for `task`.
    ///
    /// # Errors
    /// A loss for one label a picture, where pictures have any number.
    pub fn loss(&self, task: Task) -> Result<Loss> {
        let loss = match (self.loss, task) {
            (Some(loss), _) => loss,
            (None, Task::Multiclass) => Loss::Softmax,
            (None, Task::Multilabel) => Loss::Sigmoid,
        };
        if task == Task::Multilabel && loss.exclusive() {
            let problem =
                format!("{loss} is for one label each, and these data have any number; use --loss sigmoid");
            return Err(Error::option("--loss", problem));
        }
        Ok(loss)
    }
}

/// Describes the pictures of `dataset` on `device`, fits a linear classifier to its training part, chooses on its validation
/// part what is to be chosen, and measures the model on its test part. Pictures that cannot be read are left out and listed
/// in the summary.
///
/// # Errors
/// Options that cannot work; data with fewer than two classes or too few pictures; nothing left to train on after
/// unreadable pictures are left out; a device that is lost or has no memory left; a diverging learning rate.
pub fn train<'a>(
    input: impl Into<Input<'a>>,
    options: &TrainOptions,
    device: &Device,
    progress: &dyn Progress,
) -> Result<Run> {
    train_watched(input, options, device, &Session::default(), progress)
}

/// The same, from where `session` begins, with its onlooker: it may ask to stop, and is given what is needed to go on.
///
/// # Errors
/// As [`train`]; [`LearnError::Interrupted`](crate::learn::LearnError::Interrupted) where the onlooker asked to stop; a model or
/// checkpoint that does not fit the data.
pub fn train_watched<'a>(
    input: impl Into<Input<'a>>,
    options: &TrainOptions,
    device: &Device,
    session: &Session<'_>,
    progress: &dyn Progress,
) -> Result<Run> {
    let mut input = input.into();
    if let Begin::Warm { model, .. } = session.begin {
        input = input.for_model(model)?;
    }
    on_device!(device, backend => train_on(backend, device, &input, options, session, progress))
}

fn train_on<B: Backend>(
    backend: &B,
    device: &Device,
    input: &Input<'_>,
    options: &TrainOptions,
    session: &Session<'_>,
    progress: &dyn Progress,
) -> Result<Run> {
    let (decided, split) = Decided::new(input, options, &session.begin)?;
    progress.say(&about(device));
    decided.data_lines(&split).iter().for_each(|line| progress.say(line));
    let (matrix, rows) = features(backend, input, &decided, split, &session.begin, progress)?;

    let clock = Instant::now();
    let targets = decided.targets(&rows.split)?;
    // Nothing that training does may depend on the labels of the test.
    let data = Labelled::new(backend, &matrix, &targets)?;
    let fitted = Fitted::new(backend, &decided, &rows, &data, session, progress)?;
    let train_seconds = clock.elapsed().as_secs_f64();

    let clock = Instant::now();
    let answered = Answered::new(backend, input, &decided, &rows.split, &data, &fitted)?;
    // What is said of the answers takes memory of its own.
    drop(data);
    drop(matrix);
    let seconds = Seconds { describe: rows.seconds, train: train_seconds, evaluate: 0.0 };
    let mut run = answered.measured(backend, &decided, rows, fitted, seconds)?;
    run.summary.seconds.evaluate = clock.elapsed().as_secs_f64();
    Ok(run)
}

/// How many of `rows` have each label.
pub(super) fn counts(dataset: &Dataset, rows: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; dataset.classes.len()];
    for &i in rows {
        dataset.samples[i].labels.iter().for_each(|&k| counts[k as usize] += 1);
    }
    counts
}
