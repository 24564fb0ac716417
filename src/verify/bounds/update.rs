//! The parameter updates: new parameters, and what a step keeps beside them.

use ndarray::{Array1, ArrayView1};

use super::{FLUSH, gamma};
use crate::backend::{Adam, Step};

/// Relative error of `sqrt` and of a division, see the head of the module above.
const ROOT: usize = 9;
const DIVISION: usize = 5;

/// A number and how far the device may be from it.
#[derive(Debug, Clone, Copy)]
struct Near {
    value: f64,
    error: f64,
}

impl Near {
    fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// Its size at most.
    fn size(self) -> f64 {
        self.value.abs() + self.error
    }

    /// With `roundings` one after the other behind it, or a result that is flushed.
    fn rounded(self, roundings: usize) -> Self {
        Self { error: self.error + gamma(roundings) * self.size() + FLUSH, ..self }
    }
}

impl std::ops::Mul for Near {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let error = self.error * other.size() + self.value.abs() * other.error;
        Self { value: self.value * other.value, error }.rounded(1)
    }
}

impl std::ops::Neg for Near {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

/// The sum of some terms, added up in any order.
fn sum<const N: usize>(terms: [Near; N]) -> Near {
    let value = terms.iter().map(|t| t.value).sum();
    let (error, size) = terms.iter().fold((0.0, 0.0), |(e, s), t| (e + t.error, s + t.size()));
    Near { value, error: error + gamma(N - 1) * size + FLUSH }
}

/// How far w may be off when it was drawn towards zero by `threshold`: what both are off by, as neither is stretched, and a
/// rounding. Where w lies within the threshold however both are off, it is exactly 0.
fn soft_threshold(w: Near, threshold: Near) -> f64 {
    if w.size() <= threshold.value - threshold.error { 0.0 } else { sum([w, -threshold]).error }
}

/// **step**: the new parameters and the new velocity. Every product and every sum is rounded once; those that a device fuses
/// are rounded less often.
#[must_use]
pub fn step(
    parameters: ArrayView1<'_, f64>,
    velocity: ArrayView1<'_, f64>,
    gradient: ArrayView1<'_, f64>,
    weights: usize,
    step: Step,
) -> (Array1<f64>, Array1<f64>) {
    let [rate, momentum, l2, l1, scale] =
        [step.learning_rate, step.momentum, step.l2, step.l1, step.scale].map(|v| Near::exact(f64::from(v)));
    let none = Near::exact(0.0);
    let each = |j: usize| {
        let (l2, l1) = if j < weights { (l2, l1) } else { (none, none) };
        let [w, v, gradient] = [parameters[j], velocity[j], gradient[j]].map(Near::exact);
        let g = [scale * gradient, l2 * w];
        let v = sum([momentum * v, g[0], g[1]]);
        let direction = if step.nesterov { sum([g[0], g[1], momentum * v]) } else { v };
        (soft_threshold(sum([w, -(rate * direction)]), rate * l1), v.error)
    };
    let (parameters, velocity): (Vec<f64>, Vec<f64>) = (0..parameters.len()).map(each).unzip();
    (parameters.into(), velocity.into())
}

/// **adam**: the new parameters, the new first and the new second moments.
///
/// Beside products and sums, each rounded once: the root of a number x that is off by δ lies between those of x − δ and x + δ,
/// and is off by 9u itself (`inverseSqrt`, division); a number below 2⁻¹²⁶ may be taken for 0. The rate, a number over
/// d = root + ε, is off by as much as d, relatively, and by 5u.
#[must_use]
pub fn adam(
    parameters: ArrayView1<'_, f64>,
    [first, second]: [ArrayView1<'_, f64>; 2],
    gradient: ArrayView1<'_, f64>,
    weights: usize,
    adam: Adam,
) -> [Array1<f64>; 3] {
    let of = |v: f32| Near::exact(f64::from(v));
    let one = Near::exact(1.0);
    let mut bounds = [(); 3].map(|()| Array1::zeros(parameters.len()));
    for j in 0..parameters.len() {
        let (l2, l1) = if j < weights { (of(adam.l2), of(adam.l1)) } else { (of(0.0), of(0.0)) };
        let [w, m, v, gradient] = [parameters[j], first[j], second[j], gradient[j]].map(Near::exact);
        let g = sum([of(adam.scale) * gradient, l2 * w]);
        let m = sum([of(adam.beta1) * m, sum([one, -of(adam.beta1)]) * g]);
        let v = sum([of(adam.beta2) * v, sum([one, -of(adam.beta2)]) * (g * g)]);
        let d = sum([root(of(adam.correction2) * v), of(adam.epsilon)]);
        let rate = over(f64::from(adam.learning_rate), d);
        let moved = sum([w, -(rate * (of(adam.correction1) * m))]);
        bounds[0][j] = soft_threshold(moved, rate * l1);
        bounds[1][j] = m.error;
        bounds[2][j] = v.error;
    }
    bounds
}

/// See [`adam`].
fn root(x: Near) -> Near {
    let least = x.value - x.error;
    let low = if least < FLUSH { 0.0 } else { least.sqrt() };
    let (value, high) = (x.value.sqrt(), x.size().sqrt());
    Near { value, error: (value - low).max(high - value) }.rounded(ROOT)
}

/// See [`adam`]; `d` is above 0 however it is off.
fn over(numerator: f64, d: Near) -> Near {
    let value = numerator / d.value;
    Near { value, error: value * d.error / (d.value - d.error) }.rounded(DIVISION)
}
