//! **scores** on the GPU: a workgroup a tile of 64 rows × 16 outputs.

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray};
use crate::backend::{DeviceError, Rows};

pub(super) const SHADER: Shader = ("scores", include_str!("../../../shaders/scores.wgsl"));

shared! {
    struct Config {
        first: u32,
        count: u32,
        columns: u32,
        outputs: u32,
    }
}

/// `ROWS` of the shader.
pub(super) const ROWS: u64 = 64;
/// `OUTPUTS` of the shader.
pub(super) const OUTPUTS: u64 = 16;

pub(super) fn scores(
    gpu: &Gpu,
    rows: &Rows<'_, Gpu>,
    parameters: &GpuArray<f32>,
    outputs: usize,
    scores: &mut GpuArray<f32>,
) -> Result<(), DeviceError> {
    let config = Config {
        first: rows.first as u32,
        count: rows.count as u32,
        columns: rows.columns as u32,
        outputs: outputs as u32,
    };
    let buffers = [
        rows.features.of(rows.columns),
        rows.index.of(rows.first + rows.count),
        parameters.of(outputs * (rows.columns + 1)),
        scores.of(rows.count * outputs),
    ];
    let workgroups = (rows.count as u64).div_ceil(ROWS) * (outputs as u64).div_ceil(OUTPUTS);
    gpu.dispatch(SHADER, &[], &config, &buffers, workgroups)
}
