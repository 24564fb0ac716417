//! Who looks on while a solver works: what it is told, and what it may ask for.

use super::{LearnError, Score, State};

/// What a solver has seen at an iteration or epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Seen {
    /// Iterations of L-BFGS, or epochs of mini-batches, that are done.
    pub iteration: usize,
    /// The most there will be.
    pub most: usize,
    /// How often the loss and its gradient were computed over all rows.
    pub evaluations: f64,
    /// Mean loss and penalty; of mini-batches, the mean of the batches of the last epoch, while parameters moved.
    pub objective: f64,
    /// Mean loss alone, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Norm of the gradient over that of all-zero parameters; none with mini-batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient: Option<f64>,
    /// What that must fall to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// Learning rate of the next step; none of L-BFGS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// What the validation rows say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// Rows that were looked at since training began (or went on).
    pub rows: f64,
    /// Seconds since then.
    pub seconds: f64,
}

/// How well rows are told that were not trained on.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Validation {
    /// Mean loss.
    pub loss: f64,
    /// Share of rows whose highest score is their label; with any number of labels, of labels told right.
    pub accuracy: f64,
}

/// What the models of one C did in a sweep.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct SweptC {
    /// C.
    pub c: f64,
    /// Its number, from 1.
    pub number: usize,
    /// How many values of C there are.
    pub of: usize,
    /// Models that were fitted with it.
    pub models: usize,
    /// How often the objective and its gradient were computed for them, on average.
    pub evaluations: f64,
    /// Mean loss on rows that a model had not seen, on average.
    pub loss: f64,
    /// The score there, on average.
    pub score: f64,
    /// What the score is.
    pub measure: Score,
    /// Seconds since the sweep began, or went on.
    pub seconds: f64,
}

/// Looks on while a solver works. Everything has a default: nothing is looked at, and nobody stops.
pub trait Watch: Sync {
    /// Whether what comes next should be measured on the validation rows too, which costs a pass over them.
    fn validates(&self) -> bool {
        false
    }
    /// An iteration, or some epochs, are done.
    fn saw(&self, _seen: &Seen) {}
    /// A sweep is done with a value of C.
    fn swept(&self, _seen: &SweptC) {}
    /// A sentence for the reader: which preconditioner, what was noticed in the data.
    fn say(&self, _line: &str) {}
    /// Whether the solver should stop where it is. It then saves its state and fails with [`LearnError::Interrupted`].
    fn stop(&self) -> bool {
        false
    }
    /// Whether it is time to save.
    fn due(&self) -> bool {
        false
    }
    /// Keeps `state`, from which [`Start::Resume`](super::Start::Resume) goes on to the same bytes.
    ///
    /// # Errors
    /// It cannot be kept; the training ends.
    fn save(&self, _state: State) -> Result<(), LearnError> {
        Ok(())
    }
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}
