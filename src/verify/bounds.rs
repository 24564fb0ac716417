//! How far an f32 stage may be from the f64 reference on the same input: derived from the data, never set by hand.
//!
//! `u = 2⁻²⁴` is the unit roundoff of f32 and `γₙ = n·u / (1 − n·u)` the bound of n roundings (Higham, *Accuracy and
//! Stability of Numerical Algorithms*, §3.1); it holds for any order of additions and with or without fused
//! multiply-add. Function errors are those that the WGSL specification allows (§15.7.4): division 2.5 ULP, `exp`
//! 3 + 2·|x| ULP, `log` 2⁻²¹ within [0.5, 2] and 3 ULP elsewhere, `sqrt` as `1 / inverseSqrt` (2 ULP). One ULP is at
//! most 2·u of the value. Results below 2⁻¹²⁶ may be flushed to zero.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

mod derivatives;
mod loss;
mod update;

pub use derivatives::central_differences;
pub use loss::loss;
pub use update::{adam, step};

use super::Stage;
use crate::backend::{Targets, reference};

/// Unit roundoff of f32.
pub const U: f64 = 1.0 / (1u64 << 24) as f64;
/// The smallest normal f32: anything smaller may become zero.
const FLUSH: f64 = f32::MIN_POSITIVE as f64;

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
            "p·(6 + 5|t|)u of each power and the mean of those, + γ_K + 5u; a weight u; losses the same and log's 2⁻²¹ or 3 ULP"
        }
        Stage::Sigmoid => {
            "σ·(13 + 4|s|)u; losses (30 + 4|s|)u of ln(1 + e^−|s|), u of each, γ_{K−1} of their sum; a weight u"
        }
        Stage::Hinge => {
            "a margin u(|s_j − s_y| + |m|): its sum γ_{K−1}, its slope 0 or 1 where it may lie on either side of 0"
        }
        Stage::SquaredHinge => {
            "a margin δ = u(|s_j − s_y| + |m|): its slope 2δ, its square (2m + δ)δ + u·m²; sums γ_{K−1}"
        }
        Stage::Gradient => {
            "γ_n·Σ|residual·x| over the n rows of a partial sum, in any order; none on integers"
        }
        Stage::Objective => {
            "what scores and the loss allow, carried into the sums, and γ_{n+1}·Σ|residual·x|"
        }
        Stage::ObjectiveSparse => {
            "the same, with a term for each feature that is not zero; columns and values themselves exact"
        }
        Stage::Reduce => "γ_{P−1}·Σ|p| over P partial sums in any order; none on integers",
        Stage::Step => {
            "u of each product and sum of velocity and parameter; none where the threshold leaves nothing"
        }
        Stage::Adam => {
            "u of each product and sum; the root 9u and that of what its square is off by, the division 5u"
        }
        Stage::Training => {
            "that of each stage, on the inputs it really had; a run that nobody watches: the same bits"
        }
    }
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
    scores_of(x, weight, bias, |_| x.ncols())
}

/// [`scores`] of rows of which row i adds `terms(i)` products to its bias.
fn scores_of(
    x: ArrayView2<'_, f64>,
    weight: ArrayView2<'_, f64>,
    bias: ArrayView1<'_, f64>,
    terms: impl Fn(usize) -> usize,
) -> Array2<f64> {
    let mut size = x.mapv(f64::abs).dot(&weight.mapv(f64::abs).t()) + bias.mapv(f64::abs);
    for (i, mut row) in size.rows_mut().into_iter().enumerate() {
        let terms = terms(i) + 1;
        row.mapv_inplace(|s| gamma(terms) * s + terms as f64 * FLUSH);
    }
    size
}

/// **gradient**, one partial sum over n rows of `x` and `residual`: a product and n − 1 additions in any order,
/// `γₙ·Σ|r·x|`, for weights and biases.
#[must_use]
pub fn gradient(x: ArrayView2<'_, f64>, residual: ArrayView2<'_, f64>) -> (Array2<f64>, Array1<f64>) {
    let (n, size) = (x.nrows(), residual.mapv(f64::abs));
    let bound = |s: f64| gamma(n) * s + n as f64 * FLUSH;
    (size.t().dot(&x.mapv(f64::abs)).mapv(bound), size.sum_axis(Axis(0)).mapv(bound))
}

/// **objective** of the rows of one split: gradient of the weights (M·K×D), of the biases (M·K), and the loss sums (M).
///
/// Scores carry ε (see [`scores`]), residuals and losses what the [`fn@loss`] makes of that. The sums over n rows add the
/// error of each residual times |x|, and γₙ₊₁ of what they sum.
#[must_use]
pub fn objective(
    x: ArrayView2<'_, f64>,
    weight: ArrayView2<'_, f64>,
    bias: ArrayView1<'_, f64>,
    targets: &Targets,
) -> (Array2<f64>, Array1<f64>, Array1<f64>) {
    let exact = reference::scores(x, weight, bias);
    sums(x, (&exact, &scores(x, weight, bias)), targets, |_| x.nrows())
}

/// **objective-sparse** of the rows of one split: the same, where a score has as many terms as its row has features that are
/// not zero, and the sum of a column as many as there are rows in which it is not zero.
#[must_use]
pub fn objective_sparse(
    x: ArrayView2<'_, f64>,
    weight: ArrayView2<'_, f64>,
    bias: ArrayView1<'_, f64>,
    targets: &Targets,
) -> (Array2<f64>, Array1<f64>, Array1<f64>) {
    let there = |features: ArrayView1<'_, f64>| features.iter().filter(|&&x| x != 0.0).count();
    let exact = reference::scores(x, weight, bias);
    let off = scores_of(x, weight, bias, |i| there(x.row(i)));
    sums(x, (&exact, &off), targets, |d| there(x.column(d)))
}

/// What the sums of an objective may be off by where its `scores` are off by `errors`, and where the sum of column d has
/// `terms(d)` terms.
fn sums(
    x: ArrayView2<'_, f64>,
    (scores, errors): (&Array2<f64>, &Array2<f64>),
    targets: &Targets,
    terms: impl Fn(usize) -> usize,
) -> (Array2<f64>, Array1<f64>, Array1<f64>) {
    let (residual, losses) = reference::loss(scores.view(), targets);
    let (residual_error, loss_error) = loss(scores.view(), errors.view(), targets);
    let size = residual.mapv(f64::abs) + &residual_error;
    let sum = |n: usize, error: f64, size: f64| error + gamma(n + 1) * size + n as f64 * FLUSH;
    let absolute = x.mapv(f64::abs);
    let (mut weight, sizes) = (residual_error.t().dot(&absolute), size.t().dot(&absolute));
    for (d, mut column) in weight.columns_mut().into_iter().enumerate() {
        let n = terms(d);
        column.zip_mut_with(&sizes.column(d), |e, &s| *e = sum(n, *e, s));
    }
    let n = x.nrows();
    let mut bias = residual_error.sum_axis(Axis(0));
    bias.zip_mut_with(&size.sum_axis(Axis(0)), |e, &s| *e = sum(n, *e, s));
    let mut loss = loss_error.sum_axis(Axis(0));
    loss.zip_mut_with(&losses.sum_axis(Axis(0)), |e, &s| *e = sum(n, *e, s + *e));
    (weight, bias, loss)
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
