//! What is chosen on validation pictures: a temperature, and thresholds. Never on training pictures, which flatter, and never
//! on test pictures, which then would test nothing.

use ndarray::Array2;

use super::answer::{answers, wide};
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::learn::{Labelled, scores};
use crate::metrics::{Temperature, ThresholdRule, fit_temperature_sigmoid, fit_temperature_softmax, tune};
use crate::model::{Activation, Model};
use crate::report::Thresholds;

/// What is to be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choices {
    /// How thresholds of the labels are chosen.
    pub thresholds: ThresholdRule,
    /// Whether a temperature is fitted.
    pub calibrate: bool,
}

/// What was chosen, and what it was worth on the validation pictures.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Chosen {
    pub(super) temperature: Option<Temperature>,
    pub(super) thresholds: Option<Thresholds>,
}

impl Choices {
    /// Whether validation pictures are needed.
    #[must_use]
    pub fn any(self) -> bool {
        self.calibrate || self.thresholds != ThresholdRule::Half
    }

    /// Fails where a model with this `activation`, and `pictures` to validate on, has nothing to choose.
    pub(super) fn check(self, activation: &Activation, pictures: usize) -> Result<()> {
        let (thresholds, calibrate) = ("--thresholds", "--calibrate");
        let option = if self.calibrate { calibrate } else { thresholds };
        if self.thresholds != ThresholdRule::Half && !matches!(activation, Activation::Sigmoid { .. }) {
            let problem = "thresholds are for any number of labels (--task multilabel); where each has one, the most probable is the answer";
            return Err(Error::option(thresholds, problem));
        }
        if self.calibrate && matches!(activation, Activation::Margins | Activation::OneVsRest) {
            let problem = match activation {
                Activation::Margins => {
                    "a hinge gives margins, and there are no probabilities to calibrate; use --loss softmax"
                }
                _ => {
                    "one-vs-rest probabilities are divided by their sum, and no temperature makes them likeliest; use --loss softmax"
                }
            };
            return Err(Error::option(calibrate, problem));
        }
        if self.any() && pictures == 0 {
            let problem = "it is chosen on the validation part, and there is none; give --val-size 0.2, or divide the data into train, val and test";
            return Err(Error::option(option, problem));
        }
        Ok(())
    }
}

/// Chooses on the rows `val` of `data`, with their labels `truth`, and writes what was chosen into `model`.
pub(super) fn choose<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    (val, truth): (&[usize], &[&[u32]]),
    choices: Choices,
    model: &mut Model,
) -> Result<Chosen> {
    let outputs = model.classes.len();
    let mut chosen = Chosen::default();
    if choices.calibrate {
        let parameters = backend.upload(&model.parameters())?;
        let scores = wide(&scores(backend, data, val, &parameters)?, outputs);
        let fitted = match model.activation {
            Activation::Sigmoid { .. } => {
                fit_temperature_sigmoid(scores.view(), sets(truth, outputs).view())?
            }
            _ => {
                let classes: Vec<u32> = truth.iter().map(|labels| labels[0]).collect();
                fit_temperature_softmax(scores.view(), &classes)?
            }
        };
        // At a limit the temperature says only that there is too little to fit it on; the model stays as it is.
        if fitted.limit.is_none() {
            model.temperature = fitted.temperature as f32;
        }
        chosen.temperature = Some(fitted);
    }
    if choices.thresholds != ThresholdRule::Half {
        let parameters = backend.upload(&model.parameters())?;
        let probabilities = wide(&answers(backend, data, val, &parameters, &model.activation)?, outputs);
        let tuned = tune(choices.thresholds, sets(truth, outputs).view(), probabilities.view())?;
        model.activation =
            Activation::Sigmoid { thresholds: tuned.iter().map(|tuned| tuned.threshold as f32).collect() };
        chosen.thresholds =
            Some(Thresholds { rule: choices.thresholds, pictures: val.len(), per_label: tuned });
    }
    Ok(chosen)
}

/// Which of K labels each picture has, n×K.
fn sets(truth: &[&[u32]], outputs: usize) -> Array2<bool> {
    Array2::from_shape_fn((truth.len(), outputs), |(i, k)| truth[i].contains(&(k as u32)))
}
