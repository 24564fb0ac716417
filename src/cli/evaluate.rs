//! `huemax evaluate`

use std::path::{Path, PathBuf};

use crate::cli::common::{BudgetArgs, Common};
use crate::cli::data::Opened;
use crate::cli::features::FeatureArgs;
use crate::cli::labels::LabelArgs;
use crate::cli::output;
use crate::cli::run_folder::out_folder;
use crate::error::{FileError, Result};
use crate::model::Model;
use crate::pipeline::evaluate;
use crate::report;

/// Measure a model on labelled pictures, or on rows of features
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A model that `huemax train` wrote
    model: PathBuf,

    /// Folder of labelled pictures, laid out as for `train`
    #[arg(required_unless_present = "features", conflicts_with = "features")]
    data: Option<PathBuf>,

    /// Write metrics.json and predictions.csv into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Overwrite the results that are in --out
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    features: FeatureArgs,

    #[command(flatten)]
    labels: LabelArgs,

    #[command(flatten)]
    budget: BudgetArgs,

    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let progress = args.common.progress();
    let model = Model::load(&args.model)?;
    let (budget, task) = (args.budget.budget(), model.activation.task());
    let opened = match (args.features.file()?, &args.data) {
        (Some(file), _) => Opened::rows(file, &args.features, &args.labels, Some(task), budget)?,
        (None, data) => Opened::open_for(data.as_deref().unwrap_or(Path::new(".")), &args.labels, task)?,
    };
    if let Some(out) = &args.out {
        out_folder(out, args.force)?;
    }
    let device = args.common.open(&progress)?;
    let mut run = evaluate(&model, opened.input(budget), &device, &progress)?;
    run.summary.model = Some(args.model.to_string_lossy().into_owned());
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).map_err(FileError::on("create", folder))?;
        run.save_results(folder)?;
    }
    if args.common.json {
        output::print_json(&run.summary)?;
    } else {
        output::print(&report::text(&run.summary.evaluation))?;
    }
    output::tell_skipped(&run.summary, opened.dataset.unlabelled.first().map(PathBuf::as_path));
    Ok(())
}
