//! The losses: residuals (n×M·K) and losses (n×M), of scores that may themselves be off.

use ndarray::{Array1, Array2, ArrayView2, s};

use super::{FLUSH, U, gamma};
use crate::backend::{Loss, Targets};

/// Absolute error of `log` within [0.5, 2].
const LOG: f64 = 1.0 / (1u64 << 21) as f64;

/// The loss that `targets` are for. `errors` (n×M·K) is how far each score may be off; zeros where the scores are those that
/// the device was given. What a row that does not count for a model has there must be 0 exactly.
#[must_use]
pub fn loss(
    scores: ArrayView2<'_, f64>,
    errors: ArrayView2<'_, f64>,
    targets: &Targets,
) -> (Array2<f64>, Array2<f64>) {
    let (outputs, models) = (targets.outputs(), targets.models());
    let mut residuals = Array2::zeros(scores.raw_dim());
    let mut losses = Array2::zeros((scores.nrows(), models));
    for m in 0..models {
        let columns = s![.., m * outputs..(m + 1) * outputs];
        let (mut of_model, mut loss) = one_loss(scores.slice(columns), errors.slice(columns), targets);
        for i in (0..scores.nrows()).filter(|&i| !targets.counts(i, m)) {
            of_model.row_mut(i).fill(0.0);
            loss[i] = 0.0;
        }
        residuals.slice_mut(columns).assign(&of_model);
        losses.column_mut(m).assign(&loss);
    }
    (residuals, losses)
}

/// The same of one model for which every row counts: n×K and n.
fn one_loss(
    scores: ArrayView2<'_, f64>,
    errors: ArrayView2<'_, f64>,
    targets: &Targets,
) -> (Array2<f64>, Array1<f64>) {
    match targets.loss() {
        Loss::Softmax => softmax(scores, errors, targets),
        Loss::Sigmoid => sigmoid(scores, errors, targets),
        Loss::Hinge => hinge(scores, errors, targets, false),
        Loss::SquaredHinge => hinge(scores, errors, targets, true),
    }
}

/// What `error` of a number of size `size` becomes when it is multiplied by `weight`; by 1 it stays what it is.
fn weighted(weight: f64, size: f64, error: f64) -> f64 {
    if weight == 1.0 { error } else { weight * error + U * weight * (size + error) + FLUSH }
}

/// **softmax**.
///
/// With t = s − max: t carries u, so eᵗ carries |t|·u and `exp`'s own (6 + 4|t|)·u. The sum S carries the mean of
/// those, weighted by eᵗ, and γ_K. A probability carries both and a division (5u); the residual one more rounding.
/// The loss (max − s_y) + ln S carries a rounding of each term and of the sum, what S carries, and `log`'s own error.
///
/// Scores that are off by up to ε, the largest of their row, move a probability by a factor of at most e^(2ε), and a loss by
/// 2ε; what the device itself adds grows by no more than the same factor, and by the 20u·ε with which its exponents may have
/// grown.
fn softmax(
    scores: ArrayView2<'_, f64>,
    errors: ArrayView2<'_, f64>,
    targets: &Targets,
) -> (Array2<f64>, Array1<f64>) {
    let mut residuals = Array2::zeros(scores.raw_dim());
    let mut losses = Array1::zeros(scores.nrows());
    for (i, row) in scores.rows().into_iter().enumerate() {
        let (label, weight) = (targets.label(i), targets.weight(i, 0));
        let epsilon = errors.row(i).fold(0.0f64, |a, &e| a.max(e));
        let factor = (2.0 * epsilon).exp();
        let max = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        let t = row.mapv(|s| s - max);
        let power = t.mapv(f64::exp);
        let power_error = t.mapv(|t| (6.0 + 5.0 * t.abs()) * U);
        let sum = power.sum();
        let flushes = row.len() as f64 * FLUSH;
        let sum_error = ((&power * &power_error).sum() + flushes) / sum + gamma(row.len());
        for (k, bound) in residuals.row_mut(i).iter_mut().enumerate() {
            let p = power[k] / sum;
            let relative = power_error[k] + sum_error + 5.0 * U;
            // Errors multiply; 1/(1 − ε) covers what their sum leaves out.
            let residual = if label == Some(k) { p - 1.0 } else { p }.abs();
            let own = p * relative / (1.0 - relative) + residual * U + 2.0 * FLUSH;
            let error = p * (factor - 1.0) + factor * (own + p * 20.0 * U * epsilon + U * (factor - 1.0));
            *bound = weighted(weight, residual, error);
        }
        if let Some(y) = label {
            let (margin, log) = (max - row[y], sum.ln());
            // The device's own sum may lie on the other side of 2; at other scores in any case.
            let near = sum * (1.0 - sum_error) <= 2.0 || epsilon > 0.0;
            let function = if near { LOG.max(6.0 * U * log) } else { 6.0 * U * log };
            let own = sum_error / (1.0 - sum_error) + function + U * margin + U * (margin + log) + FLUSH;
            let error = 2.0 * epsilon + factor * (own + 20.0 * U * epsilon);
            losses[i] = weighted(weight, margin + log, error);
        }
    }
    (residuals, losses)
}

