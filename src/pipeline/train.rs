//! Training: from labelled pictures to a measured model.

use std::time::Instant;

use super::answer::answers;
use super::choose::{Chosen, choose};
use super::data::{describe_data, few_enough, of_parts, without_skipped};
use super::input::{Described, Place};
use super::measure::{Measured, Test, measure, named};
use super::session::{Begin, Kept, Session, rows_digest};
use super::sweep::{AfterSweep, Asked, OutOfFold, SweepOptions, choose_c};
use super::weights::{Counted, Weighting, weights};
use super::{Choices, DataSummary, HeldOut, Input, Run, Seconds, Summary, TrainSummary, about, on_device};
use crate::backend::{Backend, Device, Loss};
use crate::dataset::{Dataset, Split, SplitOptions, Task};
use crate::error::{Error, Result};
use crate::features::{Bytes, Descriptor, Matrix, Transform, TransformOptions, survey};
use crate::learn::checkpoint::Belongs;
use crate::learn::{Labelled, Parts, SolverKind, SolverOptions, Stop, Targets, fit};
use crate::model::{Activation, Model, Trained};
use crate::progress::Progress;
use crate::report::Scored;

/// A training that ends for its rounding after so many iterations, at most, has gone wrong where features are so large.
const HARDLY_ANY: usize = 10;
/// See [`HARDLY_ANY`].
const LARGE: f32 = 1e4;

/// What training may be told; the defaults are those of the command line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainOptions {
    /// What pictures are described by.
    pub descriptor: Descriptor,
    /// What is done to feature rows before they are fitted to.
    pub transform: TransformOptions,
    /// What is kept for choices and for the test.
    pub split: SplitOptions,
    /// How the model is fitted.
    pub solver: SolverOptions,
    /// Values of C to choose from, in place of that of `solver`.
    pub sweep: Option<SweepOptions>,
    /// What is minimised; by default softmax for one label a picture, the sigmoid for any number.
    pub loss: Option<Loss>,
    /// How much each label counts.
    pub class_weight: Weighting,
    /// How much more a label counts where a picture has it.
    pub pos_weight: Weighting,
    /// What is chosen on validation pictures.
    pub choices: Choices,
}

impl TrainOptions {
    /// Every C that a model may be fitted with.
    #[must_use]
    pub fn values_of_c(&self) -> Vec<f64> {
        self.sweep.as_ref().map_or_else(|| vec![self.solver.c], |sweep| sweep.cs.clone())
    }

    /// The loss for data that asks for `task`.
    ///
    /// # Errors
    /// A loss for one label a picture, where pictures have any number.
    pub fn loss(&self, task: Task) -> Result<Loss> {
        let loss = match (self.loss, task) {
            (Some(loss), _) => loss,
            (None, Task::Multiclass) => Loss::Softmax,
            (None, Task::Multilabel) => Loss::Sigmoid,
        };
        if task == Task::Multilabel && loss.exclusive() {
            let problem =
                format!("{loss} is for one label each, and these data have any number; use --loss sigmoid");
            return Err(Error::option("--loss", problem));
        }
        Ok(loss)
    }
}

/// Describes the pictures of `dataset` on `device`, fits a linear classifier to its training part, chooses on its validation
/// part what is to be chosen, and measures the model on its test part. Pictures that cannot be read are left out and listed
/// in the summary.
///
/// # Errors
/// Options that cannot work; data with fewer than two classes or too few pictures; nothing left to train on after
/// unreadable pictures are left out; a device that is lost or has no memory left; a diverging learning rate.
pub fn train<'a>(
    input: impl Into<Input<'a>>,
    options: &TrainOptions,
    device: &Device,
    progress: &dyn Progress,
) -> Result<Run> {
    train_watched(input, options, device, &Session::default(), progress)
}

