//! Where a training begins, and who looks on and keeps its checkpoints.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, Split};
use crate::error::{Error, Result};
use crate::features::{Descriptor, Transform, TransformOptions};
use crate::learn::checkpoint::{Belongs, Checkpoint, CheckpointError};
use crate::learn::{LearnError, Seen, Start, State, SweptC, Unwatched, Watch};
use crate::model::{Model, ModelError};
use crate::names::listed;

/// Where a training begins.
#[derive(Debug, Clone, Copy, Default)]
pub enum Begin<'a> {
    /// With all weights zero.
    #[default]
    Zero,
    /// With the weights of a model, label by label as they are named.
    Warm {
        /// The model.
        model: &'a Model,
        /// Whether the data may have labels that the model has not; they begin at zero.
        grow: bool,
    },
    /// Where another one stopped.
    Resume {
        /// What that left.
        checkpoint: &'a Checkpoint,
        /// The file that it stands in, for errors.
        path: &'a Path,
    },
}

/// Looks on at a training, and keeps its checkpoints where it wants any.
pub trait Onlooker: Watch {
    /// A sweep or a fit begins, and what it goes on from, if anything, is known to fit: from here on there is something to keep.
    fn begins(&self) {}
    /// The fit begins whose iterations are told ([`Watch::saw`]); before it there may have been a sweep ([`Watch::swept`]).
    fn fits(&self) {}
    /// Keeps what the solver wants kept, of a training that it `belongs` to.
    ///
    /// # Errors
    /// It cannot be kept; the training ends.
    fn keep(&self, _belongs: &Belongs, _state: State) -> Result<(), LearnError> {
        Ok(())
    }
    /// The solver is done, or has failed.
    fn ends(&self) {}
}

impl Onlooker for Unwatched {}

/// A training's surroundings.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// Where it begins.
    pub begin: Begin<'a>,
    /// Who looks on.
    pub onlooker: &'a dyn Onlooker,
}

impl Default for Session<'_> {
    fn default() -> Self {
        Self { begin: Begin::Zero, onlooker: &Unwatched }
    }
}

impl Begin<'_> {
    /// Fails where `dataset` and `descriptor` are not those that this can begin with; before pictures are read.
    pub(super) fn check(
        &self,
        dataset: &Dataset,
        (descriptor, transform): (Descriptor, TransformOptions),
        digest: &str,
    ) -> Result<()> {
        match *self {
            Self::Zero => {}
            Self::Warm { model, grow } => {
                if model.descriptor != descriptor {
                    return Err(
                        ModelError::OtherDescriptor { model: model.descriptor, data: descriptor }.into()
                    );
                }
                let has = model.transform.as_ref().map(Transform::options).unwrap_or_default();
                if has != transform {
                    return Err(ModelError::OtherTransform { model: has, data: transform }.into());
                }
                let new = lacking(&dataset.classes, &model.classes);
                if !new.is_empty() && !grow {
                    return Err(ModelError::NewLabels { new, known: model.classes.clone() }.into());
                }
                if lacking(&model.classes, &dataset.classes).len() == model.classes.len() {
                    let problem = format!(
                        "the model and the data have no label in common (it knows {}); leave --init out",
                        listed(&model.classes)
                    );
                    return Err(Error::option("--init", problem));
                }
            }
            Self::Resume { checkpoint, path } => {
                let now = Belongs {
                    labels: dataset.classes.clone(),
                    descriptor,
                    data_sha256: digest.into(),
                    ..checkpoint.belongs.clone()
                };
                same(checkpoint, &now, path)?;
                let then = checkpoint.belongs.transform.as_ref().map(Transform::options).unwrap_or_default();
                if then != transform {
                    let differences =
                        vec![format!("features were taken {then}, and are now to be {transform}")];
                    return Err(CheckpointError::Different { path: path.into(), differences }.into());
                }
            }
        }
        Ok(())
    }

    /// The rows of a mini-batch in the training that is gone on with.
    pub(super) fn batch(&self) -> Option<usize> {
        match self {
            Self::Resume { checkpoint, .. } => checkpoint.belongs.plan.solver.batch(),
            _ => None,
        }
    }

    /// What is done to rows, if that was learned before.
    pub(super) fn transform(&self) -> Option<&Transform> {
        match self {
            Self::Zero => None,
            Self::Warm { model, .. } => model.transform.as_ref(),
            Self::Resume { checkpoint, .. } => checkpoint.belongs.transform.as_ref(),
        }
    }

    /// What the solver begins with, and what is to be said of it.
    pub(super) fn start(&self, now: &Belongs) -> Result<(Start, Vec<String>)> {
        match *self {
            Self::Zero => Ok((Start::Zero, Vec::new())),
            Self::Warm { model, .. } => {
                let new = lacking(&now.labels, &model.classes);
                let dropped = lacking(&model.classes, &now.labels);
                let mut notes = vec![format!(
                    "training begins with the weights of a model, for {} of {} labels",
                    now.labels.len() - new.len(),
                    now.labels.len()
                )];
                if !new.is_empty() {
                    notes.push(format!("note: new labels begin at zero: {}", listed(&new)));
                }
                if !dropped.is_empty() {
                    let all = listed(&dropped);
                    notes.push(format!("note: labels that only the model has are dropped: {all}"));
                }
                if let Some(transform) = &model.transform
                    && transform.standard.is_some()
                {
                    notes.push("note: features are standardized as the model does it, not anew".into());
                }
                Ok((Start::From(matched(model, &now.labels)), notes))
            }
            Self::Resume { checkpoint, path } => {
                same(checkpoint, now, path)?;
                let mut notes = vec![format!("going on from {}", path.display())];
                notes.extend(checkpoint.belongs.other_bits(now).map(|why| format!("note: {why}")));
                Ok((Start::Resume(checkpoint.state.clone()), notes))
            }
        }
    }

    /// The model that training began with, if it did, as [`Model::fingerprint`] has it.
    pub(super) fn init(&self) -> Option<String> {
        match self {
            Self::Zero => None,
            Self::Warm { model, .. } => Some(model.fingerprint()),
            Self::Resume { checkpoint, .. } => checkpoint.belongs.init.clone(),
        }
    }

    /// How weights of labels were typed, with `now` as they are: of a training that goes on, as they were typed then.
    pub(super) fn weights(&self, now: Option<Weights>) -> Option<Weights> {
        match self {
            Self::Resume { checkpoint, .. } => {
                let then = checkpoint.belongs.weights.clone();
                match (then, now) {
                    (Some((class, positive, _)), Some((_, _, weights))) => Some((class, positive, weights)),
                    (_, now) => now,
                }
            }
            _ => now,
        }
    }
}

