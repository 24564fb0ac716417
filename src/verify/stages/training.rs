//! training: all stages in a row, each compared on the inputs it really had, so that a fault is found where it arises.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{adam, describe, gradient, loss, normalize, objective, pictures, reduce, scores, step};
use crate::backend::{Adam, Backend, Bins, DeviceError, Loss, Step};
use crate::verify::Stage;
use crate::verify::case::{Case, Run};
use crate::verify::chain::{Host, Problem, Update, unwatched, walk};
use crate::verify::data::{
    DeviceTargets, HostRows, Linear, Values, every_row, one_label, parameter, targets, weights,
};
use crate::verify::side::On;

/// Bins, outputs, rows of a batch and the loss of a training, and whether it steps by Adam.
#[derive(Debug, Clone, Copy)]
pub(in crate::verify) struct Size {
    pub(in crate::verify) bins: [u32; 3],
    pub(in crate::verify) outputs: usize,
    pub(in crate::verify) batch: usize,
    pub(in crate::verify) loss: Loss,
    pub(in crate::verify) adam: bool,
}

impl Size {
    /// D.
    pub(in crate::verify) fn columns(self) -> usize {
        self.bins.into_iter().product::<u32>() as usize
    }
}

/// The training that a mixed run does. Its batches have several partial sums on every device.
pub(in crate::verify) const MIXED: Size =
    Size { bins: [8, 8, 8], outputs: 5, batch: 149, loss: Loss::Softmax, adam: false };
/// One whose arrays fit 1 MiB.
const SMALL: Size = Size { bins: [4, 4, 4], outputs: 16, batch: 200, loss: Loss::Softmax, adam: false };
const PICTURES: usize = 203;
const STEPS: usize = 12;

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    let sizes = [
        MIXED,
        Size { bins: [26, 5, 7], outputs: 2, batch: 64, ..MIXED },
        Size { bins: [4, 2, 3], outputs: 33, batch: 17, ..MIXED },
        SMALL,
        Size { loss: Loss::Sigmoid, ..MIXED },
        Size { bins: [4, 2, 3], outputs: 33, batch: 17, loss: Loss::Sigmoid, ..MIXED },
        Size { loss: Loss::Hinge, ..MIXED },
        Size { loss: Loss::SquaredHinge, ..MIXED },
        Size { adam: true, ..MIXED },
    ];
    for size in sizes {
        for fused in [false, true] {
            let run = move |run: &mut Run<'_, B>| train(run, size, fused);
            let case = Case::new(Stage::Training, name(size, fused), run);
            cases.push(if fused { case.fused(size.columns(), size.outputs) } else { case });
        }
    }
    let run = move |run: &mut Run<'_, B>| train(run, SMALL, false);
    cases.push(Case::new(Stage::Training, format!("small-arrays/{}", name(SMALL, false)), run).small());
    for shape in [[7, 4, 3], [131, 65, 10], [37, 19, 1], [65, 16, 33]] {
        let [n, columns, outputs] = shape;
        for loss in Loss::ALL {
            let run = move |run: &mut Run<'_, B>| derivatives(run, loss, shape);
            let id = format!("derivatives/{}{n}x{columns}x{outputs}", prefix(loss));
            cases.push(Case::new(Stage::Training, id, run));
        }
    }
    cases
}

/// What names a loss in a name; nothing for the softmax.
fn prefix(loss: Loss) -> String {
    if loss == Loss::Softmax { String::new() } else { format!("{loss}/") }
}

/// The end of a training's name.
pub(in crate::verify) fn name(size: Size, fused: bool) -> String {
    let Size { bins: [h, s, v], outputs, batch, loss, adam } = size;
    let kind = if fused { "objective" } else { "stage-by-stage" };
    let update = if adam { "adam/" } else { "" };
    format!("{kind}/{}{update}{h}x{s}x{v}/{outputs}/batches-of-{batch}", prefix(loss))
}

/// The pictures, labels and order of a training. `None`: the bins cannot be.
pub(in crate::verify) fn problem(random: &mut ChaCha8Rng, size: Size, fused: bool) -> Option<Problem> {
    let Size { bins, outputs, batch, loss, adam } = size;
    let bins = Bins::new(bins).ok()?;
    let (pictures, labels) = pictures::kinds(random, PICTURES, outputs);
    let mut order: Vec<u32> = Vec::new();
    while order.len() < STEPS * batch {
        let mut epoch: Vec<u32> = (0..PICTURES as u32).collect();
        epoch.shuffle(random);
        order.extend(epoch);
    }
    let start = Values::Uniform(0.1).draw(random, outputs * (bins.len() + 1));
    // Of other losses with all that they have beside the softmax: several labels a row, and weights.
    let targets = match loss {
        Loss::Softmax => one_label(loss, outputs, &labels),
        _ => targets(random, loss, PICTURES, outputs).weighted(weights(random, outputs)),
    };
    // Small enough for the curvature of each with its weights: parameters that grow without bounds show nothing.
    let learning_rate = match loss {
        Loss::Softmax => 0.9,
        Loss::Sigmoid => 0.1,
        Loss::Hinge | Loss::SquaredHinge => 0.01,
    };
    let (l2, scale) = (1e-3, 1.0 / batch as f32);
    let update = if adam {
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        let (correction1, correction2) = (Adam::correction(beta1, 6), Adam::correction(beta2, 6));
        let learning_rate = 0.01;
        Update::Adam(Adam {
            learning_rate,
            beta1,
            beta2,
            epsilon,
            l2,
            l1: 1e-4,
            scale,
            correction1,
            correction2,
        })
    } else {
        Update::Step(Step { learning_rate, momentum: 0.9, nesterov: false, l2, l1: 0.0, scale })
    };
    let batches = (0..STEPS).map(|s| (s * batch, batch)).collect();
    Some(Problem { pictures, bins, labels, targets, outputs, order, batches, update, fused, start })
}

