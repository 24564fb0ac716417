//! `huemax evaluate`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::common::{BudgetArgs, CheckArgs, Common, ErrorArgs, load_model};
use crate::cli::data::Opened;
use crate::cli::features::FeatureArgs;
use crate::cli::interrupt::{self, Savable};
use crate::cli::labels::LabelArgs;
use crate::cli::output;
use crate::cli::run_folder::{apart_from, list_of_refused, out_folder};
use crate::error::{Error, FileError, Result};
use crate::features::FeaturesError;
use crate::names;
use crate::pipeline::{Cache, StoreOptions, evaluate};
use crate::report;
use crate::verify::Use;

/// Measure a model on labelled pictures, or on rows of features
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A model that `huemax train` wrote
    model: PathBuf,

    /// Folder of labelled pictures, laid out as for `train`, or a store that `huemax extract` wrote
    #[arg(required_unless_present = "features", conflicts_with = "features")]
    data: Option<PathBuf>,

    /// Write metrics.json and predictions.csv into this folder; skipped.csv and duplicates.csv, where there are such
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Overwrite the results that are in --out
    #[arg(long)]
    force: bool,

    /// Keep the features of all pictures of DATA in this folder, and take those that are there
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    #[command(flatten)]
    features: FeatureArgs,

    #[command(flatten)]
    labels: LabelArgs,

    #[command(flatten)]
    errors: ErrorArgs,

    /// Tell also of pictures whose features are equal, not only of those whose files are
    #[arg(long)]
    near_duplicates: bool,

    #[command(flatten)]
    budget: BudgetArgs,

    #[command(flatten)]
    check: CheckArgs,

    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let progress = args.common.progress();
    let model = load_model(&args.model)?;
    let (budget, task) = (args.budget.budget(), model.activation.task());
    let mut opened = match (args.features.file()?, &args.data) {
        (Some(file), _) => Opened::rows(file, &args.features, &args.labels, Some(task), budget)?,
        (None, data) => Opened::open_for(data.as_deref().unwrap_or(Path::new(".")), &args.labels, task)?,
    };
    opened.only_pictures("--cache", args.cache.is_some(), "and need none; leave it out")?;
    args.budget.no_pictures(opened.descriptor())?;
    if let (Some(cache), Some(data)) = (&args.cache, &args.data) {
        Opened::apart("--cache", data, cache)?;
        apart_from(cache, args.out.as_deref())?;
    }
    if let Some(cache) = args.cache.clone() {
        let options =
            StoreOptions { stop: interrupt::asked, numbers_will_do: true, ..StoreOptions::default() };
        opened = opened.cached(Cache { folder: Arc::new(move || Ok(cache.clone())), options });
    }
    let lock = args.out.as_deref().map(|out| out_folder(out, args.force)).transpose()?;
    let device = args.common.open(&progress)?;
    let used = || Ok(Use::of_model(&model, opened.descriptor().is_some()));
    args.check.before((&device, &args.common.device), used, &progress)?;
    let outcome = {
        let _savable = opened.keeps().then(Savable::begin);
        let input = opened.input(budget, args.errors.tolerance(), args.near_duplicates);
        evaluate(&model, input, &device, &progress)
    };
    if let Err(Error::Features(error @ FeaturesError::Interrupted { .. })) = &outcome {
        output::tell(&format!("{error}; the same command goes on from there"));
    }
    if let (Err(Error::Unreadable(unreadable)), Some(cache)) = (&outcome, &args.cache) {
        output::tell_kept(unreadable, cache);
    }
    let mut run = outcome.map_err(|error| match &args.out {
        Some(out) => output::list_unreadable(error, || Ok(list_of_refused(out))),
        None => error,
    })?;
    run.summary.model = Some(names::text(&args.model));
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).map_err(FileError::on("create", folder))?;
        run.save_results(folder)?;
    }
    drop(lock);
    if args.common.json {
        output::print_json(&run.summary)?;
    } else {
        output::print(&report::text(&run.summary.evaluation))?;
    }
    let unlabelled = opened.dataset.unlabelled.first().map(PathBuf::as_path);
    output::tell_skipped(&run.summary, unlabelled, args.out.as_deref());
    Ok(())
}
