//! One number that scores are divided by, so that probabilities say how often they come true: temperature scaling
//! (Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017).
//!
//! Dividing all scores by T > 0 changes no order of classes within a picture, so accuracy stays; dividing weights and
//! biases by T does it once and for all.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Calibration, MetricsError, argmax, check};

/// Temperatures that are looked at. What lies outside is no calibration: see [`Limit`].
const RANGE: (f64, f64) = (0.01, 100.0);

/// A temperature, and what it does to the pictures it was fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// What scores are divided by: above 1 the model was too sure, below 1 not sure enough.
    pub temperature: f64,
    /// Set where the likelihood rises right up to a limit of the range, so that the temperature says little.
    pub limit: Option<Limit>,
    /// How many pictures it was fitted on.
    pub samples: usize,
    /// At temperature 1.
    pub before: Fit,
    /// At this temperature.
    pub after: Fit,
}

/// Why a search ended at a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Every answer is right and being surer always helps: the pictures are separable, and there are too few to calibrate on.
    Separable,
    /// Knowing nothing is better than these scores at any temperature.
    Useless,
}

/// How well probabilities fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Mean over pictures of the negative log-likelihood in nats; of several labels, their sum.
    pub log_loss: f64,
    /// Expected calibration error, 0 to 1: of the most probable class, or of every decision about a label.
    pub ece: f64,
}

/// Softmax of `scores` (n×K) divided by `temperature`.
#[must_use]
pub fn softmax(scores: ArrayView2<'_, f64>, temperature: f64) -> Array2<f64> {
    let mut p = scores.to_owned();
    for mut row in p.rows_mut() {
        // The largest is taken off first: nothing overflows.
        let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|s| ((s - most) / temperature).exp());
        let sum = row.sum();
        row.mapv_inplace(|e| e / sum);
    }
    p
}

/// The sigmoid of each of `scores` (n×K) divided by `temperature`.
#[must_use]
pub fn sigmoid(scores: ArrayView2<'_, f64>, temperature: f64) -> Array2<f64> {
    scores.mapv(|s| logistic(s / temperature))
}

