//! How far an f32 stage may be from the f64 reference on the same input: derived from the data, never set by hand.
//!
//! `u = 2⁻²⁴` is the unit roundoff of f32 and `γₙ = n·u / (1 − n·u)` the bound of n roundings (Higham, *Accuracy and
//! Stability of Numerical Algorithms*, §3.1); it holds for any order of additions and with or without fused
//! multiply-add. Function errors are those that the WGSL specification allows (§15.7.4): division 2.5 ULP, `exp`
//! 3 + 2·|x| ULP, `log` 2⁻²¹ within [0.5, 2] and 3 ULP elsewhere, `sqrt` as `1 / inverseSqrt` (2 ULP). One ULP is at
//! most 2·u of the value. Results below 2⁻¹²⁶ may be flushed to zero.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::Stage;
use crate::backend::{NO_LABEL, Step, reference};

/// Unit roundoff of f32.
pub const U: f64 = 1.0 / (1u64 << 24) as f64;
/// The smallest normal f32: anything smaller may become zero.
const FLUSH: f64 = f32::MIN_POSITIVE as f64;

/// Absolute error of `log` within [0.5, 2].
const LOG: f64 = 1.0 / (1u64 << 21) as f64;

/// `γₙ`: the relative error of `n` roundings one after the other.
#[must_use]
pub fn gamma(n: usize) -> f64 {
    let nu = n as f64 * U;
    nu / (1.0 - nu)
}

/// The tolerance of a stage and where it comes from, in one line; the functions of this module say more.
#[must_use]
pub const fn derivation(stage: Stage) -> &'static str {
    match stage {
        Stage::Describe => "none: counts are integers",
        Stage::Normalize => {
            "((γ₃ + γ_D)/2 + γ₁₅)·|feature|: squares and their sum, halved by the root; root, division"
        }
        Stage::Scores => "γ_{D+1}·(Σ|x·w| + |b|): D products, D additions in any order; none on integers",
        Stage::Softmax => {
            "p·(6 + 5|t|)u of each power and the mean of those, + γ_K + 5u; losses the same and log's 2⁻²¹ or 3 ULP"
        }
        Stage::Gradient => {
            "γ_n·Σ|residual·x| over the n rows of a partial sum, in any order; none on integers"
        }
        Stage::Objective => "what scores and softmax allow, carried into the sums, and γ_{n+1}·Σ|residual·x|",
        Stage::Reduce => "γ_{P−1}·Σ|p| over P partial sums in any order; none on integers",
        Stage::Step => {
            "velocity γ₃·(|μv| + |g/n| + |λw|); parameter γ₂·(|w| + η|velocity|) and η times the velocity's"
        }
        Stage::Training => {
            "that of each stage, on the inputs it really had; a run that nobody watches: the same bits"
        }
    }
}

/// How far central differences of the f64 loss may be from its derivative by each parameter (K·D weights, K biases).
///
/// With step h the truncation is h²/6 of the third derivative, which for a row is p(1−p)(1−2p)·x³ ≤ |x|³/(6√3), with 1
/// in place of x for a bias. Rounding moves each of the two losses by no more than [`objective`] allows in f32, times
/// 2⁻²⁹ for the 53 bits of f64; their difference is divided by 2h.
#[must_use]
pub fn central_differences(
    x: ArrayView2<'_, f64>,
    weight: ArrayView2<'_, f64>,
    bias: ArrayView1<'_, f64>,
    labels: &[u32],
    h: f64,
) -> Vec<f64> {
    let (outputs, third) = (bias.len(), h * h / 6.0 / (6.0 * 3f64.sqrt()));
    let (_, _, loss) = objective(x, weight, bias, labels);
    // The parameters that are a step away have a bound of their own, a little larger: twice is more than enough.
    let rounding = 2.0 * loss * f64::powi(2.0, -29) / h;
    let cubes = x.mapv(|v| v.abs().powi(3)).sum_axis(Axis(0));
    let weights = (0..outputs).flat_map(|_| cubes.iter().map(|c| third * c + rounding));
    let biases = (0..outputs).map(|_| third * x.nrows() as f64 + rounding);
    weights.chain(biases).collect()
}

