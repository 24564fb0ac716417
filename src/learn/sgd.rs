//! Mini-batch gradient descent with momentum. Everything stays on the device: a step is five stages from
//! arrays to arrays, and losses come back once an evaluation, never inside an epoch.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::fit::{Fit, Parts, Start, Stop, measure};
use super::objective::{Objective, batches};
use super::plan::{MiniBatch, Plan};
use super::watch::{Seen, Watch};
use super::{Labelled, LearnError};
use crate::backend::{Backend, Loss, Step};
use crate::progress::Progress;

/// How often, at most, losses come back and are looked at while training.
const EVALUATIONS: usize = 50;

/// Fits a linear layer by mini-batches.
///
/// The order of additions depends on the plan and the device alone: the same input gives the same bits.
///
/// # Errors
/// The device was lost or has no memory left; the learning rate diverges.
pub(super) fn fit<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    parts: Parts<'_>,
    plan: &Plan,
    mini: &MiniBatch,
    start: &Start,
    (watch, progress): (&dyn Watch, &dyn Progress),
) -> Result<Fit<B>, LearnError> {
    let rows = parts.train;
    let clock = std::time::Instant::now();
    let len = data.parameters();
    let weights = data.outputs * data.matrix.columns();
    let mut chunks = data.by_chunk(rows);
    let batches = batches(&chunks, mini.batch_size.min(data.max_batch(backend)));
    let steps = mini.epochs.checked_mul(batches.len()).ok_or_else(|| LearnError::Option {
        option: "--epochs",
        problem: format!("{} epochs of {} steps are more than can be counted", mini.epochs, batches.len()),
    })?;
    // The same for every batch, also for a short one at the end of a chunk: dividing each sum by its own length would
    // let the rows of short batches pull harder than others.
    let scale = (batches.len() as f64 / rows.len() as f64) as f32;

    let limit = 100.0 * data.largest_weight.max(1.0) * of_nothing(data.loss, data.outputs);
    let mut objective = Objective::new(backend, data, &batches)?;
    let mut parameters = match start {
        Start::From(parameters) => backend.upload(parameters)?,
        _ => backend.zeros::<f32>(len)?,
    };
    let mut velocity = backend.zeros::<f32>(len)?;
    // The gradient, and behind it the loss.
    let mut sums = backend.zeros::<f32>(len + 1)?;
    let mut batch_losses = backend.zeros::<f32>(batches.len())?;
    let mut index = chunks.iter().map(|rows| backend.upload(rows)).collect::<Result<Vec<_>, _>>()?;

    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut order: Vec<usize> = (0..batches.len()).collect();
    let mut step = 0;
    progress.begin("training", mini.epochs as u64, "epochs");
    for epoch in 0..mini.epochs {
        // Rows change places within their chunk, and chunks take turns in random order.
        for (rows, index) in chunks.iter_mut().zip(&mut index) {
            rows.shuffle(&mut random);
            backend.write(index, 0, rows)?;
        }
        order.shuffle(&mut random);
        for &b in &order {
            objective.sums(batches[b], &index[batches[b].chunk], &parameters, &mut sums)?;
            backend.copy((&sums, len), (&mut batch_losses, b), 1)?;
            let size = Step {
                learning_rate: mini.rate(step, steps) as f32,
                momentum: mini.momentum as f32,
                l2: plan.l2() as f32,
                scale,
            };
            backend.step(&mut parameters, &mut velocity, &sums, weights, len, size)?;
            step += 1;
        }
        if (epoch + 1) % mini.epochs.div_ceil(EVALUATIONS) == 0 {
            let sum: f64 = backend.download(&batch_losses, batches.len())?.into_iter().map(f64::from).sum();
            let loss = sum / rows.len() as f64;
            check_divergence(loss, epoch, mini, limit)?;
            watch.saw(&Seen {
                iteration: epoch + 1,
                most: mini.epochs,
                evaluations: (epoch + 1) as f64,
                objective: loss,
                learning_rate: Some(mini.rate(step.min(steps - 1), steps)),
                rows: ((epoch + 1) * rows.len()) as f64,
                seconds: clock.elapsed().as_secs_f64(),
                ..Seen::default()
            });
            progress.note(&format!("loss {loss:.4}"));
        }
        progress.advance(1);
    }
    progress.end();

    let (objective, loss, zeros) = measure(backend, data, rows, plan, &parameters)?;
    check_divergence(loss, mini.epochs - 1, mini, limit)?;
    let (iterations, stop) = (mini.epochs, Stop::Epochs);
    Ok(Fit { parameters, objective, loss, iterations, evaluations: iterations as f64, stop, zeros })
}

/// The loss of a row of which nothing is known: all scores 0.
fn of_nothing(loss: Loss, outputs: usize) -> f64 {
    match loss {
        Loss::Softmax => (outputs.max(2) as f64).ln(),
        Loss::Sigmoid => outputs as f64 * std::f64::consts::LN_2,
        Loss::Hinge | Loss::SquaredHinge => (outputs.max(2) - 1) as f64,
    }
}

/// A loss that is no number, or far above that of knowing nothing, will not come back down.
fn check_divergence(loss: f64, epoch: usize, mini: &MiniBatch, limit: f64) -> Result<(), LearnError> {
    if loss.is_finite() && loss < limit {
        return Ok(());
    }
    Err(LearnError::Diverged { epoch: epoch + 1, loss, rate: mini.learning_rate })
}
