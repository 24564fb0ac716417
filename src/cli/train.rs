//! `huemax train`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::backend::Loss;
use crate::cli::common::{BudgetArgs, Common, HistogramArgs};
use crate::cli::data::Opened;
use crate::cli::features::FeatureArgs;
use crate::cli::interrupt::{self, Savable};
use crate::cli::labels::LabelArgs;
use crate::cli::output;
use crate::cli::resume::{Kept, check_beside};
use crate::cli::run_folder::RunFolder;
use crate::cli::solver::SolverArgs;
use crate::cli::watching::Watching;
use crate::dataset::{Dataset, SplitOptions, Unit};
use crate::error::{Error, Result};
use crate::features::{FeaturesError, TransformOptions};
use crate::files::{Writing, folder_of};
use crate::learn::checkpoint::{CURRENT, CheckpointError, Loaded, Lock, PREVIOUS, Store, load};
use crate::learn::{LearnError, SolverOptions, Targets};
use crate::metrics::ThresholdRule;
use crate::model::Model;
use crate::pipeline::{
    Begin, Cache, Choices, Run, Session, StoreOptions, Summary, TrainOptions, Weighting, train_watched,
};
use crate::progress::Progress;
use crate::report;

/// The file of a run that holds its model.
const MODEL: &str = "model.safetensors";
/// The folder in that of the results that features are kept in.
pub(super) const CACHE: &str = "features";
/// A training that fails after this long leaves the features that it has made.
const WORTH_KEEPING: Duration = Duration::from_secs(60);

/// Train a classifier on a folder of labelled pictures, and measure it
///
/// Labels come from DATA/metadata.csv or metadata.jsonl, or from the layout: a folder a class (DATA/cat/1.jpg), or the file
/// name up to its first dot (DATA/cat.1.jpg); or from what --labels names. Folders train/, val/ and test/ are respected. Writes model.safetensors, metrics.json and
/// predictions.csv.
///
/// Ctrl-C while the solver works saves a checkpoint and says how to go on (--resume); twice stops at once. With --json, standard
/// output has a JSON object a line: {"event":"iteration",…} while the solver works and {"event":"sweep",…} after each C of a sweep, also note and checkpoint, and {"event":"result",…} at
/// the end; with --quiet beside it, the result alone.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Folder of pictures (JPEG, PNG, WebP, GIF, BMP, TIFF), tar files with pictures ('shard-{000..099}.tar'), or a store of features that
    /// `huemax extract`, or NumPy and pandas, wrote
    #[arg(required_unless_present_any = ["resume", "features"], conflicts_with = "features")]
    data: Option<PathBuf>,

    /// Folder for the results [default: runs/TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Overwrite the results that are in --out
    #[arg(long)]
    force: bool,

    /// Go on with a training that was interrupted: its folder, or the checkpoint in it. The command is the one that was typed;
    /// DATA or --features (if they moved), --device, --json, --quiet, --tensorboard and --checkpoint-every may be given anew
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,

    /// Begin with the weights of a model, labels matched by name
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,

    /// With --init: labels that the model has not begin at zero
    #[arg(long, requires = "init")]
    grow: bool,

    /// Save a checkpoint into the folder for the results this often while training, and at Ctrl-C; 0: only at Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    checkpoint_every: f64,

    /// Write event files that TensorBoard reads: objective, loss, gradient_norm, learning_rate, val_loss, val_accuracy; of a sweep, in
    /// DIR/sweep, sweep_loss and sweep_score against the number of C
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,

    /// Keep the features of the pictures in this folder, and take those that are there, of pictures that have not changed
    /// [default: the folder `features` in that of the results]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Keep no features
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,

    #[command(flatten)]
    histogram: HistogramArgs,

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
    features: FeatureArgs,

    #[command(flatten)]
    labels: LabelArgs,

    #[command(flatten)]
    budget: BudgetArgs,

    #[command(flatten)]
    common: Common,
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

