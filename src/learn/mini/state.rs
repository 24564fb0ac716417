//! What a training by mini-batches needs to go on after any step.

use super::Run;
use crate::backend::Backend;
use crate::learn::{LearnError, State};

impl<B: Backend> Run<'_, B> {
    /// What it takes to go on from here.
    pub(super) fn state(&mut self) -> Result<State, LearnError> {
        let (backend, len) = (self.backend, self.data.parameters());
        let mut state = State::new(self.plan.solver.kind().name());
        state.numbers.insert("epoch".into(), self.epoch.into());
        state.numbers.insert("step".into(), self.step.into());
        state.arrays.insert("parameters".into(), wide(backend.download(&self.parameters, len)?));
        state.arrays.insert("losses".into(), wide(backend.download(&self.losses, self.batches.len())?));
        self.update.save(backend, len, &mut state)?;
        if let Some(best) = &self.best {
            best.save(backend, len, &mut state)?;
        }
        Ok(state)
    }

    /// Goes on from `state`.
    pub(super) fn resume(&mut self, state: &State) -> Result<(), LearnError> {
        let (backend, len) = (self.backend, self.data.parameters());
        state.of(self.plan.solver.kind().name())?;
        (self.epoch, self.step) = (state.count("epoch")?, state.count("step")?);
        let (epochs, steps) = (self.mini.epochs, self.batches.len());
        if self.epoch >= epochs || self.step >= steps {
            let problem = format!(
                "it is at step {} of epoch {}, and there are {steps} steps in each of {epochs}",
                self.step, self.epoch
            );
            return Err(LearnError::State { problem });
        }
        backend.write(&mut self.parameters, 0, &narrow(&state.array("parameters", len)?))?;
        backend.write(&mut self.losses, 0, &narrow(&state.array("losses", steps)?))?;
        self.update.resume(backend, len, state)?;
        if let Some(best) = &mut self.best {
            best.resume(backend, len, state)?;
        }
        self.before = self.done();
        Ok(())
    }
}

/// f32 as a [`State`] keeps it.
pub(super) fn wide(values: Vec<f32>) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

/// And back, exactly.
pub(super) fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}