/// See [`Trained::weights`](crate::model::Trained::weights).
type Weights = (String, String, Vec<f32>);

fn same(checkpoint: &Checkpoint, now: &Belongs, path: &Path) -> Result<(), CheckpointError> {
    let differences = checkpoint.belongs.differences(now);
    if differences.is_empty() {
        return Ok(());
    }
    Err(CheckpointError::Different { path: path.into(), differences })
}

/// Those of `labels` that `others` lack.
fn lacking(labels: &[String], others: &[String]) -> Vec<String> {
    let others: std::collections::HashSet<_> = others.iter().collect();
    labels.iter().filter(|label| !others.contains(label)).cloned().collect()
}

/// Weights and biases of `model` in the order of `labels`; zero where it has none.
fn matched(model: &Model, labels: &[String]) -> Vec<f32> {
    let columns = model.descriptor.len();
    let at: std::collections::HashMap<&str, usize> =
        model.classes.iter().enumerate().map(|(k, label)| (label.as_str(), k)).collect();
    let mut parameters = vec![0.0; labels.len() * (columns + 1)];
    let (weight, bias) = parameters.split_at_mut(labels.len() * columns);
    for (k, label) in labels.iter().enumerate() {
        if let Some(&from) = at.get(label.as_str()) {
            weight[k * columns..(k + 1) * columns]
                .copy_from_slice(&model.weight[from * columns..(from + 1) * columns]);
            bias[k] = model.bias[from];
        }
    }
    parameters
}

/// SHA-256 over the numbers of the pictures to train on and of those to validate on, as hexadecimal digits.
pub(super) fn rows_digest(split: &Split) -> String {
    let mut hash = Sha256::new();
    for rows in [&split.train, &split.val] {
        hash.update((rows.len() as u64).to_le_bytes());
        rows.iter().for_each(|&row| hash.update((row as u64).to_le_bytes()));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hands on what the solver says, and with what it wants kept what that belongs to.
pub(super) struct Kept<'a> {
    onlooker: &'a dyn Onlooker,
    belongs: &'a Belongs,
}

impl<'a> Kept<'a> {
    /// The solver begins.
    pub(super) fn begin(onlooker: &'a dyn Onlooker, belongs: &'a Belongs) -> Self {
        onlooker.begins();
        Self { onlooker, belongs }
    }

    /// The fit begins that is told of.
    pub(super) fn fits(&self) {
        self.onlooker.fits();
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.onlooker.ends();
    }
}

impl Watch for Kept<'_> {
    fn validates(&self) -> bool {
        self.onlooker.validates()
    }
    fn saw(&self, seen: &Seen) {
        self.onlooker.saw(seen);
    }
    fn swept(&self, seen: &SweptC) {
        self.onlooker.swept(seen);
    }
    fn say(&self, line: &str) {
        self.onlooker.say(line);
    }
    fn stop(&self) -> bool {
        self.onlooker.stop()
    }
    fn due(&self) -> bool {
        self.onlooker.due()
    }
    fn save(&self, state: State) -> Result<(), LearnError> {
        self.onlooker.keep(self.belongs, state)
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
