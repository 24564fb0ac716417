//! **adam** on the GPU: a lane a parameter.

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray};
use crate::backend::{Adam, DeviceError};

pub(super) const SHADER: Shader = ("adam", include_str!("../../../shaders/adam.wgsl"));

shared! {
    struct Config {
        parameters: u32,
        weights: u32,
        learning_rate: f32,
        beta1: f32,
        beta2: f32,
        epsilon: f32,
        l2: f32,
        l1: f32,
        scale: f32,
        correction1: f32,
        correction2: f32,
    }
}

/// `LANES` of the shader.
pub(super) const LANES: usize = 256;

pub(super) fn adam(
    gpu: &Gpu,
    parameters: &mut GpuArray<f32>,
    [first, second]: [&mut GpuArray<f32>; 2],
    gradient: &GpuArray<f32>,
    weights: usize,
    len: usize,
    adam: Adam,
) -> Result<(), DeviceError> {
    let Adam { learning_rate, beta1, beta2, epsilon, l2, l1, scale, correction1, correction2 } = adam;
    let config = Config {
        parameters: len as u32,
        weights: weights as u32,
        learning_rate,
        beta1,
        beta2,
        epsilon,
        l2,
        l1,
        scale,
        correction1,
        correction2,
    };
    let buffers = [gradient.of(len), parameters.of(len), first.of(len), second.of(len)];
    gpu.dispatch(SHADER, &[], &config, &buffers, len.div_ceil(LANES) as u64)
}
