//! The arguments of `huemax train`, and what they ask for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::CACHE;
use crate::backend::Loss;
use crate::cli::common::{BudgetArgs, CheckArgs, Common, ErrorArgs, HistogramArgs};
use crate::cli::features::FeatureArgs;
use crate::cli::interrupt;
use crate::cli::labels::LabelArgs;
use crate::cli::run_folder::RunFolder;
use crate::cli::solver::SolverArgs;
use crate::dataset::SplitOptions;
use crate::features::TransformOptions;
use crate::metrics::ThresholdRule;
use crate::pipeline::{Cache, Choices, StoreOptions, TrainOptions, Weighting};

/// Train a classifier on a folder of labelled pictures, and measure it
///
/// Labels come from DATA/metadata.csv or metadata.jsonl, or from the layout: a folder a class (DATA/cat/1.jpg), or the file
/// name up to its first dot (DATA/cat.1.jpg); or from what --labels names. Folders train/, val/ and test/ are respected. Writes model.safetensors, metrics.json and
/// predictions.csv; skipped.csv lists pictures that could not be read, and duplicates.csv those that are there more than once.
///
/// Ctrl-C while the solver works saves a checkpoint and says how to go on (--resume); twice stops at once. With --json, standard
/// output has a JSON object a line: {"event":"iteration",…} while the solver works and {"event":"sweep",…} after each C of a sweep, also note and checkpoint, and {"event":"result",…} at
/// the end; with --quiet beside it, the result alone.
#[derive(Debug, Clone, clap::Args)]
#[command(
    override_usage = "huemax train [OPTIONS] <DATA>\n       huemax train [OPTIONS] --features <FILE> [--labels <LABELS>]\n       huemax train --resume <RUN>"
)]
pub(in crate::cli) struct Args {
    /// Folder of pictures (JPEG, PNG, WebP, GIF, BMP, TIFF), tar files with pictures ('shard-{000..099}.tar'), or a store of features that
    /// `huemax extract`, or NumPy and pandas, wrote
    #[arg(required_unless_present_any = ["resume", "features"], conflicts_with = "features")]
    pub(super) data: Option<PathBuf>,

    /// Folder for the results [default: runs/TIME]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Overwrite the results that are in --out
    #[arg(long)]
    pub(super) force: bool,

    /// Go on with a training that was interrupted: its folder, or the checkpoint in it. The command is the one that was typed;
    /// DATA or --features (if they moved), --device, --check, --memory, --device-memory, --on-error, --max-errors, --json, --quiet,
    /// --tensorboard and --checkpoint-every may be given anew. Another device, or memory that has features pass through in other pieces,
    /// adds up in another order: last digits may differ
    #[arg(long, value_name = "RUN")]
    pub(super) resume: Option<PathBuf>,

    /// Begin with the weights of a model, labels matched by name
    #[arg(long, value_name = "MODEL")]
    pub(super) init: Option<PathBuf>,

    /// With --init: labels that the model has not begin at zero
    #[arg(long, requires = "init")]
    pub(super) grow: bool,

    /// Save a checkpoint into the folder for the results this often while training, and at Ctrl-C; 0: only at Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub(super) checkpoint_every: f64,

    /// Write event files that TensorBoard reads: objective, loss, gradient_norm, learning_rate, val_loss, val_accuracy; of a sweep, in
    /// DIR/sweep, sweep_loss and sweep_score against the number of C
    #[arg(long, value_name = "DIR")]
    pub(super) tensorboard: Option<PathBuf>,

    /// Keep the features of the pictures in this folder, and take those that are there, of pictures that have not changed
    /// [default: the folder `features` in that of the results]
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,

    /// Keep no features
    #[arg(long, conflicts_with = "cache")]
    pub(super) no_cache: bool,

    #[command(flatten)]
    pub(super) histogram: HistogramArgs,