fn train<B: Backend>(run: &mut Run<'_, B>, size: Size, fused: bool) -> Result<(), DeviceError> {
    let Some(problem) = problem(&mut run.random, size, fused) else { return Ok(()) };
    let mut side = On::new(run.backend, &problem)?;
    let backend = run.backend;
    let host = walk(&problem, &mut [&mut side], &|_| 0, &mut |stage, at, batch, before, after| {
        // What comes after a fault has wrong inputs, and says nothing.
        if !run.failed() {
            run.blame(stage, when(at));
            check(run, &problem, stage, batch, before, after);
        }
    })?;
    if !run.failed() {
        run.blame(Stage::Training, String::new());
        let got = unwatched(backend, &problem)?;
        let place = |j: usize| parameter(j, problem.columns(), problem.outputs);
        run.same("parameters of a run without reading back", &host.parameters, &got, place);
    }
    Ok(())
}

/// `step 3 of 12: `.
pub(in crate::verify) fn when(at: Option<usize>) -> String {
    at.map_or(String::new(), |at| format!("step {} of {STEPS}: ", at + 1))
}

/// Compares what `stage` made of the inputs `before` with the reference.
pub(in crate::verify) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    problem: &Problem,
    stage: Stage,
    (first, count): (usize, usize),
    before: &Host,
    after: &Host,
) {
    let (columns, outputs) = (problem.columns(), problem.outputs);
    let rows =
        HostRows { features: before.features.clone(), columns, index: problem.order.clone(), first, count };
    let linear = || Linear::new(&before.parameters, columns, outputs);
    let any = Values::Uniform(1.0);
    match stage {
        Stage::Describe => {
            let name = |i: usize| format!("of class {}", problem.labels[i]);
            describe::judge(run, &problem.pictures, &problem.bins, &after.counts, name);
        }
        Stage::Normalize => normalize::judge(run, &before.counts, columns, &after.features),
        Stage::Scores => scores::judge(run, &rows, &linear(), &after.scores, any),
        Stage::Softmax | Stage::Sigmoid | Stage::Hinge | Stage::SquaredHinge => {
            let outcome = [&after.residual[..], &after.losses];
            loss::judge(run, &rows, &rows.pick(&problem.targets), &before.scores, outcome, false);
        }
        Stage::Gradient => {
            gradient::judge(run, &rows, &before.residual, outputs, after.splits, &after.partials, any);
        }
        Stage::Objective => {
            let targets = rows.pick(&problem.targets);
            objective::judge(run, &rows, &targets, &linear(), after.splits, &after.partials);
        }
        Stage::Reduce => reduce::judge(run, &before.partials, problem.width(), None, &after.sums, any),
        Stage::Step | Stage::Adam => {
            let sums = &before.sums[..problem.len()];
            let (parameters, weights) = (&before.parameters, problem.weights());
            match problem.update {
                Update::Step(step) => {
                    let before = [parameters, &before.velocity[..], sums];
                    step::judge(run, before, weights, step, [&after.parameters, &after.velocity]);
                }
                Update::Adam(adam) => {
                    let before = [parameters, &before.velocity[..], &before.second, sums];
                    let after = [&after.parameters[..], &after.velocity, &after.second];
                    adam::judge(run, before, weights, adam, after);
                }
            }
        }
        Stage::ObjectiveSparse | Stage::Training => {}
    }
}

/// scores → loss → gradient, each compared by itself, and the gradient against central differences of the loss.
fn derivatives<B: Backend>(
    run: &mut Run<'_, B>,
    loss: Loss,
    [n, columns, outputs]: [usize; 3],
) -> Result<(), DeviceError> {
    let rows = HostRows::draw(&mut run.random, n, columns, Values::Uniform(1.0));
    let parameters = Values::Uniform(1.0).draw(&mut run.random, outputs * (columns + 1));
    let targets = every_row(&mut run.random, loss, rows.chunk(), outputs);
    let linear = Linear::new(&parameters, columns, outputs);
    let (picked, any) = (rows.pick(&targets), Values::Uniform(1.0));

    let backend = run.backend;
    let device = rows.upload(backend)?;
    let (targets, parameters) = (DeviceTargets::new(backend, &targets)?, backend.upload(&parameters)?);
    let splits = backend.splits(n, columns, outputs);
    let width = outputs * (columns + 1);
    let (mut scores, mut residual, mut losses) =
        (run.output(n * outputs)?, run.output(n * outputs)?, run.output(n)?);
    let mut partials = run.output(splits.count * width)?;
    backend.scores(&device.rows(), &parameters, outputs, &mut scores)?;
    backend.loss(&device.rows(), &targets.labels(), &scores, outputs, &mut residual, &mut losses)?;
    backend.gradient(&device.rows(), &residual, outputs, &mut partials)?;

    run.blame(Stage::Scores, String::new());
    let scores = run.read(&scores, n * outputs)?;
    scores::judge(run, &rows, &linear, &scores, any);
    run.blame(Stage::of(loss), String::new());
    let residual = run.read(&residual, n * outputs)?;
    let losses = run.read(&losses, n)?;
    loss::judge(run, &rows, &picked, &scores, [&residual, &losses], false);
    run.blame(Stage::Gradient, String::new());
    let partials = run.read(&partials, splits.count * width)?;
    gradient::judge(run, &rows, &residual, outputs, splits, &partials, any);
    run.blame(Stage::Training, String::new());
    objective::judge_derivatives(run, &rows, &picked, &linear, &partials, width);
    Ok(())
}
