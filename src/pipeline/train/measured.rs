//! The model that comes of a fit, and what it is worth on the test part.

use super::counts;
use super::decided::Decided;
use super::features::Rows;
use super::fitted::Fitted;
use crate::backend::Backend;
use crate::dataset::{Dataset, Split};
use crate::error::Result;
use crate::learn::Labelled;
use crate::model::{Model, Trained};
use crate::pipeline::answer::answers;
use crate::pipeline::choose::{Chosen, choose};
use crate::pipeline::measure::{Measured, Test, measure};
use crate::pipeline::sweep::OutOfFold;
use crate::pipeline::{DataSummary, HeldOut, Input, Run, Seconds, Summary, TrainSummary};
use crate::report::Scored;

/// A model, and its answers for the test part.
pub(super) struct Answered {
    model: Model,
    chosen: Chosen,
    /// How many training pictures have each label.
    train_counts: Vec<usize>,
    values: Vec<f32>,
}

impl Answered {
    /// The model of `fitted`, with what is chosen on the validation part, asked about the test part of `split`.
    ///
    /// # Errors
    /// The device was lost or has no memory left; nothing can be chosen.
    pub(super) fn new<B: Backend>(
        backend: &B,
        input: &Input<'_>,
        decided: &Decided<'_>,
        split: &Split,
        data: &Labelled<'_, B>,
        fitted: &Fitted<B>,
    ) -> Result<Self> {
        let Decided { dataset, options, descriptor, .. } = *decided;
        let mut weight = backend.download(&fitted.fit.parameters, data.parameters())?;
        let bias = weight.split_off(data.outputs * descriptor.len());
        let train_counts = counts(dataset, &split.train);
        let belongs = &fitted.belongs;
        let mut model = Model {
            transform: belongs.transform.clone(),
            classes: dataset.classes.clone(),
            descriptor,
            columns: input.columns(),
            activation: decided.activation.clone(),
            temperature: 1.0,
            weight,
            bias,
            trained: Trained {
                huemax: env!("CARGO_PKG_VERSION").into(),
                device: backend.info().id(),
                data_sha256: belongs.data_sha256.clone(),
                label_counts: train_counts.clone(),
                weights: belongs.weights.clone(),
                init: belongs.init.clone(),
                val_size: Some(options.split.val_size).filter(|&share| share > 0.0),
                test_size: (!dataset.parts_given()).then_some(options.split.test_size),
                split_seed: options.split.seed,
                plan: fitted.plan.clone(),
                objective: fitted.fit.objective,
            },
        };
        let val: Vec<&[u32]> = split.val.iter().map(|&i| dataset.samples[i].labels.as_slice()).collect();
        let chosen = choose(backend, data, (&split.val, &val), options.choices, &mut model)?;
        let parameters = backend.upload(&model.parameters())?;
        let values = answers(backend, data, &split.test, &parameters, &model.activation)?;
        Ok(Self { model, chosen, train_counts, values })
    }

    /// What the answers are worth, and everything that there is to say of the training; it took so many `seconds`.
    ///
    /// # Errors
    /// Measures that cannot be taken.
    pub(super) fn measured<B: Backend>(
        self,
        backend: &B,
        decided: &Decided<'_>,
        rows: Rows,
        fitted: Fitted<B>,
        seconds: Seconds,
    ) -> Result<Run> {
        let Self { model, chosen, train_counts, values } = self;
        let Decided { dataset, options, descriptor, .. } = *decided;
        let Rows { split, skipped, cut_off, duplicates: (duplicate_counts, duplicates), .. } = rows;
        let Fitted { fit, plan, swept, belongs } = fitted;
        let test = Test {
            dataset,
            model: &model,
            rows: &split.test,
            truth: split.test.iter().map(|&i| dataset.samples[i].labels.clone()).collect(),
            counts: (&train_counts, split.train.len()),
            seed: options.split.seed,
        };
        let mut measured = measure(values, test)?;
        (measured.evaluation.temperature, measured.evaluation.thresholds) =
            (chosen.temperature, chosen.thresholds);
        let (sweep, held_out) = match swept {
            None => (None, None),
            Some(chosen) => {
                (Some(chosen.table), chosen.out_of_fold.map(|out| held_out(dataset, &split, out, &model)))
            }
        };
        if let Some(held_out) = &held_out {
            suspect(&mut measured, held_out, &model, (&train_counts, split.train.len()))?;
        }
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
                weights: belongs.weights,
                objective: fit.objective,
                loss: fit.loss,
                iterations: fit.iterations,
                evaluations: fit.evaluations,
                stop: fit.stop,
                zero_weights: fit.zeros.0,
                weight_count: fit.zeros.1,
            }),
            sweep,
            evaluation: measured.evaluation,
            seconds,
            model: None,
        };
        let Measured { paths, truth, values, .. } = measured;
        Ok(Run { model, summary, paths, truth, values, held_out, duplicates })
    }
}

/// Looks for labels that are wrong among the pictures tested on and those held out of folds.
fn suspect(
    measured: &mut Measured,
    held_out: &HeldOut,
    model: &Model,
    (train_counts, train_pictures): (&[usize], usize),
) -> Result<()> {
    let scored = Scored {
        labels: &model.classes,
        output: &model.output(),
        paths: &[&measured.paths[..], &held_out.paths].concat(),
        truth: &[&measured.truth[..], &held_out.truth].concat(),
        values: &[&measured.values[..], &held_out.values].concat(),
        train_counts,
        train_pictures,
    };
    Ok(measured.evaluation.suspect(&scored, held_out.paths.len())?)
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
