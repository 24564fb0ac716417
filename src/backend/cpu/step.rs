//! **step** on the CPU: momentum and L2 on the weights, no penalty on the biases.

use crate::backend::Step;

pub(super) fn step(
    parameters: &mut [f32],
    velocity: &mut [f32],
    gradient: &[f32],
    weights: usize,
    step: Step,
) {
    let Step { learning_rate, momentum, l2, scale } = step;
    let update = |parameters: &mut [f32], velocity: &mut [f32], gradient: &[f32], l2: f32| {
        for ((w, v), g) in parameters.iter_mut().zip(velocity).zip(gradient) {
            *v = momentum * *v + scale * g + l2 * *w;
            *w -= learning_rate * *v;
        }
    };
    let (weight, bias) = parameters.split_at_mut(weights);
    let (weight_velocity, bias_velocity) = velocity.split_at_mut(weights);
    update(weight, weight_velocity, &gradient[..weights], l2);
    update(bias, bias_velocity, &gradient[weights..], 0.0);
}
