//! A trained model: class names, descriptor and weights, and the file they are kept in.

mod activation;
mod error;
mod file;
mod seal;

pub use activation::Activation;
pub use error::ModelError;
pub use file::VERSION;

use sha2::{Digest, Sha256};

use crate::features::{Descriptor, Transform};
use crate::learn::Plan;
use crate::metrics::Output;

/// A linear layer that knows what it was made for.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// K class names; output k is class k.
    pub classes: Vec<String>,
    /// What pictures are described by; D features.
    pub descriptor: Descriptor,
    /// What the features are called that it was trained on, where they were columns of a table; D of them. Rows with such names are taken
    /// by these, others as they stand.
    pub columns: Option<Vec<String>>,
    /// What is done to features before they are scored; none where that is nothing.
    pub transform: Option<Transform>,
    /// What scores are turned into.
    pub activation: Activation,
    /// Scores are divided by this, which calibrates their probabilities; 1 where nothing was calibrated. See Guo et al.,
    /// On Calibration of Modern Neural Networks (ICML 2017).
    pub temperature: f32,
    /// Weights, K×D, row-major.
    pub weight: Vec<f32>,
    /// Biases, K.
    pub bias: Vec<f32>,
    /// How it was trained.
    pub trained: Trained,
}

/// How a model was trained: enough to do it again.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Trained {
    /// Version of huemax.
    pub huemax: String,
    /// The device.
    pub device: String,
    /// SHA-256 over the relative path, class and size of every picture that was given.
    pub data_sha256: String,
    /// Pictures trained on that have each label; empty in models of the first format.
    #[serde(default)]
    pub label_counts: Vec<usize>,
    /// How much labels counted, as `--class-weight` and `--pos-weight` say it, and for each label the weight with it and
    /// without it (2·K); none where all counted alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<(String, String, Vec<f32>)>,
    /// The model that training began with, as [`Model::fingerprint`] has it; none where it began with zeros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// Share of pictures that choices were made on; none where the data came divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_size: Option<f64>,
    /// Share of pictures that was kept for the test; none where the data came divided.
    pub test_size: Option<f64>,
    /// Seed of the split.
    pub split_seed: u64,
    /// What the solver did.
    pub plan: Plan,
    /// The objective at the end.
    pub objective: f64,
}

impl Model {
    /// How answers are read from what the model says.
    #[must_use]
    pub fn output(&self) -> Output {
        self.activation.output(self.trained.plan.loss)
    }

    /// SHA-256 over labels, weights, biases and what is done to features, as hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for label in &self.classes {
            hash.update((label.len() as u64).to_le_bytes());
            hash.update(label);
        }
        self.weight.iter().chain(&self.bias).for_each(|value| hash.update(value.to_le_bytes()));
        if let Some(Transform { l2, standard }) = &self.transform {
            hash.update([u8::from(*l2)]);
            let numbers = standard.iter().flat_map(|standard| standard.mean.iter().chain(&standard.scale));
            numbers.for_each(|value| hash.update(value.to_le_bytes()));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Weights and biases as the stages take them, over the temperature: one array of `K·D + K`.
    #[must_use]
    pub fn parameters(&self) -> Vec<f32> {
        let mut parameters = [self.weight.as_slice(), &self.bias].concat();
        parameters.iter_mut().for_each(|p| *p /= self.temperature);
        parameters
    }
}
