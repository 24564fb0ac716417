//! `huemax demo`

use std::path::{Path, PathBuf};

use crate::cli::common::Common;
use crate::cli::output;
use crate::cli::train::{report_run, timed_folder};
use crate::dataset::{Dataset, LabelOptions};
use crate::demo::{DrawOptions, draw};
use crate::error::Result;
use crate::pipeline::{Predicted, Run, TrainOptions, predict, train};
use crate::progress::{Progress, Quiet};
use crate::report::{Format, PredictionWriter, display_width};

/// See the whole thing on pictures that need no download
///
/// Draws pictures of a dozen kinds of fruit and vegetables, trains a classifier on them, reports how good it is,
/// and predicts a few.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder for the pictures and the results
    #[arg(default_value = "huemax-demo")]
    dir: PathBuf,

    /// Seed of the pictures, of the split and of the order of training
    #[arg(long, default_value_t = 42)]
    seed: u64,

    #[command(flatten)]
    common: Common,
}

/// Test pictures that are predicted at the end.
const SHOWN: usize = 6;

pub(super) fn run(args: &Args) -> Result<()> {
    let progress = args.common.progress();
    let pictures = args.dir.join("pictures");
    let device = args.common.open(&progress)?;
    progress.say("1. Drawing pictures of fruit and vegetables, a folder a class\n");
    let drawn = draw(&pictures, &DrawOptions { seed: args.seed, ..DrawOptions::default() }, &progress)?;
    let all = drawn.drawn + drawn.reused;
    progress.say(&format!("{all} pictures of {} kinds are in {}", drawn.classes.len(), pictures.display()));

    progress.say(&format!("\n2. Training: the same as `huemax train {}`\n", pictures.display()));
    let mut options = TrainOptions::default();
    options.split.seed = args.seed;
    options.solver.seed = args.seed;
    let dataset = Dataset::open(&pictures, &LabelOptions::default())?;
    let mut run = train(&dataset, &options, &device, &progress)?;
    let folder = timed_folder(&args.dir.join("runs"))?;
    run.save(&folder)?;
    report_run(&run, &dataset, args.common.json, &progress)?;
    if args.common.json {
        return Ok(());
    }

    let model = folder.join("model.safetensors");
    let shown = spread(&run, SHOWN);
    progress.say(&format!("\n3. Predicting: the same as `huemax predict {} PICTURE…`\n", model.display()));
    output::print("\n")?;
    let paths: Vec<PathBuf> = shown.iter().map(|path| pictures.join(path)).collect();
    let width = shown.iter().map(|p| display_width(p)).max().unwrap_or(0);
    let mut table = Vec::new();
    let mut writer = PredictionWriter::new(Format::Table, &mut table, &run.model.classes, 3, width)
        .map_err(output::failed)?;
    predict(&run.model, &paths, &device, &Quiet, &mut |i, predicted| match predicted {
        Predicted::Probabilities(row) => writer.write(&shown[i], row).map_err(output::failed),
        Predicted::Skipped(_) => Ok(()),
    })?;
    writer.finish().map_err(output::failed)?;
    output::print(&String::from_utf8_lossy(&table))?;
    output::print(&closing(&run, &pictures, &model))
}

/// Test pictures spread over the classes, as their order is by class.
fn spread(run: &Run, count: usize) -> Vec<String> {
    let n = run.paths.len();
    let count = count.min(n);
    (0..count).map(|i| run.paths[(2 * i + 1) * n / (2 * count)].clone()).collect()
}

fn closing(run: &Run, pictures: &Path, model: &Path) -> String {
    let metrics = &run.summary.evaluation.metrics;
    format!(
        "\n\
         What you have seen: {} pictures became colour histograms, a linear layer learned to score them, and\n\
         softmax turned scores into probabilities. On pictures it had never seen it was right {:.0} % of the time;\n\
         always giving the same answer is right {:.0} % of the time. Kinds of one colour (see the confusion\n\
         matrix) are what a colour histogram cannot tell apart.\n\
         \n\
         For your own pictures, in one folder a class:\n\
         \n\
         \x20   huemax train my-pictures\n\
         \x20   huemax predict runs/…/model.safetensors new-picture.jpg\n\
         \n\
         The demo's pictures are in {}, its model is {}.\n",
        run.summary.data.train.iter().sum::<usize>() + run.summary.data.test,
        100.0 * metrics.accuracy,
        100.0 * metrics.baseline.accuracy,
        pictures.display(),
        model.display(),
    )
}