/// The same, from where `session` begins, with its onlooker: it may ask to stop, and is given what is needed to go on.
///
/// # Errors
/// As [`train`]; [`LearnError::Interrupted`](crate::learn::LearnError::Interrupted) where the onlooker asked to stop; a model or
/// checkpoint that does not fit the data.
pub fn train_watched<'a>(
    input: impl Into<Input<'a>>,
    options: &TrainOptions,
    device: &Device,
    session: &Session<'_>,
    progress: &dyn Progress,
) -> Result<Run> {
    let mut input = input.into();
    if let Begin::Warm { model, .. } = session.begin {
        input = input.for_model(model)?;
    }
    on_device!(device, backend => train_on(backend, device, &input, options, session, progress))
}

fn train_on<B: Backend>(
    backend: &B,
    device: &Device,
    input: &Input<'_>,
    options: &TrainOptions,
    session: &Session<'_>,
    progress: &dyn Progress,
) -> Result<Run> {
    let dataset = input.dataset;
    let descriptor = input.descriptor(options.descriptor);
    let option = if descriptor.histogram().is_some() { "--bins" } else { "--features" };
    descriptor.check().map_err(|problem| Error::option(option, problem))?;
    let loss = options.loss(dataset.task)?;
    let outputs = dataset.classes.len();
    few_enough(dataset.task, outputs)?;
    let activation = Activation::new(loss, dataset.task, outputs);
    // Of what is missing that is the reason.
    input.looked_into()?;
    let split = Split::new(dataset, &options.split)?;
    // What cannot work is said before pictures are read.
    options.choices.check(&activation, split.val.len())?;
    let targets = targets(dataset, &split, loss, options)?;
    // Where it has to be looked for, that is done when there are features.
    let squared_norm = descriptor.max_squared_norm().unwrap_or(1.0);
    let of_training = |targets: &Targets, split: &Split| targets.pick(split.train.iter().copied());
    for c in options.values_of_c() {
        let solver = SolverOptions { c, ..options.solver.clone() };
        solver.plan(split.train.len(), squared_norm, &of_training(&targets, &split))?;
    }
    let judged_on = |split: &Split| {
        options.sweep.as_ref().map(|s| s.judged_on(split.train.len(), split.val.len())).transpose()
    };
    drop(targets);
    judged_on(&split)?;
    patience_has_rows(options, split.val.len())?;
    if options.sweep.is_some() && matches!(session.begin, Begin::Warm { .. }) {
        let problem = "a sweep begins every model where the one before it ended; give a single C without --folds, or leave it out";
        return Err(Error::option("--init", problem));
    }
    let data_sha256 = dataset.digest();
    session.begin.check(dataset, (descriptor, options.transform), &data_sha256)?;
    progress.say(&about(device));
    describe_data(dataset, &split, loss, (options, descriptor)).iter().for_each(|line| progress.say(line));

    let clock = Instant::now();
    let all: Vec<usize> = (0..dataset.samples.len()).collect();
    let mut described = input.describe(backend, &all, (descriptor, options.transform.any()), progress)?;
    let describe_seconds = clock.elapsed().as_secs_f64();
    let skipped = named(dataset, &described.skipped);
    let cut_off = described.cut_off.iter().map(|&i| dataset.relative_path_string(i)).collect();
    let split = without_skipped(dataset, split, &described.skipped)?;
    let (duplicate_counts, duplicates) = described.take_marks().find(dataset, &of_parts(&split));
    options.choices.check(&activation, split.val.len())?;
    patience_has_rows(options, split.val.len())?;
    let (described, transform) = transformed(backend, described, &split, options.transform, &session.begin)?;
    let matrix = described.matrix(backend, &input.budget)?;
    matrix.note().iter().for_each(|note| progress.say(note));
    let found = survey(backend, &matrix, &split.train, &split.test)?;
    found.small_enough(|row| dataset.relative_path_string(row))?;
    let known = if transform.is_none() { descriptor.max_squared_norm() } else { None };
    let squared_norm = known.unwrap_or(found.max_squared_norm);
    let notes = found.notes(descriptor.len(), split.train.len(), split.test.len(), dataset.unit.one());
    notes.iter().for_each(|note| progress.say(&format!("note: {note}")));

    let clock = Instant::now();
    let targets = self::targets(dataset, &split, loss, options)?;
    // Nothing that training does may depend on the labels of the test.
    let data = Labelled::new(backend, &matrix, &targets)?;
    let plan_within = |c: f64, rows: &[usize], batch_limit: Option<usize>| {
        let solver = SolverOptions { c, batch_limit, ..options.solver.clone() };
        solver.plan(rows.len(), squared_norm, &targets.pick(rows.iter().copied()))
    };
    let usual = plan_within(options.values_of_c()[0], &split.train, None)?;
    let batch_limit =
        batch_limit(usual.solver.batch(), (session.begin.batch(), matrix.slab_rows()), options, progress);
    let plan_for = |c: f64, rows: &[usize]| plan_within(c, rows, batch_limit);
    let weighed = [&options.class_weight, &options.pos_weight].iter().any(|w| **w != Weighting::Equal);
    let weighed = session.begin.weights(weighed.then(|| {
        let typed = (options.class_weight.to_string(), options.pos_weight.to_string());
        (typed.0, typed.1, targets.weights().to_vec())
    }));
    let belongs = Belongs {
        huemax: env!("CARGO_PKG_VERSION").into(),
        device: backend.info().id(),
        data_sha256,
        rows_sha256: rows_digest(&split),
        features_sha256: found.sha256(),
        labels: dataset.classes.clone(),
        descriptor,
        transform,
        // Of a sweep that of the first C: which others there are is in its state.
        plan: plan_for(options.values_of_c()[0], &split.train)?,
        weights: weighed,
        init: session.begin.init(),
    };
    batches_can_be_read(&matrix, belongs.plan.solver.kind())?;
    let (start, notes) = session.begin.start(&belongs)?;
    notes.iter().for_each(|note| progress.say(note));
    let parts = Parts { train: &split.train, val: &split.val };
    let (swept, plan, fitted) = {
        let watch = Kept::begin(session.onlooker, &belongs);
        let swept = match &options.sweep {
            None => None,
            Some(sweep) => {
                judged_on(&split)?.iter().for_each(|&on| progress.say(&sweep.explained(on)));
                let asked = Asked {
                    backend,
                    dataset,
                    split: &split,
                    data: &data,
                    options: sweep,
                    seed: options.split.seed,
                    activation: &activation,
                    plan: &plan_for,
                };
                Some(choose_c(&asked, &start, &watch, progress)?)
            }
        };
        let plan =
            swept.as_ref().map_or(Ok(belongs.plan.clone()), |chosen| plan_for(chosen.c, &split.train))?;
        progress.say(&format!("training: {plan}"));
        watch.fits();
        let fitted = match &swept {
            None => fit(backend, &data, parts, &plan, &start, (&watch, progress))?,
            Some(chosen) => {
                let refit = |watch: &AfterSweep<'_>| {
                    fit(backend, &data, parts, &plan, &chosen.start, (watch, progress))
                };
                AfterSweep::fit(&watch, &chosen.state, refit)?
            }
        };
        (swept, plan, fitted)
    };
    let (value, row, column) = found.largest;
    if fitted.stop == Stop::Precision && fitted.iterations <= HARDLY_ANY && value.abs() > LARGE {
        let row = dataset.relative_path_string(row);
        progress.say(&format!(
            "note: it ended after {} iterations, as features are far from one scale: the largest is {value:e} ({row}, column {column}); give \
             --standardize",
            fitted.iterations
        ));
    }
    let Belongs { data_sha256, weights: weighed, init, transform, .. } = belongs;
    let train_seconds = clock.elapsed().as_secs_f64();

    let clock = Instant::now();
    let mut weight = backend.download(&fitted.parameters, data.parameters())?;
    let bias = weight.split_off(outputs * descriptor.len());
    let train_counts = counts(dataset, &split.train);
    let mut model = Model {
        transform,
        classes: dataset.classes.clone(),
        descriptor,
        columns: input.columns(),
        activation,
        temperature: 1.0,
        weight,
        bias,
        trained: Trained {
            huemax: env!("CARGO_PKG_VERSION").into(),
            device: backend.info().id(),
            data_sha256,
            label_counts: train_counts.clone(),
            weights: weighed.clone(),
            init,
            val_size: Some(options.split.val_size).filter(|&share| share > 0.0),
            test_size: (!dataset.parts_given()).then_some(options.split.test_size),
            split_seed: options.split.seed,
            plan: plan.clone(),
            objective: fitted.objective,
        },
    };
    let val: Vec<&[u32]> = split.val.iter().map(|&i| dataset.samples[i].labels.as_slice()).collect();
    let chosen = choose(backend, &data, (&split.val, &val), options.choices, &mut model)?;

    let parameters = backend.upload(&model.parameters())?;
    let values = answers(backend, &data, &split.test, &parameters, &model.activation)?;
    // What is said of the answers takes memory of its own.
    drop(data);
    drop(matrix);
    let test = Test {
        dataset,
        model: &model,
        rows: &split.test,
        truth: split.test.iter().map(|&i| dataset.samples[i].labels.clone()).collect(),
        counts: (&train_counts, split.train.len()),
        seed: options.split.seed,
    };
    let mut measured = measure(values, test)?;
    let Chosen { temperature, thresholds } = chosen;
    (measured.evaluation.temperature, measured.evaluation.thresholds) = (temperature, thresholds);
    let (sweep, held_out) = match swept {
        None => (None, None),
        Some(chosen) => {
            (Some(chosen.table), chosen.out_of_fold.map(|out| held_out(dataset, &split, out, &model)))
        }
    };
    if let Some(held_out) = &held_out {
        let (paths, truth) = (
            [&measured.paths[..], &held_out.paths].concat(),
            [&measured.truth[..], &held_out.truth].concat(),
        );
        let scored = Scored {
            labels: &model.classes,
            output: &model.output(),
            paths: &paths,
            truth: &truth,
            values: &[&measured.values[..], &held_out.values].concat(),
            train_counts: &train_counts,
            train_pictures: split.train.len(),
        };
        measured.evaluation.suspect(&scored, held_out.paths.len())?;
    }
    let evaluate_seconds = clock.elapsed().as_secs_f64();

    let summary = Summary {
        huemax: env!("CARGO_PKG_VERSION").into(),
        command: "train",
        device: backend.info().clone(),
        data: DataSummary {
            train: train_counts,
            train_pictures: split.train.len(),
            val: split.val.len(),
            test: split.test.len(),
            skipped_count: skipped.len(),
            skipped,
            cut_off,
            duplicates: duplicate_counts,
            ..DataSummary::of(dataset)
        },
        descriptor,
        transform: options.transform,
        training: Some(TrainSummary {
            plan,
            weights: weighed,
            objective: fitted.objective,
            loss: fitted.loss,
            iterations: fitted.iterations,
            evaluations: fitted.evaluations,
            stop: fitted.stop,
            zero_weights: fitted.zeros.0,
            weight_count: fitted.zeros.1,
        }),
        sweep,
        evaluation: measured.evaluation,
        seconds: Seconds { describe: describe_seconds, train: train_seconds, evaluate: evaluate_seconds },
        model: None,
    };
    let Measured { paths, truth, values, .. } = measured;
    Ok(Run { model, summary, paths, truth, values, held_out, duplicates })
}

