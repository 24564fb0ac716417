//! What a training, or a model, is going to compute on a device: for a check of it before anything else.

use super::{Input, TrainOptions};
use crate::dataset::Split;
use crate::error::Result;
use crate::features::Descriptor;
use crate::learn::{SolverKind, SolverOptions, Targets, models_a_pass};
use crate::model::Model;
use crate::report::JudgedOn;
use crate::verify::{Fitting, Stage, Use};

/// Bins, where `descriptor` is of pictures that are still to be described.
fn bins(descriptor: Descriptor, described: bool) -> Option<[u32; 3]> {
    descriptor.histogram().filter(|_| !described).map(|histogram| histogram.bins)
}

impl TrainOptions {
    /// What a training on `input` computes.
    ///
    /// # Errors
    /// Options that cannot work.
    pub fn used(&self, input: &Input<'_>) -> Result<Use> {
        let dataset = input.dataset;
        let (descriptor, outputs) = (input.descriptor(self.descriptor), dataset.classes.len());
        let loss = self.loss(dataset.task)?;
        let solver = SolverOptions { c: self.values_of_c()[0], ..self.solver.clone() };
        let plan = solver.plan(1, 1.0, &Targets::none(loss, outputs.max(1), 1))?;
        let update = match plan.solver.kind() {
            SolverKind::Lbfgs => None,
            SolverKind::Sgd => Some(Stage::Step),
            SolverKind::Adam => Some(Stage::Adam),
        };
        let mut models = 1;
        if let Some(sweep) = &self.sweep
            && update.is_none()
        {
            let split = Split::new(dataset, &self.split)?;
            if let JudgedOn::Folds { folds, divisions } =
                sweep.judged_on(split.train.len(), split.val.len())?
            {
                // As many as one pass has, on any device.
                let numbers = outputs * (descriptor.len() + 1) + outputs;
                models = models_a_pass(numbers, folds * divisions, u64::MAX);
            }
        }
        Ok(Use {
            bins: bins(descriptor, input.is_described()),
            linear: Some((descriptor.len(), outputs)),
            loss: Some(loss),
            fit: Some(Fitting { update, models }),
        })
    }
}

impl Use {
    /// What `model` computes of pictures, or of rows that are `described` already.
    #[must_use]
    pub fn of_model(model: &Model, described: bool) -> Self {
        Self {
            bins: bins(model.descriptor, described),
            linear: Some((model.descriptor.len(), model.classes.len())),
            loss: Some(model.activation.loss()),
            fit: None,
        }
    }
}