/// **sigmoid**.
///
/// e = e^−|s| carries `exp`'s own (6 + 4|s|)·u, and may be flushed. σ is 1/(1 + e) or e/(1 + e): no more than what e carries,
/// a rounding of the sum and a division (5u), with a weight one rounding more.
///
/// ln(1 + e) is 2·artanh(r), r = e/(2 + e): 6u of r, of which the series in r² keeps less than u; γ₁₅ of its eight terms, added
/// as Horner does, none of them negative; one product, and less than u that is left out: 24u, and what e carries, of which a
/// logarithm keeps no more than all. Its sum with max(s, 0) is rounded once, the weight once, and K of them are added up.
///
/// Scores that are off by ε move σ, and ln(1 + e), by a factor of at most e^ε, and a loss by ε.
fn sigmoid(
    scores: ArrayView2<'_, f64>,
    errors: ArrayView2<'_, f64>,
    targets: &Targets,
) -> (Array2<f64>, Array1<f64>) {
    let mut residuals = Array2::zeros(scores.raw_dim());
    let mut losses = Array1::zeros(scores.nrows());
    let additions = scores.ncols() - 1;
    for ((i, k), bound) in residuals.indexed_iter_mut() {
        let (epsilon, weight) = (errors[[i, k]], targets.weight(i, k));
        let s = if targets.has(i, k) { -scores[[i, k]] } else { scores[[i, k]] };
        let factor = epsilon.exp();
        let power = (6.0 + 4.0 * (s.abs() + epsilon)) * U;
        let relative = |more: f64| (power + more * U) / (1.0 - power - more * U);
        let p = 1.0 / (1.0 + (-s).exp());
        let error = p * (factor - 1.0) + p * factor * relative(6.0) + 2.0 * FLUSH;
        *bound = weighted(weight, p, error);
        let log = (-s.abs()).exp().ln_1p();
        let value = s.max(0.0) + log;
        let terms = epsilon + log * factor * relative(24.0) + 2.0 * FLUSH;
        let error = weighted(weight, value, terms + U * (value + terms));
        losses[i] += error + gamma(additions) * (weight * value + error);
    }
    (residuals, losses)
}

/// **hinge** and **squared-hinge**.
///
/// A margin m = (s_j − s_y) + 1 is rounded twice: δ = u·|s_j − s_y| + u·|m|, and ε_j + ε_y where the scores are off. The hinge
/// max(0, m) is off by as much; where |m| ≤ δ its slope may be 0 or 1. The slope of its square, 2·max(0, m), is off by 2δ, the
/// square itself by (2m + δ)·δ and a rounding. A margin that is below 0 by more than δ is exactly nothing. Up to K − 1 of
/// them are added up (counts of them exactly), and multiplied by the weight.
fn hinge(
    scores: ArrayView2<'_, f64>,
    errors: ArrayView2<'_, f64>,
    targets: &Targets,
    squared: bool,
) -> (Array2<f64>, Array1<f64>) {
    let mut residuals = Array2::zeros(scores.raw_dim());
    let mut losses = Array1::zeros(scores.nrows());
    let additions = scores.ncols().saturating_sub(2);
    for (i, row) in scores.rows().into_iter().enumerate() {
        let Some(y) = targets.label(i) else { continue };
        let weight = targets.weight(i, y);
        // Without the weight, of all margins together: what the slopes and the losses are off by, and how large they are.
        let (mut slopes, mut slope_sum, mut sum, mut loss_sum) = (0.0, 0.0, 0.0, 0.0);
        for j in (0..row.len()).filter(|&j| j != y) {
            let (difference, off) = (row[j] - row[y], errors[[i, j]] + errors[[i, y]]);
            let margin = difference + 1.0;
            let first = off + U * (difference.abs() + off);
            let delta = first + U * (margin.abs() + first);
            if margin < -delta {
                continue;
            }
            let above = margin.max(0.0);
            let (slope, slope_error, loss, loss_error) = if squared {
                let square = (2.0 * above + delta) * delta;
                (2.0 * above, 2.0 * delta, above * above, square + U * (above * above + square) + FLUSH)
            } else {
                let either = if margin.abs() <= delta { 1.0 } else { 0.0 };
                (f64::from(u8::from(margin > 0.0)), either, above, delta)
            };
            residuals[[i, j]] = weighted(weight, slope, slope_error);
            slopes += slope_error;
            slope_sum += slope;
            sum += loss_error;
            loss_sum += loss;
        }
        // Ones add up without rounding.
        let rounding = if squared { gamma(additions) * (slope_sum + slopes) } else { 0.0 };
        residuals[[i, y]] = weighted(weight, slope_sum, slopes + rounding);
        losses[i] = weighted(weight, loss_sum, sum + gamma(additions) * (loss_sum + sum));
    }
    (residuals, losses)
}
