//! What a solver needs to go on where it stopped.

use std::collections::BTreeMap;

/// The state of a solver between two of its steps, in types that any file can hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// The solver that it belongs to.
    pub solver: String,
    /// Its single numbers and words.
    pub numbers: serde_json::Map<String, serde_json::Value>,
    /// Its arrays. What is f32 on the device is kept as f64, which is exact.
    pub arrays: BTreeMap<String, Vec<f64>>,
}