/// `described` with its rows transformed, and what that does. It is learned on the training rows; where training goes on from another, or begins
/// with its weights, it is what was learned then: weights mean nothing to rows that were transformed in another way.
fn transformed<B: Backend>(
    backend: &B,
    described: Described<B>,
    split: &Split,
    options: TransformOptions,
    begin: &Begin<'_>,
) -> Result<(Described<B>, Option<Transform>)> {
    if !options.any() {
        return Ok((described, None));
    }
    let (source, skipped) = described.on_host(backend)?;
    let transform = match begin.transform() {
        Some(known) => Some(known.clone()),
        None => Transform::learn(&*source, &split.train, options)?,
    };
    let rows = Place::Host(source);
    let described = Described { rows, skipped, cut_off: Vec::new(), hashes: Vec::new(), looks: Vec::new() };
    Ok((described.transformed(backend, transform.as_ref())?, transform))
}

/// Fails where the solver takes rows in an order of its own, and any few of them cost about as much to read as all.
fn batches_can_be_read<B: Backend>(matrix: &Matrix<B>, solver: SolverKind) -> Result<()> {
    if solver == SolverKind::Lbfgs || !matrix.in_blocks() {
        return Ok(());
    }
    let bytes = Bytes(4 * matrix.rows() as u64 * matrix.columns() as u64);
    let problem = format!(
        "{} takes rows in another order each time, and the features ({bytes} unpacked) do not fit the memory that there is for them: for every          batch all of the Parquet file would be unpacked again; save them as .npy, give more --memory, or use --solver lbfgs",
        solver.name()
    );
    Err(Error::option("--solver", problem))
}

