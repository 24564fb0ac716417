//! How far numerical derivatives may be from true ones.

use ndarray::{ArrayView1, ArrayView2, Axis};

use super::objective;
use crate::backend::{Loss, Targets, reference};

/// How far central differences of the f64 loss may be from its derivative by each parameter (K·D weights, K biases).
///
/// With step h the truncation is h²/6 of the third derivative. For a row of softmax or sigmoid that is
/// w·p(1−p)(1−2p)·x³ ≤ w·|x|³/(6√3), with 1 in place of x for a bias. The hinges have none, but kinks: only where one is
/// within a step (|margin| ≤ h·|x|) is there an error, of the hinge at most the jump of its slope, w·|x|; the slope of the
/// squared hinge is continuous and changes by at most 2w·x² a unit, so that the mean of it is off by at most w·h·x².
///
/// Rounding moves each of the two losses by no more than [`objective`] allows in f32, times 2⁻²⁹ for the 53 bits of f64;
/// their difference is divided by 2h.
#[must_use]
pub fn central_differences(
    x: ArrayView2<'_, f64>,
    weight: ArrayView2<'_, f64>,
    bias: ArrayView1<'_, f64>,
    targets: &Targets,
    h: f64,
) -> Vec<f64> {
    let (columns, outputs) = (x.ncols(), bias.len());
    let (_, _, loss) = objective(x, weight, bias, targets);
    // The parameters that are a step away have a bound of their own, a little larger: twice is more than enough.
    let rounding = 2.0 * loss.sum() * f64::powi(2.0, -29) / h;
    let mut bound = vec![rounding; outputs * (columns + 1)];
    // Column `columns` is that of the biases, with an x of 1.
    let place = |k: usize, d: usize| if d < columns { k * columns + d } else { outputs * columns + k };
    if targets.loss().probabilistic() {
        let third = h * h / 6.0 / (6.0 * 3f64.sqrt()) * targets.largest_weight().max(1.0);
        let cubes = x.mapv(|v| v.abs().powi(3)).sum_axis(Axis(0));
        for d in 0..=columns {
            let cube = cubes.get(d).copied().unwrap_or(x.nrows() as f64);
            (0..outputs).for_each(|k| bound[place(k, d)] += third * cube);
        }
        return bound;
    }
    let scores = reference::scores(x, weight, bias);
    for (i, (row, scores)) in x.rows().into_iter().zip(scores.rows()).enumerate() {
        let Some(y) = targets.label(i) else { continue };
        let w = targets.weight(i, y);
        for j in (0..outputs).filter(|&j| j != y) {
            let margin = scores[j] - scores[y] + 1.0;
            for d in 0..=columns {
                let x = row.get(d).map_or(1.0, |v| v.abs());
                if margin.abs() <= h * x {
                    let off = if targets.loss() == Loss::Hinge { w * x } else { w * h * x * x };
                    bound[place(j, d)] += off;
                    bound[place(y, d)] += off;
                }
            }
        }
    }
    bound
}
