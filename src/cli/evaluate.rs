//! `huemax evaluate`

use std::path::PathBuf;

use crate::cli::common::Common;
use crate::cli::labels::LabelArgs;
use crate::cli::output;
use crate::cli::run_folder::out_folder;
use crate::dataset::{Dataset, LabelOptions, Task};
use crate::error::{FileError, Result};
use crate::model::Model;
use crate::pipeline::evaluate;
use crate::report;

/// Measure a model on labelled pictures
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A model that `huemax train` wrote
    model: PathBuf,

    /// Folder of labelled pictures, laid out as for `train`
    data: PathBuf,

    /// Write metrics.json and predictions.csv into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Overwrite the results that are in --out
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    labels: LabelArgs,

    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let progress = args.common.progress();
    let model = Model::load(&args.model)?;
    let labels = args.labels.options(&args.data)?;
    let dataset = match Dataset::open(&args.data, &labels) {
        // Pictures without any label are no mistake for such a model, even where no picture has several.
        Err(error) if labels.task.is_none() && model.activation.task() == Task::Multilabel => {
            let several = LabelOptions { task: Some(Task::Multilabel), ..labels };
            Dataset::open(&args.data, &several).map_err(|_| error)?
        }
        opened => opened?,
    };
    if let Some(out) = &args.out {
        out_folder(out, args.force)?;
    }
    let device = args.common.open(&progress)?;
    let mut run = evaluate(&model, &dataset, &device, &progress)?;
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
    output::tell_skipped(&run.summary, dataset.unlabelled.first().map(PathBuf::as_path));
    Ok(())
}