fn logistic(s: f64) -> f64 {
    // exp of what is not positive: nothing overflows, and small probabilities keep their digits.
    let e = (-s.abs()).exp();
    if s >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// ln(1 + eˣ).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The temperature that makes softmax of `scores` (n×K) likeliest for the classes `truth` (n).
///
/// Fit it on validation pictures: on training pictures every model is too sure of itself, on test pictures the test
/// is spent.
///
/// # Errors
/// [`MetricsError`] where lengths do not match, n or K is 0, a truth is not below K, or a score is not finite.
pub fn fit_temperature_softmax(
    scores: ArrayView2<'_, f64>,
    truth: &[u32],
) -> Result<Temperature, MetricsError> {
    let (n, k) = scores.dim();
    check::some(n, k)?;
    check::length("truths", truth.len(), n, "samples")?;
    check::truths(truth, k)?;
    check::finite(scores)?;
    let rows: Vec<Vec<f64>> = scores.rows().into_iter().map(|row| row.to_vec()).collect();
    // Loss of a row and its two derivatives by a = 1/T: log-sum-exp, mean and variance of the scores.
    let row = |(s, &y): (&Vec<f64>, &u32), a: f64| {
        let (most, y) = (s.iter().copied().fold(f64::NEG_INFINITY, f64::max), s[y as usize]);
        let weights: Vec<f64> = s.iter().map(|s| (a * (s - most)).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let mean = weights.iter().zip(s).map(|(w, s)| w * (s - most)).sum::<f64>() / sum;
        let variance = weights.iter().zip(s).map(|(w, s)| w * (s - most - mean).powi(2)).sum::<f64>() / sum;
        [sum.ln() + a * (most - y), mean + (most - y), variance]
    };
    let at = |a: f64| total(rows.par_iter().zip(truth).map(|pair| row(pair, a)).collect());
    let ece = |t: f64| {
        let p = softmax(scores, t);
        let best: Vec<usize> = scores.rows().into_iter().map(|row| argmax(row).unwrap_or(0)).collect();
        let stated: Vec<f64> = p.rows().into_iter().zip(&best).map(|(row, &k)| row[k]).collect();
        let right: Vec<bool> = best.iter().zip(truth).map(|(&k, &y)| k == y as usize).collect();
        Calibration::new(&stated, &right).ece
    };
    Ok(search(n, at, ece))
}

/// The one temperature that makes sigmoids of `scores` (n×K) likeliest for `truth` (n×K).
///
/// # Errors
/// [`MetricsError`] where shapes do not match, n or K is 0, or a score is not finite.
pub fn fit_temperature_sigmoid(
    scores: ArrayView2<'_, f64>,
    truth: ArrayView2<'_, bool>,
) -> Result<Temperature, MetricsError> {
    let (n, k) = scores.dim();
    check::some(n, k)?;
    check::length("rows of truths", truth.nrows(), n, "samples")?;
    check::length("columns of truths", truth.ncols(), k, "labels")?;
    check::finite(scores)?;
    // How far each score points the wrong way: loss is softplus(a·x).
    let wrong: Vec<Vec<f64>> = scores
        .rows()
        .into_iter()
        .zip(truth.rows())
        .map(|(s, t)| s.iter().zip(t).map(|(s, &t)| if t { -s } else { *s }).collect())
        .collect();
    let row = |xs: &Vec<f64>, a: f64| {
        xs.iter().fold([0.0; 3], |[loss, first, second], &x| {
            let p = logistic(a * x);
            [loss + softplus(a * x), first + x * p, second + x * x * p * (1.0 - p)]
        })
    };
    let at = |a: f64| total(wrong.par_iter().map(|xs| row(xs, a)).collect());
    let came_true: Vec<bool> = truth.iter().copied().collect();
    let ece =
        |t: f64| Calibration::new(&sigmoid(scores, t).iter().copied().collect::<Vec<_>>(), &came_true).ece;
    Ok(search(n, at, ece))
}

/// Sums in row order, whatever thread a row was on.
fn total(rows: Vec<[f64; 3]>) -> [f64; 3] {
    rows.iter().fold([0.0; 3], |sum, row| std::array::from_fn(|i| sum[i] + row[i]))
}

/// Finds where the derivative of the loss by a = 1/T is 0. `at` gives loss, derivative and second derivative, summed.
///
/// The loss is convex in a (a log-sum-exp of linear functions less a linear one), so its derivative never falls:
/// Newton's step is taken where it stays between the nearest signs known and is at most half of the last one, and the
/// middle where not.
fn search(n: usize, at: impl Fn(f64) -> [f64; 3], ece: impl Fn(f64) -> f64) -> Temperature {
    let (mut low, mut high) = (1.0 / RANGE.1, 1.0 / RANGE.0);
    let (mut a, mut limit) = (1.0, None);
    // A derivative of exactly 0 is kept: scores that are all alike fit equally at every temperature.
    if at(a)[1] != 0.0 {
        if at(low)[1] >= 0.0 {
            (a, limit) = (low, Some(Limit::Useless));
        } else if at(high)[1] <= 0.0 {
            (a, limit) = (high, Some(Limit::Separable));
        } else {
            let mut moved = high - low;
            for _ in 0..200 {
                let [_, first, second] = at(a);
                if first == 0.0 {
                    break;
                }
                if first < 0.0 {
                    low = a;
                } else {
                    high = a;
                }
                let step = a - first / second;
                let newton = step > low && step < high && (step - a).abs() <= 0.5 * moved;
                let next = if newton { step } else { f64::midpoint(low, high) };
                moved = (next - a).abs();
                a = next;
                if moved <= 1e-14 * a {
                    break;
                }
            }
        }
    }
    let fit = |a: f64| Fit { log_loss: at(a)[0] / n as f64, ece: ece(1.0 / a) };
    Temperature { temperature: 1.0 / a, limit, samples: n, before: fit(1.0), after: fit(a) }
}

#[cfg(test)]
#[path = "temperature_tests.rs"]
mod tests;
