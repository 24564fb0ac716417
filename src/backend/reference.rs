//! The specification: each stage in plain f64, as short as it can be, never optimised.
//!
//! Sources: OpenCV's `cvtColor(COLOR_RGB2HSV)`, `calcHist` and `normalize` on 8-bit pictures; multinomial logistic
//! regression as scikit-learn's `LogisticRegression` minimises it; Polyak's momentum as in PyTorch's `SGD`.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::bins::{Bins, reciprocals};
use super::{NO_LABEL, Probe, Step};

/// Hue 0…179, saturation and value 0…255 of a colour, in OpenCV's integer arithmetic.
#[must_use]
pub fn hsv(rgb: [u8; 3]) -> [u8; 3] {
    let [saturation, hue] = reciprocals();
    let [r, g, b] = rgb.map(i64::from);
    let v = r.max(g).max(b);
    let d = v - r.min(g).min(b);
    let s = (d * i64::from(saturation[v as usize]) + 2048) >> 12;
    let sextant = if v == r {
        g - b
    } else if v == g {
        b - r + 2 * d
    } else {
        r - g + 4 * d
    };
    let h = (sextant * i64::from(hue[d as usize]) + 2048) >> 12;
    [if h < 0 { h + 180 } else { h } as u8, s as u8, v as u8]
}

/// **describe**: how many pixels of `rgb` (3 bytes each) fall into each bin.
#[must_use]
pub fn describe(rgb: &[u8], bins: &Bins) -> Array1<u32> {
    let mut counts = Array1::zeros(bins.len());
    for pixel in rgb.chunks_exact(3) {
        let [h, s, v] = hsv([pixel[0], pixel[1], pixel[2]]).map(usize::from);
        let [hue, saturation, value] = bins.tables();
        counts[(hue[h] + saturation[s] + value[v]) as usize] += 1;
    }
    counts
}

/// **normalize**: counts (rows × D) over the L2 norm of their row; a row of zeros stays zero.
#[must_use]
pub fn normalize(counts: ArrayView2<'_, u32>) -> Array2<f64> {
    let mut features = counts.mapv(f64::from);
    for mut row in features.rows_mut() {
        let norm = row.dot(&row).sqrt();
        if norm > 0.0 {
            row /= norm;
        }
    }
    features
}

/// **scores**: `x` (n×D) · `weight`ᵀ (K×D) + `bias` (K), n×K.
#[must_use]
pub fn scores(x: ArrayView2<'_, f64>, weight: ArrayView2<'_, f64>, bias: ArrayView1<'_, f64>) -> Array2<f64> {
    x.dot(&weight.t()) + bias
}

/// **softmax** and cross-entropy of scores (n×K): residuals (n×K) and losses (n).
#[must_use]
pub fn softmax(scores: ArrayView2<'_, f64>, labels: &[u32]) -> (Array2<f64>, Array1<f64>) {
    let mut residual = scores.to_owned();
    let mut losses = Array1::zeros(labels.len());
    for (i, mut row) in residual.rows_mut().into_iter().enumerate() {
        let max = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        let log_sum = max + row.mapv(|s| (s - max).exp()).sum().ln();
        row.mapv_inplace(|s| (s - log_sum).exp());
        if labels[i] != NO_LABEL {
            let y = labels[i] as usize;
            losses[i] = log_sum - scores[[i, y]];
            row[y] -= 1.0;
        }
    }
    (residual, losses)
}

/// **gradient**: of the weights, `residual`ᵀ (n×K) · `x` (n×D) = K×D, and of the biases, K.
#[must_use]
pub fn gradient(x: ArrayView2<'_, f64>, residual: ArrayView2<'_, f64>) -> (Array2<f64>, Array1<f64>) {
    (residual.t().dot(&x), residual.sum_axis(Axis(0)))
}

/// **objective**: [`scores`], [`softmax`] and [`gradient`] of some rows: gradient of the weights (K×D), of the biases (K),
/// and the sum of the losses.
#[must_use]
pub fn objective(
    x: ArrayView2<'_, f64>,
    weight: ArrayView2<'_, f64>,
    bias: ArrayView1<'_, f64>,
    labels: &[u32],
) -> (Array2<f64>, Array1<f64>, f64) {
    let (residual, losses) = softmax(scores(x, weight, bias).view(), labels);
    let (weight, bias) = gradient(x, residual.view());
    (weight, bias, losses.sum())
}

/// **reduce**: column sums.
#[must_use]
pub fn reduce(partials: ArrayView2<'_, f64>) -> Array1<f64> {
    partials.sum_axis(Axis(0))
}

/// **step**: parameters and velocity after one step; the first `weights` of them are penalised.
pub fn step(
    parameters: &mut Array1<f64>,
    velocity: &mut Array1<f64>,
    gradient: ArrayView1<'_, f64>,
    weights: usize,
    step: Step,
) {
    let Step { learning_rate, momentum, l2, scale } = step;
    for (j, g) in gradient.iter().enumerate() {
        let penalty = if j < weights { f64::from(l2) * parameters[j] } else { 0.0 };
        velocity[j] = f64::from(momentum) * velocity[j] + f64::from(scale) * g + penalty;
        parameters[j] -= f64::from(learning_rate) * velocity[j];
    }
}

/// **probe**: what each lane adds up to.
#[must_use]
pub fn probe(probe: Probe) -> Array1<f64> {
    let chain =
        |x: f64| (0..probe.rounds).fold(x, |x, _| f64::from(probe.factor) * x + f64::from(probe.addend));
    (0..probe.lanes).map(|i| (0..Probe::CHAINS).map(|j| chain((i % 64 + j) as f64)).sum()).collect()
}

/// What training minimises: mean loss + `l2/2`·‖W‖², as `LogisticRegression` with `l2 = 1/(C·N)`.
#[must_use]
pub fn penalized(losses: ArrayView1<'_, f64>, weight: ArrayView2<'_, f64>, l2: f64) -> f64 {
    losses.mean().unwrap_or(0.0) + 0.5 * l2 * weight.mapv(|w| w * w).sum()
}
