//! How a step moves parameters, and what it remembers beside them.

use crate::backend::{Adam, Backend, DeviceError, Step};
use crate::learn::plan::{MiniBatch, Plan};
use crate::learn::{LearnError, SolverKind, State};

/// Share of Adam's second moment that a step keeps, and what is added to its root: Kingma and Ba's.
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// Momentum or Adam, with its arrays on a device.
#[derive(Debug)]
pub(super) enum Update<B: Backend> {
    Momentum { velocity: B::Array<f32>, step: Step },
    Adam { moments: [B::Array<f32>; 2], adam: Adam },
}

impl<B: Backend> Update<B> {
    /// Of `len` parameters; `scale` makes a mean of a gradient sum.
    pub(super) fn new(
        backend: &B,
        plan: &Plan,
        mini: &MiniBatch,
        len: usize,
        scale: f32,
    ) -> Result<Self, DeviceError> {
        let (l2, l1) = (plan.l2() as f32, plan.l1());
        // Rates and corrections come with each step.
        if plan.solver.kind() == SolverKind::Adam {
            let (beta1, learning_rate, correction) = (mini.momentum as f32, 0.0, 1.0);
            let adam = Adam {
                learning_rate,
                beta1,
                beta2: BETA2,
                epsilon: EPSILON,
                l2,
                l1: l1 as f32,
                scale,
                correction1: correction,
                correction2: correction,
            };
            return Ok(Self::Adam { moments: [backend.zeros(len)?, backend.zeros(len)?], adam });
        }
        let step = Step {
            learning_rate: 0.0,
            momentum: mini.momentum as f32,
            nesterov: mini.nesterov,
            l2,
            // See the field: a velocity adds up so many gradients.
            l1: (l1 / (1.0 - mini.momentum)) as f32,
            scale,
        };
        Ok(Self::Momentum { velocity: backend.zeros(len)?, step })
    }

    /// Moves `parameters` along `sums`; `steps` were taken before.
    pub(super) fn step(
        &mut self,
        backend: &B,
        parameters: &mut B::Array<f32>,
        sums: &B::Array<f32>,
        (weights, len): (usize, usize),
        (learning_rate, steps): (f64, usize),
    ) -> Result<(), DeviceError> {
        let learning_rate = learning_rate as f32;
        match self {
            Self::Momentum { velocity, step } => {
                let step = Step { learning_rate, ..*step };
                backend.step(parameters, velocity, sums, weights, len, step)
            }
            Self::Adam { moments: [first, second], adam } => {
                let [correction1, correction2] =
                    [adam.beta1, adam.beta2].map(|beta| Adam::correction(beta, steps as u64 + 1));
                let adam = Adam { learning_rate, correction1, correction2, ..*adam };
                backend.adam(parameters, [first, second], sums, weights, len, adam)
            }
        }
    }

    /// Its arrays by name.
    fn arrays(&mut self) -> Vec<(&'static str, &mut B::Array<f32>)> {
        match self {
            Self::Momentum { velocity, .. } => vec![("velocity", velocity)],
            Self::Adam { moments: [first, second], .. } => vec![("first", first), ("second", second)],
        }
    }

    /// Adds what it remembers to `state`.
    pub(super) fn save(&mut self, backend: &B, len: usize, state: &mut State) -> Result<(), DeviceError> {
        for (name, array) in self.arrays() {
            state.arrays.insert(name.into(), super::wide(backend.download(array, len)?));
        }
        Ok(())
    }

    /// Takes over what [`save`](Self::save) kept.
    pub(super) fn resume(&mut self, backend: &B, len: usize, state: &State) -> Result<(), LearnError> {
        for (name, array) in self.arrays() {
            backend.write(array, 0, &super::narrow(&state.array(name, len)?))?;
        }
        Ok(())
    }
}
