//! **step** on the GPU: a lane a parameter.

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray};
use crate::backend::{DeviceError, Step};

pub(super) const SHADER: Shader = ("step", include_str!("../../../shaders/step.wgsl"));

shared! {
    struct Config {
        parameters: u32,
        weights: u32,
        learning_rate: f32,
        momentum: f32,
        nesterov: u32,
        l2: f32,
        l1: f32,
        scale: f32,
    }
}

/// `LANES` of the shader.
pub(super) const LANES: usize = 256;

pub(super) fn step(
    gpu: &Gpu,
    parameters: &mut GpuArray<f32>,
    velocity: &mut GpuArray<f32>,
    gradient: &GpuArray<f32>,
    weights: usize,
    len: usize,
    step: Step,
) -> Result<(), DeviceError> {
    let Step { learning_rate, momentum, nesterov, l2, l1, scale } = step;
    let (count, weights, nesterov) = (len as u32, weights as u32, u32::from(nesterov));
    let config = Config { parameters: count, weights, learning_rate, momentum, nesterov, l2, l1, scale };
    let buffers = [gradient.of(len), parameters.of(len), velocity.of(len)];
    gpu.dispatch(SHADER, &[], &config, &buffers, len.div_ceil(LANES) as u64)
}
