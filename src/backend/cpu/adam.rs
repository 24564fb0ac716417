//! **adam** on the CPU: moments, L2 and a proximal step on the weights, no penalty on the biases.

use rayon::prelude::*;

use super::step::{RUN, soft_threshold};
use crate::backend::Adam;

pub(super) fn adam(
    parameters: &mut [f32],
    [first, second]: [&mut [f32]; 2],
    gradient: &[f32],
    weights: usize,
    adam: Adam,
) {
    let Adam { learning_rate, beta1, beta2, epsilon, scale, correction1, correction2, .. } = adam;
    let update =
        |parameters: &mut [f32], [first, second]: [&mut [f32]; 2], gradient: &[f32], l2: f32, l1: f32| {
            let runs = parameters.par_chunks_mut(RUN).zip(gradient.par_chunks(RUN));
            let runs = runs.zip(first.par_chunks_mut(RUN)).zip(second.par_chunks_mut(RUN));
            runs.for_each(|(((parameters, gradient), first), second)| {
                let moments = first.iter_mut().zip(second);
                for ((w, gradient), (first, second)) in parameters.iter_mut().zip(gradient).zip(moments) {
                    let g = scale * gradient + l2 * *w;
                    *first = beta1 * *first + (1.0 - beta1) * g;
                    *second = beta2 * *second + (1.0 - beta2) * (g * g);
                    let rate = learning_rate / ((correction2 * *second).sqrt() + epsilon);
                    *w = soft_threshold(*w - rate * (correction1 * *first), rate * l1);
                }
            });
        };
    let (weight, bias) = parameters.split_at_mut(weights);
    let (first, bias_first) = first.split_at_mut(weights);
    let (second, bias_second) = second.split_at_mut(weights);
    update(weight, [first, second], &gradient[..weights], adam.l2, adam.l1);
    update(bias, [bias_first, bias_second], &gradient[weights..], 0.0, 0.0);
}
