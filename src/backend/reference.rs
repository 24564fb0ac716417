//! The specification: each stage in plain f64, as short as it can be, never optimised.
//!
//! Sources: OpenCV's `cvtColor(COLOR_RGB2HSV)`, `calcHist` and `normalize` on 8-bit pictures; multinomial logistic
//! regression as scikit-learn's `LogisticRegression` minimises it; the multi-class hinge of Weston and Watkins (ESANN 1999);
//! Polyak's and Nesterov's momentum as in PyTorch's `SGD`; Adam (Kingma and Ba, ICLR 2015); proximal steps (Parikh and Boyd 2014).

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::bins::{Bins, reciprocals};
use super::{Adam, Loss, Probe, Step, Targets};

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

/// The loss that `targets` are for, of the scores of M models (n×M·K): residuals (n×M·K) and losses (n×M). A row that does not
/// count for a model has none of either.
#[must_use]
pub fn loss(scores: ArrayView2<'_, f64>, targets: &Targets) -> (Array2<f64>, Array2<f64>) {
    let (outputs, models) = (targets.outputs(), targets.models());
    let mut residual = Array2::zeros(scores.raw_dim());
    let mut losses = Array2::zeros((scores.nrows(), models));
    for m in 0..models {
        let columns = s![.., m * outputs..(m + 1) * outputs];
        let (mut of_model, mut loss) = one_loss(scores.slice(columns), targets);
        for i in (0..scores.nrows()).filter(|&i| !targets.counts(i, m)) {
            of_model.row_mut(i).fill(0.0);
            loss[i] = 0.0;
        }
        residual.slice_mut(columns).assign(&of_model);
        losses.column_mut(m).assign(&loss);
    }
    (residual, losses)
}

/// The same of one model for which every row counts: n×K and n.
fn one_loss(scores: ArrayView2<'_, f64>, targets: &Targets) -> (Array2<f64>, Array1<f64>) {
    match targets.loss() {
        Loss::Softmax => softmax(scores, targets),
        Loss::Sigmoid => sigmoid(scores, targets),
        Loss::Hinge => hinge(scores, targets),
        Loss::SquaredHinge => squared_hinge(scores, targets),
    }
}

/// **softmax** and cross-entropy of scores (n×K): residuals (n×K) and losses (n).
#[must_use]
pub fn softmax(scores: ArrayView2<'_, f64>, targets: &Targets) -> (Array2<f64>, Array1<f64>) {
    let mut residual = scores.to_owned();
    let mut losses = Array1::zeros(scores.nrows());
    for (i, mut row) in residual.rows_mut().into_iter().enumerate() {
        let max = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        let log_sum = max + row.mapv(|s| (s - max).exp()).sum().ln();
        row.mapv_inplace(|s| (s - log_sum).exp());
        if let Some(y) = targets.label(i) {
            losses[i] = targets.weight(i, y) * (log_sum - scores[[i, y]]);
            row[y] -= 1.0;
            row *= targets.weight(i, y);
        }
    }
    (residual, losses)
}

/// **sigmoid** and binary cross-entropy of scores (n×K): residuals (n×K) and losses (n).
#[must_use]
pub fn sigmoid(scores: ArrayView2<'_, f64>, targets: &Targets) -> (Array2<f64>, Array1<f64>) {
    let mut residual = scores.to_owned();
    let mut losses = Array1::zeros(scores.nrows());
    for ((i, k), r) in residual.indexed_iter_mut() {
        // −ln σ(s) of a label is −ln(1 − σ(−s)): a label turns the score around.
        let (s, sign) = if targets.has(i, k) { (-*r, -1.0) } else { (*r, 1.0) };
        losses[i] += targets.weight(i, k) * (s.max(0.0) + (-s.abs()).exp().ln_1p());
        let power = (-s.abs()).exp();
        *r = sign * targets.weight(i, k) * if s < 0.0 { power } else { 1.0 } / (1.0 + power);
    }
    (residual, losses)
}

/// **hinge** of scores (n×K): residuals (n×K) and losses (n). Where a margin is 0 it has no derivative; 0 is taken.
#[must_use]
pub fn hinge(scores: ArrayView2<'_, f64>, targets: &Targets) -> (Array2<f64>, Array1<f64>) {
    margins(scores, targets, |m| m.max(0.0), |m| if m > 0.0 { 1.0 } else { 0.0 })
}

/// **squared-hinge** of scores (n×K): residuals (n×K) and losses (n).
#[must_use]
pub fn squared_hinge(scores: ArrayView2<'_, f64>, targets: &Targets) -> (Array2<f64>, Array1<f64>) {
    margins(scores, targets, |m| m.max(0.0).powi(2), |m| 2.0 * m.max(0.0))
}

