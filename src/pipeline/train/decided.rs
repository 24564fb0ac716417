//! What is decided before pictures are read: what cannot work is said then.

use super::{TrainOptions, counts};
use crate::backend::Loss;
use crate::dataset::{Dataset, Split};
use crate::error::{Error, Result};
use crate::features::Descriptor;
use crate::learn::{SolverOptions, Targets};
use crate::model::Activation;
use crate::pipeline::Input;
use crate::pipeline::data::{describe_data, few_enough};
use crate::pipeline::session::Begin;
use crate::pipeline::weights::{Counted, weights};
use crate::report::JudgedOn;

/// What data and options say, without a look at a picture.
pub(super) struct Decided<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) options: &'a TrainOptions,
    pub(super) descriptor: Descriptor,
    pub(super) loss: Loss,
    pub(super) activation: Activation,
    pub(super) data_sha256: String,
}

impl<'a> Decided<'a> {
    /// The same and how the data are divided, if that can be trained with from where `begin` is.
    ///
    /// # Errors
    /// Options that cannot work with one another, with these data, or with `begin`.
    pub(super) fn new(
        input: &Input<'a>,
        options: &'a TrainOptions,
        begin: &Begin<'_>,
    ) -> Result<(Self, Split)> {
        let dataset = input.dataset;
        let descriptor = input.descriptor(options.descriptor);
        let option = if descriptor.histogram().is_some() { "--bins" } else { "--features" };
        descriptor.check().map_err(|problem| Error::option(option, problem))?;
        let loss = options.loss(dataset.task)?;
        few_enough(dataset.task, dataset.classes.len())?;
        let activation = Activation::new(loss, dataset.task, dataset.classes.len());
        // Of what is missing that is the reason.
        input.looked_into()?;
        let split = Split::new(dataset, &options.split)?;
        let mut this = Self { dataset, options, descriptor, loss, activation, data_sha256: String::new() };
        options.choices.check(&this.activation, split.val.len())?;
        // Where it has to be looked for, that is done when there are features.
        let squared_norm = descriptor.max_squared_norm().unwrap_or(1.0);
        let of_training = this.targets(&split)?.pick(split.train.iter().copied());
        for c in options.values_of_c() {
            let solver = SolverOptions { c, ..options.solver.clone() };
            solver.plan(split.train.len(), squared_norm, &of_training)?;
        }
        this.judged_on(&split)?;
        patience_has_rows(options, split.val.len())?;
        if options.sweep.is_some() && matches!(begin, Begin::Warm { .. }) {
            let problem = "a sweep begins every model where the one before it ended; give a single C without --folds, or leave it out";
            return Err(Error::option("--init", problem));
        }
        this.data_sha256 = dataset.digest();
        begin.check(dataset, (descriptor, options.transform), &this.data_sha256)?;
        Ok((this, split))
    }

    /// What is to be said of the data.
    pub(super) fn data_lines(&self, split: &Split) -> Vec<String> {
        describe_data(self.dataset, split, self.loss, (self.options, self.descriptor))
    }

    /// Fails where validation pictures are asked for something and `split` has too few of them.
    pub(super) fn enough_to_validate(&self, split: &Split) -> Result<()> {
        self.options.choices.check(&self.activation, split.val.len())?;
        patience_has_rows(self.options, split.val.len())
    }

    /// What models of a sweep are judged on, if there is one.
    pub(super) fn judged_on(&self, split: &Split) -> Result<Option<JudgedOn>> {
        let sweep = self.options.sweep.as_ref();
        sweep.map(|sweep| sweep.judged_on(split.train.len(), split.val.len())).transpose()
    }

    /// The labels of all samples, weighed by those in the training part.
    pub(super) fn targets(&self, split: &Split) -> Result<Targets> {
        let Self { dataset, options, loss, .. } = *self;
        let labels: Vec<&[u32]> = dataset.samples.iter().map(|sample| sample.labels.as_slice()).collect();
        let counted = Counted {
            loss,
            labels: &dataset.classes,
            pictures: &counts(dataset, &split.train),
            rows: split.train.len(),
        };
        let weights = weights(&options.class_weight, &options.pos_weight, counted)?;
        Ok(Targets::new(loss, dataset.classes.len(), &labels).weighted(weights))
    }
}

/// Fails where early stopping has nothing to look at, with `val` pictures.
fn patience_has_rows(options: &TrainOptions, val: usize) -> Result<()> {
    let problem = match (options.solver.patience, &options.sweep) {
        (None, _) => return Ok(()),
        (Some(_), Some(_)) => {
            "models of a sweep are judged on what they are not fitted to, and must not choose their end on them; \
             leave --patience out, or give a single C without --folds"
        }
        (Some(_), None) if val == 0 => {
            "it looks at the validation part, and there is none; give --val-size 0.1, or divide the data into train, val and test"
        }
        _ => return Ok(()),
    };
    Err(Error::option("--patience", problem))
}