/// The most rows of a batch, where nobody said how many: those that pass through the device at a time, if that is fewer than the `usual`
/// number; of a training that is gone on with, as many as it had `then`, whatever memory there is now.
fn batch_limit(
    usual: Option<usize>,
    (then, pass): (Option<usize>, Option<usize>),
    options: &TrainOptions,
    progress: &dyn Progress,
) -> Option<usize> {
    if options.solver.batch_size.is_some() {
        return None;
    }
    if then.is_some() {
        return then;
    }
    let (usual, pass) = (usual?, pass?);
    if pass >= usual {
        return None;
    }
    progress.say(&format!(
        "note: batches of {pass} rows in place of {usual}, as no more of them pass through the device at a time (more --memory or \
         --device-memory makes room)"
    ));
    Some(pass)
}

/// Fails where early stopping has nothing to look at, with `val` pictures.
fn patience_has_rows(options: &TrainOptions, val: usize) -> Result<()> {
    let problem = match (options.solver.patience, &options.sweep) {
        (None, _) => return Ok(()),
        (Some(_), Some(_)) => {
            "models of a sweep are judged on what they are not fitted to, and must not choose their end on them; \
             leave --patience out, or give a single C without --folds"
        }
        (Some(_), None) if val == 0 => {
            "it looks at the validation part, and there is none; give --val-size 0.1, or divide the data into train, val and test"
        }
        _ => return Ok(()),
    };
    Err(Error::option("--patience", problem))
}

