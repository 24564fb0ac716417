//! Mini-batch gradient descent with momentum. Everything stays on the device: a step is five stages from
//! arrays to arrays, and losses come back once an evaluation, never inside an epoch.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Batch, Labelled, LearnError, Objective, Plan, loss_sum};
use crate::backend::{Backend, Loss, Step};
use crate::progress::Progress;

/// A fitted linear layer.
#[derive(Debug)]
pub struct Fit<B: Backend> {
    /// Weights (K×D) and biases (K), on the device.
    pub parameters: B::Array<f32>,
    /// The objective at the end: mean loss over the rows fitted to, and the penalty.
    pub objective: f64,
    /// Mean loss alone.
    pub loss: f64,
}

/// How often, at most, losses come back and are looked at while training.
const EVALUATIONS: usize = 50;

/// Fits a linear layer to `rows` of `data` by `plan`, from zero.
///
/// The order of additions depends on the plan and the device alone: the same input gives the same bits.
///
/// # Errors
/// The device was lost or has no memory left; the learning rate diverges.
pub fn fit<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    plan: &Plan,
    progress: &dyn Progress,
) -> Result<Fit<B>, LearnError> {
    let len = data.parameters();
    let weights = data.outputs * data.matrix.columns();
    let mut chunks = data.by_chunk(rows);
    let batches = batches(&chunks, plan.batch_size.min(data.max_batch(backend)));
    let steps = plan.epochs.checked_mul(batches.len()).ok_or_else(|| LearnError::Option {
        option: "--epochs",
        problem: format!("{} epochs of {} steps are more than can be counted", plan.epochs, batches.len()),
    })?;
    // The same for every batch, also for a short one at the end of a chunk: dividing each sum by its own length would
    // let the rows of short batches pull harder than others.
    let scale = (batches.len() as f64 / rows.len() as f64) as f32;

    let limit = 100.0 * data.largest_weight.max(1.0) * of_nothing(data.loss, data.outputs);
    let mut objective = Objective::new(backend, data, &batches)?;
    let mut parameters = backend.zeros::<f32>(len)?;
    let mut velocity = backend.zeros::<f32>(len)?;
    // The gradient, and behind it the loss.
    let mut sums = backend.zeros::<f32>(len + 1)?;
    let mut batch_losses = backend.zeros::<f32>(batches.len())?;
    let mut index = chunks.iter().map(|rows| backend.upload(rows)).collect::<Result<Vec<_>, _>>()?;

    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut order: Vec<usize> = (0..batches.len()).collect();
    let mut step = 0;
    progress.begin("training", plan.epochs as u64, "epochs");
    for epoch in 0..plan.epochs {
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
                learning_rate: plan.rate(step, steps) as f32,
                momentum: plan.momentum as f32,
                nesterov: false,
                l2: plan.l2() as f32,
                l1: 0.0,
                scale,
            };
            backend.step(&mut parameters, &mut velocity, &sums, weights, len, size)?;
            step += 1;
        }
        if (epoch + 1) % plan.epochs.div_ceil(EVALUATIONS) == 0 {
            let sum: f64 = backend.download(&batch_losses, batches.len())?.into_iter().map(f64::from).sum();
            let loss = sum / rows.len() as f64;
            check_divergence(loss, epoch, plan, limit)?;
            progress.note(&format!("loss {loss:.4}"));
        }
        progress.advance(1);
    }
    progress.end();

    let loss = loss_sum(backend, data, rows, &parameters)? / rows.len() as f64;
    check_divergence(loss, plan.epochs - 1, plan, limit)?;
    let weight = backend.download(&parameters, weights)?;
    let penalty = 0.5 * plan.l2() * weight.iter().map(|&w| f64::from(w) * f64::from(w)).sum::<f64>();
    Ok(Fit { parameters, objective: loss + penalty, loss })
}

/// Cuts every chunk into as few batches of at most `size` rows as possible, of even length.
fn batches(chunks: &[Vec<u32>], size: usize) -> Vec<Batch> {
    let cut = |(chunk, rows): (usize, &Vec<u32>)| {
        let (len, parts) = (rows.len(), rows.len().div_ceil(size));
        (0..parts).map(move |p| {
            let (first, end) = (p * len / parts, (p + 1) * len / parts);
            Batch { chunk, first, count: end - first }
        })
    };
    chunks.iter().enumerate().flat_map(cut).collect()
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
fn check_divergence(loss: f64, epoch: usize, plan: &Plan, limit: f64) -> Result<(), LearnError> {
    if loss.is_finite() && loss < limit {
        return Ok(());
    }
    Err(LearnError::Diverged { epoch: epoch + 1, loss, rate: plan.learning_rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_row_once_and_evenly() {
        for (lengths, size) in [(vec![10], 3), (vec![7, 0, 5], 4), (vec![1], 100), (vec![8192, 1], 8192)] {
            let chunks: Vec<Vec<u32>> = lengths.iter().map(|&n| (0..n).collect()).collect();
            let batches = batches(&chunks, size);
            for (c, rows) in chunks.iter().enumerate() {
                let mut next = 0;
                for batch in batches.iter().filter(|b| b.chunk == c) {
                    assert_eq!(batch.first, next);
                    assert!(batch.count > 0 && batch.count <= size);
                    next += batch.count;
                }
                assert_eq!(next, rows.len());
            }
        }
    }
}
