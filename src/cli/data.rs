//! What a command works on: labelled samples, and where their features are to be had.

use std::path::Path;

use crate::cli::features::FeatureArgs;
use crate::cli::labels::LabelArgs;
use crate::dataset::{Dataset, LabelOptions, Task};
use crate::error::{Error, Result};
use crate::features::store::{is_store, is_unfinished};
use crate::features::{Budget, Descriptor, FeaturesError, Skipped};
use crate::files::is_parquet;
use crate::pipeline::{Cache, Input, Origin, Rows, Tolerance, open_store};

/// Of a store that is not finished.
pub(super) fn unfinished(store: &Path) -> Error {
    let problem = "the features there are not finished; run the same `huemax extract DATA --out STORE` again, which goes on";
    FeaturesError::Format { path: store.into(), problem: problem.into() }.into()
}

/// Fails where a file of features stands in place of pictures; `more` is what is to be typed with it.
pub(super) fn pictures_not_features(data: &Path, more: &str) -> Result<()> {
    let extension = data.extension().unwrap_or_default().to_ascii_lowercase();
    if !(data.is_file() && ["npy", "npz", "safetensors", "parquet"].iter().any(|known| extension == *known)) {
        return Ok(());
    }
    let file = data.display();
    let problem = format!("{file} holds features, not pictures; give it as --features {file}{more}");
    Err(Error::option("DATA", problem))
}

/// What a command works on, opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) dataset: Dataset,
    origin: Origin,
}

impl Opened {
    /// Opens `data`, a folder of pictures or a store of features, with labels as `labels` say.
    pub(super) fn open(data: &Path, labels: &LabelArgs) -> Result<Self> {
        Self::with(data, &labels.options(data)?)
    }

    /// The same for a model that answers any number of labels, where nothing is said of the task: samples without any label are
    /// then no mistake, even where none has several.
    pub(super) fn open_for(data: &Path, labels: &LabelArgs, task: Task) -> Result<Self> {
        let options = labels.options(data)?;
        match Self::with(data, &options) {
            Err(error) if options.task.is_none() && task == Task::Multilabel => {
                let several = LabelOptions { task: Some(Task::Multilabel), ..options };
                Self::with(data, &several).map_err(|_| error)
            }
            opened => opened,
        }
    }

    fn with(data: &Path, options: &LabelOptions) -> Result<Self> {
        if is_store(data) {
            let (dataset, rows) = open_store(data, options)?;
            return Ok(Self { dataset, origin: Origin::Rows(rows) });
        }
        if is_unfinished(data) {
            return Err(unfinished(data));
        }
        pictures_not_features(data, " --labels FILE")?;
        Ok(Self { dataset: Dataset::open(data, options)?, origin: Origin::Pictures })
    }

    /// What the rows are made of, where they were made before.
    pub(super) fn descriptor(&self) -> Option<Descriptor> {
        match &self.origin {
            Origin::Rows(rows) => Some(rows.descriptor),
            _ => None,
        }
    }

    /// Fails where `option` was typed, which is about pictures, and these are features.
    pub(super) fn only_pictures(&self, option: &'static str, typed: bool, why: &str) -> Result<()> {
        match self.descriptor().filter(|_| typed) {
            Some(found) => Err(Error::option(option, format!("the data are features ({found}) {why}"))),
            None => Ok(()),
        }
    }

    /// Fails where features are to be kept in the folder of pictures `data` itself: that would be a store from then on, and its pictures
    /// be looked at no more.
    pub(super) fn apart(option: &'static str, data: &Path, store: &Path) -> Result<()> {
        match (data.canonicalize(), store.canonicalize()) {
            (Ok(data_path), Ok(store)) if data_path == store => {
                let problem = format!(
                    "{} holds the pictures; give a folder of its own for the features",
                    data.display()
                );
                Err(Error::option(option, problem))
            }
            _ => Ok(()),
        }
    }

    /// Keeps features of pictures in `cache`, and takes those that are there; of what was made before there is nothing to keep.
    pub(super) fn cached(mut self, cache: Cache) -> Self {
        if matches!(self.origin, Origin::Pictures) {
            self.origin = Origin::Kept(cache);
        }
        self
    }

    /// Whether features of pictures are kept.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.origin, Origin::Kept(_))
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
        if options.source.is_none() && !is_parquet(file) {
            let problem = format!(
                "{} holds features and no labels; give --labels Y.npy, or a table with a label for each row",
                file.display()
            );
            return Err(Error::option("--labels", problem));
        }
        let open = |options: &LabelOptions| Dataset::of_rows(file, rows.source.rows(), options);
        let (dataset, left_out) = match open(&options) {
            Err(error) if options.task.is_none() && task == Some(Task::Multilabel) => {
                options.task = task;
                open(&options).map_err(|_| error)?
            }
            opened => opened?,
        };
        let skipped = left_out.into_iter().map(|(index, reason)| Skipped { index, reason }).collect();
        Ok(Self { dataset, origin: Origin::Rows(Rows { skipped, ..rows }) })
    }

    pub(super) fn input(&self, budget: Budget, tolerance: Tolerance, near_duplicates: bool) -> Input<'_> {
        Input { dataset: &self.dataset, origin: self.origin.clone(), budget, tolerance, near_duplicates }
    }
}
