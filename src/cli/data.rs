//! What a command works on: labelled samples, and where their features are to be had.

use std::path::Path;

use crate::cli::features::FeatureArgs;
use crate::cli::labels::LabelArgs;
use crate::dataset::{Dataset, LabelOptions, Task};
use crate::error::{Error, Result};
use crate::features::{Budget, brought};
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

    /// Opens the features in `file`, with labels as `labels` say: those of a row each. `task` is that of the model, if there is one.
    pub(super) fn rows(
        file: &Path,
        features: &FeatureArgs,
        labels: &LabelArgs,
        task: Option<Task>,
        budget: Budget,
    ) -> Result<Self> {
        let beside = file.parent().unwrap_or(Path::new(""));
        let mut options = labels.options(beside)?;
        let rows = features.open(file, &options.label_columns, budget)?;
        if options.source.is_none() && !brought::is_parquet(file) {
            let problem = format!(
                "{} holds features and no labels; give --labels Y.npy, or a table with a label for each row",
                file.display()
            );
            return Err(Error::option("--labels", problem));
        }
        let open = |options: &LabelOptions| Dataset::of_rows(file, rows.source.rows(), options);
        let dataset = match open(&options) {
            Err(error) if options.task.is_none() && task == Some(Task::Multilabel) => {
                options.task = task;
                open(&options).map_err(|_| error)?
            }
            opened => opened?,
        };
        Ok(Self { dataset, origin: Origin::Rows(rows) })
    }

    pub(super) fn input(&self, budget: Budget) -> Input<'_> {
        Input { dataset: &self.dataset, origin: self.origin.clone(), budget }
    }
}
