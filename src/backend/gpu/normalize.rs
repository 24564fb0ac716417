//! **normalize** on the GPU: a workgroup a row.

use super::dispatch::{Shader, shared};
use super::{Gpu, GpuArray};
use crate::backend::DeviceError;

pub(super) const SHADER: Shader = ("normalize", include_str!("../../../shaders/normalize.wgsl"));

shared! {
    struct Config {
        rows: u32,
        columns: u32,
    }
}

/// `LANES` of the shader.
pub(super) const LANES: usize = 64;

pub(super) fn normalize(
    gpu: &Gpu,
    counts: &GpuArray<u32>,
    rows: usize,
    columns: usize,
    features: &mut GpuArray<f32>,
) -> Result<(), DeviceError> {
    // A sum and a division.
    gpu.turns(columns, "bins", LANES, 2)?;
    let config = Config { rows: rows as u32, columns: columns as u32 };
    let buffers = [counts.of(rows * columns), features.of(rows * columns)];
    gpu.dispatch(SHADER, &[], &config, &buffers, rows as u64)
}
