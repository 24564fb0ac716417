//! What a command works on: labelled samples, and where their features are to be had.

use std::path::Path;

use crate::cli::labels::LabelArgs;
use crate::dataset::{Dataset, LabelOptions, Task};
use crate::error::Result;
use crate::features::Budget;
use crate::pipeline::{Input, Origin};

/// What a command works on, opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) dataset: Dataset,
    origin: Origin,
}

impl Opened {
    /// Opens `data`, with labels as `labels` say.
    pub(super) fn open(data: &Path, labels: &LabelArgs) -> Result<Self> {
        let dataset = Dataset::open(data, &labels.options(data)?)?;
        Ok(Self { dataset, origin: Origin::Pictures })
    }

    /// The same for a model that answers any number of labels, where nothing is said of the task: samples without any label are
    /// then no mistake, even where none has several.
    pub(super) fn open_for(data: &Path, labels: &LabelArgs, task: Task) -> Result<Self> {
        let options = labels.options(data)?;
        let dataset = match Dataset::open(data, &options) {
            Err(error) if options.task.is_none() && task == Task::Multilabel => {
                let several = LabelOptions { task: Some(Task::Multilabel), ..options };
                Dataset::open(data, &several).map_err(|_| error)?
            }
            opened => opened?,
        };
        Ok(Self { dataset, origin: Origin::Pictures })
    }

    pub(super) fn input(&self, budget: Budget) -> Input<'_> {
        Input { dataset: &self.dataset, origin: self.origin.clone(), budget }
    }
}
