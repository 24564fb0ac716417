//! Early stopping: the parameters with the least validation loss so far.

use crate::backend::{Backend, DeviceError};
use crate::learn::{LearnError, State};

/// The best epoch so far, by the loss of the validation rows.
#[derive(Debug)]
pub(super) struct Best<B: Backend> {
    /// Its number, from 1; 0 before there was one.
    pub(super) epoch: usize,
    loss: f64,
    parameters: B::Array<f32>,
}

impl<B: Backend> Best<B> {
    pub(super) fn new(backend: &B, len: usize) -> Result<Self, DeviceError> {
        Ok(Self { epoch: 0, loss: f64::INFINITY, parameters: backend.zeros(len)? })
    }

    /// Keeps `parameters` as they are after `epoch` where `loss` is less than any before.
    pub(super) fn look(
        &mut self,
        backend: &B,
        (epoch, loss): (usize, f64),
        parameters: &B::Array<f32>,
        len: usize,
    ) -> Result<(), DeviceError> {
        if loss < self.loss {
            (self.epoch, self.loss) = (epoch, loss);
            backend.copy((parameters, 0), (&mut self.parameters, 0), len)?;
        }
        Ok(())
    }

    /// The parameters that were kept.
    pub(super) fn into_parameters(self) -> B::Array<f32> {
        self.parameters
    }

    /// Adds it to `state`. The loss stands among the arrays: numbers of JSON may lose a bit.
    pub(super) fn save(&self, backend: &B, len: usize, state: &mut State) -> Result<(), DeviceError> {
        state.numbers.insert("best_epoch".into(), self.epoch.into());
        state.arrays.insert("best_loss".into(), vec![self.loss]);
        state.arrays.insert("best".into(), super::wide(backend.download(&self.parameters, len)?));
        Ok(())
    }

    /// Takes over what [`save`](Self::save) kept.
    pub(super) fn resume(&mut self, backend: &B, len: usize, state: &State) -> Result<(), LearnError> {
        self.epoch = state.count("best_epoch")?;
        self.loss = state.array("best_loss", 1)?[0];
        backend.write(&mut self.parameters, 0, &super::narrow(&state.array("best", len)?))?;
        Ok(())
    }
}
