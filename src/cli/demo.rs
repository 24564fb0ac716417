//! `huemax demo`

use std::path::{Path, PathBuf};

use crate::backend::Device;
use crate::cli::common::Common;
use crate::cli::output;
use crate::cli::run_folder::{no_file, timed_folder};
use crate::cli::train::report_run;
use crate::dataset::{Dataset, LabelChoice, LabelOptions};
use crate::demo::{
    Answer, BasketOptions, BasketSummary, DrawOptions, basket_to_show, beside, draw, draw_baskets,
};
use crate::error::{FileError, Result};
use crate::files::Lock;
use crate::metrics::{Output, ThresholdRule};
use crate::model::Activation;
use crate::pipeline::{Predicted, Run, TrainOptions, predict, train};
use crate::progress::{Progress, Quiet};
use crate::report::{Format, PredictionWriter, display_width};

/// See the whole thing on pictures that need no download
///
/// Draws pictures of a dozen kinds of fruit and vegetables, trains a classifier on them, reports how good it is,
/// and predicts a few. Then draws baskets with several kinds of fruit in a picture, trains a classifier that gives any number
/// of labels, and shows one basket through both.
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

/// Locked while a demo is at work in its folder.
const LOCK: &str = "demo.lock";

/// Test pictures that are predicted at the end.
const SHOWN: usize = 6;

pub(super) fn run(args: &Args) -> Result<()> {
    let progress = args.common.progress();
    let pictures = args.dir.join("pictures");
    no_file("DIR", &args.dir)?;
    let device = args.common.open(&progress)?;
    std::fs::create_dir_all(&args.dir).map_err(FileError::on("create", &args.dir))?;
    let busy = "another huemax demo is at work there; wait until it is done, or name another folder";
    let _lock = Lock::take(&args.dir, LOCK, busy)?;
    progress.say("1. Drawing pictures of fruit and vegetables, a folder a class\n");
    let drawn = draw(&pictures, &DrawOptions { seed: args.seed, ..DrawOptions::default() }, &progress)?;
    let all = drawn.drawn + drawn.reused;
    progress.say(&format!("{all} pictures of {} kinds are in {}", drawn.classes.len(), pictures.display()));

    progress.say(&format!("\n2. Training: the same as `huemax train {}`\n", pictures.display()));
    let dataset = Dataset::open(&pictures, &LabelOptions::default())?;
    let mut run = train(&dataset, &options(args), &device, &progress)?;
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
    let mut writer =
        PredictionWriter::new(Format::Table, &mut table, &run.model.classes, &Output::Softmax, 3, width)
            .map_err(output::failed)?;
    predict(&run.model, &paths, &device, &Quiet, &mut |i, predicted| match predicted {
        Predicted::Values(row) | Predicted::CutOff(row) => {
            writer.write(&shown[i], row).map_err(output::failed)
        }
        Predicted::Skipped(_) => Ok(()),
    })?;
    writer.finish().map_err(output::failed)?;
    output::print(&String::from_utf8_lossy(&table))?;
    baskets(args, &run, &device, &progress)?;
    output::print(&closing(&run, &pictures, &model))
}

/// Inverse penalty of the baskets' model: few features tell kinds in a mixture apart, and they must be able to weigh much.
const BASKET_C: f64 = 10.0;
/// Share of the baskets that thresholds are chosen on.
const BASKET_VAL: f64 = 0.15;

/// Pictures with several kinds in each, where one label a picture is not enough: a model of its own, and one basket through
/// it and through `single`.
fn baskets(args: &Args, single: &Run, device: &Device, progress: &dyn Progress) -> Result<()> {
    progress.say("\n4. Drawing baskets: one to five kinds of fruit in each picture\n");
    let drawn =
        draw_baskets(&args.dir, &BasketOptions { seed: args.seed, ..BasketOptions::default() }, progress)?;
    let BasketSummary { pictures, manifest, kinds, .. } = &drawn;
    progress.say(&format!(
        "{} pictures with {} kinds of fruit are in {}, which are in which stands in {}",
        drawn.drawn + drawn.reused,
        kinds.len(),
        pictures.display(),
        manifest.display()
    ));

    progress.say(&format!(
        "\n5. Training with any number of labels: the same as `huemax train {} --labels {} -C {BASKET_C} \
         --val-size {BASKET_VAL} --thresholds f1`\n",
        pictures.display(),
        manifest.display()
    ));
    let mut options = options(args);
    options.solver.c = BASKET_C;
    options.split.val_size = BASKET_VAL;
    options.choices.thresholds = ThresholdRule::F1;
    let dataset = Dataset::open(pictures, &LabelChoice::Manifest(manifest.clone()).into())?;
    let mut run = train(&dataset, &options, device, progress)?;
    run.save(&timed_folder(&args.dir.join("runs"))?)?;
    report_run(&run, &dataset, false, progress)?;

    let counts: Vec<usize> = run.truth.iter().map(Vec::len).collect();
    let Some(shown) = basket_to_show(&counts) else { return Ok(()) };
    let path = &run.paths[shown];
    progress.say(&format!("\n6. One basket through both models: {}\n", pictures.join(path).display()));
    let outputs = run.model.classes.len();
    let truth: Vec<String> =
        run.truth[shown].iter().map(|&k| run.model.classes[k as usize].clone()).collect();
    let mut softmax = Vec::new();
    predict(&single.model, &[pictures.join(path)], device, &Quiet, &mut |_, predicted| {
        if let Predicted::Values(row) = predicted {
            softmax = row.to_vec();
        }
        Ok(())
    })?;
    let thresholds = match &run.model.activation {
        Activation::Sigmoid { thresholds } => thresholds.clone(),
        _ => Vec::new(),
    };
    output::print(&beside(
        path,
        &truth,
        Answer { labels: &single.model.classes, probabilities: &softmax },
        Answer {
            labels: &run.model.classes,
            probabilities: &run.values[shown * outputs..(shown + 1) * outputs],
        },
        &thresholds,
    ))
}

fn options(args: &Args) -> TrainOptions {
    let mut options = TrainOptions::default();
    options.split.seed = args.seed;
    options.solver.seed = args.seed;
    options
}

/// Test pictures spread over the classes, as their order is by class.
fn spread(run: &Run, count: usize) -> Vec<String> {
    let n = run.paths.len();
    let count = count.min(n);
    (0..count).map(|i| run.paths[(2 * i + 1) * n / (2 * count)].clone()).collect()
}

fn closing(run: &Run, pictures: &Path, model: &Path) -> String {
    let metrics = &run.summary.evaluation.metrics;
    let baseline = metrics.multi_class().map_or(0.0, |metrics| metrics.baseline.accuracy);
    format!(
        "\n\
         What you have seen: {} pictures became colour histograms, a linear layer learned to score them, and\n\
         softmax turned scores into probabilities. On pictures it had never seen it was right {:.0} % of the time;\n\
         always giving the same answer is right {:.0} % of the time. Kinds of one colour (see the confusion\n\
         matrix) are what a colour histogram cannot tell apart. Softmax shares one certainty among all kinds, so it names one\n\
         thing in a basket; a sigmoid for each kind asks about each by itself, and names as many as it finds.\n\
         \n\
         For your own pictures, in one folder a class:\n\
         \n\
         \x20   huemax train my-pictures\n\
         \x20   huemax predict runs/…/model.safetensors new-picture.jpg\n\
         \n\
         The demo's pictures are in {}, its model is {}.\n",
        run.summary.data.train.iter().sum::<usize>() + run.summary.data.test,
        100.0 * metrics.accuracy(),
        100.0 * baseline,
        pictures.display(),
        model.display(),
    )
}