/// The training pictures with what was said of them while they were held out.
fn held_out(dataset: &Dataset, split: &Split, out: OutOfFold, model: &Model) -> HeldOut {
    let rows = &split.train;
    HeldOut {
        paths: rows.iter().map(|&i| dataset.relative_path_string(i)).collect(),
        truth: rows.iter().map(|&i| dataset.samples[i].labels.clone()).collect(),
        parts: out.parts,
        values: model.activation.at_temperature(out.values, model.classes.len(), model.temperature),
    }
}

/// The labels of all samples, weighed by those in the training part.
fn targets(dataset: &Dataset, split: &Split, loss: Loss, options: &TrainOptions) -> Result<Targets> {
    let labels: Vec<&[u32]> = dataset.samples.iter().map(|sample| sample.labels.as_slice()).collect();
    let counted = Counted {
        loss,
        labels: &dataset.classes,
        pictures: &counts(dataset, &split.train),
        rows: split.train.len(),
    };
    let weights = weights(&options.class_weight, &options.pos_weight, counted)?;
    Ok(Targets::new(loss, dataset.classes.len(), &labels).weighted(weights))
}

/// How many of `rows` have each label.
pub(super) fn counts(dataset: &Dataset, rows: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; dataset.classes.len()];
    for &i in rows {
        dataset.samples[i].labels.iter().for_each(|&k| counts[k as usize] += 1);
    }
    counts
}