    /// Share of the pictures of each class that is kept for the test
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = share)]
    test_size: f64,

    /// Share of the pictures of each class that choices are made on, 0 for none; out of train/ where the data came divided
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share_or_none)]
    val_size: f64,

    /// Seed of the split and of the order of training
    #[arg(long, default_value_t = 42)]
    seed: u64,

    /// What is minimised [default: softmax for one label a picture, sigmoid for any number]
    #[arg(long, value_enum)]
    loss: Option<LossArg>,

    /// How much labels count: `balanced` (rare ones more), or a CSV file with label,weight
    #[arg(long, value_name = "balanced|FILE", allow_negative_numbers = true)]
    class_weight: Option<Weighting>,

    /// How much more a label counts where a picture has it, with sigmoid: `balanced`, a number, or a CSV file with label,weight
    #[arg(long, value_name = "balanced|NUMBER|FILE", allow_negative_numbers = true)]
    pos_weight: Option<Weighting>,

    /// Probability from which on a label is part of the answer: 0.5, or the best for each label on validation pictures by F1 or F2
    #[arg(long, value_name = "0.5|f1|f2", default_value = "0.5")]
    thresholds: ThresholdRule,

    /// Fit a temperature on validation pictures, so that probabilities say how often they come true
    #[arg(long)]
    calibrate: bool,

    /// Divide each row of features by its L2 norm; kept in the model
    #[arg(long)]
    l2_normalize: bool,

    /// Take the mean off each feature and divide by its standard deviation, those of the training rows, after --l2-normalize; kept in the
    /// model
    #[arg(long)]
    standardize: bool,

    #[command(flatten)]
    solver: SolverArgs,

    #[command(flatten)]
    pub(super) features: FeatureArgs,

    #[command(flatten)]
    pub(super) labels: LabelArgs,

    #[command(flatten)]
    pub(super) errors: ErrorArgs,

    /// Tell also of pictures whose features are equal, not only of those whose files are
    #[arg(long)]
    pub(super) near_duplicates: bool,

    #[command(flatten)]
    pub(super) budget: BudgetArgs,

    #[command(flatten)]
    pub(super) check: CheckArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// Values of `--loss`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LossArg {
    /// Which one label? Probabilities that add up to 1
    Softmax,
    /// Which labels? A probability each; with one label a picture, one against the rest
    Sigmoid,
    /// Margins between one label and the others, no probabilities
    Hinge,
    /// The same, squared
    SquaredHinge,
}

impl From<LossArg> for Loss {
    fn from(loss: LossArg) -> Self {
        match loss {
            LossArg::Softmax => Self::Softmax,
            LossArg::Sigmoid => Self::Sigmoid,
            LossArg::Hinge => Self::Hinge,
            LossArg::SquaredHinge => Self::SquaredHinge,
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("a share above 0 and below 1, such as 0.25".into()),
    }
}

pub(in crate::cli) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=1e9).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds, such as 60, or 0 for none".into()),
    }
}

fn share_or_none(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("a share below 1, such as 0.1, or 0 for none".into()),
    }
}

impl Args {
    /// The same, typed in `folder`, if that is another one than this.
    pub(in crate::cli) fn seen_from(mut self, folder: Option<&Path>) -> Self {
        let Some(folder) = folder else { return self };
        let path = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        let weights = |weighting| match weighting {
            Some(Weighting::File(file)) => Some(Weighting::File(folder.join(file))),
            other => other,
        };
        self.data = path(self.data);
        self.tensorboard = path(self.tensorboard);
        self.cache = path(self.cache);
        self.class_weight = weights(self.class_weight);
        self.pos_weight = weights(self.pos_weight);
        self.labels = self.labels.seen_from(folder);
        self.features = self.features.seen_from(folder);
        self
    }

    /// Takes over what was typed anew beside `--resume`.
    pub(in crate::cli) fn renew(&mut self, anew: &Self, matches: &ArgMatches) {
        let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        if typed("data") {
            self.data.clone_from(&anew.data);
        }
        if typed("features") {
            self.features.renew(&anew.features);
        }
        if typed("device") {
            self.common.device = anew.common.device.clone();
        }
        self.budget.renew(anew.budget);
        if typed("tensorboard") {
            self.tensorboard.clone_from(&anew.tensorboard);
        }
        if typed("checkpoint_every") {
            self.checkpoint_every = anew.checkpoint_every;
        }
        self.errors.renew(anew.errors, typed);
        self.check.check |= anew.check.check;
        self.common.json |= anew.common.json;
        self.common.quiet |= anew.common.quiet;
    }

    /// Where features are kept: in the folder that was named, else in that of the results, which is made when there is something to keep.
    pub(super) fn cache(&self, run: &Arc<RunFolder>, resumed: bool) -> Cache {
        let stop = interrupt::asked;
        if let Some(cache) = self.cache.clone() {
            let options = StoreOptions { stop, numbers_will_do: true, ..StoreOptions::default() };
            return Cache { folder: Arc::new(move || Ok(cache.clone())), options };
        }
        // Whoever has the results overwritten has other features beside them overwritten too.
        let replace = self.force || resumed;
        let options = StoreOptions { stop, replace, numbers_will_do: true, ..StoreOptions::default() };
        let run = Arc::clone(run);
        Cache { folder: Arc::new(move || Ok(run.path()?.join(CACHE))), options }
    }

    pub(super) fn options(&self) -> TrainOptions {
        TrainOptions {
            descriptor: self.histogram.histogram().into(),
            transform: TransformOptions { l2_normalize: self.l2_normalize, standardize: self.standardize },
            split: SplitOptions { test_size: self.test_size, val_size: self.val_size, seed: self.seed },
            solver: self.solver.options(self.seed),
            sweep: self.solver.sweep(),
            loss: self.loss.map(Into::into),
            class_weight: self.class_weight.clone().unwrap_or_default(),
            pos_weight: self.pos_weight.clone().unwrap_or_default(),
            choices: Choices { thresholds: self.thresholds, calibrate: self.calibrate },
        }
    }
}