pub(super) fn seconds(text: &str) -> Result<f64, String> {
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
    pub(super) fn seen_from(mut self, folder: Option<&Path>) -> Self {
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
    pub(super) fn renew(&mut self, anew: &Self, matches: &ArgMatches) {
        let typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        if typed("data") {
            self.data.clone_from(&anew.data);
        }
        if typed("features") {
            self.features.renew(&anew.features);
        }
        if typed("device") {
            self.common.device = anew.common.device.clone();
        }
        if typed("tensorboard") {
            self.tensorboard.clone_from(&anew.tensorboard);
        }
        if typed("checkpoint_every") {
            self.checkpoint_every = anew.checkpoint_every;
        }
        self.common.json |= anew.common.json;
        self.common.quiet |= anew.common.quiet;
    }

    /// Where features are kept: in the folder that was named, else in that of the results, which is made when there is something to keep.
    fn cache(&self, run: &Arc<RunFolder>, resumed: bool) -> Cache {
        let stop = interrupt::asked;
        if let Some(cache) = self.cache.clone() {
            let options = StoreOptions { stop, ..StoreOptions::default() };
            return Cache { folder: Arc::new(move || Ok(cache.clone())), options };
        }
        // Whoever has the results overwritten has other features beside them overwritten too.
        let options = StoreOptions { stop, replace: self.force || resumed, ..StoreOptions::default() };
        let run = Arc::clone(run);
        Cache { folder: Arc::new(move || Ok(run.path()?.join(CACHE))), options }
    }

    fn options(&self) -> TrainOptions {
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

pub(super) fn run(args: &Args, matches: Option<&ArgMatches>) -> Result<()> {
    let (Some(run), Some(typed)) = (&args.resume, matches) else {
        let init = args.init.as_deref().map(Model::load).transpose()?;
        let begin = match &init {
            Some(model) => Begin::Warm { model, grow: args.grow },
            None => Begin::Zero,
        };
        let folder = || RunFolder::new(args.out.as_deref(), args.force);
        return go((args, histogram_typed(matches)), &Kept::new(), begin, folder, None);
    };
    check_beside(typed)?;
    let home = if run.is_dir() { run } else { folder_of(run) };
    // Before it is read: whoever else is training there may be about to write another.
    let there = [CURRENT, PREVIOUS].iter().any(|name| home.join(name).exists());
    let lock = if there { Some(Lock::take(home)?) } else { None };
    let loaded = match load(run) {
        Err(CheckpointError::None { folder }) if folder.join(MODEL).is_file() => {
            return tell_finished(&folder, args.common.json);
        }
        loaded => loaded?,
    };
    if let Some(problem) = &loaded.passed_over {
        output::tell(&format!("note: {problem}; going on from the one before it"));
    }
    let Loaded { checkpoint, path, store, .. } = loaded;
    let kept = Kept::read(&checkpoint.keep, &path)?;
    let whole = kept.arguments(&path, (args, typed))?;
    let folder = || Ok(RunFolder::of(store.folder(), lock.map_or_else(|| Lock::take(store.folder()), Ok)?));
    let begin = Begin::Resume { checkpoint: &checkpoint, path: &path };
    // What was typed the first time was looked at then.
    go((&whole, false), &kept.and_now(typed), begin, folder, Some(store.clone()))
}

/// Whether the command says how pictures are described.
fn histogram_typed(matches: Option<&ArgMatches>) -> bool {
    let typed =
        |id| matches.is_some_and(|matches| matches.value_source(id) == Some(ValueSource::CommandLine));
    typed("bins") || typed("decode_scale")
}

/// Trains as `args` say, from where it begins.
fn go(
    (args, histogram_typed): (&Args, bool),
    kept: &Kept,
    begin: Begin<'_>,
    folder: impl FnOnce() -> Result<RunFolder>,
    store: Option<Store>,
) -> Result<()> {
    let options = args.options();
    // Everything that can be wrong with the command is found before any work is done.
    let loss = options.loss.unwrap_or_default();
    for c in options.values_of_c() {
        SolverOptions { c, ..options.solver.clone() }.plan(1, 1.0, &Targets::none(loss, 2, 1))?;
    }
    let data = args.data.as_deref().unwrap_or(Path::new("."));
    let progress = args.common.progress();
    let budget = args.budget.budget();
    let opened = match args.features.file()? {
        Some(_) if histogram_typed => {
            let problem =
                "how pictures are described cannot be used with --features, which are there; leave it out";
            return Err(Error::option("--bins and --decode-scale", problem));
        }
        Some(file) => Opened::rows(file, &args.features, &args.labels, None, budget)?,
        None => Opened::open(data, &args.labels)?,
    };
    let differs = histogram_typed
        && opened.descriptor().is_some_and(|found| found != args.histogram.histogram().into());
    opened.only_pictures("--bins", differs, "and have theirs; leave it out, or give the pictures")?;
    opened.only_pictures("--cache", args.cache.is_some(), "and need none; leave it out")?;
    let folder = Arc::new(folder()?);
    let opened = if args.no_cache { opened } else { opened.cached(args.cache(&folder, store.is_some())) };
    let device = args.common.open(&progress)?;
    let keep = serde_json::to_value(kept).map_err(|e| output::failed(e.into()))?;
    let store_is_there = store.is_some();
    let every = (args.checkpoint_every > 0.0).then(|| Duration::from_secs_f64(args.checkpoint_every));
    let mut watching = Watching::new((&progress, &folder), args.common.json, every, keep, store);
    if let Some(events) = &args.tensorboard {
        watching = watching.with_tensorboard(events)?;
    }
    let session = Session { begin, onlooker: &watching };
    let outcome = {
        // Features are kept as they are made, until the solver has something of its own to keep.
        let _savable = opened.keeps().then(Savable::begin);
        train_watched(opened.input(budget), &options, &device, &session, &progress)
    };
    match (&outcome, watching.checkpoint()) {
        (Err(Error::Learn(error @ LearnError::Interrupted { .. })), Some(path)) => {
            tell_interrupted(&error.to_string(), &path, args.common.json)?;
        }
        // What was saved before is still there.
        (Err(Error::Learn(LearnError::Save(_) | LearnError::Device(_))), Some(path)) => {
            if let Ok(loaded) = load(folder_of(&path)) {
                output::tell(&format!("the last checkpoint that was saved is {}", loaded.path.display()));
                tell_how_to_go_on(&path);
            }
        }
        (Err(error), None) if opened.keeps() => {
            let same = args.cache.is_some() || args.out.is_some() || store_is_there;
            keep_features(error, &folder, same);
        }
        _ => {}
    }
    let mut run = outcome?;
    {
        let _writing = Writing::begin();
        let folder = folder.path()?;
        run.save(&folder)?;
        watching.remove_checkpoints(&folder)?;
    }
    report_run(&run, &opened.dataset, args.common.json, &progress)
}

/// Says what is left of a training that has ended early, before it had a checkpoint: features that took long. Where they did not, and the
/// folder was made for this training alone, nothing is left.
fn keep_features(error: &Error, folder: &RunFolder, same: bool) {
    let stopped = match error {
        Error::Features(error @ FeaturesError::Interrupted { .. }) => Some(error.to_string()),
        Error::Features(FeaturesError::Unfinished { .. }) => None,
        _ => {
            if let Some(path) = folder.abandon(WORTH_KEEPING) {
                let path = path.join(CACHE);
                output::tell(&format!("the features are kept: --cache {} takes them", quoted(&path)));
            }
            return;
        }
    };
    if let Some(stopped) = stopped {
        output::tell(&stopped);
    }
    match folder.path() {
        Ok(path) if !same => {
            let path = quoted(&path.join(CACHE));
            output::tell(&format!("go on with the same command and --cache {path}"));
        }
        _ => output::tell("go on with the same command"),
    }
}

/// Says how to go on, also when all else is quiet.
fn tell_interrupted(how: &str, checkpoint: &Path, json: bool) -> Result<()> {
    output::tell(&format!("{how}, and saved in {}", checkpoint.display()));
    tell_how_to_go_on(checkpoint);
    if json {
        output::print_line(&serde_json::json!({ "event": "interrupted", "checkpoint": checkpoint }))?;
    }
    Ok(())
}

fn tell_how_to_go_on(checkpoint: &Path) {
    let folder = quoted(folder_of(checkpoint));
    output::tell(&format!("go on with: huemax train --resume {folder}"));
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    if path.contains(char::is_whitespace) { format!("'{path}'") } else { path }
}

/// A training that is done needs no going on with.
fn tell_finished(folder: &Path, json: bool) -> Result<()> {
    let model = folder.join(MODEL);
    output::tell(&format!("{} is finished: its model is {}", folder.display(), model.display()));
    if json {
        output::print_line(&serde_json::json!({ "event": "finished", "model": model }))?;
    }
    Ok(())
}

/// The last line of `--json`.
#[derive(serde::Serialize)]
struct Finished<'a> {
    event: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Prints the result of a training on `dataset` that was saved.
pub(super) fn report_run(run: &Run, dataset: &Dataset, json: bool, progress: &dyn Progress) -> Result<()> {
    let model = run.summary.model.as_deref().unwrap_or_default();
    if json {
        output::print_line(&Finished { event: "result", summary: &run.summary })?;
    } else {
        if let Some(sweep) = &run.summary.sweep {
            output::print(&format!("\n{}", sweep.text()))?;
        }
        if let Some(training) = &run.summary.training {
            output::print(&format!(
                "\nobjective {} (mean loss {} and penalty) after {}: {}{}\n",
                digits(training.objective),
                digits(training.loss),
                training.done(),
                training.stop,
                training.sparsity(),
            ))?;
        }
        output::print(&report::text(&run.summary.evaluation))?;
        output::print(&format!("\nwrote {model}, with metrics.json and predictions.csv beside it\n"))?;
    }
    output::tell_skipped(&run.summary, dataset.unlabelled.first().map(PathBuf::as_path));
    let what = if dataset.unit == Unit::Row { "--features FILE" } else { "PICTURE" };
    progress.say(&format!("next: huemax predict {model} {what}"));
    Ok(())
}

/// `value` with six decimals, or as many digits where it is small.
fn digits(value: f64) -> String {
    if value.abs() < 1e-3 { format!("{value:.6e}") } else { format!("{value:.6}") }
}
