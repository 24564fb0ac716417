//! **step** on the CPU: momentum, L2 and a proximal step on the weights, no penalty on the biases.

use rayon::prelude::*;

use crate::backend::Step;

/// Parameters that one thread takes at a time; fewer are not worth waking another.
pub(super) const RUN: usize = 1 << 14;

pub(super) fn step(
    parameters: &mut [f32],
    velocity: &mut [f32],
    gradient: &[f32],
    weights: usize,
    step: Step,
) {
    let Step { learning_rate, momentum, nesterov, scale, .. } = step;
    let update = |parameters: &mut [f32], velocity: &mut [f32], gradient: &[f32], l2: f32, l1: f32| {
        let threshold = learning_rate * l1;
        let runs = parameters.par_chunks_mut(RUN).zip(velocity.par_chunks_mut(RUN));
        runs.zip(gradient.par_chunks(RUN)).for_each(|((parameters, velocity), gradient)| {
            for ((w, v), gradient) in parameters.iter_mut().zip(velocity).zip(gradient) {
                let g = scale * gradient + l2 * *w;
                *v = momentum * *v + g;
                let direction = if nesterov { g + momentum * *v } else { *v };
                *w = soft_threshold(*w - learning_rate * direction, threshold);
            }
        });
    };
    let (weight, bias) = parameters.split_at_mut(weights);
    let (weight_velocity, bias_velocity) = velocity.split_at_mut(weights);
    update(weight, weight_velocity, &gradient[..weights], step.l2, step.l1);
    update(bias, bias_velocity, &gradient[weights..], 0.0, 0.0);
}

/// `w` closer to zero by `threshold`, and no further than zero. NaN stays NaN.
#[inline(always)]
pub(super) fn soft_threshold(w: f32, threshold: f32) -> f32 {
    if w.abs() <= threshold { 0.0 } else { w - threshold.copysign(w) }
}
