//! What a model says of rows of features.

use ndarray::Array2;

use crate::backend::{Backend, DeviceError};
use crate::learn::{Labelled, probabilities, scores};
use crate::model::Activation;

/// What a model with `activation` and `parameters` says of `rows`: probabilities, or margins, n×K in the order of the rows.
pub(super) fn answers<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    parameters: &B::Array<f32>,
    activation: &Activation,
) -> Result<Vec<f32>, DeviceError> {
    let mut answers = match activation {
        Activation::Margins => scores(backend, data, rows, parameters)?,
        _ => probabilities(backend, data, rows, parameters)?,
    };
    activation.finish(&mut answers, data.outputs);
    Ok(answers)
}

/// Rows (n×K) in f64.
pub(super) fn wide(rows: &[f32], outputs: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows.len() / outputs, outputs), |(i, k)| f64::from(rows[i * outputs + k]))
}
