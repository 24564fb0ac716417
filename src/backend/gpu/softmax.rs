//! **softmax** and cross-entropy on the GPU: as many lanes a row as it has outputs for.

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray};
use crate::backend::{DeviceError, Rows};

pub(super) const SHADER: Shader = ("softmax", include_str!("../../../shaders/softmax.wgsl"));

shared! {
    struct Config {
        first: u32,
        count: u32,
        outputs: u32,
    }
}

/// `WORKGROUP` of the shader.
pub(super) const WORKGROUP: usize = 64;
/// Outputs that one lane takes before a second lane is worth its reductions.
const OUTPUTS_A_LANE: usize = 16;

pub(super) fn softmax(
    gpu: &Gpu,
    rows: &Rows<'_, Gpu>,
    labels: &GpuArray<u32>,
    scores: &GpuArray<f32>,
    outputs: usize,
    residual: &mut GpuArray<f32>,
    losses: &mut GpuArray<f32>,
) -> Result<(), DeviceError> {
    let lanes = outputs.div_ceil(OUTPUTS_A_LANE).next_power_of_two().min(WORKGROUP);
    let config = Config { first: rows.first as u32, count: rows.count as u32, outputs: outputs as u32 };
    let buffers = [
        rows.index.of(rows.first + rows.count),
        labels.of(0),
        scores.of(rows.count * outputs),
        residual.of(rows.count * outputs),
        losses.of(rows.count),
    ];
    let workgroups = rows.count.div_ceil(WORKGROUP / lanes) as u64;
    gpu.dispatch(SHADER, &[("LANES", lanes as u32)], &config, &buffers, workgroups)
}