/// **normalize**, for features (rows × D). Squares: conversion, twice, and product (3u); their sum γ_D; the root
/// halves both and adds 9u (`inverseSqrt` and division); conversion and division of the feature 6u.
#[must_use]
pub fn normalize(features: ArrayView2<'_, f64>) -> Array2<f64> {
    let relative = (gamma(3) + gamma(features.ncols())) / 2.0 + gamma(9 + 6);
    features.mapv(|f| f * relative)
}

/// **scores**: D products, D additions in any order and the bias: `γ_{D+1}·(Σ|x·w| + |b|)`, and one flush a term.
#[must_use]
pub fn scores(x: ArrayView2<'_, f64>, weight: ArrayView2<'_, f64>, bias: ArrayView1<'_, f64>) -> Array2<f64> {
    let terms = x.ncols() + 1;
    let size = x.mapv(f64::abs).dot(&weight.mapv(f64::abs).t()) + bias.mapv(f64::abs);
    size.mapv(|s| gamma(terms) * s + terms as f64 * FLUSH)
}

/// **softmax**: residuals (n×K) and losses (n).
///
/// With t = s − max: t carries u, so eᵗ carries |t|·u and `exp`'s own (6 + 4|t|)·u. The sum S carries the mean of
/// those, weighted by eᵗ, and γ_K. A probability carries both and a division (5u); the residual one more rounding.
/// The loss (max − s_y) + ln S carries a rounding of each term and of the sum, what S carries, and `log`'s own error.
#[must_use]
pub fn softmax(scores: ArrayView2<'_, f64>, labels: &[u32]) -> (Array2<f64>, Array1<f64>) {
    let mut residuals = Array2::zeros(scores.raw_dim());
    let mut losses = Array1::zeros(labels.len());
    for (i, row) in scores.rows().into_iter().enumerate() {
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
            let residual = if labels[i] as usize == k { p - 1.0 } else { p };
            *bound = p * relative / (1.0 - relative) + residual.abs() * U + 2.0 * FLUSH;
        }
        if labels[i] != NO_LABEL {
            let (margin, log) = (max - row[labels[i] as usize], sum.ln());
            // The device's own sum may lie on the other side of 2.
            let near = sum * (1.0 - sum_error) <= 2.0;
            let function = if near { LOG.max(6.0 * U * log) } else { 6.0 * U * log };
            losses[i] = sum_error / (1.0 - sum_error) + function + U * margin + U * (margin + log) + FLUSH;
        }
    }
    (residuals, losses)
}

/// **gradient**, one partial sum over n rows of `x` and `residual`: a product and n − 1 additions in any order,
/// `γₙ·Σ|r·x|`, for weights and biases.
#[must_use]
pub fn gradient(x: ArrayView2<'_, f64>, residual: ArrayView2<'_, f64>) -> (Array2<f64>, Array1<f64>) {
    let (n, size) = (x.nrows(), residual.mapv(f64::abs));
    let bound = |s: f64| gamma(n) * s + n as f64 * FLUSH;
    (size.t().dot(&x.mapv(f64::abs)).mapv(bound), size.sum_axis(Axis(0)).mapv(bound))
}

