//! What the cases of all losses share: how a device computes one, and the comparison.

use ndarray::{Array2, s};

use crate::backend::{Backend, DeviceError, Targets, reference};
use crate::verify::bounds;
use crate::verify::case::Run;
use crate::verify::data::{DeviceTargets, HostRows, flat, matrix};

/// Scores (n×M·K) with the targets of the rows of the batch; `exact` where no bound is to be allowed.
pub(super) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    scores: &[f32],
    targets: &Targets,
    exact: bool,
) -> Result<(), DeviceError> {
    let (n, models) = (targets.rows(), targets.models());
    let outputs = models * targets.outputs();
    // Rows stand in the chunk in reverse: targets are looked up by chunk row, scores by place in the batch. The batch
    // begins in the middle of the index.
    let index: Vec<u32> = [0, 0, 0].into_iter().chain((0..n as u32).rev()).collect();
    let rows = HostRows { features: vec![0.0], columns: 1, index, first: 3, count: n };
    let device = rows.upload(run.backend)?;
    let on_device = DeviceTargets::new(run.backend, &targets.pick((0..n).rev()))?;
    let device_scores = run.backend.upload(scores)?;
    let (mut residual, mut losses) = (run.output(n * outputs)?, run.output(n * models)?);
    let labels = on_device.labels();
    run.backend.loss(&device.rows(), &labels, &device_scores, outputs, &mut residual, &mut losses)?;
    let residual = run.read(&residual, n * outputs)?;
    let losses = run.read(&losses, n * models)?;
    judge(run, &rows, targets, scores, [&residual, &losses], exact);
    Ok(())
}

/// Compares residuals (n×M·K) and losses (n×M) with the reference; `targets` in the order of the batch.
pub(in crate::verify) fn judge<B: Backend>(
    run: &mut Run<'_, B>,
    rows: &HostRows,
    targets: &Targets,
    scores: &[f32],
    [residual, losses]: [&[f32]; 2],
    exact: bool,
) {
    let (each, models) = (targets.outputs(), targets.models());
    let outputs = models * each;
    let scores = matrix(scores, outputs);
    let (expected, expected_losses) = reference::loss(scores.view(), targets);
    let (mut bound, mut loss_bound) =
        bounds::loss(scores.view(), Array2::zeros(scores.raw_dim()).view(), targets);
    if exact {
        bound.fill(0.0);
        loss_bound.fill(0.0);
    }
    let row = |i: usize, m: usize| {
        let max = scores.slice(s![i, m * each..(m + 1) * each]).fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        let labels: Vec<String> =
            (0..each).filter(|&k| targets.has(i, k)).map(|k| k.to_string()).take(4).collect();
        let labels = if labels.is_empty() { "none".into() } else { labels.join(", ") };
        let counts = if targets.counts(i, m) { "" } else { ", for which it does not count" };
        let model = if models > 1 { format!(", model {m} of {models}{counts}") } else { counts.into() };
        format!("{}{model}: label {labels}, largest score {max}", rows.name(i))
    };
    run.within("residuals", &flat(expected), residual, &flat(bound), |at| {
        let (i, k) = (at / outputs, at % outputs);
        format!("{}, output {} of {each} with score {}", row(i, k / each), k % each, scores[[i, k]])
    });
    run.within("losses", &flat(expected_losses), losses, &flat(loss_bound), |at| {
        row(at / models, at % models)
    });
}
