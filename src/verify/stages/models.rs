//! Many models side by side, as columns of one score matrix: every loss, and the objective; every number of outputs and of models
//! around the words of a mask, and masks of all kinds.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{loss, objective, objective_sparse};
use crate::backend::{Backend, DeviceError, Loss, Models, Targets};
use crate::verify::Stage;
use crate::verify::case::{Case, Run};
use crate::verify::data::{HostRows, Linear, Values, every_row, targets, weights};

/// Which rows count for which models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mask {
    /// There is none: all of them.
    None,
    /// Every bit is set, also those that stand for no model.
    Ones,
    /// No row counts for any model.
    Zeros,
    /// Every row for every model as it falls, some rows for none and some models without a row.
    Random,
    /// As in a cross-validation: a row counts for all models but those that leave out its fold, and rows of a fold lie together.
    Folds,
}

impl Mask {
    const ALL: [Self; 5] = [Self::None, Self::Ones, Self::Zeros, Self::Random, Self::Folds];

    fn name(self) -> &'static str {
        match self {
            Self::None => "every-row",
            Self::Ones => "ones",
            Self::Zeros => "zeros",
            Self::Random => "random",
            Self::Folds => "folds",
        }
    }

    /// Words for `rows` rows and `models` models.
    fn draw(self, random: &mut ChaCha8Rng, rows: usize, models: usize) -> Option<Vec<u32>> {
        let mut row = |i: usize, m: usize| match self {
            Self::None => None,
            Self::Ones => Some(true),
            Self::Zeros => Some(false),
            Self::Random => Some(i % 7 != 4 && m % 5 != 2 && random.random_range(0..2u32) == 1),
            Self::Folds => Some(i * 5 / rows.max(1) != m % 5),
        };
        let words = models.div_ceil(32);
        let mut mask = vec![if self == Self::Ones { u32::MAX } else { 0 }; rows * words];
        for i in 0..rows {
            for m in 0..models {
                mask[i * words + m / 32] |= u32::from(row(i, m)?) << (m % 32);
            }
        }
        Some(mask)
    }
}

/// A row, a model, an output alone; models and outputs around a word of a mask and of labels; many of both.
const SHAPES: [[usize; 3]; 12] = [
    [1, 1, 2],
    [17, 1, 33],
    [65, 2, 31],
    [131, 10, 5],
    [65, 3, 32],
    [16, 4, 64],
    [64, 17, 7],
    [33, 1, 150],
    [15, 33, 65],
    [131, 65, 3],
    [17, 10, 1],
    [5, 300, 4],
];

/// Cases of a loss: `softmax/models/131x10x5/folds` has 131 rows and 5 models of 10 outputs each.
pub(super) fn of_loss<B: Backend + 'static>(of: Loss) -> Vec<Case<B>> {
    let mut cases = Vec::new();
    for shape in SHAPES {
        for mask in Mask::ALL {
            let id = format!("models/{}/{}", name(shape), mask.name());
            let body = move |run: &mut Run<'_, B>| scores(run, of, shape, mask);
            cases.push(Case::new(Stage::of(of), id, body));
        }
    }
    cases
}

/// Cases of the objective on features without their zeros: `objective-sparse/softmax/models/131x10x5x65/folds`.
pub(super) fn of_sparse<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    for of in Loss::ALL {
        for (i, shape) in SHAPES.into_iter().chain([[1031, 3, 5]]).enumerate() {
            for mask in Mask::ALL {
                let columns = [1, 7, 64, 65, 131][i % 5];
                let id = format!("{of}/models/{}x{columns}/{}", name(shape), mask.name());
                let body = move |run: &mut Run<'_, B>| sparse(run, of, shape, columns, mask);
                let case = Case::new(Stage::ObjectiveSparse, id, body);
                cases.push(case.sparse([shape[0], columns, shape[1] * shape[2]]));
            }
        }
    }
    cases
}