/// The sum of `loss` over the margins `s_j − s_y + 1` of each row, and its derivatives.
fn margins(
    scores: ArrayView2<'_, f64>,
    targets: &Targets,
    loss: impl Fn(f64) -> f64,
    slope: impl Fn(f64) -> f64,
) -> (Array2<f64>, Array1<f64>) {
    let mut residual = Array2::zeros(scores.raw_dim());
    let mut losses = Array1::zeros(scores.nrows());
    for (i, row) in scores.rows().into_iter().enumerate() {
        let Some(y) = targets.label(i) else { continue };
        for j in (0..row.len()).filter(|&j| j != y) {
            let (m, weight) = (row[j] - row[y] + 1.0, targets.weight(i, y));
            losses[i] += weight * loss(m);
            residual[[i, j]] = weight * slope(m);
            residual[[i, y]] -= weight * slope(m);
        }
    }
    (residual, losses)
}

/// **gradient**: of the weights, `residual`ᵀ (n×K) · `x` (n×D) = K×D, and of the biases, K.
#[must_use]
pub fn gradient(x: ArrayView2<'_, f64>, residual: ArrayView2<'_, f64>) -> (Array2<f64>, Array1<f64>) {
    (residual.t().dot(&x), residual.sum_axis(Axis(0)))
}

/// **objective**: [`scores`], [`fn@loss`] and [`gradient`] of some rows: gradient of the weights (M·K×D), of the biases (M·K),
/// and the sums of the losses (M).
#[must_use]
pub fn objective(
    x: ArrayView2<'_, f64>,
    weight: ArrayView2<'_, f64>,
    bias: ArrayView1<'_, f64>,
    targets: &Targets,
) -> (Array2<f64>, Array1<f64>, Array1<f64>) {
    let (residual, losses) = loss(scores(x, weight, bias).view(), targets);
    let (weight, bias) = gradient(x, residual.view());
    (weight, bias, losses.sum_axis(Axis(0)))
}

/// **objective-sparse**: [`objective`] of rows of `width` features without their zeros; row i has `values[j]` in column
/// `columns[j]` for j in `offsets[i]..offsets[i + 1]`.
#[must_use]
pub fn objective_sparse(
    width: usize,
    (offsets, columns, values): (&[u32], &[u32], &[f64]),
    weight: ArrayView2<'_, f64>,
    bias: ArrayView1<'_, f64>,
    targets: &Targets,
) -> (Array2<f64>, Array1<f64>, Array1<f64>) {
    let mut x = Array2::zeros((offsets.len() - 1, width));
    for (i, ends) in offsets.windows(2).enumerate() {
        for j in ends[0] as usize..ends[1] as usize {
            x[[i, columns[j] as usize]] = values[j];
        }
    }
    objective(x.view(), weight, bias, targets)
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
    let [rate, momentum, l2, l1, scale] =
        [step.learning_rate, step.momentum, step.l2, step.l1, step.scale].map(f64::from);
    for (j, gradient) in gradient.iter().enumerate() {
        let (l2, l1) = if j < weights { (l2, l1) } else { (0.0, 0.0) };
        let g = scale * gradient + l2 * parameters[j];
        velocity[j] = momentum * velocity[j] + g;
        let direction = if step.nesterov { g + momentum * velocity[j] } else { velocity[j] };
        parameters[j] = soft_threshold(parameters[j] - rate * direction, rate * l1);
    }
}

/// **adam**: parameters, first and second moments after one step; the first `weights` of them are penalised.
pub fn adam(
    parameters: &mut Array1<f64>,
    first: &mut Array1<f64>,
    second: &mut Array1<f64>,
    gradient: ArrayView1<'_, f64>,
    weights: usize,
    adam: Adam,
) {
    let [beta1, beta2, l2, l1] = [adam.beta1, adam.beta2, adam.l2, adam.l1].map(f64::from);
    for (j, gradient) in gradient.iter().enumerate() {
        let (l2, l1) = if j < weights { (l2, l1) } else { (0.0, 0.0) };
        let g = f64::from(adam.scale) * gradient + l2 * parameters[j];
        first[j] = beta1 * first[j] + (1.0 - beta1) * g;
        second[j] = beta2 * second[j] + (1.0 - beta2) * g * g;
        let root = (f64::from(adam.correction2) * second[j]).sqrt();
        let rate = f64::from(adam.learning_rate) / (root + f64::from(adam.epsilon));
        let moved = parameters[j] - rate * f64::from(adam.correction1) * first[j];
        parameters[j] = soft_threshold(moved, rate * l1);
    }
}

/// The proximal step of `threshold·|w|`.
fn soft_threshold(w: f64, threshold: f64) -> f64 {
    if w.abs() <= threshold { 0.0 } else { w - threshold.copysign(w) }
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
