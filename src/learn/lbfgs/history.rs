//! What is known of the curvature: the last steps and how each changed the gradient.

use std::collections::VecDeque;

use serde_json::json;

use super::super::metric::Metric;
use super::super::state::State;
use super::super::vector::{add, dot, norm, scaled};
use crate::learn::LearnError;

/// A step, how it changed the gradient, and the product of both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub(super) step: Vec<f64>,
    pub(super) change: Vec<f64>,
    pub(super) product: f64,
}

impl Pair {
    /// None where the change is lost in rounding, or speaks of no positive curvature.
    pub(super) fn new(step: Vec<f64>, change: Vec<f64>) -> Option<Self> {
        let product = dot(&step, &change);
        (product > 1e-10 * norm(&step) * norm(&change)).then_some(Self { step, change, product })
    }
}

/// Pairs, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) pairs: VecDeque<Pair>,
}

impl History {
    /// Adds a pair, for which the oldest of `most` goes.
    pub(super) fn remember(&mut self, pair: Pair, most: usize) {
        if self.pairs.len() == most {
            self.pairs.pop_front();
        }
        self.pairs.push_back(pair);
    }

    /// The two loops: what the inverse of the approximated Hessian makes of `towards`.
    pub(super) fn newton(&self, towards: &[f64], metric: Option<&Metric>) -> Vec<f64> {
        let mut q = towards.to_vec();
        let mut factors = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let factor = dot(&pair.step, &q) / pair.product;
            add(&mut q, -factor, &pair.change);
            factors.push(factor);
        }
        let scale = |apply: &dyn Fn(&[f64]) -> Vec<f64>| match self.pairs.back() {
            Some(last) => last.product / dot(&last.change, &apply(&last.change)),
            None => 1.0,
        };
        let mut direction = match metric {
            Some(metric) => scaled(&metric.apply(&q), scale(&|v| metric.apply(v))),
            None => scaled(&q, scale(&<[f64]>::to_vec)),
        };
        for (pair, factor) in self.pairs.iter().zip(factors.iter().rev()) {
            let back = dot(&pair.change, &direction) / pair.product;
            add(&mut direction, factor - back, &pair.step);
        }
        direction
    }

    /// Writes the pairs to `state`.
    pub(super) fn save(&self, state: &mut State) {
        state.numbers.insert("pairs".into(), json!(self.pairs.len()));
        for (i, pair) in self.pairs.iter().enumerate() {
            state.arrays.insert(format!("step.{i}"), pair.step.clone());
            state.arrays.insert(format!("change.{i}"), pair.change.clone());
        }
    }

    /// The pairs in `state`, the first `most` at most, of `len` parameters each.
    ///
    /// # Errors
    /// They are not all there.
    pub(super) fn load(state: &State, len: usize, most: usize) -> Result<Self, LearnError> {
        let pairs = (0..state.count("pairs")?.min(most)).map(|i| {
            let (step, change) =
                (state.array(&format!("step.{i}"), len)?, state.array(&format!("change.{i}"), len)?);
            let product = dot(&step, &change);
            Ok(Pair { step, change, product })
        });
        Ok(Self { pairs: pairs.collect::<Result<_, LearnError>>()? })
    }
}