/// Cases of the objective, of each loss: `objective/hinge/models/131x10x5x65/random` has 65 columns.
pub(super) fn of_objective<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    for of in Loss::ALL {
        for (i, shape) in SHAPES.into_iter().enumerate() {
            for mask in Mask::ALL {
                let columns = [1, 7, 64, 65, 131][i % 5];
                let id = format!("{of}/models/{}x{columns}/{}", name(shape), mask.name());
                let body = move |run: &mut Run<'_, B>| features(run, of, shape, columns, mask);
                let models = Models { count: shape[2], masked: mask != Mask::None };
                let case = Case::new(Stage::Objective, id, body);
                cases.push(case.fused_models(columns, shape[1] * shape[2], models));
            }
        }
        for mask in [Mask::Random, Mask::Folds] {
            // Several partial sums, with folds that begin within blocks of rows.
            let shape = [1031, 3, 5];
            let models = Models { count: 5, masked: true };
            let id = format!("{of}/models/{}x33/{}", name(shape), mask.name());
            let body = move |run: &mut Run<'_, B>| features(run, of, shape, 33, mask);
            cases.push(Case::new(Stage::Objective, id, body).fused_models(33, 15, models));
            let id = format!("{of}/models/derivatives/37x3x5x19/{}", mask.name());
            let body = move |run: &mut Run<'_, B>| derivatives(run, of, [37, 3, 5], 19, mask);
            cases.push(Case::new(Stage::Objective, id, body).fused_models(19, 15, models));
        }
    }
    cases
}

fn name([n, outputs, models]: [usize; 3]) -> String {
    format!("{n}x{outputs}x{models}")
}

/// Targets of `rows` rows for the shape, with weights other than 1.
fn many(
    run: &mut Run<'_, impl Backend>,
    of: Loss,
    rows: usize,
    [_, outputs, models]: [usize; 3],
    mask: Mask,
) -> Targets {
    let targets = targets(&mut run.random, of, rows, outputs);
    let targets = targets.weighted(weights(&mut run.random, outputs));
    let mask = mask.draw(&mut run.random, rows, models);
    targets.repeated(models, mask)
}

/// Scores of rows that do not count are NaN: nothing may come of them.
pub(super) fn scores<B: Backend>(
    run: &mut Run<'_, B>,
    of: Loss,
    shape: [usize; 3],
    mask: Mask,
) -> Result<(), DeviceError> {
    let [n, outputs, models] = shape;
    let targets = many(run, of, n, shape, mask);
    let mut scores = Values::Uniform(8.0).draw(&mut run.random, n * outputs * models);
    for (pair, scores) in scores.chunks_exact_mut(outputs).enumerate() {
        if !targets.counts(pair / models, pair % models) {
            scores.fill(f32::NAN);
        }
    }
    loss::check(run, &scores, &targets, false)
}

pub(super) fn features<B: Backend>(
    run: &mut Run<'_, B>,
    of: Loss,
    shape: [usize; 3],
    columns: usize,
    mask: Mask,
) -> Result<(), DeviceError> {
    let [n, outputs, models] = shape;
    let rows = HostRows::draw(&mut run.random, n, columns, Values::Uniform(1.0));
    let parameters = Values::Uniform(1.0).draw(&mut run.random, outputs * models * (columns + 1));
    let targets = many(run, of, rows.chunk(), shape, mask);
    let (splits, got) = objective::run_stage(run, &rows, &targets, &parameters)?;
    let linear = Linear::new(&parameters, columns, outputs * models);
    objective::judge(run, &rows, &rows.pick(&targets), &linear, splits, &got);
    Ok(())
}

pub(super) fn sparse<B: Backend>(
    run: &mut Run<'_, B>,
    of: Loss,
    shape: [usize; 3],
    columns: usize,
    mask: Mask,
) -> Result<(), DeviceError> {
    let [n, outputs, models] = shape;
    let rows = objective_sparse::draw(&mut run.random, n, columns, objective_sparse::SHARE);
    let parameters = Values::Uniform(1.0).draw(&mut run.random, outputs * models * (columns + 1));
    let targets = many(run, of, rows.chunk(), shape, mask);
    objective_sparse::compare(run, &rows, &targets, &parameters)
}

/// The gradient of all models against central differences of the sum of their losses.
fn derivatives<B: Backend>(
    run: &mut Run<'_, B>,
    of: Loss,
    [n, outputs, models]: [usize; 3],
    columns: usize,
    mask: Mask,
) -> Result<(), DeviceError> {
    let rows = HostRows::draw(&mut run.random, n, columns, Values::Uniform(1.0));
    let parameters = Values::Uniform(1.0).draw(&mut run.random, outputs * models * (columns + 1));
    let targets = every_row(&mut run.random, of, rows.chunk(), outputs);
    let mask = mask.draw(&mut run.random, rows.chunk(), models);
    let targets = targets.repeated(models, mask);
    let (_, partials) = objective::run_stage(run, &rows, &targets, &parameters)?;
    let width = outputs * models * (columns + 1) + models;
    let linear = Linear::new(&parameters, columns, outputs * models);
    objective::judge_derivatives(run, &rows, &rows.pick(&targets), &linear, &partials, width);
    Ok(())
}
