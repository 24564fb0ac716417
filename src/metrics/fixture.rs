//! The cases of `tests/fixtures/metrics.json`, for the tests of this room and of `report`.

use ndarray::Array2;
use serde::Deserialize;

use super::MultiClass;

/// Truths, probabilities and what scikit-learn answers on them.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) classes: Vec<String>,
    truth: Vec<u32>,
    probability: Vec<Vec<f64>>,
    pub(crate) sklearn: serde_json::Value,
}

impl Case {
    /// Truths (n) and probabilities (n×K).
    pub(crate) fn given(&self) -> (&[u32], Array2<f64>) {
        let shape = (self.truth.len(), self.classes.len());
        (&self.truth, Array2::from_shape_vec(shape, self.probability.concat()).unwrap())
    }

    pub(crate) fn measure(&self) -> MultiClass {
        let (truth, p) = self.given();
        MultiClass::new(&self.classes, &vec![1; self.classes.len()], truth, p.view()).unwrap()
    }
}

pub(crate) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../tests/fixtures/metrics.json")).unwrap()
}
