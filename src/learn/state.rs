//! What a solver must remember to go on where it stopped.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::LearnError;

/// Numbers and arrays by name. Values of f32 are kept as f64, which is exact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// The solver that wrote it.
    pub solver: String,
    /// Counts, flags and single numbers.
    pub numbers: Map<String, Value>,
    /// Parameters, gradients, histories.
    pub arrays: BTreeMap<String, Vec<f64>>,
}

impl State {
    /// Nothing yet, of `solver`.
    #[must_use]
    pub fn new(solver: &str) -> Self {
        Self { solver: solver.into(), ..Self::default() }
    }

    /// The array `name`, which must have `len` values.
    ///
    /// # Errors
    /// It is not there, or of another length.
    pub fn array(&self, name: &str, len: usize) -> Result<Vec<f64>, LearnError> {
        match self.arrays.get(name) {
            Some(values) if values.len() == len => Ok(values.clone()),
            Some(values) => Err(problem(format!("`{name}` has {} values, not {len}", values.len()))),
            None => Err(problem(format!("`{name}` is missing"))),
        }
    }

    /// The number `name`.
    ///
    /// # Errors
    /// It is not there, or no number.
    pub fn number(&self, name: &str) -> Result<f64, LearnError> {
        self.numbers
            .get(name)
            .and_then(Value::as_f64)
            .ok_or_else(|| problem(format!("the number `{name}` is missing")))
    }

    /// The count `name`.
    ///
    /// # Errors
    /// It is not there, or no count.
    pub fn count(&self, name: &str) -> Result<usize, LearnError> {
        let value = self.numbers.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        value.ok_or_else(|| problem(format!("the count `{name}` is missing")))
    }

    /// Fails unless `solver` wrote it.
    ///
    /// # Errors
    /// Another one did.
    pub fn of(&self, solver: &str) -> Result<(), LearnError> {
        if self.solver == solver {
            return Ok(());
        }
        Err(problem(format!("it was written by {}, not by {solver}", self.solver)))
    }
}

/// A state that cannot be gone on from.
pub(super) fn problem(problem: String) -> LearnError {
    LearnError::State { problem }
}