/// **objective** of the rows of one split: gradient of the weights (K×D), of the biases (K), and the loss sum.
///
/// Scores carry ε (see [`scores`]). A probability is then off by a factor of at most e^(2ε), with ε the largest of its row,
/// and by what [`softmax`] allows at the perturbed scores; a loss by 2ε and the same. The sums over n rows add the error
/// of each residual times |x|, and γₙ₊₁ of what they sum.
#[must_use]
pub fn objective(
    x: ArrayView2<'_, f64>,
    weight: ArrayView2<'_, f64>,
    bias: ArrayView1<'_, f64>,
    labels: &[u32],
) -> (Array2<f64>, Array1<f64>, f64) {
    let n = x.nrows();
    let exact = reference::scores(x, weight, bias);
    let score_error = scores(x, weight, bias);
    let (residual, losses) = reference::softmax(exact.view(), labels);
    let (mut residual_error, loss_error) = softmax(exact.view(), labels);
    let mut loss = 0.0;
    for (i, mut row) in residual_error.rows_mut().into_iter().enumerate() {
        let epsilon = score_error.row(i).fold(0.0f64, |a, &e| a.max(e));
        // e^(2ε) − 1 moves a probability; what softmax itself adds grows by no more than the same factor, and by the
        // 20u·ε with which its exponents may have grown.
        let factor = (2.0 * epsilon).exp();
        for (k, bound) in row.iter_mut().enumerate() {
            let one = if labels[i] as usize == k { 1.0 } else { 0.0 };
            let p = residual[[i, k]] + one;
            *bound = p * (factor - 1.0) + factor * (*bound + p * 20.0 * U * epsilon + U * (factor - 1.0));
        }
        if labels[i] != NO_LABEL {
            // At the perturbed scores `log` may be on the other side of 2, with its absolute error.
            loss += 2.0 * epsilon + factor * (loss_error[i].max(LOG) + 20.0 * U * epsilon);
        }
    }
    let size = residual.mapv(f64::abs) + &residual_error;
    let sum = |error: f64, size: f64| error + gamma(n + 1) * size + n as f64 * FLUSH;
    let absolute = x.mapv(f64::abs);
    let mut weight = residual_error.t().dot(&absolute);
    weight.zip_mut_with(&size.t().dot(&absolute), |e, &s| *e = sum(*e, s));
    let mut bias = residual_error.sum_axis(Axis(0));
    bias.zip_mut_with(&size.sum_axis(Axis(0)), |e, &s| *e = sum(*e, s));
    (weight, bias, sum(loss, losses.sum() + loss))
}

/// **reduce** of P rows: P − 1 additions in any order, `γ_{P−1}·Σ|p|`; what was there before is one more term.
#[must_use]
pub fn reduce(partials: ArrayView2<'_, f64>, before: Option<ArrayView1<'_, f64>>) -> Array1<f64> {
    let size = partials.mapv(f64::abs).sum_axis(Axis(0));
    let additions = partials.nrows().saturating_sub(1);
    match before {
        None => size.mapv(|s| gamma(additions) * s),
        Some(before) => (size + before.mapv(f64::abs)).mapv(|s| gamma(additions + 1) * s),
    }
}

/// **step**: the new parameters and the new velocity. Three products added up (γ₃; two for
/// biases), then one product and one addition.
#[must_use]
pub fn step(
    parameters: ArrayView1<'_, f64>,
    velocity: ArrayView1<'_, f64>,
    gradient: ArrayView1<'_, f64>,
    weights: usize,
    step: Step,
) -> (Array1<f64>, Array1<f64>) {
    let [rate, momentum, l2, scale] =
        [step.learning_rate, step.momentum, step.l2, step.scale].map(|v| f64::from(v).abs());
    let mut penalty = l2 * parameters.mapv(f64::abs);
    penalty.slice_mut(s![weights..]).fill(0.0);
    let size = momentum * velocity.mapv(f64::abs) + scale * gradient.mapv(f64::abs) + penalty;
    let velocity_bound = size.mapv(|s| gamma(3) * s + 3.0 * FLUSH);
    let moved = size.mapv(|s| rate * s * (1.0 + gamma(3)));
    let parameter_bound =
        rate * &velocity_bound + (parameters.mapv(f64::abs) + moved).mapv(|s| gamma(2) * s + FLUSH);
    (parameter_bound, velocity_bound)
}
