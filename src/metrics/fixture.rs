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
    pub(crate) fn measure(&self) -> MultiClass {
        let k = self.classes.len();
        let flat = self.probability.concat();
        let p = Array2::from_shape_vec((self.truth.len(), k), flat).unwrap();
        MultiClass::new(&self.classes, &vec![1; k], &self.truth, p.view()).unwrap()
    }
}

pub(crate) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../tests/fixtures/metrics.json")).unwrap()
}
