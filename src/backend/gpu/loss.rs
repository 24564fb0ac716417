//! The **losses** on the GPU, a shader each, all with the same bindings: as many lanes a row as it has outputs for.

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray, hinge, sigmoid, softmax};
use crate::backend::{DeviceError, Labels, Loss, Rows};

shared! {
    struct Config {
        first: u32,
        count: u32,
        outputs: u32,
        models: u32,
        mask: u32,
    }
}

/// `WORKGROUP` of the shaders.
pub(super) const WORKGROUP: usize = 64;
/// Outputs that one lane takes before a second lane is worth its reductions.
const OUTPUTS_A_LANE: usize = 16;

pub(super) fn loss(
    gpu: &Gpu,
    rows: &Rows<'_, Gpu>,
    labels: &Labels<'_, Gpu>,
    scores: &GpuArray<f32>,
    outputs: usize,
    residual: &mut GpuArray<f32>,
    losses: &mut GpuArray<f32>,
) -> Result<(), DeviceError> {
    let models = labels.models;
    let each = outputs / models;
    let lanes = each.div_ceil(OUTPUTS_A_LANE).next_power_of_two().min(WORKGROUP);
    // Of the softmax a maximum, a sum and a division.
    let passes = if labels.loss == Loss::Softmax { 3 } else { 1 };
    gpu.turns(each, "outputs", lanes, passes)?;
    let config = Config {
        first: rows.first as u32,
        count: rows.count as u32,
        outputs: each as u32,
        models: models as u32,
        mask: labels.mask.map_or(0, |_| models.div_ceil(32) as u32),
    };
    let buffers = [
        rows.index.of(rows.first + rows.count),
        labels.words.of(0),
        labels.weights.of(2 * each),
        // Where there is no mask, something to bind.
        labels.mask.unwrap_or(labels.words).of(0),
        scores.of(rows.count * outputs),
        residual.of(rows.count * outputs),
        losses.of(rows.count * models),
    ];
    let lanes_a_row = ("LANES", lanes as u32);
    let (shader, constants): (Shader, &[_]) = match labels.loss {
        Loss::Softmax => (softmax::SHADER, &[lanes_a_row]),
        Loss::Sigmoid => (sigmoid::SHADER, &[lanes_a_row]),
        Loss::Hinge => (hinge::SHADER, &[lanes_a_row, ("SQUARED", 0)]),
        Loss::SquaredHinge => (hinge::SHADER, &[lanes_a_row, ("SQUARED", 1)]),
    };
    let workgroups = (rows.count * models).div_ceil(WORKGROUP / lanes) as u64;
    gpu.dispatch(shader, constants, &config, &buffers, workgroups)
}
